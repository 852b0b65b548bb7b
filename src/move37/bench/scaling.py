"""`bench scaling`: what more evaluations, and more workers, bring with each search strategy.

Planted worlds on a simulated clock, with heavy-tailed trials, and a tiny real task. The score is the true one of what
the study recommends, its champion by belief, whatever the strategy.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from move37.bench.parallel_world import Crew, SimulatedStudy, log_normal
from move37.bench.planted_methods import Plant, World
from move37.bench.scaling_real import OpenSeeded, real_gains
from move37.core.errors import TaskError
from move37.core.facts import Fact, Tried
from move37.core.seeds import derive_seed
from move37.search import SEARCHES

_PLANT = Plant(good=1.0, harmful=1.0)
WORLDS: Mapping[str, Callable[[int], World]] = {
    "noisy": lambda seed: World(_PLANT, seed),
    "exact": lambda seed: World(_PLANT, seed, noise=0.0),
    "runs out": lambda seed: World(_PLANT, seed, ceiling=6.0),
}
"""One edit in ten is good, of mean 1, and four do harm. The noise of a trial is 1, but where it is exact; where
gains run out, there are none above a score of 6."""
REAL = "real"
CREWS = (1, 8, 64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One strategy with so many workers on one task, after so many evaluations."""

    world: str
    search: str
    workers: int
    evaluations: int
    gain: float
    """Mean true gain of what is recommended: of the planted worlds in effects of a good edit, of the real
    task in its loss."""
    gain_se: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ScalingResult:
    settings: Mapping[str, int]
    points: Sequence[Point]

    def at(self, world: str, search: str, workers: int) -> Sequence[Point]:
        """By evaluations."""
        wanted = (world, search, workers)
        return [p for p in self.points if (p.world, p.search, p.workers) == wanted]

    @property
    def worlds(self) -> Sequence[str]:
        return list(dict.fromkeys(point.world for point in self.points))

    @property
    def searches(self) -> Sequence[str]:
        return list(dict.fromkeys(point.search for point in self.points))

    def crews(self, world: str) -> Sequence[int]:
        return sorted({point.workers for point in self.points if point.world == world})

    @property
    def figures(self) -> Mapping[str, float]:
        """The gain at the end of each row, by stable names."""
        return {
            f"scaling_{world}_{search}_{workers}w".replace(" ", "_"): self.at(
                world, search, workers
            )[-1].gain
            for world in self.worlds
            for search in self.searches
            for workers in self.crews(world)
        }

    def table(self) -> str:
        """For people."""
        lines = [
            f"{self.settings['studies']} planted studies for each row, and {self.settings['real_studies']} of the "
            "real task; true gain of what is recommended (± one standard error at the end)",
        ]
        for world in self.worlds:
            for workers in self.crews(world):
                rows = [self.at(world, search, workers) for search in self.searches]
                heads = "".join(f"{point.evaluations:>8}" for point in rows[0])
                lines += ["", f"{world}, {workers} workers".ljust(24) + heads]
                lines += [
                    f"  {row[0].search:<22}"
                    + "".join(f"{point.gain:>8.2f}" for point in row)
                    + f" ± {row[-1].gain_se:.2f}"
                    for row in rows
                ]
        return "\n".join(lines)


def scaling(
    open_study: OpenSeeded,
    directory: Path,
    *,
    studies: int,
    checkpoints: Sequence[int],
    real_studies: int,
    real_checkpoints: Sequence[int],
    searches: Sequence[str] = SEARCHES,
    crews: Sequence[int] = CREWS,
    seed: int = 0,
    workers: int = 1,
) -> ScalingResult:
    """Run the benchmark in an empty directory. Raises `TaskError` when there is too little to average over.

    checkpoints: numbers of evaluations, rising. workers: processes to compute with, which do not change the
    planted results.
    """
    if studies < 2 or real_studies < 2:
        raise TaskError(f"scaling needs 2 studies or more, not {min(studies, real_studies)}")
    cells = [(world, search, crew) for world in WORLDS for search in searches for crew in crews]
    jobs = [
        partial(planted_gains, *cell, tuple(checkpoints), derive_seed(seed, cell[0], study))
        for cell in cells
        for study in range(studies)
    ]
    if workers == 1:
        told = [job() for job in jobs]
    else:
        with get_context("spawn").Pool(workers) as pool:
            told = pool.map(_call, jobs, chunksize=4)
    points: list[Point] = []
    for place, cell in enumerate(cells):
        points += _summarise(*cell, told[place * studies : (place + 1) * studies], checkpoints)
    for search in searches:
        gains = [
            real_gains(
                open_study,
                _fresh(directory, f"{search}-{study}"),
                search,
                checkpoints=real_checkpoints,
                workers=2,
                seed=derive_seed(seed, REAL, study) % 2**31,
            )
            for study in range(real_studies)
        ]
        points += _summarise(REAL, search, 2, gains, real_checkpoints)
    return ScalingResult(
        settings={"studies": studies, "real_studies": real_studies, "seed": seed}, points=points
    )


def _fresh(directory: Path, name: str) -> Path:
    (directory / name).mkdir()
    return directory / name


def _call(job: "partial[Mapping[int, float]]") -> Mapping[int, float]:
    return job()


def planted_gains(
    world: str, search: str, workers: int, checkpoints: Sequence[int], seed: int
) -> Mapping[int, float]:
    """True gain of the champion, once so many trials of experiments have ended."""
    gains: dict[int, float] = {}
    ended = 0

    def watch(study: SimulatedStudy, fact: Fact) -> None:
        nonlocal ended
        if isinstance(fact, Tried) and fact.experiment:
            ended += 1
            if ended in checkpoints:
                gains[ended] = study.gain

    study = SimulatedStudy(
        WORLDS[world](seed),
        Crew(workers=workers, trial=log_normal()),
        experiments=max(checkpoints),
        seed=seed,
        search=search,
        watch=watch,
    )
    study.explore()
    gains.setdefault(max(checkpoints), study.gain)
    return gains


def _summarise(
    world: str,
    search: str,
    workers: int,
    told: Sequence[Mapping[int, float]],
    checkpoints: Sequence[int],
) -> Sequence[Point]:
    points: list[Point] = []
    for evaluations in checkpoints:
        gains = [each[evaluations] for each in told]
        points.append(
            Point(
                world=world,
                search=search,
                workers=workers,
                evaluations=evaluations,
                gain=fmean(gains),
                gain_se=stdev(gains) / math.sqrt(len(gains)),
            )
        )
    return points


def draw(result: ScalingResult, path: Path) -> None:
    """Write a picture: gain over evaluations above, over workers below, a column for each task."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Matplotlib's signatures are only partly typed.
    figure: Any = Figure(figsize=(3.2 * len(result.worlds), 6), layout="constrained")
    FigureCanvasAgg(figure)
    colours = ("#2f6690", "#d1495b", "#3a7d44", "#edae49", "#7a7a7a", "#9db8d2", "#8d5a97", "#000")
    panels: Any = figure.subplots(2, len(result.worlds), squeeze=False)
    for column, world in enumerate(result.worlds):
        crews = result.crews(world)
        above, below = panels[0][column], panels[1][column]
        for search, colour in zip(result.searches, colours, strict=False):
            row = result.at(world, search, crews[0])
            above.plot(
                [point.evaluations for point in row],
                [point.gain for point in row],
                color=colour,
                label=search if column == 0 else None,
            )
            ends = [result.at(world, search, crew)[-1].gain for crew in crews]
            below.plot(crews, ends, color=colour, marker="o", markersize=3)
        count = f"{crews[0]} worker" if crews[0] == 1 else f"{crews[0]} workers"
        above.set_title(f"{world}, {count}", loc="left", fontsize=10)
        above.set_xlabel("evaluations")
        below.set_xlabel(
            f"workers, {result.at(world, result.searches[0], crews[0])[-1].evaluations} evaluations"
        )
        below.set_xscale("log", base=2)
        below.set_xticks(list(crews), [str(crew) for crew in crews])
        for axes in (above, below):
            axes.spines[["top", "right"]].set_visible(False)
            axes.axhline(0.0, color="#bbbbbb", linewidth=0.8, zorder=0)
        below.set_visible(len(crews) > 1)
    for row in panels:
        row[0].set_ylabel("true gain of what is recommended")
    figure.legend(frameon=False, loc="outside lower center", ncols=len(result.searches))
    figure.savefig(path, dpi=120)
