"""What a screen shows that stays: pages of a study that is followed, each as of one look.

What costs time in proportion to the study is worked out once for each new fact; what a page shows of very
many experiments is worked out for those that are seen.
"""

from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from move37.app.board import board
from move37.app.following import Followed
from move37.app.look import detail_of, diff_of, judge_of, status_of
from move37.app.study import Read, is_working
from move37.core.facts import Row
from move37.core.records import Failed
from move37.report.board import BoardView
from move37.report.charts.track import RUNNING
from move37.report.picture import Picture, compose
from move37.report.surprises import move37s
from move37.report.terminal.lineage import Lineage, lineage
from move37.report.terminal.pace import (
    LATELY,
    Certifying,
    Pace,
    RunningView,
    certifying,
    pace,
    running_view,
)
from move37.report.terminal.plot import Axis
from move37.report.views import Detail, Order, Status, Summary, summary

T = TypeVar("T")

LOGGED = 1000
"""So many of the latest facts are told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    status: Status
    pace: Pace
    running: tuple[RunningView, ...]
    certifying: Certifying | None


def overview(followed: Followed) -> Overview:
    """Raises `StudyError` when the study has not begun."""
    works = is_working(followed.study.root)
    status = replace(
        followed.once("status", lambda: status_of(followed.study, is_working=False)),
        is_working=works,
    )
    return Overview(
        status=status,
        pace=followed.once("pace", lambda: _pace(followed, status)),
        running=_kept(followed, "running", works, lambda: _running(followed, works)),
        certifying=certifying(followed.study.history),
    )


def _pace(followed: Followed, status: Status) -> Pace:
    track, history = followed.track, followed.study.history
    settled = np.asarray(track.seconds)[np.asarray(track.state) != RUNNING]
    lately = settled[-4 * LATELY :]  # outcomes come nearly in the order of opening
    return pace(status.spent, [float(one) for one in lately], history.seconds_worked)


def _running(followed: Followed, works: bool) -> tuple[RunningView, ...]:
    times = {row.seq: row.at for row in log(followed)}
    return tuple(
        running_view(one, times.get(followed.track.changed[one.id]), is_waiting=not works)
        for one in followed.study.history.running()
    )


def log(followed: Followed) -> Sequence[Row]:
    """The latest facts, the oldest of them first."""
    rows = followed.study.store.rows
    return followed.once("log", lambda: list(rows(max(0, followed.seq - LOGGED))))


def experiment_ids(
    followed: Followed, *, order: Order, words: str = "", failed: bool | None = None
) -> Sequence[int]:
    """Experiments of the current epoch in an order; only those whose proposer, move or hypothesis has the words."""
    return _kept(
        followed,
        "ids",
        (order, failed, words),
        lambda: _ids(followed, order, words.casefold(), failed),
    )


def _ids(followed: Followed, order: Order, words: str, failed: bool | None) -> Sequence[int]:
    from move37.report.front import front

    study = followed.study
    history, believer = study.history, study.believer
    first, last = history.epoch.baseline, len(history)
    ids: Sequence[int] = (
        list(believer.ranking(last)) if order == "best"
        else list(front(study.task, history, believer)) if order == "pareto"
        else range(first, last) if order == "id"
        else range(last - 1, first - 1, -1)
    )  # fmt: skip
    if failed is not None:
        ids = [id for id in ids if isinstance(history[id].outcome, Failed) == failed]
    if not words:
        return ids

    def says(id: int) -> bool:
        one = history[id]
        return words in f"x{id} {one.proposer} {one.move} {one.hypothesis}".casefold()

    return [id for id in ids if says(id)]


def summaries(followed: Followed, ids: Sequence[int]) -> list[Summary]:
    """Of each of these, in a line."""
    study = followed.study
    judge, champion = judge_of(study), followed.champion
    moves = _moves(followed)
    return [
        summary(study.task, study.history, study.believer, champion, id, judge, moves) for id in ids
    ]


def _moves(followed: Followed) -> Set[int]:
    study = followed.study
    return followed.once(
        "moves",
        lambda: frozenset(one.experiment for one in move37s(study.history, study.believer)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """All about one experiment, and its change."""

    detail: Detail
    against: int | None
    """What it is compared with. `None`: it has no program, or is a baseline."""
    diff: str


def look_at(
    followed: Followed, experiment: int, *, against: Literal["parent", "baseline"] = "parent"
) -> Looked:
    """Raises `StudyError` when there is no such experiment."""
    return _kept(
        followed, "looked", (experiment, against), lambda: _look_at(followed, experiment, against)
    )


def _look_at(followed: Followed, experiment: int, against: str) -> Looked:
    study = followed.study
    detail = detail_of(study, experiment)
    other = detail.summary.parents[0] if detail.summary.parents else None
    if other is not None and against == "baseline":
        other = study.history.epochs[detail.summary.epoch].baseline
    text = ""
    if other is not None and detail.commit is not None:
        text = diff_of(study, experiment, other).text
    return Looked(detail=detail, against=other if detail.commit is not None else None, diff=text)


def tree(followed: Followed) -> Lineage:
    return followed.once("lineage", lambda: lineage(followed.study.history, followed.champion))


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    picture: Picture
    places: Sequence[float]
    """Where each experiment is on the axis, the baseline first."""
    surprises: tuple[int, ...]
    """Move 37s, by their place in the epoch."""


def progress(followed: Followed, axis: Axis) -> Progress:
    return _kept(followed, "progress", axis, lambda: _progress(followed, axis))


def _progress(followed: Followed, axis: Axis) -> Progress:
    study, track = followed.study, followed.track
    first = study.history.epoch.baseline
    picture = compose(study.task, study.history, study.believer, followed.champion)
    match axis:
        case "experiments":
            places: Sequence[float] = range(len(track) - first)
        case "hours":
            places = [seconds / 3600 for seconds in track.seconds[first:]]
        case "dollars":
            places = list(track.usd[first:])
    return Progress(
        picture=picture,
        places=places,
        surprises=tuple(id - first for id in _moves(followed) if id >= first),
    )


def posts(followed: Followed, read: Read, *, limit: int = 200) -> BoardView:
    """The board, the newest first."""
    root = followed.study.root
    return followed.once("board", lambda: board(root, order="newest", limit=limit, read=read))


def _kept(followed: Followed, name: str, key: Hashable, work_out: Callable[[], T]) -> T:
    """Of each name only what was asked for last: a person looks at one thing at a time."""
    box = followed.once(name, dict[Hashable, T])
    if key not in box:
        box.clear()
        box[key] = work_out()
    return box[key]
