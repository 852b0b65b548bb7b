"""The engine is killed at random moments; nothing is lost, nothing stays behind."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from move37 import app
from move37.core.errors import StudyError
from move37.core.facts import Fact
from move37.core.journal import Journal
from move37.store.sqlite import SqliteStore
from move37.testing.timeless import timeless

EXPERIMENTS = 12

TASK = """\
goal = "Lower the loss."

[files]
edit = ["settings.toml"]
link = ["token"]

[evaluate]
run = "sh evaluate.sh"
timeout = "30s"

[metric]
name = "loss"
goal = "minimize"
"""

SETTINGS = """\
learning_rate = 0.01
width = 64
momentum = 0.5
use_bias = true
"""

# Deterministic: the loss is a function of the program and the seed. It leaves a child behind, too.
EVALUATE = """\
sleep "31.5$(cat token)" &
sleep 0.05
awk -v seed="$MOVE37_SEED" -F ' = ' '
  /learning_rate/ { loss += (log($2) + 2) ^ 2 }
  /width/         { loss += (log($2) - 5) ^ 2 }
  /momentum/      { loss += 4 * ($2 - 0.9) ^ 2 }
  END             { printf "loss: %.6f\\n", loss + (seed % 1000) / 10000 }
' settings.toml
"""


def make_task(directory: Path, token: str) -> Path:
    directory.mkdir()
    (directory / "move37.toml").write_text(TASK)
    (directory / "token").write_text(token)  # linked, and so in no program
    (directory / "settings.toml").write_text(SETTINGS)
    (directory / "evaluate.sh").write_text(EVALUATE)
    return directory


def engine(task: Path, token: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "move37", "run", "-C", str(task), "--workers", "1"]
    return subprocess.Popen(
        [*command, "--experiments", str(EXPERIMENTS)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "MOVE37_CHAOS": token},
    )


def finish(task: Path) -> None:
    with engine(task) as process:
        _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()


def facts(task: Path) -> Sequence[Fact]:
    store = SqliteStore.open(task / app.STUDY, write=False)
    try:
        return timeless(row.fact for row in Journal(store).store.rows())
    finally:
        store.close()


def left_behind(token: str) -> list[str]:
    """Command lines of living processes that have the token in them, or in their environment."""
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                line = (process / "cmdline").read_bytes()
                environment = (process / "environ").read_bytes()
            except OSError:  # it is gone
                continue
            if token.encode() in line + environment:
                found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def until_gone(token: str) -> None:
    deadline = time.monotonic() + 20
    while lines := left_behind(token):
        assert time.monotonic() < deadline, f"left behind: {lines}"
        time.sleep(0.05)


def kill_often(tmp_path: Path, *, kills: int, seed: int) -> None:
    """Kill engines at random moments until `kills` are done; compare with an untouched study."""
    moments = random.Random(seed)
    untouched = make_task(tmp_path / "untouched", str(uuid.uuid4().int))
    finish(untouched)
    expected = facts(untouched)
    assert len(expected) > 3 * EXPERIMENTS
    done = 0
    while done < kills:
        token = str(uuid.uuid4().int)
        task = make_task(tmp_path / f"killed-{done}", token)
        for _ in range(min(10, kills - done)):
            with engine(task, token) as process:
                time.sleep(moments.uniform(0.2, 3.0))
                process.send_signal(signal.SIGKILL)
                process.wait()
            done += 1
            until_gone(token)
            if (task / app.STUDY / "study.db").exists() and has_begun(task):
                assert app.verify(task).mismatches == ()
        finish(task)
        assert app.verify(task).mismatches == ()
        # The first fact has the fingerprint of what is measured, and so of the token.
        assert facts(task)[1:] == expected[1:]


def has_begun(task: Path) -> bool:
    try:
        store = SqliteStore.open(task / app.STUDY, write=False)
    except StudyError as error:
        if "still empty" not in str(error):
            raise
        return False
    try:
        return bool(Journal(store).history.epochs)
    finally:
        store.close()


def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    kill_often(tmp_path, kills=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [37, 38])
def test_a_hundred_kills_lose_nothing(tmp_path: Path, seed: int) -> None:
    kill_often(tmp_path, kills=50, seed=seed)  # in halves, so that two workers share them
