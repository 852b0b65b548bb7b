"""The cascade: what goes on from a cheap stage, and why."""

from dataclasses import replace
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.bench.cascade_study import Stage, StagedStudy, StagedWorld
from move37.bench.planted_methods import Plant
from move37.core.records import (
    MOST_STAGES,
    Direction,
    Evaluation,
    EvaluationStage,
    Metric,
    Screened,
    TrialJob,
)
from move37.referee.seeds import trial_seed
from move37.referee.stages import (
    ANYWAY,
    LEARN,
    Outlook,
    missing_stage_trials,
    next_trial,
    outlook,
    pays,
    stage_task,
)
from move37.testing.histories import MadeUpStudy, made_up_task

SHORT = EvaluationStage(
    name="short",
    run="sh short.sh",
    timeout_seconds=5.0,
    metric=Metric(name="rough", direction=Direction.MAXIMIZE),
)
EVALUATE = Evaluation(run="sh full.sh", stages=(SHORT,))


def planted(correlation: float, *, seed: int = 1, keep: float = 0.1) -> StagedStudy:
    plant = Plant(good=1.0, harmful=1.0)
    return StagedStudy(
        StagedWorld(plant, Stage(correlation=correlation), seed), cascade=True, keep=keep
    )


# --- what is run --------------------------------------------------------------------------------


def test_an_experiment_has_its_stage_first_and_the_evaluation_after_it() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(1.0)
    one = study.experiment()
    job = next_trial(study.history, study.history[one], [SHORT])
    assert (job.purpose, job.index) == ("stage", 0)
    assert next_trial(study.history, study.history[one], []).purpose == "search"
    assert next_trial(study.history, study.history.baseline, [SHORT]).purpose == "search"


def test_a_stage_is_the_task_with_a_command_clock_and_metric_of_its_own() -> None:
    task = replace(made_up_task(), evaluate=EVALUATE)
    job = TrialJob(experiment=1, commit="c", purpose="stage", index=MOST_STAGES, seed=1)
    staged = stage_task(task, job)
    assert (staged.evaluate.run, staged.evaluate.timeout_seconds) == ("sh short.sh", 5.0)
    assert (staged.metric.name, staged.limits) == ("rough", ())
    assert stage_task(task, replace(job, purpose="search")) is task


def test_the_baseline_has_each_stage_three_times() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(1.0)
    wanted = missing_stage_trials(study.history.baseline, [SHORT, SHORT])
    assert wanted == [0, 1, MOST_STAGES, MOST_STAGES + 1, 2 * MOST_STAGES, 2 * MOST_STAGES + 1]


@given(st.integers(0, 2**31), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_stage_shares_its_seed_with_no_other_trial(study: int, stage: int, other: int) -> None:
    seed = trial_seed(study, "stage", stage)
    assert seed not in (trial_seed(study, "search", other), trial_seed(study, "certify", other))


# --- what is learned ----------------------------------------------------------------------------


def drawn(correlation: float, n: int, noise: float = 0.5) -> list[tuple[float, float]]:
    random = Random(n)
    pairs: list[tuple[float, float]] = []
    for _ in range(n):
        x, rest = random.gauss(0, 1), random.gauss(0, 1)
        effect = correlation * x + (1 - correlation**2) ** 0.5 * rest
        pairs.append((3 * x, 10 + effect + random.gauss(0, noise)))
    return pairs


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95])
def test_the_correlation_is_learned_whatever_the_scales(correlation: float) -> None:
    learned = outlook(drawn(correlation, 400), 3.0, 1.0, 0.5)
    assert learned.correlation == pytest.approx(correlation, abs=0.1)
    assert learned.mean(0.0) == pytest.approx(10.0, abs=0.15)


def test_few_pairs_leave_what_was_thought_before() -> None:
    assert outlook(drawn(0.0, 2), 3.0, 1.0, 5.0).correlation == pytest.approx(0.7, abs=0.1)


def test_a_stage_that_misleads_is_not_turned_round() -> None:
    turned = [(-x, y) for x, y in drawn(0.9, 200)]
    assert outlook(turned, 3.0, 1.0, 0.5).correlation == 0.0


@given(
    st.floats(-5, 5),
    st.floats(0, 3),
    st.floats(0.01, 3),
    st.floats(0.1, 3),
)
def test_more_on_the_stage_never_looks_worse(x: float, slope: float, sd: float, gap: float) -> None:
    seen = Outlook(intercept=-0.3, slope=slope, sd=sd, correlation=0.5, pairs=10)
    assert seen.improvement(x + 0.5, gap) >= seen.improvement(x, gap) >= 0
    assert seen.chance(x + 0.5, gap) >= seen.chance(x, gap)


def test_all_go_on_when_the_stage_says_nothing() -> None:
    equal = [0.2] * 40
    assert min(equal) >= pays(equal, 0.1)


def test_few_go_on_when_few_are_worth_it() -> None:
    some = [1.0] * 4 + [0.001] * 36
    assert 0.001 < pays(some, 0.1) <= 1.0


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(0.01, 1))
def test_the_best_of_those_compared_always_pays(found: list[float], cost: float) -> None:
    assert max(found) >= pays(found, cost)


# --- what goes on -------------------------------------------------------------------------------


def test_nothing_is_let_go_before_enough_is_known() -> None:
    study = planted(0.9)
    study.explore(LEARN + 5)
    first = study.history.current()[1 : LEARN + 1]
    assert all(one.is_measured for one in first)


def shares(correlation: float, seed: int = 1) -> tuple[float, float]:
    """Share that went on, and by how much their true effects beat those of the others."""
    study = planted(correlation, seed=seed)
    study.explore(60.0)
    later = [one for one in study.history.current()[1:] if one.id > LEARN]
    on = [study.effect(one.id) for one in later if one.is_measured]
    off = [study.effect(one.id) for one in later if isinstance(one.outcome, Screened)]
    return len(on) / len(later), sum(on) / len(on) - (sum(off) / len(off) if off else 0.0)


def test_a_good_stage_lets_most_go_and_keeps_the_good_ones() -> None:
    went_on, better = shares(0.95)
    assert went_on < 0.45
    assert better > 0.6


@pytest.mark.slow
def test_a_stage_that_says_nothing_is_noticed() -> None:
    went_on = fmean(shares(0.0, seed)[0] for seed in range(8))
    informed = fmean(shares(0.95, seed)[0] for seed in range(8))
    assert went_on > informed + 0.1


def test_an_experiment_that_was_let_go_says_why_and_did_not_fail() -> None:
    study = planted(0.95)
    study.explore(60.0)
    gone = [one for one in study.history.current() if one.screened is not None]
    assert all(not one.is_measured and not one.is_running for one in gone)
    one = gone[0].screened
    assert one is not None
    assert "did better there, and its chance to beat the champion is" in one.reason
    assert 0 <= one.chance <= 0.5
    assert study.believer.belief(gone[0].id) is None


def test_some_go_on_by_lot() -> None:
    study = planted(0.95, keep=0.001)
    study.explore(150.0)
    reasons = [fact.reason for fact in study.decisions]
    lots = sum("by lot" in reason for reason in reasons)
    assert 0.2 * ANYWAY < lots / len(reasons) < 3 * ANYWAY


def test_the_same_facts_give_the_same_decisions() -> None:
    one, other = planted(0.7), planted(0.7)
    one.explore(40.0)
    other.explore(40.0)
    assert one.decisions == other.decisions
