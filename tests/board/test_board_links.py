"""Numbers in a post are links to experiments, or marked as nothing but its author's word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.board.links import MARK, claimed_in, marked, named_in


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x12 beats x3, and x12 again", [12, 3]),
        ("(x1)x2 x3's x4. x5, x6! x7-x8", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("x12比x3好", [12, 3]),
        ("0x12 x2.5 x2,5 max12 x12b X3 x-1 x ix9 x1_", []),
        ("größerx1 x1größer x\u0663", []),
        ("x99999999999999999999", []),
    ],
)
def test_experiments_are_named_by_their_ids(text: str, named: list[int]) -> None:
    assert list(named_in(text)) == named


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("x12 gained 0.3, or 12 %.", ["0.3", "12 %"]),
        ("conv2d, utf8, train2.py, _v1 and x9 are names", []),
        ("-0.5 1e-3 1,000.5 3x .25", ["0.5", "1e", "3", "1,000.5", "3x", "25"]),
        ("gain0.3 is no name", ["gain0.3"]),
        ("\u0663\u066b\u0665 ½ x² \u2167 \uff13", ["\u0663", "\u0665", "½", "\u2167", "\uff13"]),
        ("x1: better by 5.0 than x0 [believed 9]", ["5.0", "9"]),
    ],
)
def test_every_other_number_is_claimed(text: str, claimed: list[str]) -> None:
    assert claimed_in(text) == claimed
    assert marked(text).count(MARK) == len(claimed)


@given(st.text(max_size=200))
def test_marking_takes_nothing_away(text: str) -> None:
    assert marked(text).replace(MARK, "") == text.replace(MARK, "")
    assert marked(text).count(MARK) >= len(claimed_in(text))


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0))
def test_no_decimal_number_is_shown_unmarked(number: float) -> None:
    assert marked(f"it gained {number!r} for sure").count(MARK) >= 1
