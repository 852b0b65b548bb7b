"""`propose` and `wait` as people use them: beside a run in another terminal."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from move37.app.study import read_study
from move37.core.errors import StudyError

TOML = """
goal = "Lower the loss."
[files]
edit = ["train.py"]
[evaluate]
run = "python3 measure.py"
timeout = "20s"
[metric]
name = "val_loss"
goal = "minimize"
[[proposer]]
kind = "queue"
"""
MEASURE = """
from train import rate, width
print("val_loss:", 3 + (rate - 0.1) ** 2 + (width - 64) ** 2 / 5000)
"""
PATCH = "--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n rate = 0.01\n-width = 16\n+width = {}\n"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    root = tmp_path / "task"
    root.mkdir()
    (root / "move37.toml").write_text(TOML)
    (root / "measure.py").write_text(MEASURE)
    (root / "train.py").write_text("rate = 0.01\nwidth = 16\n")
    return root


def start(*args: str, cwd: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "move37.faces.cli.main", *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def finish(process: "subprocess.Popen[str]", stdin: str = "") -> tuple[int, str, str]:
    out, err = process.communicate(stdin, timeout=120)
    return process.returncode, out, err


def do(*args: str, cwd: Path, stdin: str = "") -> tuple[int, str, str]:
    return finish(start(*args, cwd=cwd), stdin)


def begun(root: Path) -> bool:
    try:
        with read_study(root) as study:
            return study.history.baseline.is_measured
    except StudyError:
        return False


@pytest.fixture
def engine(task: Path) -> Any:
    """A run in another terminal, which waits for people."""
    process = start("run", "--plain", "--no-check", cwd=task)
    while not begun(task):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    yield process
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code == 3, err


def test_beside_a_run_two_propose_at_once_and_both_get_their_verdict(
    task: Path, engine: object
) -> None:
    asked = [
        start("propose", "--patch", "-", "--hypothesis", f"größer {width}", "--wait", "--json",
              cwd=task)
        for width in (32, 64)
    ]  # fmt: skip
    for process, width in zip(asked, (32, 64), strict=True):
        assert process.stdin is not None
        process.stdin.write(PATCH.format(width))
        process.stdin.close()
        process.stdin = None
    found = [finish(process) for process in asked]
    answers = [json.loads(out) for _, out, _ in found]
    assert [code for code, _, _ in found] == [0, 0]
    assert {answer["awaited"]["experiment"] for answer in answers} == {1, 2}
    for answer in answers:
        detail = answer["awaited"]["detail"]
        assert detail["summary"]["hypothesis"] == answer["hypothesis"]
        assert detail["summary"]["verdict"]


def test_beside_a_run_a_ticket_comes_at_once_and_wait_waits(task: Path, engine: object) -> None:
    handed = do("propose", "--patch", "-", "--hypothesis", "x", cwd=task, stdin=PATCH.format(33))
    assert handed[0] == 0
    ticket, *rest = handed[1].split()
    assert "whoever works on the study takes it in" in " ".join(rest)
    code, out, _ = do("wait", ticket, cwd=task)
    assert code == 0
    assert "verdict  " in out, out
    code, out, _ = do("wait", "x1", "--json", cwd=task)
    assert json.loads(out)["ticket"] == ticket


def test_exit_codes_tell_what_became_of_it(task: Path) -> None:
    new = task.parent / "new.py"
    new.write_text("rate = oops\n")
    file = f"train.py={new}"
    said = ("--hypothesis", "x", "--sandbox", "auto")
    assert do("propose", "--file", file, *said, "--timeout", "0", cwd=task)[0] == 3
    code, out, _ = do("wait", "x1", cwd=task)
    assert (code, out) == (2, "")  # it was not taken in yet
    new.write_text("rate = oops2\n")
    code, out, _ = do("propose", "--file", file, *said, "--json", cwd=task)
    assert (code, json.loads(out)["awaited"]["state"]) == (1, "failed")
    assert do("wait", "x1", cwd=task)[0] == 1  # measured along with it
    code, out, err = do("propose", "--file", file, *said, "--json", cwd=task)
    assert (code, "same program as x2" in err, "error" in json.loads(out)) == (2, True, True)
    assert do("propose", *said, cwd=task)[0] == 2
    assert do("propose", "--file", file, "--patch", str(new), *said, cwd=task)[0] == 2
    code, _, err = do("propose", "--file", f"measure.py={new}", *said, cwd=task)
    assert code == 2
    assert "allows train.py only" in err
