"""`bench cascade`: what cheap stages and early stops keep of the true gain, and what they cost.

Planted studies whose stage goes with the full score to a known degree, at half the evaluation cost of
a study without stages; and studies of programs that learn, with equal experiments. Deterministic
for its settings, however many processes run it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from move37.bench.cascade_curves import SHAPES, LearningStudy, LearningWorld
from move37.bench.cascade_study import Stage, StagedStudy, StagedWorld
from move37.bench.planted_methods import Plant
from move37.core.errors import TaskError
from move37.core.seeds import derive_seed

PLANT = Plant(good=1.0, harmful=1.0)
"""Effects of the staged studies, in standard deviations of a full run."""
CORRELATIONS = (0.5, 0.7, 0.95)
SHARE = 0.5
"""Of the full study's cost that a study with stages, or without, may spend."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A cheaper way beside the full study, on the same worlds."""

    name: str
    gain: float
    full: float
    """Mean true gain of the full study."""
    se: float
    """Standard error of the mean of the differences."""
    cost: float
    """In the cost of the full study."""
    skipped: float
    """Share of the experiments that was let go or ended early."""

    @property
    def kept(self) -> float:
        return self.gain / self.full

    @property
    def kept_se(self) -> float:
        return self.se / abs(self.full)


@dataclass(frozen=True, kw_only=True, slots=True)
class CascadeResult:
    """What `bench cascade` found."""

    settings: Mapping[str, int | float]
    half: Kept
    """Half the budget, and no stages: what there is to beat."""
    stages: Sequence[Kept]
    curves: Sequence[Kept]

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names. The worst case counts."""
        figures = {
            "cascade_gain_kept": min(row.kept for row in self.stages),
            "cascade_cost": max(row.cost for row in self.stages),
            "earlystop_gain_kept": min(row.kept for row in self.curves),
            "earlystop_cost": max(row.cost for row in self.curves),
            "half_gain_kept": self.half.kept,
        }
        for correlation, row in zip(CORRELATIONS, self.stages, strict=True):
            figures[f"cascade_gain_kept_{100 * correlation:.0f}"] = row.kept
        for row in self.curves:
            figures[f"earlystop_gain_kept_{row.name}"] = row.kept
            figures[f"earlystop_cost_{row.name}"] = row.cost
        return figures

    def table(self) -> str:
        """For people."""
        head = f"{'':<34} {'true gain':>10} {'of full':>17} {'cost':>6} {'let go':>7}"
        lines = [
            f"{self.settings['studies']} studies for each row; full study: "
            f"{self.settings['budget']} full runs, or {self.settings['experiments']} experiments",
            "",
            head,
            _row("half the budget, no stages", self.half),
            *(
                _row(f"stage, correlation {correlation:g}", row)
                for correlation, row in zip(CORRELATIONS, self.stages, strict=True)
            ),
            *(_row(f"early stop, {row.name} curves", row) for row in self.curves),
        ]
        return "\n".join(lines)


def _row(name: str, row: Kept) -> str:
    return (
        f"{name:<34} {row.gain:>10.2f} {row.kept:>8.1%} ± {1.96 * row.kept_se:<6.1%} "
        f"{row.cost:>6.2f} {row.skipped:>7.0%}"
    )


def cascade(
    *, studies: int, budget: int, experiments: int, seed: int, workers: int = 1
) -> CascadeResult:
    """Run the benchmark.

    studies: for each row; budget: full runs of a study without stages; experiments: of a study of
    programs that learn; workers: processes, which do not change the result.
    Raises `TaskError` when there is too little to average over.
    """
    if studies < 2 or budget < 20 or experiments < 10:
        raise TaskError(
            "cascade needs 2 studies of 20 runs and 10 experiments or more, "
            f"not {studies} of {budget} and {experiments}"
        )
    staged = [
        partial(_staged, correlation, budget, seed, study)
        for correlation in CORRELATIONS
        for study in range(studies)
    ]
    plain = [partial(_plain, budget, seed, study) for study in range(studies)]
    learning = [
        partial(_learning, shapes, experiments, seed, study)
        for shapes in SHAPES
        for study in range(studies)
    ]
    answers = _all([*plain, *staged, *learning], workers)
    groups = [answers[place : place + studies] for place in range(0, len(answers), studies)]
    full = [answer[0] for answer in groups[0]]
    of_stages = groups[1 : 1 + len(CORRELATIONS)]
    return CascadeResult(
        settings={
            "studies": studies,
            "budget": budget,
            "experiments": experiments,
            "seed": seed,
            "stage_cost": Stage(correlation=0.5).cost,
            "stage_noise": Stage(correlation=0.5).noise,
        },
        half=_summary("half", full, [(half, SHARE, 0.0) for _, half, _ in groups[0]]),
        stages=[
            _summary(f"{correlation:g}", full, group)
            for correlation, group in zip(CORRELATIONS, of_stages, strict=True)
        ],
        curves=[
            _summary(name, [f for f, *_ in group], [(g, c, s) for _, g, c, s in group])
            for name, group in zip(SHAPES, groups[1 + len(CORRELATIONS) :], strict=True)
        ],
    )


Answer = tuple[float, ...]


def _all(jobs: "Sequence[partial[Answer]]", workers: int) -> Sequence[Answer]:
    if workers == 1:
        return [job() for job in jobs]
    with get_context("spawn").Pool(workers) as pool:
        return pool.map(_call, jobs, chunksize=1)


def _call(job: "partial[Answer]") -> Answer:
    return job()


def _plain(budget: int, seed: int, study: int) -> Answer:
    """Without stages: gain at the whole budget, and at half of it."""
    world = StagedWorld(PLANT, Stage(correlation=1.0), derive_seed(seed, "staged", study))
    full = StagedStudy(world, cascade=False)
    full.explore(SHARE * budget)
    half = full.gain()
    full.explore(budget)
    return full.gain(), half, 0.0


def _staged(correlation: float, budget: int, seed: int, study: int) -> Answer:
    """With a stage, at half the cost: gain, cost, share that was let go."""
    luck = derive_seed(seed, "staged", study)
    found = StagedStudy(StagedWorld(PLANT, Stage(correlation=correlation), luck), cascade=True)
    found.explore(SHARE * budget)
    opened = found.history.spent()
    gone = sum(decided.screened is not None for decided in found.decisions)
    return found.gain(), found.spent / budget, gone / max(1, opened)


def _learning(shapes: str, experiments: int, seed: int, study: int) -> Answer:
    """Gain of the full study, and with early stop: gain, cost, share that was ended."""
    luck = derive_seed(seed, "learning", shapes, study)
    full, early = (
        LearningStudy(LearningWorld(SHAPES[shapes], luck), early_stop=stops)
        for stops in (False, True)
    )
    for one in (full, early):
        one.explore(experiments)
    return full.gain(), early.gain(), early.cost / full.cost, early.ended / experiments


def _summary(name: str, full: Sequence[float], found: Sequence[Answer]) -> Kept:
    differences = [gain - other for (gain, *_), other in zip(found, full, strict=True)]
    return Kept(
        name=name,
        gain=fmean(gain for gain, _, _ in found),
        full=fmean(full),
        se=stdev(differences) / sqrt(len(differences)),
        cost=fmean(cost for _, cost, _ in found),
        skipped=fmean(skipped for _, _, skipped in found),
    )


def draw(result: CascadeResult, path: Path) -> None:
    """Write a picture: what is kept of the gain, and at which cost."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [
        ("half the budget, no stages", result.half, "#777777"),
        *((f"stage, correlation {row.name}", row, "#2f6690") for row in result.stages),
        *((f"early stop, {row.name} curves", row, "#b5651d") for row in result.curves),
    ]
    # Matplotlib's signatures are only partly typed.
    figure: Any = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axvline(1.0, color="#bbbbbb", linewidth=1, zorder=0)
    for place, (_, row, colour) in enumerate(rows):
        axes.errorbar(row.kept, place, xerr=1.96 * row.kept_se, fmt="o", color=colour, capsize=3)
    labels = [f"{name}\nat {row.cost:.2f} of the cost" for name, row, _ in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, None)
    axes.set_xlabel("true gain, in that of the full study (95 % intervals)")
    axes.set_title(
        f"Cheap stages and early stops, {result.settings['studies']} studies each", loc="left"
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
