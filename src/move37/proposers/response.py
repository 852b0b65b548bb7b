"""The response model: what each site does to the score, learned from the study's own experiments.

An experiment says how much its edits changed the belief. The effect of a numeric site is a parabola
in its steps, that of a choice a number for each spelling, and the effects of several edits add up:
Bayesian linear regression, with priors from names. Moves are picked by Thompson sampling (Russo et
al. 2018, "A Tutorial on Thompson Sampling", section 4), so what is uncertain and may matter is
tried, and what was shown not to matter is left alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from move37.proposers.moves import BEND, SLOPE, Feature, aspects
from move37.proposers.sites import Site

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

BEND_MEAN, BEND_SD = -0.12, 0.25
"""Prior of the bend, in units of the slope's sd: most constants have a best value in between."""
STRUCTURE_MEAN = -0.5
"""Prior mean of a structural edit, in units of its sd: most of them break something."""


class Observation(NamedTuple):
    """What came of one experiment."""

    features: Mapping[Feature, float]
    effect: float
    """On the score."""
    variance: float


class Response:
    """The posterior over all effects, given observations."""

    def __init__(
        self,
        sites: Sequence[Site],
        observations: Sequence[Observation],
        *,
        scale: float,
    ) -> None:
        """scale: the size of an effect that is worth the name, on the score."""
        import numpy as np

        self._index = index = _columns(sites)
        self.mean, self._sd = _prior(sites, index, scale)
        # what no observation bears on stays at its prior, and need not be solved for
        at, columns, amounts = _entries((o.features for o in observations), index)
        self._touched, places = np.unique(np.array(columns, dtype=int), return_inverse=True)
        touched = self._touched
        rows = np.zeros((len(observations), len(touched)))
        rows[at, places] = amounts
        mean, sd = self.mean[touched], self._sd[touched]
        weights = np.array([1.0 / o.variance for o in observations])
        surprise = np.array([o.effect for o in observations]) - rows @ mean
        # in units of the prior: the matrix is well conditioned whatever the score's scale
        scaled = rows * sd * np.sqrt(weights)[:, None]
        precision = np.eye(len(touched)) + scaled.T @ scaled
        root = np.linalg.inv(np.linalg.cholesky(precision)).T  # of the variance, in those units
        pull = (rows * sd).T @ (weights * surprise)
        self.mean[touched] = mean + sd * (root @ (root.T @ pull))
        self._spread: Array = sd[:, None] * root

    def columns(self, site: Site) -> slice:
        """Where the aspects of a site stand among all features."""
        names = aspects(site)
        first = self._index[site.id, names[0]] if names else 0
        return slice(first, first + len(names))

    def draws(self, seed: int, count: int) -> "Array":
        """Samples of all effects: `[features, count]`."""
        import numpy as np

        noise = np.random.default_rng(seed).standard_normal((len(self.mean), count))
        around = self._sd[:, None] * noise
        around[self._touched] = self._spread @ noise[self._touched]
        return self.mean[:, None] + around

    def design(self, moves: Sequence[Mapping[Feature, float]]) -> "Array":
        """The features of moves as rows: `[moves, features]`."""
        import numpy as np

        rows = np.zeros((len(moves), len(self._index)))
        at, columns, amounts = _entries(moves, self._index)
        rows[at, columns] = amounts
        return rows

    def peak(self, site: Site) -> float | None:
        """How far from here, in steps, the site's best value lies; `None` when the bend is upward."""
        slope = self.mean[self._index[site.id, SLOPE]]
        bend = self.mean[self._index[site.id, BEND]]
        return float(-slope / (2 * bend)) if bend < 0 else None


def _columns(sites: Sequence[Site]) -> dict[Feature, int]:
    index: dict[Feature, int] = {}
    for site in sites:
        for name in aspects(site):
            index[site.id, name] = len(index)
    return index


def _entries(
    rows: Iterable[Mapping[Feature, float]], index: Mapping[Feature, int]
) -> tuple[list[int], list[int], list[float]]:
    """What is not zero in a matrix with these rows: row, column and amount of each entry."""
    entries = [
        (at, column, amount)
        for at, row in enumerate(rows)
        for feature, amount in row.items()
        if (column := index.get(feature)) is not None
    ]
    at, columns, amounts = zip(*entries, strict=True) if entries else ((), (), ())
    return list(at), list(columns), list(amounts)


def _prior(
    sites: Sequence[Site], index: Mapping[Feature, int], scale: float
) -> "tuple[Array, Array]":
    import numpy as np

    mean, sd = np.zeros(len(index)), np.full(len(index), 0.05 * scale)
    for site in sites:
        size = max(site.weight, 1e-3) * scale
        if site.kind == "number":
            slope, bend = index[site.id, SLOPE], index[site.id, BEND]
            sd[slope], sd[bend], mean[bend] = size, BEND_SD * size, BEND_MEAN * size
            continue
        for option in site.domain.options:
            column = index[site.id, option]
            sd[column] = size
            if option != site.text and site.kind in ("swap", "delete"):
                mean[column] = STRUCTURE_MEAN * size
    return mean, sd
