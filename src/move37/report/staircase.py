"""The staircase: which experiments were believed better than everything before them."""

from collections.abc import Sequence

from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Belief


def staircase(
    history: History, beliefs: Believer, champion: int | None
) -> Sequence[tuple[int, Belief]]:
    """The experiments that are believed better than all before them, with that belief.

    Seen from today: a former leader that later trials unmasked is no step. It starts at the
    baseline and rises no higher than the champion, who alone is known to pass the checks.
    """
    ceiling = beliefs.belief(champion) if champion is not None else None
    steps: list[tuple[int, Belief]] = []
    for experiment in history.current():
        belief = beliefs.belief(experiment.id)
        if belief is None or not experiment.is_measured:
            continue
        if ceiling is not None and experiment.id != champion and belief.mean > ceiling.mean:
            continue
        if not steps or belief.mean > steps[-1][1].mean:
            steps.append((experiment.id, belief))
    return steps


def count_kept(history: History, beliefs: Believer, champion: int | None) -> int:
    """Steps of the staircase above the baseline."""
    steps = staircase(history, beliefs, champion)
    return sum(id != history.epoch.baseline for id, _ in steps)
