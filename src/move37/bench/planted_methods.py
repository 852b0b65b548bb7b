"""The planted studies of `bench planted`, and the ways of searching them that it compares.

A planted program is only its true score; an edit adds a known effect to it. What is compared is how each
method spends its evaluation runs. `lineage` and `greedy` are the product's own: real facts go to the real
history, belief and search. The others are straight-line simulations of what is widely done.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Row, SessionStarted, Tried
from move37.core.history import History
from move37.core.protocols import Believer, Search
from move37.core.records import Belief, Budget, Extend, Measured, Repeat, Trial
from move37.core.seeds import derive_seed
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion, make_search

NOISE = 1.0
"""Standard deviation of one run, unless a world has another; effects are in this unit."""
GOOD, HARMFUL = 0.10, 0.40
"""Shares of all edits; the rest does nothing."""


@dataclass(frozen=True, slots=True)
class Plant:
    """What edits do. Effects of good and of harmful ones are exponential with these means."""

    good: float
    harmful: float

    def effect(self, random: Random) -> float:
        """Of one more edit, whatever program it is made on."""
        kind, size = random.random(), random.expovariate(1.0)
        if kind < GOOD:
            return size * self.good
        return -size * self.harmful if kind < GOOD + HARMFUL else 0.0


class World:
    """One study's luck: the i-th edit and the i-th run are the same for every method."""

    def __init__(
        self, plant: Plant, seed: int, *, noise: float = NOISE, ceiling: float = math.inf
    ) -> None:
        """noise: standard deviation of one run. ceiling: the score at which nothing is left to find; a
        good edit is still there with the share of the way that is left to go."""
        self._plant = plant
        self._sd = noise
        self._ceiling = ceiling
        self._left = Random(derive_seed(seed, "left"))
        self._edits = Random(derive_seed(seed, "edits"))
        self._noise = Random(derive_seed(seed, "noise"))
        self._fresh = Random(derive_seed(seed, "fresh"))
        self.random = Random(derive_seed(seed, "method"))
        """For a method's own decisions."""

    def edit(self, value: float) -> float:
        """True score of a program after the next edit."""
        effect = self._plant.effect(self._edits)
        is_gone = effect > 0 and self._left.random() * self._ceiling < value
        return value if is_gone else value + effect

    def run(self, value: float) -> float:
        """The score that one evaluation run shows."""
        return value + self._noise.gauss(0.0, self._sd)

    def fresh_run(self, value: float) -> float:
        """The same, outside the search's budget."""
        return value + self._fresh.gauss(0.0, self._sd)


@dataclass(frozen=True, slots=True)
class Recommended:
    """What a method ends with."""

    gain: float
    """True score of the program it recommends, less that of the start."""
    believed: float
    """What it says the gain is."""


Method = Callable[[World, int], Recommended]
"""(world, runs) -> what it recommends after so many evaluation runs."""


# --- the product ---------------------------------------------------------------------------------


class PlantedStudy:
    """A study without programs: real facts, history, belief and search; runs are drawn, not made."""

    def __init__(self, world: World, search: str | Callable[[Believer], Search]) -> None:
        """search: the name of one of the product's, or what makes another."""
        self.world = world
        self.history = History()
        self.believer = LineagePosterior()
        self.search: Search = (
            make_search(search, self.believer, proposers=("planted",))
            if isinstance(search, str)
            else search(self.believer)
        )
        self.values = [0.0]
        self.runs = 0
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )

    def repeat_baseline(self) -> None:
        """As often as the referee asks for."""
        while missing_repeats(self.history.baseline):
            self.measure(0)

    def explore(self, runs: int, *, at_once: int = 1) -> None:
        """Search until so many runs are spent, choosing `at_once` experiments before any is measured.

        The search is told the budget, as in a real study.
        """
        budget = Budget(experiments=self.history.spent() + runs - self.runs)
        self._tell(SessionStarted(version="", workers=at_once, sandbox="", budget=budget))
        while self.runs < runs:
            batch: list[int] = []
            while len(batch) < min(at_once, runs - self.runs) and self._choose(batch):
                pass
            for experiment in batch:
                self.measure(experiment)

    def _choose(self, batch: list[int]) -> bool:
        id = len(self.history)
        choice = self.search.choose(self.history, pending=frozenset(batch), seed=id)
        match choice:
            case Repeat(experiment=repeated):
                batch.append(repeated)
            case Extend(parents=parents, proposer=proposer):
                self._tell(
                    Opened(experiment=id, epoch=0, parents=parents, proposer=proposer, seed=id)
                )
                self._tell(
                    Proposed(
                        experiment=id, commit="", identity=str(id), move="planted", hypothesis=""
                    )
                )
                self.values.append(self.world.edit(self.values[parents[0]]))
                batch.append(id)
            case None:
                return False
        return True

    def measure(self, experiment: int) -> None:
        index = self.history[experiment].count("search")
        score = self.world.run(self.values[experiment])
        self.runs += 1
        outcome = Measured(
            score=score, metrics={}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0
        )
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))

    def champion(self) -> tuple[int, Belief]:
        """The champion, and what is believed of its gain."""
        best = champion(self.history, self.believer, ())
        assert best is not None, "the baseline has been measured"
        believed = self.believer.difference(best, 0)
        assert believed is not None, "both have been measured"
        return best, believed

    def _tell(self, fact: Fact) -> None:
        self.history.add(Row(0, 0.0, fact))
        self.believer.add(fact)
        self.search.add(fact)


def lineage(world: World, runs: int, *, at_once: int = 1) -> Recommended:
    """Best-first on the lineage posterior, the product's default; baseline repeats are paid for."""
    study = PlantedStudy(world, "lineage")
    study.repeat_baseline()
    study.explore(runs, at_once=at_once)
    best, believed = study.champion()
    return Recommended(study.values[best], believed.mean)


def greedy(world: World, runs: int) -> Recommended:
    """The product's ratchet: keep an edit when its one run beats that of the program it changed."""
    study = PlantedStudy(world, "greedy")
    study.measure(0)
    study.explore(runs)
    # The ratchet's last word is what it would build on next.
    choice = study.search.choose(study.history, pending=frozenset(), seed=0)
    assert isinstance(choice, Extend), "the baseline has been measured"
    kept = choice.parents[0]
    start = study.history[0].scores()[0]
    return Recommended(study.values[kept], study.history[kept].scores()[0] - start)


# --- what is widely done -------------------------------------------------------------------------


def greedy_by_margin(world: World, runs: int, *, margin: float = 1.0) -> Recommended:
    """Keep an edit when its run is better by `margin` noise sd, which this method is told."""
    value, start = 0.0, world.run(0.0)
    kept = start
    for _ in range(runs - 1):
        candidate = world.edit(value)
        score = world.run(candidate)
        if score > kept + margin * NOISE:
            value, kept = candidate, score
    return Recommended(value, kept - start)


def greedy_confirmed(world: World, runs: int) -> Recommended:
    """Run an edit that looks better once more; keep it when the mean of both is better still."""
    value, start = 0.0, world.run(0.0)
    kept, spent = start, 1
    while spent < runs:
        candidate = world.edit(value)
        score = world.run(candidate)
        spent += 1
        if score > kept and spent < runs:
            score = (score + world.run(candidate)) / 2
            spent += 1
            if score > kept:
                value, kept = candidate, score
    return Recommended(value, kept - start)


def random_of_top_10(world: World, runs: int) -> Recommended:
    """Change one of the ten best raw scores, at random; recommend the best."""
    values, scores = [0.0], [world.run(0.0)]
    top = [0]
    for node in range(1, runs):
        values.append(world.edit(values[world.random.choice(top)]))
        scores.append(world.run(values[-1]))
        top = sorted([*top, node], key=lambda n: -scores[n])[:10]
    return Recommended(values[top[0]], scores[top[0]] - scores[0])


def puct_on_raw_scores(world: World, runs: int, *, exploration: float = 1.0) -> Recommended:
    """PUCT over all programs, their value the best raw score at or below them.

    `rank(value) + c sqrt(N) / (1 + n) prior`, ranks scaled to [0, 1], the prior proportional to rank,
    `n` visits at or below a program. Source: C. Rosin, "Multi-armed bandits with episode context"
    (2011), as in AlphaGo Zero, over a pool of programs instead of a game.
    """
    values, scores, parents = [0.0], [world.run(0.0)], [-1]
    best_below, visits = [scores[0]], [0]
    for node in range(1, runs):
        order = sorted(range(node), key=lambda n: best_below[n])
        rank = {n: place / max(1, node - 1) for place, n in enumerate(order)}
        total = sum(rank.values()) or 1.0

        def index(n: int, rank: dict[int, float] = rank, total: float = total) -> float:
            bonus = rank[n] / total * math.sqrt(len(rank)) / (1 + visits[n])
            return rank[n] + exploration * bonus

        parent = max(range(node), key=lambda n: (index(n), -n))
        values.append(world.edit(values[parent]))
        scores.append(world.run(values[-1]))
        parents.append(parent)
        best_below.append(scores[-1])
        visits.append(0)
        while parent >= 0:
            visits[parent] += 1
            best_below[parent] = max(best_below[parent], scores[-1])
            parent = parents[parent]
    best = max(range(runs), key=lambda n: scores[n])
    return Recommended(values[best], scores[best] - scores[0])


def lineage_8(world: World, runs: int) -> Recommended:
    """As `lineage`, with 8 workers: each choice is made without the results of the last 8."""
    return lineage(world, runs, at_once=8)


METHODS: Sequence[tuple[str, Method]] = (
    ("lineage", lineage),
    ("lineage_8_workers", lineage_8),
    ("greedy", greedy),
    ("greedy_1_sigma", greedy_by_margin),
    ("greedy_confirmed", greedy_confirmed),
    ("random_top_10", random_of_top_10),
    ("puct_raw", puct_on_raw_scores),
)
