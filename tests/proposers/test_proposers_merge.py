"""Merging programs by their lines, and where that is a conflict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import ProposalFailed
from move37.core.records import CONFLICT
from move37.proposers.merge import merged

BASE = {"a.py": b"x = 1\ny = 2\nz = 3\n", "b.txt": b"one\n"}


def with_(**files: bytes | None) -> dict[str, bytes]:
    named = {name.replace("_", "."): data for name, data in files.items()}
    return {path: data for path, data in {**BASE, **named}.items() if data is not None}


def test_lines_below_one_another_go_together() -> None:
    ours, theirs = with_(a_py=b"x = 9\ny = 2\nz = 3\n"), with_(a_py=b"x = 1\ny = 8\nz = 3\n")
    assert merged(BASE, ours, theirs) == {"a.py": b"x = 9\ny = 8\nz = 3\n"}


def test_what_both_changed_alike_is_changed_once() -> None:
    ours = with_(a_py=b"x = 9\ny = 2\nz = 3\n")
    assert merged(BASE, ours, ours) == {}
    theirs = with_(a_py=b"x = 9\ny = 2\nz = 7\n")
    assert merged(BASE, ours, theirs) == {"a.py": theirs["a.py"]}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (with_(a_py=b"x = 9\ny = 2\nz = 3\n"), with_(a_py=b"x = 8\ny = 2\nz = 3\n")),
        (with_(a_py=b"x = 1\nn = 0\ny = 2\nz = 3\n"), with_(a_py=b"x = 1\nm = 0\ny = 2\nz = 3\n")),
        (with_(a_py=b"y = 2\nz = 3\n"), with_(a_py=b"x = 8\ny = 2\nz = 3\n")),
        (with_(b_txt=None), with_(b_txt=b"two\n")),
        (with_(c_py=b"1\n"), with_(c_py=b"2\n")),
        (with_(b_txt=b"\0\n"), with_(b_txt=b"\0\0\n")),
    ],
)
def test_what_both_changed_in_different_ways_is_a_conflict(
    ours: dict[str, bytes], theirs: dict[str, bytes]
) -> None:
    with pytest.raises(ProposalFailed, match=f"^{CONFLICT}: "):
        merged(BASE, ours, theirs)


def test_a_merge_that_is_no_python_is_a_conflict() -> None:
    base = {"a.py": b"if x:\n    y = 1\nz = 1\n"}
    ours = {"a.py": b"z = 1\n"}
    theirs = {"a.py": b"if x:\n    y = 1\n    w = 2\nz = 1\n"}
    with pytest.raises(ProposalFailed, match=f"^{CONFLICT}: "):
        merged(base, ours, theirs)


def test_many_equal_lines_are_told_apart_by_where_they_are() -> None:
    base = [b"x\n"] * 9000
    ours, theirs = [*base], [*base]
    ours[10], theirs[8000] = b"a\n", b"b\n"
    both = [*ours]
    both[8000] = b"b\n"
    before, one, two = ({"t": b"".join(lines)} for lines in (base, ours, theirs))
    assert merged(before, one, two) == {"t": b"".join(both)}


def test_what_would_take_too_long_is_a_conflict() -> None:
    base, theirs = [b"x\n"] * 5000, [b"%d\n" % place for place in range(5000)]
    before, two = {"t": b"".join(base)}, {"t": b"".join(theirs)}
    with pytest.raises(ProposalFailed, match=f"^{CONFLICT}: too much of t"):
        merged(before, {"t": b"y\n" + b"".join(base)}, two)


def test_files_are_added_and_removed() -> None:
    theirs = with_(b_txt=None, c_py=b"new = 1\n")
    ours = with_(a_py=b"x = 9\ny = 2\nz = 3\n")
    assert merged(BASE, ours, theirs) == {"b.txt": None, "c.py": b"new = 1\n"}


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\xff\r\n", b""]), max_size=12)


@given(LINES, LINES)
def test_a_branch_that_changed_nothing_takes_all_and_gives_nothing(
    base: list[bytes], theirs: list[bytes]
) -> None:
    before, after = {"t": b"".join(base)}, {"t": b"".join(theirs)}
    assert merged(before, after, before) == {}
    assert {**before, **merged(before, before, after)} == after


@given(LINES, LINES, LINES)
def test_a_merge_is_the_same_from_both_sides(
    base: list[bytes], ours: list[bytes], theirs: list[bytes]
) -> None:
    before, one, two = ({"t": b"".join(each)} for each in (base, ours, theirs))
    try:
        there = {**one, **merged(before, one, two)}
    except ProposalFailed:
        with pytest.raises(ProposalFailed):
            merged(before, two, one)
    else:
        assert {**two, **merged(before, two, one)} == there
