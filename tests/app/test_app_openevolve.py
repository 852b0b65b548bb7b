"""Whole directories of OpenEvolve, run as they are: the shim in the real sandbox."""

from pathlib import Path

import pytest

from move37 import app
from move37.app.study import read_study
from move37.core.records import Failed, Measured

PROGRAM = """\
# EVOLVE-BLOCK-START
rate = 0.01
# EVOLVE-BLOCK-END
def run():
    print("combined_score: 99")
    return rate
"""
LOAD = """\
import importlib.util

def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program

"""
RESULT = (
    "from openevolve.evaluation_result import EvaluationResult\n"
    + LOAD
    + """\
def evaluate(path):
    rate = load(path).run()
    return EvaluationResult(
        metrics={"combined_score": 1 - abs(rate - 0.3), "rate": rate, "fast": True},
        artifacts={"hint": "combined_score: 77", "raw": b"xyz"},
    )
"""
)


def task(root: Path, evaluator: str, program: str = PROGRAM) -> Path:
    (root / "evaluator.py").write_text(evaluator)
    (root / "initial_program.py").write_text(program)
    return root


def run(root: Path, experiments: int = 0) -> None:
    settings = app.RunSettings(experiments=experiments, workers=1, certify=False, check=False)
    app.run(root, settings)


def baseline(root: Path) -> Measured | Failed:
    run(root)
    with read_study(root) as study:
        outcome = study.history.baseline.outcome
    assert isinstance(outcome, Measured | Failed)
    return outcome


def test_a_result_with_artefacts_is_measured_without_the_tool(tmp_path: Path) -> None:
    before = sorted(path.name for path in task(tmp_path, RESULT).iterdir())
    run(tmp_path, 3)
    with read_study(tmp_path) as study:
        outcome = study.history.baseline.outcome
        assert isinstance(outcome, Measured)
        assert outcome.metrics == pytest.approx({"combined_score": 0.71, "rate": 0.01})
        assert sum(one.is_measured for one in study.history.experiments) == 4
        printed = study.store.attachment("x0-search-0/stdout")
        assert printed is not None
        assert printed.startswith(b"| hint: combined_score: 77\n| raw: 3 bytes\n{")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".move37", *before]
    assert app.verify(tmp_path).ok


def test_without_a_combined_score_it_is_the_mean_of_the_numbers_that_are_no_feature(
    tmp_path: Path,
) -> None:
    body = "def evaluate(path):\n    return {'a': 1, 'b': 0.5, 'complexity': 900, 'ok': True, 's': 'x'}\n"
    outcome = baseline(task(tmp_path, body))
    assert isinstance(outcome, Measured)
    assert outcome.score == 0.75


def test_artefacts_in_a_plain_dict_are_told_as_well(tmp_path: Path) -> None:
    body = "def evaluate(path):\n    return {'combined_score': 0.5, 'artifacts': {'hint': 'be bold'}}\n"
    outcome = baseline(task(tmp_path, body))
    assert isinstance(outcome, Measured)
    with read_study(tmp_path) as study:
        printed = study.store.attachment("x0-search-0/stdout")
    assert printed is not None
    assert printed.startswith(b"| hint: be bold\n{")


@pytest.mark.parametrize(
    ("evaluator", "said"),
    [
        ("import nowhere_to_be_found\ndef evaluate(p): ...\n", "package nowhere_to_be_found"),
        ("def evaluate(p):\n    return {'combined_score': 0.0, 'error': 'no run()'}\n", "no run()"),
        ("def evaluate(p):\n    return 3\n", "returned int and no dict of metrics"),
        ("def evaluate(p):\n    return {'s': 'x'}\n", "returned no number"),
        ("def evaluate(p):\n    raise ValueError('broken')\n", "ValueError: broken"),
        ("def evaluate(p):\n    return {'combined_score': float('nan')}\n", "NaN"),
        ("def evaluate(p):\n    import os; os._exit(0)\n", "prints nothing"),
    ],
)
def test_what_cannot_be_measured_fails_with_its_reason(
    tmp_path: Path, evaluator: str, said: str
) -> None:
    outcome = baseline(task(tmp_path, evaluator))
    assert isinstance(outcome, Failed)
    assert said in outcome.reason


def test_stages_come_first_and_a_stage_that_fails_fails_the_experiment(tmp_path: Path) -> None:
    stages = """
def evaluate_stage1(path):
    if load(path).run() == 0.01:
        return {"combined_score": 1.0}
    return {"combined_score": 0.0, "error": "stage says no"}
"""
    run(task(tmp_path, RESULT + stages), 1)
    with read_study(tmp_path) as study:
        outcome = study.history[1].outcome
    assert isinstance(outcome, Failed)
    assert "in stage stage1" in outcome.reason
    assert "stage says no" in outcome.reason


def test_equal_seeds_give_equal_dice(tmp_path: Path) -> None:
    body = "import random\ndef evaluate(path):\n    return {'combined_score': random.random()}\n"
    run(task(tmp_path, body), 1)
    with read_study(tmp_path) as study:
        first, second = (study.history[n].trials[0] for n in (0, 1))
    assert first.seed == second.seed
    assert isinstance(first.outcome, Measured)
    assert isinstance(second.outcome, Measured)
    assert first.outcome.score == second.outcome.score
