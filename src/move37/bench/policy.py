"""`bench policy`: does a study with the policy's hints gain more from its trials than one without?

Planted studies whose traits say nothing, something and nearly all of what edits do; and studies of a real
task, with a proposer that does not learn and with `tune`, which does. The same luck with and without.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import hypot, sqrt
from multiprocessing import get_context
from pathlib import Path
from statistics import StatisticsError, correlation, fmean, stdev

from move37.bench.policy_tabular import TabularWorld
from move37.bench.policy_worlds import HintedStudy, HintedWorld, Seen
from move37.core.errors import TaskError
from move37.core.records import Task
from move37.core.seeds import derive_seed
from move37.policy.gate import HOPELESS, LEARN

PREDICTABLE: Mapping[str, float] = {"none": 0.0, "some": 0.5, "most": 0.9}
"""Planted studies, by the share of edits that do what their traits say."""
REAL: Mapping[str, bool] = {"tabular_blind": False, "tabular_tune": True}
"""Studies of a real task, and whether `tune` proposes."""
_LEAST_RUNS = 40
"""Fewer show nothing: the policy waits for the first few."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One study, without hints and with them."""

    without: float
    with_: float
    seen: Sequence[Seen]
    """Of the study with hints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """All studies of one kind."""

    name: str
    outcomes: Sequence[Outcome]

    @property
    def without(self) -> float:
        return fmean(one.without for one in self.outcomes)

    @property
    def with_(self) -> float:
        return fmean(one.with_ for one in self.outcomes)

    @property
    def difference_se(self) -> float:
        apart = [one.with_ - one.without for one in self.outcomes]
        return stdev(apart) / sqrt(len(apart))

    @property
    def _informed(self) -> list[Seen]:
        return [seen for one in self.outcomes for seen in one.seen if seen.learned_from >= LEARN]

    @property
    def _pairs(self) -> list[tuple[Seen, float, float]]:
        """With what came, and the standard deviation of what was to be expected of that."""
        known = [(s, s.truth, s.sd) for s in self._informed if s.truth is not None]
        if known:
            return known
        return [(s, s.seen, hypot(s.sd, s.seen_sd)) for s in self._informed if s.seen is not None]

    @property
    def correlation(self) -> float:
        """Of what was expected with what came."""
        try:
            return correlation([s.mean for s, _, _ in self._pairs], [y for _, y, _ in self._pairs])
        except StatisticsError:
            return 0.0

    def coverage(self, widths: float) -> float:
        """Share of what came that lies within so many standard deviations of what was expected."""
        return fmean(abs(y - s.mean) <= widths * sd for s, y, sd in self._pairs)

    @property
    def let_go(self) -> float:
        return fmean(seen.let_go for seen in self._informed)

    @property
    def good_let_go(self) -> float | None:
        """Of the truly good changes; `None` where nobody knows them."""
        good = [s.let_go for s in self._informed if s.truth is not None and s.truth > 0]
        return fmean(good) if good else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyResult:
    """What `bench policy` found."""

    settings: Mapping[str, float]
    scenes: Sequence[Scene]

    @property
    def figures(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for scene in self.scenes:
            found |= {
                f"policy_gain_ratio_{scene.name}": scene.with_ / scene.without
                if scene.without > 0
                else float("inf"),
                f"policy_gain_{scene.name}": scene.with_,
                f"policy_gain_difference_se_{scene.name}": scene.difference_se,
                f"policy_correlation_{scene.name}": scene.correlation,
                f"policy_coverage_50_{scene.name}": scene.coverage(0.6745),
                f"policy_coverage_90_{scene.name}": scene.coverage(1.6449),
                f"policy_let_go_{scene.name}": scene.let_go,
            }
            if (good := scene.good_let_go) is not None:
                found[f"policy_good_let_go_{scene.name}"] = good
        found["policy_gain_ratio_min"] = min(
            found[f"policy_gain_ratio_{scene.name}"] for scene in self.scenes
        )
        return found

    def table(self) -> str:
        """For people."""
        told = self.settings
        lines = [
            f"true gain of the recommended program without and with hints, at {told['runs']:.0f} trials "
            f"(planted, {told['studies']:.0f} studies) and {told['real_runs']:.0f} (real, "
            f"{told['real_studies']:.0f}); ± is 95 % of the difference",
            "",
            f"{'studies':<15} {'without':>8} {'with':>8} {'difference':>16} {'corr.':>6} "
            f"{'50 %':>5} {'90 %':>5} {'let go':>7} {'of good':>8}",
        ]
        for scene in self.scenes:
            good = scene.good_let_go
            lines.append(
                f"{scene.name:<15} {scene.without:>8.2f} {scene.with_:>8.2f} "
                f"{scene.with_ - scene.without:>+8.2f} ± {1.96 * scene.difference_se:<5.2f} "
                f"{scene.correlation:>6.2f} {scene.coverage(0.6745):>5.0%} {scene.coverage(1.6449):>5.0%} "
                f"{scene.let_go:>7.0%} " + ("       -" if good is None else f"{good:>8.0%}")
            )
        return "\n".join(lines)


def policy(
    install: Callable[[str, Path], None],
    load: Callable[[Path], Task],
    directory: Path,
    *,
    studies: int,
    runs: int,
    real_studies: int,
    real_runs: int,
    seed: int,
    workers: int = 1,
    hopeless: float = HOPELESS,
) -> PolicyResult:
    """Run the benchmark.

    install, load: put a gallery task into a directory, and read it. real_studies: 0 for none, else 2
    or more. hopeless: the gate's threshold. Raises `TaskError` when there is too little to average over.
    """
    if studies < 2 or real_studies == 1 or min(runs, real_runs) < _LEAST_RUNS:
        raise TaskError(f"bench policy needs 2 studies of {_LEAST_RUNS} runs or more of each kind")
    names = [*PREDICTABLE] * studies
    jobs: list[Callable[[], Outcome]] = [
        partial(_planted, PREDICTABLE[name], runs, hopeless, derive_seed(seed, name, number))
        for number, name in enumerate(names)
    ]
    if real_studies:
        install("tabular", directory)
        task = load(directory)
        for name, tune in REAL.items():
            for number in range(real_studies):
                luck = derive_seed(seed, name, number)
                jobs.append(partial(_real, directory, task, tune, real_runs, hopeless, luck))
                names.append(name)
    if workers == 1:
        answers = [job() for job in jobs]
    else:
        with get_context("spawn").Pool(workers) as pool:
            answers = pool.map(_call, jobs, chunksize=1)
    scenes = [
        Scene(
            name=name,
            outcomes=[answer for of, answer in zip(names, answers, strict=True) if of == name],
        )
        for name in dict.fromkeys(names)
    ]
    settings = {
        "studies": studies,
        "runs": runs,
        "real_studies": real_studies,
        "real_runs": real_runs,
        "seed": seed,
        "hopeless": hopeless,
    }
    return PolicyResult(settings=settings, scenes=scenes)


def _call(job: Callable[[], Outcome]) -> Outcome:
    return job()


def _planted(predictable: float, runs: int, hopeless: float, seed: int) -> Outcome:
    plain = HintedStudy(HintedWorld(predictable, seed), hopeless=None)
    hinted = HintedStudy(HintedWorld(predictable, seed), hopeless=hopeless)
    return Outcome(plain.explore(runs).score, hinted.explore(runs).score, hinted.seen)


def _real(
    directory: Path, task: Task, tune: bool, runs: int, hopeless: float, seed: int
) -> Outcome:
    gains: list[float] = []
    seen: Sequence[Seen] = ()
    for threshold in (None, hopeless):
        world = TabularWorld(directory, task, seed, tune=tune)
        folds = () if world.tune is None else (world.tune,)
        study = HintedStudy(world, hopeless=threshold, folds=folds)
        best = study.explore(runs)
        gains.append(world.value(best) - world.value(world.start()))
        seen = study.seen
    return Outcome(gains[0], gains[1], seen)
