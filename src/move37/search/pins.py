"""Pins: what a person wants to be built on is built on, whatever the search would choose.

A strategy around another one. Who proposes, and what is repeated, stays the other's choice.
"""

from collections.abc import Mapping, Set
from dataclasses import replace

from move37.core.facts import EpochStarted, Fact, Opened, Steered
from move37.core.history import History
from move37.core.protocols import Search
from move37.core.records import Choice, Extend, Order


class Pins:
    """Implements `core.protocols.Search`.

    While programs are pinned, every new experiment is built on one of them: on the one that had the
    fewest since it was pinned, and of several on the one that was pinned first. Nothing is merged then.
    """

    def __init__(self, search: Search, *, merger: str | None = None) -> None:
        """search: told the facts by this one, and by nobody else. merger: who cannot change one program alone."""
        self._search = search
        self._resting = frozenset(() if merger is None else (merger,))
        self._turns: dict[int, int] = {}
        """Of each pinned program, the experiments since; one pinned later begins where the last one stands."""

    def add(self, fact: Fact) -> None:
        self._search.add(fact)
        match fact:
            case EpochStarted():
                self._turns.clear()
            case Steered(order=Order(does="pin", experiment=int(pinned))):
                self._turns[pinned] = min(self._turns.values(), default=0)
            case Steered(order=Order(does="unpin" | "veto", experiment=int(pinned))):
                self._turns.pop(pinned, None)
            case Opened(parents=(parent,)) if parent in self._turns and not fact.ticket:
                self._turns[parent] += 1
            case _:
                pass

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """As the other strategy would, but from a pinned program where there is one."""
        if not self._turns:
            return self._search.choose(history, pending=pending, seed=seed, busy=busy)
        resting = busy | self._resting
        choice = self._search.choose(history, pending=pending, seed=seed, busy=resting)
        if isinstance(choice, Extend):
            return replace(choice, parents=(_next(self._turns),))
        return choice


def _next(turns: Mapping[int, int]) -> int:
    return min(turns, key=lambda pinned: turns[pinned])
