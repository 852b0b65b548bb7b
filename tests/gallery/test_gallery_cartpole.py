"""The `cartpole` task: a policy is a table of forces, and the judge has the cart."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from move37 import app, gallery

SHAPE = (9, 13, 72, 33)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gallery") / "cartpole"
    gallery.install("cartpole", directory)
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


def refusal(task: Path, out: Path) -> str:
    answer = ask(task, out, "-P", "prepare.py", "score")
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert answer.stderr.count("\n") == 1
    return answer.stderr


def write(out: Path, table: Any) -> None:
    (out / "policy.f32").write_bytes(np.asarray(table, "<f4").tobytes())


def test_a_trial_repeats_and_another_split_has_other_starts(task: Path, tmp_path: Path) -> None:
    assert ask(task, tmp_path, "policy.py").returncode == 0
    first = judged(task, tmp_path, MOVE37_SPLIT="1")
    assert judged(task, tmp_path, MOVE37_SPLIT="1") == first
    assert judged(task, tmp_path, MOVE37_SPLIT="2") != first
    assert 0.1 < first["upright"] < 0.35
    units = json.loads((tmp_path / "units.json").read_text())
    assert len(units) == 24
    assert np.mean(list(units.values())) == pytest.approx(
        judged(task, tmp_path, MOVE37_SPLIT="2")["upright"], abs=0.03
    )


def test_the_hold_out_has_other_poles(task: Path, tmp_path: Path) -> None:
    assert ask(task, tmp_path, "policy.py").returncode == 0
    figures = judged(task, tmp_path, MOVE37_HOLDOUT="1")
    assert set(figures) == {"upright", "holdout_upright"}
    assert 0 < figures["holdout_upright"] < figures["upright"]


def test_doing_nothing_does_not_pay(task: Path, tmp_path: Path) -> None:
    write(tmp_path, np.zeros(SHAPE))
    assert judged(task, tmp_path)["upright"] < 0.1


def test_the_starts_follow_from_a_secret_that_a_run_does_not_see(
    task: Path, tmp_path: Path
) -> None:
    secret = (task / "hidden" / "secret").read_text()
    assert re.fullmatch("[0-9a-f]{32}", secret)
    assert 'hide = ["hidden/"]' in (task / "move37.toml").read_text()
    gallery.install("cartpole", task)
    assert (task / "hidden" / "secret").read_text() == secret
    gallery.install("cartpole", tmp_path / "other")
    assert (tmp_path / "other" / "hidden" / "secret").read_text() != secret


def test_the_cart_obeys_the_published_equations(judge: ModuleType) -> None:
    """Against the energy of cart and pole, which they keep where nothing pushes."""

    def energy(state: Any) -> float:
        _, v, angle, w = state
        length, pole = judge.HALF_LENGTH, judge.POLE
        along, up = v + length * w * np.cos(angle), -length * w * np.sin(angle)
        inertia = pole * length**2 / 3
        height = judge.GRAVITY * length * np.cos(angle)
        return float(
            judge.CART * v * v / 2 + pole * (along**2 + up**2) / 2 + inertia * w * w / 2
            + pole * height
        )  # fmt: skip

    state = np.array([0.1, 0.3, 1.0, 0.5])
    moved, pushed = (judge.moved(state, force, judge.HALF_LENGTH) for force in (0.0, 5.0))
    # Steps of 0.02 s keep it to their first order; a wrong sign anywhere would cost a joule a second.
    assert abs(energy(moved) - energy(state)) / judge.SECONDS < 0.1
    # A push of 5 N does work at the rate of force times speed, here the mean of that before and after.
    work = 5 * (0.3 + pushed[1]) / 2 * judge.SECONDS
    assert energy(pushed) - energy(moved) == pytest.approx(work, rel=0.05)


def test_a_table_is_interpolated_between_its_points_and_goes_round(judge: ModuleType) -> None:
    x, v, angle, w = judge.grid()
    table = 2 * x - v + 0.5 * w + np.cos(angle)
    state = np.array([[0.37, 1.1, 0.0, -3.3], [9.0, -9.0, np.pi, 99.0], [0.0, 0.0, 7 * np.pi, 0.0]])
    expected = [2 * 0.37 - 1.1 - 0.5 * 3.3 + 1, 4.8 + 6 + 6 - 1, -1]
    assert judge.looked_up(table, state) == pytest.approx(expected)


def test_no_table_pushes_harder_than_10_newton(task: Path, tmp_path: Path) -> None:
    assert ask(task, tmp_path, "policy.py").returncode == 0
    table = np.fromfile(tmp_path / "policy.f32", "<f4")
    strong = np.sign(table) * 1e6
    write(tmp_path, strong)
    first = judged(task, tmp_path)
    write(tmp_path, np.clip(strong, -10, 10))
    assert judged(task, tmp_path) == first


def test_a_cart_that_has_left_its_track_stays_off_it(judge: ModuleType) -> None:
    starts = np.array([[2.3, 5.0, 0.0, 0.0]])
    states, alive = judge.rollouts(np.full(SHAPE, -10.0), starts, np.zeros((100, 1)))
    assert not alive[5:].any()
    assert (states[20:] == states[20]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e7])
def test_forces_that_are_no_numbers_are_refused(task: Path, tmp_path: Path, bad: float) -> None:
    table = np.zeros(SHAPE)
    table[4, 6, 36, 16] = bad
    write(tmp_path, table)
    assert "numbers from -1e6 to 1e6" in refusal(task, tmp_path)


@pytest.mark.parametrize("size", [0, 4, 1111968 - 4, 1111968 + 1, 2**40])
def test_a_table_of_another_size_is_refused_unread(task: Path, tmp_path: Path, size: int) -> None:
    with (tmp_path / "policy.f32").open("wb") as file:
        file.truncate(size)  # sparse
    assert f"it has {size:,} bytes" in refusal(task, tmp_path)


def test_no_table_a_link_and_a_directory_are_refused(task: Path, tmp_path: Path) -> None:
    assert "policy.py left no such file" in refusal(task, tmp_path)
    path = tmp_path / "policy.f32"
    path.symlink_to(task / "prepare.py")
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
    write(out, np.zeros(SHAPE))
    judged(task, out)
    assert precious.read_text() == "mine"


@pytest.mark.slow
def test_a_short_demo_of_control_ends_with_a_certificate(tmp_path: Path) -> None:
    settings = app.RunSettings(experiments=40, workers=1)
    certified = app.demo("cartpole", tmp_path / "cartpole", settings).certified
    assert certified is not None
    assert certified.claim
    assert certified.effect is not None
    assert certified.effect > 0.05
