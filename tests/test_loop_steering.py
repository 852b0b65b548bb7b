"""The loop under orders: what is paused waits, ideas go to who proposes in words, and a crash loses no order."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking_study import explore
from loop_parts import Crash, CrashingStore
from move37.core.facts import Asked, Fact, Opened, Posted, Rejected, Steered
from move37.core.journal import Journal
from move37.core.protocols import Attachments, Request
from move37.core.records import Answer, Order, Proposal, Question
from move37.store.memory import MemoryStore


class Talker:
    """An asker whose answer is its question: the number of the experiment."""

    at_once = 1

    def add(self, fact: Fact) -> None: ...

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        return Question(prompt=f"{request.experiment.id}", model="talker")

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        return Answer(text=question.prompt)

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        return Proposal(
            changes={"program": rounds[-1].text.encode()}, move="talk", hypothesis="as told"
        )


def order(does: str, **said: object) -> Steered:
    made = Order(does=does, **said)  # pyright: ignore[reportArgumentType]
    return Steered(ticket=f"s-{does}-{said}", author="ada", order=made)


def idea(text: str = "wider", post: int = 1) -> Posted:
    return Posted(
        post=post, ticket=f"b{post}", kind="idea", text=text, author="ada",
        role="person", taint="person", queued=True,
    )  # fmt: skip


class Box:
    """A letter box: each letter comes at the engine's n-th look, again and again until it is stored."""

    def __init__(self, store: MemoryStore, letters: Sequence[tuple[int, Steered]]) -> None:
        self._store = store
        self._letters = letters
        self._looks = 0

    def look(self) -> Sequence[tuple[Fact, Attachments]]:
        self._looks += 1
        known = {row.fact.ticket for row in self._store.rows() if isinstance(row.fact, Steered)}
        return [
            (fact, {})
            for at, fact in self._letters
            if at <= self._looks and fact.ticket not in known
        ]


def of_kind(store: MemoryStore, *kinds: type[Fact]) -> list[Fact]:
    return [row.fact for row in store.rows() if isinstance(row.fact, kinds)]


def test_while_it_is_paused_nothing_is_opened_and_what_is_open_is_finished(tmp_path: Path) -> None:
    store = MemoryStore()
    box = Box(store, [(3, order("pause")), (9, order("resume"))])
    assert explore(store, Talker(), tmp_path, inbox=box.look) == "budget"
    facts = [row.fact for row in store.rows()]
    paused, resumed = (
        next(at for at, one in enumerate(facts) if isinstance(one, Steered) and one.order.does == d)
        for d in ("pause", "resume")
    )
    assert not any(isinstance(one, Opened) for one in facts[paused:resumed])
    history = Journal(store).history
    assert len(history.experiments) == 5
    assert all(one.is_measured for one in history.experiments)


def test_a_queued_idea_is_for_the_next_experiment_of_who_proposes_in_words(tmp_path: Path) -> None:
    store = MemoryStore()
    explore(store, Talker(), tmp_path, experiments=1)
    Journal(store).record(idea())
    explore(store, Talker(), tmp_path, experiments=3)
    history = Journal(store).history
    assert [one.idea for one in history.experiments] == [None, None, 1, None]
    assert history.steering.ideas == []
    assert list(history.steering.tried(1)) == [2]


def test_what_is_of_a_held_file_is_let_go_before_it_is_run(tmp_path: Path) -> None:
    store = MemoryStore()
    box = Box(store, [(1, order("hold", way="file", name="program"))])
    assert explore(store, Talker(), tmp_path, inbox=box.look) == "exhausted"
    rejected = of_kind(store, Rejected)
    assert all(isinstance(one, Rejected) and one.held for one in rejected)
    assert Journal(store).history.spent() == 0


def test_a_proposer_that_is_held_is_asked_nothing_until_it_is_released(tmp_path: Path) -> None:
    store = MemoryStore()
    held = order("hold", way="proposer", name="talker")
    box = Box(store, [(1, held), (6, order("release", way="proposer", name="talker"))])
    assert explore(store, Talker(), tmp_path, inbox=box.look) == "budget"
    kinds = [type(fact) for fact in of_kind(store, Steered, Asked)]
    assert kinds[:3] == [Steered, Steered, Asked]


@settings(max_examples=40, deadline=None)
@given(
    at=st.lists(st.integers(1, 8), min_size=1, max_size=3),
    crash_at=st.integers(1, 24),
    written=st.booleans(),
)
def test_whenever_it_dies_every_order_is_recorded_once_and_stands(
    tmp_path_factory: pytest.TempPathFactory, at: list[int], crash_at: int, written: bool
) -> None:
    tmp_path = tmp_path_factory.mktemp("crashing")
    names = ("x.py", "y.py", "z.py")
    letters = [
        (look, order("hold", way="file", name=name)) for look, name in zip(at, names, strict=False)
    ]
    store = CrashingStore(crash_at, written=written)
    for _ in range(2):
        with suppress(Crash):
            explore(store, Talker(), tmp_path, inbox=Box(store, letters).look)
    # What was not due before the budget was spent is taken in by the next engine.
    late = [(1, fact) for _, fact in letters]
    explore(store, Talker(), tmp_path, inbox=Box(store, late).look)
    tickets = [one.ticket for one in of_kind(store, Steered) if isinstance(one, Steered)]
    assert sorted(tickets) == sorted(fact.ticket for _, fact in letters)
    assert len(Journal(store).history.steering.held) == len(letters)
