"""Small drawings that need no script: where values stand on an axis, as percentages that fit any width."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from move37.report.words import number

_PAD = 0.06
_TICKS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """An axis from left to right."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """0 to 100; what lies outside stands at the edge."""
        return round(100 * min(1.0, max(0.0, (value - self.low) / (self.high - self.low))), 3)

    def span(self, low: float, high: float) -> float:
        """How wide an interval is."""
        return round(max(0.3, self.at(high) - self.at(low)), 3)

    @property
    def ticks(self) -> Sequence[tuple[float, str]]:
        """Round values with their places."""
        step = _round_step((self.high - self.low) / _TICKS)
        if step <= 0:
            return ()
        first = math.ceil(self.low / step)
        values = [(first + n) * step for n in range(2 * _TICKS) if (first + n) * step <= self.high]
        return tuple((self.at(value), number(value, 5 * step)) for value in values)


def scale_of(values: Iterable[float | None], *, zero: bool = False) -> Scale:
    """An axis that holds all of these, with a little room beside them. zero: and 0."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if zero or not known:
        known.append(0.0)
    low, high = min(known), max(known)
    room = _PAD * (high - low) or 0.01 * abs(high) or 1.0
    return Scale(low=low - room, high=high + room)


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least as much."""
    if not rough > 0 or not math.isfinite(rough):
        return 0.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * each for each in (1, 2, 5, 10) if power * each >= rough * 0.999)
