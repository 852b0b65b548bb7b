"""What is claimed: where nothing can be, where one thing can, and how well effects are stated.

Searches are the product's own. To see a rate of a few per cent it takes thousands of studies; fresh
trials know nothing of the search that came before, so each search is certified many times over, with
the plans that it made and the product's decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from random import Random
from statistics import fmean

from move37.bench.referee_rules import keep_if_better
from move37.bench.referee_study import Study, our_rule, planted_task
from move37.bench.referee_worlds import Ended, Plant, World
from move37.core.facts import CertificationOpened
from move37.core.seeds import derive_seed
from move37.referee.certify import plan_of
from move37.referee.sequential import decide

NULLS = (Plant(noise=1.0, good=0.0, harmful=0.0), Plant(noise=1.0, good=0.0))
"""Where nothing helps: no edit does anything, or some do harm."""
ONE_GAIN = Plant(noise=1.0, single=2.0)
"""One edit of a study helps, by two standard deviations of a run; the others do nothing."""
ONE_GAIN_LENGTH = 100
"""The good edit is among so many. Keep-if-better looks at each of them once."""
ONE_GAIN_RUNS = 106
"""What our search may spend on it, certification apart: room to look at the best few again."""


# --- where nothing helps -------------------------------------------------------------------------

Plans = tuple[CertificationOpened, ...]
"""The certifications that one search led to, one after the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NullRate:
    """Studies in which nothing can be found."""

    studies: int
    claims: int
    """Studies with a claim."""

    @property
    def rate(self) -> float:
        return self.claims / self.studies

    @property
    def error(self) -> float:
        """Standard error of the rate."""
        return sqrt(self.rate * (1 - self.rate) / self.studies)


def null_plans(length: int, seed: int, study: int) -> Plans:
    """Search where nothing helps, certify, and return what was planned."""
    plant = NULLS[study % len(NULLS)]
    searched = Study(World(plant, derive_seed(seed, "null", length, study), length), length)
    searched.repeat_baseline()
    searched.explore()
    searched.certify()
    return tuple(searched.history.certifications)


def replay(plans: Sequence[Plans], times: int, seed: int) -> int:
    """Certify each of the searches so many times, with fresh noise. Returns how many claim something.

    The programs that are compared are taken to be equal: harm makes a claim rarer still. A claim ends
    a study's certifications, as in a run.
    """
    claims = 0
    for place, opened in enumerate(plans):
        for time in range(times):
            noise = Random(derive_seed(seed, "replay", place, time))
            claims += any(_claims(one, noise) for one in opened)
    return claims


def _claims(opened: CertificationOpened, noise: Random) -> bool:
    differences = [noise.gauss(0.0, 1.0) - noise.gauss(0.0, 1.0) for _ in range(opened.pairs)]
    return decide(differences, plan_of(opened, planted_task().metric)).verdict == "claim"


# --- where one edit helps ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OneGainStudy:
    """One study with a single gain."""

    found: bool
    """The recommended program has it."""
    certified: bool
    """And that was claimed."""
    runs: int
    ratchet_found: bool
    """Keep-if-better ends with it, on the same study."""
    ratchet_runs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OneGain:
    """All of them."""

    studies: int
    found: float
    power: float
    """Share of studies in which it is found and certified."""
    cost_ratio: float
    """Evaluation runs in all, certification included, over those of keep-if-better."""
    ratchet_found: float

    @property
    def error(self) -> float:
        """Standard error of the power."""
        return sqrt(self.power * (1 - self.power) / self.studies)


def one_gain(seed: int, study: int) -> OneGainStudy:
    luck = derive_seed(seed, "one gain", study)
    ended, _ = our_rule(World(ONE_GAIN, luck, ONE_GAIN_LENGTH), ONE_GAIN_RUNS)
    ratchet = keep_if_better(World(ONE_GAIN, luck, ONE_GAIN_LENGTH), ONE_GAIN_LENGTH, 1)
    return OneGainStudy(
        found=ended.gain > 0,
        certified=ended.gain > 0 and ended.claim,
        runs=ended.runs,
        ratchet_found=ratchet.gain > 0,
        ratchet_runs=ratchet.runs,
    )


def summarise_one_gain(studies: Sequence[OneGainStudy]) -> OneGain:
    return OneGain(
        studies=len(studies),
        found=fmean(study.found for study in studies),
        power=fmean(study.certified for study in studies),
        cost_ratio=fmean(study.runs for study in studies)
        / fmean(study.ratchet_runs for study in studies),
        ratchet_found=fmean(study.ratchet_found for study in studies),
    )


# --- how well effects are stated -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """The 90 % intervals of certified effects beside the true ones."""

    effects: int
    share: float
    """Of them whose interval holds the truth."""
    below: float
    """Share of truths below their interval: the effect was overstated."""
    above: float

    @property
    def error(self) -> float:
        """Standard error of the share."""
        return sqrt(self.share * (1 - self.share) / self.effects)


def coverage(ended: Sequence[Ended]) -> Coverage | None:
    """Of those that claim something and state an interval; `None` when none does."""
    stated = [end for end in ended if end.claim and isfinite(end.low)]
    if not stated:
        return None
    return Coverage(
        effects=len(stated),
        share=fmean(end.low <= end.gain <= end.high for end in stated),
        below=fmean(end.gain < end.low for end in stated),
        above=fmean(end.gain > end.high for end in stated),
    )
