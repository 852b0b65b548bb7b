"""A change cut into edits: what is one edit, and that any of them can be taken out."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from move37.referee.edits import Edits, Step
from move37.referee.simplicity import changed_lines

PROGRAM = b"""\
lr = 0.01
width = 64
name = "tanh"


def f(x):
    return x


print(f(lr))
"""


def edits(*versions: bytes, by_site: Sequence[bool] = (), labels: Sequence[str] = ()) -> Edits:
    """Of one file, through these versions."""
    steps = [
        Step(
            experiment=number,
            files={"a.py": version},
            by_site=by_site[number - 1] if by_site else True,
            label=labels[number - 1] if labels else "",
        )
        for number, version in enumerate(versions[1:], start=1)
    ]
    return Edits({"a.py": versions[0]}, steps)


def without(cut: Edits, *removed: int) -> bytes:
    content = cut.without(removed).get("a.py")
    return b"" if content is None else content


def test_values_that_were_set_together_are_edits_of_their_own() -> None:
    new = PROGRAM.replace(b"0.01", b"0.03").replace(b"64", b"128").replace(b"tanh", b"relu")
    cut = edits(PROGRAM, new)
    assert [edit.label for edit in cut.edits] == [
        "lr = 0.01 → 0.03",
        "width = 64 → 128",
        'name = "tanh → relu',
    ]
    assert without(cut, 1) == new.replace(b"128", b"64")


def test_two_values_of_one_line_are_two_edits() -> None:
    cut = edits(b"f(lr=0.1, beta=0.9)\n", b"f(lr=0.3, beta=0.99)\n")
    assert without(cut, 0) == b"f(lr=0.1, beta=0.99)\n"
    assert without(cut, 1) == b"f(lr=0.3, beta=0.9)\n"


def test_a_line_that_became_another_is_one_edit() -> None:
    cut = edits(PROGRAM, PROGRAM.replace(b"return x", b"return max(x, 0) + x * x"))
    assert len(cut.edits) == 1
    assert without(cut, 0) == PROGRAM


def test_what_came_in_one_step_goes_in_one_step() -> None:
    first = PROGRAM.replace(b"def f(x):\n", b"def g(x):\n    return x\n\n\ndef f(x):\n").replace(
        b"f(lr)", b"g(f(lr))"
    )
    second = first.replace(b"0.01", b"0.5")
    cut = edits(PROGRAM, first, second, by_site=(False, True), labels=("compose g", ""))
    assert [(edit.label, edit.steps) for edit in cut.edits] == [
        ("lr = 0.01 → 0.5", (2,)),
        ("compose g", (1,)),
    ]
    assert without(cut, 1) == PROGRAM.replace(b"0.01", b"0.5")


def test_steps_that_changed_the_same_place_are_cut_by_hunk() -> None:
    first = PROGRAM.replace(b"return x", b"return x + 1").replace(
        b'"tanh"', b'"tanh" if lr else ""'
    )
    second = first.replace(b"return x + 1", b"return x + 1 - lr")
    cut = edits(PROGRAM, first, second, by_site=(False, False), labels=("one", "two"))
    assert [edit.steps for edit in cut.edits] == [(1,), (1, 2)]
    assert without(cut, 1) == first.replace(b"return x + 1", b"return x")


def test_a_program_that_came_in_one_step_is_cut_by_hunk() -> None:
    new = PROGRAM.replace(b"return x", b"return x * x").replace(
        b"print(f(lr))", b"print(f(2 * lr))"
    )
    cut = edits(PROGRAM, new, by_site=(False,), labels=("everything at once",))
    assert len(cut.edits) == 2


def test_a_value_that_was_turned_twice_is_one_edit_against_the_baseline() -> None:
    first = PROGRAM.replace(b"0.01", b"0.03")
    cut = edits(PROGRAM, first, first.replace(b"0.03", b"0.02"))
    assert [(edit.label, edit.steps) for edit in cut.edits] == [("lr = 0.01 → 0.02", (1, 2))]


def test_what_was_taken_back_is_no_edit() -> None:
    cut = edits(PROGRAM, PROGRAM.replace(b"64", b"96"), PROGRAM.replace(b"0.01", b"0.1"))
    other = edits(PROGRAM, PROGRAM.replace(b"64", b"96"), PROGRAM)
    assert [edit.label for edit in cut.edits] == ["lr = 0.01 → 0.1"]
    assert other.edits == ()


def test_files_that_come_and_go_are_edits() -> None:
    old = {"a.py": b"1\n", "gone.py": b"2\n"}
    new = {"a.py": b"1\n", "new.py": b"\xff\xfe"}
    cut = Edits(old, [Step(experiment=1, files=new, by_site=True)])
    assert [edit.label for edit in cut.edits] == ["gone.py removed", "new.py added"]
    assert cut.without([0]) == {"gone.py": b"2\n"}
    assert cut.without([1]) == {"new.py": None}


_lines = st.lists(
    st.sampled_from(
        ["a = 1", "b = 2", "a = 3", "b = -2", "f(1, 2)", "f(1, 3)", "", "é = 'ß'", "x"]
    ),
    max_size=8,
)
_versions = st.lists(_lines.map(lambda lines: "\n".join(lines).encode()), min_size=2, max_size=4)


@given(versions=_versions, by_site=st.lists(st.booleans(), min_size=3, max_size=3), data=st.data())
def test_any_edits_can_be_taken_out_and_all_of_them_give_the_baseline(
    versions: list[bytes], by_site: list[bool], data: st.DataObject
) -> None:
    cut = edits(*versions, by_site=by_site)
    old, new = versions[0], versions[-1]
    everything = range(len(cut.edits))
    assert _apply(new, cut.without(everything)) == old
    assert cut.without([]) == {}
    numbers = [number for edit in cut.edits for number in edit.pieces]
    assert sorted(numbers) == list(range(len(cut.pieces)))
    some = data.draw(st.sets(st.sampled_from(list(everything)))) if cut.edits else set[int]()
    for text in (cut.pieces[number] for edit in some for number in cut.edits[edit].pieces):
        assert (text.old or "").encode() in _apply(new, cut.without(some))


def _apply(program: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    return changes.get("a.py", program) or b""


def test_the_size_of_a_change_is_its_lines() -> None:
    assert changed_lines({"a": b"1\n2\n"}, {"a": b"1\n2\n"}) == 0
    assert changed_lines({"a": b"1\n2\n"}, {"a": b"1\n3\n"}) == 2
    assert changed_lines({"a": b"1\n2\n"}, {"a": b"2\n1\n"}) == 0
    assert changed_lines({"a": b"1\n"}, {"a": b"1\n", "b": b"x\ny\n"}) == 2
