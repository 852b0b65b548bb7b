"""Two programs back to back: who goes first, what is kept, and what a failure of either means."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from move37.core.protocols import Attachments
from move37.core.records import Failed, Measured, Outcome, Trial, TrialJob
from move37.referee.pairs import back_to_back, paired_error

JOB = TrialJob(
    experiment=3,
    commit="new",
    purpose="search",
    index=1,
    seed=8,
    reference=0,
    reference_commit="old",
)
BROKEN = Failed(stage="run", reason="it crashed")


def measured(score: float) -> Measured:
    return Measured(score=score, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0)


class Machine:
    """Measures commits by heart, and remembers in which order."""

    def __init__(self, units: Callable[[str], bytes | None] = lambda _: None, **outcomes: Outcome):
        self.order: list[str] = []
        self._units = units
        self._outcomes = {"new": measured(2.0), "old": measured(1.0), **outcomes}

    def __call__(self, job: TrialJob) -> tuple[Trial, Attachments]:
        assert (job.seed, job.index) == (JOB.seed, JOB.index)
        self.order.append(job.commit)
        trial = Trial(
            purpose=job.purpose, index=job.index, seed=job.seed, outcome=self._outcomes[job.commit]
        )
        units = self._units(job.commit)
        return trial, {} if units is None else {f"{job.id}/units": units}


def test_a_trial_carries_the_score_of_its_reference() -> None:
    done = back_to_back(JOB, Machine())
    assert done is not None
    assert done[0].outcome == measured(2.0)
    assert (done[0].paired_with, done[0].reference) == (0, 1.0)


def test_which_goes_first_alternates_with_seed_and_experiment() -> None:
    first: list[str] = []
    for experiment in range(1, 9):
        machine = Machine()
        back_to_back(replace(JOB, experiment=experiment), machine)
        first.append(machine.order[0])
    assert first.count("new") == first.count("old") == 4


def test_a_job_without_a_reference_is_measured_alone() -> None:
    machine = Machine()
    done = back_to_back(replace(JOB, reference=None), machine)
    assert done is not None
    assert done[0].paired_with is None
    assert machine.order == ["new"]


@pytest.mark.parametrize("experiment", [3, 4])
def test_a_reference_that_fails_leaves_the_trial_as_it_is(experiment: int) -> None:
    done = back_to_back(replace(JOB, experiment=experiment), Machine(old=BROKEN))
    assert done is not None
    assert done[0].outcome == measured(2.0)
    assert done[0].reference is None


def test_a_program_that_fails_needs_no_reference() -> None:
    machine = Machine(new=BROKEN)
    done = back_to_back(replace(JOB, experiment=4), machine)
    assert done is not None
    assert (done[0].outcome, done[0].paired_with) == (BROKEN, None)
    assert machine.order == ["new"]


@pytest.mark.parametrize("stopped", ["new", "old"])
@pytest.mark.parametrize("experiment", [3, 4])
def test_a_pair_of_which_one_was_stopped_is_no_result(stopped: str, experiment: int) -> None:
    machine = Machine()
    job = replace(JOB, experiment=experiment)
    assert back_to_back(job, lambda j: None if j.commit == stopped else machine(j)) is None


def test_the_error_over_units_is_that_of_the_difference() -> None:
    mine = {"a": 1.0, "b": 2.0, "c": 3.5, "mine": 9.0}
    theirs = {"a": 0.5, "b": 1.5, "c": 2.5, "theirs": 7.0}

    def units(commit: str) -> bytes:
        return json.dumps(mine if commit == "new" else theirs).encode()

    done = back_to_back(JOB, Machine(units))
    assert done is not None
    # Differences 0.5, 0.5 and 1: sd 0.2887 over the root of 3.
    assert done[0].paired_error == pytest.approx(1 / 6)
    assert set(done[1]) == {"x3-search-1/units"}
    assert paired_error(units("new"), None) is None
    assert paired_error(b'{"a": 1}', b'{"a": 2}') is None
