"""Facts without their times, so that two studies can be compared fact by fact."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from move37.core.facts import (
    Answered,
    Checked,
    EvaluatorChecked,
    Fact,
    Probed,
    SessionEnded,
    SessionStarted,
    Tried,
)
from move37.core.records import Failed, Measured, Outcome, Screened


def timeless(facts: Iterable[Fact]) -> Sequence[Fact]:
    """The facts that a study must have whenever, and however often, it was interrupted.

    Left out are sessions, and of each trial, check and answer how long it took and how much memory.
    """
    return [
        _without_times(fact)
        for fact in facts
        if not isinstance(fact, SessionStarted | SessionEnded)
    ]


def _without_times(fact: Fact) -> Fact:
    match fact:
        case Tried():
            return replace(fact, trial=replace(fact.trial, outcome=_outcome(fact.trial.outcome)))
        case Checked() | Probed() | Answered():
            return replace(fact, seconds=0.0)
        case EvaluatorChecked():
            timeless = replace(fact.repeats, seconds=0.0, peak_memory_mb=0.0)
            return replace(fact, repeats=timeless)
        case _:
            return fact


def _outcome(outcome: Outcome) -> Outcome:
    match outcome:
        case Measured():
            return replace(outcome, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0)
        case Failed():
            return replace(outcome, seconds=0.0)
        case Screened():
            return replace(outcome, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0)
