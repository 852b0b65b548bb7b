"""How far proposers that have to ask should work ahead of the workers: so far that a free worker finds
something ready, and no further, as what is built on grows stale meanwhile."""

import math
from collections import deque
from collections.abc import Mapping
from statistics import fmean

from move37.core.facts import Answered, EpochStarted, Fact, Opened, Rejected, Tried

_LATEST = 64
"""Of the trials, and of each proposer's answers, whose mean times count."""


class Ahead:
    """A `Fold`. The seconds are those that the facts tell, so a resumed study asks as far ahead as before."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._proposers: dict[int, str] = {}
        """Of experiments that may still be asked for."""
        self._answers: dict[str, deque[float]] = {}
        self._trials: deque[float] = deque(maxlen=_LATEST)

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._trials.clear()
            case Opened(experiment=experiment, proposer=proposer):
                self._proposers[experiment] = proposer
            case Answered(experiment=experiment, seconds=seconds):
                proposer = self._proposers.get(experiment, "")
                self._answers.setdefault(proposer, deque(maxlen=_LATEST)).append(seconds)
            case Rejected(experiment=experiment):
                self._proposers.pop(experiment, None)
            case Tried(experiment=experiment, trial=trial):
                self._proposers.pop(experiment, None)
                self._trials.append(trial.outcome.seconds)
            case _:
                pass

    @property
    def most(self) -> float:
        """So many experiments may be asked for or ready, in questions to whoever answers soonest.

        While one answer is waited for, the workers end `workers * answer / trial` trials: so many must be under
        way. Half as many as there are workers, and one, are ready besides, for when answers are late. Before
        anything is known an answer is taken to last as long as a trial.
        """
        soonest = min(map(fmean, self._answers.values()), default=None)
        trial = fmean(self._trials) if self._trials else None
        each = 1.0
        if soonest is not None and trial is not None:
            each = soonest / trial if trial > 0 else math.inf
        return self._workers * (each + 0.5) + 1

    def is_enough(self, asking: Mapping[str, int], ready: int) -> bool:
        """Whether nothing more need be asked now.

        asking: experiments without a program, by proposer; ready: those that wait for a worker.
        Somebody who takes ten times as long brings a tenth in the same time, and counts as that, so that
        slow ones keep nobody waiting. One who has not answered yet, where others have, does not count.
        """
        means = {name: fmean(times) for name, times in self._answers.items()}
        soonest = min(means.values(), default=0.0)

        def weight(name: str) -> float:
            if not means:
                return 1.0
            mean = means.get(name, math.inf)
            return soonest / mean if mean > 0 else 1.0

        return ready + sum(count * weight(name) for name, count in asking.items()) >= self.most
