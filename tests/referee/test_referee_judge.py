"""Verdicts: a pure function of belief, stated with n, the interval and the rule."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.records import Belief, Verdict
from move37.referee.judge import judge, verdict
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task

TASK = made_up_task()


@pytest.mark.parametrize(
    ("mean", "sd", "min_effect", "expected"),
    [
        (0.10, 0.01, 0.00, Verdict.BETTER),
        (-0.10, 0.01, 0.00, Verdict.WORSE),
        (0.01, 0.01, 0.00, Verdict.UNCLEAR),
        (0.01, 0.01, 0.05, Verdict.EQUIVALENT),
        (0.04, 0.01, 0.05, Verdict.UNCLEAR),
        (0.10, 0.01, 0.05, Verdict.BETTER),
        (0.0, 0.0, 0.0, Verdict.EQUIVALENT),
        (1e-12, 0.0, 0.0, Verdict.BETTER),
        (0.05, 0.0, 0.05, Verdict.EQUIVALENT),
    ],
)
def test_a_verdict_is_where_the_interval_lies(
    mean: float, sd: float, min_effect: float, expected: Verdict
) -> None:
    assert verdict(Belief(mean, sd), min_effect) is expected


def test_what_was_not_measured_has_failed() -> None:
    assert verdict(None, 0.0) is Verdict.FAILED


beliefs = st.builds(Belief, st.floats(-10, 10), st.floats(0, 10))
effects = st.floats(0, 10)
MIRROR = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


@given(beliefs, effects)
def test_the_other_way_round_the_verdict_is_turned_round(belief: Belief, edge: float) -> None:
    here = verdict(belief, edge)
    assert verdict(Belief(-belief.mean, belief.sd), edge) is MIRROR.get(here, here)


@given(beliefs, effects, st.floats(0.5, 0.999))
def test_less_doubt_never_takes_a_verdict_back(belief: Belief, edge: float, level: float) -> None:
    decided = verdict(belief, edge, level)
    surer = verdict(Belief(belief.mean, belief.sd / 2), edge, level)
    assert decided is Verdict.UNCLEAR or surer is decided


def made_up() -> MadeUpStudy:
    study = MadeUpStudy(TASK, MeanBeliefs(noise=0.01))
    study.baseline(1.0, 1.01, 0.99)
    return study


def test_an_experiment_is_judged_against_the_baseline_and_against_its_parent() -> None:
    study = made_up()
    parent = study.experiment(0.80)
    child = study.experiment(0.801, parents=(parent,))
    judgement = judge(study.history, study.beliefs, TASK, child)
    assert judgement.verdict is Verdict.BETTER
    assert judgement.parent is not None
    assert (judgement.parent.other, judgement.parent.verdict) == (parent, Verdict.UNCLEAR)
    assert judgement.baseline is not None
    assert judgement.baseline.effect.mean == pytest.approx(0.199)
    assert judgement.baseline.low < 0.199 < judgement.baseline.high
    assert judgement.trials == 1


def test_a_merge_is_judged_against_the_better_of_its_parents() -> None:
    study = made_up()
    good, bad = study.experiment(0.8), study.experiment(1.2)
    merge = study.experiment(0.7, parents=(bad, good))
    judgement = judge(study.history, study.beliefs, TASK, merge)
    assert judgement.parent is not None
    assert judgement.parent.other == good


def test_the_reason_states_n_the_interval_and_the_rule() -> None:
    study = made_up()
    one = study.experiment(0.8, 0.8)
    assert judge(study.history, study.beliefs, TASK, one).reason == (
        "better: val_bpb is believed to differ from the baseline x0 by +0.2 (95 % interval 0.1821 "
        "to 0.2179, plus is better, n = 2 and 3 of the baseline); all of the interval exceeds min_effect 0"
    )
    picky = replace(TASK, metric=replace(TASK.metric, min_effect=0.19))
    unclear = judge(study.history, study.beliefs, picky, one)
    assert unclear.verdict is Verdict.UNCLEAR
    assert unclear.reason.endswith("neither side of min_effect 0.19 holds all 95 % of the belief")
    equal = replace(TASK, metric=replace(TASK.metric, min_effect=0.3))
    assert judge(study.history, study.beliefs, equal, one).reason.endswith(
        "all of the interval is within min_effect 0.3 of 0"
    )


def test_failed_running_and_baseline_experiments_say_so() -> None:
    study = made_up()
    failed, running = study.failure(reason="it exited with 1"), study.experiment()
    rejected = study.rejection(reason="it was tried before")
    said = {
        id: judge(study.history, study.beliefs, TASK, id) for id in (0, failed, running, rejected)
    }
    assert said[0].verdict is Verdict.EQUIVALENT
    assert said[0].reason == "the baseline, which the others are compared with: n = 3"
    assert said[failed].verdict is Verdict.FAILED
    assert said[failed].reason == "failed (run): it exited with 1"
    assert said[rejected].reason == "failed (propose): it was tried before"
    assert said[running].verdict is Verdict.UNCLEAR
    assert all(one.baseline is None and one.parent is None for one in said.values())
