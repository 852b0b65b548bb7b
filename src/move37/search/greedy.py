"""The keep-if-better ratchet that most tools use, as a baseline to compare with."""

from collections.abc import Sequence, Set

from move37.core.facts import Checked, EpochStarted, Fact, Opened, Steered, Tried
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Choice, Measured
from move37.search.common import Barred, extend, require_proposers


class Greedy:
    """Builds on the last program that was kept; keeps one whose first score beats the kept one's.

    Believes raw scores, as a script would, so luck is kept too: in the planted studies with small
    effects a fifth of its results are worse than the start.
    """

    def __init__(
        self, believer: Believer, *, proposers: Sequence[str], checks: Sequence[str] = ()
    ) -> None:
        del believer
        self._proposers = require_proposers(proposers)
        self._barred = Barred(frozenset(checks))
        self._known: dict[int, None] = {}
        self._tried: set[int] = set()
        self._kept: list[tuple[float, int]] = []

    @property
    def kept(self) -> int | None:
        """The program it builds on; `None` while the baseline has no score."""
        return self._kept[-1][1] if self._kept else None

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted(baseline=baseline):
                self._known, self._tried, self._kept = {baseline: None}, set(), []
                self._barred.start(baseline)
            case Opened(experiment=experiment):
                self._known[experiment] = None
            case Tried(experiment=experiment, trial=trial) if trial.purpose != "stage":
                if experiment in self._known and experiment not in self._tried:
                    self._tried.add(experiment)
                    if isinstance(trial.outcome, Measured) and experiment not in self._barred:
                        self._consider(experiment, trial.outcome.score)
            case Checked() | Steered():
                if (barred := self._barred.add(fact)) is not None:
                    # The first one stays: it is the baseline.
                    self._kept[1:] = [k for k in self._kept[1:] if k[1] != barred]
            case _:
                pass

    def _consider(self, experiment: int, score: float) -> None:
        if not self._kept or score > self._kept[-1][0]:
            self._kept.append((score, experiment))

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Extend what was kept last. `None` while the baseline has no score."""
        del history, pending
        if self.kept is None:
            return None
        return extend((self.kept,), self._proposers, seed, busy)
