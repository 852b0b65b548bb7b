"""Every rule on the same planted studies: over noise and length, and in worlds that mislead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean, stdev

from move37.bench.referee_rules import RULES, knows_the_truth
from move37.bench.referee_study import our_rule
from move37.bench.referee_worlds import Ended, Plant, World
from move37.core.seeds import derive_seed

OURS = "move37"
NOISES = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Of one run, in typical good effects."""
WORLDS: Mapping[str, Plant] = {
    "nothing helps": Plant(noise=1.0, good=0.0, harmful=0.0),
    "some harm, none helps": Plant(noise=1.0, good=0.0),
    "lucky seeds": Plant(noise=1.0, good=0.0, harmful=0.0, lucky=True),
    "lucky seeds, some help": Plant(noise=1.0, lucky=True),
    "cheats": Plant(noise=1.0, good=0.0, harmful=0.0, cheats=0.03),
    "cheats, some help": Plant(noise=1.0, cheats=0.03),
    "scores rise 30 %": Plant(noise=1.0, good=0.0, harmful=0.0, drift=0.3),
    "scores fall 30 %, some help": Plant(noise=1.0, drift=-0.3),
}
"""Worlds that mislead, at the noise of a typical good effect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One rule in one kind of study. In typical good effects."""

    rule: str
    noise: float
    length: int
    """Evaluation runs of changed programs."""
    gain: float
    """Mean true gain of the recommended program."""
    gain_se: float
    claims: float
    """Share of studies that claim an improvement."""
    false_claims: float
    """Share of studies that claim one, and there is none."""
    power: float
    """Share of studies that claim one, and there is one."""
    runs: float
    """Evaluation runs in all, the baseline's and those of certification included."""
    optimism: float
    """Mean of what it believes the gain to be, less what it is."""


@dataclass(frozen=True, slots=True)
class Compared:
    """All rules on one study."""

    at_equal_length: Mapping[str, Ended]
    all_paid: Mapping[str, Ended]
    """The other rules again, with the runs of our certification added to their search."""
    known: float
    """True gain of whoever sees the truth."""


def compare(plant: Plant, length: int, seed: int) -> Compared:
    """Every rule on the same study: same edits, same luck."""
    ours, start = our_rule(World(plant, seed, length), length)
    paid = max(length, ours.runs - start)
    return Compared(
        at_equal_length={OURS: ours}
        | {name: rule(World(plant, seed, length), length, start) for name, rule in RULES},
        all_paid={name: rule(World(plant, seed, length), paid, start) for name, rule in RULES},
        known=knows_the_truth(World(plant, seed, length), length),
    )


def grid_study(noise: float, length: int, seed: int, study: int) -> Compared:
    """One study of the grid."""
    return compare(Plant(noise=noise), length, derive_seed(seed, "grid", str(noise), length, study))


def world_study(world: str, length: int, seed: int, study: int) -> Compared:
    """One study in a world that misleads."""
    return compare(WORLDS[world], length, derive_seed(seed, world, length, study))


def rows(noise: float, length: int, studies: Sequence[Compared]) -> list[Row]:
    """One for each rule."""
    return [
        _row(rule, noise, length, [study.at_equal_length[rule] for study in studies])
        for rule in studies[0].at_equal_length
    ]


def _row(rule: str, noise: float, length: int, ended: Sequence[Ended]) -> Row:
    gains = [end.gain for end in ended]
    return Row(
        rule=rule,
        noise=noise,
        length=length,
        gain=fmean(gains),
        gain_se=stdev(gains) / sqrt(len(gains)),
        claims=fmean(end.claim for end in ended),
        false_claims=fmean(end.is_false for end in ended),
        power=fmean(end.claim and not end.is_false for end in ended),
        runs=fmean(end.runs for end in ended),
        optimism=fmean(end.believed - end.gain for end in ended),
    )


def ratio_to_best(studies: Sequence[Compared], *, all_paid: bool = False) -> float:
    """Our mean true gain over that of the best other rule; infinite where none gained anything.

    The best is chosen after the fact, cell by cell, which favours the others.
    """
    ours = fmean(study.at_equal_length[OURS].gain for study in studies)
    best = _best_other(studies, all_paid=all_paid)
    return ours / best if best > 0 else inf


def ceiling(studies: Sequence[Compared]) -> float:
    """What `ratio_to_best` would be for whoever sees the truth: no rule can reach more."""
    best = _best_other(studies, all_paid=False)
    return fmean(study.known for study in studies) / best if best > 0 else inf


def _best_other(studies: Sequence[Compared], *, all_paid: bool) -> float:
    others = [study.all_paid if all_paid else study.at_equal_length for study in studies]
    return max(fmean(each[name].gain for each in others) for name, _ in RULES)
