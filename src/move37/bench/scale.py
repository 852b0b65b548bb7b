"""`bench scale`: what a choice, and belief after a trial, cost in a study of very many experiments.

No program, no disk: facts go to the real history, belief and search. The study is grown by a plain rule, as
choosing a million times would take hours; what is timed is done by the search itself. CPU time of this
process, so that a busy machine changes little.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean, median

from move37.core.facts import EpochStarted, Fact, Opened, Proposed, Row, SessionStarted, Tried
from move37.core.history import History
from move37.core.protocols import Fold, Search
from move37.core.records import MERGE, Budget, Extend, Measured, Repeat, Trial
from move37.search import LineagePosterior, make_search

WINDOW = 300
"""So many experiments of each strategy are timed."""
_LATELY = 64
"""A parent is the best of a few of so many of the latest, or any program there is."""
_ANY = 0.1
_PROPOSER = "planted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One size of study, and one strategy. Milliseconds of CPU for an experiment."""

    experiments: int
    search: str
    choose_ms: Sequence[float]
    update_ms: Sequence[float]
    """Of belief and search, for all facts of an experiment."""

    @property
    def both_ms(self) -> Sequence[float]:
        return [sum(pair) for pair in zip(self.choose_ms, self.update_ms, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleResult:
    settings: Mapping[str, int]
    points: Sequence[Point]
    grown_ms: Mapping[int, float]
    """What belief took for an experiment on average while the study grew to this size, all estimates of the
    scales included."""

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names."""
        figures: dict[str, float] = {}
        for point in self.points:
            name = f"{point.search}_{point.experiments}"
            figures[f"choose_ms_{name}"] = median(point.choose_ms)
            figures[f"choose_and_update_ms_{name}"] = median(point.both_ms)
            figures[f"choose_and_update_ms_mean_{name}"] = fmean(point.both_ms)
        for size, grown in self.grown_ms.items():
            figures[f"update_ms_grown_{size}"] = grown
        return figures

    def table(self) -> str:
        """For people."""
        lines = [
            f"{'experiments':>12} {'search':<10}{'choose':>9}{'both':>9}{'mean':>9}{'90 %':>9}{'most':>9}"
        ]
        for point in self.points:
            both = sorted(point.both_ms)
            lines.append(
                f"{point.experiments:>12,} {point.search:<10}{median(point.choose_ms):>9.3f}"
                f"{median(both):>9.3f}{fmean(both):>9.3f}{both[int(0.9 * len(both))]:>9.3f}{both[-1]:>9.2f}"
            )
        lines += [
            "",
            "CPU milliseconds for an experiment; both: choosing, and belief and search told of it",
        ]
        lines += [
            f"belief while the study grew to {size:,}: {grown:.3f} ms an experiment, all estimates included"
            for size, grown in self.grown_ms.items()
        ]
        return "\n".join(lines)


def scale(
    *, sizes: Sequence[int], searches: Sequence[str], window: int = WINDOW, seed: int = 0
) -> ScaleResult:
    """Grow a study to each of these sizes, and time each of these strategies there.

    window: so many experiments each.
    """
    points: list[Point] = []
    grown: dict[int, float] = {}
    study = _Study(searches, seed)
    for size in sorted(sizes):
        study.grow(size)
        grown[size] = 1000 * study.seconds / size
        points += [study.timed(search, size, window) for search in searches]
    settings = {"window": window, "seed": seed, "largest": max(sizes)}
    return ScaleResult(settings=settings, points=points, grown_ms=grown)


class _Study:
    def __init__(self, searches: Sequence[str], seed: int) -> None:
        self.history = History()
        self.believer = LineagePosterior()
        self.searches: Mapping[str, Search] = {
            name: make_search(name, self.believer, proposers=(_PROPOSER,), merger=MERGE)
            for name in searches
        }
        self.seconds = 0.0
        """Of belief."""
        self._spent: dict[str, float] = {}
        """Of each search, for being told."""
        self._random = Random(seed)
        self._values = [0.0]
        self._latest = deque([(0.0, 0)], maxlen=_LATELY)
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0
            )
        )
        budget = Budget(experiments=1_000_000_000)
        self._tell(SessionStarted(version="", workers=1, sandbox="", budget=budget))
        for _ in range(5):
            self._measure(0)

    def grow(self, experiments: int) -> None:
        while len(self.history) <= experiments:
            if self._random.random() < _ANY:
                parent = self._random.randrange(len(self.history))
            else:
                parent = max(self._random.sample(self._latest, min(8, len(self._latest))))[1]
            self._experiment((parent,))

    def timed(self, search: str, experiments: int, window: int) -> Point:
        choose_ms: list[float] = []
        update_ms: list[float] = []
        for _ in range(window):
            began = time.process_time()
            choice = self.searches[search].choose(
                self.history, pending=frozenset(), seed=len(self.history)
            )
            choose_ms.append(1000 * (time.process_time() - began))
            before = self.seconds
            told = self._spent[search]
            match choice:
                case Extend(parents=parents):
                    self._experiment(parents)
                case Repeat(experiment=repeated):
                    self._measure(repeated)
                case None:
                    raise AssertionError("there is always something to build on")
            own = self._spent[search] - told
            update_ms.append(1000 * (self.seconds - before + own))
        return Point(
            experiments=experiments, search=search, choose_ms=choose_ms, update_ms=update_ms
        )

    def _experiment(self, parents: tuple[int, ...]) -> None:
        id = len(self.history)
        self._tell(Opened(experiment=id, epoch=0, parents=parents, proposer=_PROPOSER, seed=id))
        self._tell(
            Proposed(experiment=id, commit="", identity=str(id), move="planted", hypothesis="")
        )
        effect = self._random.gauss(-0.3, 0.5)
        self._values.append(self._values[parents[0]] + effect)
        self._measure(id)

    def _measure(self, experiment: int) -> None:
        score = self._values[experiment] + self._random.gauss(0.0, 0.5)
        outcome = Measured(
            score=score, metrics={}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0
        )
        index = self.history[experiment].count("search")
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._tell(Tried(experiment=experiment, trial=trial))
        self._latest.append((score, experiment))

    def _tell(self, fact: Fact) -> None:
        self.history.add(Row(0, 0.0, fact))
        self.seconds += _timed(self.believer, fact)
        for name, search in self.searches.items():
            self._spent[name] = self._spent.get(name, 0.0) + _timed(search, fact)


def _timed(fold: Fold, fact: Fact) -> float:
    began = time.process_time()
    fold.add(fact)
    return time.process_time() - began
