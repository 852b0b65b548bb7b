"""Made-up studies, told in a few words: for tests and pictures of whatever reads a history."""

from collections.abc import Mapping
from pathlib import Path

from move37.core.facts import (
    CertificationOpened,
    Certified,
    Checked,
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Rejected,
    Row,
    SessionStarted,
    Tried,
)
from move37.core.history import History
from move37.core.protocols import Believer, Fold
from move37.core.records import (
    Belief,
    Budget,
    Direction,
    Evaluation,
    Failed,
    Files,
    Interval,
    Measured,
    Metric,
    Purpose,
    Stage,
    Task,
    Trial,
)
from move37.testing.beliefs import MeanBeliefs


def made_up_task(*, minimize: bool = True, budget: Budget | None = None) -> Task:
    return Task(
        name="made-up",
        root=Path("/made-up"),
        goal="Make the number move.",
        files=Files(edit=("train.py",)),
        evaluate=Evaluation(run="python train.py", timeout_seconds=60.0),
        metric=Metric(
            name="val_bpb", direction=Direction.MINIMIZE if minimize else Direction.MAXIMIZE
        ),
        budget=budget or Budget(experiments=100, hours=8.0),
    )


class MadeUpStudy:
    """A history that a test writes line by line, with a believer and other folds kept in step.

    Values are in the metric's unit, as the evaluation would print them. Every fact is a second
    after the one before it.
    """

    def __init__(
        self, task: Task, beliefs: Believer | None = None, folds: tuple[Fold, ...] = ()
    ) -> None:
        self.task = task
        self.history = History()
        self.beliefs: Believer = beliefs or MeanBeliefs(noise=0.01)
        self.facts: list[Fact] = []
        self._folds = (self.beliefs, *folds)
        self.add(SessionStarted(version="0", workers=2, sandbox="B, user"))

    def add(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.history.add(Row(len(self.facts), float(len(self.facts)), fact))
        for fold in self._folds:
            fold.add(fact)

    def baseline(self, *values: float) -> int:
        """Start an epoch with the trials of its baseline."""
        id, epoch = len(self.history), len(self.history.epochs)
        self.add(
            EpochStarted(
                epoch=epoch,
                fingerprint=f"{epoch}",
                task={},
                baseline=id,
                commit=f"c{id}",
                identity=f"i{id}",
                seed=1,
            )
        )
        for value in values:
            self.trial(id, value)
        return id

    def open(self, *parents: int, proposer: str = "tune") -> int:
        id = len(self.history)
        parents = parents or (self.history.epoch.baseline,)
        epoch = self.history.epoch.epoch
        self.add(Opened(experiment=id, epoch=epoch, parents=parents, proposer=proposer, seed=id))
        return id

    def experiment(
        self, *values: float, parents: tuple[int, ...] = (), hypothesis: str = "turn a knob"
    ) -> int:
        """An experiment that was proposed, and tried once for each value."""
        id = self.open(*parents)
        self.add(
            Proposed(
                experiment=id,
                commit=f"c{id}",
                identity=f"i{id}",
                move="tune.number",
                hypothesis=hypothesis,
                predicted_effect=0.01,
                prior=0.5,
            )
        )
        for value in values:
            self.trial(id, value)
        return id

    def trial(
        self,
        experiment: int,
        value: float,
        *,
        purpose: Purpose = "search",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        outcome = Measured(
            score=self.task.metric.score(value),
            metrics={self.task.metric.name: value, **(metrics or {})},
            seconds=2.5,
            cpu_seconds=2.0,
            peak_memory_mb=64.0,
        )
        index = self.history[experiment].count(purpose)
        trial = Trial(purpose=purpose, index=index, seed=100 + index, outcome=outcome)
        self.add(Tried(experiment=experiment, trial=trial))

    def failure(
        self,
        *parents: int,
        stage: Stage = "run",
        reason: str = "it exited with 1",
        output: str = "",
    ) -> int:
        """An experiment whose program was run, and failed."""
        id = self.experiment(parents=parents)
        failed = Failed(stage=stage, reason=reason, output=output, seconds=0.5)
        trial = Trial(purpose="search", index=0, seed=100, outcome=failed)
        self.add(Tried(experiment=id, trial=trial))
        return id

    def rejection(self, *parents: int, reason: str = "it was tried before") -> int:
        """An experiment without a program."""
        id = self.open(*parents)
        self.add(Rejected(experiment=id, failed=Failed(stage="propose", reason=reason)))
        return id

    def check(self, experiment: int, check: str, *, passed: bool) -> None:
        self.add(Checked(experiment=experiment, check=check, passed=passed))

    def certificate(
        self,
        experiment: int,
        *,
        effect: float | None,
        margin: float = 0.0,
        claim: bool = True,
        base: float = 0.0,
        holdout_effect: float | None = None,
    ) -> int:
        """Fresh evidence: an effect (positive is better) ± margin, on a baseline's value."""
        number, baseline = len(self.history.certifications), self.history.epoch.baseline
        believed = self.beliefs.difference(experiment, baseline) or Belief(0.0, 1.0)
        self.add(
            CertificationOpened(
                certification=number,
                experiment=experiment,
                baseline=baseline,
                believed=believed,
                pairs=8,
            )
        )
        score = self.task.metric.score(base)
        self.add(
            Certified(
                certification=number,
                experiment=experiment,
                baseline=baseline,
                effect=None if effect is None else _interval(effect, margin),
                baseline_score=score,
                holdout=None if holdout_effect is None else _interval(holdout_effect, margin),
                holdout_baseline_score=None if holdout_effect is None else score,
                claim=claim,
                reason="8 pairs of fresh trials; the interval excludes 0"
                if claim
                else "8 pairs of fresh trials; the interval contains 0",
            )
        )
        return number


def _interval(effect: float, margin: float) -> Interval:
    return Interval(effect=effect, low=effect - margin, high=effect + margin, level=0.95, pairs=8)
