"""The second look: judges a construction again, and shares no code with the first. Fixed.

Every shift is summed by itself, term by term, in whole numbers, from a reading of its own.
"""

import json
from fractions import Fraction
from pathlib import Path


def verify(path: Path) -> Fraction:
    """The bound that a step function gives. Raises `AssertionError` if it is none."""
    heights = [float(x).as_integer_ratio() for x in json.loads(path.read_text())]
    most, parts = max(heights, key=lambda ratio: Fraction(*ratio))
    units = [_nearest((above * parts) << 40, below * most) for above, below in heights]
    assert 0 <= min(units)
    assert 0 < max(units)
    count, largest = len(units), 0
    for shift in range(2 * count - 1):
        least, most = max(0, shift - count + 1), min(count, shift + 1)
        largest = max(largest, sum(units[i] * units[shift - i] for i in range(least, most)))
    return Fraction(2 * count * largest, sum(units) ** 2)


def _nearest(above: int, below: int) -> int:
    """The quotient, rounded to the nearest whole number, halves to the even one."""
    whole, rest = divmod(above, below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2))
