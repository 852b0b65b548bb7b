"""Equal score and less change is better: which of several equally good programs to take."""

from collections import Counter
from collections.abc import Iterable, Mapping

from move37.core.history import History
from move37.core.protocols import Believer
from move37.referee.intervals import normal_quantile

SURE = 0.95
"""How sure the belief must be that the best is not ahead by more than the margin."""
RIVALS = 16
"""So many of the best believed are looked at."""

_ROUNDING = 1e-9
"""Relative: beliefs in equal scores differ where a float ends."""

Files = Mapping[str, bytes]


def changed_lines(old: Files, new: Files) -> int:
    """The size of a change: how many lines it removes and adds. A line that only moved counts as none."""
    total = 0
    for path in old.keys() | new.keys():
        before, after = old.get(path, b""), new.get(path, b"")
        if before != after:
            lines = Counter(before.split(b"\n"))
            lines.subtract(after.split(b"\n"))
            total += sum(map(abs, lines.values()))
    return total


def simplest(
    history: History, believer: Believer, best: int, rivals: Iterable[int], margin: float
) -> int:
    """Of the best and those that are as good, the one that changes the fewest lines of the baseline.

    As good is a rival to which the best's lead is at most the margin, on the score, with 95 %
    certainty of belief; of an evaluation that repeats exactly, as measured. With a margin of 0 that are
    equal scores of such an evaluation, and no others. rivals: best first.
    """
    chosen, smallest = best, _size(history, best)
    top = believer.belief(best)
    if smallest is None or top is None or (margin == 0 and believer.noise > 0):
        return best
    z = normal_quantile(SURE) if believer.noise > 0 else 0.0
    margin += _ROUNDING * abs(top.mean)
    for _, rival in zip(range(RIVALS), rivals, strict=False):
        belief, size = believer.belief(rival), _size(history, rival)
        if belief is None or belief.mean < top.mean - margin:
            break  # and so are all that follow
        if size is None or size >= smallest:
            continue
        lead = believer.difference(best, rival)
        if lead is not None and lead.mean + z * lead.sd <= margin:
            chosen, smallest = rival, size
    return chosen


def _size(history: History, experiment: int) -> int | None:
    one = history[experiment]
    return 0 if one.is_baseline else one.size
