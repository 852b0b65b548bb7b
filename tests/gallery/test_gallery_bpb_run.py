"""`bpb` as the engine runs it: train in one process, judge in another."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def run(
    directory: Path, *arguments: str, out: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    path = {"PATH": os.environ["PATH"], "MOVE37_OUT": str(out)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env=path | one_thread | env,
        capture_output=True,
        text=True,
        check=False,
    )


def trial(directory: Path, out: Path, *, seed: int = 0, holdout: str = "0") -> dict[str, float]:
    """The metrics of one trial."""
    trained = run(directory, "train.py", out=out, MOVE37_SEED=str(seed))
    assert trained.returncode == 0, trained.stderr
    scored = run(directory, "-P", "prepare.py", "score", out=out, MOVE37_HOLDOUT=holdout)
    assert scored.returncode == 0, scored.stderr
    return {name: float(value) for name, value in re.findall(r"^(\w+): (.+)$", scored.stdout, re.M)}


def test_a_trial_prints_its_metric_and_leaves_its_units(brief: Path, tmp_path: Path) -> None:
    metrics = trial(brief, tmp_path / "out")
    units = json.loads((tmp_path / "out" / "units.json").read_text())
    files = [path for path, _ in json.loads((brief / "data" / "validation.json").read_text())]
    assert set(metrics) == {"val_bpb"}
    assert list(units) == files
    assert metrics["val_bpb"] == pytest.approx(sum(units.values()) / len(units), abs=1e-6)
    assert 3 < metrics["val_bpb"] < 7


def test_equal_seeds_give_equal_digits_and_others_do_not(brief: Path, tmp_path: Path) -> None:
    first, again, other = (
        trial(brief, tmp_path / name, seed=seed) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert first == again
    assert first != other


def test_the_holdout_is_judged_only_when_asked_for_and_present(brief: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    metrics = trial(brief, out, holdout="1")
    assert set(metrics) == {"val_bpb", "holdout_val_bpb"}
    assert metrics["val_bpb"] != metrics["holdout_val_bpb"]
    (brief / "holdout").rename(brief / "elsewhere")
    assert set(trial(brief, out, holdout="1")) == {"val_bpb"}


def test_without_a_model_the_judge_says_so(brief: Path, tmp_path: Path) -> None:
    scored = run(brief, "-P", "prepare.py", "score", out=tmp_path)
    assert scored.returncode == 1
    assert scored.stdout == ""
    assert "train.py left no such file" in scored.stderr
    assert "Traceback" not in scored.stderr


def test_without_data_training_says_what_to_run(brief: Path, tmp_path: Path) -> None:
    (brief / "data").rename(brief / "elsewhere")
    trained = run(brief, "train.py", out=tmp_path)
    assert trained.returncode == 1
    assert "run: python prepare.py" in trained.stderr
    assert "Traceback" not in trained.stderr


def test_what_a_run_leaves_beside_the_judge_is_never_imported(brief: Path, tmp_path: Path) -> None:
    honest = trial(brief, tmp_path)
    forged = "raise SystemExit('forged')\n"
    for name in ("numpy.py", "json.py", "zipfile.py", "sitecustomize.py"):
        (brief / name).write_text(forged)
    forge_cache(brief / "layers.py", forged)
    scored = run(brief, "-P", "prepare.py", "score", out=tmp_path)
    assert scored.stdout == f"val_bpb: {honest['val_bpb']:.6f}\n", scored.stderr


def forge_cache(source: Path, code: str) -> None:
    """Leave a compiled file that Python takes for the source's, but holds other code."""
    import importlib.util
    import py_compile

    cache = Path(importlib.util.cache_from_source(str(source)))
    other = source.with_name("other.py")
    other.write_text(code)
    py_compile.compile(str(other), cfile=str(cache))
    content = bytearray(cache.read_bytes())
    stat = source.stat()
    content[8:16] = int(stat.st_mtime).to_bytes(4, "little") + stat.st_size.to_bytes(4, "little")
    cache.write_bytes(content)
    imported = subprocess.run(
        [sys.executable, "-c", "import layers"], cwd=source.parent, capture_output=True, check=False
    )
    assert b"forged" in imported.stderr, "the forgery itself must work, or this shows nothing"


def test_a_link_in_the_place_of_the_units_is_not_written_through(
    brief: Path, tmp_path: Path
) -> None:
    out, precious = tmp_path / "out", tmp_path / "precious"
    precious.write_text("mine")
    out.mkdir()
    (out / "units.json").symlink_to(precious)
    trial(brief, out)
    assert precious.read_text() == "mine"
    assert not (out / "units.json").is_symlink()


@pytest.mark.slow
def test_the_whole_budget_reaches_about_three_bits(installed: Path, tmp_path: Path) -> None:
    metrics = trial(installed, tmp_path, holdout="1")
    assert 2.8 < metrics["val_bpb"] < 3.2
    assert 2.7 < metrics["holdout_val_bpb"] < 3.2
