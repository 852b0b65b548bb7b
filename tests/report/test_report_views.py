"""What people are told of a study: flipped back, compared with the right things, honest words."""

import json
import os
from pathlib import Path

import pytest

from move37.core.errors import StudyError
from move37.core.records import Verdict
from move37.report.encode import as_json
from move37.report.results import Reported, Verified
from move37.report.views import (
    Judge,
    certificates,
    detail,
    listing,
    status_view,
)
from move37.testing.histories import MadeUpStudy, made_up_task

judge: Judge = lambda _: (Verdict.BETTER, "better: because")  # noqa: E731


@pytest.fixture
def study() -> MadeUpStudy:
    """x0 baseline 3.2, x1 3.1 on it, x2 failed, x3 3.0 on x1, x4 rejected, x5 still running."""
    study = MadeUpStudy(made_up_task(minimize=True))
    study.baseline(3.2, 3.2)
    one = study.experiment(3.1, hypothesis="raise the rate")
    study.failure(one, stage="run", reason="it exited with 1")
    three = study.experiment(3.0, 3.0, parents=(one,), hypothesis="lower it again")
    study.rejection(three)
    study.open(three)
    return study


def test_status_counts_what_came_of_every_experiment(study: MadeUpStudy) -> None:
    status = status_view(study.task, study.history, study.beliefs, 3, judge=judge)
    assert (status.measured, status.running, status.kept) == (2, 1, 2)
    assert status.keep_rate == 2 / 4
    assert status.failures == {"run": 1, "propose": 1}
    # x3 was tried twice: a repeat is spent as an experiment is.
    assert status.spent.experiments == 6
    assert status.spent.max_experiments == 100
    assert status.champion is not None
    assert status.champion.experiment == 3


def test_values_are_as_printed_and_positive_effects_are_better(study: MadeUpStudy) -> None:
    row = listing(study.task, study.history, study.beliefs, 3, judge=judge).rows[3]
    assert row.believed is not None
    assert row.effect is not None
    assert row.believed.value == pytest.approx(3.0)
    assert row.measured == pytest.approx(3.0)
    assert row.effect.effect == pytest.approx(0.2)
    assert row.effect.relative == pytest.approx(0.2 / 3.2)


def test_a_maximised_metric_has_effects_in_the_same_sense() -> None:
    study = MadeUpStudy(made_up_task(minimize=False))
    study.baseline(0.5)
    study.experiment(0.6)
    row = listing(study.task, study.history, study.beliefs, 1, judge=judge).rows[1]
    assert row.believed is not None
    assert row.effect is not None
    assert row.believed.value == pytest.approx(0.6)
    assert row.effect.effect == pytest.approx(0.1)


def test_a_baseline_of_zero_has_no_relative_effects() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(0.0)
    study.experiment(-1.0)
    study.certificate(1, effect=1.0, margin=0.1, base=0.0)
    row = listing(study.task, study.history, study.beliefs, 1, judge=judge).rows[1]
    assert row.effect is not None
    assert row.effect.relative is None
    assert certificates(study.task, study.history)[0].relative_gain is None


def test_listings_are_ordered_limited_and_filtered(study: MadeUpStudy) -> None:
    def ids(**options: object) -> list[int]:
        view = listing(study.task, study.history, study.beliefs, 3, judge=judge, **options)  # pyright: ignore[reportArgumentType]
        return [row.experiment for row in view.rows]

    assert ids() == [0, 1, 2, 3, 4, 5]
    assert ids(order="newest", limit=2) == [5, 4]
    assert ids(order="best") == [3, 1, 0]
    assert ids(failed=True) == [2, 4]
    assert ids(failed=False) == [0, 1, 3, 5]


def test_detail_compares_with_parent_and_baseline(study: MadeUpStudy) -> None:
    view = detail(study.task, study.history, study.beliefs, 3, 3, judge=judge)
    assert view.summary.effect is not None
    assert view.effect_on_parent is not None
    assert view.summary.effect.effect == pytest.approx(0.2)
    assert view.effect_on_parent.effect == pytest.approx(0.1)
    assert view.children == (4, 5)
    assert [trial.value for trial in view.trials] == [3.0, 3.0]
    assert view.seconds == 5.0


def test_a_failed_experiment_says_where_and_why(study: MadeUpStudy) -> None:
    view = detail(study.task, study.history, study.beliefs, 3, 2, judge=judge)
    assert view.summary.state == "failed"
    assert view.summary.failure == "run: it exited with 1"
    assert view.trials[0].value is None


def test_an_unknown_experiment_is_an_error_that_says_which_there_are(study: MadeUpStudy) -> None:
    with pytest.raises(StudyError, match="x0 to x5"):
        detail(study.task, study.history, study.beliefs, 3, 99, judge=judge)


def test_a_study_that_has_not_begun_has_no_status() -> None:
    study = MadeUpStudy(made_up_task())
    with pytest.raises(StudyError, match="move37 run"):
        status_view(study.task, study.history, study.beliefs, None, judge=judge)


def test_a_certificate_is_flipped_and_says_what_it_rests_on(study: MadeUpStudy) -> None:
    study.certificate(3, effect=0.19, margin=0.02, base=3.2, holdout_effect=0.16)
    view = certificates(study.task, study.history)[0]
    assert view.claim
    assert view.interval == pytest.approx((0.17, 0.21))
    assert view.relative_gain == pytest.approx(0.19 / 3.2)
    assert view.holdout_relative_gain == pytest.approx(0.16 / 3.2)
    assert (view.baseline_value, view.value) == pytest.approx((3.2, 3.01))
    assert (view.pairs, view.trials) == (8, 16)
    assert view.believed is not None
    assert view.believed.effect == pytest.approx(0.2)


def test_a_certificate_without_enough_trials_has_no_numbers(study: MadeUpStudy) -> None:
    study.certificate(3, effect=None, claim=False)
    view = certificates(study.task, study.history, 3)[0]
    assert (view.claim, view.effect, view.interval, view.trials) == (False, None, None, 0)


def test_a_new_epoch_starts_counting_again(study: MadeUpStudy) -> None:
    study.certificate(3, effect=0.19, margin=0.02, base=3.2)
    first = study.baseline(3.3)
    status = status_view(study.task, study.history, study.beliefs, first, judge=judge)
    assert (status.measured, status.spent.experiments, status.certificates) == (0, 0, ())
    assert status.champion is None
    old = detail(study.task, study.history, study.beliefs, first, 3, judge=judge)
    assert old.summary.effect is not None
    assert old.summary.effect.effect == pytest.approx(0.2), "against the baseline of its own epoch"


def test_json_is_one_line_at_full_precision(study: MadeUpStudy) -> None:
    status = status_view(study.task, study.history, study.beliefs, 3, judge=judge)
    text = as_json(status)
    again = json.loads(text)
    assert "\n" not in text
    assert again["root"] == "/made-up"
    assert status.champion is not None
    assert status.champion.effect is not None
    assert again["champion"]["effect"]["sd"] == status.champion.effect.sd
    assert json.loads(as_json(Verified(facts=1, figures=2)))["mismatches"] == []


def test_json_can_name_any_path() -> None:
    done = Reported(files=(Path(os.fsdecode(b"caf\xe9/progress.png")),))
    assert json.loads(as_json(done))["files"] == ["caf\\udce9/progress.png"]
