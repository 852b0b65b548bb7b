"""What was believed of a program, and what its next trial then said: columns, kept up fact by fact.

A fold that is told every fact after the believer. What it keeps was believed at the time: later trials do
not touch it, so that it can be held against them.
"""

from array import array
from math import hypot

from move37.core.facts import EpochStarted, Fact, Tried
from move37.core.protocols import Believer
from move37.core.records import Measured


class Later:
    """One row for each trial of a program that had been measured before. Do not modify the columns."""

    def __init__(self, beliefs: Believer) -> None:
        self._beliefs = beliefs
        self._start()

    def _start(self) -> None:
        self.experiment = array("q")
        self.fresh = array("b")
        """1: the trial was one of a certification."""
        self.mean = array("d")
        self.sd = array("d")
        """Of the score that the next trial would have, as believed after the one before it: what was not known
        of the program, and the noise of one trial."""
        self.score = array("d")
        """What it had."""
        self.paired = 0
        """Trials that are left out as they count only beside the one that they were run with."""
        self._expected: dict[int, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self.score)

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._start()
            case Tried(experiment=id, trial=trial) if trial.purpose != "stage":
                if not isinstance(trial.outcome, Measured):
                    return
                if trial.paired_with is not None:
                    self.paired += 1
                    return
                if (expected := self._expected.get(id)) is not None:
                    self.experiment.append(id)
                    self.fresh.append(trial.purpose == "certify")
                    self.mean.append(expected[0])
                    self.sd.append(expected[1])
                    self.score.append(trial.outcome.score)
                belief = self._beliefs.belief(id)
                if belief is not None:
                    self._expected[id] = belief.mean, hypot(belief.sd, self._beliefs.noise)
            case _:
                pass
