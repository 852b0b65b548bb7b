"""Which trials and checks the referee asks for, and with which seeds."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.facts import EpochStarted, Tried
from move37.core.records import Check, CheckJob, Failed, Measured, Purpose, Trial, TrialJob
from move37.referee.seeds import run_limit, search_trial, trial_job, trial_seed, trial_split
from move37.referee.wants import Referee
from move37.testing.histories import MadeUpStudy, made_up_task

TASK = made_up_task()
TESTS = Check(name="tests", command="pytest -q")
LINT = Check(name="lint", command="ruff check")
CHECKED_TASK = replace(TASK, checks=(TESTS, LINT))


def indexes(study: MadeUpStudy) -> list[int]:
    jobs = Referee(study.task, study.beliefs).wants(study.history)
    assert all(isinstance(job, TrialJob) and job.experiment == 0 for job in jobs)
    return [job.index for job in jobs if isinstance(job, TrialJob)]


def checks(study: MadeUpStudy) -> list[tuple[int, str]]:
    jobs = Referee(study.task, study.beliefs).wants(study.history)
    return [(job.experiment, job.check.name) for job in jobs if isinstance(job, CheckJob)]


def test_the_baseline_is_tried_once_and_then_repeated_until_its_noise_is_known() -> None:
    study = MadeUpStudy(TASK)
    study.baseline()
    assert indexes(study) == [0]
    study.trial(0, 1.00)
    assert indexes(study) == [1, 2]
    study.trial(0, 1.01)
    assert indexes(study) == [2, 3, 4]
    for value in (0.99, 1.00, 1.02):
        study.trial(0, value)
    assert indexes(study) == []


def test_an_evaluation_that_repeats_exactly_is_repeated_no_more_than_shows_it() -> None:
    study = MadeUpStudy(TASK)
    study.baseline(1.0, 1.0)
    assert indexes(study) == [2]
    study.trial(0, 1.0)
    assert indexes(study) == []


def paced(evaluate: dict[str, object], *seconds: float) -> MadeUpStudy:
    """A study whose task says this of the evaluation, and whose baseline took so long."""
    study = MadeUpStudy(TASK)
    study.baseline()
    (started,) = [fact for fact in study.facts if isinstance(fact, EpochStarted)]
    study = MadeUpStudy(TASK)
    study.add(replace(started, task={"evaluate": {"run": "x", **evaluate}}))
    for index, each in enumerate(seconds):
        outcome = Measured(score=1.0, metrics={}, seconds=each, cpu_seconds=0.0, peak_memory_mb=1.0)
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        study.add(Tried(experiment=0, trial=trial))
    study.experiment()
    return study


@pytest.mark.parametrize(
    ("evaluate", "seconds", "limit"),
    [
        ({}, (0.2, 0.3), 30.0),
        ({}, (4.0, 2.0), 80.0),
        ({}, (), None),
        ({"timeout": "10m"}, (0.2,), None),
    ],
)
def test_where_no_timeout_is_written_it_follows_from_the_baseline(
    evaluate: dict[str, object], seconds: tuple[float, ...], limit: float | None
) -> None:
    study = paced(evaluate, *seconds)
    jobs = [trial_job(study.history, study.history[id], "search", 9) for id in (0, 1)]
    assert [job.timeout_seconds for job in jobs] == [None, limit]


def test_a_stage_has_that_limit_too_unless_one_is_written_for_it() -> None:
    study = paced({"stage": [{"run": "y"}, {"run": "z", "timeout": "9m"}]}, 3.0)
    limits = [run_limit(study.history, study.history[1], "stage", index) for index in (0, 1)]
    assert limits == [60.0, None]


def fail_baseline(study: MadeUpStudy) -> None:
    index = study.history[0].count("search")
    failed = Failed(stage="run", reason="it exited with 1")
    trial = Trial(purpose="search", index=index, seed=0, outcome=failed)
    study.add(Tried(experiment=0, trial=trial))


def test_a_baseline_that_fails_is_not_tried_again() -> None:
    study = MadeUpStudy(TASK)
    study.baseline()
    fail_baseline(study)
    assert indexes(study) == []


def test_a_repeat_that_fails_counts_as_done_but_shows_no_repeatability() -> None:
    study = MadeUpStudy(TASK)
    study.baseline(1.0)
    fail_baseline(study)
    assert indexes(study) == [2, 3, 4]


def test_each_trial_job_carries_the_seed_of_its_index() -> None:
    study = MadeUpStudy(TASK)
    study.baseline(1.0)
    jobs = Referee(TASK, study.beliefs).wants(study.history)
    seed = study.history.epoch.seed
    assert [job.seed for job in jobs if isinstance(job, TrialJob)] == [
        trial_seed(seed, "search", 1),
        trial_seed(seed, "search", 2),
    ]


def test_only_a_contender_has_its_checks_run() -> None:
    study = MadeUpStudy(CHECKED_TASK)
    study.baseline(1.0, 1.0, 1.0)
    study.check(0, "tests", passed=True)
    study.check(0, "lint", passed=True)
    loser, winner = study.experiment(1.5), study.experiment(0.5)
    assert checks(study) == [(winner, "tests"), (winner, "lint")]
    study.check(winner, "tests", passed=True)
    assert checks(study) == [(winner, "lint")]
    study.check(winner, "lint", passed=True)
    assert checks(study) == []
    assert study.history[loser].checks == {}


def test_when_a_contender_fails_a_check_the_next_one_is_checked() -> None:
    study = MadeUpStudy(CHECKED_TASK)
    study.baseline(1.0, 1.0, 1.0)
    second, first = study.experiment(0.7), study.experiment(0.5)
    study.check(first, "tests", passed=False)
    assert checks(study) == [(second, "tests"), (second, "lint")]


@pytest.mark.parametrize("cheats", [7, 8, 9, 40])
def test_any_number_of_contenders_may_fail_their_checks(cheats: int) -> None:
    study = MadeUpStudy(CHECKED_TASK)
    study.baseline(1.0, 1.0, 1.0)
    for step in range(cheats):
        study.check(study.experiment(0.5 - step / 100), "tests", passed=False)
    assert checks(study) == [(0, "tests"), (0, "lint")]
    study.check(0, "tests", passed=False)
    assert checks(study) == []


def test_a_task_without_checks_wants_none() -> None:
    study = MadeUpStudy(TASK)
    study.baseline(1.0, 1.0, 1.0)
    study.experiment(0.5)
    assert checks(study) == []


def test_search_trials_of_equal_index_share_their_seed_across_experiments() -> None:
    study = MadeUpStudy(TASK)
    study.baseline()
    one = study.experiment()
    first = search_trial(study.history, study.history[0])
    assert first.seed == search_trial(study.history, study.history[one]).seed
    study.trial(one, 1.0)
    second = search_trial(study.history, study.history[one])
    assert (second.index, second.id) == (1, f"x{one}-search-1")
    assert second.seed != first.seed


purposes = st.sampled_from(["search", "certify"])
indices = st.integers(min_value=0, max_value=2**29)


@given(st.integers(), purposes, indices, purposes, indices)
def test_no_two_trials_of_one_program_ever_share_a_seed(
    study: int, one: Purpose, index: int, other: Purpose, another: int
) -> None:
    seeds = trial_seed(study, one, index), trial_seed(study, other, another)
    assert (seeds[0] == seeds[1]) == ((one, index) == (other, another))
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_neither_purpose_nor_turn_shows_in_a_seed() -> None:
    # An evaluation may take its fold by the remainder, or start a simple generator with the seed.
    searched = [trial_seed(1, "search", index) for index in range(200)]
    certified = [trial_seed(1, "certify", index) for index in range(200)]
    for seeds in (searched, certified):
        for folds in (2, 3, 4, 5, 10):
            counts = Counter(seed % folds for seed in seeds)
            assert min(counts.values()) > 0.4 * 200 / folds
            assert len(counts) == folds
    together = sorted(searched + certified)
    assert min(after - before for before, after in pairwise(together)) > 50


@given(st.integers(), purposes, indices, purposes, indices)
def test_certification_draws_from_splits_that_no_search_has_seen(
    study: int, one: Purpose, index: int, other: Purpose, another: int
) -> None:
    splits = trial_split(study, one, index), trial_split(study, other, another)
    assert (splits[0] == splits[1]) == ((one, index) == (other, another))
    assert trial_split(study, one, index) != trial_seed(study, one, index)


def test_a_trial_that_ended_out_of_order_is_not_repeated_under_its_index() -> None:
    study = MadeUpStudy(TASK)
    study.baseline(1.0)
    late = Trial(purpose="search", index=2, seed=0, outcome=Failed(stage="run", reason="no"))
    study.add(Tried(experiment=0, trial=late))
    assert search_trial(study.history, study.history[0]).index == 1
