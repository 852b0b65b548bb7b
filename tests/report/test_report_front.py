"""Secondary metrics: the front of what no other experiment beats, and how it is shown."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from move37.core.facts import Staged, Tried
from move37.core.records import Check, Direction, Measured, Metric, Screened, Trial, Verdict
from move37.referee.judge import judge
from move37.report.front import front
from move37.report.text import listing_text, status_text
from move37.report.views import Judge, listing, status_view
from move37.testing.histories import MadeUpStudy, made_up_task

TASK = replace(
    made_up_task(),
    also=(
        Metric(name="size", direction=Direction.MINIMIZE),
        Metric(name="recall", direction=Direction.MAXIMIZE),
    ),
)


def tried(study: MadeUpStudy, experiment: int, loss: float, size: float, recall: float) -> None:
    study.trial(experiment, loss, metrics={"size": size, "recall": recall})


def study_of(*rows: tuple[float, float, float]) -> MadeUpStudy:
    """A baseline and experiments with these losses, sizes and recalls."""
    study = MadeUpStudy(TASK)
    study.baseline()
    for number, row in enumerate(rows):
        tried(study, study.experiment() if number else 0, *row)
    return study


def judge_of(study: MadeUpStudy) -> Judge:
    def decide(experiment: int) -> tuple[Verdict, str]:
        found = judge(study.history, study.beliefs, TASK, experiment)
        return found.verdict, found.reason

    return decide


@given(st.lists(st.tuples(*3 * [st.integers(1, 4).map(float)]), min_size=1, max_size=12))
def test_the_front_is_what_no_other_beats(rows: list[tuple[float, float, float]]) -> None:
    study = study_of(*rows)
    turned = [(-loss, -size, recall) for loss, size, recall in rows]

    def is_beaten(one: int) -> bool:
        return any(
            other != turned[one] and all(a >= b for a, b in zip(other, turned[one], strict=True))
            for other in turned
        )

    expected = [one for one in range(len(rows)) if not is_beaten(one)]
    assert sorted(front(TASK, study.history, study.beliefs)) == expected


def test_the_best_in_the_metric_comes_first() -> None:
    study = study_of((3.0, 1.0, 1.0), (1.0, 9.0, 1.0), (2.0, 5.0, 1.0))
    assert front(TASK, study.history, study.beliefs) == [1, 2, 0]


def test_what_lacks_a_metric_or_fails_a_check_is_on_no_front() -> None:
    study = study_of((3.0, 1.0, 1.0), (1.0, 9.0, 1.0))
    bare = study.experiment(0.5)
    study.check(1, "tests", passed=False)
    task = replace(TASK, checks=(Check(name="tests", command="true"),))
    assert front(task, study.history, study.beliefs) == [0]
    assert bare not in front(TASK, study.history, study.beliefs)


def test_list_and_status_show_the_front_with_its_values() -> None:
    study = study_of((3.0, 1.0, 1.0), (2.0, 2.0, 1.0), (2.5, 3.0, 0.5))
    judged = judge_of(study)
    view = listing(TASK, study.history, study.beliefs, 1, judge=judged, order="pareto")
    assert [row.experiment for row in view.rows] == [1, 0]
    assert "size 2, recall 1" in listing_text(view)
    status = status_view(TASK, study.history, study.beliefs, 1, judge=judged)
    assert status.pareto == (1, 0)
    assert "x1 x0; see `move37 list --pareto`" in status_text(status)


def test_without_secondary_metrics_nothing_is_said_of_a_front() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(1.0)
    task = made_up_task()
    status = status_view(task, study.history, study.beliefs, 0, judge=judge_of(study))
    assert status.pareto == ()
    assert "front" not in status_text(status)


def test_what_was_let_go_is_no_failure_and_says_why() -> None:
    study = study_of((3.0, 1.0, 1.0))
    one = study.experiment()
    outcome = Measured(score=1.0, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0)
    trial = Trial(purpose="stage", index=0, seed=1, outcome=outcome)
    study.add(Tried(experiment=one, trial=trial))
    gone = Screened(
        by="stage", reason="stage short let it go", predicted=0.0, predicted_sd=1.0, chance=0.1
    )
    study.add(Staged(experiment=one, stage=0, screened=gone))
    judged = judge_of(study)
    view = listing(TASK, study.history, study.beliefs, None, judge=judged)
    assert (view.rows[1].state, view.rows[1].failure) == ("screened", None)
    assert re.search(r"let go +stage short let it go", listing_text(view))
    assert judged(one) == (
        Verdict.UNCLEAR,
        "unclear: not measured in full, as stage short let it go",
    )
    status = status_view(TASK, study.history, study.beliefs, None, judge=judged)
    assert (status.screened, status.running, status.failures) == (1, 0, {})
    assert "1 experiment before the full trial" in status_text(status)
