"""Finds lines in a file, forgiving white space and nothing else.

Each way of looking is more forgiving than the one before. What is found by one of them is never looked
for by the next, and what is found twice is found nowhere.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from move37.proposers.reply.indent import Pair, indent_of, is_consistent
from move37.proposers.reply.parts import Lines, Problem

_SPACE = re.compile(r"\s+")
MOST_MATCHES = 30
_MOST_CANDIDATES = 300


class Effort:
    """Bounds the work on one answer, in lines that were looked at."""

    def __init__(self, most: int) -> None:
        self._left = most

    def spend(self, lines: int) -> None:
        self._left -= lines
        if self._left < 0:
            raise Problem(
                "the answer takes too much work to apply; send fewer or shorter blocks, or a whole file"
            )


@dataclass(frozen=True, slots=True)
class Match:
    """Where old lines are in a file."""

    start: int
    end: int
    """The line after it."""
    places: tuple[int | None, ...]
    """For each old line its line in the file. `None`: a blank line that is not there."""


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking."""

    note: str
    """What had to be forgiven."""
    key: Callable[[str], str]
    """Lines with equal keys are taken for equal."""
    any_indent: bool = False
    any_blanks: bool = False


def _exact(line: str) -> str:
    return line


def _no_space(line: str) -> str:
    return _SPACE.sub("", line)


LOOKS = (
    Look("", _exact),
    Look("white space at the end of lines differed", str.rstrip),
    Look("the indentation differed", str.strip, any_indent=True),
    Look("blank lines differed", str.rstrip, any_blanks=True),
    Look("blank lines and the indentation differed", str.strip, any_indent=True, any_blanks=True),
    Look("white space within lines differed", _no_space, any_indent=True, any_blanks=True),
)


def find(file: Sequence[str], old: Lines, look: Look, effort: Effort) -> list[Match]:
    """All places where these lines are, at most `MOST_MATCHES`."""
    effort.spend(len(file) + len(old))
    hay = [look.key(line) for line in file]
    needle = [look.key(line) for line in old]
    if not look.any_blanks:
        found = _positions(hay, needle)
        matches = [Match(at, at + len(needle), tuple(range(at, at + len(needle)))) for at in found]
    else:
        matches = _without_blanks(hay, needle)
    if look.any_indent:
        effort.spend(len(matches) * len(old))
        matches = [match for match in matches if is_consistent(pairs(file, old, match))]
    return matches[:MOST_MATCHES]


def pairs(file: Sequence[str], old: Lines, match: Match) -> list[Pair]:
    """The indentation of each old line and of its line in the file."""
    return [
        (indent_of(line), indent_of(file[place]))
        for line, place in zip(old, match.places, strict=True)
        if place is not None and line.strip()
    ]


def _positions(hay: Sequence[str], needle: Sequence[str]) -> list[int]:
    if not needle or len(needle) > len(hay):
        return []
    text = "\n" + "\n".join(hay) + "\n"
    wanted = "\n" + "\n".join(needle) + "\n"
    found: list[int] = []
    at = text.find(wanted)
    line, counted = 0, 0
    while at >= 0 and len(found) < _MOST_CANDIDATES:
        line += text.count("\n", counted, at)
        counted = at
        found.append(line)
        at = text.find(wanted, at + 1)
    return found


def _without_blanks(hay: Sequence[str], needle: Sequence[str]) -> list[Match]:
    rows = [i for i, key in enumerate(hay) if key]
    wanted = [i for i, key in enumerate(needle) if key]
    found = _positions([hay[i] for i in rows], [needle[i] for i in wanted])
    matches: list[Match] = []
    for at in found:
        places: list[int | None] = [None] * len(needle)
        for number, index in enumerate(wanted):
            places[index] = rows[at + number]
        _place_blanks(places, hay)
        matches.append(Match(rows[at], rows[at + len(wanted) - 1] + 1, tuple(places)))
    return matches


def _place_blanks(places: list[int | None], hay: Sequence[str]) -> None:
    """Give blank old lines the blank lines that follow the same line in the file."""
    free: int | None = None
    for index, place in enumerate(places):
        if place is not None:
            free = place + 1
        elif free is not None and free < len(hay) and not hay[free]:
            if any(later is not None for later in places[index + 1 :]):
                places[index] = free
            free += 1
