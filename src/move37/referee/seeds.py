"""Which seed a trial runs with.

Search trials of equal index share their seed across experiments (common random numbers), so that
two programs differ by what they are and not by their luck. Seeds of certification are never used by
search, and never twice.
"""

from itertools import count

from move37.core.history import Experiment, History
from move37.core.records import Purpose, TrialJob
from move37.core.seeds import derive_seed

_SPREAD = 0x2545F491
"""Odd, so that multiplying by it modulo a power of two maps no two numbers to one."""
_COUNT = 2**30


def trial_seed(study_seed: int, purpose: Purpose, index: int) -> int:
    """A 31-bit seed: even for search, odd for certify, and different for each index of a purpose.

    Freshness is arithmetic here, not merely likely: an index selects the seed by a bijection.
    Certifications number their trials on from one another (`certify.plan`), so an index of purpose
    `certify`, and with it its seed, belongs to one certification alone.
    """
    base = derive_seed(study_seed, "trials")
    return 2 * ((base + index * _SPREAD) % _COUNT) + (purpose == "certify")


def search_trial(history: History, experiment: Experiment) -> TrialJob:
    """The next search trial of a program that exists: of the lowest index that none has had."""
    had = {trial.index for trial in experiment.trials if trial.purpose == "search"}
    index = next(index for index in count() if index not in had)
    return trial_job(history, experiment, "search", index)


def trial_job(history: History, experiment: Experiment, purpose: Purpose, index: int) -> TrialJob:
    """One trial of a program that exists, with the seed that belongs to it."""
    assert experiment.commit is not None, "only a program that exists can be tried"
    study_seed = history.epochs[experiment.epoch].seed
    return TrialJob(
        experiment=experiment.id,
        commit=experiment.commit,
        purpose=purpose,
        index=index,
        seed=trial_seed(study_seed, purpose, index),
    )
