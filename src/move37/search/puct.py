"""Tree search as in AlphaZero, with belief for a value: down the tree to where a change promises most."""

import math
from collections.abc import Sequence, Set

from move37.core.facts import (
    Checked,
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Rejected,
    Steered,
    Tried,
)
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Choice, Measured
from move37.search.common import Barred, extend, require_proposers

EXPLORATION = 0.2
"""`c`."""
WIDTH, WIDENING = 4.0, 0.25
"""A program visited `n` times has up to `WIDTH * n ** WIDENING` children."""
_SCALE = 32
"""A value of 0 is that of the program in this place of the ranking, and a value of 1 that of the best."""
_PRIOR = 0.5
"""Of a child whose proposer had no opinion."""
_DEEPEST = 10_000


class Puct:
    """From the baseline down: a child is chosen by `Q + c P sqrt(N) / (1 + n)`, or a new one is made.

    `Q` is the belief in the best program at or below a child, scaled; `P` its proposer's prior, over the
    sum of all its siblings'; `n` how many experiments were opened at or below it, `N` those below its parent.
    Experiments under way count in `n`, and as losses in `Q`, so that parallel choices differ (virtual
    loss). D. Silver et al., Nature 550 (2017), after C. Rosin, "Multi-armed bandits with episode context"
    (2011). There is always another edit, so how many children a program has grows with its visits: R.
    Coulom, "Computing Elo ratings of move patterns" (2007), progressive widening.
    """

    def __init__(
        self, believer: Believer, *, proposers: Sequence[str], checks: Sequence[str] = ()
    ) -> None:
        self._believer = believer
        self._proposers = require_proposers(proposers)
        self._barred = Barred(frozenset(checks))
        self._start(None)

    def _start(self, baseline: int | None) -> None:
        self._parent: dict[int, int] = {}
        self._children: dict[int, list[int]] = {}
        """Those that were measured, by parent."""
        self._opened: dict[int, int] = {}
        """Children of a program, those that came to nothing included."""
        self._visits: dict[int, int] = {}
        self._losing: dict[int, int] = {}
        """Of the visits, those that are under way."""
        self._running: set[int] = set()
        self._best: dict[int, int] = {}
        """At or below a program."""
        self._value: dict[int, float] = {}
        """Belief in that one, as of the latest news from below: it is not asked for on the way down."""
        self._prior: dict[int, float] = {}
        self._priors: dict[int, float] = {}
        """The sum of those of a program's measured children."""
        self._barred.start(baseline)

    # --- taking facts ------------------------------------------------------------------------------

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted(baseline=baseline):
                self._start(baseline)
            case Opened(experiment=experiment, parents=(parent, *_)):
                self._parent[experiment] = parent
                self._opened[parent] = self._opened.get(parent, 0) + 1
                self._running.add(experiment)
                for above in self._path(experiment):
                    self._visits[above] = self._visits.get(above, 0) + 1
                    self._losing[above] = self._losing.get(above, 0) + 1
            case Proposed(experiment=experiment, prior=prior):
                if prior is not None and math.isfinite(prior):
                    self._prior[experiment] = min(max(prior, 0.0), 1.0)
            case Rejected(experiment=experiment):
                self._end(experiment)
            case Tried(experiment=experiment, trial=trial) if trial.purpose != "stage":
                is_first = self._end(experiment)
                if is_first and isinstance(trial.outcome, Measured):
                    self._settle(experiment)
            case Checked() | Steered():
                self._barred.add(fact)
            case _:
                pass

    def _path(self, experiment: int) -> Sequence[int]:
        path = [experiment]
        while (parent := self._parent.get(path[-1])) is not None:
            path.append(parent)
        return path

    def _end(self, experiment: int) -> bool:
        """It is under way no more. Return whether it was."""
        if experiment not in self._running:
            return False
        self._running.remove(experiment)
        for above in self._path(experiment):
            self._losing[above] -= 1
        return True

    def _settle(self, experiment: int) -> None:
        """It has been measured: a child to go down to, and maybe the best of its family."""
        parent = self._parent[experiment]
        self._children.setdefault(parent, []).append(experiment)
        self._priors[parent] = self._priors.get(parent, 0.0) + self._prior_of(experiment)
        means = {experiment: self._mean(experiment)}
        for above in self._path(experiment):
            best = self._best.setdefault(above, above)
            if best not in means:
                means[best] = self._mean(best)
            if means[experiment] > means[best]:
                self._best[above] = best = experiment
            self._value[above] = means[best]

    # --- choosing ----------------------------------------------------------------------------------

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Extend the program that the way down ends at. `None` while the baseline has no score."""
        del pending
        if not history.baseline.is_measured:
            return None
        ranking = self._believer.ranking(_SCALE)
        top, bottom = self._mean(ranking[0]), self._mean(ranking[-1])
        here, end = history.baseline.id, history.baseline.id
        for _ in range(_DEEPEST):
            if here not in self._barred:
                end = here
            below = self._children.get(here)
            if not below or (here not in self._barred and self._has_room(here)):
                break
            here = max(below, key=lambda child: (self._worth(child, bottom, top), -child))
        return extend((end,), self._proposers, seed, busy)

    def _has_room(self, program: int) -> bool:
        visits = self._visits.get(program, 0) + 1
        return self._opened.get(program, 0) < WIDTH * visits**WIDENING

    def _worth(self, child: int, bottom: float, top: float) -> float:
        visits, losing = self._visits[child], self._losing[child]
        best = self._value[child]
        value = min(max((best - bottom) / (top - bottom), 0.0), 1.0) if top > bottom else 1.0
        value *= (visits - losing) / visits
        parent = self._parent[child]
        share = self._prior_of(child) / max(self._priors[parent], 1e-12)
        bonus = EXPLORATION * share * math.sqrt(self._visits.get(parent, 0)) / (1 + visits)
        return value + bonus

    def _prior_of(self, experiment: int) -> float:
        return self._prior.get(experiment, _PRIOR)

    def _mean(self, experiment: int) -> float:
        belief = self._believer.belief(experiment)
        return -math.inf if belief is None else belief.mean
