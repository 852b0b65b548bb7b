"""The same posterior by one dense linear solve: slow, simple, and independent of the message passing.

For audits and tests. Cubic in the number of programs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Edge:
    """`v[child] = v[parents] + offset + d`, `d ~ N(0, variance)`; a merge has three parent terms."""

    child: int
    terms: Sequence[tuple[int, float]]
    """(node, coefficient): `((p, 1.0),)`, or `((a, 1.0), (b, 1.0), (m, -1.0))` for a merge."""
    offset: float
    variance: float


@dataclass(frozen=True, slots=True)
class Solution:
    """Joint posterior of all nodes."""

    mean: Floats
    covariance: Floats
    """In the scores' unit squared."""

    def belief(self, node: int) -> tuple[float, float]:
        """Mean and sd."""
        return float(self.mean[node]), math.sqrt(max(0.0, float(self.covariance[node, node])))

    def difference(self, node: int, other: int) -> tuple[float, float]:
        """Mean and sd of one node's value minus the other's."""
        c = self.covariance
        variance = float(c[node, node] + c[other, other] - 2 * c[node, other])
        return float(self.mean[node] - self.mean[other]), math.sqrt(max(0.0, variance))


def solve(
    edges: Sequence[Edge], *, weight: Sequence[float], average: Sequence[float], sigma: float
) -> Solution:
    """Posterior under a flat prior on every node that is no edge's child.

    weight: precision of a node's own trials, in units of one trial's; average: their weighted mean.
    Some trial must bear on every node.
    """
    import numpy as np

    # In units of sigma, about the mean score: then the matrix is as well conditioned as it can be.
    weights = np.asarray(weight, dtype=float)
    scores = np.asarray(average, dtype=float)
    centre = float(weights @ scores / weights.sum())
    precision = np.diag(weights)
    weighted = weights * (scores - centre) / sigma
    for edge in edges:
        row = np.zeros(len(weights))
        row[edge.child] += 1.0
        for node, coefficient in edge.terms:
            row[node] -= coefficient
        stiffness = sigma**2 / edge.variance
        where = np.flatnonzero(row)
        precision[np.ix_(where, where)] += stiffness * np.outer(row[where], row[where])
        # Centring leaves a row that sums to zero unchanged; all of ours do.
        weighted[where] += stiffness * row[where] * (edge.offset / sigma)
    covariance = np.linalg.inv(precision)
    return Solution(centre + sigma * (covariance @ weighted), covariance * sigma**2)
