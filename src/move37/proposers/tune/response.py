"""The response model: what each site does to the score, learned from the study's own experiments.

An experiment says how much its edits changed the belief. The effect of a numeric site is a parabola
in its steps, that of a choice a number for each spelling, and the effects of several edits add up:
Bayesian linear regression, with priors from names. Moves are picked by Thompson sampling (Russo et
al. 2018, "A Tutorial on Thompson Sampling", section 4), so what is uncertain and may matter is
tried, and what was shown not to matter is left alone.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from move37.proposers.source.sites import Site
from move37.proposers.tune.moves import aspects

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

BEND_MEAN, BEND_SD = -0.12, 0.25
"""Prior of the bend, in units of the slope's sd: most constants have a best value in between."""
STRUCTURE_MEAN = -0.5
"""Prior mean of a structural edit, in units of its sd: most of them break something."""


class Evidence:
    """What came of experiments: a matrix of what each changed, with its effect on the score."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.amounts: list[float] = []
        self.effects: list[float] = []
        self.variances: list[float] = []

    def add(self, entries: Sequence[tuple[int, float]], effect: float, variance: float) -> None:
        """entries: what one experiment changed, as columns with their amounts."""
        for column, amount in entries:
            self.rows.append(len(self.effects))
            self.columns.append(column)
            self.amounts.append(amount)
        self.effects.append(effect)
        self.variances.append(variance)


class Prior(NamedTuple):
    """What is believed of each column before any evidence."""

    mean: "Array"
    sd: "Array"


class Response:
    """The posterior over all effects, given evidence."""

    def __init__(self, prior: Prior, evidence: Evidence) -> None:
        import numpy as np

        self.mean, self._sd = prior
        # what no experiment bears on stays at its prior, and need not be solved for
        columns = np.array(evidence.columns, dtype=int)
        bears = np.zeros(len(self.mean), dtype=bool)
        bears[columns] = True
        self._touched = touched = bears.nonzero()[0]
        rows = np.zeros((len(evidence.effects), len(touched)))
        rows[evidence.rows, (bears.cumsum() - 1)[columns]] = evidence.amounts
        mean, sd = self.mean[touched], self._sd[touched]
        weights = 1.0 / np.array(evidence.variances)
        surprise = np.array(evidence.effects) - rows @ mean
        # in units of the prior: the matrix is well conditioned whatever the score's scale
        scaled = rows * sd * np.sqrt(weights)[:, None]
        precision = np.eye(len(touched)) + scaled.T @ scaled
        root = np.linalg.inv(np.linalg.cholesky(precision)).T  # of the variance, in those units
        pull = (rows * sd).T @ (weights * surprise)
        self.mean[touched] = mean + sd * (root @ (root.T @ pull))
        self._spread: Array = sd[:, None] * root
        self._means: list[float] = self.mean.tolist()

    def draws(self, seed: int, count: int) -> "Array":
        """Samples of all effects: `[columns, count]`."""
        import numpy as np

        noise = np.random.default_rng(seed).standard_normal((len(self.mean), count))
        around = self._sd[:, None] * noise
        around[self._touched] = self._spread @ noise[self._touched]
        return self.mean[:, None] + around

    def peak(self, column: int) -> float | None:
        """How far from here, in steps, a numeric site's best value lies; `None` when the bend is upward.

        column: of its slope; that of its bend is the next.
        """
        slope, bend = self._means[column], self._means[column + 1]
        return -slope / (2 * bend) if bend < 0 else None


def prior(sites: Sequence[Site], scale: float) -> Prior:
    """A column for each aspect of each site, in order.

    scale: the size of an effect that is worth the name, on the score.
    """
    import numpy as np

    means: list[float] = []
    sds: list[float] = []
    for site in sites:
        size = max(site.weight, 1e-3) * scale
        if site.kind == "number":
            means += (0.0, BEND_MEAN * size)
            sds += (size, BEND_SD * size)
            continue
        structural = site.kind in ("swap", "delete", "cache")
        for option in aspects(site):
            is_edit = structural and option != site.text
            means.append(STRUCTURE_MEAN * size if is_edit else 0.0)
            sds.append(size)
    return Prior(np.array(means), np.array(sds))
