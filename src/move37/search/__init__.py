"""Step 2. What to try next: belief, and strategies over it. Pure functions; no I/O, no clock."""

from collections.abc import Callable, Mapping, Sequence

from move37.core.errors import TaskError
from move37.core.protocols import Believer, Search
from move37.search.arms import Arm, Ledger
from move37.search.audit import audit
from move37.search.beam import Beam
from move37.search.belief import LineagePosterior, recompute
from move37.search.best_of_n import BestOfN
from move37.search.common import champion, contender, require_proposers
from move37.search.greedy import Greedy
from move37.search.islands import Islands
from move37.search.lineage import Lineage
from move37.search.merges import Merges
from move37.search.polish import Polish
from move37.search.portfolio import Portfolio
from move37.search.puct import Puct

__all__ = [
    "SEARCHES",
    "Arm",
    "Beam",
    "BestOfN",
    "Greedy",
    "Islands",
    "Ledger",
    "Lineage",
    "LineagePosterior",
    "Merges",
    "Polish",
    "Portfolio",
    "Puct",
    "audit",
    "champion",
    "contender",
    "make_search",
    "recompute",
]

SEARCHES = ("lineage", "puct", "islands", "beam", "greedy", "best_of_n", "portfolio")
"""Names for `search = "…"` in a task, the default first."""
_STRATEGIES: Mapping[str, Callable[..., Search]] = {
    "lineage": Lineage,
    "puct": Puct,
    "islands": Islands,
    "beam": Beam,
    "greedy": Greedy,
    "best_of_n": BestOfN,
}
MERGING = frozenset({"lineage", "portfolio"})
"""Of these, those that merge branches."""
POLISH = "polish"
"""Name of the strategy that tunes what others wrote."""


def make_search(
    name: str,
    believer: Believer,
    *,
    proposers: Sequence[str],
    checks: Sequence[str] = (),
    polish: Mapping[str, float] | None = None,
    polisher: str = "tune",
    ledger: Ledger | None = None,
    merger: str | None = None,
    resolvers: Sequence[str] = (),
) -> Search:
    """Build a strategy by its name: a portfolio where there is a choice of whose turn it is.

    believer: a fold that is told every fact before the search is.
    proposers: their names; checks: names of those that a parent must not have failed.
    polish: whose programs have their numbers tuned, and with how much of the experiments at most; polisher:
        who does it, and may do nothing else.
    ledger: of the arms, where somebody keeps one: as `believer`. Else a portfolio keeps its own.
    merger: the proposer that merges programs by itself; `None`: nothing is merged. resolvers: those that can
        resolve a conflict. Strategies to compare with do not merge.
    Raises `TaskError` for an unknown name or no proposers.
    """
    search = _searched(name, believer, proposers, checks, polish, polisher, ledger)
    if merger is None or name not in MERGING:
        return search
    return Merges(believer, search, merger=merger, resolvers=resolvers, checks=checks)


def _searched(
    name: str,
    believer: Believer,
    proposers: Sequence[str],
    checks: Sequence[str],
    polish: Mapping[str, float] | None,
    polisher: str,
    ledger: Ledger | None,
) -> Search:
    proposers = require_proposers(proposers)
    polished = {proposer: share for proposer, share in (polish or {}).items() if share > 0}
    everybody = (*proposers, polisher) if polished and polisher not in proposers else proposers
    own = _strategy("lineage" if name == "portfolio" else name, believer, everybody, checks)
    if len(everybody) == 1 and name != "portfolio":
        return own
    strategies: dict[str, Search] = {"": own}
    if name == "portfolio":
        strategies["greedy"] = _strategy("greedy", believer, everybody, checks)
    arms = [Arm(strategy, proposer) for strategy in strategies for proposer in proposers]
    is_own = ledger is None
    ledger = Ledger(believer) if ledger is None else ledger
    if polished:
        strategies[POLISH] = Polish(
            believer, ledger, polisher=polisher, shares=polished, checks=checks
        )
        arms.append(Arm(POLISH, polisher))
    return Portfolio(ledger, strategies, arms, keeps_ledger=is_own)


def _strategy(
    name: str, believer: Believer, proposers: Sequence[str], checks: Sequence[str]
) -> Search:
    if name not in _STRATEGIES:
        known = ", ".join(SEARCHES)
        raise TaskError(f"there is no search {name!r}; the known ones are {known}")
    return _STRATEGIES[name](believer, proposers=proposers, checks=checks)
