"""What is known of an experiment: pure functions of belief. A verdict guides; it claims nothing."""

from dataclasses import dataclass
from typing import assert_never

from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Belief, Failed, Screened, Task, Verdict
from move37.referee.intervals import normal_quantile
from move37.referee.words import number, percent, signed, spelled

LEVEL = 0.95
"""Of the two-sided credible interval that a verdict rests on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What is believed of an experiment against another. Effects are on the score."""

    other: int
    verdict: Verdict
    effect: Belief
    low: float
    high: float
    level: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """All that the referee says of an experiment before it is certified."""

    experiment: int
    verdict: Verdict
    """Against the baseline of its epoch."""
    baseline: Comparison | None
    """`None` for a baseline, and when nothing was measured."""
    parent: Comparison | None
    """Against its parent, of two the one believed to be better: what this edit alone did."""
    trials: int
    """Of its own that finished. Belief rests on those of its relatives too."""
    reason: str
    """One sentence with n, the interval and the rule."""


def verdict(difference: Belief | None, min_effect: float, level: float = LEVEL) -> Verdict:
    """Judge a difference of scores by its central credible interval.

    `better` or `worse` when the whole interval lies beyond `min_effect` on that side, `equivalent`
    when it lies within `min_effect` of 0 on both, and otherwise `unclear`. `None` is `failed`.
    """
    if difference is None:
        return Verdict.FAILED
    low, high = credible(difference, level)
    if low > min_effect:
        return Verdict.BETTER
    if high < -min_effect:
        return Verdict.WORSE
    if -min_effect <= low and high <= min_effect:
        return Verdict.EQUIVALENT
    return Verdict.UNCLEAR


def credible(belief: Belief, level: float = LEVEL) -> tuple[float, float]:
    """The ends of the central interval that holds so much of the posterior."""
    half = normal_quantile((1 + level) / 2) * belief.sd
    return belief.mean - half, belief.mean + half


def judge(
    history: History, believer: Believer, task: Task, experiment: int, level: float = LEVEL
) -> Judgement:
    """Judge one experiment. A pure function of the history, and cheap: nothing is searched."""
    one = history[experiment]
    start = history.epochs[one.epoch].baseline
    min_effect = task.metric.min_effect

    def compare(other: int) -> Comparison | None:
        difference = believer.difference(experiment, other)
        if other == experiment or difference is None:
            return None
        low, high = credible(difference, level)
        return Comparison(
            other=other,
            verdict=verdict(difference, min_effect, level),
            effect=difference,
            low=low,
            high=high,
            level=level,
        )

    against_start = compare(start) if one.is_measured else None
    decided, reason = _decide(one, against_start, history[start], task)
    return Judgement(
        experiment=experiment,
        verdict=decided,
        baseline=against_start,
        parent=compare(_better_parent(one, believer)) if against_start else None,
        trials=len(one.scores()),
        reason=reason,
    )


def _better_parent(one: Experiment, believer: Believer) -> int:
    def mean(parent: int) -> float:
        belief = believer.belief(parent)
        return float("-inf") if belief is None else belief.mean

    return max(one.parents, key=mean)


def _decide(
    one: Experiment, against: Comparison | None, start: Experiment, task: Task
) -> tuple[Verdict, str]:
    if isinstance(one.outcome, Failed):
        return Verdict.FAILED, f"failed ({one.outcome.stage}): {one.outcome.reason}"
    if isinstance(one.outcome, Screened):
        return Verdict.UNCLEAR, f"unclear: not measured in full, as {one.outcome.reason}"
    if one.outcome is None:
        return Verdict.UNCLEAR, "unclear: it has not been measured yet"
    if one.is_baseline:
        trials = len(one.scores())
        return Verdict.EQUIVALENT, f"the baseline, which the others are compared with: n = {trials}"
    if against is None:
        return Verdict.UNCLEAR, "unclear: there is no measured baseline to compare it with"
    return against.verdict, _sentence(one, against, start, task)


def _sentence(one: Experiment, against: Comparison, start: Experiment, task: Task) -> str:
    trials, others = len(one.scores()), len(start.scores())
    inside = spelled(against.low, against.high, against.level)
    return (
        f"{against.verdict}: {task.metric.name} is believed to differ from the baseline x{start.id} "
        f"by {signed(against.effect.mean)} ({inside}, plus is better, n = {trials} and {others} of the baseline); "
        f"{_rule(against.verdict, task.metric.min_effect, against.level)}"
    )


def _rule(decided: Verdict, min_effect: float, level: float) -> str:
    """Why an interval gives this verdict."""
    edge = number(min_effect)
    match decided:
        case Verdict.BETTER:
            return f"all of the interval exceeds min_effect {edge}"
        case Verdict.WORSE:
            return f"all of the interval is below {number(-min_effect) if min_effect else '0'}"
        case Verdict.EQUIVALENT:
            return f"all of the interval is within min_effect {edge} of 0"
        case Verdict.UNCLEAR:
            return f"neither side of min_effect {edge} holds all {percent(level)} of the belief"
        case Verdict.FAILED:
            return "nothing was measured"
        case _:
            assert_never(decided)
