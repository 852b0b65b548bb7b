"""Certificates for people: the likeliest effect, and how much of what was believed was luck."""

from dataclasses import replace

import pytest

from move37.core.records import Belief, Interval
from move37.report.certificates import CertificateView, certificate_view
from move37.report.text import certificate_text
from move37.report.views import metric_view
from move37.testing.histories import MadeUpStudy, made_up_task

TASK = made_up_task()


def interval(effect: float, margin: float) -> Interval:
    return Interval(effect=effect, low=effect - margin, high=effect + margin, level=0.9, pairs=8)


def certificate(
    *, luck: tuple[float, float], estimate: float = 0.008, holdout: float | None = None
) -> CertificateView:
    """The search believed 0.012; fresh evidence shows so much less of it, give or take."""
    study = MadeUpStudy(TASK)
    study.baseline(3.0)
    study.experiment(2.988)
    study.certificate(1, effect=estimate, margin=0.002, base=3.0, holdout_effect=holdout)
    [opened], recorded = study.history.certifications, study.history.certificates[0]
    told = replace(
        recorded,
        estimate=interval(estimate, 0.001),
        shrinkage=0.012 - estimate,
        overfit=interval(*luck),
    )
    return certificate_view(told, TASK, replace(opened, believed=Belief(0.012, 0.002)))


def text(view: CertificateView) -> str:
    lines = certificate_text(view, metric_view(TASK.metric), width=None).splitlines()
    return "\n".join(" ".join(line.split()) for line in lines)


def test_the_likeliest_effect_is_told_in_the_direction_of_the_metric() -> None:
    view = certificate(luck=(0.004, 0.001))
    assert view.estimate == 0.008
    assert view.estimate_interval == pytest.approx((0.007, 0.009))
    assert "likely 0.00800 lower val_bpb, 0.00700 to 0.00900 with 90 % probability" in text(view)


def test_luck_that_is_seen_is_told_in_plain_words() -> None:
    view = certificate(luck=(0.004, 0.001))
    assert view.shrinkage == pytest.approx(0.004)
    assert view.overfit_interval == pytest.approx((0.003, 0.005))
    assert (
        "luck of the 0.01200 that the search believed, 0.00400 was luck and overfitting "
        "(90 % interval 0.00300 to 0.00500)"
    ) in text(view)


def test_what_a_holdout_does_not_show_is_not_called_luck() -> None:
    shown = text(certificate(luck=(0.004, 0.001), holdout=0.008))
    assert "0.01200 that the search believed, 0.00400 is not there on the hold-out (90 %" in shown


def test_luck_that_is_not_seen_is_not_asserted() -> None:
    shown = text(certificate(luck=(0.001, 0.003)))
    assert (
        "that the search believed, none is seen to be luck afresh (90 % interval -0.0020" in shown
    )
    held = text(certificate(luck=(0.001, 0.003), holdout=0.011))
    assert "none is seen to be luck on the hold-out" in held


def test_an_evaluation_that_repeats_exactly_is_told_in_few_digits() -> None:
    shown = text(certificate(luck=(0.004123456789, 0.0)))
    assert "0.004123 was luck and overfitting (90 % interval 0.004123 to 0.004123)" in shown


def test_more_than_was_believed_is_told_as_such() -> None:
    shown = text(certificate(luck=(-0.004, 0.001), estimate=0.016))
    assert "luck none: afresh it is 0.00400 better than the search believed" in shown


def test_a_certificate_of_old_says_what_it_says() -> None:
    study = MadeUpStudy(TASK)
    study.baseline(3.0)
    study.experiment(2.9)
    study.certificate(1, effect=0.1, margin=0.02, base=3.0)
    shown = text(certificate_view(study.history.certificates[0], TASK))
    assert "claimed, an improvement" in shown
    assert "likely" not in shown
    assert "luck" not in shown
