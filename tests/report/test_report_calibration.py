"""What was said beforehand, against what came later: figures worked out by hand."""

from dataclasses import replace
from math import hypot

import pytest

from move37.core.facts import Proposed, Tried
from move37.core.records import Guess, Measured, Trial
from move37.report.calibration import Points, calibration, coverage
from move37.report.charts.later import Later
from move37.report.spending import alpha_spent
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task

NOISE = 0.1


@pytest.fixture
def told() -> tuple[MadeUpStudy, Later]:
    beliefs = MeanBeliefs(noise=NOISE)
    later = Later(beliefs)
    study = MadeUpStudy(made_up_task(minimize=True), beliefs, (later,))
    study.baseline(3.0)
    return study, later


def test_a_later_trial_is_held_against_what_was_believed_before_it(
    told: tuple[MadeUpStudy, Later],
) -> None:
    study, later = told
    one = study.experiment(2.0, 2.1)
    study.trial(one, 5.0, purpose="certify")
    shown = calibration(study.history, study.beliefs, later, study.task.metric)
    assert shown.trials.experiment == (one, one)
    assert shown.trials.said == pytest.approx((2.0, 2.05))
    assert shown.trials.said_sd == pytest.approx(
        (hypot(NOISE, NOISE), hypot(NOISE / 2**0.5, NOISE))
    )
    assert shown.trials.came == pytest.approx((2.1, 5.0))
    assert [(each.inside, each.total) for each in shown.trial_coverage] == [
        # 0.1 is 0.71 standard deviations away, and 50 % lie within 0.67.
        (0, 2),
        (1, 2),
        (1, 2),
        (1, 2),
    ]
    assert [each.total for each in shown.fresh_coverage] == [1, 1, 1, 1]


def test_trials_that_count_beside_another_only_are_left_out(
    told: tuple[MadeUpStudy, Later],
) -> None:
    study, later = told
    one = study.experiment(2.0)
    measured = Measured(score=-2.0, metrics={}, seconds=1, cpu_seconds=1, peak_memory_mb=1)
    trial = Trial(purpose="search", index=1, seed=1, outcome=measured, paired_with=0, reference=-3)
    study.add(Tried(experiment=one, trial=trial))
    assert (len(later), later.paired) == (0, 1)


def test_predictions_and_guesses_are_held_against_the_believed_effect(
    told: tuple[MadeUpStudy, Later],
) -> None:
    study, later = told
    good = study.experiment(2.5)  # 0.01 was predicted of both, as of all made-up ones
    study.experiment(3.5)
    three = study.open()
    guess = Guess(prior=0.1, mean=0.0, sd=0.2, fails=0.0, learned_from=30)
    proposed = next(fact for fact in study.facts if isinstance(fact, Proposed))
    study.add(replace(proposed, experiment=three, identity="i", predicted_effect=None, guess=guess))
    study.trial(three, 2.0)
    shown = calibration(study.history, study.beliefs, later, study.task.metric)
    assert shown.predictions.experiment == (good, good + 1)
    assert shown.predictions.came == pytest.approx((0.5, -0.5))
    (tune,) = shown.predicted
    assert (tune.count, tune.right_way, tune.sized) == (2, 1, 2)
    assert (tune.mean_predicted, tune.mean_believed) == pytest.approx((0.01, 0.0))
    # An effect of 1 where 0 +- 0.2 was expected, known to 0.14: outside all intervals.
    assert [each.inside for each in shown.guess_coverage] == [0, 0, 0, 0]


def test_beliefs_are_held_against_certificates(told: tuple[MadeUpStudy, Later]) -> None:
    study, later = told
    one = study.experiment(2.0)
    study.certificate(one, effect=0.95, margin=0.1, base=3.0)
    shown = calibration(study.history, study.beliefs, later, study.task.metric)
    assert shown.certified.said == pytest.approx((1.0,))
    assert shown.certified.came == (0.95,)
    assert shown.certified.came_sd == pytest.approx((0.1 / 1.959964,))
    assert [each.inside for each in shown.certified_coverage] == [1, 1, 1, 1]


def test_coverage_of_exact_beliefs_is_of_those_that_are_right() -> None:
    points = Points(
        experiment=(1, 2),
        said=(1.0, 1.0),
        said_sd=(0.0, 0.0),
        came=(1.0, 1.1),
        came_sd=(None, None),
    )
    assert [(each.inside, each.share) for each in coverage(points)] == [(1, 0.5)] * 4
    none = coverage(Points(experiment=(), said=(), said_sd=(), came=(), came_sd=()))
    assert [(each.share, each.margin) for each in none] == [(None, None)] * 4


def test_alpha_is_spent_by_every_certification(told: tuple[MadeUpStudy, Later]) -> None:
    study, _ = told
    one = study.experiment(2.0)
    study.certificate(one, effect=0.9, claim=True)
    study.certificate(one, effect=0.9, claim=False)
    spent = alpha_spent(study.history, 0.05)
    assert [each.share for each in spent.spends] == pytest.approx([0.05 / 2, 0.05 / 6])
    assert spent.spent == pytest.approx(0.05 * 2 / 3)
    assert spent.next_level == pytest.approx(1 - 2 * 0.05 / 12)
    assert spent.claims == 1
