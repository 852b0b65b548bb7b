"""Two experiments beside each other: what is believed of each and of their difference, and the trials with common seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Measured, Metric, Purpose, Task
from move37.report.views import Summary


@dataclass(frozen=True, kw_only=True, slots=True)
class SeedPair:
    """Two trials, one of each, with the same seed."""

    purpose: Purpose
    seed: int
    left: float
    right: float
    """In the metric's own unit."""
    gain: float
    """Of the right one on the left one; positive is better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricPair:
    """Means of one printed metric over the finished trials of each. `None`: not printed."""

    name: str
    left: float | None
    right: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The right experiment against the left one."""

    left: Summary
    right: Summary
    difference: float | None
    """Believed effect of the right one on the left one; positive is better. `None`: not comparable, as over
    epochs, or not measured."""
    difference_sd: float | None
    meeting: int | None
    """The latest program that both descend from."""
    pairs: tuple[SeedPair, ...]
    """Trials with common seeds."""
    mean_gain: float | None
    """Of these pairs, as measured: luck included, so never a claim."""
    gain_error: float | None
    """Its standard error, from the scatter of the pairs; `None` with fewer than two."""
    metrics: tuple[MetricPair, ...]


def comparison(
    task: Task, history: History, beliefs: Believer, left: Summary, right: Summary
) -> Comparison:
    one, other = history[left.experiment], history[right.experiment]
    believed = beliefs.difference(other.id, one.id)
    pairs = _pairs(task.metric, one, other) if one.epoch == other.epoch else ()
    gains = [pair.gain for pair in pairs]
    return Comparison(
        left=left,
        right=right,
        difference=None if believed is None else believed.mean,
        difference_sd=None if believed is None else believed.sd,
        meeting=history.meeting(one.id, other.id),
        pairs=pairs,
        mean_gain=fmean(gains) if gains else None,
        gain_error=stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else None,
        metrics=_metrics(one, other),
    )


def _pairs(metric: Metric, one: Experiment, other: Experiment) -> tuple[SeedPair, ...]:
    """Nothing is paired that belongs to different purposes: a fresh trial may be scored on other data."""
    theirs = {
        (trial.purpose, trial.seed): trial.outcome.score
        for trial in other.trials
        if isinstance(trial.outcome, Measured) and trial.purpose != "stage"
    }
    found: list[SeedPair] = []
    for trial in one.trials:
        right = theirs.get((trial.purpose, trial.seed))
        if right is None or not isinstance(trial.outcome, Measured):
            continue
        left = trial.outcome.score
        found.append(
            SeedPair(
                purpose=trial.purpose,
                seed=trial.seed,
                left=metric.value(left),
                right=metric.value(right),
                gain=right - left,
            )
        )
    return tuple(found)


def _metrics(one: Experiment, other: Experiment) -> tuple[MetricPair, ...]:
    left, right = printed(one), printed(other)
    return tuple(
        MetricPair(name=name, left=left.get(name), right=right.get(name))
        for name in dict.fromkeys((*left, *right))
    )


def printed(one: Experiment) -> Mapping[str, float]:
    """Means over its finished full trials of all that it printed, and of what the trials took."""
    values: dict[str, list[float]] = {}
    for trial in one.trials:
        outcome = trial.outcome
        if not isinstance(outcome, Measured) or trial.purpose == "stage":
            continue
        taken = {
            "seconds": outcome.seconds,
            "cpu_seconds": outcome.cpu_seconds,
            "peak_memory_mb": outcome.peak_memory_mb,
        }
        for name, value in {**outcome.metrics, **taken}.items():
            values.setdefault(name, []).append(value)
    return {name: fmean(each) for name, each in values.items()}
