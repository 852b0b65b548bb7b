"""Whatever a task is or does, a person gets one clear sentence, and nothing is lost."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.study import write_study
from move37.core.errors import Move37Error, StudyLocked, TaskError, Unwritable
from move37.report.results import RunResult


def run(task: Path, experiments: int = 3) -> RunResult:
    return app.run(task, app.RunSettings(experiments=experiments, workers=1))


def baseline_failure(task: Path) -> str:
    """Run a task that cannot be measured; return what a person is told."""
    result = run(task)
    assert result.halt == "baseline"
    assert app.verify(task).mismatches == ()
    return result.reason


def test_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="move37 init"):
        run(tmp_path)


def test_an_empty_git_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(TaskError, match="move37 init"):
        run(tmp_path)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="not a directory"):
        run(tmp_path / "nowhere")


def test_an_evaluation_that_prints_nothing(make_task: MakeTask) -> None:
    assert "loss: <number>" in baseline_failure(make_task(run="true"))


def test_an_evaluation_that_prints_two_other_metrics(make_task: MakeTask) -> None:
    told = baseline_failure(make_task(evaluate="echo val_loss: 1; echo train_loss: 2"))
    assert "val_loss" in told
    assert "train_loss" in told


def test_an_evaluation_that_prints_the_metric_twice_means_the_last(make_task: MakeTask) -> None:
    task = make_task(evaluate="echo loss: 1; echo loss: 2")
    run(task, experiments=0)
    assert app.show(task, 0).trials[0].value == 2


def test_an_evaluation_that_crashes(make_task: MakeTask) -> None:
    told = baseline_failure(make_task(evaluate="echo 'no such table: users' >&2; exit 3"))
    assert "3" in told
    assert "no such table: users" in told


def test_an_evaluation_that_hangs(make_task: MakeTask) -> None:
    assert "1 s" in baseline_failure(make_task(evaluate="sleep 600", timeout="1s"))


def test_an_evaluation_whose_children_outlive_it(make_task: MakeTask) -> None:
    nonce = f"98765.{os.getpid()}"
    task = make_task(evaluate=f"setsid sleep {nonce} & echo loss: 1")
    run(task, experiments=1)
    ps = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert f"sleep {nonce}" not in ps.stdout


@pytest.mark.slow  # it takes a while to write 8 GiB
def test_an_evaluation_that_fills_the_disk(make_task: MakeTask) -> None:
    told = baseline_failure(make_task(evaluate="cat /dev/zero > big && echo loss: 1", timeout="5m"))
    assert "disk" in told or "file" in told.lower()


def test_an_evaluation_that_takes_all_memory(make_task: MakeTask) -> None:
    hog = f"{sys.executable} -c 'x = bytearray(2 * 1024**3); print(len(x))'; echo done"
    told = baseline_failure(make_task(evaluate=hog))
    assert "memory" in told.lower() or "loss: <number>" in told


@pytest.mark.slow
def test_an_evaluation_that_prints_a_gigabyte(make_task: MakeTask) -> None:
    task = make_task(evaluate="head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo; echo loss: 1")
    run(task, experiments=0)
    assert app.show(task, 0).trials[0].value == 1


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_an_evaluation_that_prints_no_number(make_task: MakeTask, number: str) -> None:
    assert (
        number.lstrip("-") in baseline_failure(make_task(evaluate=f"echo loss: {number}")).lower()
    )


def test_a_metric_that_is_constant_is_no_improvement(make_task: MakeTask) -> None:
    result = run(make_task(evaluate="echo loss: 1"), experiments=5)
    assert result.halt == "budget"
    assert result.certified is None or not result.certified.claim


def test_an_editable_file_that_is_binary(make_task: MakeTask) -> None:
    with pytest.raises(TaskError, match=r"program\.py"):
        run(make_task(program=b"\x00\x01\xff\xfe" * 100))


def test_a_program_without_anything_to_turn(make_task: MakeTask) -> None:
    task = make_task(program="print('hello')\n", evaluate="echo loss: 1")
    result = run(task)
    assert result.halt == "exhausted"
    assert "program.py" in result.reason
    assert app.verify(task).mismatches == ()


def test_a_second_run_at_once(make_task: MakeTask) -> None:
    task = make_task()
    with write_study(task):
        script = (
            "import sys\nfrom pathlib import Path\nfrom move37 import app\n"
            "from move37.core.errors import StudyLocked\n"
            "try:\n    app.run(Path(sys.argv[1]))\n"
            "except StudyLocked as error:\n    print(error)\n"
        )
        second = subprocess.run(
            [sys.executable, "-c", script, str(task)], capture_output=True, text=True, check=True
        )
    assert str(os.getpid()) in second.stdout
    assert run(task).halt == "budget"


def test_a_study_that_cannot_be_written(make_task: MakeTask) -> None:
    task = make_task()
    study = task / app.STUDY
    study.write_text("a file where the study should be")
    with pytest.raises(Move37Error, match=r"\.move37"):
        run(task)


def test_a_read_only_study(make_task: MakeTask) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere; the command line's test does this as another user")
    task = make_task()
    (task / app.STUDY).mkdir(mode=0o500)
    with pytest.raises(Unwritable):
        run(task)


def test_a_study_of_another_process_can_be_looked_at(make_task: MakeTask) -> None:
    task = make_task()
    run(task)
    with write_study(task):
        assert app.status(task).spent.experiments == 3
        with pytest.raises(StudyLocked):
            write_study(task)


def test_a_task_that_could_not_be_measured_is_tried_again(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = 'test -n "$LICENCE" || { echo no licence; exit 1; }; echo loss: 1'
    task = make_task(evaluate=evaluate, extra='[sandbox]\nenv = ["LICENCE"]')
    assert "no licence" in baseline_failure(task)
    monkeypatch.setenv("LICENCE", "granted")  # mended, and no file of the task has changed
    assert run(task).halt == "budget"
    assert app.verify(task).mismatches == ()


def test_a_scratch_directory_that_cannot_be_used_is_no_result_of_an_experiment(
    make_task: MakeTask,
) -> None:
    task = make_task()
    run(task, experiments=1)
    scratch = task / app.STUDY / "scratch"
    shutil.rmtree(scratch)
    scratch.write_text("a file where workspaces should be")
    with pytest.raises(Unwritable, match="scratch"):
        run(task)
    scratch.unlink()
    result = run(task)
    assert result.halt == "budget"
    assert result.status.failures == {}


def test_failed_experiments_keep_their_reasons(make_task: MakeTask) -> None:
    # Only the program as it is can be measured: every change of it crashes.
    crash_when_changed = "grep -q 'learning_rate = 0.01' program.py && grep -q 64 program.py"
    crash_when_changed += " && grep -q 'momentum = 0.5' program.py || exit 7; echo loss: 1"
    task = make_task(evaluate=crash_when_changed)
    result = run(task)
    assert result.status.failures == {"run": 3}
    [first, *_] = app.list_experiments(task, failed=True).rows
    assert first.failure is not None
    assert "7" in first.failure
