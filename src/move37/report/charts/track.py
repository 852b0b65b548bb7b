"""The track: what a chart needs of every experiment, as columns, kept up fact by fact.

A fold beside the history. A study of 100,000 experiments is not walked through again for each look.
"""

from array import array
from collections.abc import Sequence
from statistics import fmean

from move37.core.facts import (
    EpochStarted,
    Fact,
    Opened,
    Rejected,
    Staged,
    Tried,
)
from move37.core.history import History
from move37.core.records import Failed, Measured, Outcome, Screened

RUNNING, MEASURED, FAILED, SCREENED = range(4)
"""States of an experiment, as the column holds them."""
_NONE = float("nan")


class Track:
    """Columns by experiment, those of all epochs. Do not modify them."""

    def __init__(self, history: History) -> None:
        """history: of the same facts; each is in it before it comes here."""
        self._history = history
        self.seq = 0
        """How many facts were told."""
        self.state = array("b")
        self.score = array("d")
        """Mean of the finished full trials; NaN without one."""
        self.trials = array("i")
        """How many those are."""
        self.seconds = array("d")
        """Time worked on the study when it first had an outcome, or was opened if it has none."""
        self.usd = array("d")
        """Dollars spent on the study by then."""
        self.changed = array("q")
        """The number of the latest fact about it."""

    def __len__(self) -> int:
        return len(self.state)

    def since(self, seq: int, limit: int) -> Sequence[int]:
        """The experiments that later facts than this one are about, the latest first; at most so many."""
        import numpy as np

        changed = np.asarray(self.changed)
        found = np.flatnonzero(changed > seq)
        return [int(id) for id in found[np.argsort(-changed[found], kind="stable")][:limit]]

    def add(self, fact: Fact) -> None:
        self.seq += 1
        match fact:
            case EpochStarted(baseline=id) | Opened(experiment=id):
                self.state.append(RUNNING)
                self.score.append(_NONE)
                self.trials.append(0)
                self.seconds.append(self._history.seconds_worked)
                self.usd.append(self._history.usd)
                self.changed.append(self.seq)
            case Tried(experiment=id, trial=trial):
                if isinstance(trial.outcome, Measured) and trial.purpose != "stage":
                    scores = self._history[id].scores()
                    self.score[id], self.trials[id] = fmean(scores), len(scores)
                self._settle(id)
            case Rejected(experiment=id) | Staged(experiment=id):
                self._settle(id)
            case _:
                id = getattr(fact, "experiment", None)
                if isinstance(id, int) and id < len(self.changed):
                    self.changed[id] = self.seq

    def _settle(self, id: int) -> None:
        self.changed[id] = self.seq
        state = _code(self._history[id].outcome)
        if self.state[id] == RUNNING and state != RUNNING:
            self.seconds[id], self.usd[id] = self._history.seconds_worked, self._history.usd
        self.state[id] = state


def _code(outcome: Outcome | None) -> int:
    match outcome:
        case None:
            return RUNNING
        case Measured():
            return MEASURED
        case Failed():
            return FAILED
        case Screened():
            return SCREENED
