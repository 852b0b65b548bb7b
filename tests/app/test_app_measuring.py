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
            baseline=commit,
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


JUDGE = """\
test -e program.py && exit 1
cmp -s "$MOVE37_CANDIDATE/program.py" "$MOVE37_OUT/copy" || exit 2
test "$(ls -A "$MOVE37_CANDIDATE")" = program.py || exit 3
echo "loss: $(wc -c < "$MOVE37_CANDIDATE/program.py")"
"""


def test_score_has_the_tasks_fixed_files_and_the_candidates_as_data(make_task: MakeTask) -> None:
    task = make_task(run='cp program.py $MOVE37_OUT/copy"\nscore = "sh judge.sh')
    (task / "judge.sh").write_text(JUDGE)
    result = app.run(task, app.RunSettings(experiments=2, workers=1, certify=False))
    assert (result.halt, result.status.measured) == ("budget", 2)
    program = (task / "program.py").read_bytes()
    assert app.show(task, 0).trials[0].value == len(program)
