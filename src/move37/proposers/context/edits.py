"""What one program changes of another, line by line: as a diff to read, and whether it fits a third."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from operator import lt

from move37.core.errors import StudyError
from move37.core.history import Experiment
from move37.core.protocols import Request

Files = Mapping[str, bytes]

_CONTEXT = 2
_AROUND = 8
"""Lines around what has changed that are looked at."""
_MOST_COMPARED = 4_000
"""Pairs of lines. Longer stretches without an anchor are told as replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that replace others."""

    start: int
    """In the old file, from 0."""
    old: Sequence[str]
    new: Sequence[str]
    then: int
    """Where the new ones stand in the new file."""


def hunks(old: Sequence[str], new: Sequence[str]) -> list[Hunk]:
    """What makes one list of lines the other."""
    found: list[Hunk] = []
    at = then = 0
    for here, there, length in [*_matches(old, new), (len(old), len(new), 0)]:
        if here > at or there > then:
            found.append(Hunk(at, old[at:here], new[then:there], then))
        at, then = here + length, there + length
    return found


def _matches(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """Equal stretches, ascending: where in the old lines, where in the new ones, and how long.

    Patience diff (B. Cohen): lines that occur once on both sides are anchors, what lies between two of
    them is compared on its own. Far quicker than comparing all with all, and its hunks read better.
    """
    found: list[tuple[int, int, int]] = []
    at = then = 0
    for here, there in [*_anchors(old, new), (len(old), len(new))]:
        if here < at:  # inside a stretch that is found already
            continue
        found += _between(old, new, (at, here), (then, there))
        length = 0
        most = min(len(old) - here, len(new) - there)
        while length < most and old[here + length] == new[there + length]:
            length += 1
        if length:
            found.append((here, there, length))
        at, then = here + length, there + length
    return found


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The longest ascending list of places of lines that both sides have once."""
    theirs = _once(new)
    pairs = [(at, theirs[line]) for line, at in _once(old).items() if line in theirs]
    places = [there for _, there in pairs]
    if all(map(lt, places, islice(places, 1, None))):
        return pairs  # nothing was moved, as nearly always
    tops: list[int] = []
    piles: list[int] = []
    before: list[int] = []
    for index, (_, there) in enumerate(pairs):
        pile = bisect_left(tops, there)
        before.append(piles[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [there]
        piles[pile : pile + 1] = [index]
    found: list[tuple[int, int]] = []
    index = piles[-1] if piles else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


def _once(lines: Sequence[str]) -> dict[str, int]:
    """Where the lines stand that occur once, ascending."""
    last = {line: at for at, line in enumerate(lines)}
    if len(last) == len(lines):
        return last
    counts = Counter(lines)
    return {line: at for line, at in last.items() if counts[line] == 1}


def _between(
    old: Sequence[str], new: Sequence[str], here: tuple[int, int], there: tuple[int, int]
) -> list[tuple[int, int, int]]:
    """Equal stretches of what lies between two anchors."""
    (a, b), (c, d) = here, there
    first = 0
    while first < min(b - a, d - c) and old[a + first] == new[c + first]:
        first += 1
    found = [(a, c, first)] if first else []
    a, c = a + first, c + first
    last = 0
    while last < min(b - a, d - c) and old[b - 1 - last] == new[d - 1 - last]:
        last += 1
    b, d = b - last, d - last
    if (b - a, d - c) != (1, 1) and 0 < (b - a) * (d - c) <= _MOST_COMPARED:
        matcher = SequenceMatcher(None, old[a:b], new[c:d], autojunk=False)
        found += [(a + m.a, c + m.b, m.size) for m in matcher.get_matching_blocks() if m.size]
    return [*found, (b, d, last)] if last else found


def changed_texts(before: Files, after: Files) -> Iterator[tuple[str, list[str], list[str]]]:
    """Of every file that differs its path, and the old and the new lines, without their ends.

    Only the lines from the first change to the last, and a few around them.
    """
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            yield path, *_around_changes(old or b"", new or b"")


def _around_changes(old: bytes, new: bytes) -> tuple[list[str], list[str]]:
    start = _back(old, _common(old, new))
    most = min(len(old), len(new)) - start
    end = _common(old[::-1][:most], new[::-1][:most])
    for _ in range(_AROUND + 1):
        # What is cut off begins with a newline: both sides end with whole lines.
        at = old.find(b"\n", len(old) - end)
        end = 0 if at < 0 else len(old) - at - 1
        if not end:
            break
    else:
        end += 1
    return _lines(old[start : len(old) - end]), _lines(new[start : len(new) - end])


def _back(data: bytes, at: int) -> int:
    """Where the line begins that is a few lines above a place."""
    for _ in range(_AROUND + 1):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return 0
    return at + 1


def _common(one: bytes, other: bytes) -> int:
    """Length of the common beginning, by halves: comparing bytes is quick, counting them is not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def unified(before: Files, after: Files) -> str:
    """A diff to read, with a little context and without line numbers: they would only be miscopied."""
    told: list[str] = []
    for path, old, new in changed_texts(before, after):
        told.append(f"--- {path if path in before else '/dev/null'}")
        told.append(f"+++ {path if path in after else '/dev/null'}")
        end: int | None = None
        for hunk in hunks(old, new):
            told += _between_hunks(old, end, hunk.start)
            told += ["-" + line for line in hunk.old]
            told += ["+" + line for line in hunk.new]
            end = hunk.start + len(hunk.old)
        if end is not None:
            told += _context(old[end : end + _CONTEXT])
    return "\n".join(told)


def _between_hunks(old: Sequence[str], end: int | None, start: int) -> list[str]:
    """Context from the end of one hunk to the start of the next; `None`: there is none before it."""
    if end is None:
        return ["@@", *_context(old[max(0, start - _CONTEXT) : start])]
    if start - end <= 2 * _CONTEXT:
        return _context(old[end:start])
    return [*_context(old[end : end + _CONTEXT]), "@@", *_context(old[start - _CONTEXT : start])]


def _context(lines: Sequence[str]) -> list[str]:
    return [" " + line for line in lines]


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
        text = f"\n{_text(theirs)}\n"
        for hunk in hunks(old, new):
            around = old[max(0, hunk.start - 1) : hunk.start + len(hunk.old) + 1]
            if "\n".join(["", *around, ""]) not in text:
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
                _mark(found.setdefault(path, []), hunks(old, new), f"\n{_text(now.get(path))}\n")
    except StudyError:
        return found
    return found


def _mark(marked: list[int], changes: Sequence[Hunk], text: str) -> None:
    for hunk in changes:
        for line in hunk.new[:40]:
            if len(line.strip()) > 3 and (at := text.find(f"\n{line}\n")) >= 0:
                marked.append(text.count("\n", 0, at + 1))


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode(errors="replace")


def _lines(data: bytes | None) -> list[str]:
    """A last, empty line is the newline at the end."""
    return [] if not data else _text(data).split("\n")
