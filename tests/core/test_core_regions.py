"""Regions: what of a file may change, and that nothing else of it does."""

from hypothesis import given
from hypothesis import strategies as st

from move37.core.regions import has_regions, outside, regions, why_outside

MARKS = ("EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END")
PROGRAM = b"""\
import math
# EVOLVE-BLOCK-START
rate = 1
# EVOLVE-BLOCK-END
def run(): return rate
    // EVOLVE-BLOCK-START
width = 2
    // EVOLVE-BLOCK-END
"""


def refused(new: bytes | None, old: bytes = PROGRAM) -> str | None:
    return why_outside({"a.py": old}, {"a.py": new}, MARKS)


def test_regions_are_the_lines_between_the_marks() -> None:
    inside = [PROGRAM[first:last] for first, last in regions(PROGRAM, MARKS)]
    assert inside == [b"rate = 1\n", b"width = 2\n"]
    assert outside(PROGRAM, MARKS)[0] == b"import math\n# EVOLVE-BLOCK-START\n"


def test_a_file_without_marks_may_change_as_a_whole() -> None:
    assert regions(b"x = 1\n", MARKS) == [(0, 6)]
    assert not has_regions(b"see EVOLVE-BLOCK-START in the manual\n", MARKS)
    assert refused(b"y = 2\n", old=b"x = 1\n") is None
    assert refused(None, old=b"x = 1\n") is None


def test_a_region_that_is_never_closed_runs_to_the_end() -> None:
    assert regions(b"a\n# EVOLVE-BLOCK-START\nb\nc", MARKS) == [(23, 26)]


def test_what_changes_inside_is_let_through() -> None:
    assert refused(PROGRAM.replace(b"rate = 1", b"rate = 3\nx = 2")) is None
    assert refused(PROGRAM.replace(b"width = 2\n", b"")) is None
    assert why_outside({"a.py": PROGRAM}, {"new.py": b"x"}, MARKS) is None


def test_what_changes_outside_is_refused_with_its_line() -> None:
    assert refused(PROGRAM.replace(b"return rate", b"return 9")) == (
        "a.py may change only between its lines EVOLVE-BLOCK-START and EVOLVE-BLOCK-END, and the change "
        "touches line 5 or moves a mark there"
    )
    assert "touches line 1 " in str(refused(b"import os\n" + PROGRAM))
    assert "touches line 9 " in str(refused(PROGRAM + b"more\n"))
    assert "deletes it" in str(refused(None))


def test_marks_can_neither_be_moved_nor_removed_nor_drawn_anew() -> None:
    assert refused(PROGRAM.replace(b"# EVOLVE-BLOCK-END\n", b"", 1))
    assert refused(PROGRAM.replace(b"# EVOLVE-BLOCK-START\n", b"", 1))
    assert refused(b"rate = 3\n")
    wider = b"rate = 1\n# EVOLVE-BLOCK-END\nevil = 1\n# EVOLVE-BLOCK-START\n"
    assert refused(PROGRAM.replace(b"rate = 1\n", wider))
    swapped = PROGRAM.replace(
        b"import math\n# EVOLVE-BLOCK-START\n", b"# EVOLVE-BLOCK-START\nimport os\n"
    )
    assert refused(swapped)


@given(st.lists(st.sampled_from([b"a\n", b"# S\n", b"# E\n", b"# S", b"b", b"\r\n", b"# E x\n"])))
def test_regions_and_the_rest_are_the_whole_file_and_new_text_inside_is_no_difference(
    lines: list[bytes],
) -> None:
    content, marks = b"".join(lines), ("S", "E")
    spans = regions(content, marks)
    assert all(0 <= first <= last <= len(content) for first, last in spans)
    inside = [content[first:last] for first, last in spans]
    if has_regions(content, marks):
        assert sum(map(len, inside)) + sum(map(len, outside(content, marks))) == len(content)
        first, last = spans[0]
        if not content[:first].endswith(b"\n"):
            return  # the mark is the last line, and has no end: whatever follows would be behind it
        new = content[:first] + b"new\n" + content[last:]
        assert why_outside({"f": content}, {"f": new}, marks) is None
        assert why_outside({"f": content}, {"f": b"x\n" + content}, marks) is not None
