"""Whether a study stands still: one notion, for whoever chooses parents and for whoever writes prompts.

A pure function of the history and the beliefs. `docs/search.md` says what comes of it.
"""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from move37.core.history import History
from move37.core.protocols import Believer

_LEAST_GAP = 8
"""The best belief is not expected to rise more often than after so many experiments."""
_RISES = 8
"""So many of the latest rises say how often that happened."""
_MOST_STEPS = 64
_STAGES = (1 / 3, 1 / 5, 1 / 9)
"""A stage begins where no more than this is left of the hope. Each lasts twice as long as the one before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stagnation:
    """How long ago the best belief last rose."""

    since: int
    """Experiments opened since the one that is believed best."""
    usual: float
    """After so many it rose before."""

    @property
    def hope(self) -> float:
        """What the next experiment is expected to improve, as a share of what one was: 1 down to 0.

        It is the chance of a rise that counts: one in `usual` before, and one in `usual + since`
        after so much silence (Laplace's rule of succession).
        """
        return self.usual / (self.usual + self.since)

    @property
    def stage(self) -> int:
        """0 while it may yet rise; then 1, 2, 3."""
        return sum(self.hope <= bound for bound in _STAGES)


def stagnation(history: History, beliefs: Believer, now: int) -> Stagnation:
    """As of the opening of experiment `now`.

    By belief: a champion that turns out to have been lucky makes the study older, not younger. Rises are
    the steps of the lineage of what is now believed best.
    """
    best = next(iter(beliefs.ranking(1)), None)
    if best is None:
        return Stagnation(since=0, usual=_LEAST_GAP)
    rises = [best]
    while len(rises) < _MOST_STEPS and (parents := history[rises[-1]].parents):
        rises.append(parents[0])
    gaps = [newer - older for newer, older in pairwise(rises)][:_RISES]
    usual = max(float(_LEAST_GAP), median(gaps) if gaps else 0.0)
    return Stagnation(since=now - best, usual=usual)
