"""Durations and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.tasks.units import (
    NotAQuantity,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("2m", 120),
        ("2min", 120),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("1d", 86400),
        (" 5 s ", 5),
    ],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "s", "1m30", "-5s", "5 parsecs", "1h,", "1e3s", "∞"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(NotAQuantity):
        parse_duration(text)


def test_an_unknown_unit_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotAQuantity, match="'sec' is none of the units ms, s, m"):
        parse_duration("5sec")
    with pytest.raises(NotAQuantity, match="'gb' is none of the units B, kB"):
        parse_size("4gb")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4 * 10**9),
        ("2GiB", 2 * 2**30),
        ("512MB", 512 * 10**6),
        ("1.5 GiB", 3 * 2**29),
        ("7B", 7),
        ("1kB", 1000),
        ("1KB", 1000),
    ],
)
def test_a_size_is_decimal_or_binary_by_its_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "4", "GB", "-4GB", "4 GB 2MB", "0x4GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(NotAQuantity):
        parse_size(text)


@given(st.floats(min_value=1e-9, max_value=1e15) | st.integers(1, 10**9).map(float))
def test_a_duration_reads_back_as_it_was(seconds: float) -> None:
    written = format_duration(seconds)
    assert (parse_duration(written) if isinstance(written, str) else written) == seconds


@given(st.integers(1, 2**60))
def test_a_size_reads_back_as_it_was(size: int) -> None:
    assert parse_size(format_size(size)) == size
