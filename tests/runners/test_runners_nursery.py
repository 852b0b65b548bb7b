"""The nursery: workers share what it has loaded, and nothing else; it may die, and they may."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from move37.runners.local import LocalRunner
from move37.runners.nursery import Nursery
from move37.testing.runner import DIES, echo, hangs, load_a_module, tells_its_nursery, trial_job


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def runner() -> Iterator[LocalRunner]:
    with LocalRunner(tells_its_nursery, workers=3, nursery=Nursery(load_a_module)) as runner:
        yield runner


def told(runner: LocalRunner, *experiments: int) -> set[tuple[int, ...]]:
    """What workers say of themselves: their nursery, session and open files, and whether it had loaded."""
    for experiment in experiments:
        runner.submit(trial_job(experiment))
    found: set[tuple[int, ...]] = set()
    while runner.pending():
        for _, attached in runner.collect():
            found.add(tuple(map(int, attached["told"].split())))
    return found


def test_workers_come_from_one_nursery_and_are_sessions_of_their_own(runner: LocalRunner) -> None:
    workers = told(runner, 1, 2, 3)
    assert len({nursery for nursery, *_ in workers}) == 1
    assert len({session for _, session, *_ in workers}) == 3
    assert all(has_loaded for *_, has_loaded in workers)


def test_no_worker_holds_the_pipe_of_another(runner: LocalRunner) -> None:
    """Or nobody would see that one has died."""
    assert {files for _, _, files, _ in told(runner, 1, 2, 3)} == {1}


def test_a_nursery_that_died_is_replaced(runner: LocalRunner) -> None:
    ((nursery, _, _, _),) = told(runner, 1)
    os.kill(nursery, signal.SIGKILL)
    until(lambda: not is_alive(nursery))
    told(runner, 2, 3, 4)  # its workers go on
    runner.submit(trial_job(DIES))
    assert "died" in str(list(runner.collect()))
    after = told(runner, 1, 2, 3)
    assert len(after) == 3
    assert nursery not in {each[0] for each in after}


def test_what_cannot_be_loaded_is_a_failure_of_the_jobs_and_no_hang(tmp_path: Path) -> None:
    with LocalRunner(echo, workers=2, nursery=Nursery(partial(sys.exit, 3))) as runner:
        runner.submit(trial_job(1))
        ((fact, _),) = runner.collect()
    assert "died with exit status 3, twice" in str(fact)


ENGINE = """
import time
from pathlib import Path
from move37.runners.local import LocalRunner
from move37.testing.runner import trial_job, waits
runner = LocalRunner(waits(Path({notes!r})), workers=2)
runner.submit(trial_job(1))
print(runner._nursery._process.pid, flush=True)
time.sleep(60)
"""


def test_it_goes_when_the_engine_is_killed(tmp_path: Path) -> None:
    code = ENGINE.format(notes=str(tmp_path))
    engine = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert engine.stdout is not None
    with engine.stdout:
        nursery = int(engine.stdout.readline())
    until(lambda: bool(list(tmp_path.glob("*.began"))))
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    until(lambda: not is_alive(nursery))
    until(lambda: bool(list(tmp_path.glob("*.stopped"))))


def test_a_worker_that_does_not_go_is_ended(tmp_path: Path) -> None:
    nursery = Nursery()
    nursery.employ(hangs)
    serial, pipe = nursery.start(0, None)
    pipe.recv()
    assert nursery.end(serial, patience_seconds=0.1) == -signal.SIGKILL
    pipe.close()
    nursery.close()
