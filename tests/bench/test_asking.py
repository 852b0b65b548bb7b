"""`bench asking`: every proposal is asked for and read, and its time is counted."""

import pytest

from move37 import app
from move37.app.library import StudyLibrary
from move37.bench.asking import AskingResult, Window, asking


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> AskingResult:
    return asking(StudyLibrary, tmp_path_factory.mktemp("asking"), experiments=60)


def test_as_many_proposals_are_timed_as_a_window_has(result: AskingResult) -> None:
    for window in (result.first, result.early, result.last):
        assert len(window.question_ms) == len(window.read_ms) == result.settings["window"] == 20
        assert min(*window.question_ms, *window.read_ms) > 0


def test_its_figures_are_those_of_its_windows(result: AskingResult) -> None:
    figures = result.figures
    assert figures["asking_ms"] == result.last.mean
    assert figures["asking_ms_growth"] == result.last.mean / result.early.mean
    assert figures["question_kb"] > 5  # the program alone is as large
    assert "the last" in result.table()


def test_a_window_counts_question_and_reading_together() -> None:
    window = Window([1.0, 5.0, 2.0], [1.0, 1.0, 1.0])
    assert window.both_ms == [2.0, 3.0, 6.0]
    assert window.p90 == 6.0


def test_it_is_one_of_the_benchmarks() -> None:
    assert "asking" in app.benches()
