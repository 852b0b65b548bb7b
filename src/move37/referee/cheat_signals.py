"""What one version of a file does that a gain could be faked with; and what a change newly does.

A signal has a key that stays equal while code moves, so that what was there before a change is
never held against it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, replace

from move37.core.records import Gravity, Metric

MANY_ELEMENTS = 40
"""From here on a literal list, set or mapping is a table."""
LONG_LITERAL = 300
"""Characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What is known of the task around the files of a change."""

    metric: Metric
    is_scored: bool
    """What the program prints counts for nothing: a trusted command judges what it leaves behind."""
    editable: Callable[[str], bool]
    """Whether a candidate may change the file of this path."""
    own: Set[str] = frozenset()
    """Paths of the files that it may change and that are there."""
    fixed: Set[str] = frozenset()
    """Paths of the task's other files."""
    hidden: Set[str] = frozenset()
    """Paths, or globs, that only `score` and `certify` may see."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """One telling thing that a file does."""

    topic: str
    gravity: Gravity
    what: str
    """Completes a sentence that begins with the change: `reads the clock (time.time)`."""
    key: str
    """Equal wherever and however often the same thing is done."""
    line: int
    family: str = ""
    """Signals of one family differ in a value only, such as that of a seed."""
    path: str = ""
    """Filled in by whoever reads several files."""


def news(old: Iterable[Signal], new: Iterable[Signal]) -> Iterator[Signal]:
    """The signals that a change adds: those of a key that comes more often than it did.

    Of a family that was there with another value, the change is of the value: that is graver.
    """
    before, families = Counter[tuple[str, str]](), set[str]()
    for signal in old:
        before[signal.topic, signal.key] += 1
        families.add(signal.family)
    for signal in new:
        had = before[signal.topic, signal.key]
        if had:
            before[signal.topic, signal.key] = had - 1
        elif signal.family and signal.family in families:
            yield replace(signal, gravity="serious", what=f"changes the value in: {signal.key}")
        else:
            yield signal
