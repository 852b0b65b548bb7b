"""Computes again, from the stored facts, every figure that the referee has put on record."""

import math
from collections.abc import Callable, Iterator, Sequence

from move37.core.errors import StudyError
from move37.core.facts import Certified, EpochStarted
from move37.core.history import Experiment, History
from move37.core.records import Interval, Measured, Task, Trial
from move37.referee.ablate import audit_ablations
from move37.referee.certify import claim_level, conclude, least_pairs
from move37.referee.evaluator import RUNS_IN_SCORE, grade_of
from move37.referee.evidence import Attachment
from move37.referee.measure import violated_limit
from move37.referee.seeds import trial_seed
from move37.referee.units import UNITS_NAME, UnitsError
from move37.referee.words import spell_interval

_ROOM = 1e-9
"""Relative difference that another machine's mathematics library may make."""


def audit(
    history: History, task_of: Callable[[EpochStarted], Task | None], attachment: Attachment
) -> list[str]:
    """Return what does not agree, a sentence each; nothing when all does.

    task_of: the task as it was in an epoch. `None` when it is no longer known: then only what needs
    no task is checked, which are the seeds.

    Checked: the seed and index of every trial; its score against the metric it printed; its metrics
    against the limits; and every certificate, from its trials.
    """
    tasks = [task_of(epoch) for epoch in history.epochs]
    return [
        *(
            problem
            for experiment in history.experiments
            for problem in _audit_trials(history, experiment, tasks[experiment.epoch])
        ),
        *_audit_certificates(history, tasks, attachment),
        *_audit_evaluator(history),
        *audit_ablations(history),
    ]


def _audit_evaluator(history: History) -> Iterator[str]:
    """The latest certificate of the evaluation: its grade, and that all it speaks of was tried."""
    recorded = history.evaluator
    if recorded is None:
        return
    again = grade_of(recorded.findings, recorded.repeats, scored=recorded.scored)
    if (recorded.grade, recorded.reason) != again:
        yield f"the evaluation's grade is {recorded.grade}, and should be {again[0]}: {again[1]}"
    for finding in recorded.findings:
        is_tried = finding.believed is not None and finding.probe != RUNS_IN_SCORE
        if is_tried and finding.probe not in history.probes:
            yield f"the evaluation's certificate speaks of {finding.probe}, which was never tried"


def _audit_trials(history: History, one: Experiment, task: Task | None) -> Iterator[str]:
    seed = history.epochs[one.epoch].seed
    seen: set[tuple[str, int]] = set()
    for trial in one.trials:
        where = f"x{one.id}, {trial.purpose} trial {trial.index}"
        if (trial.purpose, trial.index) in seen:
            yield f"{where}: it is recorded twice"
        seen.add((trial.purpose, trial.index))
        expected = trial_seed(seed, trial.purpose, trial.index)
        if trial.seed != expected:
            yield f"{where}: its seed is {trial.seed}, and should be {expected}"
        if task is not None:
            yield from (f"{where}: {problem}" for problem in _audit_outcome(trial, task))


def _audit_outcome(trial: Trial, task: Task) -> Iterator[str]:
    outcome = trial.outcome
    if not isinstance(outcome, Measured) or trial.purpose == "stage":
        return
    printed = outcome.metrics.get(task.metric.name)
    if printed is None:
        yield f"it has a score, but no {task.metric.name!r} was printed"
    elif task.metric.score(printed) != outcome.score:
        yield f"its score is {outcome.score!r}, but it printed {printed!r}"
    if (violated := violated_limit(task.limits, outcome)) is not None:
        yield f"it counts as measured, but {violated.reason}"


def _audit_certificates(
    history: History, tasks: Sequence[Task | None], attachment: Attachment
) -> Iterator[str]:
    for recorded in history.certificates.values():
        where = f"certificate {recorded.certification} of x{recorded.experiment}"
        if recorded.certification >= len(history.certifications):
            yield f"{where}: nobody opened that certification"
            continue
        opened = history.certifications[recorded.certification]
        if opened.pairs < least_pairs(claim_level(opened.certification, opened.alpha)):
            yield f"{where}: {opened.pairs} pairs were planned, too few for any claim"
        task = tasks[history[opened.experiment].epoch]
        if task is None:
            continue
        try:
            again = conclude(history, opened, task, attachment)
        except StudyError:
            yield f"{where}: it was issued before all of its trials had ended"
        except UnitsError as broken:
            yield f"{where}: a stored {UNITS_NAME} {broken}"
        else:
            yield from (f"{where}: {problem}" for problem in _differences(recorded, again))


def _differences(recorded: Certified, again: Certified) -> Iterator[str]:
    if (recorded.experiment, recorded.baseline) != (again.experiment, again.baseline):
        yield "it compares other experiments than were to be compared"
    if recorded.claim != again.claim:
        yield f"claim is {recorded.claim}, and should be {again.claim}: {again.reason}"
    if recorded.kind != again.kind:
        yield f"it says {recorded.kind!r} where {again.kind!r} was asked"
    for name in ("effect", "holdout", "estimate", "overfit"):
        old: Interval | None = getattr(recorded, name)
        new: Interval | None = getattr(again, name)
        if not _equal_intervals(old, new):
            yield f"{name} is {_spell(old)}, and should be {_spell(new)}"
    for name in ("baseline_score", "holdout_baseline_score", "shrinkage"):
        before: float | None = getattr(recorded, name)
        after: float | None = getattr(again, name)
        if not _equal(before, after):
            yield f"{name} is {before!r}, and should be {after!r}"


def _equal_intervals(old: Interval | None, new: Interval | None) -> bool:
    if old is None or new is None:
        return old is new
    same = (old.level, old.pairs) == (new.level, new.pairs)
    scale = max(map(abs, (new.effect, new.low, new.high)))
    ends = ((old.effect, new.effect), (old.low, new.low), (old.high, new.high))
    return same and all(math.isclose(*two, rel_tol=_ROOM, abs_tol=_ROOM * scale) for two in ends)


def _equal(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return math.isclose(old, new, rel_tol=_ROOM)


def _spell(interval: Interval | None) -> str:
    return "missing" if interval is None else spell_interval(interval)
