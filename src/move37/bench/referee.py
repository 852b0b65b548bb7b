"""`bench referee`: can what is claimed be believed, and what does that cost? Where the truth is known.

Planted gains, null edits, lucky seeds, cheats and drift, over noise levels and study lengths, with the
rules that are widely used beside ours. Deterministic for its settings, however many processes run it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from move37.bench.drift import DriftResult, drift_loss
from move37.bench.referee_claims import (
    Coverage,
    NullRate,
    OneGain,
    Plans,
    coverage,
    null_plans,
    one_gain,
    replay,
    summarise_one_gain,
)
from move37.bench.referee_grid import (
    NOISES,
    OURS,
    WORLDS,
    Row,
    ceiling,
    grid_study,
    ratio_to_best,
    rows,
    world_study,
)
from move37.bench.referee_jobs import Answers, in_processes
from move37.core.errors import TaskError
from move37.core.seeds import derive_seed

WORLD_LENGTH = 100
"""Of the studies in worlds that mislead."""
MACHINES = 3
"""Ways to drift: each part of that simulation has one study of each."""
SMALL = 1.0
"""Effects are small where the noise of one run is at least this many of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How much to simulate."""

    studies: Mapping[int, int]
    """Of each noise level, by length."""
    worlds: int
    """Studies in each world that misleads."""
    gains: int
    """Studies with one planted gain."""
    nulls: Mapping[int, tuple[int, int]]
    """By length: so many searches where nothing helps, and so many certifications of them in all."""
    drifts: int
    """Parts of the simulation of drifting machines."""

    def check(self) -> None:
        """Raises `TaskError` when there is too little to average over."""
        counts = [*self.studies.values(), self.worlds, self.gains, self.drifts]
        if not self.studies or min(counts) < 2:
            raise TaskError("bench referee needs 2 studies of each kind or more")


FULL = Size(
    studies={50: 160, 100: 80, 300: 32, 1000: 10, 2000: 5},
    worlds=80,
    gains=300,
    nulls={100: (300, 10_000), 1000: (30, 10_000)},
    drifts=24,
)
QUICK = Size(
    studies={50: 8, 100: 6, 300: 2},
    worlds=6,
    gains=30,
    nulls={100: (20, 1000), 1000: (2, 1000)},
    drifts=2,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RefereeResult:
    """What `bench referee` found in its planted worlds."""

    settings: Mapping[str, object]
    grid: Mapping[tuple[float, int], Sequence[Row]]
    """Every rule, by noise and length."""
    ratios: Mapping[tuple[float, int], float]
    """Our true gain over that of the best other rule, by noise and length."""
    ceilings: Mapping[tuple[float, int], float]
    """The same of whoever sees the truth: no rule can have more."""
    paid_ratios: Mapping[tuple[float, int], float]
    """The same where the others search on with the runs that our certification took."""
    worlds: Mapping[str, Sequence[Row]]
    """Every rule in the worlds that mislead, by their names."""
    nulls: Mapping[int, NullRate]
    gain: OneGain
    coverage: Coverage | None
    drift: DriftResult

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names."""
        small = [ratio for (noise, _), ratio in self.ratios.items() if noise >= SMALL]
        highest = [most for (noise, _), most in self.ceilings.items() if noise >= SMALL]
        figures = {
            **{f"null_claim_rate_{length}": null.rate for length, null in self.nulls.items()},
            "power_one_gain": self.gain.power,
            "cost_ratio_one_gain": self.gain.cost_ratio,
            "gain_ratio_best_rule_small": min(small),
            "gain_ratio_ceiling_small": min(highest),
            "gain_ratio_best_rule_min": min(self.ratios.values()),
            "gain_ratio_best_rule_min_paid": min(self.paid_ratios.values()),
            **self.drift.figures,
        }
        if self.coverage is not None:
            figures["coverage_90"] = self.coverage.share
        return figures


def referee(*, size: Size = FULL, seed: int = 0, workers: int = 1) -> RefereeResult:
    """Run the planted half of the benchmark.

    workers: processes to compute with, which do not change the result. Raises `TaskError` when there
    is too little to average over.
    """
    size.check()
    answers = in_processes(_searches(size, seed), workers)
    plans = {length: answers[f"null {length}"] for length in size.nulls}
    replays = in_processes(_replays(size, plans, seed), workers)
    return _gather(size, seed, answers, replays)


def _searches(size: Size, seed: int) -> Mapping[str, Sequence["partial[Any]"]]:
    """Everything that searches. The longest studies come first, so that no process ends up alone."""
    lengths = sorted(size.studies, reverse=True)
    groups: dict[str, Sequence[partial[Any]]] = {
        f"null {length}": [partial(null_plans, length, seed, study) for study in range(searches)]
        for length, (searches, _) in sorted(size.nulls.items(), reverse=True)
    }
    groups |= {
        f"grid {noise} {length}": [
            partial(grid_study, noise, length, seed, study) for study in range(size.studies[length])
        ]
        for length in lengths
        for noise in NOISES
    }
    groups |= {
        f"world {world}": [
            partial(world_study, world, WORLD_LENGTH, seed, study) for study in range(size.worlds)
        ]
        for world in WORLDS
    }
    groups["drift"] = [
        partial(drift_loss, studies=MACHINES, seed=derive_seed(seed, "drift", part))
        for part in range(size.drifts)
    ]
    groups["one gain"] = [partial(one_gain, seed, study) for study in range(size.gains)]
    return groups


def _replays(
    size: Size, plans: Mapping[int, Sequence[Plans]], seed: int
) -> Mapping[str, Sequence["partial[Any]"]]:
    """Certifications where nothing helps: as many of each search as make up the number asked for."""
    return {
        f"null {length}": [
            partial(replay, [opened], times // searches, derive_seed(seed, "replay", length, place))
            for place, opened in enumerate(plans[length])
        ]
        for length, (searches, times) in size.nulls.items()
    }


def _gather(size: Size, seed: int, answers: Answers, replays: Answers) -> RefereeResult:
    cells = {
        (noise, length): answers[f"grid {noise} {length}"]
        for length in size.studies
        for noise in NOISES
    }
    claims = [  # where a run has noise: without any there is nothing to cover
        study.at_equal_length[OURS]
        for (noise, _), studies in cells.items()
        if noise > 0
        for study in studies
    ]
    return RefereeResult(
        settings={
            "seed": seed,
            "noises": list(NOISES),
            "studies": {str(length): count for length, count in size.studies.items()},
            "worlds": size.worlds,
            "one_gain_studies": size.gains,
            "null_studies": {str(length): times for length, (_, times) in size.nulls.items()},
        },
        grid={cell: rows(*cell, studies) for cell, studies in cells.items()},
        ratios={cell: ratio_to_best(studies) for cell, studies in cells.items()},
        ceilings={cell: ceiling(studies) for cell, studies in cells.items()},
        paid_ratios={
            cell: ratio_to_best(studies, all_paid=True) for cell, studies in cells.items()
        },
        worlds={
            world: rows(plant.noise, WORLD_LENGTH, answers[f"world {world}"])
            for world, plant in WORLDS.items()
        },
        nulls={
            length: NullRate(
                studies=times // searches * searches, claims=sum(replays[f"null {length}"])
            )
            for length, (searches, times) in size.nulls.items()
        },
        gain=summarise_one_gain(answers["one gain"]),
        coverage=coverage(claims),
        drift=_joined(answers["drift"]),
    )


def _joined(parts: Sequence[DriftResult]) -> DriftResult:
    """Parts of equal size as one."""
    return DriftResult(
        steady=fmean(part.steady for part in parts),
        drifting=fmean(part.drifting for part in parts),
        paired=fmean(part.paired for part in parts),
    )
