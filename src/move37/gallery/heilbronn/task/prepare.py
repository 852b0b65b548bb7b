"""Judges eleven points in a triangle. No candidate may change this file.

    python prepare.py             builds nothing: the task has no data
    python -P prepare.py score    judges $MOVE37_OUT/construction.json, prints min_area

Exact, in fractions, without any tolerance. The triangle has the corners (0, 0), (1, 0) and (0, 1): every other one is
an affine image of it, and areas keep their ratios. The metric is the area of the smallest triangle that three of the
points make, as a share of the whole, rounded down in its twelfth decimal.
"""

import os
import sys
from fractions import Fraction
from itertools import combinations
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: nothing that a run leaves here can pass for a module of Python's
sys.pycache_prefix = os.devnull  # nor can a forged cache pass for ours
from construction import Refused, decimal, read_rows  # noqa: E402

sys.path.pop()

EVALUATOR_VERSION = 1
POINTS = 11


def judge(points: list[list[Fraction]]) -> Fraction:
    """The smallest area, as a share of the triangle's. Raises `Refused` for a point outside of it."""
    for number, (x, y) in enumerate(points):
        if x < 0 or y < 0 or x + y > 1:
            raise Refused(f"point {number} is not in the triangle x >= 0, y >= 0, x + y <= 1")
    # Twice an area is the determinant, and twice the whole is 1: the share is the determinant.
    return min(
        abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))
        for (ax, ay), (bx, by), (cx, cy) in combinations(points, 3)
    )



def score() -> None:
    """Print the metric and, when a claim is certified, what the second look says."""
    out = Path(os.environ.get("MOVE37_OUT") or HERE / "out")
    try:
        value = judge(read_rows(out, POINTS, 2))
    except Refused as error:
        sys.exit(f"construction.json: {error}")
    if os.environ.get("MOVE37_HOLDOUT") == "1":
        sys.path.append(str(HERE))
        from verify import verify

        second = verify(out / "construction.json")
        if decimal(second, up=False) != decimal(value, up=False):
            sys.exit("construction.json: the second look at it does not agree with the first")
        print(f"holdout_min_area: {decimal(second, up=False)}")
    print(f"evaluator_version: {EVALUATOR_VERSION}")
    print(f"min_area: {decimal(value, up=False)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["score"]:
        score()
    elif sys.argv[1:]:
        sys.exit("usage: python prepare.py [score]")
