import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from move37.runners.local import LocalRunner
from move37.testing.runner import MakeRunner, ProcessRunnerContract, trial_job, waits


class TestLocalRunner(ProcessRunnerContract):
    @pytest.fixture
    def make_runner(self) -> Iterator[MakeRunner]:
        started: list[LocalRunner] = []

        def make(make_attempt: Callable[..., object], *, workers: int) -> LocalRunner:
            started.append(LocalRunner(make_attempt, workers=workers))  # pyright: ignore[reportArgumentType]
            return started[-1]

        yield make
        for runner in started:
            runner.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Not so once it has ended, even where nobody has asked for its exit status yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_closing_stops_what_runs(tmp_path: Path) -> None:
    with LocalRunner(waits(tmp_path), workers=2) as runner:
        runner.submit(trial_job(1))
        runner.submit(trial_job(2))
        until(lambda: len(list(tmp_path.glob("*.began"))) == 2)
    assert len(list(tmp_path.glob("*.stopped"))) == 2


def test_an_interrupted_collect_ends_what_runs_and_returns_nothing(tmp_path: Path) -> None:
    began = tmp_path.glob
    runner = LocalRunner(
        waits(tmp_path), workers=1, interrupted=lambda: bool(list(began("*.began")))
    )
    runner.submit(trial_job(1))
    assert list(runner.collect()) == []
    assert not runner.pending()
    assert len(list(began("*.stopped"))) == 1


def test_woken_it_asks_at_once_whether_to_go_on_waiting(tmp_path: Path) -> None:
    """Not when it next would have: what waits here is a model's answer, and its asker idles."""
    asked: list[None] = []

    def until_woken() -> bool:
        asked.append(None)
        runner.wake()
        return len(asked) > 1000

    with LocalRunner(waits(tmp_path), workers=1) as runner:
        runner.submit(trial_job(1))
        began = time.monotonic()
        assert list(runner.collect(until=until_woken)) == []
        assert time.monotonic() - began < 100  # unwoken: 200 s
    runner.wake()  # of no effect, and no error, once it is closed


ENGINE = """
import time
from pathlib import Path
from move37.runners.local import LocalRunner
from move37.testing.runner import trial_job, waits
runner = LocalRunner(waits(Path({notes!r})), workers=2)
runner.submit(trial_job(1))
runner.submit(trial_job(2))
time.sleep(60)
"""


def test_workers_stop_and_go_when_the_engine_is_killed(tmp_path: Path) -> None:
    engine = subprocess.Popen([sys.executable, "-c", ENGINE.format(notes=str(tmp_path))])
    until(lambda: len(list(tmp_path.glob("*.began"))) == 2)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    workers = [int(note.stem) for note in tmp_path.glob("*.began")]
    until(lambda: not any(is_alive(pid) for pid in workers))
    assert len(list(tmp_path.glob("*.stopped"))) == 2


def test_no_file_of_the_task_is_taken_for_a_module_of_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate that was applied may have brought one: it must not run outside its sandbox."""
    (tmp_path / "pickle.py").write_text("raise SystemExit('taken for a module')\n")
    monkeypatch.chdir(tmp_path)
    with LocalRunner(waits(tmp_path), workers=1) as runner:
        runner.submit(trial_job(1))
        until(lambda: len(list(tmp_path.glob("*.began"))) == 1)
