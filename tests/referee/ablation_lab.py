"""Ablations of made-up programs whose edits' true effects are known: no program is run."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from move37.core.facts import Ablated, EpochStarted, Opened, Proposed, Tried
from move37.core.history import History
from move37.core.journal import Journal
from move37.core.records import (
    Direction,
    Evaluation,
    Files,
    Job,
    Measured,
    Metric,
    Task,
    Trial,
    TrialJob,
)
from move37.referee.ablate import Certify, Measure, Try, advance, open_ablation
from move37.referee.certify import conclude, open_certification, wanted_trials
from move37.referee.edits import Edit
from move37.referee.seeds import trial_job
from move37.search.belief import LineagePosterior
from move37.store.memory import MemoryStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What came of it."""

    ablated: Ablated
    margin: float
    dropped: frozenset[int]
    """Edits that the pruned program lacks."""
    loss: float
    """The pruned program's true score less the champion's, turned so that above 0 is a loss."""
    screening: int
    """Trials before certification."""
    certifying: int


class Lab:
    """A champion with edits of known effects, on an evaluation with this noise."""

    def __init__(
        self,
        effects: Sequence[float],
        *,
        noise: float,
        seed: int,
        together: Mapping[frozenset[int], float] | None = None,
        breaks: Set[int] = frozenset(),
        min_effect: float = 0.0,
    ) -> None:
        """together: what a set of edits is worth besides, as long as any of them is left.
        breaks: edits without which the program fails."""
        self.effects = effects
        self._together = together or {}
        self._breaks = breaks
        self._noise = noise
        self._random = Random(seed)
        self.believer = LineagePosterior()
        self.journal = Journal(MemoryStore(), [self.believer])
        self.task = Task(
            name="lab",
            root=Path("/lab"),
            goal="",
            files=Files(edit=("a",)),
            evaluate=Evaluation(run="true"),
            metric=Metric(name="score", direction=Direction.MAXIMIZE, min_effect=min_effect),
        )
        self._without: dict[int, frozenset[int]] = {}
        self._begin()

    @property
    def history(self) -> History:
        return self.journal.history

    def true(self, removed: Set[int]) -> float:
        """The true score of the champion without these edits."""
        left = set(range(len(self.effects))) - removed
        joint = sum(worth for edits, worth in self._together.items() if edits & left)
        return 10.0 + sum(self.effects[edit] for edit in left) + joint

    def ablate(self, trials: int | None = None, *, asking: int = 1) -> Told:
        """From the plan to the conclusion. asking: how often one asks what to do, before doing it."""
        opened = open_ablation(
            self.history, self.believer, self.task.metric, 1, len(self.effects), trials
        )
        self.journal.record(opened)
        before = self._count()
        certifying = 0
        while True:
            action = advance(self.history, self.believer, opened, self._edits(), self.find)
            for _ in range(asking - 1):
                again = advance(self.history, self.believer, opened, self._edits(), self.find)
                assert again == action
            match action:
                case Try(removed=removed):
                    self._open(removed)
                case Measure(jobs=jobs):
                    self._run(jobs)
                case Certify(experiment=pruned, pairs=pairs):
                    start = self._count()
                    self._certify(pruned, opened.margin, pairs)
                    certifying += self._count() - start
                case Ablated():
                    self.journal.record(action)
                    break
        dropped = frozenset[int]() if action.pruned is None else self._without[action.pruned]
        return Told(
            ablated=action,
            margin=opened.margin,
            dropped=dropped,
            loss=self.true(frozenset()) - self.true(dropped),
            screening=self._count() - before - certifying,
            certifying=certifying,
        )

    def find(self, removed: Set[int]) -> int | None:
        return next((id for id, lacks in self._without.items() if lacks == removed), None)

    def _begin(self) -> None:
        self.journal.record(
            EpochStarted(
                epoch=0, fingerprint="f", task={}, baseline=0, commit="c0", identity="i0", seed=1
            )
        )
        self._without[0] = frozenset(range(len(self.effects)))
        self._run([trial_job(self.history, self.history[0], "search", i) for i in range(5)])
        self._without[1] = frozenset()
        self._propose(1, (0,), "llm")
        self._run([trial_job(self.history, self.history[1], "search", 0)])

    def _open(self, removed: frozenset[int]) -> None:
        id = len(self.history)
        self._without[id] = removed
        self._propose(id, (1,), "ablate")

    def _propose(self, id: int, parents: tuple[int, ...], move: str) -> None:
        self.journal.record(Opened(experiment=id, epoch=0, parents=parents, proposer=move, seed=id))
        self.journal.record(
            Proposed(experiment=id, commit=f"c{id}", identity=f"i{id}", move=move, hypothesis="")
        )

    def _certify(self, pruned: int, margin: float, pairs: int) -> None:
        opened = open_certification(
            self.history, self.believer, self.task, pruned, against=1, margin=margin, pairs=pairs
        )
        self.journal.record(opened)
        for _ in count():
            jobs = wanted_trials(self.history, opened, self.task, lambda _: None)
            if not jobs:
                break
            self._run(jobs)
        self.journal.record(conclude(self.history, opened, self.task, lambda _: None))

    def _run(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            assert isinstance(job, TrialJob)
            self.journal.record(Tried(experiment=job.experiment, trial=self._trial(job)))

    def _trial(self, job: TrialJob) -> Trial:
        from move37.core.records import Failed

        removed = self._without[job.experiment]
        outcome: Measured | Failed
        if removed & self._breaks and removed != self._without[0]:
            outcome = Failed(stage="run", reason="NameError")
        else:
            score = self.true(removed) + self._noise * self._random.gauss(0, 1)
            outcome = Measured(
                score=score,
                metrics={"score": score},
                seconds=1.0,
                cpu_seconds=1.0,
                peak_memory_mb=1.0,
            )
        return Trial(purpose=job.purpose, index=job.index, seed=job.seed, outcome=outcome)

    def _edits(self) -> Sequence[Edit]:
        return [
            Edit(label=f"edit {n}", places=(f"a:{n}",), steps=(1,), pieces=frozenset({n}))
            for n in range(len(self.effects))
        ]

    def _count(self) -> int:
        return sum(len(one.trials) for one in self.history.experiments)
