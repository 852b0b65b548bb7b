"""Which of the constants that were turned matter, as far as belief tells.

The measure is simple on purpose. A turn's effect is what is believed of the program less its parent. Over the
turns in which a constant was turned alone, the root mean square of the believed effects says how far a turn is
known to have moved the metric; with the squared standard deviations added under the root, how far it may have.
A constant that was turned together with others only has neither: nobody can tell whose effect it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Belief
from move37.report.charts.turns import Turns

SITES = 24
"""So many constants are shown."""
POINTS = 300
"""So many turns of each, the latest."""
LATEST = 5000
"""So many turns are looked at, the latest: a longer study would keep its reader waiting."""
_LOG_SPAN = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Turns of one constant, as columns. Effects are on the parent; positive is better."""

    experiment: tuple[int, ...]
    parent: tuple[int, ...]
    old: tuple[str, ...]
    new: tuple[str, ...]
    value: tuple[float | None, ...]
    """`new`, where it is a number."""
    effect: tuple[float | None, ...]
    """Believed. `None`: it failed, or was not measured."""
    sd: tuple[float | None, ...]
    alone: tuple[bool, ...]
    """Whether nothing else was turned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteView:
    """One constant."""

    site: str
    turns: int
    alone: int
    """Measured turns in which it was turned alone: the ones that importance rests on."""
    unmeasured: int
    """Turns that failed, were let go, or still run."""
    known: float | None
    """Root mean square of the believed effects, in the metric's unit. `None`: it was never turned alone."""
    possible: float | None
    """The same with what is not known of each effect added."""
    is_numeric: bool
    is_log: bool
    """Whether its values are best seen on a logarithmic axis."""
    slice: Slice


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuned:
    """What `tune` turned in the current epoch."""

    turned: int
    """Experiments that turned something."""
    total: int
    """Constants that were turned."""
    sites: tuple[SiteView, ...]
    """What is known to matter most comes first; not all of very many."""
    left_out: int = 0
    """Turns of long ago that none of this looks at."""


def tuned(history: History, beliefs: Believer, turns: Turns) -> Tuned:
    """turns: of the current epoch, told the same facts as the history."""
    rows: list[list[int]] = [[] for _ in turns.sites]
    first = max(0, len(turns) - LATEST)
    for row in range(first, len(turns)):
        rows[turns.site[row]].append(row)
    effects: dict[int, Belief | None] = {}

    def effect(row: int) -> Belief | None:
        id = turns.experiment[row]
        if id not in effects:
            is_known = history[id].is_measured
            effects[id] = beliefs.difference(id, turns.parent[row]) if is_known else None
        return effects[id]

    sized: list[tuple[float, int, float | None, float | None, int]] = []
    for site, own in enumerate(rows):
        if not own:
            continue
        alone = [found for row in own if turns.together[row] == 1 and (found := effect(row))]
        known, possible = importance(alone)
        sized.append((-(known or 0.0), -len(own), known, possible, site))
    sized.sort(key=lambda each: (each[0], each[1], each[4]))
    views: list[SiteView] = []
    for _, _, known, possible, site in sized[:SITES]:
        own = rows[site]
        found = [effect(row) for row in own]
        views.append(
            SiteView(
                site=turns.sites[site],
                turns=len(own),
                alone=sum(
                    each is not None and turns.together[row] == 1
                    for row, each in zip(own, found, strict=True)
                ),
                unmeasured=sum(each is None for each in found),
                known=known,
                possible=possible,
                is_numeric=_are_numbers(turns, own),
                is_log=_are_wide(turns, own),
                slice=_slice(turns, own[-POINTS:], found[-POINTS:]),
            )
        )
    return Tuned(
        turned=len(set(turns.experiment)),
        total=len(turns.sites),
        sites=tuple(views),
        left_out=first,
    )


def importance(effects: Sequence[Belief]) -> tuple[float | None, float | None]:
    """How far turns are known to have moved the metric, and how far they may have."""
    if not effects:
        return None, None
    known = fmean(each.mean**2 for each in effects)
    return sqrt(known), sqrt(known + fmean(each.sd**2 for each in effects))


def number_of(spelled: str) -> float | None:
    """The value of a number as programs spell it; `None` for anything else."""
    text = spelled.strip().replace("_", "")
    if text.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(int(text, 0))
    except (ValueError, OverflowError):
        return None


def _are_numbers(turns: Turns, rows: Sequence[int]) -> bool:
    return all(number_of(turns.new[row]) is not None for row in rows)


def _are_wide(turns: Turns, rows: Sequence[int]) -> bool:
    values = [number_of(turns.new[row]) for row in rows]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known or min(known) <= 0:
        return False
    return max(known) / min(known) >= _LOG_SPAN


def _slice(turns: Turns, rows: Sequence[int], effects: Sequence[Belief | None]) -> Slice:
    return Slice(
        experiment=tuple(turns.experiment[row] for row in rows),
        parent=tuple(turns.parent[row] for row in rows),
        old=tuple(turns.old[row] for row in rows),
        new=tuple(turns.new[row] for row in rows),
        value=tuple(number_of(turns.new[row]) for row in rows),
        effect=tuple(None if each is None else each.mean for each in effects),
        sd=tuple(None if each is None else each.sd for each in effects),
        alone=tuple(turns.together[row] == 1 for row in rows),
    )
