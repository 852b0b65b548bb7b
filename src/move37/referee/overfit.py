"""What a certified effect is likely to be, and how much of what the search believed was luck.

The interval that decides a claim holds whenever one stops, and is wide for it; and what was just
claimed looks better than it is, because it was claimed. So people are shown an estimate besides,
that weighs what the search believed with what was seen afresh. Nothing here decides anything.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from move37.core.records import Belief, Interval
from move37.referee.intervals import crossed_error, largest, t_quantile

LEVEL = 0.9
"""Of the intervals of the estimate and of the overfit."""
TOO_HIGH = 1.0
TOO_SURE = 1.5
"""The champion was picked among many for looking best. So the search's belief in it is taken to be too
high by one of its standard deviations, and their scale to be one and a half times as large."""
_TAILS = 4.0
"""Degrees of freedom of the prior: where belief and fresh evidence disagree badly, belief gives way."""
_POINTS = 2001
_FAR = 12.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fresh:
    """What the fresh pairs say alone: Student's t about `mean`."""

    mean: float
    error: float
    freedom: float
    pairs: int


def fresh(differences: Sequence[float], rows: Sequence[Sequence[float]] | None = None) -> Fresh:
    """Two differences or more, by pair; with `rows` by pair and unit, as far as they noise the mean."""
    pairs, mean = len(differences), fmean(differences)
    scale = max(map(abs, differences)) or 1.0
    if rows is not None and len(rows[0]) > 1:
        scale = max(scale, largest(rows))
        error, freedom = crossed_error([[each / scale for each in row] for row in rows])
        return Fresh(mean=mean, error=scale * error, freedom=freedom, pairs=pairs)
    if all(each == differences[0] for each in differences):  # no rounding makes noise of it
        return Fresh(mean=differences[0], error=0.0, freedom=pairs - 1, pairs=pairs)
    error = scale * math.sqrt(variance([each / scale for each in differences]) / pairs)
    return Fresh(mean=mean, error=error, freedom=pairs - 1, pairs=pairs)


def estimate(believed: Belief, seen: Fresh) -> Interval:
    """The posterior median of the effect, with the central 90 % of the posterior.

    Fresh evidence counts by its likelihood, which knows nothing of when one stopped; the prior is
    the search's belief, moved and widened as `TOO_HIGH` and `TOO_SURE` say, with Student's tails. In
    planted studies 88 to 92 % of the intervals hold the truth, of claims and of all (`docs/claims.md`).
    """
    if seen.error == 0:
        return _interval(seen.mean, seen.mean, seen.mean, seen.pairs)
    if believed.sd == 0:
        return _student(seen)
    center, width = believed.mean - TOO_HIGH * believed.sd, TOO_SURE * believed.sd
    step = 2 * _FAR * seen.error / (_POINTS - 1)
    points = [seen.mean + step * (place - (_POINTS - 1) / 2) for place in range(_POINTS)]
    logs = [
        _log_t((point - seen.mean) / seen.error, seen.freedom)
        + _log_t((point - center) / width, _TAILS)
        for point in points
    ]
    top = max(logs)
    masses = [math.exp(log - top) for log in logs]
    tail = (1 - LEVEL) / 2
    low, middle, high = (_quantile(points, masses, share) for share in (tail, 0.5, 1 - tail))
    return _interval(middle, low, high, seen.pairs)


def overfit(believed: Belief, seen: Fresh) -> Interval:
    """What the search believed less what is seen afresh, with Student's interval of 90 %.

    By the fresh evidence alone: the estimate leans on the belief and would be too kind to it.
    """
    student = _student(seen)
    return Interval(
        effect=believed.mean - student.effect,
        low=believed.mean - student.high,
        high=believed.mean - student.low,
        level=LEVEL,
        pairs=seen.pairs,
    )


def _student(seen: Fresh) -> Interval:
    half = t_quantile((1 + LEVEL) / 2, seen.freedom) * seen.error if seen.error else 0.0
    return _interval(seen.mean, seen.mean - half, seen.mean + half, seen.pairs)


def _interval(effect: float, low: float, high: float, pairs: int) -> Interval:
    return Interval(effect=effect, low=low, high=high, level=LEVEL, pairs=pairs)


def _log_t(deviation: float, freedom: float) -> float:
    """Of the density of Student's t, but for a constant."""
    return -(freedom + 1) * math.log(math.hypot(1.0, deviation / math.sqrt(freedom)))


def _quantile(points: Sequence[float], masses: Sequence[float], share: float) -> float:
    wanted, below = share * math.fsum(masses), 0.0
    for point, following, mass in zip(points, points[1:], masses, strict=False):
        if below + mass >= wanted:
            return point + (wanted - below) / mass * (following - point) - (following - point) / 2
        below += mass
    return points[-1]
