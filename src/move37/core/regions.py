"""Regions: the parts of a file that may change, where marks in the file itself say so.

A region is what stands between a line with the first mark and the next line with the second one. All
else of such a file, marks included, stays as it is, byte for byte. A file without the first mark may
change as a whole. Knows text only, no language.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Marks = tuple[str, str]
"""Such as `("EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END")`."""
Span = tuple[int, int]
"""First byte, and the one behind the last."""


def regions(content: bytes, marks: Marks) -> Sequence[Span]:
    """What may change: whole lines, in order. One that is never closed runs to the end of the file."""
    begins, ends = (_mark(mark) for mark in marks)
    spans: list[Span] = []
    start: int | None = None
    is_marked = False
    at = 0
    for line in content.splitlines(keepends=True):
        after = at + len(line)
        if start is None and begins.match(line):
            start, is_marked = after, True
        elif start is not None and ends.match(line):
            spans.append((start, at))
            start = None
        at = after
    if start is not None:
        spans.append((start, at))
    return spans if is_marked else [(0, len(content))]


def has_regions(content: bytes, marks: Marks) -> bool:
    """Whether a file says which of its parts may change."""
    return bool(_outside(content, marks))


def outside(content: bytes, marks: Marks) -> Sequence[bytes]:
    """What may not change: before, between and after the regions. Empty where the whole file may."""
    return [content[first:last] for first, last in _outside(content, marks)]


def why_outside(
    before: Mapping[str, bytes], changes: Mapping[str, bytes | None], marks: Marks
) -> str | None:
    """Why a change goes beyond the regions, in a sentence without its full stop; `None`: it does not.

    before: the program that is changed. Its own regions count, and not those that the change draws.
    """
    for path, new in sorted(changes.items()):
        old = before.get(path)
        if old is None or not has_regions(old, marks):
            continue
        rule = f"{path} may change only between its lines {marks[0]} and {marks[1]}"
        if new is None:
            return f"{rule}, and the change deletes it"
        if (line := _first_difference(old, new, marks)) is not None:
            return f"{rule}, and the change touches line {line} or moves a mark there"
    return None


def _outside(content: bytes, marks: Marks) -> Sequence[Span]:
    spans = regions(content, marks)
    if spans == [(0, len(content))]:
        return []
    edges = [0, *(edge for span in spans for edge in span), len(content)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _first_difference(old: bytes, new: bytes, marks: Marks) -> int | None:
    """The line of the old file, from 1, where the two differ outside the regions."""
    theirs = outside(new, marks)
    for number, (first, last) in enumerate(_outside(old, marks)):
        mine = old[first:last]
        other = theirs[number] if number < len(theirs) else b""
        if mine != other:
            pairs = zip(mine.splitlines(), other.splitlines(), strict=False)
            same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
            row = min(len(mine.splitlines()), len(other.splitlines())) if same is None else same
            return old.count(b"\n", 0, first) + row + 1
    return None if len(theirs) == len(_outside(old, marks)) else old.count(b"\n") + 1


@lru_cache(maxsize=16)
def _mark(mark: str) -> re.Pattern[bytes]:
    """A line that holds the mark and, before it, nothing but what begins a comment."""
    return re.compile(rb"[^\w\n]*" + re.escape(mark.encode()) + rb"(?![\w-])")
