"""`bench search`: every strategy of ours, the same luck, the true gain of what it recommends."""

import pytest

from move37.bench.search_bench import optimism, search
from move37.bench.search_study import Came, merged, run
from move37.bench.search_tasks import TASKS
from move37.search import SEARCHES


@pytest.mark.parametrize("name", ["lineage", "greedy", "best_of_n"])
def test_a_study_spends_exactly_its_evaluations(name: str) -> None:
    assert run(TASKS["rastrigin"], name, seed=1, evaluations=30).evaluations == 30


def test_a_study_is_a_function_of_its_seed() -> None:
    task = TASKS["packing"]
    assert run(task, "lineage", 3, 40) == run(task, "lineage", 3, 40)
    assert run(task, "lineage", 3, 40) != run(task, "lineage", 4, 40)


def test_without_noise_what_is_believed_is_true() -> None:
    came = run(TASKS["rastrigin_exact"], "lineage", seed=0, evaluations=60)
    assert came.gain > 0
    assert came.believed == pytest.approx(came.gain)


def test_a_merge_takes_what_only_the_other_has_changed() -> None:
    assert merged("a = 2\nb = 1\nc = 1", "a = 3\nb = 4\nc = 1", "a = 1\nb = 1\nc = 1") == (
        "a = 2\nb = 4\nc = 1"
    )


def test_a_study_without_gain_is_wholly_optimistic() -> None:
    assert optimism([Came(0.0, 0.1, 9)]) == 1
    assert optimism([Came(0.2, 0.25, 9)]) == pytest.approx(0.25)


@pytest.mark.slow
def test_the_benchmark_runs_every_strategy_on_every_task() -> None:
    result = search(seeds=2, evaluations=25)
    for task in TASKS:
        for name in SEARCHES:
            assert f"gain_{task}_{name}" in result.figures
    assert "solved_deceptive_lineage" in result.figures
    assert all(name in result.table() for name in SEARCHES)


@pytest.mark.slow
def test_processes_do_not_change_the_result() -> None:
    once, again = (
        search(tasks=("packing",), searches=("lineage",), seeds=2, evaluations=25, workers=workers)
        for workers in (1, 2)
    )
    assert once == again
