"""How sure one look must be, so that all looks together err no more often than they may.

Sources: P. Armitage, C. McPherson and B. Rowe, "Repeated significance tests on accumulating data", JRSS A 132
(1969), for the recursion; G. Lan and D. DeMets, Biometrika 70 (1983), for spending by it.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POINTS = 100
_FAR = 7.0
"""In standard deviations. So far down nothing is left that could still cross."""
_LEAST = 1e-12


def nominal_levels(looks: Sequence[int], spent: Sequence[float]) -> Sequence[float]:
    """One-sided level of the test at each look.

    looks: after how many observations, increasing; spent: the probability of having crossed by then.
    Exact for sums of normal observations with known variance; with Student's t in place of z a good
    approximation (C. Jennison and B. Turnbull, "Group Sequential Methods" (2000), section 4.4), and
    on the safe side where the looks share more of their noise than sums do.
    """
    levels: list[float] = []
    grid, density = _start()
    before, already = 0, 0.0
    for look, total in zip(looks, spent, strict=True):
        step = math.sqrt(look - before)
        cut = _cut(grid, density, step, total - already, _FAR * math.sqrt(look))
        grid, density = _advance(grid, density, step, -_FAR * math.sqrt(look), cut)
        before, already = look, total
        levels.append(max(_LEAST, 1 - NormalDist().cdf(cut / math.sqrt(look))))
    return levels


def _start() -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """All mass at 0: points, and how much there is at each."""
    import numpy as np

    return np.zeros(1), np.ones(1)


def _advance(
    grid: "NDArray[np.float64]",
    mass: "NDArray[np.float64]",
    step: float,
    low: float,
    cut: float,
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """What has not crossed after another step, by Simpson's rule."""
    import numpy as np

    points = np.linspace(low, cut, 2 * _POINTS + 1)
    weights = np.full(len(points), 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    weights *= (cut - low) / (2 * _POINTS) / 3
    away = (points[:, None] - grid[None, :]) / step
    density = np.exp(-0.5 * away**2) @ mass / (step * math.sqrt(2 * math.pi))
    return points, density * weights


def _cut(
    grid: "NDArray[np.float64]", mass: "NDArray[np.float64]", step: float, spend: float, far: float
) -> float:
    """Beyond which the next sum lies with this probability, by bisection."""
    normal = NormalDist()
    points, masses = grid.tolist(), mass.tolist()

    def beyond(cut: float) -> float:
        return math.fsum(
            here * (1 - normal.cdf((cut - point) / step))
            for point, here in zip(points, masses, strict=True)
        )

    low, high = 0.0, far
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > spend else (low, middle)
    return high
