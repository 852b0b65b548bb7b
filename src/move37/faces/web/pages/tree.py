"""The tree of programs: the champion's line, and the branches that somebody opens."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from move37.app import Followed
from move37.faces.web.page import Asked, Page
from move37.report.charts.tree import (
    Branch,
    Shape,
    branch,
    children_of,
    found_by,
    line_to,
    shape,
)


def show(asked: Asked) -> Mapping[str, Any]:
    with asked.following.look(asked.root) as followed:
        history = followed.study.history
        return {
            "experiments": len(history) - history.epoch.baseline - 1,
            "champion": followed.champion,
            "metric": followed.study.task.metric.name,
        }


def line(asked: Asked) -> Branch:
    """To the champion, or to the experiment `id`; its latest part where `skip` is not said."""

    def ids(followed: Followed, _: Shape) -> Sequence[int]:
        history = followed.study.history
        champion = followed.champion
        default = history.epoch.baseline if champion is None else champion
        return line_to(history, int(asked.number("id", default)))

    return _branch(asked, ids)


def children(asked: Asked) -> Branch:
    def ids(followed: Followed, form: Shape) -> Sequence[int]:
        return children_of(followed.study.history, form, int(asked.number("id", 0)))

    return _branch(asked, ids)


def find(asked: Asked) -> Branch:
    return _branch(
        asked, lambda followed, _: found_by(followed.study.history, asked.query.get("q", ""))
    )


def _branch(asked: Asked, ids: Callable[[Followed, Shape], Sequence[int]]) -> Branch:
    with asked.following.look(asked.root) as followed:
        study = followed.study
        form = followed.once("shape", lambda: shape(study.history))
        return branch(
            study.task,
            study.history,
            study.believer,
            followed.track,
            form,
            followed.champion,
            ids(followed, form),
            skip=int(asked.number("skip", 0)),
        )


PAGE = Page(
    name="tree",
    title="Tree",
    show=show,
    data={"line": line, "children": children, "find": find},
    key="b",
)
