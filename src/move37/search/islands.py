"""Islands of elites: the best program of every kind is kept and built on, whatever the best of all is."""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from random import Random

from move37.core.facts import Checked, EpochStarted, Fact, Opened, Proposed, Steered, Tried
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Choice, Measured
from move37.core.seeds import derive_seed
from move37.search.common import Barred, extend, require_proposers, told_sites

ISLANDS = 4
MIGRATION = 8
"""Every so many experiments of an island, it builds on the best of the one before it."""
_MOST_CELLS = 256
"""Of an island. When there are more, the worst elite goes."""

Cell = tuple[int, str]
"""Size of a program, in powers of two, and where it was last edited."""


@dataclass(slots=True)
class Island:
    opened: int = 0
    elites: dict[Cell, int] = field(default_factory=dict[Cell, int])


class Islands:
    """MAP-Elites on several islands, with migration round a ring.

    J.-B. Mouret, J. Clune, "Illuminating search spaces by mapping elites", arXiv:1504.04909 (2015); islands
    for programs as in B. Romera-Paredes et al., Nature 625 (2024). An island's cells are kinds of program:
    how many lines of the baseline it changes, and where its last edit was. Each cell keeps the best by
    belief. A parent is the better of two elites drawn by chance. Islands take turns; what is opened on
    an island's turn belongs to it.
    """

    def __init__(
        self, believer: Believer, *, proposers: Sequence[str], checks: Sequence[str] = ()
    ) -> None:
        self._believer = believer
        self._proposers = require_proposers(proposers)
        self._barred = Barred(frozenset(checks))
        self._start()

    def _start(self) -> None:
        self._islands = [Island() for _ in range(ISLANDS)]
        self._turn = 0
        self._island: dict[int, Island] = {}
        """Of experiments that have not ended."""
        self._cell: dict[int, Cell] = {}

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted(baseline=baseline):
                self._start()
                self._barred.start(baseline)
            case Opened(experiment=experiment):
                island = self._islands[self._turn % ISLANDS]
                island.opened += 1
                self._turn += 1
                self._island[experiment] = island
            case Proposed(experiment=experiment):
                self._cell[experiment] = _cell(fact)
            case Tried(experiment=experiment, trial=trial) if trial.purpose != "stage":
                island = self._island.pop(experiment, None)
                cell = self._cell.pop(experiment, None)
                is_fit = isinstance(trial.outcome, Measured) and experiment not in self._barred
                if island is not None and cell and is_fit:
                    self._settle(island, cell, experiment)
            case Checked() | Steered():
                if (barred := self._barred.add(fact)) is not None:
                    for island in self._islands:
                        island.elites = {c: e for c, e in island.elites.items() if e != barred}
            case _:
                pass

    def _settle(self, island: Island, cell: Cell, experiment: int) -> None:
        elite = island.elites.get(cell)
        if elite is None or self._mean(experiment) > self._mean(elite):
            island.elites[cell] = experiment
        if len(island.elites) > _MOST_CELLS:
            del island.elites[min(island.elites, key=lambda c: self._mean(island.elites[c]))]

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Extend an elite of the island whose turn it is. `None` while the baseline has no score."""
        del pending
        if not history.baseline.is_measured:
            return None
        here = self._islands[self._turn % ISLANDS]
        if (here.opened + 1) % MIGRATION == 0:
            neighbour = self._islands[(self._turn - 1) % ISLANDS]
            parent = max(self._homes(neighbour, history), key=lambda e: (self._mean(e), -e))
        else:
            random = Random(derive_seed(seed, "elite"))
            homes = self._homes(here, history)
            drawn = [random.choice(homes) for _ in range(2)]
            parent = max(drawn, key=lambda e: (self._mean(e), -e))
        return extend((parent,), self._proposers, seed, busy)

    def _homes(self, island: Island, history: History) -> Sequence[int]:
        """Its elites; the baseline is at home everywhere."""
        return [history.baseline.id, *island.elites.values()]

    def _mean(self, experiment: int) -> float:
        belief = self._believer.belief(experiment)
        return -math.inf if belief is None else belief.mean


def _cell(fact: Proposed) -> Cell:
    return (fact.size or 0).bit_length(), next(iter(told_sites(fact.detail)), fact.move)
