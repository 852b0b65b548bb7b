"""The `tabular` task: real rows, a validation set that is drawn afresh, predictions that are data."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from move37 import gallery

pytest.importorskip("sklearn", reason="the table comes with scikit-learn")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gallery") / "tabular"
    gallery.install("tabular", directory)
    return directory


def ask(task: Path, out: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=task,
        env={**os.environ, "MOVE37_OUT": str(out), "OPENBLAS_NUM_THREADS": "1", **env},
        capture_output=True,
        text=True,
        check=False,
    )


def figures(task: Path, out: Path, **env: str) -> Mapping[str, float]:
    """Train, predict and judge."""
    trained = ask(task, out, "evaluate.py", **env)
    assert trained.returncode == 0, trained.stderr
    judged = ask(task, out, "-P", "prepare.py", "score", **env)
    assert judged.returncode == 0, judged.stderr
    return {name: float(value) for name, value in map(_pair, judged.stdout.splitlines())}


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name, value


def save(out: Path, **predictions: object) -> None:
    arrays = {name: np.asarray(values) for name, values in predictions.items()}
    np.savez(out / "predictions.npz", **arrays)  # pyright: ignore[reportArgumentType]


def test_equal_seed_and_split_repeat_and_another_split_is_another_sample(
    task: Path, tmp_path: Path
) -> None:
    first = figures(task, tmp_path, MOVE37_SPLIT="1", MOVE37_SEED="1")
    assert figures(task, tmp_path, MOVE37_SPLIT="1", MOVE37_SEED="1") == first
    other = figures(task, tmp_path, MOVE37_SPLIT="2", MOVE37_SEED="1")
    assert other["val_mae"] != first["val_mae"]
    assert abs(other["val_mae"] - first["val_mae"]) < 3.0


def test_the_units_are_patients_and_their_mean_is_the_metric(task: Path, tmp_path: Path) -> None:
    metric = figures(task, tmp_path)["val_mae"]
    units = json.loads((tmp_path / "units.json").read_text())
    assert len(units) == 342
    assert np.mean(list(units.values())) == pytest.approx(metric, abs=1e-5)


def test_the_hold_out_is_judged_when_asked_for_and_its_truth_is_hidden(
    task: Path, tmp_path: Path
) -> None:
    assert "holdout_val_mae" not in figures(task, tmp_path)
    assert 40 < figures(task, tmp_path, MOVE37_HOLDOUT="1")["holdout_val_mae"] < 60
    with np.load(task / "data" / "holdout_x.npz") as shown:
        assert list(shown) == ["x"]
    with np.load(task / "holdout" / "holdout_y.npz") as hidden:
        assert len(hidden["y"]) == 100


@pytest.mark.parametrize(
    ("validation", "complaint"),
    [
        (np.full(342, np.nan), "not all predictions are numbers"),
        (np.full(342, 1e9), "not all predictions are numbers"),
        (np.zeros(341), r"(341,) predictions for (342,) patients"),
        (np.asarray(["a"] * 342), "could not convert"),
    ],
)
def test_what_is_no_prediction_is_refused_in_a_sentence(
    task: Path, tmp_path: Path, validation: object, complaint: str
) -> None:
    save(tmp_path, validation=validation, holdout=np.zeros(100))
    judged = ask(task, tmp_path, "-P", "prepare.py", "score")
    assert judged.returncode == 1
    assert complaint in judged.stderr
    assert "val_mae" not in judged.stdout


def test_a_pickle_is_never_opened(task: Path, tmp_path: Path) -> None:
    save(tmp_path, validation=np.asarray([object()] * 342, dtype=object), holdout=np.zeros(100))
    judged = ask(task, tmp_path, "-P", "prepare.py", "score")
    assert judged.returncode == 1
    assert "allow_pickle" in judged.stderr
