"""Two programs measured back to back, so that what the machine does meanwhile happens to both."""

from collections.abc import Callable
from dataclasses import replace

from move37.core.facts import Tried
from move37.core.history import History
from move37.core.protocols import Attachments
from move37.core.records import Measured, Trial, TrialJob
from move37.referee.units import mean_error, parse_units

Measure = Callable[[TrialJob], tuple[Trial, Attachments] | None]


def back_to_back(job: TrialJob, measure: Measure) -> tuple[Trial, Attachments] | None:
    """Measure a job's program and its reference on the same seed; `None` when one was stopped.

    Which of them goes first alternates with seed and experiment, so that being first is nobody's
    advantage. A reference that fails is no matter: the trial stands as it is, without one; and a
    program that failed needs none. Attachments: the program's own.
    """
    if job.reference is None or job.reference_commit is None:
        return measure(job)
    beside = replace(
        job,
        experiment=job.reference,
        commit=job.reference_commit,
        reference=None,
        reference_commit=None,
        curve=None,
    )
    last = (job.seed ^ job.experiment) & 1 == 0
    reference = None if last else measure(beside)
    own = measure(job) if last or reference is not None else None
    if own is None or not isinstance(own[0].outcome, Measured):
        return own
    reference = reference or measure(beside)
    if reference is None:
        return None
    trial, kept = own
    outcome = reference[0].outcome
    paired = replace(
        trial,
        paired_with=job.reference,
        reference=outcome.score if isinstance(outcome, Measured) else None,
        paired_error=paired_error(
            kept.get(f"{job.id}/units"), reference[1].get(f"{beside.id}/units")
        ),
    )
    return paired, kept


def compare_units(
    history: History,
    fact: Tried,
    kept: Attachments,
    stored: Callable[[str], bytes | None],
) -> Tried:
    """The fact with its paired error, where the trial and the baseline's of equal index have units.

    kept: the trial's attachments; stored: those of the study, by key.
    """
    trial, one = fact.trial, history[fact.experiment]
    where = f"{trial.purpose}-{trial.index}/units"
    units = kept.get(f"x{one.id}-{where}")
    if units is None or trial.paired_error is not None or trial.purpose != "search":
        return fact
    baseline = history.epochs[one.epoch].baseline
    error = None if one.is_baseline else paired_error(units, stored(f"x{baseline}-{where}"))
    return fact if error is None else replace(fact, trial=replace(trial, paired_error=error))


def paired_error(units: bytes | None, others: bytes | None) -> float | None:
    """Standard error, over the units that both have, of the mean difference of two programs.

    units, others: `units` attachments. `None` when there are not at least two units in common.
    """
    if units is None or others is None:
        return None
    mine, theirs = parse_units(units), parse_units(others)
    return mean_error([mine[name] - theirs[name] for name in mine if name in theirs])
