"""The metric beside all others, and which of the constants that were turned matter."""

from collections.abc import Mapping
from typing import Any

from move37.app.closer import metrics_of, tuned_of
from move37.core.errors import StudyError
from move37.faces.web.drawing import scale_of
from move37.faces.web.page import Asked, Page


def show(asked: Asked) -> Mapping[str, Any]:
    with asked.following.look(asked.root) as followed:
        seen, turned = metrics_of(followed), tuned_of(followed)
        also = [axis for axis in seen.axes if axis.kind == "secondary"]
        reach = [site.possible for site in turned.sites]
        return {
            "seen": seen,
            "front": [row for row, on_front in enumerate(seen.is_front) if on_front][:100],
            "also": also,
            "front_axes": (*seen.axes[:1], *also),
            "tuned": turned,
            "scale": scale_of(reach, zero=True),
            "metric": followed.study.task.metric.name,
        }


def trade_offs(asked: Asked) -> object:
    with asked.following.look(asked.root) as followed:
        return metrics_of(followed)


def slice_of(asked: Asked) -> object:
    """Of one constant, by its place in the list: `?site=3`."""
    with asked.following.look(asked.root) as followed:
        sites, number = tuned_of(followed).sites, int(asked.number("site", 0))
        if not 0 <= number < len(sites):
            raise StudyError("there is no such constant; load the page again")
        return sites[number]


PAGE = Page(
    name="metrics",
    title="Metrics",
    show=show,
    data={"trade-offs": trade_offs, "slice": slice_of},
    key="m",
)
