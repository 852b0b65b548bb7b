"""All studies of the user, a line each."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from move37.app import Following, is_working
from move37.core.errors import Move37Error
from move37.report.charts.overview import StudyLine, study_line

_WIDE, _HIGH = 120, 32
"""Of the small line, in its own units."""


class Studies(Protocol):
    """What the overview asks of the site."""

    following: Following

    def roots(self) -> Mapping[str, Path]: ...
    def is_ready(self, root: Path) -> bool: ...


def overview(site: Studies) -> Mapping[str, Any]:
    lines = studies(site)
    return {"studies": lines, "spark": spark, "home": _home}


def studies(site: Studies) -> Sequence[tuple[str, StudyLine]]:
    """By id, those that run first."""
    lines = [(id, _line(site, root)) for id, root in site.roots().items()]
    return sorted(lines, key=lambda each: each[1].state != "running")


def _line(site: Studies, root: Path) -> StudyLine:
    working = is_working(root)
    if not site.is_ready(root):
        return StudyLine(root=root, name=root.name, state="reading")
    try:
        with site.following.look(root) as followed:
            study = followed.study
            return followed.once(
                f"line {working}",
                lambda: study_line(
                    study.task,
                    study.history,
                    study.believer,
                    followed.champion,
                    is_working=working,
                ),
            )
    except Move37Error as error:
        return StudyLine(root=root, name=root.name, state="unreadable", reason=str(error))


def spark(line: StudyLine) -> str:
    """The points of a polyline."""
    return " ".join(
        f"{1 + x * (_WIDE - 2):.1f},{_HIGH - 2 - y * (_HIGH - 4):.1f}" for x, y in line.line
    )


def _home(root: Path) -> str:
    """A path as people write it."""
    home = os.path.expanduser("~")  # noqa: PTH111 it may be unknown, and then stays as it is
    text = str(root)
    inside = home not in ("~", "/") and text.startswith(home + os.sep)
    return "~" + text[len(home) :] if inside else text
