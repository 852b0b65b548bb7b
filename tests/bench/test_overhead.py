"""The overhead benchmark: every figure that it promises exists, and adds up."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from math import isfinite
from pathlib import Path

import pytest

from move37.app.benches import open_engine
from move37.app.engine import Engine
from move37.bench.overhead import STAGES, OverheadResult, Window, draw, overhead
from move37.core.errors import Move37Error
from move37.core.events import Event


def window(at: int, *engine_ms: float, cpu_ms: float = 1.0) -> Window:
    stages = dict.fromkeys(STAGES, 1.0)
    return Window(at=at, engine_ms=engine_ms, cpu_ms=cpu_ms, stages=stages, engine_mb=50.0)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> OverheadResult:
    return overhead(open_engine, tmp_path_factory.mktemp("bench"), sizes=(2, 6), window=4)


def test_every_figure_is_there_and_finite(result: OverheadResult) -> None:
    promised = {"engine_ms", "engine_ms_growth", "engine_ms_mean", "engine_ms_p90", "engine_mb"}
    assert promised | {f"{stage}_ms" for stage in STAGES} <= result.figures.keys()
    assert all(isfinite(figure) and figure > 0 for figure in result.figures.values())


def test_windows_are_equally_long_and_the_first_begins_at_the_first_size(
    result: OverheadResult,
) -> None:
    assert [w.at for w in result.windows] == [2, 6]
    assert [len(w.engine_ms) for w in result.windows] == [4, 4]


def test_the_stages_are_parts_of_an_experiment(result: OverheadResult) -> None:
    # disjoint spans of time; and a median is never above twice the mean
    parts = ("choose", "propose", "record", "fold", "worker")
    for timed in result.windows:
        assert sum(timed.stages[part] for part in parts) <= 2 * timed.mean


def test_the_table_has_a_line_for_each_size(result: OverheadResult) -> None:
    head, *rows = result.table().splitlines()
    assert [row.split()[0] for row in rows] == ["2", "6"]
    assert set(STAGES) <= set(head.split())


def test_growth_compares_the_last_window_with_the_first() -> None:
    small, large = window(10, 1.0, 2.0, 9.0), window(10_000, 2.0, 3.0, 4.0, cpu_ms=2.0)
    figures = OverheadResult(settings={}, windows=[small, large]).figures
    assert (figures["engine_ms_last"], figures["engine_ms_growth"]) == (3.0, 1.5)
    assert figures["engine_cpu_ms_growth"] == 2.0


def test_milliseconds_are_those_of_a_study_of_a_night() -> None:
    windows = [window(10, 1.0, 2.0, 9.0), window(1000, 2.0, 3.0, 4.0), window(10_000, 7.0, 8.0)]
    figures = OverheadResult(settings={}, windows=windows).figures
    assert (figures["engine_ms"], figures["engine_ms_mean"], figures["engine_ms_p90"]) == (3, 3, 4)


def test_the_picture_is_one(result: OverheadResult, tmp_path: Path) -> None:
    draw(result, tmp_path / "overhead.png")
    assert (tmp_path / "overhead.png").read_bytes().startswith(b"\x89PNG")


def open_without_a_program(
    directory: Path, experiments: int, watch: Callable[[Event], None]
) -> AbstractContextManager[Engine]:
    task = directory / "move37.toml"
    task.write_text(task.read_text().replace("echo m: 1", "false"))
    return open_engine(directory, experiments, watch)


def test_a_window_in_which_most_failed_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(Move37Error, match=r"only 0 of 2 experiments could be timed at 1"):
        overhead(open_without_a_program, tmp_path, sizes=(1,), window=2)
