"""The benchmark of scaling: one study for each strategy, fair luck, and true scores."""

from pathlib import Path

import pytest

from move37.app.benches import _open_seeded  # pyright: ignore[reportPrivateUsage]
from move37.bench.scaling import REAL, WORLDS, Point, ScalingResult, draw, planted_gains, scaling
from move37.bench.scaling_real import PROGRAM, START, real_gains, true_loss, write_task
from move37.core.errors import TaskError
from move37.search import SEARCHES


@pytest.fixture
def result() -> ScalingResult:
    points = [
        Point(world=world, search=search, workers=1, evaluations=n, gain=n / 10, gain_se=0.1)
        for world in (*WORLDS, REAL)
        for search in SEARCHES
        for n in (5, 10)
    ]
    return ScalingResult(settings={"studies": 2, "real_studies": 2, "seed": 0}, points=points)


def test_figures_are_the_gains_at_the_end(result: ScalingResult) -> None:
    assert result.figures["scaling_runs_out_lineage_1w"] == 1.0
    assert len(result.figures) == (len(WORLDS) + 1) * len(SEARCHES)


def test_the_table_has_a_line_for_each_strategy_and_the_picture_is_one(
    result: ScalingResult, tmp_path: Path
) -> None:
    for search in SEARCHES:
        assert result.table().count(f"  {search} ") == len(WORLDS) + 1
    draw(result, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("search", SEARCHES)
def test_every_strategy_works_with_one_worker_and_with_many(search: str) -> None:
    for workers in (1, 16):
        gains = planted_gains("exact", search, workers, (5, 30), seed=4)
        assert set(gains) == {5, 30}
        assert gains == planted_gains("exact", search, workers, (5, 30), seed=4)


def test_without_noise_more_evaluations_bring_more() -> None:
    gains = planted_gains("exact", "lineage", 1, (5, 20, 80), seed=1)
    assert gains[5] <= gains[20] < gains[80]


def test_the_true_loss_is_that_of_the_numbers_in_the_program(tmp_path: Path) -> None:
    write_task(tmp_path, "lineage")
    program = (tmp_path / PROGRAM).read_text()
    assert true_loss(program) == pytest.approx(126.53, abs=0.01)
    assert true_loss("x0 = 0\nx1 = 1.0\nx2 = -1e0\n") == pytest.approx(2.0)
    assert true_loss(program.replace(str(START[0]), "word")) < true_loss(program)


def test_a_real_study_says_what_its_champion_is_truly_worth(tmp_path: Path) -> None:
    gains = real_gains(_open_seeded, tmp_path, "lineage", checkpoints=(3, 6), workers=1, seed=1)
    assert set(gains) == {3, 6}
    assert all(gain <= 126.6 for gain in gains.values())


def test_too_few_studies_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="2 studies or more"):
        scaling(
            _open_seeded,
            tmp_path,
            studies=1,
            checkpoints=(5,),
            real_studies=2,
            real_checkpoints=(5,),
        )
