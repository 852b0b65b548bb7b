"""What every runner promises. Subclass, provide `make_runner`, and yours is held to the same."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from move37.core.errors import Unwritable
from move37.core.facts import Checked, Done, Tried
from move37.core.protocols import Attachments, Runner
from move37.core.records import Check, CheckJob, Failed, Job, Measured, Trial, TrialJob

Result = tuple[Done, Attachments]
Stop = Callable[[], bool]


def trial_job(experiment: int, *, index: int = 0) -> TrialJob:
    return TrialJob(experiment=experiment, commit="c" * 40, purpose="search", index=index, seed=7)


def tried(job: TrialJob, score: float) -> Tried:
    measured = Measured(
        score=score, metrics={"m": score}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0
    )
    trial = Trial(purpose=job.purpose, index=job.index, seed=job.seed, outcome=measured)
    return Tried(experiment=job.experiment, trial=trial)


def echo(number: int) -> Callable[[Job, Stop], Result | None]:
    """Attempts whose score is the experiment's number."""

    def attempt(job: Job, stop: Stop) -> Result | None:
        if isinstance(job, CheckJob):
            return Checked(experiment=job.experiment, check=job.check.name, passed=True), {}
        assert isinstance(job, TrialJob)
        return tried(job, float(job.experiment)), {"log": b"said"}

    return attempt


def dies_on_odd(number: int) -> Callable[[Job, Stop], Result | None]:
    """Attempts that kill their own process when the experiment's number is odd."""

    def attempt(job: Job, stop: Stop) -> Result | None:
        if job.experiment % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return echo(number)(job, stop)

    return attempt


DIES = 99
"""An experiment that ends the process of some attempts."""


def tells_its_cores(number: int) -> Callable[[Job, Stop], Result | None]:
    """Attempts that leave the processors that they may run on."""

    def attempt(job: Job, stop: Stop) -> Result | None:
        if job.experiment == DIES:
            os.kill(os.getpid(), signal.SIGKILL)
        told = repr(sorted(os.sched_getaffinity(0))).encode()
        return tried(trial_job(job.experiment), 0.0), {"cores": told}

    return attempt


def load_a_module() -> None:
    import colorsys  # noqa: F401  # pyright: ignore[reportUnusedImport]


def tells_its_nursery(number: int) -> Callable[[Job, Stop], Result | None]:
    """Attempts that tell the process that started theirs, their session, how many sockets they hold, and
    whether `load_a_module` had been called."""

    def attempt(job: Job, stop: Stop) -> Result | None:
        if job.experiment == DIES:
            os.kill(os.getpid(), signal.SIGKILL)
        links = [_target(link) for link in list(Path("/proc/self/fd").iterdir())]
        sockets = sum(link.startswith("socket:") for link in links)
        said = f"{os.getppid()} {os.getsid(0)} {sockets} {int('colorsys' in sys.modules)}"
        return tried(trial_job(job.experiment), 0.0), {"told": said.encode()}

    return attempt


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # it was that of the listing itself
        return ""


def hangs(pipe: Any, number: int) -> None:
    """A worker that says that it is there, and then hears nothing."""
    pipe.send("here")
    time.sleep(600)


def no_room_when_made(number: int) -> Callable[[Job, Stop], Result | None]:
    raise Unwritable("there is no room")


def no_room_when_used(number: int) -> Callable[[Job, Stop], Result | None]:
    def attempt(job: Job, stop: Stop) -> Result | None:
        raise Unwritable("there is no room")

    return attempt


class dies_once:
    """Attempts that kill their process the first time, ever, that they are made."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __call__(self, number: int) -> Callable[[Job, Stop], Result | None]:
        def attempt(job: Job, stop: Stop) -> Result | None:
            if not self._marker.exists():
                self._marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return echo(number)(job, stop)

        return attempt


class waits:
    """Attempts that note their process and then wait to be told to stop."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes

    def __call__(self, number: int) -> Callable[[Job, Stop], Result | None]:
        def attempt(job: Job, stop: Stop) -> Result | None:
            (self._notes / f"{os.getpid()}.began").touch()
            while not stop():
                time.sleep(0.01)
            (self._notes / f"{os.getpid()}.stopped").touch()
            return None

        return attempt


MakeRunner = Callable[..., Runner]


class RunnerContract:
    @pytest.fixture
    def make_runner(self) -> MakeRunner:
        """Return a function of (make_attempt, workers=) that starts a runner."""
        raise NotImplementedError

    def test_every_job_submitted_is_collected_once(self, make_runner: MakeRunner) -> None:
        runner = make_runner(echo, workers=2)
        for experiment in range(5):
            runner.submit(trial_job(experiment))
        collected: list[int] = []
        while runner.pending():
            collected += [fact.experiment for fact, _ in runner.collect()]
        assert sorted(collected) == [0, 1, 2, 3, 4]

    def test_submitting_a_pending_job_again_changes_nothing(self, make_runner: MakeRunner) -> None:
        runner = make_runner(echo, workers=1)
        for _ in range(3):
            runner.submit(trial_job(4))
        facts = [fact for fact, _ in runner.collect()]
        assert len(facts) == 1
        assert not runner.pending()

    def test_what_an_attempt_leaves_comes_along(self, make_runner: MakeRunner) -> None:
        runner = make_runner(echo, workers=1)
        runner.submit(trial_job(3))
        [(fact, attachments)] = runner.collect()
        assert fact == tried(trial_job(3), 3.0)
        assert dict(attachments) == {"log": b"said"}

    def test_checks_are_jobs_too(self, make_runner: MakeRunner) -> None:
        runner = make_runner(echo, workers=1)
        runner.submit(CheckJob(experiment=1, commit="c", check=Check(name="tests", command="true")))
        [(fact, _)] = runner.collect()
        assert fact == Checked(experiment=1, check="tests", passed=True)

    def test_slots_are_free_unless_jobs_are_pending(self, make_runner: MakeRunner) -> None:
        runner = make_runner(echo, workers=2)
        assert runner.free_slots() == 2
        runner.submit(trial_job(1))
        assert runner.free_slots() == 1
        assert runner.pending() == {1}
        list(runner.collect())
        assert runner.free_slots() == 2

    def test_collecting_with_nothing_pending_returns_at_once(self, make_runner: MakeRunner) -> None:
        assert list(make_runner(echo, workers=1).collect()) == []


class ProcessRunnerContract(RunnerContract):
    """What runners with processes of their own promise besides."""

    @pytest.mark.parametrize("when", ["made", "used"])
    def test_a_worker_that_can_do_no_job_at_all_says_so(
        self, make_runner: MakeRunner, when: str
    ) -> None:
        runner = make_runner(no_room_when_made if when == "made" else no_room_when_used, workers=2)
        runner.submit(trial_job(1))
        with pytest.raises(Unwritable, match="no room"):
            runner.collect()

    def test_a_job_whose_worker_dies_is_done_again(
        self, make_runner: MakeRunner, tmp_path: Path
    ) -> None:
        runner = make_runner(dies_once(tmp_path / "died"), workers=1)
        runner.submit(trial_job(2))
        [(fact, _)] = runner.collect()
        assert fact == tried(trial_job(2), 2.0)

    def test_a_job_that_kills_every_worker_fails_and_the_others_go_on(
        self, make_runner: MakeRunner
    ) -> None:
        runner = make_runner(dies_on_odd, workers=1)
        runner.submit(trial_job(1))
        runner.submit(trial_job(2))
        facts: dict[int, Done] = {}
        while runner.pending():
            facts |= {fact.experiment: fact for fact, _ in runner.collect()}
        lost = facts[1]
        assert isinstance(lost, Tried)
        assert isinstance(lost.trial.outcome, Failed)
        assert lost.trial.outcome.stage == "sandbox"
        assert "died by signal 9" in lost.trial.outcome.reason
        assert facts[2] == tried(trial_job(2), 2.0)
