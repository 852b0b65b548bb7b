"""`bench policy`: planted studies with and without hints, and what is said of them."""

from pathlib import Path

import pytest

from move37.bench.policy import PREDICTABLE, policy
from move37.bench.policy_worlds import HintedStudy, HintedWorld
from move37.core.errors import TaskError
from move37.gallery import install
from move37.tasks.toml import load_task


def test_the_figures_say_what_hints_gain_and_whether_they_hold(tmp_path: Path) -> None:
    settings = {"studies": 2, "runs": 50, "real_studies": 0, "real_runs": 50, "seed": 1}
    result = policy(install, load_task, tmp_path, **settings)
    for name in PREDICTABLE:
        assert 0 <= result.figures[f"policy_coverage_90_{name}"] <= 1
        assert 0 <= result.figures[f"policy_let_go_{name}"] <= 1
        assert f"policy_good_let_go_{name}" in result.figures
        assert name in result.table()
    again = policy(install, load_task, tmp_path, **settings)
    assert again.figures == result.figures


def test_too_little_to_average_over_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="needs 2 studies of 40 runs"):
        policy(
            install, load_task, tmp_path, studies=2, runs=10, real_studies=0, real_runs=50, seed=0
        )


def test_a_planted_turn_gains_less_each_time() -> None:
    study = HintedStudy(HintedWorld(1.0, 3, noise=0.0), hopeless=None)
    best = study.explore(120)
    assert best.score > 0
    assert len(best.used) > len(set(best.used))


@pytest.mark.slow
def test_a_real_task_is_studied_by_chance_and_by_tune(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    result = policy(
        install, load_task, tmp_path, studies=2, runs=40, real_studies=2, real_runs=40, seed=0
    )
    assert result.figures["policy_gain_tabular_blind"] > 0
    assert result.figures["policy_gain_tabular_tune"] > 0
