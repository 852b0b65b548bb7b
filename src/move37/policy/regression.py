"""Exact Bayesian linear regression on sparse features, with a window of the latest rows.

In its dual form: features need no list, no hashing into a fixed width, and each row costs the same,
however long the study. How much of the variance features explain is learned, none being the likeliest at
first, so that features which say nothing change nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

Features = Mapping[str, float]

WINDOW = 90
"""So many rows at most are learned from: beyond 95, OpenBLAS works with several threads on such matrices, and
fifty times as long where other programs have the processors."""
_DROP = 30
"""So many of the oldest are dropped at once."""
_LINES = WINDOW + 1
_MOST_COLUMNS = 256
_GROWN = 1.25
"""Scales are learned again whenever the rows have grown by this factor."""
SHARES = ((0.0, 0.4), (0.1, 0.2), (0.25, 0.2), (0.5, 0.15), (0.8, 0.05))
"""The share of the variance that features explain, and how likely it is beforehand."""
_LEAST = 0.05
"""Shares less likely than this are left out of predictions."""
_SCALES = (0.6, 1.0, 1.6)
_FAR = 4.0
"""A row further out than so many scales counts as so far: one wild result does not decide."""
ELSEWHERE = 0.5
"""How alike rows of two different studies are at the most."""


class Row(NamedTuple):
    features: Features
    """With their weights; of length 1, all together."""
    target: float
    variance: float
    """Of the target's noise."""
    study: int = 0
    """0 for our own."""


class Predicted(NamedTuple):
    mean: float
    sd: float
    """Of the true value; noise is not in it."""


def normalised(features: Features) -> Features:
    """The same, of length 1."""
    length = sqrt(sum(amount * amount for amount in features.values()))
    return {name: amount / length for name, amount in features.items()} if length else features


@dataclass(slots=True)
class _Fit:
    """One explanation of the rows."""

    share: float
    weight: float
    inverse: "Array"
    """Of the covariance of all rows."""
    pull: "Array"
    """The inverse times the targets."""


class Regression:
    """Predicts the true target of a row. Deterministic: the same rows in the same order, the same state."""

    def __init__(self, *, centre: float = 0.0, scale: float | None = None) -> None:
        """centre: what is predicted without features. scale: standard deviation of true targets, where it
        is known beforehand; `None`: it is learned."""
        self._centre = centre
        self._fixed = scale
        import numpy as np

        self._rows: list[Row] = []
        self._table: Array = np.zeros((_LINES, 64))
        """A line for each row, a column for each feature."""
        self._studies: NDArray[np.signedinteger[Any]] = np.zeros(_LINES, dtype=int)
        self._targets: Array = np.zeros(_LINES)
        """Less the centre."""
        self._noise: Array = np.zeros(_LINES)
        """Variances of the targets."""
        self._columns: dict[str, int] = {}
        self._noted = 0
        self._most = 0.0
        self._fits: list[_Fit] = []
        self._fitted = 0
        self._scale = scale or 0.0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def scale(self) -> float:
        """Standard deviation of true targets; 0 while nothing is known of it."""
        return self._scale

    @property
    def share(self) -> float:
        """Of the variance, what features are believed to explain."""
        return sum(fit.share * fit.weight for fit in self._fits)

    def add(self, row: Row) -> None:
        alike = self._alike(row.features, row.study)
        self._rows.append(row)
        self._note(row)
        if len(self._rows) > WINDOW:
            self._forget()
            self._refit()
        elif len(self._rows) >= max(_GROWN * self._fitted, self._fitted + 4) or not self._fits:
            self._refit()
        else:
            self._extend(alike)

    def predict(self, features: Features, *, study: int = 0) -> Predicted | None:
        """`None` while nothing is known of the scale."""
        if not self._fits:
            return Predicted(self._centre, self._fixed) if self._fixed else None
        alike = self._alike(features, study)
        variance = self._scale**2
        mean = square = 0.0
        for fit in self._fits:
            across = variance * fit.share * alike
            middle = float(across @ fit.pull)
            rest = max(0.0, variance - float(across @ fit.inverse @ across))
            mean += fit.weight * middle
            square += fit.weight * (rest + middle * middle)
        return Predicted(self._centre + mean, sqrt(max(0.0, square - mean * mean)))

    # --- fitting -----------------------------------------------------------------------------------

    def _alike(self, features: Features, study: int) -> "Array":
        """How alike a row with these features is to each row that is noted, 0 to 1."""
        import numpy as np

        known = [name for name in features if name in self._columns]
        columns = [self._columns[name] for name in known]
        amounts = np.array([features[name] for name in known])
        alike = self._table[: self._noted, columns] @ amounts
        return np.where(self._studies[: self._noted] == study, 1.0, ELSEWHERE) * alike

    def _note(self, row: Row) -> None:
        """Write a row into the table, which grows by doubling."""
        import numpy as np

        line = self._noted
        for name in row.features:
            self._columns.setdefault(name, len(self._columns))
        if len(self._columns) > self._table.shape[1]:
            self._table = np.pad(self._table, ((0, 0), (0, self._table.shape[1])))
        for name, amount in row.features.items():
            self._table[line, self._columns[name]] = amount
        self._studies[line] = row.study
        self._targets[line] = row.target - self._centre
        self._noise[line] = row.variance
        self._noted += 1

    def _forget(self) -> None:
        """Drop the oldest rows, and the features that only they had once these are many."""
        self._rows = self._rows[_DROP:]
        for kept in (self._table, self._studies, self._targets, self._noise):
            kept[:-_DROP] = kept[_DROP:]
            kept[-_DROP:] = 0
        self._noted -= _DROP
        if len(self._columns) > _MOST_COLUMNS:
            self._table[:], self._columns, self._noted = 0, {}, 0
            for row in self._rows:
                self._note(row)

    def _seen(self) -> tuple["Array", "Array"]:
        """Targets, less the centre, and their variances."""
        targets, noise = self._targets[: self._noted], self._noise[: self._noted]
        return (targets if self._fixed else targets.clip(-self._most, self._most)), noise

    def _extend(self, alike: "Array") -> None:
        """One more row, the scales as they are: the inverse of a matrix with one more row and column.

        alike: how alike it is to each before it.
        """
        import numpy as np

        targets, noise = self._seen()
        variance = self._scale**2
        size = len(targets)
        for fit in self._fits:
            across = variance * fit.share * alike
            down = fit.inverse @ across
            rest = max(variance + noise[-1] - float(across @ down), 1e-12 * variance)
            inverse = np.empty((size, size))
            scaled = down / rest
            np.multiply(down[:, None], scaled, out=inverse[:-1, :-1])
            inverse[:-1, :-1] += fit.inverse
            inverse[:-1, -1] = inverse[-1, :-1] = -scaled
            inverse[-1, -1] = 1.0 / rest
            fit.inverse, fit.pull = inverse, inverse @ targets

    def _refit(self) -> None:
        import numpy as np

        size = self._noted
        table, studies = self._table[:size, : len(self._columns)], self._studies[:size]
        gram = np.where(studies[:, None] == studies, 1.0, ELSEWHERE) * np.einsum(
            "ij,kj->ik", table, table
        )
        self._fitted = size
        self._scale = self._fixed or _spread(self._rows)
        noise = sum(row.variance for row in self._rows) / size
        self._most = _FAR * sqrt(self._scale**2 + noise)
        self._fits = []
        if self._scale <= 0.0:
            return
        if self._fixed is None:
            start, share = self._scale, 0.25
            tried: list[tuple[float, float]] = []
            for factor in _SCALES:
                self._scale = factor * start
                tried.append((self._evidence(gram, share)[0], self._scale))
            self._scale = max(tried)[1]
        fits = [(share, prior, *self._evidence(gram, share)) for share, prior in SHARES]
        best = max(evidence for _, _, evidence, _, _ in fits)
        weights = [prior * float(np.exp(evidence - best)) for _, prior, evidence, _, _ in fits]
        total = sum(weights)
        kept = [
            _Fit(share, weight / total, inverse, pull)
            for (share, _, _, inverse, pull), weight in zip(fits, weights, strict=True)
            if weight >= _LEAST * total
        ]
        whole = sum(fit.weight for fit in kept)
        for fit in kept:
            fit.weight /= whole
        self._fits = kept

    def _evidence(self, gram: "Array", share: float) -> tuple[float, "Array", "Array"]:
        """Log marginal likelihood of all rows, the inverse of their covariance, and its pull."""
        import numpy as np

        targets, noise = self._seen()
        variance = self._scale**2
        covariance = variance * share * gram
        covariance[np.diag_indices_from(covariance)] = variance * (1 + 1e-9) + noise
        inverse = np.linalg.inv(covariance)
        inverse = 0.5 * (inverse + inverse.T)
        pull = inverse @ targets
        evidence = -0.5 * float(np.linalg.slogdet(covariance)[1] + targets @ pull)
        return evidence - 0.5 * len(targets) * log(2 * np.pi), inverse, pull


def _spread(rows: Sequence[Row]) -> float:
    """Standard deviation of true targets, the furthest ones cut off. Where there is nothing, 0."""
    sizes = sorted(abs(row.target) for row in rows)
    most = 3 * sizes[(3 * len(sizes)) // 4] or sizes[-1]
    seen = sum(min(size, most) ** 2 for size in sizes) / len(rows)
    noise = sum(row.variance for row in rows) / len(rows)
    # What noise explains is taken off, but never all of it: some effect there is.
    return sqrt(max(seen - noise, 0.04 * seen))
