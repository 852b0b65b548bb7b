"""Looking again and again: each look sees what a fresh one would."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.lookout import Lookout
from move37.core.errors import StudyError


def run(task: Path, experiments: int) -> None:
    app.run(task, app.RunSettings(experiments=experiments, workers=1, certify=False, check=False))


@pytest.fixture
def lookout() -> Iterator[Lookout]:
    with Lookout() as lookout:
        yield lookout


def test_a_look_takes_in_what_is_new_since_the_one_before(
    make_task: MakeTask, lookout: Lookout
) -> None:
    task = make_task()
    run(task, 2)
    assert app.status(task, read=lookout.read) == app.status(task)
    with lookout.read(task) as study:
        history = study.history
    run(task, 4)
    assert app.status(task, read=lookout.read) == app.status(task)
    assert app.best(task, read=lookout.read) == app.best(task)
    with lookout.read(task) as study:
        assert study.history is history, "it was not read again"
        assert study.task.budget.experiments == 4


def test_a_study_in_the_place_of_another_is_read_anew(
    make_task: MakeTask, lookout: Lookout
) -> None:
    task = make_task()
    run(task, 3)
    app.status(task, read=lookout.read)
    shutil.rmtree(task / ".move37")
    with pytest.raises(StudyError, match="there is no study"):
        app.status(task, read=lookout.read)
    run(task, 1)
    assert app.status(task, read=lookout.read) == app.status(task)


def test_many_threads_may_look_at_once(make_task: MakeTask, lookout: Lookout) -> None:
    task = make_task()
    run(task, 3)
    seen: list[object] = []
    threads = [
        Thread(target=lambda: seen.append(app.best(task, read=lookout.read))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [app.best(task)] * 8
