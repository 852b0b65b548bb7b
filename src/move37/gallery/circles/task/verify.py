"""The second look: judges a construction again, and shares no code with the first. Fixed.

Integers over one common denominator, read from the text by a reader of its own.
"""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path


def verify(path: Path) -> Fraction:
    """The sum of the radii of a packing. Raises `AssertionError` if it is none."""
    rows = [[float(x) for x in row] for row in json.loads(path.read_text(), parse_float=Decimal)]
    ratios = [x.as_integer_ratio() for row in rows for x in row]
    one = max(below for _, below in ratios)  # powers of two, all of them
    whole = [above * (one // below) for above, below in ratios]
    circles = [whole[at : at + 3] for at in range(0, len(whole), 3)]
    assert len(circles) == 26
    total = 0
    while circles:
        x, y, r = circles.pop()
        total += r
        assert r >= 0
        assert min(x - r, y - r, one - x - r, one - y - r) >= 0
        for x2, y2, r2 in circles:
            # Apart in one direction by the sum of the radii, or else by Pythagoras.
            across, along, both = abs(x - x2), abs(y - y2), r + r2
            assert max(across, along) >= both or across * across >= (both - along) * (both + along)
    return Fraction(total, one)
