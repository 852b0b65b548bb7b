"""What a proposer remembers of a study beside its history, so that no prompt costs a walk through it."""

from collections import deque
from collections.abc import Sequence

from move37.core.facts import EpochStarted, Fact, Opened
from move37.core.history import History

_CHILDREN = 64
"""Of one parent, the latest that are remembered."""
_LOOK_BACK = 512


class Memory:
    """A fold: who came of whom. Its owner hands it every fact."""

    def __init__(self) -> None:
        self._children: dict[int, deque[int]] = {}

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._children.clear()
            case Opened():
                for parent in fact.parents:
                    children = self._children.setdefault(parent, deque(maxlen=_CHILDREN))
                    children.append(fact.experiment)
            case _:
                pass

    def children(self, parent: int) -> Sequence[int]:
        """The latest children of an experiment, the oldest first."""
        return tuple(self._children.get(parent, ()))


def children_of(history: History, parent: int, memory: Memory | None) -> Sequence[int]:
    """The latest children of an experiment; without a memory, of those opened lately."""
    if memory is not None:
        return memory.children(parent)
    first = max(history.epoch.baseline, len(history) - _LOOK_BACK)
    found = [one.id for one in history.experiments[first:] if parent in one.parents]
    return tuple(found[-_CHILDREN:])
