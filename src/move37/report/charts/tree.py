"""The tree of a study's programs, a level at a time: who descends from whom, believed how good, visited how often.

By first parents. What is sent is what is looked at: of 100,000 experiments, the champion's line and the branches
that somebody opens.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from move37.core.errors import StudyError
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Task
from move37.report.charts.track import FAILED, RUNNING, SCREENED, Track
from move37.report.views import State
from move37.report.words import clean

MOST_NODES = 100
"""So many are sent at a time."""
_LINE = 2000
"""Of a line of descent, the latest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Of the current epoch; lists by experiment, from its baseline on. To be kept until there are new facts."""

    first: int
    children: Sequence[Sequence[int]]
    visits: Sequence[int]
    """Experiments at and below."""
    depth: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    experiment: int
    depth: int
    children: int
    visits: int
    state: State
    proposer: str
    hypothesis: str
    believed: float | None
    """In the metric's unit."""
    sd: float | None
    gain: float | None
    """Belief, as a share of the way from the baseline, 0, to the champion, 1. `None`: nothing is believed."""
    is_champion: bool
    certified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """Some of the nodes below one, or along a line."""

    nodes: tuple[Node, ...]
    total: int
    """There are so many, of which these are a part."""


def shape(history: History) -> Shape:
    first = history.epoch.baseline
    size = len(history) - first
    children: list[list[int]] = [[] for _ in range(size)]
    depth, visits = [0] * size, [1] * size
    parents = [one.parents[0] - first if one.parents else -1 for one in history.current()]
    for node, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(first + node)
            depth[node] = depth[parent] + 1
    for node in range(size - 1, 0, -1):
        if parents[node] >= 0:
            visits[parents[node]] += visits[node]
    return Shape(first=first, children=children, visits=visits, depth=depth)


def line_to(history: History, experiment: int) -> Sequence[int]:
    """From the baseline, or the latest of very many, to this one."""
    line = [experiment]
    while (parents := history[line[-1]].parents) and len(line) < _LINE:
        line.append(parents[0])
    return line[::-1]


def children_of(history: History, form: Shape, experiment: int) -> Sequence[int]:
    """The most visited first. Raises `StudyError` for one of another epoch."""
    history[experiment]
    if experiment < form.first:
        raise StudyError(f"x{experiment} is of an earlier epoch; its tree is not shown")
    found = form.children[experiment - form.first]
    return sorted(found, key=lambda each: (-form.visits[each - form.first], each))


def found_by(history: History, text: str) -> Sequence[int]:
    """Experiments of the epoch with this number, or these words in their hypothesis or proposer."""
    sought = text.strip().lower()
    digits = sought.removeprefix("x")
    first = history.epoch.baseline
    if digits.isascii() and digits.isdigit() and len(digits) < 12:
        return [int(digits)] if first <= int(digits) < len(history) else []
    if not sought:
        return []
    return [
        one.id
        for one in reversed(history.current())
        if sought in one.hypothesis.lower() or sought in one.proposer.lower()
    ]


def branch(
    task: Task,
    history: History,
    beliefs: Believer,
    track: Track,
    form: Shape,
    champion: int | None,
    ids: Sequence[int],
    *,
    skip: int = 0,
) -> Branch:
    claimed = {each.experiment for each in history.certificates.values() if each.claim}
    base = beliefs.belief(form.first)
    best = None if champion is None else beliefs.belief(champion)
    span = 0.0 if base is None or best is None else best.mean - base.mean

    def node(id: int) -> Node:
        one, belief = history[id], beliefs.belief(id)
        place = id - form.first
        return Node(
            experiment=id,
            depth=form.depth[place],
            children=len(form.children[place]),
            visits=form.visits[place],
            state=_STATES.get(track.state[id], "measured"),
            proposer=clean(one.proposer)[:60],
            hypothesis=clean(one.hypothesis)[:240],
            believed=None if belief is None else task.metric.value(belief.mean),
            sd=None if belief is None else belief.sd,
            gain=None
            if belief is None or base is None or not span
            else (belief.mean - base.mean) / span,
            is_champion=id == champion,
            certified=id in claimed,
        )

    return Branch(nodes=tuple(node(id) for id in _page(ids, skip)), total=len(ids))


_STATES: dict[int, State] = {RUNNING: "running", FAILED: "failed", SCREENED: "screened"}


def _page(ids: Sequence[int], skip: int) -> Iterable[int]:
    return ids[max(0, skip) : max(0, skip) + MOST_NODES]
