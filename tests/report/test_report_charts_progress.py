"""The columns of the live chart."""

from math import nan

import pytest

from move37.core.history import History
from move37.core.protocols import Fold
from move37.report.charts import progress
from move37.report.charts.progress import outline, progress_chart
from move37.report.charts.track import Track
from move37.testing.histories import MadeUpStudy, made_up_task


class Late(Track):
    """A track that is told which history it follows once that is there."""

    def __init__(self) -> None:
        super().__init__(History())

    def follow(self, history: History) -> "Late":
        self._history = history
        return self


class Both:
    def __init__(self, *, minimize: bool = True) -> None:
        self.track = Late()
        told: Fold = self
        self.study = MadeUpStudy(made_up_task(minimize=minimize), folds=(told,))

    def add(self, fact: object) -> None:
        if hasattr(self, "study"):
            self.track.follow(self.study.history)
        self.track.add(fact)  # pyright: ignore[reportArgumentType]

    def chart(self, champion: int, **others: object) -> progress.Chart:
        study = self.study
        told = outline(study.task, study.history, study.beliefs, champion)
        return progress_chart(
            study.task,
            study.history,
            self.track,
            told,
            0.01,
            **others,  # pyright: ignore[reportArgumentType]
        )


@pytest.mark.parametrize("minimize", [True, False])
def test_each_measured_experiment_is_a_dot_at_its_mean_score(minimize: bool) -> None:
    both = Both(minimize=minimize)
    study = both.study
    study.baseline(3.0, 3.2)
    study.failure()
    better = study.experiment(2.0 if minimize else 4.0)
    study.rejection()
    study.open()
    study.certificate(better, effect=1.0, margin=0.1, base=3.1)
    chart = both.chart(better)
    assert chart.id == (0, better)
    assert chart.y == pytest.approx((3.1, 2.0 if minimize else 4.0))
    assert chart.spread == pytest.approx((1.96 * 0.01 / 2**0.5, 1.96 * 0.01))
    assert chart.failed_id == (1, 3)
    assert (chart.measured, chart.failed, chart.running, chart.experiments) == (2, 2, 1, 4)
    assert chart.step_id == (0, better)
    assert chart.claim_id == (better,)
    ends = (2.0, 2.2) if minimize else (4.0, 4.2)
    assert (chart.claim_low[0], chart.claim_high[0]) == pytest.approx(ends)
    assert chart.low < min(chart.y)
    assert chart.high > max(chart.y)


def test_time_and_dollars_lie_across_as_they_were_spent() -> None:
    both = Both()
    both.study.baseline(3.0)
    first, second = both.study.experiment(2.9), both.study.experiment(2.8)
    hours = both.chart(second, axis="time")
    assert hours.x[0] <= hours.x[1] < hours.x[2]
    assert hours.x[2] - hours.x[1] == pytest.approx(3 / 3600), "an opening, a proposal, a trial"
    assert both.chart(second, axis="dollars").x == (0.0, 0.0, 0.0)
    part = both.chart(second, start=0.5, end=1.5)
    assert part.id == (first,)
    assert part.step_id == (0, first, second), "what is believed is drawn across"
    nothing = both.chart(second, start=nan)
    assert nothing.id == ()


def test_of_very_many_dots_those_are_sent_that_a_screen_tells_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "MOST_DOTS", 50)
    both = Both()
    both.study.baseline(3.0)
    for _ in range(40):
        both.study.experiment(3.0)
    for index in range(100):
        both.study.experiment(2.9 - index / 1000)
    chart = both.chart(140)
    assert chart.total == 141
    assert len(chart.id) <= 50
    assert list(chart.id) == sorted(chart.id)
    assert len(both.chart(140, start=0.0, end=20.0).id) == 21, "all of a part that is looked at"


def test_a_study_without_a_measured_baseline_has_an_empty_chart() -> None:
    both = Both()
    both.study.baseline()
    chart = both.chart(0)
    assert chart.id == chart.step_id == ()
    assert chart.low < chart.high
