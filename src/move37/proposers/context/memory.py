"""What a proposer remembers of a study beside its history, so that no prompt costs a walk through it."""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Sequence

from move37.core.facts import EpochStarted, Fact, Opened, Proposed
from move37.core.history import History
from move37.proposers.context.sketches import Sketch, from_json

_CHILDREN = 64
"""Of one parent, the latest that are remembered."""
_LOOK_BACK = 512
_KEYS, _BUCKET, _LIKE = 8, 16, 24
"""An edit is found by so many hashes; of those that share one, the latest; so many are compared."""
_DRAWN = 512


class Memory:
    """A fold: who came of whom, and what each edit was, where its proposal says so (`detail["edit"]`).

    Its owner hands it every fact. What it costs does not grow with the study.
    """

    def __init__(self) -> None:
        self._children: dict[int, deque[int]] = {}
        self._sketches: dict[int, Sketch] = {}
        self._by_hash: dict[int, deque[int]] = {}
        self._drawn: OrderedDict[int, Sketch] = OrderedDict()

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._children.clear()
                self._sketches.clear()
                self._by_hash.clear()
            case Opened():
                for parent in fact.parents:
                    children = self._children.setdefault(parent, deque(maxlen=_CHILDREN))
                    children.append(fact.experiment)
            case Proposed():
                sketch = from_json(fact.detail.get("edit"))
                if sketch is not None:
                    self._sketches[fact.experiment] = sketch
                    for key in _keys(sketch):
                        bucket = self._by_hash.setdefault(key, deque(maxlen=_BUCKET))
                        bucket.append(fact.experiment)
            case _:
                pass

    def children(self, parent: int) -> Sequence[int]:
        """The latest children of an experiment, the oldest first."""
        return tuple(self._children.get(parent, ()))

    def like(self, sketch: Sketch) -> Iterator[tuple[int, Sketch]]:
        """Experiments whose edits may be like this one, the likeliest first."""
        votes: Counter[int] = Counter()
        for key in _keys(sketch):
            votes.update(self._by_hash.get(key, ()))
        for id, _ in sorted(votes.items(), key=lambda one: (-one[1], -one[0]))[:_LIKE]:
            yield id, self._sketches[id]

    def sketch(self, experiment: int) -> Sketch | None:
        return self._sketches.get(experiment) or self._drawn.get(experiment)

    def keep(self, experiment: int, sketch: Sketch) -> None:
        """Keep the sketch of an experiment whose proposal has none: it can be drawn again any time."""
        self._drawn[experiment] = sketch
        if len(self._drawn) > _DRAWN:
            self._drawn.popitem(last=False)


def _keys(sketch: Sketch) -> Sequence[int]:
    """The smallest hashes: edits that are alike share some of them, nearly for certain."""
    return (sketch.added or sketch.place)[:_KEYS]


def children_of(history: History, parent: int, memory: Memory | None) -> Sequence[int]:
    """The latest children of an experiment; without a memory, of those opened lately."""
    if memory is not None:
        return memory.children(parent)
    first = max(history.epoch.baseline, len(history) - _LOOK_BACK)
    found = [one.id for one in history.experiments[first:] if parent in one.parents]
    return tuple(found[-_CHILDREN:])
