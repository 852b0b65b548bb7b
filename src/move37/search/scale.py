"""The scale on which belief works: that of the score, or its logarithm for timings and rates.

What takes ten times less time has ten times less noise, and an edit that saves a tenth saves a tenth
wherever it is made: on the scale of seconds, one noise for all programs would hide every gain that
comes after a large one. Whatever the scale, belief is reported on the score's own.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from move37.core.records import Belief

_TIMING = re.compile(
    r"(^|[_/ .-])(time|times|timing|runtime|walltime|elapsed|duration|latency|seconds?|secs?|millis"
    r"|ms|us|ns|s|throughput|speed|speedup|qps|rps|fps|ops|per_s|per_sec(ond)?)($|[_/ .-])"
)
_FAR = 700.0
"""No logarithm is further from 0: beyond, there are no numbers."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Between scores and what belief calculates with. Increasing, so that ranks are the same."""

    sign: float = 0.0
    """Of all scores, for a logarithm; 0 for the scores as they are."""

    def holds(self, score: float) -> bool:
        """Whether a score has a place on it."""
        return self.sign == 0 or score * self.sign > 0

    def inward(self, score: float) -> float:
        return score if self.sign == 0 else self.sign * math.log(abs(score))

    def error(self, error: float, score: float) -> float:
        """A small error of a score, on this scale."""
        return error if self.sign == 0 else min(error / abs(score), _FAR)

    def outward(self, value: float) -> float:
        """The score at a place on the scale."""
        return (
            value
            if self.sign == 0
            else self.sign * math.exp(min(max(self.sign * value, -_FAR), _FAR))
        )

    def belief(self, mean: float, sd: float) -> Belief:
        """On the score's own scale, to first order."""
        if self.sign == 0:
            return Belief(mean, sd)
        score = self.outward(mean)
        return Belief(score, abs(score) * sd)

    def difference(self, one: tuple[float, float], other: tuple[float, float], sd: float) -> Belief:
        """One score less another, each given as mean and sd on the scale; sd: of their difference."""
        if self.sign == 0:
            return Belief(one[0] - other[0], sd)
        a, b = self.outward(one[0]), self.outward(other[0])
        twice_covariance = one[1] ** 2 + other[1] ** 2 - sd**2
        size = max(abs(a), abs(b))
        s, t = a / size, b / size
        variance = (s * one[1]) ** 2 + (t * other[1]) ** 2 - s * t * twice_covariance
        return Belief(a - b, size * math.sqrt(max(0.0, variance)))


def scale_of(task: Mapping[str, Any]) -> Scale:
    """Logarithmic for a metric whose name says time or rate: `seconds`, `latency_ms`, `ops_per_s`."""
    metric = task.get("metric", {})
    if not _TIMING.search(str(metric.get("name", "")).lower()):
        return Scale()
    return Scale(-1.0 if metric.get("goal") == "minimize" else 1.0)
