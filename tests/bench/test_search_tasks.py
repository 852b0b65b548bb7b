"""The tasks of `bench search` and `bench peers`: where they start, what is true, how noisy a trial is."""

import random
import subprocess
import sys
from pathlib import Path
from statistics import fmean, stdev

import pytest

from move37.bench import search_scores as scores
from move37.bench.search_tasks import MARKS, TASKS, BenchTask


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_a_program_shows_its_constants_and_can_be_judged(task: BenchTask) -> None:
    values = scores.read(task.program)
    assert set(values) == {*task.knobs, *task.switches}
    assert all(mark in task.program.splitlines() for mark in MARKS)
    assert task.truth(task.program) == task.truth(task.program)


def test_the_design_s_task_starts_at_0_080() -> None:
    assert TASKS["rastrigin"].truth(TASKS["rastrigin"].program) == pytest.approx(0.080, abs=0.001)


def test_the_best_programs_are_where_they_should_be() -> None:
    assert scores.truth("rastrigin", {f"x{i}": 0.0 for i in range(10)}) == 1.0
    top: scores.Values = dict.fromkeys("abcd", 3.0)
    both = scores.truth("deceptive", {**top, "layout": "columns", "kernel": "vector"})
    assert both == pytest.approx(0.85)


def test_each_half_of_the_deceptive_pair_does_harm_alone() -> None:
    start = scores.read(TASKS["deceptive"].program)
    none = scores.truth("deceptive", start)
    for half in ({"layout": "columns"}, {"kernel": "vector"}):
        assert scores.truth("deceptive", {**start, **half}) < none - 0.05
    both: scores.Values = {"layout": "columns", "kernel": "vector"}
    assert scores.truth("deceptive", {**start, **both}) > none + 0.4


def test_circles_never_overlap_nor_leave_the_square() -> None:
    apart = scores.read(TASKS["packing"].program)
    assert 0 < scores.packing(apart) < 1.3
    at_one_point: scores.Values = dict.fromkeys(apart, 0.5)
    assert scores.packing(at_one_point) == 0
    outside: scores.Values = dict.fromkeys(apart, -3.0)
    assert scores.packing(outside) == 0


def test_a_trial_is_the_truth_and_noise() -> None:
    values = scores.read(TASKS["rastrigin"].program)
    chance = random.Random(1)
    seen = [scores.measure("rastrigin", values, 0.02, chance) for _ in range(400)]
    assert fmean(seen) == pytest.approx(scores.truth("rastrigin", values), abs=0.004)
    assert stdev(seen) == pytest.approx(0.02, rel=0.2)
    assert scores.measure("rastrigin", values, 0.0, chance) == scores.truth("rastrigin", values)


def test_training_depends_on_its_seed_and_on_its_settings() -> None:
    values = scores.read(TASKS["training"].program)
    assert scores.train(values, random.Random(3)) == scores.train(values, random.Random(3))
    assert scores.train(values, random.Random(3)) != scores.train(values, random.Random(4))
    better: scores.Values = {
        **values,
        "features": "products",
        "first_weights": 0.1,
        "learning_rate": 0.1,
    }
    mean = [fmean(scores.train(v, random.Random(i)) for i in range(60)) for v in (values, better)]
    assert mean[1] > mean[0] + 0.05


def test_wild_settings_of_a_training_still_give_a_score() -> None:
    wild = scores.read(TASKS["training"].program)
    wild |= {"learning_rate": 1e6, "momentum": 9.0, "width": 0.0, "decay": -5.0}
    assert 0 <= scores.train(wild, random.Random(0)) <= 1


def test_a_slow_evaluation_has_a_heavy_tail() -> None:
    chance = random.Random(0)
    seconds = sorted(scores.duration(0.02, 1.0, chance) for _ in range(999))
    assert seconds[499] == pytest.approx(0.02, rel=0.15)
    assert seconds[-1] > 8 * seconds[499]
    assert scores.duration(0.0, 1.0, chance) == 0


def test_the_scores_run_alone_and_count_evaluations(tmp_path: Path) -> None:
    """Engines get a copy of the one file, where nothing of ours can be imported."""
    (tmp_path / "search_scores.py").write_bytes(Path(scores.__file__).read_bytes())
    (tmp_path / "program.py").write_text(TASKS["deceptive"].program)
    call = ("program.py", "deceptive", 0.0, 0.0, 0.0, "tally")
    code = f"import search_scores as s; print(s.evaluate(*{call!r})); print(s.evaluate(*{call!r}))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    truth = TASKS["deceptive"].truth(TASKS["deceptive"].program)
    assert [float(line) for line in done.stdout.split()] == [truth, truth]
    assert (tmp_path / "tally").stat().st_size == 2


@pytest.mark.parametrize("broken", ["a = x", 'layout = "diagonal"', ""])
def test_a_broken_program_is_no_score(broken: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        scores.truth("deceptive", scores.read(broken))
