"""The lineage as a tree that opens and closes: by first parent, the champion's line open at first."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from move37.core.history import History


@dataclass(frozen=True, kw_only=True, slots=True)
class Lineage:
    """Who descends from whom, in the current epoch."""

    root: int
    children: Mapping[int, Sequence[int]]
    below: Mapping[int, int]
    """How many descend from each that has children."""
    line: Sequence[int]
    """From the baseline to the champion."""


@dataclass(frozen=True, slots=True)
class TreeRow:
    experiment: int
    depth: int
    is_open: bool


def lineage(history: History, champion: int | None) -> Lineage:
    root = history.epoch.baseline
    children: dict[int, list[int]] = {}
    for one in history.current():
        if one.parents:
            children.setdefault(one.parents[0], []).append(one.id)
    below: dict[int, int] = {}
    for id in range(len(history) - 1, root, -1):  # parents are older than children
        parents = history[id].parents
        if parents:
            below[parents[0]] = below.get(parents[0], 0) + below.get(id, 0) + 1
    line = [] if champion is None else [champion]
    while line and line[-1] != root and (parents := history[line[-1]].parents):
        line.append(parents[0])
    return Lineage(root=root, children=children, below=below, line=tuple(reversed(line)))


def tree_rows(lineage: Lineage, turned: Set[int]) -> list[TreeRow]:
    """The programs that show. turned: those that a person opened or closed."""
    on_line = frozenset(lineage.line)
    rows: list[TreeRow] = []
    # The champion's line first: it is what one looks for.
    stack = [(lineage.root, 0)]
    while stack:
        id, depth = stack.pop()
        children = lineage.children.get(id, ())
        is_open = bool(children) and ((id in on_line or depth == 0) != (id in turned))
        rows.append(TreeRow(id, depth, is_open))
        if is_open:
            others = [(child, depth + 1) for child in reversed(children) if child not in on_line]
            stack += others
            stack += [(child, depth + 1) for child in children if child in on_line]
    return rows
