"""A believer that is easy to predict, for tests of whatever shows or uses beliefs.

It believes the plain mean of an experiment's own trials and learns nothing from its relatives: not
what a study should be searched with.
"""

from collections.abc import Sequence
from math import hypot, sqrt
from statistics import fmean

from move37.core.facts import EpochStarted, Fact, Tried
from move37.core.records import Belief, Measured


class MeanBeliefs:
    """`Believer`: the mean of an experiment's trials, with sd `noise / sqrt(trials)`."""

    def __init__(self, noise: float = 1.0) -> None:
        self.noise = noise
        self._scores: dict[int, list[float]] = {}
        self._first = 0

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._first = fact.baseline
            case Tried(trial=trial) if isinstance(trial.outcome, Measured):
                self._scores.setdefault(fact.experiment, []).append(trial.outcome.score)
            case _:
                pass

    def belief(self, experiment: int) -> Belief | None:
        scores = self._scores.get(experiment)
        return Belief(fmean(scores), self.noise / sqrt(len(scores))) if scores else None

    def difference(self, experiment: int, other: int) -> Belief | None:
        this, that = self.belief(experiment), self.belief(other)
        if this is None or that is None:
            return None
        if experiment == other:
            return Belief(0.0, 0.0)
        return Belief(this.mean - that.mean, hypot(this.sd, that.sd))

    def ranking(self, limit: int) -> Sequence[int]:
        current = [id for id in self._scores if id >= self._first]
        return sorted(current, key=lambda id: (-fmean(self._scores[id]), id))[:limit]
