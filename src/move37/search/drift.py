"""A machine that slows down while a study runs: a common offset that wanders over the trials.

Seen through a reference, a program that is measured again and again: the baseline, back to back with
each trial when `evaluate.pair` is set. Offsets of neighbouring trials are alike, so all references
together say more of each of them than the one beside it: with a slow drift hardly any noise is added,
where a plain difference of the two would double it. Pure functions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_GRID = tuple(10.0 ** (step / 2) for step in range(-10, 5))
"""Variance of the offset's step from one trial to the next, over the noise of a reference."""
_START = 1.0
"""Variance of the first offset, over the noise of a reference: its zero is arbitrary."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How the offset moves. Variances in the unit of the readings, squared."""

    noise: float
    """Of one reading of the reference."""
    step: float
    """Of the offset, from one trial to the next."""


@dataclass(frozen=True, slots=True)
class Offset:
    """What is known of the offset at one trial."""

    mean: float
    variance: float

    def next(self, drift: Drift, reading: float | None) -> "Offset":
        """At the trial that follows, given what the reference read there (`None`: nothing)."""
        variance = self.variance + drift.step
        if reading is None:
            return Offset(self.mean, variance)
        gain = variance / (variance + drift.noise) if variance > 0 else 0.0
        return Offset(self.mean + gain * (reading - self.mean), (1 - gain) * variance)


def start(drift: Drift) -> Offset:
    """Before the first trial."""
    return Offset(0.0, _START * drift.noise)


def fit_drift(readings: Sequence[float | None]) -> Drift:
    """How the offset moves, from the reference's readings, one for each trial in order.

    A local level model; the ratio of its two variances is averaged over a grid by marginal likelihood,
    the noise integrated out. Source: J. Durbin and S. Koopman, *Time Series Analysis by State Space
    Methods*, 2nd ed. (2012), sections 2.2 and 2.10. Noise 0 when the readings are all equal.
    """
    seen = sum(reading is not None for reading in readings)
    evidences: list[float] = []
    noises: list[float] = []
    for ratio in _GRID:
        log_determinant, squares = _innovations(readings, Drift(1.0, ratio))
        if seen == 0 or squares <= 0:
            return Drift(0.0, 0.0)
        evidences.append(-0.5 * (log_determinant + seen * math.log(squares)))
        noises.append(squares / seen)
    best = max(evidences)
    weights = [math.exp(evidence - best) for evidence in evidences]
    total = math.fsum(weights)
    noise = math.fsum(w * n for w, n in zip(weights, noises, strict=True)) / total
    log_ratio = math.fsum(w * math.log(r) for w, r in zip(weights, _GRID, strict=True)) / total
    return Drift(noise, noise * math.exp(log_ratio))


def _innovations(readings: Sequence[float | None], drift: Drift) -> tuple[float, float]:
    """Log determinant and weighted sum of squares of what each reading adds to those before it."""
    offset = start(drift)
    log_determinant = squares = 0.0
    for reading in readings:
        if reading is not None:
            spread = offset.variance + drift.step + drift.noise
            log_determinant += math.log(spread)
            squares += (reading - offset.mean) ** 2 / spread
        offset = offset.next(drift, reading)
    return log_determinant, squares


def smooth(readings: Sequence[float | None], drift: Drift) -> Sequence[Offset]:
    """The offset at each trial, given all readings before and after it.

    H. Rauch, F. Tung, C. Striebel, AIAA Journal 3 (1965).
    """
    forward: list[Offset] = []
    offset = start(drift)
    for reading in readings:
        offset = offset.next(drift, reading)
        forward.append(offset)
    for place in range(len(forward) - 2, -1, -1):
        here, later = forward[place], forward[place + 1]
        ahead = here.variance + drift.step
        if ahead <= 0:
            continue
        gain = here.variance / ahead
        forward[place] = Offset(
            here.mean + gain * (later.mean - here.mean),
            here.variance + gain**2 * (later.variance - ahead),
        )
    return forward
