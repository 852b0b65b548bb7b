"""What is printed for people: it fits, it aligns, and it claims nothing that is not certified."""

from dataclasses import replace

import pytest

from move37.core.records import Verdict
from move37.report.results import BenchResult, RunResult, Verified
from move37.report.text import (
    bench_text,
    certificate_text,
    detail_text,
    diff_text,
    listing_text,
    next_text,
    status_text,
    verified_text,
)
from move37.report.views import (
    Estimate,
    Status,
    certificates,
    detail,
    listing,
    metric_view,
    status_view,
)
from move37.report.words import ansi, cells
from move37.testing.histories import MadeUpStudy, made_up_task


def judge(_: int) -> tuple[Verdict, str]:
    return Verdict.BETTER, "better: all of the interval exceeds 0, and that in a long sentence"


@pytest.fixture
def study() -> MadeUpStudy:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.2, 3.21)
    one = study.experiment(
        3.1, hypothesis="学习率 0.01 → 0.02 🚀, and many more words than have room"
    )
    study.failure(one, output="Traceback\n\x1b]0;pwned\x07boom\n")
    study.experiment(3.0, parents=(one,), hypothesis="evil\x1b[2J\nhypothesis")
    return study


def status_of(study: MadeUpStudy) -> Status:
    return status_view(study.task, study.history, study.beliefs, 3, judge=judge)


def all_texts(study: MadeUpStudy, width: int | None) -> list[str]:
    task, history, beliefs = study.task, study.history, study.beliefs
    return [
        status_text(status_of(study), width=width),
        listing_text(listing(task, history, beliefs, 3, judge=judge), width=width),
        *(
            detail_text(detail(task, history, beliefs, 3, id, judge=judge), width=width)
            for id in range(4)
        ),
    ]


def test_everything_fits_eighty_columns(study: MadeUpStudy) -> None:
    study.certificate(3, effect=0.19, margin=0.02, base=3.2, holdout_effect=0.16)
    for text in all_texts(study, 80):
        assert max(cells(line) for line in text.splitlines()) <= 80


def test_in_a_pipe_nothing_is_cut(study: MadeUpStudy) -> None:
    for text in all_texts(study, None)[:2]:
        assert "…" not in text
    assert "many more words than have room" in all_texts(study, None)[1]


def test_text_of_candidates_cannot_command_the_terminal(study: MadeUpStudy) -> None:
    for text in all_texts(study, 80):
        assert "\x1b" not in text
        assert "\x07" not in text


def test_nothing_is_called_an_improvement_before_it_is_certified(study: MadeUpStudy) -> None:
    for text in all_texts(study, None):
        assert "improve" not in text
    assert "`move37 certify`" in status_text(status_of(study))


def test_a_certified_effect_is_told_in_the_metrics_own_direction(study: MadeUpStudy) -> None:
    study.certificate(3, effect=0.19, margin=0.02, base=3.2, holdout_effect=0.16)
    view = certificates(study.task, study.history)[0]
    text = certificate_text(view, metric_view(study.task.metric), width=None)
    assert "0.190 lower val_bpb, 95 % interval 0.170 to 0.210" in text
    assert "5.9 % of 3.200" in text
    assert "8 pairs, 16 trials" in text
    assert "claimed, an improvement: all of the interval is better than the baseline" in text
    shown = status_text(status_of(study), width=None)
    assert "; 5.9 % lower; hold-out 5." in shown


def test_a_certified_program_that_is_not_the_champion_says_how_to_take_it(
    study: MadeUpStudy,
) -> None:
    study.certificate(1, effect=0.1, margin=0.02, base=3.2)
    champion = status_of(study).champion
    assert champion is not None
    assert champion.experiment == 3
    assert "not the champion: `move37 apply x1`" in status_text(status_of(study), width=None)


def test_what_comes_next_depends_on_how_the_run_ended(study: MadeUpStudy) -> None:
    def after(halt: str) -> str:
        claims = certificates(study.task, study.history)
        certified = claims[-1] if claims else None
        result = RunResult(halt=halt, reason="x", status=status_of(study), certified=certified)
        return next_text(result, "m37 -C there")

    assert after("baseline") == "Next: `m37 -C there show x0` shows all that it printed"
    assert after("stopped") == ""
    assert "`m37 -C there certify`" in after("budget")
    study.certificate(1, effect=0.1, margin=0.02, base=3.2)
    assert "`m37 -C there apply x1`" in after("budget")
    study.certificate(3, effect=0.19, margin=0.02, base=3.2)
    assert "`m37 -C there apply`" in after("exhausted")
    again = RunResult(halt="budget", reason="x", status=status_of(study))
    assert next_text(again, "move37").endswith("`move37 apply` to take it")


def test_a_listing_marks_the_champion_and_what_is_certified(study: MadeUpStudy) -> None:
    study.certificate(3, effect=0.19, margin=0.02, base=3.2)
    view = listing(study.task, study.history, study.beliefs, 3, judge=judge)
    ids = [line.split()[0] for line in listing_text(view).splitlines()[:5]]
    assert ids == ["id", "x0", "x1", "x2", "★◆x3"]


def test_after_a_run_without_a_champion_there_is_more_to_try() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.2)
    view = status_view(study.task, study.history, study.beliefs, 0, judge=judge)
    assert view.champion is None
    assert "certify" not in status_text(view)
    result = RunResult(halt="budget", reason="x", status=view)
    assert "`move37 run --experiments N` tries more" in next_text(result, "move37")


def test_noise_is_not_told_before_a_second_trial_shows_it() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(3.2)
    view = status_view(study.task, study.history, study.beliefs, 0, judge=judge)
    sure = replace(view.baseline, believed=Estimate(value=3.2, sd=0.0))
    shown = status_text(replace(view, noise=0.0, baseline=sure))
    assert "x0  3.2, 1 trial" in shown
    assert "noise" not in shown
    again = replace(view, noise=0.0, baseline=replace(sure, trials=5))
    assert "; no noise" in status_text(again)


def test_a_claim_that_failed_says_so(study: MadeUpStudy) -> None:
    study.certificate(3, effect=-0.01, margin=0.02, base=3.2, claim=False)
    view = certificates(study.task, study.history)[0]
    text = certificate_text(view, metric_view(study.task.metric))
    assert "0.010 higher val_bpb, which is worse, 95 % interval -0.010 to 0.030" in text
    assert "the interval contains 0" in text


def test_colour_adds_nothing_but_colour(study: MadeUpStudy) -> None:
    import re

    view = listing(study.task, study.history, study.beliefs, 3, judge=judge)
    coloured = listing_text(view, paint=ansi)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == listing_text(view)


def test_interrupted_experiments_are_told_from_running_ones(study: MadeUpStudy) -> None:
    study.open()
    args = (study.task, study.history, study.beliefs, 3)
    stopped = status_view(*args, judge=judge, is_working=False)
    at_work = status_view(*args, judge=judge, is_working=True)
    assert "1 interrupted" in status_text(stopped)
    assert "1 running" in status_text(at_work)


def test_an_empty_listing_is_a_sentence(study: MadeUpStudy) -> None:
    view = listing(study.task, study.history, study.beliefs, 3, judge=judge, limit=0)
    assert listing_text(view) == "no experiments to list"


def test_a_shown_diff_cannot_command_the_terminal() -> None:
    shown = diff_text("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\x1b[2J\tx\n")
    assert shown.splitlines()[-1] == "+new\tx"
    assert diff_text("") == "no difference"


def test_a_figure_that_does_not_check_is_named() -> None:
    text = verified_text(Verified(facts=10, figures=4, mismatches=("belief of x3 differs",)))
    assert "1 difference" in text
    assert "belief of x3 differs" in text
    assert "all as recorded" in verified_text(Verified(facts=10, figures=4))


def test_bench_figures_stand_beside_their_targets() -> None:
    result = BenchResult(
        bench="overhead", settings={}, figures={"engine_ms": 3.25}, targets={"engine_ms": "<= 15"}
    )
    assert bench_text(result).splitlines() == ["overhead", "  engine_ms  3.25  target <= 15"]
