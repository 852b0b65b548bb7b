"""`bench parallel`: whether workers are ever idle, and what they do to each other.

Wall time of a study with slow answers, beside a perfect scheduler's; the share of the workers' time that is trials,
on a simulated clock with heavy tails; what a choice costs with many workers; and the noise of timings beside
other trials.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean, median

from move37.bench.parallel_timing import OpenStudy as OpenTimed
from move37.bench.parallel_timing import Timed, timing
from move37.bench.parallel_wall import OpenStudy, Wall, wall
from move37.bench.parallel_world import Crew, Shift, SimulatedStudy, log_normal, shift
from move37.bench.planted_methods import Plant, World
from move37.core.facts import Opened
from move37.core.seeds import derive_seed

_PLANT = Plant(good=1.0, harmful=1.0)
CREWS: Mapping[str, Crew] = {
    "no asking": Crew(workers=16, trial=log_normal()),
    "24 askers": Crew(workers=16, trial=log_normal(), askers=24, answer=log_normal()),
    "64 askers": Crew(workers=16, trial=log_normal(), askers=64, answer=log_normal()),
    "quick answers": Crew(workers=16, trial=log_normal(), askers=64, answer=log_normal(mean=0.1)),
    "16 askers": Crew(workers=16, trial=log_normal(), askers=16, answer=log_normal()),
    "64 workers": Crew(workers=64, trial=log_normal(), askers=96, answer=log_normal()),
}
"""Means in units of a trial; sigma is 1 throughout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """What choosing is like with so many workers."""

    workers: int
    choose_ms: float
    """Median."""
    parents: float
    """Mean number of different parents among the experiments under way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParallelResult:
    settings: Mapping[str, int]
    walls: Sequence[Wall]
    shifts: Sequence[Shift]
    choices: Sequence[Choices]
    timed: Sequence[Timed]

    @property
    def wall(self) -> Wall:
        """The one of median ratio."""
        return sorted(self.walls, key=lambda each: each.ratio)[len(self.walls) // 2]

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names."""
        usual, by_name = self.wall, {each.name: each for each in self.shifts}
        timed = {each.arm: each for each in self.timed}
        return {
            "parallel_wall_ratio": usual.ratio,
            "parallel_wall_ratio_strict": usual.strict_ratio,
            "parallel_wall_ratio_later": usual.later_ratio,
            "parallel_wall_seconds": usual.seconds,
            "parallel_ideal_seconds": usual.ideal,
            "parallel_start_seconds": usual.start,
            "parallel_cpu_ms": usual.cpu_ms,
            "utilisation_16": by_name["no asking"].steady,
            "utilisation_16_asking": by_name["24 askers"].steady,
            "utilisation_16_whole": by_name["no asking"].whole,
            "stale_64_askers": by_name["64 askers"].stale,
            **{f"choose_ms_{each.workers}_workers": each.choose_ms for each in self.choices},
            "timing_noise_alone": timed["alone"].noise,
            "timing_noise_exclusive": timed["exclusive"].noise,
            "timing_noise_crowded": timed["crowded"].noise,
            "timing_ratio_exclusive": timed["exclusive"].median / timed["alone"].median,
            "timing_ratio_crowded": timed["crowded"].median / timed["alone"].median,
        }

    def table(self) -> str:
        """For people."""
        usual = self.wall
        lines = [
            f"{usual.experiments} experiments, 8 askers of 2 s, 8 trials of 1 s at a time, real engine:",
            *(
                f"  {each.seconds:6.2f} s, ideal {each.ideal:.2f} s, ratio {each.ratio:.3f}, "
                f"without the baseline {each.strict_ratio:.3f}; {each.start:.2f} s "
                f"to the first question, from there {each.later_ratio:.3f}; {each.cpu_ms:.0f} ms of CPU each; "
                f"answers {each.answers:.2f} s, trials {each.trials:.2f} s"
                for each in self.walls
            ),
            "",
            f"{self.settings['studies']} studies of {self.settings['experiments']} experiments on a simulated clock, "
            "log-normal times of sigma 1:",
            f"  {'':<14} {'workers':>7} {'askers':>7} {'busy':>7} {'with begin and end':>19} {'stale by':>9}",
            *(
                f"  {each.name:<14} {each.workers:>7} {each.askers:>7} {each.steady:>7.1%} {each.whole:>19.1%} "
                f"{each.stale:>9.1f}"
                for each in self.shifts
            ),
            "",
            *(
                f"{each.workers} workers: a choice takes {each.choose_ms:.2f} ms; {each.parents:.1f} different "
                "parents under way"
                for each in self.choices
            ),
            "",
            "one program's time, the arms in turns:",
            *(
                f"  {each.arm:<10} {len(each.milliseconds):>4} trials, median {each.median:.1f} ms, "
                f"noise {each.noise:.1%}"
                for each in self.timed
            ),
        ]
        return "\n".join(lines)


def parallel(
    open_study: OpenStudy,
    open_timed: OpenTimed,
    directory: Path,
    *,
    experiments: int,
    walls: int,
    studies: int,
    simulated: int,
    sets: int,
    rounds: int,
    seed: int = 0,
) -> ParallelResult:
    """Run the benchmark in an empty directory.

    experiments: of each of so many `walls`; simulated: of each of so many `studies`; sets: trials that can have
    cores of their own on this machine; rounds: of the timings.
    """
    timed = timing(open_timed, _fresh(directory, "timing"), sets=sets, rounds=rounds)
    return ParallelResult(
        settings={"studies": studies, "experiments": simulated, "rounds": rounds, "seed": seed},
        walls=[
            wall(open_study, _fresh(directory, f"wall{number}"), experiments=experiments)
            for number in range(walls)
        ],
        shifts=[_mean_shift(name, studies, simulated, seed) for name in CREWS],
        choices=[choices(workers, simulated, seed) for workers in (1, 16, 64)],
        timed=timed,
    )


def _fresh(directory: Path, name: str) -> Path:
    (directory / name).mkdir()
    return directory / name


def _mean_shift(name: str, studies: int, experiments: int, seed: int) -> Shift:
    one = partial(shift, name, CREWS[name], experiments=experiments)
    lucks = [derive_seed(seed, "shift", study) for study in range(studies)]
    all_of_them = [one(World(_PLANT, luck), seed=luck) for luck in lucks]
    return replace(
        all_of_them[0],
        steady=fmean(each.steady for each in all_of_them),
        whole=fmean(each.whole for each in all_of_them),
        stale=fmean(each.stale for each in all_of_them),
        stalest=max(each.stalest for each in all_of_them),
    )


def choices(workers: int, experiments: int, seed: int) -> Choices:
    """What the search is like with so many workers: real time of `choose`, and how choices differ."""
    luck = derive_seed(seed, "choices")
    crew = Crew(workers=workers, trial=log_normal())
    parents: list[int] = []

    def watch(study: SimulatedStudy, fact: object) -> None:
        running = study.journal.history.running()
        if isinstance(fact, Opened) and len(running) == workers:
            parents.append(len({one.parents for one in running}))

    study = SimulatedStudy(
        World(_PLANT, luck), crew, experiments=experiments, seed=luck, watch=watch
    )
    choose, times = study.search.choose, list[float]()

    def timed(*args: object, **kwargs: object) -> object:
        began = time.perf_counter()
        chosen = choose(*args, **kwargs)  # pyright: ignore[reportArgumentType]
        times.append(1000 * (time.perf_counter() - began))
        return chosen

    study.search.choose = timed  # pyright: ignore[reportAttributeAccessIssue]
    study.explore()
    return Choices(
        workers=workers,
        choose_ms=median(times),
        parents=fmean(parents) if parents else 0.0,
    )
