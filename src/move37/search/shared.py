"""Luck that programs share: trials of equal index have the same seed and the same examples.

A seed that is kind to one program may be kind to all. What is common cancels in a comparison on the
same seed, and only there: so the noise of a comparison is smaller than the scatter of repeats, and a
program's trials on further seeds say less of how it compares with programs that have the first seed
only. Pure functions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

Key = tuple[str, int]
"""Purpose and index of a trial: equal key, equal seed."""

_FIRST: Key = ("search", 0)
"""All programs have this one."""
_PRIOR_FREEDOM = 10.0
"""That nothing is shared counts as so many degrees of freedom: two programs with four seeds in common
say little."""
_MOST = 0.95


@dataclass(frozen=True, slots=True)
class Luck:
    """What is known of one seed's luck against that of the first seed, for one program."""

    mean: float
    share: float
    """Weight of a trial on that seed, over one on the first."""


@dataclass(frozen=True, slots=True)
class Shared:
    """How much of the noise is common to programs on the same seed."""

    part: float
    """Of the variance of one trial."""
    seen: Mapping[Key, tuple[float, int]] = field(default_factory=dict[Key, tuple[float, int]])
    """By key: sum over programs of how much better it was than their first, and of how many."""

    def luck(self, scores: Mapping[Key, float]) -> Mapping[Key, Luck]:
        """Of each seed that a program has a score on.

        In units of what is not shared: its own luck on a seed has variance 1, a seed's luck `r`, and
        so has the first one's. `n` other programs with both seeds have told a share `r / (r + 1 / n)` of
        the difference. What is left of the first seed's luck is common to all the others.
        """
        others = [key for key in scores if key != _FIRST]
        if self.part == 0 or _FIRST not in scores or not others:
            return dict.fromkeys(scores, Luck(0.0, 1.0))
        ratio = self.part / (1 - self.part)
        means: dict[Key, float] = {}
        left: list[float] = []
        for key in others:
            total, programs = self.seen.get(key, (0.0, 0))
            if programs > 1:
                total, programs = total - (scores[key] - scores[_FIRST]), programs - 1
            else:
                total, programs = 0.0, 0
            told = ratio / (ratio + 1 / programs) if programs else 0.0
            means[key] = told * total / programs if programs else 0.0
            left.append(ratio * (1 - told))
        common = fmean(left)
        together = 1 / (common + (1 + common) / len(others))
        lucks = {key: Luck(means[key], together / len(others)) for key in others}
        return {_FIRST: Luck(0.0, 1.0), **lucks}


def fit_shared(tables: Sequence[Mapping[Key, float]], variance: float) -> Shared:
    """Estimate the shared part from programs that have several keys in common.

    tables: scores by key, of each program that was repeated, the best known one first; variance: of
    repeats of one program. Twice the unshared variance is that of the difference of two programs over
    their common seeds. Never negative, and shrunk to 0.
    """
    if len(tables) < 2 or variance <= 0:
        return Shared(0.0)
    first, *others = tables
    scatter, freedom = 0.0, 0
    for other in others:
        differences = [score - first[key] for key, score in other.items() if key in first]
        if len(differences) > 1:
            mean = fmean(differences)
            scatter += math.fsum((each - mean) ** 2 for each in differences) / 2
            freedom += len(differences) - 1
    alone = (scatter / variance + _PRIOR_FREEDOM) / (freedom + _PRIOR_FREEDOM)
    part = min(_MOST, max(0.0, 1 - alone))
    return Shared(part, _seen(tables)) if part > 0 else Shared(0.0)


def _seen(tables: Sequence[Mapping[Key, float]]) -> Mapping[Key, tuple[float, int]]:
    seen: dict[Key, tuple[float, int]] = {}
    for table in tables:
        if _FIRST not in table:
            continue
        for key, score in table.items():
            total, programs = seen.get(key, (0.0, 0))
            seen[key] = total + score - table[_FIRST], programs + 1
    return seen
