"""A demo that is killed on purpose: the same command goes on, and ends as if nothing had been."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from move37 import app
from move37.core.errors import StudyError
from move37.core.facts import Fact, Tried
from move37.store.sqlite import SqliteStore
from move37.testing.timeless import timeless


def demo(directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "move37", "demo", "match", "--into", str(directory)]
    return subprocess.Popen(
        [*command, "--experiments", "12", "--workers", "1", "--no-check", "--plain"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "MOVE37_MATCH": "3"},
    )


def finish(directory: Path) -> Sequence[Fact]:
    with demo(directory) as process:
        _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    assert app.verify(directory).mismatches == ()
    return timeless(facts(directory))


def facts(directory: Path) -> list[Fact]:
    try:
        store = SqliteStore.open(directory / app.STUDY, write=False)
    except StudyError:  # not made yet, or empty
        return []
    try:
        return [row.fact for row in store.rows()]
    finally:
        store.close()


def kill_after(directory: Path, trials: int) -> None:
    """`kill -9` of the engine once so many trials are stored."""
    with demo(directory) as process:
        while process.poll() is None:
            if sum(isinstance(fact, Tried) for fact in facts(directory)) >= trials:
                break
            time.sleep(0.02)
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_demo_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    untouched = finish(tmp_path / "untouched")
    killed = tmp_path / "killed"
    for trials in (2, 9):
        kill_after(killed, trials)
    assert finish(killed)[1:] == untouched[1:]
