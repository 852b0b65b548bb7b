"""The seam between a worker process and what it works with: whose fault is what."""

import shutil
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app, worker
from move37.app.study import write_study
from move37.core.errors import StudyError, Unwritable
from move37.core.facts import Tried
from move37.core.records import Measured, TrialJob
from move37.sandbox import watch
from move37.worker import Measuring, Workplace


@pytest.fixture
def measuring(make_task: MakeTask) -> tuple[Measuring, TrialJob, Path]:
    task = make_task()
    with write_study(task) as study:
        commit = study.history.baseline.commit
        assert commit is not None
        place = Workplace(
            task=study.task,
            code=task / app.STUDY / "code.git",
            scratch=task / app.STUDY / "scratch",
            links=(),
            hides=(),
        )
    job = TrialJob(experiment=0, commit=commit, purpose="search", index=0, seed=7)
    return Measuring(place, 0), job, task


def never() -> bool:
    return False


def test_a_full_disk_is_no_result_of_an_experiment(
    measuring: tuple[Measuring, TrialJob, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, job, _ = measuring
    monkeypatch.setattr(worker, "_PAUSES_SECONDS", (0.0,))
    with monkeypatch.context() as full:
        full.setattr(watch, "RESERVE_BYTES", 1 << 60)
        with pytest.raises(Unwritable, match="free at least"):
            attempt(job, never)
        assert attempt(job, lambda: True) is None
    result = attempt(job, never)
    assert result is not None
    assert isinstance(result[0], Tried)
    assert isinstance(result[0].trial.outcome, Measured)


def test_a_program_that_is_gone_is_no_result_of_an_experiment(
    measuring: tuple[Measuring, TrialJob, Path],
) -> None:
    attempt, job, task = measuring
    shutil.rmtree(task / app.STUDY / "code.git" / "objects")
    with pytest.raises(StudyError, match=r"code\.git"):
        attempt(job, never)
