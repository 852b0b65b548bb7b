"""Whole directories of ShinkaEvolve, run as they are; what is private stays in the sandbox."""

import json
from pathlib import Path

import pytest

from move37 import app
from move37.app.brief import brief
from move37.app.look import show
from move37.app.study import read_study
from move37.core.records import Failed, Measured
from move37.store.sqlite import SqliteStore
from move37.testing.model_script import ModelRequest
from move37.testing.model_server import ModelServer

PROGRAM = """\
# EVOLVE-BLOCK-START
rate = 0.01
# EVOLVE-BLOCK-END
def run(seed):
    return rate + seed / 1e9
"""
EVALUATE = """\
import argparse
import sys
from shinka.core import run_shinka_eval

SECRET = 1 / 7919

def judge(results):
    score = 1 - abs(results[0] - 0.3)
    print("private", SECRET, score)
    print("private", SECRET, file=sys.stderr)
    return {
        "combined_score": score,
        "public": {"rate": results[0], "words": "combined_score: 5"},
        "private": {"secret": SECRET},
        "hidden_too": SECRET,
        "text_feedback": ["try a larger rate", "combined_score: 9"],
    }

parser = argparse.ArgumentParser()
parser.add_argument("--program_path")
parser.add_argument("--results_dir")
asked = parser.parse_args()
metrics, correct, error = run_shinka_eval(
    program_path=asked.program_path,
    results_dir=asked.results_dir,
    experiment_fn_name="run",
    num_runs=2,
    validate_fn=lambda result: (result < 5, "the rate is too large"),
    aggregate_metrics_fn=judge,
)
print(metrics)
"""
SECRET = str(1 / 7919)[2:12]
"""Digits that only the private metric has."""


def task(root: Path, evaluate: str = EVALUATE, program: str = PROGRAM) -> Path:
    (root / "evaluate.py").write_text(evaluate)
    (root / "initial.py").write_text(program)
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


def everything_stored(root: Path) -> str:
    """All facts of the study and all that its trials printed."""
    store = SqliteStore.open(root / app.STUDY, write=False)
    try:
        rows = [repr(row) for row in store.rows()]
        logs = [
            repr(store.attachment(f"x{one}-{purpose}-{index}/{name}"))
            for one in range(4)
            for purpose in ("search", "certify")
            for index in range(4)
            for name in ("stdout", "stderr", "score-stdout", "score-stderr")
        ]
    finally:
        store.close()
    return "\n".join([*rows, *logs])


def test_score_and_public_metrics_are_measured_without_the_tool(tmp_path: Path) -> None:
    before = sorted(path.name for path in task(tmp_path).iterdir())
    outcome = baseline(tmp_path)
    assert isinstance(outcome, Measured)
    assert outcome.metrics == pytest.approx({"combined_score": 0.71, "rate": 0.01})
    with read_study(tmp_path) as study:
        printed = study.store.attachment("x0-search-0/stdout")
    assert printed is not None
    assert printed.decode().splitlines()[:2] == [
        "| feedback: try a larger rate",
        "| feedback: combined_score: 9",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".move37", *before]


def test_what_is_private_reaches_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")

    def say(request: ModelRequest) -> str:
        rate = 7.0 if request.index == 1 else 0.02 + request.index / 100
        body = PROGRAM.replace("0.01", str(rate))
        return (
            f"HYPOTHESIS: x\nPREDICTED EFFECT: ?\n\nWHOLE FILE: initial.py\n```python\n{body}```\n"
        )

    root = task(tmp_path)
    assert app.init(root, yes=True, ask=lambda question: "", layout="shinka").written
    with ModelServer(say) as server:
        with (root / "move37.toml").open("a") as file:
            file.write(
                '\n[[proposer]]\nkind = "llm"\nmodel = "openai:m"\nprice_in = 0\nprice_out = 0\n'
                f'polish = 0\nbase_url = "{server.openai_url}"\n'
            )
        run(root, 3)
        prompts = "\n".join(json.dumps(request.body) for request in server.requests)
    with read_study(root) as study:
        outcomes = [one.outcome for one in study.history.experiments]
    assert sum(isinstance(outcome, Measured) for outcome in outcomes) >= 3
    assert any(
        isinstance(one, Failed) and "not correct: Validation failed: the rate" in one.reason
        for one in outcomes
    )
    assert "try a larger rate" in prompts
    shown = "\n".join([*(repr(show(root, one)) for one in range(4)), brief(root).text])
    for told in (prompts, shown, everything_stored(root)):
        assert SECRET not in told
    assert "hidden_too" not in shown + everything_stored(root)


@pytest.mark.parametrize(
    ("evaluate", "said"),
    [
        ("import nowhere_to_be_found\n", "package nowhere_to_be_found"),
        ("import shinka.llm\n", "package shinka"),
        ("raise ValueError('broken')\n", "evaluate.py broke: ValueError: broken"),
        ("pass\n", "left no metrics.json and correct.json"),
        ("import os\nos._exit(0)\n", "left no metrics.json and correct.json"),
    ],
)
def test_an_evaluator_that_cannot_work_says_why(tmp_path: Path, evaluate: str, said: str) -> None:
    names = "# --program_path --results_dir\n"
    outcome = baseline(task(tmp_path, names + evaluate))
    assert isinstance(outcome, Failed)
    assert said in outcome.reason


def test_a_program_that_breaks_is_not_correct(tmp_path: Path) -> None:
    outcome = baseline(task(tmp_path, program=PROGRAM.replace("return", "return 1 / 0 +")))
    assert isinstance(outcome, Failed)
    assert "not correct: ZeroDivisionError: division by zero" in outcome.reason
