"""From the indentation that an answer writes to the one that a file has."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from itertools import pairwise

from move37.proposers.reply.parts import Problem

Pair = tuple[str, str]
"""Indentation of a line in the answer, and of the same line in the file."""


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def is_consistent(pairs: Iterable[Pair]) -> bool:
    """Whether equal depths in the answer are equal depths in the file, and deeper ones deeper."""
    forward: dict[str, str] = {}
    backward: dict[str, str] = {}
    for said, there in pairs:
        if forward.setdefault(said, there) != there or backward.setdefault(there, said) != said:
            return False
    widths = sorted((_width(said), _width(there)) for said, there in forward.items())
    return all(one[1] < other[1] for one, other in pairwise(widths))


class Indents:
    """How to indent what is new, from how the lines around it are indented in answer and file."""

    def __init__(self, pairs: Iterable[Pair], new: Sequence[str], file: Sequence[str]) -> None:
        """new: lines of the answer. file: lines of the file."""
        self._known = dict(pairs)
        self._new = [indent_of(line) for line in new if line.strip()]
        self._file = file

    def is_identity(self) -> bool:
        return all(said == there for said, there in self._known.items())

    def to_file(self, line: str) -> str:
        """The line as the file would indent it. Raises `Problem` where that cannot be told."""
        if not line.strip() or self.is_identity():
            return line
        said = indent_of(line)
        text = line[len(said) :]
        if said in self._known:
            return self._known[said] + text
        units = self._units()
        indent = self._shifted(said)
        if units is not None and (indent is None or len(self._known) < 2):
            indent = self._scaled(said, *units)
        if indent is None:
            raise Problem(
                f"the lines are indented otherwise in the file, and how deep {text[:60]!r} belongs cannot "
                "be told; copy the indentation of the file exactly"
            )
        return indent + text

    def _shifted(self, said: str) -> str | None:
        """If all lines are further in, or further out, by the same."""
        known = self._known.items()
        if all(there.endswith(s) for s, there in known):
            adds = {there[: len(there) - len(s)] for s, there in known}
            return adds.pop() + said if len(adds) == 1 else None
        if all(s.endswith(there) for s, there in known):
            cuts = {s[: len(s) - len(there)] for s, there in known}
            cut = cuts.pop()
            return said[len(cut) :] if not cuts and said.startswith(cut) else None
        return None

    def _scaled(self, said: str, said_unit: str, there_unit: str) -> str | None:
        """If a step of indentation is written otherwise, such as four blanks for a tab."""
        further = {
            _steps(there, there_unit) - _steps(s, said_unit) for s, there in self._known.items()
        }
        if len(further) != 1:
            return None
        steps = _steps(said, said_unit) + further.pop()
        return there_unit * int(steps) if steps >= 0 and steps % 1 == 0 else None

    def _units(self) -> tuple[str, str] | None:
        """One step of indentation in the answer and in the file, where they differ."""
        said = _step_of({*self._known, *self._new})
        there = _usual_step([indent_of(line) for line in self._file if line.strip()])
        return (said, there) if said and there and said != there else None


def _steps(indent: str, unit: str) -> float:
    """How many steps deep; a fraction that fits nothing where it is not made of such steps."""
    return len(indent) / len(unit) if set(indent) <= set(unit) else float("nan")


def _step_of(indents: Set[str]) -> str | None:
    """The least step between the indentations of a few lines."""
    used = {char for indent in indents for char in indent}
    if used == {"\t"}:
        return "\t"
    sizes = sorted(len(indent) for indent in indents)
    steps = [other - one for one, other in pairwise(sizes)]
    return " " * min(steps) if used == {" "} and steps else None


def _usual_step(indents: Sequence[str]) -> str | None:
    """The step by which the lines of a file most often go further in."""
    steps = Counter(
        other[len(one) :]
        for one, other in pairwise(["", *indents])
        if len(other) > len(one) and other.startswith(one)
    )
    return max(steps, key=lambda step: (steps[step], -len(step))) if steps else None


def _width(indent: str) -> int:
    return sum(8 - column % 8 if char == "\t" else 1 for column, char in _columns(indent))


def _columns(indent: str) -> Iterable[tuple[int, str]]:
    column = 0
    for char in indent:
        yield column, char
        column += 8 - column % 8 if char == "\t" else 1
