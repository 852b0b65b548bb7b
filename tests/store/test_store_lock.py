"""One writer at a time, however the last one ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from move37.core.errors import StudyLocked
from move37.store.lock import WriterLock
from move37.store.sqlite import SqliteStore

OWNER = """
import os, subprocess, sys, time
from pathlib import Path
from move37.store.lock import WriterLock
lock = WriterLock.take(Path(sys.argv[1]))
if "fork" in sys.argv:
    child = os.fork()
    if child == 0:
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(600)
else:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleeper, close_fds=False).pid
    os.write(1, b"%d\\n" % child)
os.write(1, b"ready\\n")
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_second_writer_is_told_who_is_first(path: Path) -> None:
    lock = WriterLock.take(path)
    with pytest.raises(StudyLocked, match=f"process {os.getpid()} is writing to .*kill -INT"):
        WriterLock.take(path)
    lock.release()
    lock.release()
    WriterLock.take(path).release()


def test_a_study_has_one_writer(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "study", write=True), pytest.raises(StudyLocked):
        SqliteStore.open(tmp_path / "study", write=True)
    SqliteStore.open(tmp_path / "study", write=True).close()


@pytest.mark.parametrize("how", ["fork", "exec"])
def test_a_killed_owner_leaves_no_lock_even_if_its_children_live(path: Path, how: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path), how], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    said = {owner.stdout.readline().strip(), owner.stdout.readline().strip()}
    (child,) = (int(word) for word in said - {"ready"})
    try:
        with pytest.raises(StudyLocked, match=f"process {owner.pid} "):
            WriterLock.take(path)
        owner.kill()
        owner.wait()
        os.kill(child, 0)  # the child lives
        WriterLock.take(path).release()
    finally:
        os.kill(child, signal.SIGKILL)
        owner.stdout.close()


@pytest.mark.parametrize("content", ["", "not a pid", "1 1", "999999999 5\n", "4194304 -"])
def test_what_the_file_says_does_not_matter_when_nobody_holds_it(path: Path, content: str) -> None:
    path.write_text(content)
    lock = WriterLock.take(path)
    assert path.read_text().split()[0] == str(os.getpid())
    lock.release()
    assert path.read_text() == ""


def test_a_forked_child_does_not_take_the_lock_away_from_its_parent(path: Path) -> None:
    lock = WriterLock.take(path)
    child = os.fork()
    if child == 0:
        lock.release()
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(StudyLocked, match=f"process {os.getpid()} "):
        WriterLock.take(path)
    lock.release()
