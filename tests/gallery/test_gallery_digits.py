"""The `digits` task: hidden labels, predictions that are bytes, a judge that believes nothing else."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from move37 import app, gallery

pytest.importorskip("sklearn", reason="the images come with scikit-learn")

ROWS, UNSURE = 1197, np.full((1197, 10), 0.1)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gallery") / "digits"
    gallery.install("digits", directory)
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


def judged(task: Path, out: Path, **env: str) -> dict[str, float]:
    answer = ask(task, out, "-P", "prepare.py", "score", **env)
    assert answer.returncode == 0, answer.stderr
    return {name: float(value) for name, value in re.findall(r"^(\w+): (.+)$", answer.stdout, re.M)}


def trial(task: Path, out: Path, **env: str) -> dict[str, float]:
    trained = ask(task, out, "evaluate.py", **env)
    assert trained.returncode == 0, trained.stderr
    return judged(task, out, **env)


def refusal(task: Path, out: Path) -> str:
    answer = ask(task, out, "-P", "prepare.py", "score")
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert answer.stderr.count("\n") == 1
    return answer.stderr


def write(out: Path, predictions: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> None:
    (out / "predictions.f64").write_bytes(predictions.astype("<f8").tobytes())


def test_a_trial_repeats_and_another_split_is_another_sample(task: Path, tmp_path: Path) -> None:
    first = trial(task, tmp_path, MOVE37_SEED="1", MOVE37_SPLIT="1")
    assert set(first) == {"log_loss", "error_rate"}
    assert trial(task, tmp_path, MOVE37_SEED="1", MOVE37_SPLIT="1") == first
    other = judged(task, tmp_path, MOVE37_SEED="1", MOVE37_SPLIT="2")
    assert other["log_loss"] != first["log_loss"]
    assert 0.15 < other["log_loss"] < 0.4


def test_the_units_are_images_and_their_mean_is_the_metric(task: Path, tmp_path: Path) -> None:
    metric = trial(task, tmp_path)["log_loss"]
    units = json.loads((tmp_path / "units.json").read_text())
    assert len(units) == 400
    assert np.mean(list(units.values())) == pytest.approx(metric, abs=1e-5)


def test_the_hold_out_is_judged_when_asked_for(task: Path, tmp_path: Path) -> None:
    write(tmp_path, UNSURE)
    figures = judged(task, tmp_path, MOVE37_HOLDOUT="1")
    assert figures["log_loss"] == pytest.approx(np.log(10), abs=1e-6)
    assert figures["holdout_log_loss"] == pytest.approx(np.log(10), abs=1e-6)


def test_what_is_seen_holds_no_label_of_what_is_judged(task: Path) -> None:
    shapes = {path.name: np.load(path).shape for path in (task / "data").iterdir()}
    assert shapes == {
        "labelled_x.npy": (600, 64),
        "labelled_y.npy": (600,),
        "unlabelled_x.npy": (ROWS, 64),
    }
    assert 'hide = ["labels/"]' in (task / "move37.toml").read_text()


def test_being_wrong_and_sure_costs_no_more_than_9_nats_an_image(
    task: Path, tmp_path: Path
) -> None:
    truth = np.concatenate(
        [np.load(task / "labels" / f"{n}.npy") for n in ("validation", "holdout")]
    )
    write(tmp_path, np.eye(10)[(truth + 1) % 10])
    assert judged(task, tmp_path)["log_loss"] == pytest.approx(9.21034, abs=1e-4)
    write(tmp_path, np.eye(10)[truth])
    assert 0 < judged(task, tmp_path)["log_loss"] < 0.001


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1e-9, 1.5, 1e308])
def test_what_is_no_probability_is_refused(task: Path, tmp_path: Path, bad: float) -> None:
    predictions = UNSURE.copy()
    predictions[700, 3] = bad
    write(tmp_path, predictions)
    assert "probabilities, from 0 to 1" in refusal(task, tmp_path)


@pytest.mark.parametrize("row", [[1.0] * 10, [0.0] * 10, [0.1 + 1e-5] * 10])
def test_probabilities_that_do_not_sum_to_1_are_refused(
    task: Path, tmp_path: Path, row: list[float]
) -> None:
    predictions = UNSURE.copy()
    predictions[0] = row
    write(tmp_path, predictions)
    assert "sum to 1" in refusal(task, tmp_path)


@pytest.mark.parametrize("size", [0, 8, ROWS * 80 - 8, ROWS * 80 + 1, ROWS * 800])
def test_a_file_of_another_size_is_refused(task: Path, tmp_path: Path, size: int) -> None:
    (tmp_path / "predictions.f64").write_bytes(bytes(size))
    assert f"it has {size:,} bytes" in refusal(task, tmp_path)


def test_a_giant_file_is_refused_unread(task: Path, tmp_path: Path) -> None:
    with (tmp_path / "predictions.f64").open("wb") as file:
        file.truncate(2**40)  # sparse
    assert "it has 1,099,511,627,776 bytes" in refusal(task, tmp_path)


def test_no_file_a_link_and_a_directory_are_refused(task: Path, tmp_path: Path) -> None:
    assert "the run left no such file" in refusal(task, tmp_path)
    predictions = tmp_path / "predictions.f64"
    predictions.symlink_to(task / "labels" / "validation.npy")
    assert "not a regular file" in refusal(task, tmp_path)
    predictions.unlink()
    predictions.mkdir()
    assert "not a regular file" in refusal(task, tmp_path)


def test_a_link_in_the_place_of_the_units_is_not_written_through(
    task: Path, tmp_path: Path
) -> None:
    out, precious = tmp_path / "out", tmp_path / "precious"
    precious.write_text("mine")
    out.mkdir()
    (out / "units.json").symlink_to(precious)
    write(out, UNSURE)
    judged(task, out)
    assert precious.read_text() == "mine"


PEEKS = {
    "the package's loader": "from sklearn.datasets import load_digits",
    "the file itself": "import importlib.util as u, pathlib, gzip\n"
    "p = pathlib.Path(u.find_spec('sklearn').origin).parent / 'datasets/data/digits.csv.gz'\n"
    "gzip.open(p).read()",
    "numpy's reader": "import numpy as np, sys, glob\n"
    "[np.loadtxt(f, delimiter=',') for d in sys.path"
    " for f in glob.glob(d + '/sklearn/datasets/data/digits*')]",
    "another process": "import subprocess; subprocess.run(['true'])",
    "a shell": "import os; os.system('true')",
    "a fork": "import os; os.fork() or os._exit(0)",
}


@pytest.mark.parametrize("how", PEEKS)
def test_a_model_that_looks_the_labels_up_fails_with_a_sentence(
    task: Path, tmp_path: Path, how: str
) -> None:
    for path in task.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "data").symlink_to(task / "data")
    (tmp_path / "model.py").write_text(f"{PEEKS[how]}\n{(task / 'model.py').read_text()}")
    answer = ask(tmp_path, tmp_path / "out", "evaluate.py")
    assert answer.returncode == 1
    assert "PermissionError: a model " in answer.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_short_demo_ends_with_a_certificate(tmp_path: Path) -> None:
    settings = app.RunSettings(experiments=15, workers=1)
    result = app.demo("digits", tmp_path / "digits", settings)
    certified = result.certified
    assert certified is not None
    assert certified.claim
    assert certified.holdout_interval is not None
    assert certified.holdout_interval[0] > 0
