"""Planted studies with a cheap stage: programs with a true score on two scales that go together so much.

Real facts go to the real history, beliefs, search and cascade; only the runs are drawn.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from random import Random

from move37.bench.planted_methods import NOISE, Plant
from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Row, Staged, Tried
from move37.core.history import History
from move37.core.records import (
    MOST_STAGES,
    Direction,
    Evaluation,
    EvaluationStage,
    Extend,
    Files,
    Measured,
    Metric,
    Purpose,
    Repeat,
    Task,
    Trial,
)
from move37.core.seeds import derive_seed
from move37.referee.stages import Cascade, missing_stage_trials
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion, make_search
from move37.search.staged import StagePosterior

STAGE_SCALE = 3.0
"""The stage's score is on a scale of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A cheap stage of a planted evaluation."""

    correlation: float
    """Of what an edit truly does to the stage's score with what it truly does to the full one."""
    cost: float = 0.1
    """In full trials."""
    noise: float = 0.5
    """Of one run of the stage, in standard deviations of what an edit does to its score."""


class StagedWorld:
    """One study's luck. The i-th edit and the i-th run are the same for every method."""

    def __init__(self, plant: Plant, stage: Stage, seed: int) -> None:
        self.stage = stage
        self._plant = plant
        self._edits = Random(derive_seed(seed, "edits"))
        self._aside = Random(derive_seed(seed, "aside"))
        self._noise = Random(derive_seed(seed, "noise"))
        self._stage_noise = Random(derive_seed(seed, "stage noise"))
        self.mean, self.sd = moments(plant)

    def edit(self) -> tuple[float, float]:
        """What the next edit does to the true full score, and to that of the stage."""
        effect, other = self._plant.effect(self._edits), self._plant.effect(self._aside)
        own, rest = ((each - self.mean) / self.sd for each in (effect, other))
        r = self.stage.correlation
        return effect, STAGE_SCALE * (r * own + math.sqrt(1 - r * r) * rest)

    def run(self, value: float) -> float:
        return value + self._noise.gauss(0.0, NOISE)

    def run_stage(self, value: float) -> float:
        return value + self._stage_noise.gauss(0.0, STAGE_SCALE * self.stage.noise)


def moments(plant: Plant) -> tuple[float, float]:
    """Mean and standard deviation of one edit's effect."""
    from move37.bench.planted_methods import GOOD, HARMFUL

    mean = GOOD * plant.good - HARMFUL * plant.harmful
    square = 2 * GOOD * plant.good**2 + 2 * HARMFUL * plant.harmful**2
    return mean, math.sqrt(square - mean * mean) or 1.0


def planted_task(keep: float) -> Task:
    return Task(
        name="planted",
        root=Path("/planted"),
        goal="Find the planted gains.",
        files=Files(edit=("program",)),
        evaluate=Evaluation(
            run="full", stages=(EvaluationStage(name="short", run="short", keep=keep),)
        ),
        metric=Metric(name="score", direction=Direction.MAXIMIZE),
    )


class StagedStudy:
    """A study without programs, with or without its cheap stage."""

    def __init__(self, world: StagedWorld, *, cascade: bool, keep: float = 0.1) -> None:
        self.world = world
        self.history = History()
        self.believer = LineagePosterior()
        self.spent = 0.0
        """In full trials."""
        self.full = 0
        self.decisions: list[Staged] = []
        self._staged = StagePosterior(0)
        self._task = planted_task(keep)
        self._cascade = Cascade(
            self._task, self.believer, [self._staged], spread=lambda: self.believer.tau
        )
        self._uses = cascade
        self._search = make_search("lineage", self.believer, proposers=("planted",))
        self._values = [(0.0, 0.0)]
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )
        while missing_repeats(self.history.baseline):
            self._measure(0)
        if cascade:
            for index in missing_stage_trials(self.history.baseline, self._task.evaluate.stages):
                self._measure_stage(0, index)

    def explore(self, budget: float) -> None:
        """Search until so much is spent, in full trials."""
        while self.spent < budget:
            choice = self._search.choose(self.history, pending=frozenset(), seed=len(self.history))
            match choice:
                case Extend(parents=parents, proposer=proposer):
                    self._open(parents[0], proposer)
                case Repeat(experiment=repeated):
                    self._measure(repeated)
                case None:
                    raise AssertionError("the baseline has been measured")

    def _open(self, parent: int, proposer: str) -> None:
        id = len(self.history)
        self._tell(Opened(experiment=id, epoch=0, parents=(parent,), proposer=proposer, seed=id))
        self._tell(
            Proposed(experiment=id, commit="", identity=str(id), move="planted", hypothesis="")
        )
        value, stage_value = self._values[parent]
        effect, stage_effect = self.world.edit()
        self._values.append((value + effect, stage_value + stage_effect))
        if self._uses:
            self._measure_stage(id, 0)
            decided = self._cascade.decide(self.history, self.history[id])
            assert decided is not None, "it has just had its stage"
            self._tell(decided)
            self.decisions.append(decided)
        if self.history[id].is_running:
            self._measure(id)

    def _measure(self, experiment: int) -> None:
        index = self.history[experiment].count("search")
        score = self.world.run(self._values[experiment][0])
        self._tell_trial(experiment, "search", index, score, 1.0)
        self.full += 1

    def _measure_stage(self, experiment: int, index: int) -> None:
        assert index % MOST_STAGES == 0, "there is one stage"
        score = self.world.run_stage(self._values[experiment][1])
        self._tell_trial(experiment, "stage", index, score, self.world.stage.cost)

    def _tell_trial(
        self, experiment: int, purpose: Purpose, index: int, score: float, cost: float
    ) -> None:
        outcome = Measured(
            score=score, metrics={}, seconds=cost, cpu_seconds=cost, peak_memory_mb=0.0
        )
        trial = Trial(purpose=purpose, index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))
        self.spent += cost

    def effect(self, experiment: int) -> float:
        """What its edit truly did."""
        parent = self.history[experiment].parents[0]
        return self._values[experiment][0] - self._values[parent][0]

    def gain(self) -> float:
        """The true gain of the champion."""
        best = champion(self.history, self.believer, ())
        assert best is not None, "the baseline has been measured"
        return self._values[best][0]

    def _tell(self, fact: Fact) -> None:
        self.history.add(Row(0, 0.0, fact))
        for fold in (self.believer, self._staged, self._search, self._cascade):
            fold.add(fact)
