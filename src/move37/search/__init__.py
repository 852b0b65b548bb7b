"""Step 2. What to try next: belief, and strategies over it. Pure functions; no I/O, no clock."""

from collections.abc import Sequence

from move37.core.errors import TaskError
from move37.core.protocols import Believer, Search
from move37.search.audit import audit
from move37.search.belief import LineagePosterior, recompute
from move37.search.best_of_n import BestOfN
from move37.search.common import champion, contender
from move37.search.greedy import Greedy
from move37.search.lineage import Lineage

__all__ = [
    "SEARCHES",
    "BestOfN",
    "Greedy",
    "Lineage",
    "LineagePosterior",
    "audit",
    "champion",
    "contender",
    "make_search",
    "recompute",
]

SEARCHES = ("lineage", "greedy", "best_of_n")
"""Names for `search = "…"` in a task, the default first."""


def make_search(
    name: str, believer: Believer, *, proposers: Sequence[str], checks: Sequence[str] = ()
) -> Search:
    """Build a strategy by its name.

    believer: a fold that is told every fact before the search is.
    proposers: their names; checks: names of those that a parent must not have failed.
    Raises `TaskError` for an unknown name or no proposers.
    """
    match name:
        case "lineage":
            return Lineage(believer, proposers=proposers, checks=checks)
        case "greedy":
            return Greedy(believer, proposers=proposers, checks=checks)
        case "best_of_n":
            return BestOfN(believer, proposers=proposers, checks=checks)
        case _:
            known = ", ".join(SEARCHES)
            raise TaskError(f"there is no search {name!r}; the known ones are {known}")
