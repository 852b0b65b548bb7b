"""The Pareto front: experiments that no other beats in the metric and in all secondary metrics."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Measured, Task


def secondary(task: Task, one: Experiment) -> Mapping[str, float]:
    """Mean of each secondary metric over the experiment's own finished trials, where it has it."""
    from move37.referee.measure import limited_values

    if not task.also:
        return {}
    found = [
        limited_values(trial.outcome)
        for trial in one.trials
        if isinstance(trial.outcome, Measured) and trial.purpose != "stage"
    ]
    values = {m.name: [each[m.name] for each in found if m.name in each] for m in task.also}
    return {name: fmean(each) for name, each in values.items() if each}


def front(task: Task, history: History, beliefs: Believer) -> Sequence[int]:
    """Experiments of the current epoch that are on the front, best belief first.

    One beats another when it is as good in everything and better in something: by belief in the
    metric, by means in the others. An experiment that lacks one of them is on no front, and nor is
    one that has failed a check or was never measured.
    """
    checks = [check.name for check in task.checks]
    chosen: list[tuple[int, tuple[float, ...]]] = []
    for id in beliefs.ranking(len(history)):
        one, belief = history[id], beliefs.belief(id)
        also = secondary(task, one)
        if belief is None or len(also) < len(task.also) or one.passes(checks) is False:
            continue
        values = (belief.mean, *(metric.score(also[metric.name]) for metric in task.also))
        # None before it in the ranking is worse in the metric, so only these can beat it.
        if not any(_beats(other, values) for _, other in chosen):
            chosen = [each for each in chosen if not _beats(values, each[1])]
            chosen.append((id, values))
    return [id for id, _ in chosen]


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
