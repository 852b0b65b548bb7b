"""A study in memory whose proposer has to ask, worked on by the real loop."""

from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

from loop_parts import Contented
from move37.app.library import StudyLibrary
from move37.core.facts import EpochStarted, Fact, Tried
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Asker, Attachments, Proposer, Request
from move37.core.records import (
    QUEUE,
    Budget,
    Choice,
    Direction,
    Evaluation,
    Extend,
    Files,
    Job,
    Measured,
    Metric,
    Proposal,
    Task,
    Trial,
    TrialJob,
)
from move37.loop import Halt, Loop
from move37.runners.scripted import ScriptedDesk, ScriptedRunner
from move37.store.memory import MemoryStore
from move37.testing.beliefs import MeanBeliefs
from move37.worker import Proposing, encode_record


class HandedIn:
    def add(self, fact: Fact) -> None: ...

    def propose(self, request: Request) -> Proposal:
        ticket = request.experiment.ticket
        return Proposal(
            changes={"program": f"of {ticket}".encode()}, move=QUEUE, hypothesis="by hand"
        )


class OnTheBaseline:
    def __init__(self, *proposers: str) -> None:
        self._proposers = proposers

    def add(self, fact: Fact) -> None: ...

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        free = [name for name in self._proposers if name not in busy]
        return Extend(parents=(0,), proposer=free[0]) if free and history[0].is_measured else None


def measure(job: Job) -> Tried:
    outcome = Measured(
        score=float(job.experiment), metrics={}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0
    )
    trial = Trial(purpose="search", index=0, seed=0, outcome=outcome)
    return Tried(experiment=job.experiment, trial=trial)


def trial(experiment: Experiment) -> TrialJob:
    assert experiment.commit is not None
    return TrialJob(
        experiment=experiment.id, commit=experiment.commit, purpose="search", index=0, seed=0
    )


def begin(store: MemoryStore, tmp_path: Path) -> Journal:
    journal = Journal(store)
    if not journal.history.epochs:
        (tmp_path / "program").write_text("as it was")
        commit = store.code.snapshot(tmp_path, ["program"])
        epoch = EpochStarted(
            epoch=0,
            fingerprint="",
            task={},
            baseline=0,
            commit=commit,
            identity="as it was",
            seed=1,
        )
        journal.record(epoch)
    return journal


def explore(
    store: MemoryStore,
    talker: Asker,
    tmp_path: Path,
    *,
    experiments: int = 4,
    usd: float | None = None,
    workers: int = 1,
    inbox: Callable[[], Sequence[tuple[Fact, Attachments]]] = lambda: (),
    stopped: Callable[[], bool] = lambda: False,
) -> Halt:
    journal = begin(store, tmp_path)
    task = Task(
        name="t",
        root=tmp_path,
        goal="higher",
        files=Files(edit=("program",)),
        evaluate=Evaluation(run="true"),
        metric=Metric(name="m", direction=Direction.MAXIMIZE),
        budget=Budget(experiments=experiments, usd=usd),
    )
    proposers: Mapping[str, Proposer | Asker] = {"talker": talker, QUEUE: HandedIn()}
    proposing = Proposing(
        task,
        journal,
        proposers=proposers,
        believer=MeanBeliefs(),
        library=StudyLibrary(tmp_path, journal, lambda path: path == "program"),
        editable=lambda path: path == "program",
        identity=lambda files: files["program"].decode(),
    )

    def halted() -> Halt | None:
        if stopped():
            return "stopped"
        return "budget" if journal.history.spent() >= experiments else None

    loop = Loop(
        journal,
        search=OnTheBaseline("talker"),
        referee=Contented(),
        runner=ScriptedRunner(measure, workers=workers),
        desk=ScriptedDesk({"talker": talker}, encode_record),
        propose=proposing.propose,
        trial=trial,
        halted=halted,
        inbox=inbox,
        writers={"talker"},
    )
    return loop.explore()
