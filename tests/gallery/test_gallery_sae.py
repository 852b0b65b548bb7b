"""The `sae` task: an autoencoder is four arrays, and the judge keeps its codes sparse by itself."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from move37 import app, gallery

WIDTH = 64


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a language model of a tenth of the training, and a tenth of the budget."""
    directory = tmp_path_factory.mktemp("gallery") / "sae"
    directory.mkdir()
    for path in (Path(gallery.__file__).parent / "sae" / "task").iterdir():
        if path.is_file():
            shutil.copy(path, directory)
    prepare = directory / "prepare.py"
    text = prepare.read_text()
    for long, short in (("STEPS, BATCH, RATE = 3000", "STEPS, BATCH, RATE = 300"),
                        ("EXAMPLES = 100_000", "EXAMPLES = 10_000")):  # fmt: skip
        assert long in text
        text = text.replace(long, short)
    prepare.write_text(text)
    assert ask(directory, directory / "out", "prepare.py").returncode == 0
    return directory


@pytest.fixture(scope="module")
def judge(task: Path) -> ModuleType:
    paths = list(sys.path)
    sys.path.insert(0, str(task))
    try:
        return import_module("prepare")
    finally:
        sys.path[:] = paths
        sys.modules.pop("prepare", None)


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
    trained = ask(task, out, "train.py", **env)
    assert trained.returncode == 0, trained.stderr
    return judged(task, out, **env)


def refusal(task: Path, out: Path) -> str:
    answer = ask(task, out, "-P", "prepare.py", "score")
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert answer.stderr.count("\n") == 1
    return answer.stderr


def write(out: Path, changed: Mapping[str, Any] | None = None, *, latents: int = 3) -> None:
    rng = np.random.default_rng(0)
    parts: dict[str, Any] = {
        "encoder": rng.normal(size=(WIDTH, latents)),
        "encoder_bias": np.zeros(latents),
        "decoder": rng.normal(size=(latents, WIDTH)),
        "decoder_bias": np.zeros(WIDTH),
    }
    flat = [np.asarray(part, "<f4").tobytes() for part in (parts | dict(changed or {})).values()]
    (out / "sae.f32").write_bytes(b"".join(flat))


def test_a_trial_repeats_and_another_seed_is_another_autoencoder(
    task: Path, tmp_path: Path
) -> None:
    first = trial(task, tmp_path, MOVE37_SEED="1")
    assert set(first) == {"kl_bits", "unexplained"}
    assert trial(task, tmp_path, MOVE37_SEED="1") == first
    assert trial(task, tmp_path, MOVE37_SEED="2") != first
    assert 0 < first["kl_bits"] < 3


def test_the_units_are_files_and_their_mean_is_the_metric(task: Path, tmp_path: Path) -> None:
    metric = trial(task, tmp_path)["kl_bits"]
    units = json.loads((tmp_path / "units.json").read_text())
    assert len(units) > 20
    assert np.mean(list(units.values())) == pytest.approx(metric, abs=1e-5)


def test_the_hold_out_has_other_files(task: Path, tmp_path: Path) -> None:
    write(tmp_path)
    figures = judged(task, tmp_path, MOVE37_HOLDOUT="1")
    assert figures["holdout_kl_bits"] != figures["kl_bits"]
    names = [
        set(np.load(task / "hidden" / f"{split}.npz")["files"].tolist())
        for split in ("validation", "holdout")
    ]
    assert not names[0] & names[1]


def test_what_is_seen_holds_neither_judged_activations_nor_the_layers_below(task: Path) -> None:
    assert {path.name for path in (task / "data").iterdir()} == {"activations.npy", "readout.npy"}
    seen = {row.tobytes() for row in np.load(task / "data" / "activations.npy")}
    hidden = np.load(task / "hidden" / "validation.npz")["activations"].reshape(-1, WIDTH)
    # Where the same eight bytes, such as an indentation, stand in two files.
    assert sum(row.tobytes() in seen for row in hidden) < len(hidden) / 2
    assert 'hide = ["hidden/"]' in (task / "move37.toml").read_text()


def test_building_again_changes_nothing(task: Path) -> None:
    files = [path for folder in ("data", "hidden") for path in (task / folder).iterdir()]
    before = [path.stat().st_mtime_ns for path in files]
    assert ask(task, task / "out", "prepare.py").returncode == 0
    assert [path.stat().st_mtime_ns for path in files] == before


def test_a_code_never_has_more_than_eight_numbers(judge: ModuleType) -> None:
    """A dictionary that would give every activation back, were all its 128 entries used."""
    both_ways = np.hstack([np.eye(WIDTH), -np.eye(WIDTH)])
    sae = [both_ways, np.zeros(2 * WIDTH), both_ways.T, np.zeros(WIDTH)]
    a = np.random.default_rng(0).normal(size=(50, WIDTH))
    coded = judge.coded(sae, a)
    assert ((coded != 0).sum(axis=1) == 8).all()
    kept = np.sort(np.abs(a), axis=1)[:, -8:]
    assert np.sort(np.abs(coded), axis=1)[:, -8:] == pytest.approx(kept)


def test_of_equal_numbers_no_more_than_eight_are_kept(judge: ModuleType) -> None:
    sae = [np.zeros((WIDTH, 128)), np.ones(128), np.ones((128, WIDTH)), np.zeros(WIDTH)]
    assert judge.coded(sae, np.zeros((3, WIDTH))) == pytest.approx(np.full((3, WIDTH), 8.0))


def test_a_code_that_loses_nothing_scores_0_and_none_scores_less(
    judge: ModuleType, task: Path, tmp_path: Path
) -> None:
    a = np.zeros((2, 5, WIDTH), np.float32)
    a[:, :, 0] = np.arange(5)
    np.savez(tmp_path / "x.npz", activations=a, files=np.array(["a", "b"]))
    first = np.eye(WIDTH)[:, :1]
    none = [first, np.zeros(1), first.T, np.zeros(WIDTH)]
    lost, _ = judge.divergence(none, tmp_path / "x.npz")
    assert lost == {"a": 0.0, "b": 0.0}
    none[3] = np.random.default_rng(0).normal(size=WIDTH)
    assert all(bits > 0 for bits in judge.divergence(none, tmp_path / "x.npz")[0].values())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e5])
@pytest.mark.parametrize("part", ["encoder_bias", "decoder_bias"])
def test_weights_that_are_not_finite_or_are_huge_are_refused(
    task: Path, tmp_path: Path, part: str, bad: float
) -> None:
    values = np.zeros(3 if part == "encoder_bias" else WIDTH)
    values[1] = bad
    write(tmp_path, {part: values})
    assert "numbers from -10000 to 10000" in refusal(task, tmp_path)


def test_the_largest_weights_still_give_a_finite_score(task: Path, tmp_path: Path) -> None:
    everything = {"encoder": 1e4, "encoder_bias": 1e4, "decoder": 1e4, "decoder_bias": 1e4}
    shapes = {"encoder": (WIDTH, 9), "encoder_bias": (9,), "decoder": (9, WIDTH)}
    write(
        tmp_path, {name: np.full(shapes.get(name, (WIDTH,)), v) for name, v in everything.items()}
    )
    assert 0 < judged(task, tmp_path)["kl_bits"] < 1e15


@pytest.mark.parametrize("latents", [0, 257, 5000])
def test_too_many_latents_or_none_are_refused(task: Path, tmp_path: Path, latents: int) -> None:
    write(tmp_path, latents=latents)
    assert "1 to 256 latents" in refusal(task, tmp_path)


@pytest.mark.parametrize("size", [0, 1, 256 + 516 - 4, 256 + 516 + 1, 2**40])
def test_a_file_of_another_size_is_refused_unread(task: Path, tmp_path: Path, size: int) -> None:
    with (tmp_path / "sae.f32").open("wb") as file:
        file.truncate(size)  # sparse
    assert f"it has {size:,} bytes" in refusal(task, tmp_path)


def test_no_file_a_link_and_a_directory_are_refused(task: Path, tmp_path: Path) -> None:
    assert "train.py left no such file" in refusal(task, tmp_path)
    path = tmp_path / "sae.f32"
    path.symlink_to(task / "data" / "readout.npy")
    assert "not a regular file" in refusal(task, tmp_path)
    path.unlink()
    path.mkdir()
    assert "not a regular file" in refusal(task, tmp_path)


def test_a_link_in_the_place_of_the_units_is_not_written_through(
    task: Path, tmp_path: Path
) -> None:
    out, precious = tmp_path / "out", tmp_path / "precious"
    precious.write_text("mine")
    out.mkdir()
    (out / "units.json").symlink_to(precious)
    write(out)
    judged(task, out)
    assert precious.read_text() == "mine"


@pytest.mark.slow
def test_a_short_demo_of_autoencoders_ends_with_a_certificate(tmp_path: Path) -> None:
    settings = app.RunSettings(experiments=8, workers=1)
    certified = app.demo("sae", tmp_path / "sae", settings).certified
    assert certified is not None
    assert certified.claim
    assert certified.holdout_interval is not None
    assert certified.holdout_interval[0] > 0
