"""Planted studies with several proposers whose gains, costs and exhaustion are known.

A program is only its true score, and how much of it each proposer has found. Real facts go to the real
history, belief, search and portfolio; edits, runs, seconds and dollars are drawn, not made.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Row, SessionStarted, Tried
from move37.core.history import History
from move37.core.protocols import Search
from move37.core.records import Budget, Extend, Measured, Trial
from move37.core.seeds import derive_seed
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion

NOISE = 1.0
"""Standard deviation of one run; effects are in this unit."""
MEASURING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Planted:
    """One proposer: what its edits do, and what they cost. Effects are exponential with these means."""

    chance: float
    """Of an edit that helps."""
    good: float
    harm: float = 0.5
    """Four edits in ten do harm."""
    seconds: float = 0.0
    """Of asking, beside a second of measuring."""
    usd: float = 0.0
    pool: float = math.inf
    """It can find so much in all: a good edit is still there with the share that is left of it."""


HARMFUL = 0.4


@dataclass(frozen=True, slots=True)
class Scene:
    """A kind of study."""

    arms: tuple[Planted, ...]
    seconds: float
    """The budget, of measuring and asking."""
    usd: float | None = None


_GOOD = Planted(chance=0.15, good=1.0)
_USELESS = Planted(chance=0.0, good=0.0)
SCENES: Mapping[str, Scene] = {
    "good and useless": Scene((_GOOD, _USELESS), seconds=150),
    "good and harmful": Scene((_GOOD, Planted(0.0, 0.0, harm=2.0)), seconds=150),
    "one good of four": Scene((_GOOD, _USELESS, _USELESS, _USELESS), seconds=150),
    "slow is worth it": Scene((Planted(0.4, 1.5, seconds=3), Planted(0.05, 0.5)), seconds=300),
    "slow is not worth it": Scene((Planted(0.15, 1.0, seconds=9), Planted(0.15, 0.7)), seconds=300),
    "all alike": Scene((_GOOD, _GOOD, _GOOD), seconds=150),
    "one runs dry": Scene((Planted(0.4, 1.0, pool=6.0), Planted(0.15, 0.8)), seconds=200),
    "each runs dry": Scene(
        (Planted(0.3, 1.0, pool=5.0), Planted(0.3, 1.0, pool=5.0), _USELESS), seconds=200
    ),
    "dollars": Scene(
        (Planted(0.3, 1.0, seconds=2, usd=0.1), Planted(0.1, 0.7)), seconds=250, usd=3.0
    ),
    "four of all kinds": Scene(
        (
            Planted(0.3, 1.2, seconds=4, usd=0.05),
            Planted(0.15, 1.0, seconds=1, usd=0.01),
            Planted(0.3, 0.8, pool=5.0),
            _USELESS,
        ),
        seconds=300,
        usd=3.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Program:
    value: float
    found: tuple[float, ...]
    """Of its value, by arm."""


class World:
    """One study's luck: the i-th edit of each arm is the same for every method."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene = scene
        self._edits = [Random(derive_seed(seed, "edits", n)) for n in range(len(scene.arms))]
        self._noise = Random(derive_seed(seed, "noise"))

    def edit(self, program: Program, arm: int) -> Program:
        random, planted = self._edits[arm], self.scene.arms[arm]
        kind, size, left = random.random(), random.expovariate(1.0), random.random()
        if kind < planted.chance:
            is_gone = left * planted.pool < program.found[arm]
            effect = 0.0 if is_gone else size * planted.good
        else:
            effect = -size * planted.harm if kind < planted.chance + HARMFUL else 0.0
        found = list(program.found)
        found[arm] += max(0.0, effect)
        return Program(program.value + effect, tuple(found))

    def run(self, program: Program) -> float:
        return program.value + self._noise.gauss(0.0, NOISE)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a study."""

    gain: float
    """True score of the champion, less that of the start."""
    experiments: int
    spent: tuple[float, ...]
    """Share of the seconds, by arm."""


MakeSearch = Callable[[LineagePosterior, Sequence[str]], Search]


class ArmsStudy:
    """A study without programs that spends seconds and dollars."""

    def __init__(self, world: World, make: MakeSearch) -> None:
        self.world = world
        self.names = [f"arm{n}" for n in range(len(world.scene.arms))]
        self.history = History()
        self.believer = LineagePosterior()
        self.search = make(self.believer, self.names)
        self.programs = [Program(0.0, (0.0,) * len(self.names))]
        self.clock = 0.0
        self.spent = [0.0] * len(self.names)
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )

    def explore(self) -> Came:
        while missing_repeats(self.history.baseline):
            self._measure(0, 0.0)
        scene = self.world.scene
        budget = Budget(hours=scene.seconds / 3600, usd=scene.usd)
        self._tell(SessionStarted(version="", workers=1, sandbox="", budget=budget))
        began = self.clock
        while self.clock - began < scene.seconds and not self._is_poor(scene):
            self._next(len(self.history))
        best = champion(self.history, self.believer, ())
        assert best is not None
        whole = sum(self.spent) or 1.0
        return Came(
            self.programs[best].value,
            len(self.history) - 1,
            tuple(each / whole for each in self.spent),
        )

    def _is_poor(self, scene: Scene) -> bool:
        return scene.usd is not None and self.history.usd >= scene.usd

    def _next(self, id: int) -> None:
        choice = self.search.choose(self.history, pending=frozenset(), seed=id)
        if not isinstance(choice, Extend):
            assert choice is not None
            self._measure(choice.experiment, 0.0)
            return
        arm = self.names.index(choice.proposer)
        planted = self.world.scene.arms[arm]
        self._tell(
            Opened(
                experiment=id,
                epoch=0,
                parents=choice.parents,
                proposer=choice.proposer,
                seed=id,
                strategy=choice.strategy,
            )
        )
        self._tell(
            Proposed(
                experiment=id,
                commit="",
                identity=str(id),
                move=choice.proposer,
                hypothesis="",
                usd=planted.usd,
            )
        )
        self.programs.append(self.world.edit(self.programs[choice.parents[0]], arm))
        self._measure(id, planted.seconds)
        self.spent[arm] += planted.seconds + MEASURING_SECONDS

    def _measure(self, experiment: int, asking: float) -> None:
        seconds = asking + MEASURING_SECONDS
        self.clock += seconds
        index = self.history[experiment].count("search")
        outcome = Measured(
            score=self.world.run(self.programs[experiment]),
            metrics={},
            seconds=seconds,
            cpu_seconds=0.0,
            peak_memory_mb=0.0,
        )
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))

    def _tell(self, fact: Fact) -> None:
        self.history.add(Row(0, self.clock, fact))
        self.believer.add(fact)
        self.search.add(fact)
