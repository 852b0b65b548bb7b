"""A controller: it swings the pole up by its energy, and balances it once it is up. Change this file.

After Astrom and Furuta, "Swinging up a pendulum by energy control" (2000), and a state feedback.
"""

import numpy as np

import prepare

# Swinging up: the cart is accelerated so that the pole gains energy, or loses what is too much.
SWING_GAIN = 20.0
SWING_ENERGY = 0.0  # J, that is aimed at: 0 is just enough to stand upright
SWING_CENTRE = 1.0  # N for each metre from the middle
SWING_SLOW = 1.0  # N for each m/s of the cart

# Balancing: N for each rad, rad/s, m and m/s.
BALANCE_ANGLE = 20.0
BALANCE_TURN = 2.0
BALANCE_PLACE = 0.5
BALANCE_SPEED = 0.5

# Within so many radians of upright, and so many rad/s, the pole is balanced and not swung.
NEAR = 0.3
SLOW = 3.0


def force(x, v, angle, w):
    """N, for arrays of states; what is beyond 10 N either way counts as 10."""
    is_near = (np.abs(angle) < NEAR) & (np.abs(w) < SLOW)
    return np.where(is_near, balance(x, v, angle, w), swing(x, v, angle, w))


def swing(x, v, angle, w):
    mass, length = prepare.POLE, prepare.HALF_LENGTH
    energy = mass * (2 / 3 * (length * w) ** 2 + prepare.GRAVITY * length * (np.cos(angle) - 1))
    pump = SWING_GAIN * (energy - SWING_ENERGY) * w * np.cos(angle)
    return pump - SWING_CENTRE * x - SWING_SLOW * v


def balance(x, v, angle, w):
    upright = BALANCE_ANGLE * angle + BALANCE_TURN * w
    return upright + BALANCE_PLACE * x + BALANCE_SPEED * v


if __name__ == "__main__":
    prepare.save(force(*prepare.grid()))
