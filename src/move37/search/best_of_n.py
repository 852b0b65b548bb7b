"""Independent edits of the baseline, the best of which wins: no search at all."""

from collections.abc import Sequence, Set

from move37.core.facts import Fact
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Choice
from move37.search.common import extend, require_proposers


class BestOfN:
    """Every experiment is a child of the baseline. Shows what building on results is worth."""

    def __init__(
        self, believer: Believer, *, proposers: Sequence[str], checks: Sequence[str] = ()
    ) -> None:
        del believer, checks
        self._proposers = require_proposers(proposers)

    def add(self, fact: Fact) -> None:
        del fact

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Extend the baseline. `None` while it has no outcome."""
        del pending
        if not history.baseline.is_measured:
            return None
        return extend((history.baseline.id,), self._proposers, seed, busy)
