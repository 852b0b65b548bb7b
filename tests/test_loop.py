from collections.abc import Callable, Iterable, Sequence, Set

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loop_parts import Contented, Crash, CrashingStore
from move37.core.errors import NothingToPropose
from move37.core.facts import Answered, EpochStarted, Fact, Opened, Proposed, Rejected, Tried
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Attachments, Desk, Store
from move37.core.records import (
    Choice,
    Extend,
    Failed,
    Job,
    Measured,
    Outcome,
    Repeat,
    Trial,
    TrialJob,
)
from move37.loop import EXHAUSTED_AFTER, Halt, Loop, settle
from move37.runners.scripted import ScriptedDesk, ScriptedRunner
from move37.store.memory import MemoryStore

CRASHED = Failed(stage="run", reason="it crashed")


class OnTheLatest:
    """A search that builds on the latest experiment that was measured."""

    def add(self, fact: Fact) -> None:
        pass

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        measured = [experiment.id for experiment in history.current() if experiment.is_measured]
        if not measured or "scripted" in busy:
            return None
        return Extend(parents=(measured[-1],), proposer="scripted")


def measured(score: float) -> Measured:
    return Measured(score=score, metrics={}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0)


def next_trial(experiment: Experiment) -> TrialJob:
    assert experiment.commit is not None
    index = experiment.count("search")
    return TrialJob(
        experiment=experiment.id, commit=experiment.commit, purpose="search", index=index, seed=0
    )


def propose(experiment: Experiment) -> Fact:
    id = experiment.id
    return Proposed(
        experiment=id, commit=f"c{id}", identity=f"i{id}", move="any", hypothesis="it may help"
    )


def scripted(outcome: Callable[[int], Outcome]) -> Callable[[Job], Tried]:
    def attempt(job: Job) -> Tried:
        assert isinstance(job, TrialJob)
        trial = Trial(
            purpose=job.purpose, index=job.index, seed=job.seed, outcome=outcome(job.experiment)
        )
        return Tried(experiment=job.experiment, trial=trial)

    return attempt


def begin(store: Store) -> Journal:
    journal = Journal(store)
    if not journal.history.epochs:
        journal.record(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="c0", identity="i0", seed=1
            )
        )
    return journal


def explore(
    store: Store,
    *,
    budget: int,
    outcome: Callable[[int], Outcome] = lambda id: measured(id),
    workers: int = 1,
    propose: Callable[[Experiment], Fact] = propose,
    halted: Callable[[], Halt | None] = lambda: None,
    desk: Desk | None = None,
) -> Halt:
    journal = begin(store)
    history = journal.history

    def spent() -> Halt | None:
        return "budget" if history.spent() >= budget else None

    loop = Loop(
        journal,
        search=OnTheLatest(),
        referee=Contented(),
        runner=ScriptedRunner(scripted(outcome), workers=workers),
        desk=desk or ScriptedDesk(),
        propose=propose,
        trial=next_trial,
        halted=lambda: halted() or spent(),
    )
    return loop.explore()


def experiments(store: Store) -> Sequence[Experiment]:
    return Journal(store).history.experiments


def test_each_measured_experiment_may_become_the_next_parent() -> None:
    store = MemoryStore()
    assert explore(store, budget=3) == "budget"
    assert [experiment.parents for experiment in experiments(store)] == [(), (0,), (1,), (2,)]


class NotingDesk(ScriptedDesk):
    """Notes how long it was told to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.patience: list[float] = []

    def collect(self, *, patience_seconds: float = 0.0) -> Iterable[tuple[Answered, Attachments]]:
        self.patience.append(patience_seconds)
        return super().collect(patience_seconds=patience_seconds)


def test_nobody_waits_for_a_question_when_a_trial_has_ended() -> None:
    desk = NotingDesk()
    explore(MemoryStore(), budget=3, desk=desk)
    assert desk.patience == [0.0] * 4


def test_a_failed_experiment_is_recorded_and_the_loop_goes_on() -> None:
    store = MemoryStore()
    explore(store, budget=3, outcome=lambda id: CRASHED if id == 2 else measured(id))
    assert [one.outcome == CRASHED for one in experiments(store)] == [False, False, True, False]
    assert experiments(store)[3].parents == (1,)


def test_a_task_that_fails_by_itself_ends_the_run_before_anything_is_proposed() -> None:
    store = MemoryStore()
    assert explore(store, budget=5, outcome=lambda id: CRASHED) == "baseline"
    assert len(experiments(store)) == 1


def test_a_proposer_that_only_fails_ends_the_run() -> None:
    def fail(experiment: Experiment) -> Fact:
        return Rejected(experiment=experiment.id, failed=Failed(stage="propose", reason="no idea"))

    store = MemoryStore()
    assert explore(store, budget=1000, propose=fail) == "exhausted"
    assert len(experiments(store)) == EXHAUSTED_AFTER + 1


def test_a_proposer_with_nothing_left_ends_the_run_and_what_runs_is_collected() -> None:
    def propose_twice(experiment: Experiment) -> Fact:
        if experiment.id > 2:
            raise NothingToPropose("no number left to turn")
        return propose(experiment)

    store = MemoryStore()
    assert explore(store, budget=1000, propose=propose_twice, workers=3) == "exhausted"
    assert [one.is_measured for one in experiments(store)] == [True, True, True, False]
    assert experiments(store)[3].outcome == Failed(stage="propose", reason="no number left to turn")


@given(budget=st.integers(0, 20), workers=st.integers(1, 8))
def test_the_budget_is_spent_exactly_whatever_the_parallelism(budget: int, workers: int) -> None:
    store = MemoryStore()
    explore(store, budget=budget, workers=workers)
    assert len(experiments(store)) == budget + 1
    assert not any(experiment.is_running for experiment in experiments(store))


@given(stopped_after=st.integers(0, 30))
def test_asked_to_stop_it_opens_nothing_new_and_collects_what_runs(stopped_after: int) -> None:
    asked = iter(range(10_000))
    store = MemoryStore()
    halt = explore(
        store,
        budget=10,
        workers=3,
        halted=lambda: "stopped" if next(asked) > stopped_after else None,
    )
    assert halt in ("stopped", "budget")
    assert not any(one.is_running and one.id > 0 for one in experiments(store))


@settings(max_examples=60)
@given(crash_at=st.integers(1, 30), written=st.booleans(), workers=st.integers(1, 4))
def test_a_run_that_died_anywhere_picks_up_where_it_was(
    crash_at: int, written: bool, workers: int
) -> None:
    store = CrashingStore(crash_at, written=written)
    try:
        explore(store, budget=8, workers=workers)
    except Crash:
        explore(store, budget=8, workers=workers)
    found = experiments(store)
    assert len(found) == 9
    assert all(len(experiment.trials) == 1 for experiment in found)


@given(crash_at=st.integers(1, 30), written=st.booleans())
def test_with_one_worker_a_run_that_died_ends_with_the_same_facts(
    crash_at: int, written: bool
) -> None:
    untouched = MemoryStore()
    explore(untouched, budget=8)
    store = CrashingStore(crash_at, written=written)
    try:
        explore(store, budget=8)
    except Crash:
        explore(store, budget=8)
    facts = [row.fact for row in store.rows()]
    assert facts == [row.fact for row in untouched.rows()]


def test_a_repeat_is_one_more_trial_of_the_same_experiment() -> None:
    class Once(OnTheLatest):
        def choose(
            self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
        ) -> Choice | None:
            if len(history.baseline.trials) == 1 and not pending:
                return Repeat(experiment=0)
            return super().choose(history, pending=pending, seed=seed, busy=busy)

    store = MemoryStore()
    journal = begin(store)
    loop = Loop(
        journal,
        search=Once(),
        referee=Contented(),
        runner=ScriptedRunner(scripted(lambda id: measured(id))),
        desk=ScriptedDesk(),
        propose=propose,
        trial=next_trial,
        halted=lambda: "budget" if journal.history.spent() >= 1 else None,
    )
    loop.explore()
    assert [trial.index for trial in journal.history[0].trials] == [0, 1]
    assert len(journal.history) == 2


def test_settling_does_wanted_jobs_until_none_is_wanted() -> None:
    journal = begin(MemoryStore())

    def wants() -> Sequence[Job]:
        missing = 3 - journal.history[0].count("search")
        return [next_trial(journal.history[0])] if missing > 0 else []

    done = settle(
        journal,
        ScriptedRunner(scripted(lambda id: measured(id))),
        wants=wants,
        stopped=lambda: False,
    )
    assert done
    assert len(journal.history[0].trials) == 3


def test_settling_ends_early_when_told_to_stop() -> None:
    journal = begin(MemoryStore())
    done = settle(
        journal,
        ScriptedRunner(scripted(lambda id: measured(id))),
        wants=lambda: [next_trial(journal.history[0])],
        stopped=lambda: len(journal.history[0].trials) >= 2,
    )
    assert not done
    assert len(journal.history[0].trials) == 2


def test_facts_are_stored_before_they_are_folded() -> None:
    seen: list[int] = []
    store = MemoryStore()

    class Fold:
        def add(self, fact: Fact) -> None:
            seen.append(len(list(store.rows())))

    journal = begin(store)
    journal.follow(Fold())
    journal.record(Opened(experiment=1, epoch=0, parents=(0,), proposer="p", seed=1))
    assert seen == [2]


def test_a_fact_that_cannot_be_stored_is_not_folded() -> None:
    store = CrashingStore(2, written=False)
    journal = begin(store)
    with pytest.raises(Crash):
        journal.record(Opened(experiment=1, epoch=0, parents=(0,), proposer="p", seed=1))
    assert len(journal.history) == 1
