"""Judges a packing of 26 circles in the unit square. No candidate may change this file.

    python prepare.py             builds nothing: the task has no data
    python -P prepare.py score    judges $MOVE37_OUT/construction.json, prints sum_radii

Exact, in fractions, without any tolerance: circles that overlap by 1e-300 overlap, and circles that touch do not.
The centres and radii are the doubles in the file; the sum is rounded down in its twelfth decimal.
"""

import os
import sys
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: nothing that a run leaves here can pass for a module of Python's
sys.pycache_prefix = os.devnull  # nor can a forged cache pass for ours
from construction import Refused, decimal, read_rows  # noqa: E402

sys.path.pop()

EVALUATOR_VERSION = 1
CIRCLES = 26


def judge(circles: list[list[Fraction]]) -> Fraction:
    """The sum of the radii of circles x, y, r. Raises `Refused` unless they are a packing."""
    for number, (x, y, r) in enumerate(circles):
        if r < 0:
            raise Refused(f"circle {number} has a negative radius")
        if not (r <= x <= 1 - r and r <= y <= 1 - r):
            raise Refused(f"circle {number} is not inside the unit square")
    for number, (x, y, r) in enumerate(circles):
        for other, (x2, y2, r2) in enumerate(circles[:number]):
            if (x - x2) ** 2 + (y - y2) ** 2 < (r + r2) ** 2:
                raise Refused(f"circles {other} and {number} overlap")
    return sum((r for _, _, r in circles), Fraction(0))



def score() -> None:
    """Print the metric and, when a claim is certified, what the second look says."""
    out = Path(os.environ.get("MOVE37_OUT") or HERE / "out")
    try:
        value = judge(read_rows(out, CIRCLES, 3))
    except Refused as error:
        sys.exit(f"construction.json: {error}")
    if os.environ.get("MOVE37_HOLDOUT") == "1":
        sys.path.append(str(HERE))
        from verify import verify

        second = verify(out / "construction.json")
        if decimal(second, up=False) != decimal(value, up=False):
            sys.exit("construction.json: the second look at it does not agree with the first")
        print(f"holdout_sum_radii: {decimal(second, up=False)}")
    print(f"evaluator_version: {EVALUATOR_VERSION}")
    print(f"sum_radii: {decimal(value, up=False)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["score"]:
        score()
    elif sys.argv[1:]:
        sys.exit("usage: python prepare.py [score]")
