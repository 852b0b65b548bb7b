"""A step function with little overlap: a bump, and a descent on a soft maximum of its overlaps. Change this file."""

import json
import os
from pathlib import Path

import numpy as np

# The first function: a bump in the middle, a little disturbed.
INTERVALS = 40  # move37: 11..200 log
BUMP = 0.5  # how far the middle is above the ends
NOISE = 0.1

# The descent.
STEPS = 300  # move37: 100..4000 log
SHARPNESS_FIRST = 100.0  # of the soft maximum: the larger, the more the largest overlap alone counts
SHARPNESS_LAST = 100.0
RATE_FIRST = 0.01
RATE_LAST = 0.01
MOMENTUM = 0.0


def overlaps(h):
    """For every shift by whole intervals, the integral of h(x) (1 - h(x + k))."""
    return np.correlate(h, 1 - h, "full") * 2 / len(h)


def gradient(h, sharpness):
    """Of the soft maximum of the overlaps."""
    weight = np.exp(sharpness * (overlaps(h) - overlaps(h).max()))
    weight /= weight.sum()
    count = len(h)
    shift = weight[np.arange(count)[:, None] - np.arange(count) + count - 1]
    slope = (shift @ (1 - h) - shift.T @ h) * 2 / count
    return slope - slope.mean()


# move37: off
def fit(h):
    """The nearest function with values in [0, 1] and integral 1: raised or lowered, then cut off."""
    low, high = -2.0, 2.0
    for _ in range(50):
        middle = (low + high) / 2
        if np.clip(h + middle, 0, 1).sum() < len(h) / 2:
            low = middle
        else:
            high = middle
    return np.clip(h + high, 0, 1)


# move37: on
def descend(h):
    """Return the best function on the way."""
    h = fit(h)
    best, speed = h, np.zeros_like(h)
    for step in range(STEPS):
        done = step / STEPS
        sharpness = SHARPNESS_FIRST * (SHARPNESS_LAST / SHARPNESS_FIRST) ** done
        rate = RATE_FIRST * (RATE_LAST / RATE_FIRST) ** done
        speed = MOMENTUM * speed - rate * len(h) * gradient(h, sharpness)
        h = fit(h + speed)
        if overlaps(h).max() < overlaps(best).max():
            best = h
    return best


# move37: off
def leave(construction):
    """Write the construction where the judge looks for it."""
    out = Path(os.environ.get("MOVE37_OUT") or "out")
    out.mkdir(parents=True, exist_ok=True)
    (out / "construction.json").write_text(json.dumps(construction))


# move37: on
def main():
    rng = np.random.default_rng(int(os.environ.get("MOVE37_SEED") or 0))
    x = (np.arange(INTERVALS) + 0.5) / INTERVALS
    h = 0.5 - BUMP / 2 * np.cos(2 * np.pi * x) + NOISE * (rng.random(INTERVALS) - 0.5)
    h = descend(h)
    leave(h.tolist())


if __name__ == "__main__":
    main()
