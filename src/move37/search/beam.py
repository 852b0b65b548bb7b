"""Beam search: a few of the best programs at a time, each changed equally often, then the next few."""

from collections.abc import Sequence, Set
from itertools import islice

from move37.core.facts import Checked, EpochStarted, Fact, Opened, Steered, Tried
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Choice
from move37.search.common import Barred, extend, ranked, require_proposers

WIDTH = 4
"""So many programs are built on at a time."""
BRANCH = 2
"""So often is each of them changed before the beam is chosen anew."""


class Beam:
    """The `WIDTH` best by belief, old and new alike, chosen anew after `WIDTH * BRANCH` experiments.

    Local beam search with the parents competing (Russell and Norvig, section 4.1; "mu + lambda" in
    evolution strategies). Nobody waits for the end of a round: when all of it has been opened, the next beam
    is made of what has been measured by then.
    """

    def __init__(
        self, believer: Believer, *, proposers: Sequence[str], checks: Sequence[str] = ()
    ) -> None:
        self._believer = believer
        self._proposers = require_proposers(proposers)
        self._barred = Barred(frozenset(checks))
        self._start(None)

    def _start(self, baseline: int | None) -> None:
        self._baseline = baseline
        self._barred.start(baseline)
        self._children: dict[int, int] = {}
        """Of those in the beam, since it was chosen."""

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted(baseline=baseline):
                self._start(baseline)
            case Opened(parents=parents):
                for parent in parents:
                    if parent in self._children:
                        self._children[parent] += 1
                if sum(self._children.values()) >= BRANCH * len(self._children):
                    self._choose_beam()
            case Checked() | Steered():
                barred = self._barred.add(fact)
                if barred is not None and self._children.pop(barred, None) is not None:
                    self._choose_beam()
            case Tried(experiment=experiment) if experiment == self._baseline:
                if not self._children:
                    self._choose_beam()
            case _:
                pass

    def _choose_beam(self) -> None:
        fit = (one for one in ranked(self._believer) if one not in self._barred)
        self._children = dict.fromkeys(islice(fit, WIDTH), 0)

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Extend the least extended program of the beam. `None` while the baseline has no score."""
        del history, pending
        if not self._children:
            return None
        parent = min(self._children, key=lambda one: (self._children[one], -self._mean(one), one))
        return extend((parent,), self._proposers, seed, busy)

    def _mean(self, experiment: int) -> float:
        belief = self._believer.belief(experiment)
        assert belief is not None, "a ranked experiment has a belief"
        return belief.mean
