"""How noisy a trial is and how much an edit does, by marginal likelihood over a grid.

`sigma` is integrated out, `tau / sigma` is averaged over a grid under a broad prior. A moment estimate
of tau (spread of siblings less twice the noise) would not do: siblings share their parent's noise,
so it over-subtracts and collapses to zero. See `search/README.md`, "The two scales".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_GRID = tuple(0.3 * 1.5**step for step in range(26))
"""Values of tau / sigma: from 0.3, the floor that keeps the search going, to about 7,500."""
_PRIOR_SPREAD = 0.3
_PRIOR_WEIGHT = 2.0
"""Before data, tau is about sigma. The prior of x = ln(tau / sigma) is 1 / (1 + (x / 0.3)^2)^2: narrow
in the middle, because twenty trials say little about tau and the search pays for one that is too small;
with heavy tails, because a few more trials say much when tau is a thousand times sigma."""
_SIGMA_WEIGHT = 3.0
"""The lineage's own estimate of sigma squared counts as so many repeats. It is not trusted with more:
parents are chosen for being good, their edits look tamer than those of leaves, and that looks like
noise (1.25 for a true 1.0 in the planted studies)."""
_SIGMA_TRUST = 2.0
"""Nor with more than so many times what repeats say, once there are as many of those: where effects have
heavier tails than the model's, the lineage takes the large ones for noise (0.1 for 0.02 in `bpb`)."""
_KIND_GRID = tuple(2.0 ** (step / 2) for step in range(-6, 7))
"""Values of a kind's own tau over the common one."""
_KIND_SPREAD = 0.7
_KIND_LEAST = 16
"""A kind of move with fewer measured experiments has no scale of its own yet."""
_KINDS = 8
_SURPRISE = 8.0
"""An edit that moved the score by so many typical moves is a class of its own: see `cut_edges`."""
_STEPS_LEAST = 16
"""So many steps from parent to child bound sigma from above."""


Prior = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Data:
    """What the scales are learned from: a tree of programs and their scores."""

    parent: Sequence[int]
    offset: Sequence[float]
    count: Sequence[float]
    """How many trials a program has had, or what weight they have, in units of one."""
    average: Sequence[float]
    """Less some origin near all of them."""
    kind: Sequence[int]
    """Of move; -1 for none."""
    extra: Sequence[float]
    """Variance of an edge besides its move's, in the scores' unit squared: that of a merge."""
    sigma: float
    """As estimated before; 0 when it was not."""
    scatter: float
    """Sum over programs of squared deviations of repeats from their program's average."""
    repeats: int
    """Degrees of freedom of `scatter`."""
    step: float = 0.0
    """The resolution of a coarse score; 0 for a fine one."""


@dataclass(frozen=True, slots=True)
class Scales:
    """The hyperparameters of the model, in the scores' unit."""

    sigma: float
    tau: float
    kinds: tuple[tuple[int, float], ...] = ()
    """Kinds of move with their own tau."""

    def ratio(self, kind: int) -> float:
        """(tau / sigma) squared for a kind of move."""
        if self.sigma == 0:
            return 1.0
        return (dict(self.kinds).get(kind, self.tau) / self.sigma) ** 2


def fit(data: Data) -> tuple[Scales, list[float]]:
    """Return the scales, and the variance ratio of every edge whose edit is ordinary (of the root: 0)."""
    least = data.step / math.sqrt(12)
    exact = data.repeats > 0 and data.scatter == 0
    cut = cut_edges(data)
    likelihood = _Likelihood(data, cut)
    sigma = 0.0
    if not exact and (likelihood.informative >= 3 or data.repeats > 0):
        sigma = likelihood.sigma(data)
    sigma = max(sigma, least)
    if sigma == 0:
        return _noiseless(data, cut)
    common = likelihood.average(_GRID, _broad, sigma=sigma, kind=None)
    likelihood.relative[:] = common
    kinds: list[tuple[int, float]] = []
    for kind in common_kinds(data.kind, data.count):
        times = likelihood.average(_KIND_GRID, _near, sigma=sigma, kind=kind)
        likelihood.relative[likelihood.kind == kind] *= times
        kinds.append((kind, times * common))
    scales = Scales(sigma, common * sigma, tuple((k, r * sigma) for k, r in kinds))
    ratio = [
        float(value) ** 2 + extra / sigma**2
        for value, extra in zip(likelihood.relative, data.extra, strict=True)
    ]
    ratio[0] = 0.0
    return scales, ratio


def _noiseless(data: Data, cut: set[int]) -> tuple[Scales, list[float]]:
    """A trial shows the true score, so tau is the typical step itself."""
    steps = [step for node, step in _steps(data).items() if node not in cut]
    tau = math.sqrt(math.fsum(step * step for step in steps) / len(steps)) if steps else 0.0
    return Scales(0.0, tau), [0.0] + [1.0] * (len(data.parent) - 1)


def _steps(data: Data) -> dict[int, float]:
    """How far each measured program's average is from its measured parent's."""
    return {
        node: data.average[node] - data.average[parent] - data.offset[node]
        for node, parent in enumerate(data.parent)
        if parent >= 0 and data.count[node] and data.count[parent]
    }


def cut_edges(data: Data) -> set[int]:
    """Edits so drastic that they say nothing about the others.

    One program that diverges to a million would make tau so large that nothing is shrunk any more.
    """
    steps = _steps(data)
    if len(steps) < 4:
        return set()
    noise = math.sqrt(2 * data.scatter / data.repeats) if data.repeats else 0.0
    limit = _SURPRISE * max(_typical(steps.values()), noise)
    return {node for node, step in steps.items() if limit > 0 and abs(step) > limit}


def _typical(steps: Iterable[float]) -> float:
    """A robust sd of steps about 0."""
    sizes = sorted(map(abs, steps))
    return max(sizes[len(sizes) // 2] * 1.4826, sizes[(3 * len(sizes)) // 4] / 1.15)


def _noise_in_steps(data: Data) -> float:
    """What sigma cannot exceed: a step has the noise of both its ends, and its effect."""
    steps = _steps(data)
    bound = _typical(steps.values()) if len(steps) >= _STEPS_LEAST else 0.0
    return bound or math.inf


def common_kinds(kind: Sequence[int], count: Sequence[float]) -> Sequence[int]:
    """Kinds of move with enough measured experiments, the most frequent first.

    kind, count: of each program. None when all are of one kind.
    """
    tally: dict[int, int] = {}
    for each, trials in zip(kind, count, strict=True):
        if trials and each >= 0:
            tally[each] = tally.get(each, 0) + 1
    often = [each for each, times in tally.items() if times >= _KIND_LEAST]
    return sorted(often, key=lambda each: (-tally[each], each))[:_KINDS] if len(tally) > 1 else []


def _broad(x: float) -> float:
    """Log prior of ln(tau / sigma)."""
    return -_PRIOR_WEIGHT * math.log1p((x / _PRIOR_SPREAD) ** 2)


def _near(x: float) -> float:
    """Log prior of the logarithm of a kind's tau over the common one."""
    return -0.5 * (x / _KIND_SPREAD) ** 2


class _Likelihood:
    """Marginal likelihood of tau / sigma with sigma and the root integrated out (REML)."""

    def __init__(self, data: Data, cut: set[int]) -> None:
        import numpy as np

        self._np = np
        self.kind = np.asarray(data.kind)
        self.relative = np.ones(len(data.parent))
        """tau / sigma of every edge, as far as known."""
        self._parent = np.asarray(data.parent)
        self._offset = np.asarray(data.offset)
        self._count = np.asarray(data.count, dtype=float)
        average = np.asarray(data.average)
        self._weighted = self._count * average
        self._squares = float(self._weighted @ average) + data.scatter
        self._observations = float(self._count.sum())
        self._extra = np.asarray(data.extra) / (data.sigma**2 if data.sigma > 0 else math.inf)
        self._cut = np.zeros(len(data.parent), dtype=bool)
        self._cut[list(cut)] = True
        self._levels = _levels(data.parent)
        self.informative = int((self._count > 0).sum())

    def sigma(self, data: Data) -> float:
        """From repeats of a program, and with little weight from the lineage."""
        np = self._np
        logdet, residual, freedom = self._evaluate(np.asarray(_GRID), None)
        if freedom < 1 or not residual.all():
            return 0.0
        evidence = -0.5 * logdet - 0.5 * freedom * np.log(residual)  # sigma integrated out
        variance = float(self._weights(_GRID, evidence, _broad) @ residual) / freedom
        if data.repeats >= _SIGMA_WEIGHT:
            variance = min(variance, _SIGMA_TRUST * data.scatter / data.repeats)
        pooled = data.scatter + _SIGMA_WEIGHT * variance
        sigma = math.sqrt(pooled / (data.repeats + _SIGMA_WEIGHT))
        return min(sigma, _noise_in_steps(data))

    def average(
        self, grid: Sequence[float], log_prior: Prior, *, sigma: float, kind: int | None
    ) -> float:
        """Posterior geometric mean of a factor on `relative` of one kind's edges, or of all."""
        np = self._np
        logdet, residual, _ = self._evaluate(np.asarray(grid), kind)
        weights = self._weights(grid, -0.5 * logdet - 0.5 * residual / sigma**2, log_prior)
        return math.exp(float(weights @ np.log(grid)))

    def _weights(self, grid: Sequence[float], evidence: Floats, log_prior: Prior) -> Floats:
        np = self._np
        log_weight = evidence + np.asarray([log_prior(math.log(factor)) for factor in grid])
        weight = np.exp(log_weight - log_weight.max())
        return weight / weight.sum()

    def _evaluate(self, factor: Floats, kind: int | None) -> tuple[Floats, Floats, float]:
        """For each value of the factor: log determinant and residual sum of squares; and the latter's
        degrees of freedom. Twice the negative log likelihood is their sum, in units of sigma.
        """  # [G]
        np = self._np
        g = len(factor)
        precision = np.repeat(self._count[:, None], g, axis=1)  # [n, G]
        weighted = np.repeat(self._weighted[:, None], g, axis=1)
        logdet = np.zeros(g)
        explained = np.zeros(g)
        roots = 0
        for level in self._levels:
            tops = level[(self._parent[level] < 0) | self._cut[level]]
            for node in tops:
                if precision[node, 0] > 0:
                    logdet += np.log(precision[node])
                    explained += weighted[node] ** 2 / precision[node]
                    roots += 1
            inner = level[(self._parent[level] >= 0) & ~self._cut[level]]
            if not len(inner):
                continue
            below, w = precision[inner], weighted[inner]
            chosen = np.ones(len(inner), dtype=bool) if kind is None else self.kind[inner] == kind
            ratio = (self.relative[inner, None] * np.where(chosen[:, None], factor, 1.0)) ** 2
            ratio += self._extra[inner, None]
            offset = self._offset[inner, None]
            pull = 1.0 / (1.0 + below * ratio)
            logdet -= np.log(pull).sum(axis=0)
            explained += (pull * (w * w * ratio + 2 * w * offset - below * offset**2)).sum(axis=0)
            np.add.at(precision, self._parent[inner], pull * below)
            np.add.at(weighted, self._parent[inner], pull * (w - below * offset))
        freedom = self._observations - roots
        # No more digits than these survive the subtraction.
        residual = np.maximum(self._squares - explained, 1e-14 * self._squares)
        return logdet, residual, freedom


def _levels(parent: Sequence[int]) -> Sequence[NDArray[np.int64]]:
    """Nodes by height above the lowest leaf below them: children always come before parents."""
    import numpy as np

    height = [0] * len(parent)
    for node in range(len(parent) - 1, 0, -1):
        height[parent[node]] = max(height[parent[node]], height[node] + 1)
    heights = np.asarray(height)
    order = np.argsort(heights, kind="stable")
    edges = np.flatnonzero(np.diff(heights[order])) + 1
    return np.split(order, edges)
