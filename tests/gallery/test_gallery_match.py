"""The `match` task: a machine drawn by lot, states that are data, a judge that knows the truth."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from move37 import app, gallery


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it only."""
    directory = tmp_path_factory.mktemp("gallery") / "match"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOVE37_MATCH", "1")
        gallery.install("match", directory)
    return directory


def ask(task: Path, out: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=task,
        env={**os.environ, "MOVE37_OUT": str(out), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def judge(task: Path, out: Path, **env: str) -> Mapping[str, float]:
    judged = ask(task, out, "-P", "prepare.py", "score", **env)
    assert judged.returncode == 0, judged.stderr
    return {name: float(value) for name, value in re.findall(r"(\w+): (\S+)", judged.stdout)}


def trial(task: Path, out: Path, **env: str) -> Mapping[str, float]:
    ran = ask(task, out, "run.py")
    assert ran.returncode == 0, ran.stderr
    return judge(task, out, **env)


def test_guessing_gives_a_half_and_the_hold_out_is_judged_when_asked_for(
    drawn: Path, tmp_path: Path
) -> None:
    metrics = trial(drawn, tmp_path)
    assert set(metrics) == {"agreement"}
    assert metrics["agreement"] == pytest.approx(0.5, abs=0.05)
    assert trial(drawn, tmp_path) == metrics, "it is exact"
    units = json.loads((tmp_path / "units.json").read_text())
    assert sum(units.values()) / len(units) == pytest.approx(metrics["agreement"], abs=1e-6)
    assert set(judge(drawn, tmp_path, MOVE37_HOLDOUT="1")) == {"agreement", "holdout_agreement"}


def test_the_machine_itself_is_what_agrees_everywhere(drawn: Path, tmp_path: Path) -> None:
    task = tmp_path / "task"
    shutil.copytree(drawn, task)
    truth = json.loads((drawn / "holdout" / "machine.json").read_text())
    text = (
        (task / "machine.py").read_text().replace("int(RULE[spelled])", "RULE[number % 2][spelled]")
    )
    text = re.sub(
        r"RULE = \[.*?\]  # fmt: skip",
        f"RULE = [{truth['even']}, {truth['odd']}]",
        text,
        flags=re.S,
    )
    text = text.replace('BORDER = "zero"', f'BORDER = "{truth["border"]}"').replace(
        "PAST = False", "PAST = True"
    )
    (task / "machine.py").write_text(text)
    metrics = trial(task, tmp_path / "out", MOVE37_HOLDOUT="1")
    assert metrics == {"agreement": 1.0, "holdout_agreement": 1.0}


def test_each_directory_has_a_machine_of_its_own_that_stays(tmp_path: Path) -> None:
    for name in ("one", "other"):
        gallery.install("match", tmp_path / name)
    one, other = (tmp_path / name / "holdout" / "machine.json" for name in ("one", "other"))
    before = one.read_bytes()
    assert before != other.read_bytes()
    gallery.install("match", tmp_path / "one")
    assert one.read_bytes() == before


def test_what_a_run_sees_says_nothing_of_the_machine_but_examples(drawn: Path) -> None:
    cases = json.loads((drawn / "data" / "cases.json").read_text())
    examples = json.loads((drawn / "data" / "examples.json").read_text())
    assert {key for kind in cases.values() for case in kind for key in case} == {
        "before",
        "now",
        "number",
    }
    shown = {example["now"] for example in examples}
    assert not shown & {case["now"] for kind in cases.values() for case in kind}
    assert 'hide = ["holdout/"]' in (drawn / "move37.toml").read_text()


@pytest.mark.parametrize(
    ("left", "complaint"),
    [
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no object"),
        (b"{}", "'search' has to be a list of 96 states"),
        (json.dumps({"search": ["0" * 64] * 95}).encode(), "a list of 96 states"),
        (json.dumps({"search": ["0" * 63] * 96}).encode(), "64 zeros and ones"),
        (json.dumps({"search": ["2" * 64] * 96}).encode(), "64 zeros and ones"),
        (json.dumps({"search": [1e308] * 96}).encode(), "64 zeros and ones"),
        (b" " * (1 << 19), "larger than"),
    ],
)
def test_what_are_no_states_is_refused_in_a_sentence(
    drawn: Path, tmp_path: Path, left: bytes, complaint: str
) -> None:
    (tmp_path / "states.json").write_bytes(left)
    (tmp_path / "units.json").write_text('{"forged": 1.0}')
    judged = ask(drawn, tmp_path, "-P", "prepare.py", "score")
    assert judged.returncode == 1
    assert complaint in judged.stderr
    assert "Traceback" not in judged.stderr
    assert judged.stdout == ""
    assert not (tmp_path / "units.json").exists()


def test_a_link_to_the_machine_is_no_state(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "states.json").symlink_to(drawn / "holdout" / "machine.json")
    assert "left no states.json" in ask(drawn, tmp_path, "-P", "prepare.py", "score").stderr


@pytest.mark.slow
def test_tune_goes_two_thirds_of_the_way_and_it_is_certified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVE37_MATCH", "1")
    settings = app.RunSettings(experiments=120, hours=0.1)
    result = app.demo("match", tmp_path / "match", settings)
    assert result.certified is not None
    assert result.certified.claim
    assert (result.certified.effect or 0) > 0.2
    assert (result.certified.holdout_effect or 0) > 0.2
