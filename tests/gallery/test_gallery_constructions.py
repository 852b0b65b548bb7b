"""The judges of the mathematical tasks: exact, the second look too, and nothing that is no construction passes."""

import json
import math
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from move37 import gallery

NAMES = ("autocorr", "circles", "heilbronn", "overlap")


@dataclass(frozen=True)
class Judged:
    status: int
    metrics: dict[str, float]
    complaint: str


@dataclass(frozen=True)
class Task:
    """A task where a user would have it, with its judge."""

    name: str
    directory: Path

    @property
    def metric(self) -> str:
        return gallery.describe(self.name).metric

    @property
    def program(self) -> str:
        return tomllib.loads((self.directory / "move37.toml").read_text())["files"]["edit"][0]

    def run(self, out: Path, *, seed: int = 0) -> None:
        self._python(self.program, out=out, MOVE37_SEED=str(seed)).check_returncode()

    def judge(self, out: Path) -> Judged:
        """With the second look, which must agree wherever the first accepts."""
        done = self._python("-P", "prepare.py", "score", out=out, MOVE37_HOLDOUT="1")
        assert "Traceback" not in done.stderr
        pairs = (line.split(": ") for line in done.stdout.splitlines())
        metrics = {name: float(value) for name, value in pairs}
        if done.returncode == 0:
            assert metrics[f"holdout_{self.metric}"] == metrics[self.metric]
        return Judged(done.returncode, metrics, done.stderr.strip())

    def _python(self, *args: str, out: Path, **env: str) -> subprocess.CompletedProcess[str]:
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, *args],
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "MOVE37_OUT": str(out)} | one_thread | env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Task]:
    there: dict[str, Task] = {}

    def installed(name: str) -> Task:
        if name not in there:
            there[name] = Task(name, tmp_path_factory.mktemp("constructions") / name)
            gallery.install(name, there[name].directory)
        return there[name]

    return installed


Say = Callable[[str, object], Judged]


@pytest.fixture
def say(install: Callable[[str], Task], tmp_path: Path) -> Say:
    """Judge a construction that somebody wrote."""

    def judged(name: str, construction: object) -> Judged:
        text = construction if isinstance(construction, str) else json.dumps(construction)
        (tmp_path / "construction.json").write_text(text)
        return install(name).judge(tmp_path)

    return judged


def row_of_circles(gap: float = 0.0) -> list[list[float]]:
    """26 circles of radius 1/64 in a row, each touching the next one, or less by `gap`."""
    return [[(2 * i + 1) / 64 - i * gap, 0.5, 1 / 64] for i in range(26)]


def points_on_a_curve() -> list[list[float]]:
    return [[i / 32, i * i / 1024] for i in range(11)]


VALID: dict[str, Any] = {
    "circles": row_of_circles(),
    "heilbronn": points_on_a_curve(),
    "overlap": [0.25, 0.75, 0.75, 0.25],
    "autocorr": [1.0, 2.0, 3.0],
}


# --- what they compute ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_program_as_it_ships_is_judged_at_its_stated_value(
    name: str, install: Callable[[str], Task], tmp_path: Path
) -> None:
    task, entry = install(name), gallery.describe(name)
    values: list[float] = []
    for seed in (1, 2, 1):
        out = tmp_path / str(len(values))
        task.run(out, seed=seed)
        values.append(task.judge(out).metrics[entry.metric])
    assert values[0] == values[2], "equal seeds, equal digits"
    assert values[0] != values[1]
    assert values[0] == pytest.approx(entry.baseline, rel=0.25 if name == "heilbronn" else 0.02)


def test_circles_that_touch_are_a_packing_and_less_is_none(say: Say) -> None:
    assert say("circles", row_of_circles()).metrics["sum_radii"] == 26 / 64
    for gap in (1e-3, 1e-9, 2.0**-53):
        assert "overlap" in say("circles", row_of_circles(gap)).complaint
    assert say("circles", row_of_circles(-1e-4)).status == 0


def test_a_circle_may_touch_the_square_and_not_pass_it(say: Say) -> None:
    beside = [[i / 32 + 1 / 64, 1 / 64, 1 / 64] for i in range(25)]
    assert say("circles", [*beside, [0.5, 0.75, 0.25]]).status == 0
    above = math.nextafter(0.75, 1)
    for wrong in ([0.5, above, 0.25], [0.25, 0.5, math.nextafter(0.25, 1)], [0.5, 0.5, -1e-300]):
        assert say("circles", [*beside, wrong]).status == 1
    inside_another = [*row_of_circles()[:-1], [1 / 64, 0.5, 5e-324]]
    assert "overlap" in say("circles", inside_another).complaint


def test_a_radius_of_zero_or_of_the_smallest_double_counts_for_what_it_is(say: Say) -> None:
    for least in (0.0, 5e-324):
        circles = [*row_of_circles()[:-1], [0.5, 0.25, least]]
        assert say("circles", circles).metrics["sum_radii"] == 25 / 64


def test_the_smallest_triangle_counts_and_three_in_a_line_are_nothing(say: Say) -> None:
    # On a parabola the smallest triangle is that of three neighbours: 2 / 32**3.
    assert say("heilbronn", points_on_a_curve()).metrics["min_area"] == pytest.approx(2 / 32**3)
    flat = [[i / 32, 0.0] for i in range(11)]
    assert say("heilbronn", flat).metrics["min_area"] == 0.0
    twice = [*points_on_a_curve()[:-1], [0.0, 0.0]]
    assert say("heilbronn", twice).metrics["min_area"] == 0.0


def test_a_point_outside_of_the_triangle_by_one_unit_of_rounding_is_outside(say: Say) -> None:
    for x, y in ((-5e-324, 0.5), (0.5, math.nextafter(0.5, 1)), (1.5, -0.5)):
        points = [*points_on_a_curve()[:-1], [x, y]]
        assert "point 10 is not in the triangle" in say("heilbronn", points).complaint
    assert say("heilbronn", [*points_on_a_curve()[:-1], [0.5, 0.5]]).status == 0


def test_functions_whose_value_is_known_have_it(say: Say) -> None:
    third, half = 1 / 3, 1 / 2
    # Haugland's records for one, two and three steps; rounded up.
    assert say("overlap", [half, half]).metrics["overlap"] == 0.5
    assert say("overlap", [third, 2 * third]).metrics["overlap"] == pytest.approx(4 / 9, abs=1e-11)
    low, high = half - 40**-0.5, half + 10**-0.5
    assert say("overlap", [low, high, low]).metrics["overlap"] == pytest.approx(2 / 5, abs=1e-11)
    assert say("autocorr", [7.0] * 50).metrics["c1_bound"] == 2.0


@pytest.mark.parametrize("count", [2, 3, 64, 501])
def test_step_functions_are_judged_as_floats_would_to_their_last_digits(
    say: Say, count: int
) -> None:
    rng = np.random.default_rng(count)
    f = rng.random(count)
    expected = 2 * count * np.convolve(f, f).max() / f.sum() ** 2
    assert say("autocorr", f.tolist()).metrics["c1_bound"] == pytest.approx(expected, rel=1e-9)
    h = 0.5 + 0.4 * (f - f.mean())
    h[h < 0.1] = 0.5
    scaled = h * count / 2 / h.sum()
    expected = np.correlate(scaled, 1 - scaled, "full").max() * 2 / count
    assert say("overlap", h.tolist()).metrics["overlap"] == pytest.approx(expected, rel=1e-9)


def test_the_scale_of_a_step_function_changes_nothing(say: Say) -> None:
    assert say("autocorr", [1e-300, 2e-300, 3e-300]) == say("autocorr", [1e300, 2e300, 3e300])
    assert say("autocorr", [5e-324, 5e-324]).metrics["c1_bound"] == 2.0
    halved = say("overlap", [0.125, 0.375, 0.375, 0.125])
    assert halved == say("overlap", [0.25, 0.75, 0.75, 0.25])


def test_a_height_may_reach_one_and_not_pass_it_once_the_integral_is_one(say: Say) -> None:
    assert say("overlap", [0.0, 1.0, 1.0, 0.0]).metrics["overlap"] == pytest.approx(0.5)
    assert "passes 1" in say("overlap", [0.0, 1.0, 1.0 - 1e-9, 0.0]).complaint
    assert "passes 1" in say("overlap", [1.0, 0.0, 0.0]).complaint
    for height in (-5e-324, math.nextafter(1, 2)):
        assert "not in [0, 1]" in say("overlap", [0.5, height]).complaint
    assert "negative" in say("autocorr", [1.0, -1e-300]).complaint
    for name in ("overlap", "autocorr"):
        assert "all heights are 0" in say(name, [0.0] * 4).complaint


def test_the_last_decimal_is_rounded_against_the_candidate(install: Callable[[str], Task]) -> None:
    code = (
        "from fractions import Fraction; from construction import decimal;"
        "print(decimal(Fraction(1, 3), up=True), decimal(Fraction(1, 3), up=False),"
        " decimal(Fraction(-1, 3), up=False), decimal(Fraction(2), up=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=install("circles").directory,
        capture_output=True,
        text=True,
        check=True,
    )
    above, below, negative, two = done.stdout.split()
    assert Fraction(below) < Fraction(1, 3) < Fraction(above)
    assert Fraction(negative) < Fraction(-1, 3)
    assert two == "2.000000000000"


# --- what they refuse -------------------------------------------------------------------------------


def spoiled(name: str, text: str) -> str:
    """A valid construction whose first number is `text`."""
    first = VALID[name][0]
    number = first if isinstance(first, float) else first[0]
    return json.dumps(VALID[name]).replace(json.dumps(number), text, 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e5", "-1e5", "9" * 5000, "1" * 41),
        *("true", "null", '"0.5"', '"__import__(1)"', "[0.5]", "{}", "0x1", "", "\u0661"),
    ],
)
def test_what_is_no_number_in_range_is_refused_in_a_sentence(
    name: str, text: str, say: Say
) -> None:
    judged = say(name, spoiled(name, text))
    if name == "autocorr" and text == "1e5":
        assert judged.status == 0, "any scale will do there"
        return
    assert (judged.status, judged.metrics) == (1, {})
    assert judged.complaint.startswith("construction.json: ")
    assert "\n" not in judged.complaint
    assert len(judged.complaint) < 200


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [
        *([], {}, 0.5, None, "x", [[]], [[[0.5]]], {"0": 0.5}, [0.5], [[0.5, 0.5, 0.5]] * 27),
        *([[0.1, 0.1]] * 12, [[0.1] * 4] * 26, [0.5] * 2001, "[" * 100_000, "[0.5, 0.5", "\x00"),
        "[" + "0.5," * 300_000 + "0.5]",
    ],
)
def test_another_shape_is_refused_in_a_sentence(name: str, value: object, say: Say) -> None:
    judged = say(name, value)
    assert (judged.status, judged.metrics) == (1, {})
    assert "\n" not in judged.complaint


@pytest.mark.parametrize("name", NAMES)
def test_only_a_regular_file_is_opened_and_others_beside_it_change_nothing(
    name: str, install: Callable[[str], Task], say: Say, tmp_path: Path
) -> None:
    honest = say(name, VALID[name])
    for other in ("units.json", "verify.py", "construction.py", "fractions.py", "prepare.py"):
        (tmp_path / other).write_text("raise SystemExit(0)")
    assert say(name, VALID[name]) == honest
    file, elsewhere = tmp_path / "construction.json", tmp_path / "elsewhere.json"
    file.rename(elsewhere)
    assert "no such file" in install(name).judge(tmp_path).complaint
    file.symlink_to(elsewhere)
    assert "not a regular file" in install(name).judge(tmp_path).complaint
    file.unlink()
    os.mkfifo(file)
    assert "not a regular file" in install(name).judge(tmp_path).complaint
    file.unlink()
    file.mkdir()
    assert "not a regular file" in install(name).judge(tmp_path).complaint


@pytest.mark.slow
def test_a_short_demo_ends_with_a_certificate_on_the_hold_out_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "move37", "demo", "autocorr", "--into", str(tmp_path / "demo")),
            *("--experiments", "25", "--json"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    certified = json.loads(done.stdout)["certified"]
    assert certified["claim"]
    assert certified["effect"] > 0
    assert certified["holdout_effect"] == pytest.approx(certified["effect"], rel=1e-6)
