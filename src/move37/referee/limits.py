"""Limits that are relative to the baseline: judged when a trial is recorded, from the facts before it.

A worker knows only the program that it runs. So the verdict on a relative limit is made where the
baseline's trials are known, and it follows from the facts alone: `RelativeLimits` makes it, and
`audit` makes it again from what is stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean, stdev

from move37.core.facts import EpochStarted, Fact, Tried
from move37.core.history import Experiment, History
from move37.core.records import Failed, Limit, Measured, Task
from move37.referee.intervals import t_quantile
from move37.referee.measure import limited_values
from move37.referee.words import number

ERROR = 0.05
"""A program that is exactly at its bound fails this often, by chance."""
_ENOUGH = 3
_UNKNOWN_NOISE = 0.05
"""Standard deviation, as a share of the baseline's mean, while that has fewer than `_ENOUGH` trials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What a relative limit comes to."""

    limit: Limit
    value: float
    """The bound, in the metric's unit."""
    baseline: float
    """Mean of the baseline's trials."""
    sd: float
    """Of one trial of the baseline."""
    trials: int

    def broken_by(self, values: Sequence[float]) -> bool:
        """Whether the mean of these trials is beyond it, and by more than chance puts it there.

        A one-sided t test at level `ERROR` of `mean - bound * mean of baseline`, with the baseline's
        variance for both; exact when they are equal. Without any noise it is the plain comparison.
        """
        mean = fmean(values)
        if replace(self.limit, bound=self.value).holds(mean):
            return False
        freedom = self.trials - 1 if self.trials >= _ENOUGH else 30
        spread = self.sd * sqrt(1 / len(values) + self.limit.bound**2 / self.trials)
        return not spread or abs(mean - self.value) > t_quantile(1 - ERROR, freedom) * spread


def bound_of(limit: Limit, baseline: Experiment) -> Bound | None:
    """What a relative limit comes to, from the full trials of the baseline. `None`: it has none."""
    values = _values(limit, baseline)
    if not values:
        return None
    mean = fmean(values)
    sd = stdev(values) if len(values) >= _ENOUGH else _UNKNOWN_NOISE * abs(mean)
    return Bound(limit=limit, value=limit.bound * mean, baseline=mean, sd=sd, trials=len(values))


def judge_limits(task: Task, history: History, fact: Tried) -> Tried:
    """The fact to record of a trial that ended: failed, when it breaks a limit against the baseline.

    A pure function of the history so far. Stages are not limited.
    """
    outcome, one = fact.trial.outcome, history[fact.experiment]
    if not isinstance(outcome, Measured) or fact.trial.purpose == "stage":
        return fact
    baseline = history[history.epochs[one.epoch].baseline]
    for limit in task.limits:
        if limit.of_baseline and (failed := _judge(limit, baseline, one, outcome)) is not None:
            return replace(fact, trial=replace(fact.trial, outcome=failed))
    return fact


def _judge(limit: Limit, baseline: Experiment, one: Experiment, now: Measured) -> Failed | None:
    value = limited_values(now)[limit.metric]
    if one.id == baseline.id:
        return _unusable(limit, value, now.seconds)
    bound = bound_of(limit, baseline)
    if bound is None:
        return None
    values = [*_values(limit, one), value]
    if not bound.broken_by(values):
        return None
    mean = f" on average over {len(values)} trials" if len(values) > 1 else ""
    reason = (
        f"{limit.metric} is {number(fmean(values))}{mean}, against the limit `{limit}`, which is "
        f"{number(bound.value)}: the baseline has {number(bound.baseline)} "
        f"(mean of {bound.trials}, sd {number(bound.sd)})"
    )
    return Failed(stage="limit", reason=reason, seconds=now.seconds)


def _unusable(limit: Limit, value: float, seconds: float) -> Failed | None:
    """A multiple of nothing, or of less, bounds nothing."""
    if value > 0:
        return None
    reason = (
        f"the limit `{limit}` needs a baseline above 0, and {limit.metric} is {number(value)}; "
        "write the bound as a number"
    )
    return Failed(stage="limit", reason=reason, seconds=seconds)


def _values(limit: Limit, one: Experiment) -> list[float]:
    return [
        limited_values(trial.outcome)[limit.metric]
        for trial in one.trials
        if isinstance(trial.outcome, Measured)
        and trial.purpose != "stage"
        and limit.metric in limited_values(trial.outcome)
    ]


def audit_limits(
    tasks: Sequence[Task | None], facts: Iterable[tuple[Fact, History]]
) -> Iterator[str]:
    """Sentences on trials that count as measured against a limit that they broke when they ended.

    tasks: by epoch. facts: each with the history of what came before it.
    """
    epoch = -1
    for fact, before in facts:
        if isinstance(fact, EpochStarted):
            epoch = fact.epoch
        task = tasks[epoch] if 0 <= epoch < len(tasks) else None
        if task is None or not isinstance(fact, Tried):
            continue
        again = judge_limits(task, before, fact).trial.outcome
        if isinstance(again, Failed) and again != fact.trial.outcome:
            where = f"x{fact.experiment}, {fact.trial.purpose} trial {fact.trial.index}"
            yield f"{where}: it counts as measured, but {again.reason}"
