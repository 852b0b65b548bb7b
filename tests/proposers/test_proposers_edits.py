"""Diffs to read, and whether an edit fits another program."""

from hypothesis import given
from hypothesis import strategies as st

from move37.proposers.context.edits import changed_texts, fits, hunks, unified

_lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "unique\n", "\n"]), max_size=30)


@given(_lines, _lines)
def test_hunks_make_one_list_of_lines_the_other(old: list[str], new: list[str]) -> None:
    made: list[str] = []
    end = 0
    for hunk in hunks(old, new):
        assert old[hunk.start : hunk.start + len(hunk.old)] == list(hunk.old)
        made += [*old[end : hunk.start], *hunk.new]
        end = hunk.start + len(hunk.old)
    assert [*made, *old[end:]] == new


def test_a_diff_has_context_and_no_line_numbers() -> None:
    old = "".join(f"{i}\n" for i in range(20)).encode()
    new = old.replace(b"\n10\n", b"\nten\n").replace(b"\n12\n", b"\ntwelve\n")
    assert unified({"a.py": old}, {"a.py": new}) == (
        "--- a.py\n+++ a.py\n@@\n 8\n 9\n-10\n+ten\n 11\n-12\n+twelve\n 13\n 14"
    )


def test_a_diff_tells_new_and_deleted_files() -> None:
    told = unified({"old.py": b"x\n"}, {"new.py": b"y\n"})
    assert told == "--- /dev/null\n+++ new.py\n@@\n+y\n+\n--- old.py\n+++ /dev/null\n@@\n-x\n-"


def test_an_edit_fits_where_the_lines_that_it_changes_are_as_they_were() -> None:
    base = b"a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n"
    edit = base.replace(b"b = 2", b"b = 20")
    elsewhere = base.replace(b"e = 5", b"e = 50")
    same_place = base.replace(b"b = 2", b"b = 7")
    assert fits({"f": base}, {"f": edit}, {"f": elsewhere})
    assert not fits({"f": base}, {"f": edit}, {"f": same_place})
    assert not fits({"f": base}, {"f": edit}, {"g": base})


@given(
    st.lists(st.sampled_from(["a", "b", "", "é"]), max_size=60),
    st.lists(st.sampled_from(["a", "b", "", "é"]), max_size=60),
    st.lists(st.sampled_from(["a", "x", ""]), max_size=4),
    st.lists(st.sampled_from(["a", "y", ""]), max_size=4),
)
def test_only_lines_around_the_changes_are_looked_at(
    head: list[str], tail: list[str], old: list[str], new: list[str]
) -> None:
    sides = [["top", *head, *middle, *tail] for middle in (old, new)]
    texts = ["\n".join(side).encode() for side in sides]
    for _, before, after in changed_texts({"f": texts[0]}, {"f": texts[1]}):
        assert any(
            sides[0][:cut] == sides[1][:cut]
            and sides[0][cut : cut + len(before)] == before
            and sides[1][cut : cut + len(after)] == after
            and sides[0][cut + len(before) :] == sides[1][cut + len(after) :]
            for cut in range(len(sides[0]))
        )
        assert len(before) <= len(old) + 20
        assert len(after) <= len(new) + 20
