"""What one program changes of another, line by line: as a diff to read, and whether it fits a third."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from move37.core.errors import StudyError
from move37.core.history import Experiment
from move37.core.protocols import Request
from move37.proposers.excerpt import lines_of

Files = Mapping[str, bytes]

_CONTEXT = 2
_MOST_LINES = 1_500
"""Changed stretches longer than this are told as replaced as a whole: comparing them takes too long."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that replace others."""

    start: int
    """In the old file, from 0."""
    old: Sequence[str]
    new: Sequence[str]


def hunks(old: Sequence[str], new: Sequence[str]) -> list[Hunk]:
    """What makes one list of lines the other."""
    first = 0
    shorter = min(len(old), len(new))
    while first < shorter and old[first] == new[first]:
        first += 1
    last = 0
    while last < shorter - first and old[-1 - last] == new[-1 - last]:
        last += 1
    before, after = old[first : len(old) - last], new[first : len(new) - last]
    if not before and not after:
        return []
    if len(before) > _MOST_LINES or len(after) > _MOST_LINES:
        return [Hunk(first, before, after)]
    matcher = SequenceMatcher(None, before, after, autojunk=True)
    return [
        Hunk(first + i1, before[i1:i2], after[j1:j2])
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def changed_texts(before: Files, after: Files) -> Iterator[tuple[str, list[str], list[str]]]:
    """Path, old lines and new lines of every file that differs."""
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            yield path, lines_of(_text(old)), lines_of(_text(new))


def unified(before: Files, after: Files) -> str:
    """A diff to read, with a little context and without line numbers: they would only be miscopied."""
    told: list[str] = []
    for path, old, new in changed_texts(before, after):
        told.append(f"--- {path if path in before else '/dev/null'}")
        told.append(f"+++ {path if path in after else '/dev/null'}")
        end = -1
        for hunk in hunks(old, new):
            start = max(end, hunk.start - _CONTEXT, 0)
            if end >= 0:
                told += [" " + line for line in old[end : min(end + _CONTEXT, start)]]
            if end < 0 or start > end:
                told.append("@@")
            told += [" " + line for line in old[start : hunk.start]]
            told += ["-" + line for line in hunk.old]
            told += ["+" + line for line in hunk.new]
            end = hunk.start + len(hunk.old)
        told += [" " + line for line in old[end : end + _CONTEXT]] if end >= 0 else []
    return "\n".join(line.rstrip("\n") for line in told)


def fits(before: Files, after: Files, other: Files) -> bool:
    """Whether the edit that makes one program the next can be made to a third, and is not in it yet."""
    is_new = False
    for path, old, new in changed_texts(before, after):
        theirs = other.get(path)
        if theirs is None:
            if path in before:
                return False
            is_new = True
            continue
        text = _text(theirs)
        for hunk in hunks(old, new):
            around = "".join(old[max(0, hunk.start - 1) : hunk.start + len(hunk.old) + 1])
            if around not in text:
                return False
            is_new = True
    return is_new


def edited_lines(request: Request, steps: Sequence[Experiment]) -> dict[str, list[int]]:
    """Lines of the first of these programs, from 1, that the steps which lead to it have changed and that
    paid, by path. steps: the newest first."""
    found: dict[str, list[int]] = {}
    if not steps:
        return found
    try:
        now = request.library.program(steps[0].id)
        for one in steps:
            if not one.parents:
                break
            effect = request.beliefs.difference(one.id, one.parents[0])
            if effect is None or effect.mean <= 0:
                continue
            before, after = request.library.program(one.parents[0]), request.library.program(one.id)
            for path, old, new in changed_texts(before, after):
                _mark(found.setdefault(path, []), hunks(old, new), _text(now.get(path)))
    except StudyError:
        return found
    return found


def _mark(marked: list[int], changes: Sequence[Hunk], text: str) -> None:
    for hunk in changes:
        for line in hunk.new[:40]:
            if len(line.strip()) > 3 and (at := text.find(line)) >= 0:
                marked.append(text.count("\n", 0, at) + 1)


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode(errors="replace")
