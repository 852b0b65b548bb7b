"""`drift_loss`: what a machine that slows down while a study runs costs the ranking of its programs.

The same programs, on the same tree, are measured on a steady machine, on a drifting one, and on a
drifting one with `evaluate.pair`; what is compared is how many pairs of programs belief puts in the
wrong order. Timings: noise and drift are factors. No search, so that nothing else differs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from statistics import fmean

from move37.core.facts import EpochStarted, Opened, Proposed, Tried
from move37.core.records import Measured, Trial
from move37.core.seeds import derive_seed
from move37.search import LineagePosterior

NOISE = 0.03
"""Sd of one timing's logarithm."""
EFFECT = 0.03
"""Sd of what an edit does to the logarithm of a program's time."""
BASELINE_TRIALS = 5

Machine = Callable[[float], float]
"""Logarithm of how slow it is, by the share of the study that is over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftResult:
    """Shares of all pairs of programs that belief puts in the wrong order."""

    steady: float
    """On a machine that does not drift, without pairs."""
    drifting: float
    """On one that does."""
    paired: float
    """On that one, with the baseline measured back to back with each program."""

    @property
    def figures(self) -> Mapping[str, float]:
        return {
            "drift_loss": self.paired / self.steady - 1,
            "drift_loss_unpaired": self.drifting / self.steady - 1,
        }


def drift_loss(
    *, studies: int, experiments: int = 100, drift: float = 0.3, seed: int = 0
) -> DriftResult:
    """Run it. drift: by how much slower the machine is in the end, or at its worst."""
    machines = _machines(math.log1p(drift))
    errors: dict[str, list[float]] = {"steady": [], "drifting": [], "paired": []}
    for study in range(studies):
        machine = machines[study % len(machines)]
        luck = derive_seed(seed, "drift", study)
        errors["steady"].append(_ranking_error(experiments, lambda _: 0.0, False, luck))
        errors["drifting"].append(_ranking_error(experiments, machine, False, luck))
        errors["paired"].append(_ranking_error(experiments, machine, True, luck))
    return DriftResult(**{name: fmean(shares) for name, shares in errors.items()})


def _machines(worst: float) -> Sequence[Machine]:
    """Steadily slower; busy for the middle third; a day's wave."""
    return (
        lambda over: worst * over,
        lambda over: worst if 1 / 3 < over < 2 / 3 else 0.0,
        lambda over: worst * (1 - math.cos(4 * math.pi * over)) / 2,
    )


def _ranking_error(experiments: int, machine: Machine, pair: bool, seed: int) -> float:
    """One study: random edits of random programs."""
    edits, noise, beside = (Random(derive_seed(seed, what)) for what in ("edits", "noise", "pairs"))
    believer = LineagePosterior()
    believer.add(
        EpochStarted(epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=0)
    )
    values = [0.0]
    total = experiments + BASELINE_TRIALS

    def measure(experiment: int, index: int, done: int) -> None:
        slow = machine(done / total)
        score = -math.exp(values[experiment] + slow + noise.gauss(0.0, NOISE))
        reference = -math.exp(slow + beside.gauss(0.0, NOISE))
        paired = pair and experiment > 0
        trial = Trial(
            purpose="search",
            index=index,
            seed=index,
            outcome=Measured(
                score=score, metrics={}, seconds=-score, cpu_seconds=-score, peak_memory_mb=0.0
            ),
            paired_with=0 if paired else None,
            reference=reference if paired else None,
        )
        believer.add(Tried(experiment=experiment, trial=trial))

    for index in range(BASELINE_TRIALS):
        measure(0, index, index)
    for id in range(1, experiments + 1):
        parent = edits.randrange(id)
        values.append(values[parent] + edits.gauss(0.0, EFFECT))
        believer.add(Opened(experiment=id, epoch=0, parents=(parent,), proposer="drift", seed=id))
        believer.add(
            Proposed(experiment=id, commit="", identity=str(id), move="drift", hypothesis="")
        )
        measure(id, 0, BASELINE_TRIALS + id - 1)
    beliefs = [believer.belief(id) for id in range(experiments + 1)]
    means = [belief.mean for belief in beliefs if belief is not None]
    pairs = list(combinations(zip(values, means, strict=True), 2))
    # A timing is better when it is smaller: the score is its negative.
    return fmean((a[0] < b[0]) != (a[1] > b[1]) for a, b in pairs)
