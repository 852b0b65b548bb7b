"""Does a machine that gets slower make later programs look worse? Belief with and without pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from move37.bench.referee_study import Study
from move37.bench.referee_worlds import LEVEL, Plant, World
from move37.core.facts import EpochStarted, Opened, Proposed, Tried
from move37.core.records import Measured, Trial
from move37.core.seeds import derive_seed
from move37.search import LineagePosterior

DRIFT = 0.3
"""All scores change by this share over the study."""
LENGTH = 150


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """Share of pairs of programs whose order belief has wrong, over all studies."""

    errors: Mapping[str, float]
    """Of `calm`, `calm paired`, `drift` and `drift paired`."""

    @property
    def loss(self) -> float:
        """How much larger the error of pairs is with a drift than without one, as a share of it."""
        return self.errors["drift paired"] / self.errors["calm paired"] - 1

    @property
    def loss_unpaired(self) -> float:
        """The same without pairs."""
        return self.errors["drift"] / self.errors["calm"] - 1


def drift_study(seed: int, study: int) -> Mapping[str, float]:
    """Ranking errors of one study: the same programs, noise and order of trials each time."""
    luck = derive_seed(seed, "drift", study)
    grown = Study(World(Plant(noise=1.0), luck, LENGTH), LENGTH)
    grown.repeat_baseline()
    grown.explore()
    # Both directions: a machine that gets slower, and one that gets faster.
    drift = DRIFT if study % 2 else -DRIFT
    return {
        "calm": _error(grown, luck, 0.0, pair=False),
        "calm paired": _error(grown, luck, 0.0, pair=True),
        "drift": _error(grown, luck, drift, pair=False),
        "drift paired": _error(grown, luck, drift, pair=True),
    }


def _error(grown: Study, luck: int, drift: float, *, pair: bool) -> float:
    """Believe the same programs once more, in a world that drifts so, and compare with the truth."""
    believer, noise = LineagePosterior(), Random(derive_seed(luck, "noise"))
    epoch = grown.history.epoch
    believer.add(
        EpochStarted(
            epoch=0, fingerprint="", task={}, baseline=0, commit="0", identity="0", seed=epoch.seed
        )
    )
    experiments, clock = grown.history.experiments, 0
    planned = sum(len(one.trials) for one in experiments)

    def score(experiment: int, at: int) -> float:
        level = LEVEL + grown.programs[experiment].value
        return level * (1 + drift * at / planned) + noise.gauss(0.0, grown.world.plant.noise)

    for one in experiments:
        if one.parents:
            believer.add(
                Opened(experiment=one.id, epoch=0, parents=one.parents, proposer="", seed=one.id)
            )
            believer.add(
                Proposed(experiment=one.id, commit="", identity="", move="planted", hypothesis="")
            )
        for trial in one.trials:
            seen, beside = score(one.id, clock), score(0, clock)
            paired = pair and bool(one.parents)  # with the baseline, as the engine does it
            believer.add(
                Tried(
                    experiment=one.id,
                    trial=Trial(
                        purpose="search",
                        index=trial.index,
                        seed=trial.seed,
                        outcome=_measured(seen),
                        paired_with=0 if paired else None,
                        reference=beside if paired else None,
                    ),
                )
            )
            clock += 1
    beliefs = [believer.belief(one.id) for one in experiments]
    return ranking_error(
        [program.value for program in grown.programs],
        [belief.mean for belief in beliefs if belief is not None],
    )


def _measured(score: float) -> Measured:
    return Measured(score=score, metrics={}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0)


def ranking_error(truth: Sequence[float], believed: Sequence[float]) -> float:
    """Share of the pairs with different true scores whose order is believed the other way round.

    0 for a perfect ranking, 0.5 for one by lot; `(1 - Goodman and Kruskal's gamma) / 2`.
    """
    assert len(truth) == len(believed), "one belief for each program"
    wrong = total = 0.0
    for place, (value, belief) in enumerate(zip(truth, believed, strict=True)):
        for other, guess in zip(truth[:place], believed[:place], strict=True):
            if value != other:
                total += 1
                wrong += 0.5 if belief == guess else float((belief > guess) != (value > other))
    return wrong / total if total else 0.0


def summarise_drift(studies: Sequence[Mapping[str, float]]) -> Drift:
    return Drift(errors={name: fmean(study[name] for study in studies) for name in studies[0]})
