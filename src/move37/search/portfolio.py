"""One budget, several arms: strategies that choose what to build on, and proposers that change it.

A portfolio is a strategy made of strategies. The first of them is the study's own: whether a program is
repeated is its choice alone. Which arm gets a new experiment is decided by what each is believed to have
gained for what it cost (`bandit.py`), never by chance alone and never by raw scores.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from random import Random

from move37.core.facts import Fact
from move37.core.history import History
from move37.core.protocols import Search
from move37.core.records import Choice, Extend
from move37.core.seeds import derive_seed
from move37.search.arms import HALF_LIFE, Arm, Ledger
from move37.search.bandit import Stake, best, due, rates
from move37.search.common import require_proposers
from move37.search.exchange import Exchange, exchange_rate

WAIT = 0.5
"""A free arm that promises less than this, of what one promises that is busy, waits for it."""


@dataclass(frozen=True, slots=True)
class Table:
    """All arms as they stand, and which of them can be chosen."""

    stakes: Sequence[Stake]
    free: Sequence[int]
    awaited: Sequence[int]
    """Those that are busy with an experiment, and will be free again."""


Rule = Callable[[Table, Random], int | None]
"""Which arm is next, by its place; `None` to wait for one of the awaited."""


def by_belief(table: Table, random: Random) -> int | None:
    """The floor first, then the best draw."""
    if (behind := due(table.stakes, table.free, random)) is not None:
        return behind
    drawn = rates(table.stakes, random)
    favourite = best(drawn, table.free, random)
    if any(WAIT * drawn[place] > drawn[favourite] for place in table.awaited):
        return None
    return favourite


class Portfolio:
    """Implements `core.protocols.Search`."""

    def __init__(
        self,
        ledger: Ledger,
        strategies: Mapping[str, Search],
        arms: Sequence[Arm],
        *,
        rule: Rule = by_belief,
        keeps_ledger: bool = True,
    ) -> None:
        """
        ledger: of all arms. keeps_ledger: this portfolio tells it the facts; else somebody did just before.
        strategies: by name, all of them willing to name any proposer; that of the empty name is the
            study's own. Told the facts by this portfolio, and by nobody else.
        arms: which strategy works with which proposer.
        """
        require_proposers([arm.proposer for arm in arms])
        self.ledger = ledger
        self._strategies = dict(strategies)
        self._arms = tuple(arms)
        self._rule = rule
        self._keeps_ledger = keeps_ledger

    def add(self, fact: Fact) -> None:
        if self._keeps_ledger:
            self.ledger.add(fact)
        for strategy in self._strategies.values():
            strategy.add(fact)

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """As the study's own strategy would, but whose turn it is goes by belief.

        `None`, too, where experiments are limited and it pays to wait for an arm that is busy.
        """
        own = self._strategies[""].choose(history, pending=pending, seed=seed, busy=busy)
        if not isinstance(own, Extend):
            return own
        open_to = {
            name: own if not name else strategy.choose(history, pending=pending, seed=seed)
            for name, strategy in self._strategies.items()
        }
        table = self._table(history, open_to, busy)
        if not table.free:
            return None
        chosen = self._rule(table, Random(derive_seed(seed, "arm")))
        if chosen is None:
            return None
        arm = self._arms[chosen]
        extend = open_to[arm.strategy]
        assert isinstance(extend, Extend), "an arm is free where its strategy would extend"
        return Extend(parents=extend.parents, proposer=arm.proposer, strategy=arm.strategy)

    def _table(
        self, history: History, open_to: Mapping[str, Choice | None], busy: Set[str]
    ) -> Table:
        rate = exchange_rate(history, self.ledger.total)
        half_life = HALF_LIFE / (1.0 + self.ledger.plateau)
        places = range(len(self._arms))
        able = [
            place for place in places if isinstance(open_to[self._arms[place].strategy], Extend)
        ]
        # Waiting takes nothing but time: it is for studies that will run out of experiments.
        limited = history.budget.experiments is not None
        return Table(
            stakes=[self._stake(arm, rate, half_life) for arm in self._arms],
            free=[place for place in able if self._arms[place].proposer not in busy],
            awaited=[
                place
                for place in able
                if limited
                and self._arms[place].proposer in busy
                and self.ledger.running(self._arms[place])
            ],
        )

    def _stake(self, arm: Arm, rate: Exchange, half_life: float) -> Stake:
        ledger = self.ledger
        lately, running = ledger.spending(arm), ledger.running(arm)
        cost = rate.cost(lately) / lately.experiments if lately.experiments > 0 else None
        usual = rate.cost(ledger.total.times(1 / ledger.ended)) if ledger.ended else 1.0
        under_way = running * (usual if cost is None else cost)
        return Stake(
            gains=ledger.gains(arm, half_life),
            cost=cost,
            spent=rate.cost(lately) + under_way,
        )
