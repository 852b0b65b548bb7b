"""Parts of texts that are too long for a prompt: the lines that matter, as they stand."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Count = Callable[[str], int]
"""How many tokens a text has."""

_SAMPLE = 8_000
_TRIES = 8
_LONGEST_LINE = 2_000


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive lines of a file."""

    first: int
    """Number of its first line, from 1."""
    last: int
    text: str


def head(text: str, most: int, count: Count) -> str:
    """The beginning of a text, whole lines where possible, in at most so many tokens."""
    return _cut(text, most, count, lambda room: _whole_lines(text[:room], text, from_end=False))


def tail(text: str, most: int, count: Count) -> str:
    """The end of a text, likewise."""
    return _cut(
        text,
        most,
        count,
        lambda room: _whole_lines(text[max(0, len(text) - room) :], text, from_end=True),
    )


def _cut(text: str, most: int, count: Count, shorten: Callable[[int], str]) -> str:
    if most <= 0 or not text:
        return ""
    rate = characters_per_token(text, count)
    room = int(most * rate)
    if len(text) <= room * 4 and count(text) <= most:
        return text
    for _ in range(_TRIES):
        found = shorten(room)
        if count(found) <= most:
            return found
        room = int(room * 0.8)
    return ""


def _whole_lines(found: str, text: str, *, from_end: bool) -> str:
    if len(found) == len(text):
        return found
    if from_end:
        _, newline, rest = found.partition("\n")
        return rest if newline and len(rest) * 2 > len(found) else found
    rest, newline, _ = found.rpartition("\n")
    return rest + newline if newline and len(rest) * 2 > len(found) else found


def lines_of(text: str) -> list[str]:
    """Its lines with their ends; only a newline ends one."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def characters_per_token(text: str, count: Count) -> float:
    """Estimated on samples of the text."""
    if len(text) > 3 * _SAMPLE:
        middle = len(text) // 2
        text = text[:_SAMPLE] + text[middle : middle + _SAMPLE] + text[-_SAMPLE:]
    return len(text) / max(1, count(text)) if text else 4.0


def relevant_parts(
    text: str,
    most: int,
    count: Count,
    *,
    heading: int = 0,
    names: Iterable[str] = (),
    marked: Sequence[int] = (),
) -> list[Part]:
    """Parts of a file that fit into so many tokens, in order; the whole file as one part if it does.

    heading: tokens that each part costs besides its text. Kept first are definitions around marked
    lines (numbers from 1), then lines that hold one of these names with what is around them, then head
    and tail, and what is next to them.
    """
    lines = lines_of(text)
    if not lines or most <= heading:
        return []
    rate = characters_per_token(text, count)
    if len(text) <= most * rate * 4 and count(text) + heading <= most:
        return [Part(1, len(lines), text)]
    room = most * rate
    order = _by_weight(text, lines, names, marked)
    for _ in range(_TRIES):
        found = _parts(lines, _taken(lines, order, room, heading * rate))
        if sum(count(part.text) + heading for part in found) <= most:
            return found
        room *= 0.75
    return []


def _taken(lines: Sequence[str], order: Sequence[int], room: float, heading: float) -> list[int]:
    """The indices of the lines that fit, ascending: these in their order, and then the next ones that
    follow what is taken. heading: characters that each new part costs."""
    taken: set[int] = set()
    for index in order:
        # A line that is longer than most files is no text to be copied by hand.
        cost = len(lines[index]) + 1
        beside = (index - 1 in taken) + (index + 1 in taken)
        needed = cost + heading * (1 - beside)
        if cost <= _LONGEST_LINE and needed <= room:
            taken.add(index)
            room -= needed
    for index in sorted(taken):
        following = index + 1
        while following < len(lines) and following not in taken:
            room -= len(lines[following]) + 1
            if room < 0 or len(lines[following]) > _LONGEST_LINE:
                break
            taken.add(following)
            following += 1
    return sorted(taken)


def _parts(lines: Sequence[str], taken: Sequence[int]) -> list[Part]:
    parts: list[Part] = []
    start = 0
    for end in range(1, len(taken) + 1):
        if end == len(taken) or taken[end] != taken[end - 1] + 1:
            first, last = taken[start], taken[end - 1]
            parts.append(Part(first + 1, last + 1, "".join(lines[first : last + 1])))
            start = end
    return parts


_DEFINITION = re.compile(
    r"^\s*(?:(?:export|public|private|static|async|pub|inline)\s+)*"
    r"(?:def|class|fn|func|function|struct|impl|enum|interface|template|type|void|int|double|float)\b"
)
_HEAD, _TAIL, _HITS = 60, 40, 200
_AROUND = 3
_LONGEST_BODY = 60


def _by_weight(
    text: str, lines: Sequence[str], names: Iterable[str], marked: Sequence[int]
) -> list[int]:
    """The lines that matter, those that matter most first; ties in the order of the file.

    Only they are looked at one by one: a file may have a hundred thousand.
    """
    weight: dict[int, float] = {}

    def add(index: int, amount: float) -> None:
        if 0 <= index < len(lines):
            weight[index] = max(weight.get(index, 0.0), amount)

    for at in range(_HEAD):
        add(at, 3.0 - at / 20)
    for at in range(_TAIL):
        add(len(lines) - 1 - at, 2.0 - at / 20)
    for number in marked[-_HITS:]:
        first, last = _definition_around(lines, number - 1)
        for index in range(first, last):
            add(index, 8.0 if abs(index - (number - 1)) <= _AROUND else 5.0)
    for index in _holding(text, lines, names):
        for near in range(index - _AROUND, index + _AROUND + 1):
            add(near, 4.0 - 0.5 * abs(near - index))
    return sorted(weight, key=lambda index: (-weight[index], index))


def _holding(text: str, lines: Sequence[str], names: Iterable[str]) -> list[int]:
    """The first lines that hold one of these names."""
    ends = list(accumulate(map(len, lines)))
    lowered = text.lower()
    found: set[int] = set()
    for name in sorted(names):
        at = lowered.find(name.lower())
        for _ in range(_HITS):
            if at < 0:
                break
            if not _is_inside_a_word(lowered, at, at + len(name)):
                found.add(min(bisect_right(ends, at), len(lines) - 1))
            at = lowered.find(name.lower(), at + 1)
    return sorted(found)


def _is_inside_a_word(text: str, start: int, end: int) -> bool:
    return any(
        one.isalnum() or one == "_" for one in (text[start - 1 : start], text[end : end + 1])
    )


def _definition_around(lines: Sequence[str], index: int) -> tuple[int, int]:
    """First line of the definition that a line is in, and the line after its last; at most so long."""
    index = min(max(index, 0), len(lines) - 1)
    start = index
    while start > max(0, index - _LONGEST_BODY) and not _DEFINITION.match(lines[start]):
        start -= 1
    if not _DEFINITION.match(lines[start]):
        return max(0, index - _AROUND), min(len(lines), index + _AROUND + 1)
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < min(len(lines), start + 2 * _LONGEST_BODY):
        line = lines[end]
        if (
            line.strip()
            and len(line) - len(line.lstrip()) <= indent
            and line.strip()[0] not in ")]}"
        ):
            break
        end += 1
    return start, max(end, index + 1)
