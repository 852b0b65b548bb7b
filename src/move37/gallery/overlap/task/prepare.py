"""Judges a step function for the minimum overlap problem of Erdős. No candidate may change this file.

    python prepare.py             builds nothing: the task has no data
    python -P prepare.py score    judges $MOVE37_OUT/construction.json, prints overlap

The function h: [0, 2] -> [0, 1] is constant on as many intervals of equal length as there are numbers in the file, and
its integral is 1. Its overlap is the largest value, over all shifts k, of the integral of h(x) (1 - h(x + k)), where
both are taken as 0 outside of [0, 2]. Between shifts by whole intervals that is linear, so those decide.

Exact, in integers. The function that is judged is not the one in the file but the nearest one of multiples of 2**-40,
scaled to integral 1 by one fraction; so no number has to be trusted, and the bound is the proven bound of a function that is
near the candidate's. It is rounded up in its twelfth decimal.
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
    """The largest overlap. Raises `Refused` unless the heights, scaled to integral 1, lie in [0, 1]."""
    if not all(0 <= height <= 1 for height in heights):
        raise Refused("a height is not in [0, 1]")
    count, units = len(heights), [round(height * UNIT) for height in heights]
    total = sum(units)
    if total == 0:
        raise Refused("all heights are 0")
    # Scaled: h = units * count / (2 * total), whose largest must not pass 1.
    if max(units) * count > 2 * total:
        raise Refused("its integral is so far below 1 that a height passes 1 when it is scaled")
    # With h = a / b for a = units * count, b = 2 * total: sums of a (b - a'), over b * b, times 2 / count.
    above = [unit * count for unit in units]
    below = [2 * total - unit for unit in above]
    return Fraction(2 * max(products(above, below[::-1])), count * (2 * total) ** 2)



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
        print(f"holdout_overlap: {decimal(second, up=True)}")
    print(f"evaluator_version: {EVALUATOR_VERSION}")
    print(f"overlap: {decimal(value, up=True)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["score"]:
        score()
    elif sys.argv[1:]:
        sys.exit("usage: python prepare.py [score]")
