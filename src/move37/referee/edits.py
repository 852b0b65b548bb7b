"""What a program changes in another, as edits that can be taken out one by one.

The difference of two programs is cut into pieces: values within a line, lines, hunks, whole files. Any
of them can be left out, whatever becomes of the others. Pieces that came together in one step of the
lineage stay together as one edit, unless the step set values, or other steps changed the same places.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

Files = Mapping[str, bytes]

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_TOKENS = re.compile(r"\d[\d_]*\.?[\d_]*(?:[eE][-+]?\d+)?\w*|\w+|\s+|[^\w\s]")
_VALUE = re.compile(r"[\w.]+(?:[eE][-+]?\d+)?\Z")
_MOST_LINES = 20_000
"""A longer file is one piece."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a lineage: the editable files after it, and whether it set values only."""

    experiment: int
    files: Files
    by_site: bool
    """Its changes are independent of one another, such as constants turned together."""
    label: str = ""
    """Why it was made."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One changed place of a file: from old text to new text."""

    path: str
    old: str | None
    """`None`: there was no such file."""
    new: str | None
    line: int
    """In the new file, from 1."""
    label: str
    steps: frozenset[int] = frozenset()
    """The experiments that changed something there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Pieces that are taken out together."""

    label: str
    """For a person, such as `LEARNING_RATE = 0.001 → 0.003`."""
    places: tuple[str, ...]
    """Such as `train.py:17`."""
    steps: tuple[int, ...]
    """The experiments that it came from."""
    pieces: frozenset[int]


class Edits:
    """The change from one program to another, cut into edits."""

    def __init__(self, old: Files, steps: Sequence[Step]) -> None:
        """old: the editable files at the start. steps: of the lineage, the last one the program."""
        self._new = steps[-1].files
        self._layout: dict[str, list[str | int]] = {}
        """Of each changed file: text that both have, and the numbers of pieces."""
        self.pieces: list[Piece] = []
        touched = _Touched(old, steps)
        for path in sorted(old.keys() | self._new.keys()):
            before, after = old.get(path), self._new.get(path)
            if before != after:
                self._cut(path, before, after, touched)
        self.edits: Sequence[Edit] = tuple(_grouped(self.pieces, steps))

    def without(self, removed: Iterable[int]) -> Mapping[str, bytes | None]:
        """What to change in the program so that it lacks these edits."""
        out = frozenset[int]().union(*(self.edits[number].pieces for number in removed))
        changes: dict[str, bytes | None] = {}
        for path, layout in self._layout.items():
            content = self._content(layout, out)
            if content != self._new.get(path):
                changes[path] = content
        return changes

    def _content(self, layout: Sequence[str | int], out: Set[int]) -> bytes | None:
        texts: list[str] = []
        for part in layout:
            if isinstance(part, str):
                texts.append(part)
                continue
            piece = self.pieces[part]
            text = piece.old if part in out else piece.new
            if text is None:
                return None
            texts.append(text)
        return _encode("".join(texts))

    def _cut(
        self, path: str, before: bytes | None, after: bytes | None, touched: "_Touched"
    ) -> None:
        layout: list[str | int] = []
        for part in _parts(path, before, after):
            if isinstance(part, str):
                layout.append(part)
                continue
            piece, span = part
            layout.append(len(self.pieces))
            self.pieces.append(replace(piece, steps=touched.steps(path, span)))
        self._layout[path] = layout


# --- cutting -------------------------------------------------------------------------------------

_Span = tuple[int, int]
_Located = tuple[Piece, _Span]
"""A piece, and which lines of the new file it is in: empty where it only removes."""


def _parts(path: str, before: bytes | None, after: bytes | None) -> Iterator[str | _Located]:
    """A file as what both versions have, and pieces."""
    old, new = _decode(before), _decode(after)
    old_lines, new_lines = _LINES.findall(old or ""), _LINES.findall(new or "")
    if old is None or new is None or max(len(old_lines), len(new_lines)) > _MOST_LINES:
        verb = "added" if old is None else "removed" if new is None else "replaced"
        yield Piece(path, old, new, 1, f"{path} {verb}"), (0, len(new_lines))
        return
    matcher = SequenceMatcher(None, old_lines, new_lines, autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            yield "".join(new_lines[j1:j2])
        elif (cut := _line_by_line(path, old_lines[i1:i2], new_lines[j1:j2], j1)) is not None:
            yield from cut
        else:
            yield _hunk(path, old_lines[i1:i2], new_lines[j1:j2], j1)


def _hunk(path: str, old: Sequence[str], new: Sequence[str], at: int) -> _Located:
    shown = next((line.strip() for line in (*new, *old) if line.strip()), "blank lines")
    label = f"{_cut(shown, 48)} (+{len(new)} -{len(old)} lines)"
    piece = Piece(path, "".join(old), "".join(new), at + 1, label)
    return piece, (at, at + len(new))


def _line_by_line(
    path: str, old: Sequence[str], new: Sequence[str], at: int
) -> list[str | _Located] | None:
    """Lines that changed in their values only, each of them on its own; `None` if others did too."""
    if len(old) != len(new):
        return None
    parts: list[str | _Located] = []
    for number, (before, after) in enumerate(zip(old, new, strict=True), start=at):
        if before == after:
            parts.append(after)
            continue
        values = _values(path, before, after, number)
        if values is None:
            return None
        parts += values
    return parts


def _values(path: str, before: str, after: str, at: int) -> list[str | _Located] | None:
    """A line cut at the values that changed; `None` if something else did."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    parts: list[str | _Located] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append("".join(new[j1:j2]))
            continue
        one, other = "".join(old[i1:i2]), "".join(new[j1:j2])
        is_sign = {one, other} <= {"", "-"}
        if not is_sign and not (_VALUE.match(one) and _VALUE.match(other)):
            return None
        label = f"{_cut_left(''.join(old[:i1]).lstrip(), 44)}{one} → {other}"
        parts.append((Piece(path, one, other, at + 1, label), (at, at + 1)))
    return parts


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _cut_left(text: str, most: int) -> str:
    return text if len(text) <= most else "…" + text[1 - most :]


def _decode(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


# --- who changed what ----------------------------------------------------------------------------


class _Touched:
    """For each line of the last program, and each gap between two: the steps that changed it."""

    def __init__(self, old: Files, steps: Sequence[Step]) -> None:
        self._lines: dict[str, list[frozenset[int]]] = {}
        self._gaps: dict[str, list[frozenset[int]]] = {}
        self._files: dict[str, frozenset[int]] = {}
        before = old
        for step in steps:
            for path in before.keys() | step.files.keys():
                if before.get(path) != step.files.get(path):
                    self._follow(path, before.get(path), step.files.get(path), step.experiment)
            before = step.files

    def steps(self, path: str, span: _Span) -> frozenset[int]:
        first, end = span
        lines, gaps = self._lines.get(path, []), self._gaps.get(path, [])
        inside = gaps[first : first + 1] if first == end else gaps[first + 1 : end]
        found = frozenset[int]().union(*lines[first:end], *inside)
        return found or self._files.get(path, frozenset())

    def _follow(self, path: str, before: bytes | None, after: bytes | None, step: int) -> None:
        self._files[path] = self._files.get(path, frozenset()) | {step}
        old, new = (_LINES.findall(_decode(data) or "") for data in (before, after))
        if max(len(old), len(new)) > _MOST_LINES:
            return
        none = frozenset[int]()
        lines = self._lines.get(path, [none] * len(old))
        gaps = self._gaps.get(path, [none] * (len(old) + 1))
        new_lines, new_gaps = [none] * len(new), [none] * (len(new) + 1)
        for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind == "equal":
                new_lines[j1:j2] = lines[i1:i2]
                for offset in range(j2 - j1 + 1):
                    new_gaps[j1 + offset] |= gaps[i1 + offset]
                continue
            whole = none.union(*lines[i1:i2], *gaps[i1 + 1 : i2], {step})
            new_lines[j1:j2] = [whole] * (j2 - j1)
            if j1 == j2:
                new_gaps[j1] |= whole
        self._lines[path], self._gaps[path] = new_lines, new_gaps


def _grouped(pieces: Sequence[Piece], steps: Sequence[Step]) -> Iterator[Edit]:
    """Pieces by step, where a step can be taken out as a whole; else one by one."""
    whole = {step.experiment: step for step in steps if not step.by_site}
    mine: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        for step in piece.steps:
            mine.setdefault(step, []).append(number)
    together: dict[int, int] = {}
    for step, numbers in mine.items():
        is_alone = all(len(pieces[number].steps) == 1 for number in numbers)
        if step in whole and is_alone and len(numbers) < len(pieces):
            together |= dict.fromkeys(numbers, step)
    done: set[int] = set()
    for number, piece in enumerate(pieces):
        step = together.get(number)
        if step is None:
            yield _edit([piece], [number], piece.label)
        elif step not in done:
            done.add(step)
            own = [pieces[each] for each in mine[step]]
            label = own[0].label if len(own) == 1 else whole[step].label or own[0].label
            yield _edit(own, mine[step], label)


def _edit(pieces: Sequence[Piece], numbers: Iterable[int], label: str) -> Edit:
    return Edit(
        label=label,
        places=tuple(f"{piece.path}:{piece.line}" for piece in pieces),
        steps=tuple(sorted(frozenset[int]().union(*(piece.steps for piece in pieces)))),
        pieces=frozenset(numbers),
    )
