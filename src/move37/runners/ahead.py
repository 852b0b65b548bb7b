"""How far proposers that have to ask should work ahead of the workers: so far that a free worker finds
something ready, and no further, as what is built on grows stale meanwhile."""

import math
from collections import deque
from statistics import fmean

from move37.core.facts import Answered, EpochStarted, Fact, Tried

_LATEST = 64
"""Of the answers and the trials, whose mean times count."""


class Ahead:
    """A `Fold`. The seconds are those that the facts tell, so a resumed study asks as far ahead as before."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._answers: deque[float] = deque(maxlen=_LATEST)
        self._trials: deque[float] = deque(maxlen=_LATEST)

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._trials.clear()
            case Answered(seconds=seconds):
                self._answers.append(seconds)
            case Tried(trial=trial):
                self._trials.append(trial.outcome.seconds)
            case _:
                pass

    @property
    def most(self) -> float:
        """So many experiments may be asked for or ready, all proposers together.

        While an answer is waited for, the workers end `workers * answer / trial` trials: so many must be under
        way. Half as many as there are workers, and one, are ready besides, for when answers are late. Before
        anything is known an answer is taken to last as long as a trial.
        """
        answer = fmean(self._answers) if self._answers else 0.0
        trial = fmean(self._trials) if self._trials else 0.0
        known = self._answers and self._trials
        each = (answer / trial if trial > 0 else math.inf) if known else 1.0
        return self._workers * (each + 0.5) + 1
