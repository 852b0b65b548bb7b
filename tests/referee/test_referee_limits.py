"""Limits relative to the baseline: judged from its own trials, when a trial is recorded."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.facts import Fact, Row, Tried
from move37.core.history import History
from move37.core.records import Failed, Limit, Measured, Outcome, Purpose, Trial
from move37.referee.limits import audit_limits, bound_of, judge_limits
from move37.testing.histories import MadeUpStudy, made_up_task

MEMORY = Limit(metric="memory_mb", operator="<=", bound=1.05, of_baseline=True)


class Lab:
    """A study whose task has limits, and trials that are judged as the engine judges them."""

    def __init__(self, *limits: Limit) -> None:
        self.task = replace(made_up_task(), limits=limits)
        self.study = MadeUpStudy(self.task)
        self.study.baseline()

    def measured(self, value: float) -> Measured:
        metrics = {"val_bpb": 1.0, "memory_mb": value}
        return Measured(
            score=-1.0, metrics=metrics, seconds=2.0, cpu_seconds=1.0, peak_memory_mb=value
        )

    def tried(self, experiment: int, value: float, purpose: Purpose = "search") -> Outcome:
        index = self.study.history[experiment].count(purpose)
        trial = Trial(purpose=purpose, index=index, seed=index, outcome=self.measured(value))
        fact = judge_limits(
            self.task, self.study.history, Tried(experiment=experiment, trial=trial)
        )
        self.study.add(fact)
        return fact.trial.outcome


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed)
    assert outcome.stage == "limit"
    return outcome.reason


def test_more_than_the_baseline_may_have_is_a_failure_with_value_bound_and_baseline() -> None:
    lab = Lab(MEMORY)
    for value in (100.0, 101.0, 99.0):
        lab.tried(0, value)
    said = reason(lab.tried(lab.study.experiment(), 120.0))
    assert "memory_mb is 120, against the limit `memory_mb <= 1.05x baseline`, which is 105" in said
    assert "the baseline has 100 (mean of 3, sd 1)" in said


def test_what_is_within_the_bound_is_measured() -> None:
    lab = Lab(MEMORY)
    for value in (100.0, 101.0, 99.0):
        lab.tried(0, value)
    assert isinstance(lab.tried(lab.study.experiment(), 104.9), Measured)


def test_a_baseline_without_noise_makes_the_limit_exact() -> None:
    lab = Lab(replace(MEMORY, bound=1.0), Limit(metric="seconds", operator="<=", bound=3.0))
    for _ in range(3):
        lab.tried(0, 100.0)
    assert isinstance(lab.tried(lab.study.experiment(), 100.0), Measured)
    assert isinstance(lab.tried(lab.study.experiment(), 100.001), Failed)


def test_a_strict_bound_is_broken_by_what_equals_it() -> None:
    lab = Lab(replace(MEMORY, operator="<", bound=1.0))
    for _ in range(3):
        lab.tried(0, 100.0)
    assert isinstance(lab.tried(lab.study.experiment(), 100.0), Failed)
    assert isinstance(lab.tried(lab.study.experiment(), 99.0), Measured)


def test_the_sandbox_s_own_figures_can_be_limited() -> None:
    lab = Lab(Limit(metric="peak_memory_mb", operator=">=", bound=0.5, of_baseline=True))
    for _ in range(3):
        lab.tried(0, 100.0)
    assert "peak_memory_mb is 49" in reason(lab.tried(lab.study.experiment(), 49.0))


def test_a_program_at_the_bound_fails_one_time_in_twenty_whatever_the_noise() -> None:
    random, failed = Random(7), 0
    for _ in range(2000):
        lab = Lab(replace(MEMORY, bound=1.0))
        for _ in range(5):
            lab.tried(0, random.gauss(100, 10))
        failed += isinstance(lab.tried(lab.study.experiment(), random.gauss(100, 10)), Failed)
    assert 0.035 <= failed / 2000 <= 0.065


def test_repeats_make_the_limit_sharper() -> None:
    lab = Lab(MEMORY)
    for value in (90.0, 110.0, 95.0, 105.0, 100.0):
        lab.tried(0, value)
    one = lab.study.experiment()
    outcomes = [lab.tried(one, 116.0) for _ in range(12)]
    assert isinstance(outcomes[0], Measured)
    assert "on average over" in reason(outcomes[-1])


def test_a_baseline_at_or_below_zero_cannot_be_multiplied() -> None:
    lab = Lab(MEMORY)
    assert "needs a baseline above 0, and memory_mb is -3" in reason(lab.tried(0, -3.0))


def test_stages_are_not_limited() -> None:
    lab = Lab(MEMORY)
    lab.tried(0, 100.0)
    assert isinstance(lab.tried(lab.study.experiment(), 1000.0, "stage"), Measured)


def test_each_epoch_has_a_baseline_of_its_own() -> None:
    lab = Lab(MEMORY)
    for _ in range(3):
        lab.tried(0, 100.0)
    second = lab.study.baseline()
    for _ in range(3):
        lab.tried(second, 200.0)
    assert isinstance(lab.tried(lab.study.experiment(), 205.0), Measured)


def replayed(lab: Lab) -> list[str]:
    history = History()

    def rows() -> Iterator[tuple[Fact, History]]:
        for number, fact in enumerate(lab.study.facts, start=1):
            yield fact, history
            history.add(Row(number, float(number), fact))

    return list(audit_limits([lab.task], rows()))


@given(st.lists(st.floats(1.0, 300.0), min_size=1, max_size=8), st.randoms())
def test_the_verdicts_follow_from_the_facts(values: list[float], random: Random) -> None:
    lab = Lab(MEMORY)
    lab.tried(0, 100.0)
    for value in values:
        one = 0 if random.random() < 0.3 else lab.study.experiment()
        lab.tried(one, value)
    assert replayed(lab) == []


def test_a_verdict_that_was_left_out_is_found() -> None:
    lab = Lab(MEMORY)
    lab.tried(0, 100.0)
    one = lab.study.experiment()
    trial = Trial(purpose="search", index=0, seed=0, outcome=lab.measured(200.0))
    lab.study.add(Tried(experiment=one, trial=trial))
    (problem,) = replayed(lab)
    assert problem.startswith("x1, search trial 0: it counts as measured, but memory_mb is 200")


def test_without_a_trial_of_the_baseline_there_is_no_bound() -> None:
    lab = Lab(MEMORY)
    assert bound_of(MEMORY, lab.study.history[0]) is None


@pytest.mark.parametrize("trials", [1, 2])
def test_a_twentieth_is_allowed_for_noise_that_is_not_known_yet(trials: int) -> None:
    lab = Lab(MEMORY)
    for _ in range(trials):
        lab.tried(0, 100.0)
    assert isinstance(lab.tried(lab.study.experiment(), 110.0), Measured)
    assert isinstance(lab.tried(lab.study.experiment(), 125.0), Failed)
