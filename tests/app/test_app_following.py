"""Following studies: each look sees what a fresh one would, and costs only what is new."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.core.errors import StudyError


def run(task: Path, experiments: int) -> None:
    app.run(task, app.RunSettings(experiments=experiments, workers=1, certify=False, check=False))


@pytest.fixture
def following() -> Iterator[app.Following]:
    with app.Following(keep=1) as following:
        yield following


def test_a_look_sees_what_a_fresh_one_would(make_task: MakeTask, following: app.Following) -> None:
    task = make_task()
    run(task, 2)
    assert not following.is_read(task)
    assert app.status(task, read=following.read) == app.status(task)
    assert following.is_read(task)
    with following.look(task) as before:
        history, seq = before.study.history, before.seq
        assert before.champion == before.study.champion
    run(task, 4)
    assert app.status(task, read=following.read) == app.status(task)
    news = following.news(task, seq)
    assert news.experiments == 5
    assert set(news.changed) >= {3, 4}
    assert following.news(task, news.seq).changed == ()
    with following.look(task) as after:
        assert after.study.history is history, "it was not read again"
        assert after.track.seq == after.seq
        assert len(after.track) == 5
        scores = [one.scores() for one in history.experiments]
        assert [not score for score in scores] == [n == 0 for n in after.track.trials]


def test_what_was_worked_out_is_kept_until_a_fact_comes(
    make_task: MakeTask, following: app.Following
) -> None:
    task = make_task()
    run(task, 1)
    asked: list[int] = []

    def work_out() -> int:
        asked.append(1)
        return len(asked)

    for expected, experiments in ((1, 1), (1, 1), (2, 2)):
        run(task, experiments) if experiments == 2 else None
        with following.look(task) as followed:
            assert followed.once("told", work_out) == expected


def test_a_study_that_nobody_looks_at_makes_room(
    make_task: MakeTask, following: app.Following, tmp_path: Path
) -> None:
    task, other = make_task(), tmp_path / "other"
    run(task, 1)
    shutil.copytree(task, other)
    with following.look(task) as first:
        with following.look(other):
            pass
        assert len(first.study.history) == 2, "one that is looked at stays open"
        assert first.study.store.code.paths(first.study.history.epoch.commit)
    assert following.is_read(task) != following.is_read(other)
    shutil.rmtree(other)
    with pytest.raises(StudyError, match="there is no study"):
        app.status(other, read=following.read)
