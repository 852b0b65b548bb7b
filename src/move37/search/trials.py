"""The trials of one epoch as they came, and what each of them is worth.

Kept raw; what is made of them (drift taken out, shared luck taken out, weights) is worked out again
whenever the scales are estimated, and for each new trial as it comes. See `docs/belief.md`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from move37.core.records import Trial
from move37.search.drift import Drift, Offset, fit_drift, smooth, start
from move37.search.noise import own_noise, pooled_variance, resolution
from move37.search.scale import Scale
from move37.search.shared import Key, Shared, fit_shared

_FAR = 4.0
"""Scores of one program further than so many sd from its median do not speak of its own noise."""
_MOST = 1e100
_SLOWEST = 20.0
"""No drift is taken for more than a factor of e to this."""
_MOST_WEIGHT = 100.0
"""No trial weighs more than so many, however small its paired error."""
_REFERENCE_FREEDOM = 20
"""What references say of the noise counts as at most so many repeats."""


@dataclass(slots=True)
class _Seen:
    place: int
    """In the order in which the epoch's trials ended."""
    key: Key
    shown: float
    """The score, as it came."""
    score: float
    """On the scale that belief works on; what follows is on that, too."""
    error: float
    """Paired standard error over units; 0 when there is none."""
    adjusted: float
    """The score as it would have been without drift."""
    added: float
    """Variance that taking out the drift has added."""


class Trials:
    """By node, in the order they ended."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.stale = False
        """Whether something has come that only a review can take in."""
        self.total = 0
        self.repeats = 0
        """How many of them were not a program's first."""
        self.repeated = 0
        """How many programs beside the baseline have been tried more than once."""
        self.differ = False
        """Whether two trials of one program ever showed different scores, or units say how they may."""
        self._seen: list[list[_Seen]] = []
        self._several: dict[int, None] = {}
        self._readings: list[float | None] = []
        """Of the baseline, beside each trial: the score it showed."""
        self._paired = False
        self._factors = scale.sign == 0
        """Whether drift multiplies: scores have one sign, and no logarithm was taken yet."""
        self._drift = Drift(0.0, 0.0)
        self._offset = start(self._drift)
        self._shared = Shared(0.0)
        self._repeats_say = 0.0
        self._squared_errors = 0.0
        self._errors = 0

    def grow(self) -> None:
        """A program was opened."""
        self._seen.append([])

    def add(self, node: int, trial: Trial, score: float) -> None:
        """node: of the program; 0 is the baseline, the one reference of all pairs."""
        seen = self._seen[node]
        if seen:
            self.repeats += 1
            self.repeated += len(seen) == 1 and node > 0
            self._several[node] = None
            self.differ = self.differ or score != seen[0].score
        shown, reading = score, score if node == 0 else trial.reference
        if not all(self.scale.holds(each) for each in (shown, reading) if each is not None):
            self._give_up_the_scale()
        score = self.scale.inward(shown)
        reading = None if reading is None else self.scale.inward(reading)
        error = self.scale.error(trial.paired_error or 0.0, shown)
        if error > 0:
            self._squared_errors += error**2
            self._errors += 1
            self.differ = True
        factors = self._factors and all(
            each != 0 and (each > 0) == (self._level(each) > 0)
            for each in (score, reading)
            if each is not None
        )
        self.stale = self.stale or (self._paired and factors != self._factors)
        self._factors = factors
        self._paired = self._paired or trial.reference is not None
        one = _Seen(self.total, (trial.purpose, trial.index), shown, score, error, score, 0.0)
        self._readings.append(reading)
        seen.append(one)
        self.total += 1
        if self._paired:
            self._offset = self._offset.next(self._drift, self._relative(reading))
            self._adjust(one, self._offset)

    def _give_up_the_scale(self) -> None:
        """A score has no logarithm: from here on, and for all that came before, there is none."""
        for seen in self._seen:
            for one in seen:
                one.error *= abs(one.shown)
                one.score = one.adjusted = one.shown
                one.added = 0.0
        self._readings = [
            None if reading is None else self.scale.outward(reading) for reading in self._readings
        ]
        self._squared_errors = math.fsum(one.error**2 for seen in self._seen for one in seen)
        self.scale, self._factors, self.stale = Scale(), True, True

    def _level(self, otherwise: float) -> float:
        """The first score of the baseline: the scale of everything."""
        return self._seen[0][0].score if self._seen[0] else otherwise

    def _relative(self, reading: float | None) -> float | None:
        """A reading against the first one: as the logarithm of their ratio where that makes sense."""
        if reading is None:
            return None
        level = self._level(reading)
        return math.log(abs(reading)) - math.log(abs(level)) if self._factors else reading - level

    def _adjust(self, one: _Seen, offset: Offset) -> None:
        """A slow machine takes everything longer by a factor: an amount, on a logarithmic scale. Where
        scores have no common sign it can only be an amount."""
        if self._factors:
            one.adjusted = one.score * math.exp(min(max(-offset.mean, -_SLOWEST), _SLOWEST))
            one.added = _bounded(one.adjusted) ** 2 * offset.variance
        else:
            one.adjusted = one.score - offset.mean
            one.added = offset.variance

    # --- now and then, over all of them --------------------------------------------------------------

    def review(self) -> tuple[float, int]:
        """Take out drift and shared luck anew. Returns the variance of one trial's score in a comparison
        on the same seed, and how many degrees of freedom it rests on; (0, n) when repeats are equal."""
        self.stale = False
        if self._paired:
            readings = [self._relative(reading) for reading in self._readings]
            self._drift = fit_drift(readings)
            offsets = smooth(readings, self._drift)
            self._offset = offsets[-1]
            for seen in self._seen:
                for one in seen:
                    self._adjust(one, offsets[one.place])
        variance, freedom = self._repeat_variance()
        self._shared = fit_shared(self._tables(), variance)
        self._repeats_say = variance * (1 - self._shared.part)
        if self._errors and self._repeats_say < (units := self._squared_errors / self._errors):
            return units, max(freedom, self._errors)
        return self._repeats_say, freedom

    def _repeat_variance(self) -> tuple[float, int]:
        paired = self._paired
        several = [node for node in self._several if node > 0 or not paired]
        groups = [self._adjusted(node) for node in several]
        variance, freedom = pooled_variance(self._without_exact(groups))
        if not paired:
            return variance, freedom
        # The baseline's own trials define the drift, so their scatter about it would be too small.
        readings = sum(reading is not None for reading in self._readings)
        known = min(readings - 1, _REFERENCE_FREEDOM)
        noise = self._drift.noise * (self._level(0.0) ** 2 if self._factors else 1.0)
        both = freedom + known
        return (variance * freedom + noise * known) / both if both > 0 else 0.0, both

    def _without_exact(self, groups: Sequence[list[float]]) -> Sequence[list[float]]:
        """Where some programs repeat exactly and others do not, only those others tell how they scatter;
        unless the score is so coarse that equal repeats are luck."""
        scattered = [group for group in groups if min(group) < max(group)]
        if not scattered or len(scattered) == len(groups):
            return groups
        first = [seen[0].score for seen in self._seen if seen]
        return groups if resolution(first) > 0 else scattered

    def _tables(self) -> Sequence[dict[Key, float]]:
        """Of each program that was repeated, its score by key; the baseline first if it was."""
        nodes = sorted(self._several)
        return [{one.key: one.adjusted for one in self._seen[node]} for node in nodes]

    # --- one program ---------------------------------------------------------------------------------

    def count(self, node: int) -> int:
        return len(self._seen[node])

    def mean(self, node: int) -> float:
        """Exactly the score when all are equal."""
        scores = self._adjusted(node)
        return scores[0] if min(scores) == max(scores) else fmean(scores)

    def scores(self) -> Sequence[Sequence[float]]:
        """Of all programs, as the trials showed them."""
        return [[one.shown for one in seen] for seen in self._seen]

    def _adjusted(self, node: int) -> list[float]:
        return [one.adjusted for one in self._seen[node]]

    def weighed(self, node: int, sigma: float, origin: float) -> Sequence[tuple[float, float]]:
        """Score less origin, in units of sigma, and precision of each trial of a program."""
        seen = self._seen[node]
        if len(seen) < 2:
            return [
                (_bounded((one.adjusted - origin) / sigma), self._precision(one, sigma, 1.0))
                for one in seen
            ]
        noise = self._own_noise(node, sigma)
        luck = self._shared.luck({one.key: one.adjusted for one in seen})
        return [
            (
                _bounded((one.adjusted - luck[one.key].mean - origin) / sigma),
                luck[one.key].share * self._precision(one, sigma, noise),
            )
            for one in seen
        ]

    def _precision(self, one: _Seen, sigma: float, noise: float) -> float:
        """noise: variance of the program's trials, over sigma squared."""
        variance = noise
        if self._errors:
            # Repeats say how much luck there is at the least, and so do units.
            repeats = min(1.0, self._repeats_say / sigma**2)
            variance = max(noise * repeats, (one.error / sigma) ** 2)
        variance += one.added / sigma**2
        return min(1 / variance if variance > 0 else _MOST_WEIGHT, _MOST_WEIGHT)

    def _own_noise(self, node: int, sigma: float) -> float:
        scale = sigma / math.sqrt(1 - self._shared.part)
        scores = sorted(one.adjusted / scale for one in self._seen[node])
        middle = scores[len(scores) // 2]
        near = [score for score in scores if abs(score - middle) <= _FAR]
        usual = near if len(near) > (2 * len(scores)) // 3 else scores
        return own_noise(usual, 1.0)


def _bounded(value: float) -> float:
    """Within what can be squared."""
    return min(max(value, -_MOST), _MOST)
