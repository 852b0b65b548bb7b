"""`bench planted`: how much true improvement each method finds, where the truth is known.

Studies with planted effects and noise, at equal evaluation runs; and studies in which nothing can be
found, where the only right claim is none. Deterministic for its settings, however many processes run it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from move37.bench import planted_noise as noise
from move37.bench.planted_methods import METHODS, NOISE, Plant, PlantedStudy, Recommended, World
from move37.core.errors import TaskError
from move37.core.seeds import derive_seed
from move37.referee.certify import claim_level, planned_pairs
from move37.referee.sequential import Plan, decide

EFFECTS: Mapping[str, Plant] = {
    "small": Plant(good=0.5, harmful=0.5),
    "medium": Plant(good=1.0, harmful=1.0),
}
"""Effects by size, in units of the noise: harmful edits are as large as good ones."""
NULLS: Mapping[str, Plant] = {
    "noise": Plant(good=0.0, harmful=0.0),
    "harm": Plant(good=0.0, harmful=1.0),
}
"""Studies in which no edit helps: none does anything, or some do harm."""
TOLERANCE = 1e-12
"""A recommended program is worse than the start when its gain is below minus this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodResult:
    """One method on all studies with effects of one size. In units of the noise."""

    method: str
    effects: str
    gain: float
    """Mean true gain of the recommended program."""
    gain_se: float
    worse: float
    """Share of studies whose recommended program is truly worse than the start."""
    optimism: float
    """Mean of what it believes the gain to be, less what it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedResult:
    """What `bench planted` found."""

    settings: Mapping[str, int]
    methods: Sequence[MethodResult]
    null_claims: Mapping[str, int]
    """Studies in which something was claimed although no edit helps, by kind of null study."""
    points: Sequence[noise.NoisePoint] = ()
    """Repeats by the rule, never and always, over noise and length."""

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names."""
        gains = {(r.method, r.effects): r.gain for r in self.methods}
        claims = sum(self.null_claims.values())
        figures = {
            "gain_ratio_small": _ratio(gains["lineage", "small"], gains["greedy", "small"]),
            "gain_ratio_medium": _ratio(gains["lineage", "medium"], gains["greedy", "medium"]),
            "worse_than_start": max(r.worse for r in self.methods if r.method == "lineage"),
            "null_claim_rate": claims / (len(self.null_claims) * self.settings["studies"]),
        }
        for result in self.methods:
            name = f"{result.method}_{result.effects}"
            figures[f"gain_{name}"] = result.gain
            figures[f"worse_{name}"] = result.worse
            figures[f"optimism_{name}"] = result.optimism
        return {**figures, **noise.figures(self.points)} if self.points else figures

    def table(self) -> str:
        """For people."""
        lines = [
            f"{self.settings['studies']} studies of {self.settings['runs']} evaluation runs for each "
            "row; in units of the noise of one run",
            "",
            f"{'method':<18} {'effects':<8} {'true gain':>15} {'worse than start':>17} {'optimism':>9}",
        ]
        lines += [
            f"{r.method:<18} {r.effects:<8} {r.gain:>7.2f} ± {1.96 * r.gain_se:<5.2f}"
            f" {r.worse:>16.1%} {r.optimism:>+9.2f}"
            for r in self.methods
        ]
        figures = self.figures
        lines += [
            "",
            f"lineage over greedy: {figures['gain_ratio_small']:.2f} times with small effects, "
            f"{figures['gain_ratio_medium']:.2f} times with medium ones",
            *(
                f"claims where no edit helps ({name}): {claims} of {self.settings['studies']}"
                for name, claims in self.null_claims.items()
            ),
        ]
        if self.points:
            lines += ["", noise.table(self.points)]
        return "\n".join(lines)


def planted(
    *,
    studies: int,
    runs: int,
    seed: int,
    workers: int = 1,
    lengths: Mapping[int, float] | None = None,
) -> PlantedResult:
    """Run the benchmark.

    studies: of each size of effects and each kind of null study; runs: evaluation runs that each
    method may spend on a study; workers: processes to compute with, which do not change the result;
    lengths: of the studies over all levels of noise, such as `planted_noise.LENGTHS`; `None`: no such.
    Raises `TaskError` when there is too little to average over.
    """
    if studies < 2 or runs < 10:
        raise TaskError(f"planted needs 2 studies of 10 runs or more, not {studies} of {runs}")
    settings = {"studies": studies, "runs": runs, "seed": seed}
    effects = [partial(_compare, name, runs, seed) for name in EFFECTS]
    nulls = [partial(_null_study, name, runs, seed) for name in NULLS]
    jobs = [partial(job, study) for job in [*effects, *nulls] for study in range(studies)]
    plan = noise.cells(studies, seed, lengths or {})
    jobs += [partial(noise.compare, cell) for cell in plan]
    if workers == 1:
        answers = [job() for job in jobs]
    else:
        with get_context("spawn").Pool(workers) as pool:
            answers = pool.map(_call, jobs, chunksize=8)
    of = {
        name: answers[place * studies : (place + 1) * studies]
        for place, name in enumerate([*EFFECTS, *NULLS])
    }
    return PlantedResult(
        settings=settings,
        methods=[
            _summarise(method, size, (answer[method] for answer in of[size]))
            for size in EFFECTS
            for method, _ in METHODS
        ],
        null_claims={name: sum("claim" in answer for answer in of[name]) for name in NULLS},
        points=noise.summarise(plan, answers[len(answers) - len(plan) :]),
    )


Answer = Mapping[str, Recommended]


def _call(job: "partial[Answer]") -> Answer:
    return job()


def _compare(effects: str, runs: int, seed: int, study: int) -> Answer:
    """Every method on one study."""
    luck = derive_seed(seed, effects, study)
    return {name: method(World(EFFECTS[effects], luck), runs) for name, method in METHODS}


def _null_study(kind: str, runs: int, seed: int, study: int) -> Answer:
    """Search where there is nothing to find, then certify the champion by the referee's rule.

    The answer holds the champion under `claim` when one was claimed, and else nothing.
    """
    world = World(NULLS[kind], derive_seed(seed, kind, study))
    planted_study = PlantedStudy(world, "lineage")
    planted_study.repeat_baseline()
    planted_study.explore(runs)
    best, believed = planted_study.champion()
    if best == 0:
        return {}
    level = claim_level(0)
    plan = Plan(
        pairs=planned_pairs(believed, planted_study.believer.noise, 0.0, level),
        alpha=(1 - level) / 2,
    )
    value = planted_study.values[best]
    fresh = [world.fresh_run(value) - world.fresh_run(0.0) for _ in range(plan.pairs)]
    claimed = decide(fresh, plan).verdict == "claim"
    return {"claim": Recommended(value, believed.mean)} if claimed else {}


def _summarise(method: str, effects: str, answers: Iterable[Recommended]) -> MethodResult:
    answers = list(answers)
    gains = [answer.gain for answer in answers]
    return MethodResult(
        method=method,
        effects=effects,
        gain=fmean(gains) / NOISE,
        gain_se=stdev(gains) / sqrt(len(gains)) / NOISE,
        worse=fmean(gain < -TOLERANCE for gain in gains),
        optimism=fmean(answer.believed - answer.gain for answer in answers) / NOISE,
    )


def _ratio(gain: float, reference: float) -> float:
    """How many times the reference's gain; infinite when the reference gained nothing."""
    return gain / reference if reference > 0 else float("inf")


def draw(result: PlantedResult, path: Path) -> None:
    """Write a picture: the true gain of each method, with its 95 % interval."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Matplotlib's signatures are only partly typed.
    figure: Any = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = [name for name, _ in METHODS]
    for offset, (size, colour) in zip(
        (-0.2, 0.2), zip(EFFECTS, ("#9db8d2", "#2f6690"), strict=True), strict=True
    ):
        rows = {r.method: r for r in result.methods if r.effects == size}
        axes.barh(
            [place + offset for place in range(len(names))],
            [rows[name].gain for name in names],
            height=0.38,
            xerr=[1.96 * rows[name].gain_se for name in names],
            color=colour,
            ecolor="#444444",
            label=f"good edits of mean {EFFECTS[size].good:g} sigma",
        )
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.invert_yaxis()
    axes.set_xlabel("true gain of the recommended program, in sigma of one run")
    axes.set_title(
        f"{result.settings['studies']} planted studies of {result.settings['runs']} runs",
        loc="left",
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=120)
