"""The loop with a proposer that has to ask: nobody waits, nothing paid is lost, no budget is exceeded."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking_study import explore
from loop_parts import Crash, CrashingStore
from move37.core.errors import Unreadable
from move37.core.facts import Answered, Asked, Fact, Proposed, Submitted, Tried
from move37.core.history import History
from move37.core.journal import Journal
from move37.core.protocols import Attachments, Request
from move37.core.records import (
    QUEUE,
    Answer,
    Failed,
    Proposal,
    Question,
)
from move37.store.memory import MemoryStore

Reply = Callable[[str], Answer]


class Talker:
    """An asker: its question is the experiment's number, and the answer is the new program."""

    def __init__(self, reply: Reply, *, at_once: int = 2, usd_at_most: float = 0.0) -> None:
        self.at_once = at_once
        self.asked: list[str] = []
        self._reply = reply
        self._usd_at_most = usd_at_most

    def add(self, fact: Fact) -> None: ...

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        prompt = f"{request.experiment.id}" + "?" * len(rounds)
        return Question(prompt=prompt, model="talker", usd_at_most=self._usd_at_most)

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        self.asked.append(question.prompt)
        return self._reply(question.prompt)

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        if rounds[-1].text == "mumble":
            raise Unreadable("that was no program")
        return Proposal(
            changes={"program": rounds[-1].text.encode()}, move="talk", hypothesis="as told"
        )


def facts(store: MemoryStore) -> list[Fact]:
    return [row.fact for row in store.rows()]


def program(prompt: str) -> Answer:
    return Answer(text=f"program of {prompt}", usd=0.1, tokens_in=3, tokens_out=2)


def test_an_answer_becomes_an_experiment_and_its_bill_is_kept(tmp_path: Path) -> None:
    store = MemoryStore()
    assert explore(store, Talker(program), tmp_path) == "budget"
    history = Journal(store).history
    assert [one.is_measured for one in history.experiments] == 5 * [True]
    assert history[1].usd == 0.1
    assert abs(history.usd - 0.4) < 1e-9
    assert store.attachment("x1-ask-0/question") is not None
    assert b"program of 1" in (store.attachment("x1-ask-0/answer") or b"")


def test_what_was_asked_is_stored_before_it_is_asked_and_the_answer_before_it_is_read(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    explore(store, Talker(program), tmp_path, experiments=1)
    kinds = [type(fact) for fact in facts(store)]
    assert kinds.index(Asked) < kinds.index(Answered) < kinds.index(Proposed)


def test_it_works_ahead_of_the_workers_only_so_far(tmp_path: Path) -> None:
    store, most = MemoryStore(), 0
    talker = Talker(program, at_once=3)
    explore(store, talker, tmp_path, experiments=12)
    open_now: set[int] = set()
    for fact in facts(store):
        if isinstance(fact, Asked):
            open_now.add(fact.experiment)
        elif isinstance(fact, Tried):
            open_now.discard(fact.experiment)
        most = max(most, len(open_now))
    assert most == 3 + 1  # and the one that is being measured


def test_an_answer_that_cannot_be_used_is_mended_once(tmp_path: Path) -> None:
    store = MemoryStore()
    talker = Talker(
        lambda prompt: program(prompt) if prompt.endswith("?") else Answer(text="mumble")
    )
    explore(store, talker, tmp_path, experiments=1)
    assert talker.asked == ["1", "1?"]
    history = Journal(store).history
    assert history[1].is_measured
    assert len(history[1].answers) == 2


def test_one_that_cannot_be_mended_has_failed_with_the_reason(tmp_path: Path) -> None:
    store = MemoryStore()
    talker = Talker(lambda prompt: Answer(text="mumble", usd=0.25))
    explore(store, talker, tmp_path, experiments=2)
    assert talker.asked == ["1", "2", "1?", "2?"]
    history = Journal(store).history
    assert history[1].rejected == Failed(stage="propose", reason="that was no program")
    assert history[1].usd == 0.5


def test_the_same_program_again_is_told_and_may_be_mended(tmp_path: Path) -> None:
    store = MemoryStore()
    talker = Talker(lambda prompt: Answer(text="new" if "?" in prompt else "as it was"))
    explore(store, talker, tmp_path, experiments=1)
    assert Journal(store).history[1].is_measured


def test_nobody_is_asked_again_when_nobody_answered(tmp_path: Path) -> None:
    store = MemoryStore()
    talker = Talker(lambda prompt: Answer(failed="the line is dead"))
    explore(store, talker, tmp_path, experiments=1)
    assert talker.asked == ["1"]
    rejected = Journal(store).history[1].rejected
    assert rejected is not None
    assert rejected.reason == "the line is dead"


@given(
    usd=st.floats(0.0, 3.0),
    most=st.floats(0.0, 1.0),
    share=st.floats(0.0, 1.0),
    at_once=st.integers(1, 4),
)
def test_the_budget_is_never_exceeded(
    tmp_path_factory: pytest.TempPathFactory, usd: float, most: float, share: float, at_once: int
) -> None:
    store = MemoryStore()
    talker = Talker(
        lambda prompt: Answer(text=prompt, usd=most * share), at_once=at_once, usd_at_most=most
    )
    halt = explore(store, talker, tmp_path_factory.mktemp("t"), experiments=6, usd=usd)
    assert halt == "budget"
    history = History()
    for row in store.rows():
        history.add(row)
        assert history.usd_committed <= usd + 1e-9


def test_a_question_waits_for_the_answers_under_way_when_they_may_cost_what_it_needs(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    talker = Talker(program, at_once=3, usd_at_most=0.5)
    assert explore(store, talker, tmp_path, experiments=4, usd=0.85) == "budget"
    history = Journal(store).history
    # Each may cost 0.5 and costs 0.1, so that no two can be under way, and all of them can be paid.
    assert [one.is_measured for one in history.experiments] == 5 * [True]


def test_why_an_answer_could_not_be_used_is_told_with_it(tmp_path: Path) -> None:
    reasons: list[str] = []

    class Curious(Talker):
        def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
            reasons.extend(str(answer.detail["unreadable"]) for answer in rounds)
            return super().question(request, rounds)

    explore(MemoryStore(), Curious(lambda prompt: Answer(text="mumble")), tmp_path, experiments=1)
    assert reasons == ["that was no program"]


def test_what_is_handed_in_comes_first(tmp_path: Path) -> None:
    store = MemoryStore()
    handed = [Submitted(ticket=name, author="ada", base=0, hypothesis="mine") for name in "ab"]

    def inbox() -> Sequence[tuple[Fact, Attachments]]:
        return [(handed.pop(0), {})] if handed else []

    explore(store, Talker(program), tmp_path, experiments=4, inbox=inbox)
    history = Journal(store).history
    by_ticket = {one.ticket: one for one in history.experiments if one.ticket}
    assert set(by_ticket) == {"a", "b"}
    assert all(one.is_measured and one.proposer == QUEUE for one in by_ticket.values())
    assert store.code.read(by_ticket["a"].commit or "", "program") == b"of a"


@settings(max_examples=80)
@given(
    crash_at=st.integers(2, 30),
    written=st.booleans(),
    workers=st.integers(1, 3),
    at_once=st.integers(1, 3),
)
def test_killed_anywhere_no_answer_that_was_stored_is_paid_twice(
    tmp_path_factory: pytest.TempPathFactory,
    crash_at: int,
    written: bool,
    workers: int,
    at_once: int,
) -> None:
    store = CrashingStore(crash_at, written=written)
    talker = Talker(program, at_once=at_once)
    directory = tmp_path_factory.mktemp("t")
    answered: set[int] = set()
    try:
        explore(store, talker, directory, workers=workers)
    except Crash:
        answered = {f.experiment for f in facts(store) if isinstance(f, Answered)}
        talker.asked.clear()
        explore(store, talker, directory, workers=workers)
        assert not answered & {int(prompt) for prompt in talker.asked}
    history = Journal(store).history
    assert len(history) == 5
    assert all(one.is_measured and len(one.answers) == 1 for one in history.experiments[1:])


def test_asked_to_stop_it_waits_for_the_answer_and_reads_it_next_time(tmp_path: Path) -> None:
    store = MemoryStore()
    wishes: list[bool] = []

    def reply(prompt: str) -> Answer:
        wishes.append(True)
        return program(prompt)

    talker = Talker(reply, at_once=1)
    assert explore(store, talker, tmp_path, stopped=lambda: bool(wishes)) == "stopped"
    history = Journal(store).history
    assert len(history[1].answers) == 1
    assert history[1].commit is None
    assert explore(store, talker, tmp_path) == "budget"
    assert talker.asked.count("1") == 1
