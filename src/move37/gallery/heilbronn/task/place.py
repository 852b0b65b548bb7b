"""Place eleven points in a triangle: ascents from random places, then again with a point moved. Change this file."""

import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np

COUNT = 11  # move37: off
A, B, C = np.array(list(combinations(range(COUNT), 3))).T  # the corners of all 165 triangles
CORNERS = np.eye(COUNT)[:, A], np.eye(COUNT)[:, B], np.eye(COUNT)[:, C]  # each [points, triangles]

STARTS = 32  # move37: 8..64 pow2
# Sets of points that are improved side by side.

# An ascent on a soft minimum of the areas.
STEPS = 100  # move37: 50..300 log
SHARPNESS_FIRST = 100.0  # of the soft minimum: the larger, the more the smallest triangle alone counts
SHARPNESS_LAST = 3000.0
RATE_FIRST = 0.1
RATE_LAST = 0.01
MOMENTUM = 0.5

# Then, round by round: the best sets again, with points thrown elsewhere.
ROUNDS = 10  # move37: int 1..40
KEEP = 16  # sets that are built on
MOVED = 1  # points of each that are thrown


def scatter(rng, shape):
    """Points drawn evenly from the triangle: [2, *shape]."""
    points = rng.random((2, *shape))
    return np.where(points.sum(axis=0) > 1, 1 - points, points)


def ascend(points):
    """Improve sets of points, [2, 11, sets]. Return the best of each on its way, and their smallest areas."""
    best, found = points, np.zeros(points.shape[2])
    speed = np.zeros_like(points)
    for step in range(STEPS):
        done = step / STEPS
        sharpness = SHARPNESS_FIRST * (SHARPNESS_LAST / SHARPNESS_FIRST) ** done
        rate = RATE_FIRST * (RATE_LAST / RATE_FIRST) ** done
        x, y = points
        bx, by, cx, cy = x[B] - x[A], y[B] - y[A], x[C] - x[A], y[C] - y[A]
        signed = bx * cy - cx * by  # [triangles, sets]: areas as shares of the whole
        area = np.abs(signed)
        smallest = area.min(axis=0)
        better = smallest > found
        best, found = np.where(better, points, best), np.where(better, smallest, found)
        weight = np.exp(sharpness * (smallest - area))
        weight = np.copysign(weight / weight.sum(axis=0), signed)
        first, second, third = CORNERS
        up_x = second @ (weight * cy) - third @ (weight * by) - first @ (weight * (cy - by))
        up_y = third @ (weight * bx) - second @ (weight * cx) - first @ (weight * (bx - cx))
        speed = MOMENTUM * speed + (1 - MOMENTUM) * np.stack([up_x, up_y])
        points = inside(points + rate * speed)
    return best, found


# move37: off
def inside(points):
    """Points that left the triangle, back on its border."""
    points = np.maximum(points, 0)
    points = np.maximum(points - np.maximum(points.sum(axis=0) - 1, 0) / 2, 0)
    return points / np.maximum(points.sum(axis=0), 1)


# move37: on
def improve(points, found, rng):
    """One round: throw points of the best sets elsewhere, ascend again, and keep the best of all."""
    parents = np.resize(np.argsort(-found)[:KEEP], STARTS)
    children = points[:, :, parents]
    for _ in range(MOVED):
        children[:, rng.integers(COUNT, size=STARTS), np.arange(STARTS)] = scatter(rng, (STARTS,))
    children, areas = ascend(children)
    points, found = np.concatenate([points, children], axis=2), np.concatenate([found, areas])
    order = np.argsort(-found)[:STARTS]
    return points[:, :, order], found[order]


# move37: off
def leave(points):
    """Write the points where the judge looks for them, a little smaller, so that rounding puts none outside."""
    out = Path(os.environ.get("MOVE37_OUT") or "out")
    out.mkdir(parents=True, exist_ok=True)
    (out / "construction.json").write_text(json.dumps(((1 - 1e-12) * points).tolist()))


# move37: on
def main():
    rng = np.random.default_rng(int(os.environ.get("MOVE37_SEED") or 0))
    points, found = ascend(scatter(rng, (COUNT, STARTS)))
    for _ in range(ROUNDS):
        points, found = improve(points, found, rng)
    x, y = points[:, :, np.argmax(found)]
    leave(np.stack([x, y], axis=1))


if __name__ == "__main__":
    main()
