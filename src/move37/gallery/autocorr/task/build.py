"""A step function with a flat autoconvolution: a descent on its soft maximum. Change this file."""

import json
import os
from pathlib import Path

import numpy as np

# The first function: constant, a little disturbed.
INTERVALS = 50  # move37: 10..400 log
NOISE = 0.1

# The descent.
STEPS = 500  # move37: 100..8000 log
SHARPNESS_FIRST = 50.0  # of the soft maximum: the larger, the more the largest value alone counts
SHARPNESS_LAST = 50.0
RATE_FIRST = 0.01
RATE_LAST = 0.01
MOMENTUM = 0.0


def ratio(f):
    """The bound: the largest value of the autoconvolution, over the square of the integral."""
    return 2 * len(f) * np.convolve(f, f).max() / f.sum() ** 2


def gradient(f, sharpness):
    """Of the soft maximum of the autoconvolution, for a function whose mean is 1."""
    values = np.convolve(f, f)
    weight = np.exp(sharpness * (values / values.max() - 1))
    weight /= weight.sum()
    slope = np.correlate(weight, f, "valid") * 4 / len(f)
    return slope - slope @ f / len(f)


def descend(f):
    """Return the best function on the way."""
    best, speed = f, np.zeros_like(f)
    for step in range(STEPS):
        done = step / STEPS
        sharpness = SHARPNESS_FIRST * (SHARPNESS_LAST / SHARPNESS_FIRST) ** done
        rate = RATE_FIRST * (RATE_LAST / RATE_FIRST) ** done
        speed = MOMENTUM * speed - rate * len(f) * gradient(f, sharpness)
        f = np.maximum(f + speed, 0)
        f = f / f.mean()
        if ratio(f) < ratio(best):
            best = f
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
    f = 1 + NOISE * (rng.random(INTERVALS) - 0.5)
    f = descend(f / f.mean())
    leave(f.tolist())


if __name__ == "__main__":
    main()
