"""Remembered failures: the same edit again is caught, another one is not."""

from collections.abc import Mapping

import pytest
from near_edits import BASE, PAIRS, Pair, base, made

from move37.core.facts import Fact
from move37.core.protocols import Request
from move37.core.records import Failed, Proposal
from move37.proposers.context.memory import Memory
from move37.proposers.context.near import too_near
from move37.proposers.context.sketches import from_json, sketch_of
from move37.testing.proposer import Program, Study


class Handed:
    """Proposes what it is handed, with the sketch of the edit beside it or without."""

    def __init__(self, *, sketches: bool = True) -> None:
        self.memory = Memory()
        self.changes: Mapping[str, bytes | None] = {}
        self.hypothesis = "try something"
        self._sketches = sketches

    def add(self, fact: Fact) -> None:
        self.memory.add(fact)

    def propose(self, request: Request) -> Proposal:
        edit = sketch_of(request.files, self.changes).to_json()
        return Proposal(
            changes=self.changes,
            move="llm.edit",
            hypothesis=self.hypothesis,
            detail={"edit": edit} if self._sketches else {},
        )


CRASHED = Failed(stage="run", reason="`run` exited with status 1: NameError: obey me")


def tried(
    pair: Pair, came_of: float | Failed, *, sketches: bool = True, noise: float = 0.0
) -> tuple[Study, Handed]:
    """A study whose first experiment made the first edit of a pair."""
    start = base(pair)

    def evaluate(program: Program, seed: int) -> float | Failed:
        return 0.0 if program[pair.path] == start else came_of

    handed = Handed(sketches=sketches)
    study = Study({pair.path: start}, evaluate, handed, noise=noise)
    handed.changes = {pair.path: made(pair, pair.one)}
    study.step(0)
    return study, handed


def near(study: Study, handed: Handed, pair: Pair, **more: str) -> str | None:
    changes = {pair.path: made(pair, pair.other)}
    return too_near(study.request(0), changes, memory=handed.memory, **more)


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
@pytest.mark.parametrize("came_of", [CRASHED, -1.0], ids=["failed", "no gain"])
def test_labelled_edits_are_told_apart(pair: Pair, came_of: float | Failed) -> None:
    said = near(*tried(pair, came_of), pair)
    assert (said is not None) == pair.near


@pytest.mark.parametrize("pair", PAIRS[:3], ids=[pair.name for pair in PAIRS[:3]])
def test_an_experiment_without_a_sketch_is_looked_at_all_the_same(pair: Pair) -> None:
    study, handed = tried(pair, CRASHED, sketches=False)
    assert near(study, handed, pair) is not None
    assert too_near(study.request(0), {pair.path: made(pair, pair.other)}) is not None


def test_the_reason_names_the_experiment_and_what_came_of_it() -> None:
    assert near(*tried(PAIRS[0], CRASHED), PAIRS[0]) == (
        "as good as x1, which failed: `run` exited with status 1"
    )
    assert near(*tried(PAIRS[0], -1.0), PAIRS[0]) == (
        "as good as x1, which gained nothing: its effect on the score is believed to be -1"
    )


def test_what_gained_may_be_done_again() -> None:
    assert near(*tried(PAIRS[0], 1.0), PAIRS[0]) is None


def test_what_may_have_gained_may_be_done_again() -> None:
    assert near(*tried(PAIRS[0], -0.1, noise=1.0), PAIRS[0]) is None


def test_what_crashed_may_be_mended_by_a_small_change() -> None:
    long = next(pair for pair in PAIRS if pair.name == "the same long rewrite")
    study, handed = tried(long, CRASHED)
    mended = made(long, long.one).replace(b"weight7(part7)", b"weight7[part7]")
    changes: Mapping[str, bytes | None] = {long.path: mended}
    assert too_near(study.request(0), changes, memory=handed.memory) is None


def test_saying_the_same_lets_the_words_differ() -> None:
    pair = next(pair for pair in PAIRS if pair.name == "a long rewrite with another function in it")
    study, handed = tried(pair, -1.0)
    assert near(study, handed, pair, hypothesis="a smoother penalty for outliers") is None
    assert near(study, handed, pair, hypothesis="trying something") is not None


def test_what_gained_nothing_in_another_branch_may_gain_here() -> None:
    pair = PAIRS[0]
    start = base(pair)
    handed = Handed()
    study = Study(
        {pair.path: start}, lambda program, seed: -float(program[pair.path] != start), handed
    )
    left, right = (start.replace(b"width=64", size) for size in (b"width=128", b"width=256"))
    handed.changes = {pair.path: left}
    study.step(0)
    handed.changes = {pair.path: right}
    study.step(0)
    edit = dict(pair.one)
    handed.changes = {pair.path: _edited(left, edit)}
    study.step(1)
    again: Mapping[str, bytes | None] = {pair.path: _edited(right, edit)}
    assert too_near(study.request(2), again, memory=handed.memory) is None
    again = {pair.path: _edited(start, edit)}
    assert too_near(study.request(0), again, memory=handed.memory) is not None


def _edited(data: bytes, replacements: Mapping[str, str]) -> bytes:
    for old, new in replacements.items():
        data = data.replace(old.encode(), new.encode())
    return data


def test_a_memory_rebuilt_from_the_facts_says_the_same() -> None:
    pair = PAIRS[0]
    study, handed = tried(pair, CRASHED)
    rebuilt = Memory()
    for fact in study.facts:
        rebuilt.add(fact)
    changes: Mapping[str, bytes | None] = {pair.path: made(pair, pair.other)}
    request = study.request(0)
    assert too_near(request, changes, memory=rebuilt) == too_near(
        request, changes, memory=handed.memory
    )


def test_a_sketch_survives_being_stored() -> None:
    pair = PAIRS[0]
    sketch = sketch_of({pair.path: base(pair)}, {pair.path: made(pair, pair.one)})
    stored = from_json(sketch.to_json())
    assert stored is not None
    assert stored.to_json() == sketch.to_json()


@pytest.mark.parametrize(
    "stored", [None, 3, {}, [], {**sketch_of({}, {}).to_json(), "added": "zz"}]
)
def test_what_is_no_sketch_is_none(stored: object) -> None:
    assert from_json(stored) is None


@pytest.mark.parametrize("data", [b"\xff\xfe\0", b"", "é = 1\n日本 = 2\n".encode(), b"(" * 5000])
def test_odd_files_have_sketches_too(data: bytes) -> None:
    sketch_of({"train.py": BASE.encode()}, {"train.py": data})
    sketch_of({"train.py": data}, {"train.py": BASE.encode(), "more.bin": data})
    sketch_of({"train.py": data}, {"train.py": None})
