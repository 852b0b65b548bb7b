"""Every experiment where it was measured, and what is believed of the best so far."""

from collections.abc import Mapping
from typing import Any, cast, get_args

from move37.app import Followed
from move37.app.look import judge_of
from move37.core.errors import StudyError
from move37.faces.web.page import Asked, Page
from move37.report.charts.progress import Axis, Chart, Outline, outline, progress_chart
from move37.report.views import Summary, spent, summary

_ROWS = 200
"""Of the table, the latest."""


def show(asked: Asked) -> Mapping[str, Any]:
    with asked.following.look(asked.root) as followed:
        study = followed.study
        told = _outline(followed)
        history = study.history
        return {
            "told": told,
            "steps": told.steps[-_ROWS:][::-1],
            "metric": study.task.metric,
            "experiments": len(history) - history.epoch.baseline - 1,
            "spent": spent(study.task, history),
            "has_cost": history.usd > 0,
            "noise": study.believer.noise,
        }


def points(asked: Asked) -> Chart:
    """The part of the chart that is looked at."""
    axis = asked.query.get("axis", "evaluation")
    if axis not in get_args(Axis):
        raise StudyError(f"there is no axis {axis!r}; there are {', '.join(get_args(Axis))}")
    start, end = (
        asked.number(name, 0.0) if name in asked.query else None for name in ("from", "to")
    )
    with asked.following.look(asked.root) as followed:
        study = followed.study
        return progress_chart(
            study.task,
            study.history,
            followed.track,
            _outline(followed),
            study.believer.noise,
            axis=cast(Axis, axis),
            start=start,
            end=end,
        )


def about(asked: Asked) -> Summary:
    """What is shown where somebody points at an experiment."""
    with asked.following.look(asked.root) as followed:
        study, id = followed.study, int(asked.number("id", 0))
        stars = frozenset(_outline(followed).stars)
        return summary(
            study.task, study.history, study.believer, followed.champion, id, judge_of(study), stars
        )


def _outline(followed: Followed) -> Outline:
    study = followed.study
    return followed.once(
        "outline", lambda: outline(study.task, study.history, study.believer, followed.champion)
    )


PAGE = Page(
    name="progress",
    title="Progress",
    show=show,
    data={"points": points, "about": about},
    key="p",
)
