"""Two experiments beside each other, on the seeds that they have in common."""

from collections.abc import Mapping
from typing import Any

from move37.app.closer import compared
from move37.core.errors import StudyError
from move37.faces.web.code import coloured
from move37.faces.web.drawing import scale_of
from move37.faces.web.page import Asked, Page

_PAIRS = 200


def show(asked: Asked) -> Mapping[str, Any]:
    with asked.following.look(asked.root) as followed:
        baseline = followed.study.history.baseline.id
        champion = followed.champion
        left = _number(asked.query.get("left"), baseline)
        right = _number(asked.query.get("right"), baseline if champion is None else champion)
        shown, diff = compared(followed, left, right)
        pairs = shown.pairs[-_PAIRS:]
        return {
            "heading": f"x{left} and x{right}",
            "shown": shown,
            "pairs": pairs,
            "files": coloured(diff),
            "diff": diff,
            "scale": scale_of([value for pair in pairs for value in (pair.left, pair.right)]),
            "metric": followed.study.task.metric,
            "baseline": baseline,
            "champion": champion,
        }


def _number(text: str | None, default: int) -> int:
    """`12` or `x12`."""
    told = (text or "").strip().lower().removeprefix("x")
    if not told:
        return default
    if not (told.isascii() and told.isdigit() and len(told) < 12):
        raise StudyError(f"{text!r} is no experiment; write its number, such as `12`")
    return int(told)


PAGE = Page(name="compare", title="Compare", show=show, key="c")
