"""The second look: judges a construction again, and shares no code with the first. Fixed.

Integers over one common denominator, read from the text by a reader of its own.
"""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path


def verify(path: Path) -> Fraction:
    """The smallest area of three of eleven points in the triangle. Raises `AssertionError` if it is none."""
    rows = [[float(x) for x in row] for row in json.loads(path.read_text(), parse_float=Decimal)]
    ratios = [x.as_integer_ratio() for row in rows for x in row]
    one = max(below for _, below in ratios)  # powers of two, all of them
    whole = [above * (one // below) for above, below in ratios]
    points = [whole[at : at + 2] for at in range(0, len(whole), 2)]
    assert len(points) == 11
    assert all(min(x, y, one - x - y) >= 0 for x, y in points)
    smallest = one * one
    for third in range(11):
        for second in range(third):
            for first in range(second):
                # The shoelace formula, corner by corner.
                corners = [points[first], points[second], points[third]]
                twice = 0
                for (x, y), (x2, y2) in zip(corners, corners[1:] + corners[:1]):
                    twice += x * y2 - x2 * y
                smallest = min(smallest, abs(twice))
    return Fraction(smallest, one * one)
