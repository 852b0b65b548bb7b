"""A claim that may be looked at as it comes in: pairs of trials one after the other, until it is decided.

The test is exact whatever the noise looks like, as long as equal programs are as likely to differ by
`+d` as by `-d`: then, given the sizes of all differences, their signs are fair coins. A claim says
that so few of the sign patterns would have looked as good, at this look or one before it, that they
make up no more than what may be spent by now. No variance is assumed, known or estimated.

Sources: R. Fisher, "The Design of Experiments" (1935), section 21, for the signs; G. Lan and D. DeMets,
"Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), for spending; what
joins them is that the share of patterns given up by each look is fixed before it.
"""

import math
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from random import Random
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING, Literal

from move37.core.records import Interval
from move37.core.seeds import derive_seed
from move37.referee.boundaries import nominal_levels
from move37.referee.intervals import crossed_interval, normal_quantile, unit_variance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPENDING_POWER = 1.0
"""What is spent grows with this power of the number of pairs."""
HOPELESS = 0.05
"""A comparison whose claim has become less probable than this ends: it is not worth its trials."""
_LEAST_BITS, _MOST_BITS = 12, 16
_ROOM = 1e-9
"""Sums of differences closer than this, relative to all of them, are equal: scores come in steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What was fixed before the first fresh trial."""

    pairs: int
    """At the most."""
    alpha: float
    """The chance to claim, at any look, an effect that is no larger than `edge`."""
    edge: float = 0.0
    """On the score. It is claimed that the effect is larger."""

    def spent(self, pairs: int) -> float:
        """How much of `alpha` may be spent by so many pairs. Never decreases."""
        return self.alpha * min(1.0, pairs / self.pairs) ** SPENDING_POWER

    def looks(self) -> tuple[int, ...]:
        """After how many pairs the evidence is looked at: as soon as any could do, then by quarters.

        The first is the least number of pairs of which so few patterns agree as may be spent: `2^-n`.
        """
        first = next((n for n in range(1, self.pairs) if 2.0**-n <= self.spent(n)), self.pairs)
        looks = [first]
        while looks[-1] < self.pairs:
            looks.append(min(self.pairs, looks[-1] + max(1, looks[-1] // 4)))
        return tuple(looks)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What the evidence says so far."""

    verdict: Literal["claim", "hopeless", "undecided", "open"]
    """`open`: the next look is still to come. `hopeless`, `undecided`: it ended without a claim,
    because none was in sight, or with the last pair."""
    pairs: int
    """How many pairs it rests on; those beyond do not count. While `open`, those looked at."""

    @property
    def is_over(self) -> bool:
        return self.verdict != "open"


def decide(
    differences: Sequence[float], plan: Plan, rows: Sequence[Sequence[float]] = ()
) -> Decision:
    """Look at the differences of the pairs, in their order, as often as the plan says.

    rows: the differences by unit, [pairs, units], as far as the pairs were scored on the same units.
        Where they reach to the look, a claim has to hold for other units, too, whose noise more pairs do not average away: the
        interval over units and seeds has to exclude `plan.edge`, at the level of the look.

    A pure function, and what comes after the deciding look changes nothing. The chance that it ever
    claims an effect of `plan.edge` or less is at most `plan.alpha`, for every distribution of
    differences that is symmetric about its mean: that of two equal programs always is.
    """
    shifted = [each - plan.edge for each in differences]
    looks = [look for look in plan.looks() if look <= len(shifted)]
    for look, rejected in _rejections(shifted, plan, looks):
        seen = rows[:look] if len(rows) >= look else None
        if rejected and (seen is None or _crossed(seen, plan, look).low > plan.edge):
            return Decision(verdict="claim", pairs=look)
        if look == plan.pairs:
            return Decision(verdict="undecided", pairs=look)
        if prospect(shifted[:look], plan, seen) < HOPELESS:
            return Decision(verdict="hopeless", pairs=look)
    return Decision(verdict="open", pairs=looks[-1] if looks else 0)


def prospect(
    shifted: Sequence[float], plan: Plan, rows: Sequence[Sequence[float]] | None = None
) -> float:
    """How probable a claim still is, judged by the differences (less `edge`) alone.

    The predictive power under a flat prior (Spiegelhalter, Freedman and Blackburn, "Monitoring clinical
    trials: conditional or predictive power?", Controlled Clinical Trials 7 (1986)), with the
    normal quantile for the test's. To stop for it can only make false claims rarer.
    """
    pairs, mean = len(shifted), fmean(shifted)
    spread = stdev(shifted) if pairs > 1 else 0.0
    stays = 0.0 if rows is None else unit_variance(rows)
    final = math.sqrt(stays + spread**2 / plan.pairs)
    lead = mean - normal_quantile(1 - plan.alpha) * final
    moves = spread * math.sqrt(max(0.0, 1 / pairs - 1 / plan.pairs))
    if moves <= _ROOM * abs(mean):
        return 1.0 if lead > 0 else 0.0
    return NormalDist().cdf(lead / moves)


def confidence(
    differences: Sequence[float], plan: Plan, rows: Sequence[Sequence[float]] = ()
) -> Interval | None:
    """The effects that the latest look does not exclude: a two-sided interval of level `1 - 2 alpha`.

    It holds at whichever look one stops (a repeated confidence interval: C. Jennison and B. Turnbull,
    JRSS B 51 (1989)), and lies above `plan.edge` just when `decide` claims so at that look.
    `None` before the first look, when nothing is excluded.
    """
    looks = [look for look in plan.looks() if look <= len(differences)]
    if not looks:
        return None
    seen = differences[: looks[-1]]
    mirrored, mean = [-each for each in seen], fmean(seen)
    by_unit = len(rows) >= looks[-1]
    if not by_unit and all(each == seen[0] for each in seen):
        point = seen[0]  # nothing varied, in so many pairs as a claim needs
        level = 1 - 2 * plan.alpha
        return Interval(effect=point, low=point, high=point, level=level, pairs=len(seen))
    reach = 2 * max(abs(each - mean) for each in seen) + _ROOM * abs(mean)

    def above(values: Sequence[float], edge: float) -> bool:
        *_, (_, rejected) = _rejections([each - edge for each in values], plan, looks)
        return rejected

    if above(seen, plan.edge):  # so that no rounding parts the interval from the claim
        low = _boundary(lambda edge: above(seen, edge), plan.edge, mean)
    else:
        low = _boundary(lambda edge: above(seen, edge), mean - reach, min(mean, plan.edge))
    high = -_boundary(lambda edge: above(mirrored, edge), -mean - reach, -mean)
    if by_unit:
        both = _crossed(rows[: looks[-1]], plan, looks[-1])
        low, high = min(low, both.low), max(high, both.high)
    return Interval(effect=mean, low=low, high=high, level=1 - 2 * plan.alpha, pairs=len(seen))


def _crossed(rows: Sequence[Sequence[float]], plan: Plan, look: int) -> Interval:
    """The interval over units and seeds at the level of this look."""
    looks = plan.looks()
    nominal = _nominal(looks, tuple(map(plan.spent, looks)))[looks.index(look)]
    interval = crossed_interval(rows, 1 - 2 * nominal)
    assert interval is not None, "no look comes after a single pair"
    return interval


@lru_cache(maxsize=8)
def _nominal(looks: tuple[int, ...], spent: tuple[float, ...]) -> Sequence[float]:
    return nominal_levels(looks, spent)


def _boundary(is_excluded: Callable[[float], bool], inside: float, outside: float) -> float:
    """The largest number that is excluded, between one that is and one that is not."""
    for _ in range(40):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break
        inside, outside = (middle, outside) if is_excluded(middle) else (inside, middle)
    return inside


def _rejections(
    shifted: Sequence[float], plan: Plan, looks: Sequence[int]
) -> Iterator[tuple[int, bool]]:
    """For each look, whether the differences are among the sign patterns that it gives up."""
    import numpy as np

    signs = _signs(_bits(plan.alpha), plan.pairs)
    sums = np.zeros(len(signs))  # [patterns]; the first is the one that was seen
    given_up, room, before = np.zeros(len(signs), dtype=bool), 0.0, 0
    for look in looks:
        for place in range(before, look):
            sums += signs[:, place] * shifted[place]
            room += _ROOM * abs(shifted[place])
        may_go = math.floor(plan.spent(look) * len(signs) + 1e-6) - int(given_up.sum())
        left = sums[~given_up]
        # The next one stays, and with it all that are equal to it.
        cut = np.partition(left, len(left) - may_go - 1)[len(left) - may_go - 1] + room
        yield look, bool(sums[0] > cut)
        given_up |= sums > cut
        before = look


def _bits(alpha: float) -> int:
    """How many signs are free: so many that the tail has a hundred patterns, within reason."""
    return min(_MOST_BITS, max(_LEAST_BITS, math.ceil(math.log2(100 / alpha))))


@lru_cache(maxsize=4)
def _signs(bits: int, pairs: int) -> "NDArray[np.int8]":
    """A group of sign patterns, [2^bits, pairs], the identity first.

    All there are of up to `bits` pairs. Beyond, each further sign is the product of an odd number of
    free ones, so that the patterns still are a group, which is what makes the test exact, and the
    opposite of each is among them.
    """
    import numpy as np

    patterns = np.arange(1 << bits)
    free = np.array([patterns >> bit & 1 for bit in range(bits)])  # [bits, patterns]
    columns = [*free[:pairs]]
    chosen: set[frozenset[int]] = set()
    for place in range(bits, pairs):
        chosen.add(which := _some_bits(bits, place, chosen))
        columns.append(free[sorted(which)].sum(axis=0) % 2)
    return np.array(1 - 2 * np.array(columns).T, dtype=np.int8, order="F")


def _some_bits(bits: int, place: int, taken: Set[frozenset[int]]) -> frozenset[int]:
    """Five or seven, as if by lot, and always the same; not those that another place has."""
    for attempt in count():
        dice = Random(derive_seed(place, "signs", bits, attempt))
        some = frozenset(dice.sample(range(bits), 5 + 2 * (attempt % 2)))
        if some not in taken:
            return some
    raise AssertionError("counting has no end")
