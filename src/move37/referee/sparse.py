"""Two crossed noises where not every pair of trials has every unit: splits that are drawn from one pool.

Examples that several splits share tie these splits together: however many splits one draws, the pool
has no more examples than it has. So pairs on splits of one pool are not independent of each other, and
the scatter of their means says too little of how far their grand mean is from the truth.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[int, float]
"""The differences of one pair, by the number of the unit."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The variance of the grand mean of pairs: what each of the two noises makes of it."""

    from_units: float
    from_pairs: float
    both: float
    """What is in each of the two."""
    units: int
    pairs: int

    @property
    def total(self) -> float:
        return max(self.from_units, self.from_pairs, self.from_units + self.from_pairs - self.both)

    @property
    def freedom(self) -> float:
        """Of the larger part; both together have more."""
        return (self.units if self.from_units > self.from_pairs else self.pairs) - 1


def present(rows: Sequence[Sequence[float]]) -> Sequence[Row]:
    """Without the places of units that a pair does not have, which are NaN."""
    return [
        {unit: value for unit, value in enumerate(row) if not math.isnan(value)} for row in rows
    ]


def parts(rows: Sequence[Row], mean: float) -> Parts:
    """Of two pairs or more; mean: of the pairs' means.

    Two-way clustered variance, each way with its correction for few clusters. For a full table the ways
    are the classical ones, `var_u(mean_s d) / U` and `var_s(mean_u d) / S`.

    Source: A. Cameron, J. Gelbach and D. Miller, "Robust inference with multiway clustering", Journal of
    Business & Economic Statistics 29 (2011), eq. 2.8.
    """
    by_unit: dict[int, float] = {}
    from_pairs = both = 0.0
    for row in rows:
        weight = 1 / (len(rows) * len(row))
        shares = {unit: weight * (value - mean) for unit, value in row.items()}
        for unit, share in shares.items():
            by_unit[unit] = by_unit.get(unit, 0.0) + share
        from_pairs += math.fsum(shares.values()) ** 2
        both += math.fsum(share * share for share in shares.values())
    units, pairs = len(by_unit), len(rows)
    few = units / max(1, units - 1)
    return Parts(
        from_units=math.fsum(each * each for each in by_unit.values()) * few,
        from_pairs=from_pairs * pairs / (pairs - 1),
        # Corrected as the units are: of pairs that share no unit all that is left is `from_pairs`.
        both=both * few,
        units=units,
        pairs=pairs,
    )
