"""The pages: what is wanted in, what is shown out. No terminal in here."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from move37.app import watching
from move37.app.closer import refereed
from move37.app.following import Followed
from move37.app.study import Read
from move37.faces.tui.dress import Dress
from move37.report.board import board_text
from move37.report.terminal.lineage import tree_rows
from move37.report.terminal.lines import (
    list_header,
    list_line,
    log_line,
    overview_lines,
    proposer_lines,
    referee_lines,
    tree_line,
)
from move37.report.terminal.plot import Axis, plot
from move37.report.text import detail_text, diff_text
from move37.report.views import Order
from move37.report.words import clean, count

Page = Literal[
    "status", "chart", "list", "experiment", "tree", "referee", "proposers", "board", "log"
]
PAGES: tuple[Page, ...] = (
    "status",
    "chart",
    "list",
    "experiment",
    "tree",
    "referee",
    "proposers",
    "board",
    "log",
)
ORDERS: tuple[Order, ...] = ("newest", "best", "id", "pareto")
AXES: tuple[Axis, ...] = ("experiments", "hours", "dollars")
FAILED: tuple[bool | None, ...] = (None, True, False)

AROUND = 200
"""So many rows above and below the seen ones are made ready."""
_MOST_DIFF = 200_000
"""Characters of a diff that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a person looks at."""

    page: Page = "status"
    width: int = 80
    height: int = 20
    top: int = 0
    """The first row that is seen."""
    order: Order = "newest"
    words: str = ""
    failed: bool | None = None
    experiment: int | None = None
    """`None`: the champion, or the baseline."""
    against: Literal["parent", "baseline"] = "parent"
    axis: Axis = "experiments"
    turned: frozenset[int] = frozenset()
    """Programs of the tree that were opened or closed by hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What people have ordered, and stands."""

    is_paused: bool = False
    pinned: frozenset[int] = frozenset()
    vetoed: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A page as it is now."""

    wanted: Wanted
    seq: int
    title: str
    """What the study is, and how it stands, in a line."""
    head: str = ""
    """A line that stays above the rows."""
    total: int = 0
    rows: Mapping[int, str] = field(default_factory=dict[int, str])
    """Those that are seen, and some around them."""
    ids: Sequence[int] = ()
    """The experiment of each row, where rows are experiments; of all rows."""
    experiment: int | None = None
    """The one that the page is about."""
    standing: Standing = Standing()
    is_timed: bool = False
    """Whether it changes with the clock, too."""


Make = Callable[[Followed, Wanted, Dress, Read], Shown]


def make_page(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    """Raises a `Move37Error` where there is nothing to show yet."""
    steering = followed.study.history.steering
    standing = Standing(
        is_paused=steering.paused is not None,
        pinned=frozenset(steering.pins),
        vetoed=frozenset(steering.vetoes),
    )
    shown = _MAKERS[wanted.page](followed, wanted, dress, read)
    paused = " · paused" if standing.is_paused else ""
    return replace(shown, standing=standing, title=f"{shown.title}{paused}")


def _shown(
    followed: Followed, wanted: Wanted, lines: Sequence[str], *, is_timed: bool = False
) -> Shown:
    return Shown(
        wanted=wanted,
        seq=followed.seq,
        title=_title(followed),
        total=len(lines),
        rows=dict(enumerate(lines)),
        is_timed=is_timed,
    )


def _title(followed: Followed) -> str:
    study = followed.study
    told = count(len(study.history) - study.history.epoch.baseline - 1, "experiment")
    best = followed.champion
    champion = "" if best in (None, study.history.epoch.baseline) else f" · champion x{best}"
    return f"{clean(study.task.name)} · {told}{champion}"


def _status(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    view = watching.overview(followed)
    lines = overview_lines(
        view.status,
        view.pace,
        view.running,
        view.certifying,
        now=time.time(),
        width=wanted.width,
        most=max(3, wanted.height - 16),
        paint=dress.paint,
    )
    return _shown(followed, wanted, lines, is_timed=True)


def _chart(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    view = watching.progress(followed, wanted.axis)
    lines = plot(
        view.picture,
        width=wanted.width,
        height=wanted.height,
        axis=wanted.axis,
        place=lambda x: float(view.places[x]),
        surprises=view.surprises,
        marks=dress.marks,
        paint=dress.paint,
    )
    return _shown(followed, wanted, lines)


def _list(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    ids = watching.experiment_ids(
        followed, order=wanted.order, words=wanted.words, failed=wanted.failed
    )
    first, last = _seen(wanted, len(ids))
    found = watching.summaries(followed, ids[first:last])
    rows = {
        first + row: list_line(one, width=wanted.width, paint=dress.paint)
        for row, one in enumerate(found)
    }
    which = {None: "", True: ", failed only", False: ", without failed"}[wanted.failed]
    which += f", with {clean(wanted.words)!r}" if wanted.words else ""
    return Shown(
        wanted=wanted,
        seq=followed.seq,
        title=f"{_title(followed)} · {len(ids):,} by {wanted.order}{which}",
        head=list_header(followed.study.task.metric.name, wanted.width),
        total=len(ids),
        rows=rows,
        ids=ids,
    )


def _seen(wanted: Wanted, total: int) -> tuple[int, int]:
    first = max(0, min(wanted.top, total - wanted.height) - AROUND)
    return first, min(total, wanted.top + wanted.height + AROUND)


def _experiment(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    chosen = wanted.experiment
    if chosen is None:
        chosen = followed.champion
    if chosen is None:
        chosen = followed.study.history.epoch.baseline
    view = watching.look_at(followed, chosen, against=wanted.against)
    text = detail_text(view.detail, width=wanted.width, paint=dress.paint)
    if view.against is not None:
        cut = len(view.diff) > _MOST_DIFF
        diff = diff_text(view.diff[:_MOST_DIFF], paint=dress.paint)
        heading = dress.paint("title", f"change in x{view.against}, its {wanted.against}")
        text += f"\n\n{heading}\n{diff}" + ("\nmore: `move37 diff` shows all of it" if cut else "")
    shown = _shown(followed, wanted, text.splitlines())
    return Shown(
        wanted=wanted,
        seq=shown.seq,
        title=f"{shown.title} · x{chosen}",
        total=shown.total,
        rows=shown.rows,
        experiment=chosen,
    )


def _tree(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    lineage = watching.tree(followed)
    rows = tree_rows(lineage, wanted.turned)
    first, last = _seen(wanted, len(rows))
    seen, line = rows[first:last], frozenset(lineage.line)
    found = watching.summaries(followed, [row.experiment for row in seen])
    lines = {
        first + at: tree_line(
            one,
            row.depth,
            below=lineage.below.get(row.experiment, 0),
            is_open=row.is_open,
            on_line=row.experiment in line,
            width=wanted.width,
            paint=dress.paint,
        )
        for at, (row, one) in enumerate(zip(seen, found, strict=True))
    }
    return Shown(
        wanted=wanted,
        seq=followed.seq,
        title=_title(followed),
        total=len(rows),
        rows=lines,
        ids=[row.experiment for row in rows],
    )


def _referee(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    view = refereed(followed)
    lines = referee_lines(
        view.metric,
        view.noise,
        view.alpha,
        view.calibration,
        view.certificates,
        view.evaluator,
        width=wanted.width,
        paint=dress.paint,
    )
    return _shown(followed, wanted, lines)


def _proposers(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    arms = watching.overview(followed).status.proposers
    return _shown(followed, wanted, proposer_lines(arms, width=wanted.width, paint=dress.paint))


def _board(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    view = watching.posts(followed, read)
    text = board_text(view, width=wanted.width, paint=dress.paint)
    return _shown(followed, wanted, text.splitlines())


def _log(followed: Followed, wanted: Wanted, dress: Dress, read: Read) -> Shown:
    metric = followed.study.task.metric
    lines = [
        log_line(row, metric, width=wanted.width, paint=dress.paint)
        for row in reversed(watching.log(followed))
    ]
    return _shown(followed, wanted, lines)


_MAKERS: Mapping[Page, Make] = {
    "status": _status,
    "chart": _chart,
    "list": _list,
    "experiment": _experiment,
    "tree": _tree,
    "referee": _referee,
    "proposers": _proposers,
    "board": _board,
    "log": _log,
}
