"""The trials of one epoch as they came, and what each of them is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from move37.core.records import Trial
from move37.search.noise import own_noise

_FAR = 4.0
"""Scores of one program further than so many sd from its median do not speak of its own noise."""


@dataclass(frozen=True, slots=True)
class _Seen:
    score: float


class Trials:
    """By node, in the order they ended. Kept raw; weighed when asked for."""

    def __init__(self) -> None:
        self.total = 0
        self.repeats = 0
        """How many of them were not a program's first."""
        self.repeated = 0
        """How many programs beside the baseline have been tried more than once."""
        self.differ = False
        """Whether two trials of one program ever showed different scores."""
        self._seen: list[list[_Seen]] = []
        self._several: dict[int, None] = {}

    def grow(self) -> None:
        """A program was opened."""
        self._seen.append([])

    def add(self, node: int, trial: Trial, score: float) -> None:
        seen = self._seen[node]
        if seen:
            self.repeats += 1
            self.repeated += len(seen) == 1 and node > 0
            self._several[node] = None
            self.differ = self.differ or score != seen[0].score
        self.total += 1
        seen.append(_Seen(score))

    def count(self, node: int) -> int:
        return len(self._seen[node])

    def mean(self, node: int) -> float:
        """Exactly the score when all are equal."""
        scores = [each.score for each in self._seen[node]]
        return scores[0] if min(scores) == max(scores) else fmean(scores)

    def scores(self) -> Sequence[Sequence[float]]:
        return [[each.score for each in seen] for seen in self._seen]

    def groups(self) -> Sequence[Sequence[float]]:
        """Scores of each program that was repeated."""
        return [[each.score for each in self._seen[node]] for node in self._several]

    def weighed(self, node: int, sigma: float, origin: float) -> Sequence[tuple[float, float]]:
        """Score less origin, in units of sigma, and precision of each trial of a program."""
        seen = self._seen[node]
        if len(seen) < 2:
            return [((each.score - origin) / sigma, 1.0) for each in seen]
        scores = sorted((each.score - origin) / sigma for each in seen)
        middle = scores[len(scores) // 2]
        near = [score for score in scores if abs(score - middle) <= _FAR]
        usual = near if len(near) > (2 * len(scores)) // 3 else scores
        precision = 1 / own_noise(usual, 1.0)
        return [((each.score - origin) / sigma, precision) for each in seen]
