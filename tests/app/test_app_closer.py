"""Looking closer: what faces that stay are told of a real study, from one look."""

from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.closer import (
    board_page,
    closer,
    compared,
    metrics_of,
    refereed,
    tuned_of,
    yields_of,
)
from move37.core.errors import StudyError


@pytest.fixture
def task(make_task: MakeTask) -> Path:
    task = make_task()
    app.run(task, app.RunSettings(experiments=4, workers=1, certify=False, check=False))
    app.post(task, "hypothesis", "x1 shows that smaller is better")
    return task


def test_one_look_tells_all_that_is_stored(task: Path) -> None:
    with app.Following() as following, following.look(task) as followed:
        one = closer(followed, 1)
        assert one.against == 0
        assert one.diff is not None
        assert [file.added for file in one.diff.files] == [1]
        assert [post.post for post in one.posts] == [1]
        assert closer(followed, 0).diff is None
        assert closer(followed, 2, against="x1").against == 1
        with pytest.raises(StudyError, match="nothing to compare with"):
            closer(followed, 1, against="moon")
        with pytest.raises(StudyError, match="no experiment x99"):
            closer(followed, 1, against="99")
        shown, diff = compared(followed, 0, 1)
        assert diff is not None
        assert shown.pairs, "common seeds are common"
        assert tuned_of(followed).turned > 0
        assert metrics_of(followed).total >= 1
        assert refereed(followed).noise is not None
        assert [each.proposer for each in yields_of(followed).proposers] == ["tune"]
        page = board_page(followed)
        assert page.hypotheses[0][1] == 1
        assert page.posts[0].text.startswith("x1 shows")
        assert board_page(followed, kind="lesson").total == 0
