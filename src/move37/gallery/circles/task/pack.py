"""Pack 26 circles into the unit square: rows of circles, then a descent that pushes overlaps apart. Change this file."""

import json
import os
from pathlib import Path

import numpy as np

COUNT = 26  # move37: off

# The first layout: rows of circles, every other one shifted as in a honeycomb, a little disturbed.
ROWS = 5
SHIFT = 0.5  # between rows, as a share of the distance between the circles in one
JITTER = 0.01
RADIUS = 0.1
STARTS = 2  # move37: 1..32 pow2
# Layouts that are tried; the best is kept.

# The descent: the sum of radii against the squares of overlaps.
STEPS = 500  # move37: 100..4000 log
PENALTY_FIRST = 10.0
PENALTY_LAST = 10.0
RATE_FIRST = 0.001
RATE_LAST = 0.001
MOMENTUM = 0.0

# The end.
REPAIRS = 20  # rounds of shrinking circles that still overlap
GROW = False  # then let each circle grow as far as it can, the largest first
SAFETY = 1e-9  # move37: off
# Share of the radii that is given away, so that rounding cannot make an overlap


def layout(rng):
    """Return rows of centres, [starts, 26] for x and y, and radii."""
    in_row = np.full(ROWS, COUNT // ROWS)
    in_row[np.argsort(np.abs(np.arange(ROWS) - (ROWS - 1) / 2))[: COUNT % ROWS]] += 1
    x = np.concatenate([(np.arange(n) + 0.5 + SHIFT * (row % 2 - 0.5)) / n for row, n in enumerate(in_row)])
    y = np.concatenate([np.full(n, (row + 0.5) / ROWS) for row, n in enumerate(in_row)])
    x = x + JITTER * rng.normal(size=(STARTS, COUNT))
    y = y + JITTER * rng.normal(size=(STARTS, COUNT))
    # move37: off
    return np.clip(x, 0.01, 0.99), np.clip(y, 0.01, 0.99), np.full((STARTS, COUNT), RADIUS)
    # move37: on


def gradient(x, y, r, penalty):
    """Of the penalty times all squared overlaps, less the sum of radii."""
    dx, dy = x[:, :, None] - x[:, None, :], y[:, :, None] - y[:, None, :]
    distance = np.sqrt(dx * dx + dy * dy) + np.eye(COUNT) * 10
    distance = np.maximum(distance, 1e-9)
    overlap = np.maximum(r[:, :, None] + r[:, None, :] - distance, 0)
    push = overlap / distance
    left, right = np.maximum(r - x, 0), np.maximum(x + r - 1, 0)
    below, above = np.maximum(r - y, 0), np.maximum(y + r - 1, 0)
    for_x = -(push * dx).sum(axis=2) - left + right
    for_y = -(push * dy).sum(axis=2) - below + above
    for_r = overlap.sum(axis=2) + left + right + below + above
    return 2 * penalty * for_x, 2 * penalty * for_y, 2 * penalty * for_r - 1


def descend(x, y, r):
    """Move all starts together."""
    state = np.stack([x, y, r])
    speed = np.zeros_like(state)
    for step in range(STEPS):
        done = step / STEPS
        penalty = PENALTY_FIRST * (PENALTY_LAST / PENALTY_FIRST) ** done
        rate = RATE_FIRST * (RATE_LAST / RATE_FIRST) ** done
        speed = MOMENTUM * speed - rate * np.stack(gradient(*state, penalty))
        state = state + speed
    return state


def finish(x, y, r):
    """Radii for these centres such that nothing overlaps."""
    distance = np.hypot(x[:, None] - x, y[:, None] - y) + np.eye(COUNT) * 10
    wall = np.minimum.reduce([x, 1 - x, y, 1 - y])
    if wall.min() <= 0 or distance.min() <= 0:
        return np.zeros(COUNT)
    r = np.clip(r, 1e-6, wall)  # move37: off
    for _ in range(REPAIRS):
        r = r * np.minimum(1, (distance / (r[:, None] + r)).min(axis=1))
    r = r * min(1, (distance / (r[:, None] + r)).min())  # whatever is left
    if GROW:
        for i in np.argsort(-r):
            r[i] = max(r[i], min(wall[i], (distance[i] - r).min()))
    return r * (1 - SAFETY)


# move37: off
def leave(construction):
    """Write the construction where the judge looks for it."""
    out = Path(os.environ.get("MOVE37_OUT") or "out")
    out.mkdir(parents=True, exist_ok=True)
    (out / "construction.json").write_text(json.dumps(construction))


# move37: on
def main():
    rng = np.random.default_rng(int(os.environ.get("MOVE37_SEED") or 0))
    best = np.zeros((3, COUNT))
    for x, y, r in np.swapaxes(descend(*layout(rng)), 0, 1):
        r = finish(x, y, r)
        if r.sum() > best[2].sum():
            best = np.stack([x, y, r])
    leave(best.T.tolist())


if __name__ == "__main__":
    main()
