"""The worlds of `bench referee`: programs whose true score is known, and evaluations that mislead.

A program is its true score. An edit adds a planted effect to it, or does nothing, or cheats. The unit is
the typical good effect. The i-th edit and the i-th run of a world are the same whatever rule spends them.
"""

from dataclasses import dataclass
from math import inf
from random import Random

from move37.core.seeds import derive_seed

GOOD, HARMFUL = 0.10, 0.40
"""Shares of all edits that help and harm; the rest does nothing."""
LEVEL = 20.0
"""What the unchanged program scores, in typical good effects: a drift is a share of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plant:
    """What edits do, and how an evaluation misleads. In typical good effects."""

    noise: float
    """Standard deviation of one run."""
    good: float = 1.0
    """Mean effect of a good edit; effects are exponential. 0: no edit helps."""
    harmful: float = 1.0
    cheats: float = 0.0
    """Share of edits that learn the search's own runs by heart: they look better, and are not."""
    cheat: float = 3.0
    """By how much a cheat looks better."""
    lucky: bool = False
    """Every run of a program shows the same number, and edits change it: a seed that is in the program."""
    drift: float = 0.0
    """By what share all scores have risen when as many runs as planned have been made."""
    single: float | None = None
    """The effect of the one good edit of the study. `None`: edits are as above."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and what nobody in the study can see of it."""

    id: int
    value: float
    """Its true score, less that of the unchanged program."""
    bonus: float = 0.0
    """By how much it looks better than it is where the search looks."""


class World:
    """One study's luck."""

    def __init__(self, plant: Plant, seed: int, runs: int) -> None:
        """runs: planned, which sets the pace of a drift and the place of a single gain."""
        self.plant = plant
        self._edits = Random(derive_seed(seed, "edits"))
        self._noise = Random(derive_seed(seed, "noise"))
        self._fresh = Random(derive_seed(seed, "fresh"))
        self.random = Random(derive_seed(seed, "rule"))
        """For a rule's own decisions."""
        self.runs = 0
        """Made so far, of either kind."""
        self._planned = runs
        self._single = Random(derive_seed(seed, "single")).randint(1, runs)
        self._programs = 1
        self._shown: dict[int, float] = {}
        self.start = Program(0, 0.0)

    def edit(self, parent: Program) -> Program:
        """The next edit, made on this program."""
        id, self._programs = self._programs, self._programs + 1
        plant, kind, size = self.plant, self._edits.random(), self._edits.expovariate(1.0)
        if plant.single is not None:
            gain = plant.single if id == self._single else 0.0
            return Program(id, parent.value + gain, parent.bonus)
        if kind < GOOD:
            return Program(id, parent.value + size * plant.good, parent.bonus)
        if kind < GOOD + HARMFUL:
            return Program(id, parent.value - size * plant.harmful, parent.bonus)
        if kind > 1 - plant.cheats:
            return Program(id, parent.value, parent.bonus + plant.cheat)
        return Program(id, parent.value, parent.bonus)

    def run(self, program: Program) -> float:
        """What a run shows to a rule that knows no better than to run it again as it is."""
        if not self.plant.lucky:
            return self._seen(program.value + program.bonus, self._noise)
        self.runs += 1
        if program.id not in self._shown:
            self._shown[program.id] = self._noise.gauss(0.0, self.plant.noise)
        return program.value + program.bonus + self._shown[program.id]

    def seeded_run(self, program: Program) -> float:
        """A run of the search with a seed that this program was never run with."""
        return self._seen(program.value + program.bonus, self._noise)

    def fresh_run(self, program: Program) -> float:
        """A run with a seed that the search has never seen; what was learned by heart is no use."""
        return self._seen(program.value, self._fresh)

    def _seen(self, value: float, luck: Random) -> float:
        drift = self.plant.drift * (LEVEL + value) * self.runs / self._planned
        self.runs += 1
        return value + drift + luck.gauss(0.0, self.plant.noise)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What a rule ends with."""

    gain: float
    """True gain of the program that it recommends."""
    believed: float
    """What it says the gain is."""
    claim: bool
    """Whether it says that this is an improvement."""
    runs: int
    """Evaluation runs spent, those of the unchanged program included."""
    low: float = -inf
    """The 90 % interval that it states, where it states one."""
    high: float = inf

    @property
    def is_false(self) -> bool:
        """It claims an improvement, and there is none."""
        return self.claim and self.gain <= 1e-12
