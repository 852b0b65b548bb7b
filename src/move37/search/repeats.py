"""The rule for repeats: when one more trial of a program is worth more than a new experiment.

What a new experiment finds can be built upon, so early in a study nothing beats it: a child says almost as
much about its parent as a repeat does, and may be better besides. Towards the end there is less and less
time to build, while knowing which of the best few is best decides what the study recommends. So both are
put a price on, in score: `docs/search.md` has the rule in words and what it was measured to be worth.
"""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from statistics import NormalDist

from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Failed

SHARE = 0.1
"""Repeats are made in the last tenth of the budget alone, so they are at most a tenth of it."""
RIVALS = 8
"""Among so many of the best, the one to repeat is sought."""
MARGIN = 5.0
"""So many times must what repeats promise exceed what experiments promise. In planted studies a third to a
half of the former came true, as the best few are more alike than belief says, and 1.5 times the latter,
as the last experiments tell about all others too."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Horizon:
    """How many trials a study has still to go, of how many in all."""

    left: int
    total: int

    @property
    def is_near(self) -> bool:
        """Whether it is time to think of repeats. Never in a study of fewer than ten trials."""
        return 0 < self.left <= SHARE * self.total


def horizon(history: History, repeating: int = 0) -> Horizon:
    """What the budget leaves, in trials; of several limits the nearest.

    repeating: repeats under way, which are as good as spent. Hours and dollars are turned into trials at
    the pace so far. A study without a budget is taken to have a tenth of its trials still to go, always.
    """
    spent = history.spent() + repeating
    budget = history.budget
    left: list[float] = []
    if budget.experiments is not None:
        left.append(budget.experiments - spent)
    done = len(history) + history.repeats
    for limit, used in (
        (_seconds(budget.hours), history.seconds_worked),
        (budget.usd, history.usd),
    ):
        if limit is not None and used > 0:
            left.append((limit - used) * done / used)
    nearest = max(0, math.floor(min(left))) if left else spent // round(1 / SHARE - 1)
    return Horizon(int(nearest), int(spent + nearest))


def repeats_under_way(history: History, pending: Set[int]) -> int:
    """How many of these are repeats. One whose check is under way is counted too, until it has ended."""
    return sum(history[one].is_measured and not history[one].is_baseline for one in pending)


def _seconds(hours: float | None) -> float | None:
    return None if hours is None else 3600 * hours


def next_repeat(
    history: History, believer: Believer, best: Sequence[int], horizon: Horizon, pending: Set[int]
) -> int | None:
    """The program that should have one more trial now, or `None` when a new experiment is worth more.

    best: programs that may be champion, best belief first, the baseline possibly among them. The baseline is
    not repeated here: the referee does so at the start, and certification pair by pair.
    """
    repeats = history.repeats + repeats_under_way(history, pending)
    if not horizon.is_near or repeats + 1 > SHARE * horizon.total:
        return None
    free = [one for one in best[:RIVALS] if one not in pending and may_repeat(history, one)]
    if believer.noise == 0:
        return _doubted(history, best, free)
    contest = Contest.of(believer, best[:RIVALS])
    worth = {one: contest.worth(best.index(one), horizon.left) for one in free}
    favourite = max(free, key=lambda one: (worth[one], -one), default=None)
    if favourite is None:
        return None
    gained = growth(history, believer, best[0])
    pays = gained is not None and worth[favourite] > MARGIN * gained * horizon.left
    return favourite if pays else None


def may_repeat(history: History, experiment: int) -> bool:
    """Whether it makes sense to try it again: it is no baseline, and never failed when it was."""
    one = history[experiment]
    return not one.is_baseline and not any(isinstance(t.outcome, Failed) for t in one.trials)


def _doubted(history: History, best: Sequence[int], free: Sequence[int]) -> int | None:
    """An evaluation that looks exact is asked about its champion once more.

    The baseline may be exact where candidates are not, such as one that draws random numbers of its own.
    Once a program has shown the same score twice, this is settled for the study.
    """
    settled = history.repeats > 0 or best[0] not in free
    return None if settled or history[best[0]].count("search") > 1 else best[0]


def growth(history: History, believer: Believer, champion: int) -> float | None:
    """What a trial has added to the champion so far, on average, in score; above 0.

    The champion's lead over the baseline, less one standard deviation, as it is champion partly by luck.
    In planted studies this is the true rate to within an eighth, up to a noise of two typical effects.
    `None` when nothing is left of it: then there is nothing yet whose order with others would matter.
    """
    lead = believer.difference(champion, history.epoch.baseline)
    if lead is None or lead.mean <= lead.sd:
        return None
    return (lead.mean - lead.sd) / max(1, history.spent())


@dataclass(frozen=True, slots=True)
class Contest:
    """The joint belief about a few programs, one of which will be recommended."""

    means: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    noise: float

    @staticmethod
    def of(believer: Believer, programs: Sequence[int]) -> "Contest":
        """Of measured programs of one epoch."""
        beliefs = [believer.belief(one) for one in programs]
        means = [belief.mean for belief in beliefs if belief is not None]
        variance = [belief.sd**2 for belief in beliefs if belief is not None]
        assert len(means) == len(programs), "what is ranked has been measured"
        size = range(len(programs))
        covariance = [[0.0] * len(programs) for _ in size]
        for i in size:
            for j in range(i + 1):
                between = believer.difference(programs[i], programs[j])
                apart = 0.0 if between is None or i == j else between.sd**2
                covariance[i][j] = covariance[j][i] = (variance[i] + variance[j] - apart) / 2
        return Contest(tuple(means), tuple(map(tuple, covariance)), believer.noise)

    def worth(self, place: int, trials: int) -> float:
        """How much better, in score, the recommended program gets by so many more trials of this one.

        The knowledge gradient for correlated normal beliefs (P. Frazier, W. Powell, S. Dayanik, INFORMS
        Journal on Computing 21 (2009), section 3): the trials move the mean of program j by
        `cov(j, place) / sqrt(var(place) + noise^2 / trials)` times a standard normal.
        """
        row = self.covariance[place]
        spread = math.sqrt(row[place] + self.noise**2 / trials)
        if spread == 0:
            return 0.0
        lines = [(mean, shared / spread) for mean, shared in zip(self.means, row, strict=True)]
        return max(0.0, expected_maximum(lines) - max(self.means))


def expected_maximum(lines: Sequence[tuple[float, float]]) -> float:
    """The mean of `max(a + b Z)` over these `(a, b)`, for a standard normal `Z`. Exact.

    The maximum is piecewise linear: lines are taken by rising slope, and each holds from where it passes the
    one before. Between two such points the mean of `a + b Z` is `a dPhi - b dphi`.
    """
    upper: list[tuple[float, float]] = []
    since: list[float] = []
    for a, b in sorted(lines, key=lambda line: (line[1], line[0])):
        start = -math.inf
        while upper:
            under, slope = upper[-1]
            start = -math.inf if slope == b else (under - a) / (b - slope)
            if start > since[-1]:
                break
            upper.pop()
            since.pop()
            start = -math.inf
        upper.append((a, b))
        since.append(start)
    total = 0.0
    for (a, b), low, high in zip(upper, since, [*since[1:], math.inf], strict=True):
        total += a * (_NORMAL.cdf(high) - _NORMAL.cdf(low)) - b * (_density(high) - _density(low))
    return total


def _density(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
