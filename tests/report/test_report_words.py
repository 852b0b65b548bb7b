"""Numbers with their uncertainty, harmless text, aligned columns."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.report.words import (
    cells,
    clean,
    cut,
    duration,
    encodable,
    measured,
    number,
    percent,
    table,
    wrap,
)


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [
        (3.21043, 0.00512, "3.2104 ± 0.0051"),
        (3.21043, 0.2, "3.21 ± 0.20"),
        (-0.000123456, 0.0000012, "-0.0001235 ± 0.0000012"),
        (123456.7, 250.0, "123460 ± 250"),
        (1.5, 0.0, "1.5 ± 0"),
        (3e12, 1e8, "3.00000e+12 ± 1.0e+08"),
        (0.1, math.inf, "0.1 ± inf"),
    ],
)
def test_a_number_has_the_digits_that_its_uncertainty_leaves_meaning_to(
    value: float, sd: float, shown: str
) -> None:
    assert measured(value, sd) == shown


def test_a_number_without_uncertainty_is_whole_or_has_seven_digits() -> None:
    assert number(1 / 3) == "0.3333333"
    assert number(1234567890.0) == "1234567890"
    assert number(2.0**80) == "1.208926e+24"
    assert number(math.inf) == "inf"
    assert number(None) == "-"
    assert number(0.25, sign=True) == "+0.25"


@given(st.floats(min_value=-1e300, max_value=1e300), st.floats(min_value=1e-300, max_value=1e300))
def test_rounding_never_moves_a_number_by_more_than_a_tenth_of_its_uncertainty(
    value: float, sd: float
) -> None:
    meaning = 1e-12 if sd >= 1e-12 * abs(value) else 1e-6
    assert float(number(value, sd)) == pytest.approx(value, abs=0.1 * sd, rel=meaning)


def test_an_uncertainty_that_is_mere_rounding_adds_no_digits() -> None:
    assert number(8.1113420000000005, 8e-16) == "8.111342"


def test_percent_tells_small_shares_apart() -> None:
    shares = [0.0, 0.0002, 0.002, 0.02, 2.0, 1e9]
    shown = [percent(share) for share in shares]
    assert shown == ["0.0 %", "0.020 %", "0.20 %", "2.0 %", "200 %", "1e+11 %"]


def test_durations_are_read_at_a_glance() -> None:
    seconds = [0.04, 59.7, 3599, 3600, 3660, 200_000]
    shown = [duration(second) for second in seconds]
    assert shown == ["0.0 s", "1 min 00 s", "59 min 59 s", "1 h", "1 h 01 min", "2 d 7 h"]


def test_text_of_others_cannot_command_the_terminal() -> None:
    evil = "a\x1b[31mred\x1b[0m \x1b]0;title\x07b\x9bc\x00d\u202eturned\r\nnext\ttab"
    assert clean(evil) == "ared b\ufffdc\ufffdd\ufffdturned next tab"
    assert clean("one\n\x1b[2Jtwo\tx", keep="\n\t") == "one\ntwo\tx"


@given(st.text())
def test_cleaned_text_has_no_control_characters_and_is_one_line(text: str) -> None:
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    assert clean(shown) == shown


@given(st.text(alphabet=st.sampled_from("aé学🚀 \u0301"), max_size=30), st.integers(0, 20))
def test_a_cut_text_fits(text: str, width: int) -> None:
    assert cells(cut(text, width)) <= width


def test_wide_characters_take_two_columns() -> None:
    lines = table([("学习", "a"), ("x", "b")])
    assert lines == ["学习  a", "x     b"]


def test_wrapped_lines_fit_and_are_indented() -> None:
    assert wrap("one two three four", 12, "    ") == "one two\n    three\n    four"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8", None])
def test_any_terminal_can_show_it(encoding: str | None) -> None:
    shown = encodable("3.2 ± 0.1 → 学 ★", encoding)
    assert shown.encode(encoding or "ascii")
    if encoding == "ascii":
        assert shown == "3.2 +/- 0.1 -> ? *"
