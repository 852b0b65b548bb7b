"""Where repeats pay: the product's rule beside never and always repeating, over noise and length.

All three build on the same programs by the same belief and end with the best of them; they differ in where
a trial goes that might have been a repeat. Every study is the same for all three. Effects have mean 1,
so the noise is in units of the typical good effect, and so is what is gained.
"""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from move37.bench.planted_methods import Plant, PlantedStudy, Recommended, World
from move37.core.facts import Fact
from move37.core.history import History
from move37.core.protocols import Believer, Search
from move37.core.records import Choice, Repeat
from move37.core.seeds import derive_seed
from move37.search.common import contender
from move37.search.lineage import Lineage
from move37.search.repeats import may_repeat

LEVELS = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Standard deviation of one run over the mean of a good effect."""
LENGTHS: Mapping[int, float] = {50: 0.75, 150: 0.3, 500: 0.08}
"""Evaluation runs of a study, and which share of the studies is run at this length."""
QUICK_LENGTHS: Mapping[int, float] = {50: 0.4, 150: 0.1, 500: 0.05}
"""The same, for a look."""
CEILINGS: Mapping[str, float] = {"open": math.inf, "closing": 2.0}
"""Worlds. In an open one a good edit is as likely after a hundred as at the start; a closing one holds no
more than so many typical good effects, and good edits get rarer on the way there."""
PLANT = Plant(good=1.0, harmful=1.0)


class Never:
    """`lineage` without repeats."""

    def __init__(self, believer: Believer) -> None:
        self.believer = believer
        self.lineage = Lineage(believer, proposers=("planted",))

    def add(self, fact: Fact) -> None:
        self.lineage.add(fact)

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        del pending
        return self.lineage.extend(history, seed=seed)


class Always(Never):
    """A program that comes out best is run once more before it is built on: every win is confirmed."""

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        best = contender(history, self.believer, ())
        if best is None or best in pending or not may_repeat(history, best):
            return super().choose(history, pending=pending, seed=seed)
        if history[best].count("search") > 1:
            return super().choose(history, pending=pending, seed=seed)
        return Repeat(experiment=best)


RULES: Mapping[str, str | Callable[[Believer], Search]] = {
    "rule": "lineage",
    "never": Never,
    "always": Always,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NoisePoint:
    """One world at one level of noise and one length. Gains in units of the typical good effect."""

    world: str
    level: float
    runs: int
    studies: int
    gain: Mapping[str, float]
    """Mean true gain of what is recommended, by rule."""
    se: Mapping[str, float]
    ahead: Mapping[str, float]
    """Mean of the rule's gain less that of the other, study by study; and its standard error."""
    ahead_se: Mapping[str, float]
    optimism: Mapping[str, float]
    """Mean of the believed gain less the true one."""

    def ratio(self, other: str) -> float:
        """The rule's gain over the other's; 1 when neither gains anything."""
        if self.gain[other] > 0:
            return self.gain["rule"] / self.gain[other]
        return 1.0 if self.gain["rule"] == self.gain[other] else math.inf

    def errors(self, other: str) -> float:
        """By how many standard errors the rule is ahead of the other; below 0 when it is behind."""
        ahead, se = self.ahead[other], self.ahead_se[other]
        return ahead / se if se > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Cell:
    """What to run, for one process."""

    world: str
    level: float
    runs: int
    seed: int
    study: int


def cells(studies: int, seed: int, lengths: Mapping[int, float]) -> Sequence[Cell]:
    """Every study to run; of each world, level and length at least two."""
    return [
        Cell(world, level, runs, seed, study)
        for world in CEILINGS
        for runs, share in lengths.items()
        for level in LEVELS
        for study in range(max(2, round(studies * share)))
        if world == "open" or runs == min(lengths)
    ]


def compare(cell: Cell) -> Mapping[str, Recommended]:
    """Every rule on one study."""
    luck = derive_seed(cell.seed, "noise", cell.world, cell.runs, cell.study)
    answers: dict[str, Recommended] = {}
    for name, search in RULES.items():
        world = World(PLANT, luck, noise=cell.level, ceiling=CEILINGS[cell.world])
        study = PlantedStudy(world, search)
        study.repeat_baseline()
        study.explore(cell.runs)
        best, believed = study.champion()
        answers[name] = Recommended(study.values[best], believed.mean)
    return answers


def summarise(
    plan: Sequence[Cell], answers: Sequence[Mapping[str, Recommended]]
) -> Sequence[NoisePoint]:
    """One point for each world, level and length."""
    of: dict[tuple[str, int, float], list[Mapping[str, Recommended]]] = {}
    for cell, answer in zip(plan, answers, strict=True):
        of.setdefault((cell.world, cell.runs, cell.level), []).append(answer)
    return [_point(*place, studies) for place, studies in of.items()]


def _point(
    world: str, runs: int, level: float, studies: Sequence[Mapping[str, Recommended]]
) -> NoisePoint:
    root = sqrt(len(studies))
    gains = {name: [study[name].gain for study in studies] for name in RULES}
    leads = {
        name: [a - b for a, b in zip(gains["rule"], gains[name], strict=True)]
        for name in ("never", "always")
    }
    return NoisePoint(
        world=world,
        level=level,
        runs=runs,
        studies=len(studies),
        gain={name: fmean(values) for name, values in gains.items()},
        se={name: stdev(values) / root for name, values in gains.items()},
        ahead={name: fmean(values) for name, values in leads.items()},
        ahead_se={name: stdev(values) / root for name, values in leads.items()},
        optimism={
            name: fmean(study[name].believed - study[name].gain for study in studies)
            for name in RULES
        },
    )


def figures(points: Sequence[NoisePoint]) -> Mapping[str, float]:
    """By stable names."""
    found: dict[str, float] = {}
    for other in ("never", "always"):
        found[f"repeat_vs_{other}_min"] = min(p.ratio(other) for p in points)
        found[f"repeat_vs_{other}_max"] = max(p.ratio(other) for p in points)
        found[f"repeat_vs_{other}_worst_z"] = min(p.errors(other) for p in points)
        found[f"repeat_vs_{other}_best_z"] = max(p.errors(other) for p in points)
        for world in CEILINGS:
            own = [p for p in points if p.world == world]
            found[f"repeat_vs_{other}_{world}"] = _total(own, "rule") / _total(own, other)
    return found


def _total(points: Sequence[NoisePoint], name: str) -> float:
    return math.fsum(p.gain[name] for p in points)


def table(points: Sequence[NoisePoint]) -> str:
    """For people."""
    lines = [
        "repeats by the rule, never, and always; true gain in units of the typical good effect",
        "",
        f"{'world':<8} {'runs':>4} {'noise':>6} {'rule':>7} {'never':>7} {'always':>7}"
        f" {'over never':>16} {'over always':>16} {'optimism':>9} {'of never':>9}",
    ]
    lines += [
        f"{p.world:<8} {p.runs:>4} {p.level:>6.2f}"
        f" {p.gain['rule']:>7.2f} {p.gain['never']:>7.2f} {p.gain['always']:>7.2f}"
        f" {p.ahead['never']:>+8.3f} ± {p.ahead_se['never']:<5.3f}"
        f" {p.ahead['always']:>+8.3f} ± {p.ahead_se['always']:<5.3f}"
        f" {p.optimism['rule']:>+9.2f} {p.optimism['never']:>+9.2f}"
        for p in points
    ]
    return "\n".join([*lines, "", "(± one standard error, study by study)"])


def draw_noise(points: Sequence[NoisePoint], path: Path) -> None:
    """Write a picture: the true gain over that of never repeating, by noise, world and length."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    places = list(dict.fromkeys((p.world, p.runs) for p in points))
    # Matplotlib's signatures are only partly typed.
    figure: Any = Figure(figsize=(3.2 * len(places), 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    for axes, (world, runs) in zip(grid, places, strict=True):
        own = [p for p in points if (p.world, p.runs) == (world, runs)]
        for name, colour in (("rule", "#2f6690"), ("never", "#888888"), ("always", "#c8553d")):
            axes.errorbar(
                range(len(own)),
                [p.gain[name] for p in own],
                yerr=[1.96 * p.se[name] for p in own],
                color=colour,
                label=name,
                capsize=2,
            )
        axes.set_yscale("symlog", linthresh=1.0)
        axes.set_xticks(range(len(own)), [f"{p.level:g}" for p in own])
        axes.set_title(f"{world}, {runs} runs", loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    grid[0].set_ylabel("true gain, in typical good effects")
    figure.supxlabel("noise of one run, in typical good effects")
    figure.legend(
        *grid[0].get_legend_handles_labels(), frameon=False, loc="outside upper right", ncols=3
    )
    figure.savefig(path, dpi=120)
