"""Which seed a trial runs with, which split of the data, and how long it may take where nobody said so.

Search trials of equal index share their seed across experiments (common random numbers), so that
two programs differ by what they are and not by their luck. Seeds of certification are never used by
search, and never twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from move37.core.history import Experiment, History
from move37.core.records import MOST_STAGES, Measured, Purpose, TrialJob
from move37.core.seeds import derive_seed

_COUNT = 2**31
_ODD = (0x2545F491, 0x5851F42D)
"""Multiplying by an odd number modulo a power of two maps no two numbers to one."""
_SHIFTS = (16, 15, 16)


def trial_seed(study_seed: int, purpose: Purpose, index: int) -> int:
    """A 31-bit seed: another one for each index of each purpose.

    Freshness is arithmetic here, not merely likely: purpose and index are one number, and what follows
    is a bijection. It also mixes the bits, so that seeds of trials that follow one another are not
    close: many a simple generator starts close seeds with close numbers, and many an evaluation
    takes its fold by the remainder of the seed.
    Certifications number their trials on from one another (`certify.plan`), so an index of purpose
    `certify`, and with it its seed, belongs to one certification alone.
    """
    return _mixed(derive_seed(study_seed, "trials"), purpose, index)


def trial_split(study_seed: int, purpose: Purpose, index: int) -> int:
    """A 31-bit number from which the evaluation may draw its validation set, as fresh as the seed.

    Search trials of equal index share it, so that programs are compared on the same examples; each
    pair of a certification has its own, so that a claim does not rest on examples searched on.
    """
    return _mixed(derive_seed(study_seed, "splits"), purpose, index)


def _mixed(start: int, purpose: Purpose, index: int) -> int:
    # Stages count down from zero: the circle is far too long for the two to meet.
    place = -2 * (index + 1) if purpose == "stage" else 2 * index + (purpose == "certify")
    seed = (start + place) % _COUNT
    for shift, odd in zip(_SHIFTS, (*_ODD, 1), strict=True):
        seed = (seed ^ (seed >> shift)) * odd % _COUNT
    return seed


def search_trial(history: History, experiment: Experiment) -> TrialJob:
    """The next search trial of a program that exists: of the lowest index that none has had.

    With `evaluate.pair` the baseline is measured back to back with it, on the same seed.
    """
    had = {trial.index for trial in experiment.trials if trial.purpose == "search"}
    index = next(index for index in count() if index not in had)
    job = trial_job(history, experiment, "search", index)
    epoch = history.epochs[experiment.epoch]
    if experiment.is_baseline or not epoch.task.get("evaluate", {}).get("pair", False):
        return job
    return replace(job, reference=epoch.baseline, reference_commit=epoch.commit)


def trial_job(
    history: History,
    experiment: Experiment,
    purpose: Purpose,
    index: int,
    *,
    holdout: bool = True,
) -> TrialJob:
    """One trial of a program that exists, with the seed and the split that belong to it.

    holdout: whether it may look at the hold-out, if its purpose is to certify.
    """
    assert experiment.commit is not None, "only a program that exists can be tried"
    study_seed = history.epochs[experiment.epoch].seed
    return TrialJob(
        experiment=experiment.id,
        commit=experiment.commit,
        purpose=purpose,
        index=index,
        seed=trial_seed(study_seed, purpose, index),
        split=trial_split(study_seed, purpose, index),
        holdout=holdout,
        timeout_seconds=run_limit(history, experiment, purpose, index),
    )


LEAST_SECONDS = 30.0
PATIENCE = 20.0
"""A trial may take so many times as long as the slowest of the baseline's, and never less than that."""


def run_limit(
    history: History, experiment: Experiment, purpose: Purpose, index: int
) -> float | None:
    """How long `run` may take where the task writes no timeout; `None`: what the task says.

    It follows from the trials of the baseline that are stored, so that a study that goes on has it, too.
    The baseline itself has ten minutes.
    """
    if experiment.is_baseline:
        return None
    epoch = history.epochs[experiment.epoch]
    written: Mapping[str, Any] = epoch.task.get("evaluate", {})
    if purpose == "stage":
        stages: Sequence[Mapping[str, Any]] = written.get("stage", ())
        number = index % MOST_STAGES
        if number >= len(stages):
            return None
        written = stages[number]
    if "run" not in written or "timeout" in written:
        return None
    seconds = (
        trial.outcome.seconds
        for trial in history[epoch.baseline].trials
        if trial.purpose == "search" and isinstance(trial.outcome, Measured)
    )
    slowest = max(seconds, default=None)
    return None if slowest is None else max(LEAST_SECONDS, PATIENCE * slowest)
