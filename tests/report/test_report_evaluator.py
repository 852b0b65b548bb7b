"""The evaluator certificate for people: what is believed first, and every advice once."""

from dataclasses import replace

import pytest

from move37.core.facts import EvaluatorChecked
from move37.core.records import Finding, Repeats
from move37.report.evaluator import evaluator_line, evaluator_of, evaluator_text, evaluator_view
from move37.report.picture import compose
from move37.report.words import cells
from move37.testing.histories import MadeUpStudy, made_up_task

TASK = made_up_task()
SEEN = Repeats(
    finished=5,
    failed=1,
    mean=-3.2,
    sd=0.01,
    drift=-0.05,
    repeats_exactly=False,
    seconds=2.0,
    peak_memory_mb=2048.0,
)
CERTIFICATE = EvaluatorChecked(
    experiment=0,
    grade="C",
    reason="a false metric would be believed",
    scored=False,
    sandbox="B, user",
    repeats=SEEN,
    findings=(
        Finding(probe="null-edit", believed=False, false_metric=False, told="a comment"),
        Finding(
            probe="prints-last", believed=True, false_metric=True, told="last", advice="use score"
        ),
        Finding(
            probe="prints-and-exits",
            believed=True,
            false_metric=True,
            told="exits \x1b[31m",
            advice="use score",
        ),
        Finding(probe="shadows-imports", believed=None, false_metric=True, told="not tried"),
    ),
)


def test_what_is_believed_comes_first_and_each_advice_once() -> None:
    text = evaluator_text(evaluator_view(CERTIFICATE, TASK), width=None)
    places = [text.index(word) for word in ("believes", "last", "does not", "Not known", "change")]
    assert places == sorted(places)
    assert text.count("use score") == 1
    assert "\x1b" not in text


def test_the_repeats_are_told_in_the_metrics_own_direction() -> None:
    view = evaluator_view(CERTIFICATE, TASK)
    assert (view.value, view.drift) == (3.2, 0.05)
    text = evaluator_text(view, width=None)
    assert "val_bpb 3.200, reported by the program itself" in text
    assert "5 trials, 1 more failed, noise of one ± 0.01, equal seeds differ, drift +0.05" in text
    assert "2.0 GB" in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_it_fits(width: int) -> None:
    text = evaluator_text(evaluator_view(CERTIFICATE, TASK), width=width)
    assert max(map(cells, text.splitlines())) <= width


def test_fit_is_as_good_as_was_asked_for() -> None:
    assert evaluator_view(CERTIFICATE, TASK).fit
    assert not evaluator_view(CERTIFICATE, TASK, "B").fit
    assert not evaluator_view(replace(CERTIFICATE, grade="D"), TASK).fit


def test_the_grade_stands_in_every_report() -> None:
    study = MadeUpStudy(TASK)
    study.baseline(3.2, 3.3)
    assert evaluator_line(evaluator_of(study.history, TASK)).startswith("not checked; ")
    assert "evaluation" not in compose(TASK, study.history, study.beliefs, None).subtitle
    study.add(CERTIFICATE)
    assert evaluator_line(evaluator_of(study.history, TASK)).startswith("grade C: a false metric")
    assert compose(TASK, study.history, study.beliefs, None).subtitle.endswith("evaluation C")
