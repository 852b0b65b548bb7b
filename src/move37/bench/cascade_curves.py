"""Synthetic studies of programs that learn: power laws with noise, whose curves may cross.

A program's curve falls as `end + amplitude (t^-power - T^-power)`. An edit changes the end, which is what
counts, and the amplitude and the power, which are what misleads. Real facts, belief, search, curve
rule and listener; only the runs are drawn.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Row, Tried
from move37.core.history import History
from move37.core.records import (
    CurveRule,
    Direction,
    Exit,
    Extend,
    Measured,
    Metric,
    Outcome,
    Repeat,
    Trial,
)
from move37.core.seeds import derive_seed
from move37.referee.curves import Listener, Points, learn
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion, make_search

STEPS = 50
"""Of a whole run."""
EFFECT = 5.0
"""Mean of the exponential effects of good and of harmful edits, in standard deviations of a run."""
GOOD, HARMFUL = 0.10, 0.80
"""Shares of all edits; the rest does nothing to the end."""
LOSS = Metric(name="loss", direction=Direction.MINIMIZE)
_LEARN_FROM = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Shapes:
    """How much an edit changes what misleads."""

    amplitude: float
    """Standard deviation of the logarithm of the factor."""
    power: float
    """Standard deviation of what is added."""


SHAPES = {
    "parallel": Shapes(amplitude=0.0, power=0.0),
    "crossing": Shapes(amplitude=0.2, power=0.05),
    "wild": Shapes(amplitude=0.5, power=0.1),
}


@dataclass(frozen=True, slots=True)
class Learner:
    """A program."""

    end: float
    amplitude: float
    power: float


class LearningWorld:
    """One study's luck: the i-th edit is the same, whoever makes it, and so is a program's i-th run."""

    def __init__(self, shapes: Shapes, seed: int) -> None:
        self._shapes = shapes
        self._seed = seed

    def edit(self, number: int, parent: Learner) -> Learner:
        random = Random(derive_seed(self._seed, "edit", number))
        kind, size = random.random(), EFFECT * random.expovariate(1.0)
        effect = -size if kind < GOOD else size if kind < GOOD + HARMFUL else 0.0
        factor = math.exp(random.gauss(0, self._shapes.amplitude))
        power = parent.power + random.gauss(0, self._shapes.power)
        return Learner(parent.end + effect, parent.amplitude * factor, min(max(power, 0.2), 1.2))

    def run(self, number: int, index: int, one: Learner) -> Iterator[float]:
        """The loss after each step. Its last is the score, but for its sign."""
        random = Random(derive_seed(self._seed, "run", number, index))
        luck = random.gauss(0, 1)
        for step in range(1, STEPS + 1):
            shape = step**-one.power - STEPS**-one.power
            wiggle = random.gauss(0, 0.3) if step < STEPS else 0.0
            yield one.end + luck + one.amplitude * shape + wiggle


class LearningStudy:
    """A study without programs, with or without early stop."""

    def __init__(self, world: LearningWorld, *, early_stop: bool) -> None:
        self.world = world
        self.history = History()
        self.believer = LineagePosterior()
        self.steps = 0
        """Steps run, of all trials."""
        self.ended = 0
        """Trials that were ended early."""
        self._early_stop = early_stop
        self._search = make_search("lineage", self.believer, proposers=("learning",))
        self._programs = [Learner(0.0, 20.0, 0.5)]
        self._finished: list[tuple[dict[str, Points], float]] = []
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )
        while missing_repeats(self.history.baseline):
            self._measure(0, may_end=False)

    def explore(self, experiments: int) -> None:
        """Search until so many experiments have been opened."""
        while len(self.history) <= experiments:
            choice = self._search.choose(self.history, pending=frozenset(), seed=len(self.history))
            match choice:
                case Extend(parents=parents, proposer=proposer):
                    self._open(parents[0], proposer)
                case Repeat(experiment=repeated):
                    self._measure(repeated, may_end=False)
                case None:
                    raise AssertionError("the baseline has been measured")

    def _open(self, parent: int, proposer: str) -> None:
        id = len(self.history)
        self._tell(Opened(experiment=id, epoch=0, parents=(parent,), proposer=proposer, seed=id))
        self._tell(
            Proposed(experiment=id, commit="", identity=str(id), move="planted", hypothesis="")
        )
        self._programs.append(self.world.edit(id, self._programs[parent]))
        self._measure(id, may_end=self._early_stop)

    def _measure(self, experiment: int, *, may_end: bool) -> None:
        index = self.history[experiment].count("search")
        listener = Listener(LOSS, self._rule() if may_end else None)
        loss = math.nan
        for step, loss in enumerate(
            self.world.run(experiment, index, self._programs[experiment]), start=1
        ):
            self.steps += 1
            listener.hear(b"step: %d loss: %.4f\n" % (step, loss))
            if listener.is_hopeless:
                break
        outcome = self._outcome(listener, loss)
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))

    def _outcome(self, listener: Listener, loss: float) -> Outcome:
        if listener.is_hopeless:
            self.ended += 1
            return listener.screened(_EXIT)
        self._finished.append(({"loss": listener.curves.points("loss")}, -loss))
        return Measured(score=-loss, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=0.0)

    def _rule(self) -> CurveRule | None:
        best = self.believer.belief(self.believer.ranking(1)[0])
        assert best is not None, "a ranked experiment has a belief"
        return learn(self._finished[-_LEARN_FROM:], "loss", best.mean)

    def gain(self) -> float:
        """The true gain of the champion."""
        best = champion(self.history, self.believer, ())
        assert best is not None, "the baseline has been measured"
        return -self._programs[best].end

    @property
    def cost(self) -> float:
        """In whole runs."""
        return self.steps / STEPS

    def _tell(self, fact: Fact) -> None:
        self.history.add(Row(0, 0.0, fact))
        self.believer.add(fact)
        self._search.add(fact)


_EXIT = Exit(
    ending="stopped",
    code=9,
    stdout=b"",
    stderr=b"",
    seconds=1.0,
    cpu_seconds=1.0,
    peak_memory_bytes=0,
)
