"""What an experiment, a second and a dollar are worth: one rate of exchange, made from the budget."""

from dataclasses import dataclass

from move37.core.history import History
from move37.search.arms import Spending

UNLIMITED = 0.25
"""What has no limit counts a quarter as much as what has: nobody said that it is free."""
_LEAST_LEFT = 1e-3
"""Of a limit. Little that is left is dear, but not infinitely so."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one of each costs. Only their ratios mean anything."""

    experiment: float
    second: float
    usd: float

    def cost(self, spent: Spending) -> float:
        return (
            self.experiment * spent.experiments + self.second * spent.seconds + self.usd * spent.usd
        )


def exchange_rate(history: History, total: Spending) -> Exchange:
    """Of what the budget limits, the share of what is left of it: what is scarcer is dearer.

    total: what all experiments that have ended have taken together. At that pace, what has no limit is
    counted as if the rest of the study took `UNLIMITED` of it. Without any limit it is time that counts.
    """
    budget = history.budget
    workers = 1 if history.session is None else history.session.workers
    experiments = _share_of_rest(budget.experiments, history.spent())
    hours = _share_of_rest(budget.hours, history.seconds_worked / 3600)
    second = None if hours is None else hours / 3600 / workers
    usd = _share_of_rest(budget.usd, history.usd)
    if (experiments, second, usd) == (None, None, None):
        second = 1.0
    limited = Exchange(experiments or 0.0, second or 0.0, usd or 0.0)
    usual = limited.cost(total) or 1.0
    return Exchange(
        experiments if experiments is not None else 0.0,
        second if second is not None else _by_pace(usual, total.seconds),
        usd if usd is not None else _by_pace(usual, total.usd),
    )


def _share_of_rest(limit: float | None, used: float) -> float | None:
    """That one unit is. `None`: there is no limit."""
    if limit is None:
        return None
    return 1.0 / max(limit - used, _LEAST_LEFT * limit, 1e-9)


def _by_pace(usual: float, total: float) -> float:
    return UNLIMITED * usual / total if total > 0 else 0.0
