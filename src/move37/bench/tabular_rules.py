"""What each rule makes of the same recorded programs: it may look at splits, and every look is a fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, stdev

from move37.bench.referee_rules import spread
from move37.bench.referee_study import BareStudy, planted_task
from move37.core.records import Purpose
from move37.referee.intervals import Units, paired_interval

FRESH = 1000
"""The first split that no search looks at."""
REPEATS = 5
"""Fits of the unchanged program on other splits, from which the other rules know the noise."""

Look = Callable[[int, int], Units]
"""(program, split) -> what it makes of each validation row there. Its score is their mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picked:
    """What a rule ends with."""

    program: int
    """Its place in the walk; 0 is the unchanged one."""
    believed: float
    """What it says the gain is."""
    claim: bool
    fits: int


class Counted:
    """Counts what a rule looks at. Looking twice at the same thing costs once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._seen: dict[tuple[int, int], Units] = {}

    def __call__(self, program: int, split: int) -> float:
        return fmean(self.units(program, split).values())

    def units(self, program: int, split: int) -> Units:
        """Row by row."""
        if (program, split) not in self._seen:
            self._seen[program, split] = self._look(program, split)
        return self._seen[program, split]

    @property
    def fits(self) -> int:
        return len(self._seen)


TabularRule = Callable[[Look, Sequence[int]], Picked]
"""(units, parents) -> what it recommends of so many recorded programs."""


def keep_if_better(units: Look, parents: Sequence[int], *, margin: float = 0.0) -> Picked:
    """margin: in standard deviations of the unchanged program's score over splits."""
    look = Counted(units)
    edge = margin * _noise(look) if margin else 0.0
    kept, score = 0, look(0, 0)
    for program in range(1, len(parents)):
        if look(program, 0) > score + edge:
            kept, score = program, look(program, 0)
    return _picked(look, kept, score - look(0, 0))


def best_over_mad(units: Look, parents: Sequence[int], *, confidence: float = 2.0) -> Picked:
    """As `referee_rules.best_over_mad`."""
    look = Counted(units)
    kept, score = 0, look(0, 0)
    for program in range(1, len(parents)):
        seen = look(program, 0)
        recent = [look(other, 0) for other in range(max(0, program - 19), program + 1)]
        if len(recent) >= 3 and seen - score > confidence * spread(recent):
            kept, score = program, seen
    return _picked(look, kept, score - look(0, 0))


def win_then_confirm(units: Look, parents: Sequence[int]) -> Picked:
    """One that looks better is scored on a second split; kept if the mean of both is better still."""
    look = Counted(units)
    kept, score, both = 0, look(0, 0), (look(0, 0) + look(0, 1)) / 2
    start = both
    for program in range(1, len(parents)):
        if look(program, 0) > score:
            mean = (look(program, 0) + look(program, 1)) / 2
            if mean > both:
                kept, score, both = program, look(program, 0), mean
    return _picked(look, kept, both - start)


def top_3_confirm(units: Look, parents: Sequence[int], *, share: float = 0.2) -> Picked:
    """The three best and the unchanged program are scored on fresh splits: the best mean is recommended.

    Claimed when a one-sided paired t-test at 5 % says so. share: of the walk's length, in fits.
    """
    look = Counted(units)
    each = max(2, round(share * len(parents) / 4))
    leaders = sorted(range(1, len(parents)), key=lambda program: -look(program, 0))[:3]
    gains = {
        program: [look(program, FRESH + split) - look(0, FRESH + split) for split in range(each)]
        for program in leaders
    }
    best = max(gains, key=lambda program: fmean(gains[program]))
    interval = paired_interval(gains[best], 0.90)
    assert interval is not None, "there are two fresh splits or more"
    if interval.effect <= 0:
        return _picked(look, 0, 0.0)
    return Picked(program=best, believed=interval.effect, claim=interval.low > 0, fits=look.fits)


def ours(units: Look, parents: Sequence[int]) -> Picked:
    """The product's belief and claims; fresh splits take the place of fresh seeds.

    Takes home what was claimed, and says what its certificate estimates; or else leaves things as they are.
    """
    look = Counted(units)
    certified = _searched(look, parents).certify()
    if certified is None or not certified.claim or certified.estimate is None:
        return _picked(look, 0, 0.0)
    return _picked(look, certified.experiment, certified.estimate.effect)


def search_alone(units: Look, parents: Sequence[int]) -> Picked:
    """The same before anything is certified: the champion, and what is believed of it. Claims nothing."""
    look = Counted(units)
    best, believed = _searched(look, parents).champion()
    return Picked(program=best, believed=believed.mean, claim=False, fits=look.fits)


def _searched(look: Counted, parents: Sequence[int]) -> BareStudy:
    """All recorded programs, told to the product's history and belief."""

    def split(purpose: Purpose, index: int) -> int:
        return index + (FRESH if purpose == "certify" else 0)

    study = BareStudy(
        planted_task(),
        lambda experiment, purpose, index: look(experiment, split(purpose, index)),
        budget=len(parents) - 1,
        units=lambda experiment, purpose, index: look.units(experiment, split(purpose, index)),
    )
    study.repeat_baseline()
    for program in range(1, len(parents)):
        study.measure(study.open((parents[program],)))
    return study


def _noise(look: Counted) -> float:
    return stdev(look(0, split) for split in range(REPEATS))


def _picked(look: Counted, program: int, believed: float) -> Picked:
    return Picked(program=program, believed=believed, claim=program != 0, fits=look.fits)


RULES: Sequence[tuple[str, TabularRule]] = (
    ("move37", ours),
    ("move37_uncertified", search_alone),
    ("keep_if_better", keep_if_better),
    ("best_over_mad", best_over_mad),
    ("gate_1_sigma", partial(keep_if_better, margin=1.0)),
    ("gate_2_sigma", partial(keep_if_better, margin=2.0)),
    ("win_then_confirm", win_then_confirm),
    ("top_3_confirm", top_3_confirm),
)
