"""Judges a step function for the first autocorrelation inequality. No candidate may change this file.

    python prepare.py             builds nothing: the task has no data
    python -P prepare.py score    judges $MOVE37_OUT/construction.json, prints c1_bound

The function f >= 0 on [-1/4, 1/4] is constant on as many intervals of equal length as there are numbers in the file. The
metric is the largest value of its autoconvolution, over the square of its integral: an upper bound of the constant C1.
The autoconvolution is linear between shifts by whole intervals, so those decide.

Exact, in integers. The function that is judged is not the one in the file but the nearest one of multiples of 2**-40 of its
largest height; so no number has to be trusted, and the bound is the proven bound of a function that is near the
candidate's. It is rounded up in its twelfth decimal.
"""

import os
import sys
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: nothing that a run leaves here can pass for a module of Python's
sys.pycache_prefix = os.devnull  # nor can a forged cache pass for ours
from construction import Refused, decimal, products, read_numbers  # noqa: E402

sys.path.pop()

EVALUATOR_VERSION = 1
FEWEST, MOST = 2, 2000
UNIT = 2**40


def judge(heights: list[Fraction]) -> Fraction:
    """The bound. Raises `Refused` for a negative height, or if all are 0."""
    if min(heights) < 0:
        raise Refused("a height is negative")
    highest = max(heights)
    if highest == 0:
        raise Refused("all heights are 0")
    units = [round(height / highest * UNIT) for height in heights]
    # On intervals of width w = 1 / (2 count): w * sums over (w * total)^2.
    return Fraction(2 * len(units) * max(products(units, units)), sum(units) ** 2)



def score() -> None:
    """Print the metric and, when a claim is certified, what the second look says."""
    out = Path(os.environ.get("MOVE37_OUT") or HERE / "out")
    try:
        value = judge(read_numbers(out, FEWEST, MOST))
    except Refused as error:
        sys.exit(f"construction.json: {error}")
    if os.environ.get("MOVE37_HOLDOUT") == "1":
        sys.path.append(str(HERE))
        from verify import verify

        second = verify(out / "construction.json")
        if decimal(second, up=True) != decimal(value, up=True):
            sys.exit("construction.json: the second look at it does not agree with the first")
        print(f"holdout_c1_bound: {decimal(second, up=True)}")
    print(f"evaluator_version: {EVALUATOR_VERSION}")
    print(f"c1_bound: {decimal(value, up=True)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["score"]:
        score()
    elif sys.argv[1:]:
        sys.exit("usage: python prepare.py [score]")
