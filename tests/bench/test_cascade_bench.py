"""The cascade benchmark: fair, repeatable, and its figures mean what they say."""

from pathlib import Path
from statistics import correlation as correlation_of
from statistics import fmean

import pytest

from move37.bench.cascade import CORRELATIONS, cascade, draw
from move37.bench.cascade_curves import SHAPES, STEPS, Learner, LearningStudy, LearningWorld
from move37.bench.cascade_study import Stage, StagedStudy, StagedWorld
from move37.bench.planted_methods import Plant
from move37.core.errors import TaskError

PLANT = Plant(good=1.0, harmful=1.0)


@pytest.mark.slow
def test_the_result_is_a_function_of_the_settings_and_not_of_the_processes(tmp_path: Path) -> None:
    once, again = (cascade(studies=2, budget=20, experiments=10, seed=5, workers=n) for n in (1, 2))
    assert once == again
    for name in ("cascade_gain_kept", "cascade_cost", "earlystop_gain_kept", "earlystop_cost"):
        assert name in once.figures
    for row in (*once.stages, *once.curves):
        assert f" {row.name}" in once.table()
    draw(once, tmp_path / "cascade.png")
    assert (tmp_path / "cascade.png").read_bytes().startswith(b"\x89PNG")


def test_too_little_to_average_is_refused() -> None:
    with pytest.raises(TaskError, match="cascade needs 2 studies"):
        cascade(studies=1, budget=20, experiments=10, seed=0)


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_edits_go_with_their_stage_as_stated(correlation: float) -> None:
    world = StagedWorld(PLANT, Stage(correlation=correlation), seed=1)
    effects, staged = zip(*(world.edit() for _ in range(20_000)), strict=True)
    assert correlation_of(effects, staged) == pytest.approx(correlation, abs=0.03)


def test_a_study_with_stages_pays_for_every_run() -> None:
    study = StagedStudy(StagedWorld(PLANT, Stage(correlation=0.7), seed=1), cascade=True)
    study.explore(20.0)
    staged = sum(one.count("stage") for one in study.history.experiments)
    full = sum(one.count("search") for one in study.history.experiments)
    assert study.spent == pytest.approx(full + 0.1 * staged)
    assert 20.0 <= study.spent <= 21.1


def test_a_learner_ends_where_it_should() -> None:
    world, one = LearningWorld(SHAPES["wild"], seed=1), Learner(5.0, 20.0, 0.5)
    ends = [list(world.run(number, 0, one))[-1] for number in range(2000)]
    assert fmean(ends) == pytest.approx(5.0, abs=0.1)
    (first, *_, last) = world.run(1, 0, one)
    assert first > last + 5


def test_curves_cross_where_they_are_said_to() -> None:
    world = LearningWorld(SHAPES["wild"], seed=2)
    start = Learner(0.0, 20.0, 0.5)
    programs = [world.edit(number, start) for number in range(40)]
    early = [list(world.run(n, 0, one))[STEPS // 10] for n, one in enumerate(programs)]
    order = sorted(range(40), key=lambda n: early[n])
    assert order != sorted(range(40), key=lambda n: programs[n].end)


def test_without_early_stop_every_run_is_whole() -> None:
    study = LearningStudy(LearningWorld(SHAPES["crossing"], seed=1), early_stop=False)
    study.explore(10)
    trials = sum(len(one.trials) for one in study.history.experiments)
    assert study.steps == trials * STEPS
    assert study.ended == 0


@pytest.mark.slow
def test_early_stop_ends_the_hopeless_and_keeps_the_gain() -> None:
    gains: list[float] = []
    costs: list[float] = []
    for seed in range(4):
        full, early = (
            LearningStudy(LearningWorld(SHAPES["crossing"], seed), early_stop=stops)
            for stops in (False, True)
        )
        full.explore(60)
        early.explore(60)
        gains.append(early.gain() / full.gain())
        costs.append(early.cost / full.cost)
    assert fmean(costs) < 0.6
    assert fmean(gains) > 0.9
