"""Best-first on belief: build on the program that is believed to be best, until it wears out."""

import math
from collections.abc import Sequence, Set
from itertools import islice
from random import Random

from move37.core.facts import EpochStarted, Fact, Opened
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Choice, Extend, Repeat
from move37.core.seeds import derive_seed
from move37.core.stagnation import stagnation
from move37.search.common import eligible, extend, may_be_parent, require_proposers
from move37.search.niches import Niches
from move37.search.repeats import horizon, next_repeat, repeats_under_way

_CANDIDATES = 16
"""So many of the best are looked at."""
_RIVALS = 4
"""The gap between the best and this one is the unit in which wear is counted."""
_PATIENCE = 5
"""So many children wear a program out by ln 2 of that unit."""

WIDE = (0.0, 0.125, 0.5, 0.75)
"""By stage of stagnation: the share of the experiments that build on another program than the best."""
RESTARTS = (0.0, 0.0, 0.0, 0.125)
"""And, of those, the share that begin again at the baseline."""
_DRAWS = 64
"""So often a program is drawn to find two that may be parents."""


class Lineage:
    """The default. A parent's value is its posterior mean, less `unit * ln(1 + children / patience)`.

    While children succeed, the newest best one has none and is taken: best-first search. While they
    fail, its own descendants lower the belief in it, and its wear lowers its value, so that the
    search widens to the next best, slowly: the more it has stagnated, the wider. `unit` is the gap in
    belief between the best and the fourth best, so the rule has no scale of its own. Children under
    way count, so parallel choices spread. A logarithm, because where gains are exponential the chance
    that a parent which is worse by `g` still gives a new best falls as `exp(-g)`, and that of one whose
    `n` children all failed as `1 / n`.

    That is best-first search still, among the best few. When the study stands still (`core/stagnation.py`),
    a share of the experiments goes to other programs, however bad: of two drawn by chance, the better
    one. What takes two edits together, each of which does harm alone, is found in no other way, unless both
    are choices: to other combinations of choices a share goes from early on (`niches.py`).

    Near the end of the budget it repeats the best few where that is worth more (`repeats.py`).
    """

    def __init__(
        self,
        believer: Believer,
        *,
        proposers: Sequence[str],
        checks: Sequence[str] = (),
        wide: Sequence[float] = WIDE,
    ) -> None:
        """wide: by stage of stagnation, the share of the experiments that build on other programs."""
        self._wide = tuple(wide)
        self._believer = believer
        self._proposers = require_proposers(proposers)
        self._checks = tuple(checks)
        self._children: dict[int, int] = {}
        self._niches = Niches(believer)

    def add(self, fact: Fact) -> None:
        self._niches.add(fact)
        match fact:
            case EpochStarted():
                self._children = {}
            case Opened(parents=parents):
                for parent in parents:
                    self._children[parent] = self._children.get(parent, 0) + 1
            case _:
                pass

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Extend the most valuable program, or repeat one.

        `None` while nothing has been measured, and when repeats under way will use up the budget.
        """
        candidates = self._candidates(history)
        if not candidates:
            return None
        repeating = repeats_under_way(history, pending)
        ahead = horizon(history, repeating)
        if repeating and not ahead.left:
            return None
        repeated = next_repeat(history, self._believer, candidates, ahead, pending)
        if repeated is not None:
            return Repeat(experiment=repeated)
        return self._extend(history, candidates, seed, busy)

    def extend(self, history: History, *, seed: int, busy: Set[str] = frozenset()) -> Extend | None:
        """Extend the most valuable program, whatever a repeat may be worth."""
        candidates = self._candidates(history)
        return self._extend(history, candidates, seed, busy) if candidates else None

    def _candidates(self, history: History) -> Sequence[int]:
        return list(islice(eligible(history, self._believer, self._checks), _CANDIDATES))

    def _extend(
        self, history: History, candidates: Sequence[int], seed: int, busy: Set[str]
    ) -> Extend | None:
        parent = self._another(history, seed)
        if parent is None:
            parent = self._other_choice(history, candidates[0], seed)
        if parent is None:
            parent = self._most_valuable(candidates)
        return extend((parent,), self._proposers, seed, busy)

    def _another(self, history: History, seed: int) -> int | None:
        """A program off the beaten track. `None`: it is not time for that."""
        stage = stagnation(history, self._believer, len(history)).stage
        random = Random(derive_seed(seed, "wide"))
        if random.random() >= self._wide[stage]:
            return None
        if random.random() < RESTARTS[stage]:
            return history.baseline.id
        drawn = (random.randrange(history.baseline.id, len(history)) for _ in range(_DRAWS))
        fit = (one for one in drawn if may_be_parent(history, one, self._checks))
        return max(islice(fit, 2), key=lambda one: (self._mean(one), -one), default=None)

    def _other_choice(self, history: History, best: int, seed: int) -> int | None:
        """A good program that has chosen otherwise than the best. `None`: it is not time for that."""
        experiments = len(history) - history.baseline.id
        drawn = self._niches.draw(best, experiments, Random(derive_seed(seed, "niche")))
        return drawn if drawn is not None and may_be_parent(history, drawn, self._checks) else None

    def _most_valuable(self, candidates: Sequence[int]) -> int:
        """candidates: best first."""
        means = [self._mean(candidate) for candidate in candidates]
        unit = means[0] - means[min(_RIVALS, len(means)) - 1]

        def value(place: int) -> tuple[float, int, int]:
            candidate = candidates[place]
            children = self._children.get(candidate, 0)
            wear = math.log1p(children / _PATIENCE)
            return means[place] - unit * wear, -children, -candidate

        return candidates[max(range(len(candidates)), key=value)]

    def _mean(self, experiment: int) -> float:
        belief = self._believer.belief(experiment)
        assert belief is not None, "a ranked experiment has a belief"
        return belief.mean
