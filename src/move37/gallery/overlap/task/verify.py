"""The second look: judges a construction again, and shares no code with the first. Fixed.

Every shift is summed by itself, term by term, in whole numbers, from a reading of its own.
"""

import json
from fractions import Fraction
from pathlib import Path


def verify(path: Path) -> Fraction:
    """The largest overlap of a step function. Raises `AssertionError` if it is none."""
    heights = [float(x).as_integer_ratio() for x in json.loads(path.read_text())]
    units = [_nearest(above << 40, below) for above, below in heights]
    count, total = len(units), sum(units)
    assert 0 <= min(units)
    assert 0 < max(units) * count <= 2 * total
    largest = 0
    for shift in range(1 - count, count):
        here = sum(
            units[i] * (2 * total - units[i + shift] * count)
            for i in range(max(0, -shift), min(count, count - shift))
        )
        largest = max(largest, here)
    return Fraction(largest, 2 * total * total)


def _nearest(above: int, below: int) -> int:
    """The quotient, rounded to the nearest whole number, halves to the even one."""
    whole, rest = divmod(above, below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2))
