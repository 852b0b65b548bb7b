"""`bench tune`: the contest with Optuna, on a task that takes no time."""

from pathlib import Path

import pytest

from move37.bench.tune_optuna import Contest, respelled, tune_beside_optuna
from move37.core.errors import TaskError

PROGRAM = "WIDTH = 8  # of the layer\nRATE = 0.1\nKIND = 'a'  # a, b\n"
RUN = """\
import program, os
loss = (program.RATE - 0.5) ** 2 + abs(program.WIDTH - 20) / 100 + (program.KIND == "a")
print(f"loss: {loss + int(os.environ['MOVE37_SEED']) % 10 / 1000}")
"""
CONTEST = Contest(
    name="toy",
    edit="program.py",
    run="evaluate.py",
    metric="loss",
    space={
        "WIDTH": ("log int", 4, 64),
        "RATE": ("float", 0.0, 1.0),
        "KIND": ("choice", ("a", "b")),
    },
)


def install(name: str, directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "program.py").write_text(PROGRAM)
    (directory / "evaluate.py").write_text(RUN)


def test_both_sides_are_measured_on_fresh_seeds_beside_the_start(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def tune(root: Path, experiments: int, seed: int) -> str:
        asked.append((experiments, seed))
        return respelled((root / "program.py").read_text(), {"RATE": 0.5, "KIND": "b", "WIDTH": 20})

    result = tune_beside_optuna(
        tune,
        install,
        tmp_path,
        evaluations={"toy": 4},
        repetitions=1,
        fresh=2,
        seed=0,
        contests=(CONTEST,),
    )
    [pair] = result.pairs
    assert asked[0][0] == 4
    assert pair.gain_tune > 1
    assert result.figures["tune_ahead_toy"] >= 0
    assert result.figures["tune_gain_ratio_min"] == result.figures["tune_gain_ratio_toy"]
    assert "toy" in result.table()


def test_a_constant_keeps_its_comment() -> None:
    found = respelled(PROGRAM, {"WIDTH": 32, "KIND": "b"})
    assert found == "WIDTH = 32  # of the layer\nRATE = 0.1\nKIND = 'b'  # a, b\n"


def test_a_constant_that_is_not_there_is_named() -> None:
    with pytest.raises(TaskError, match="'DEPTH'"):
        respelled(PROGRAM, {"DEPTH": 3})
