"""Which arm is next: by what it is believed to gain for what it costs, with a floor for each.

Thompson sampling by a weighted bootstrap (D. Eckles, M. Kaptein, arXiv:1410.4009; weights that are
exponential make it D. Rubin's Bayesian bootstrap, Annals of Statistics 9 (1981)): gains are mostly zero and
now and then large, and no distribution has to be assumed for them. Pure functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

FLOOR = 0.05
"""Share of the spending that each arm has, whatever it gains."""
FLOORS = 0.2
"""Of all arms together at most, where there are many."""
PRIOR = 1.0
"""An arm is taken to have gained, in so many experiments more, what all arms do on average, by luck."""


@dataclass(frozen=True, slots=True)
class Stake:
    """One arm, as it stands to be chosen."""

    gains: Sequence[tuple[float, float]]
    """Weight, and what an experiment is believed to have gained."""
    cost: float | None
    """Of one of its experiments. `None`: it never had one."""
    spent: float
    """What it cost of late, experiments under way included."""


def due(stakes: Sequence[Stake], free: Sequence[int], random: Random) -> int | None:
    """The free arm that is furthest below its floor, if any is; among equals by chance."""
    floor = min(FLOOR, FLOORS / len(stakes)) * sum(stake.spent for stake in stakes)
    behind = [place for place in free if stakes[place].spent <= floor]
    if not behind:
        return None
    least = min(stakes[place].spent for place in behind)
    return random.choice([place for place in behind if stakes[place].spent == least])


def rates(stakes: Sequence[Stake], random: Random) -> list[float]:
    """Of each arm, one draw of what it may gain for what it costs, given what it did gain."""
    weights = sum(weight for stake in stakes for weight, _ in stake.gains)
    gained = sum(weight * gain for stake in stakes for weight, gain in stake.gains)
    usual = gained / weights if weights > 0 else 0.0
    costs = [stake.cost for stake in stakes if stake.cost is not None]
    usual_cost = sum(costs) / len(costs) if costs else 1.0
    return [_draw(stake, usual, usual_cost, random) for stake in stakes]


def _draw(stake: Stake, usual: float, usual_cost: float, random: Random) -> float:
    weights = PRIOR * random.expovariate(1.0)
    gained = weights * usual * random.expovariate(1.0)
    for weight, gain in stake.gains:
        drawn = weight * random.expovariate(1.0)
        weights += drawn
        gained += drawn * gain
    cost = usual_cost if stake.cost is None else stake.cost
    return gained / weights / cost if weights * cost > 0 else 0.0


def best(values: Sequence[float], among: Sequence[int], random: Random) -> int:
    """The place of the largest value among these; of equals one by chance."""
    top = max(values[place] for place in among)
    return random.choice([place for place in among if values[place] == top])
