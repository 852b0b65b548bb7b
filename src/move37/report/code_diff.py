"""A unified diff, read into files, hunks and lines with their numbers on both sides."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

LINES = 4000
"""So many lines are read; a diff may have no end."""
_WIDEST = 2000
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffLine:
    kind: Literal["same", "gone", "new", "note"]
    old: int | None
    """Line number in the old file."""
    new: int | None
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Hunk:
    head: str
    """What the hunk stands in, such as a function."""
    lines: tuple[DiffLine, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileDiff:
    path: str
    """In the new program; in the old one where it is gone."""
    note: str
    """Such as `new file`, `deleted` or `binary`; empty for an ordinary change."""
    added: int
    removed: int
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeDiff:
    files: tuple[FileDiff, ...]
    left_out: int
    """Lines at the end that are not shown."""


def read_diff(text: str, *, limit: int = LINES) -> CodeDiff:
    """Read what `Code.diff` writes. Nothing in it can fail: what is not understood is a note."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    left_out = max(0, len(lines) - limit)
    return CodeDiff(files=tuple(_files(lines[:limit])), left_out=left_out)


def _files(lines: list[str]) -> Iterator[FileDiff]:
    starts = [n for n, line in enumerate(lines) if line.startswith("diff --git ")]
    for start, end in pairwise([*starts, len(lines)]):
        yield _file(lines[start:end])


def _file(lines: list[str]) -> FileDiff:
    path = _path_in_head(lines[0])
    notes: list[str] = []
    hunks: list[Hunk] = []
    at = 1
    while at < len(lines):
        line = lines[at]
        if (found := _HUNK.match(line)) is not None:
            hunk, at = _hunk(found, lines, at + 1)
            hunks.append(hunk)
            continue
        if (line.startswith("+++ ") and line != "+++ /dev/null") or (
            line.startswith("--- ") and line != "--- /dev/null"
        ):
            path = _path(line[4:])
        elif line.startswith("new file"):
            notes.append("new file")
        elif line.startswith("deleted file"):
            notes.append("deleted")
        elif line.startswith("Binary files"):
            notes.append("binary")
        elif line.startswith("new mode"):
            notes.append(f"mode {line.removeprefix('new mode ')}")
        at += 1
    return FileDiff(
        path=path,
        note=", ".join(notes),
        added=sum(line.kind == "new" for hunk in hunks for line in hunk.lines),
        removed=sum(line.kind == "gone" for hunk in hunks for line in hunk.lines),
        hunks=tuple(hunks),
    )


def _hunk(found: re.Match[str], lines: list[str], at: int) -> tuple[Hunk, int]:
    """A hunk ends by its counts: a removed line may look like the head of a file."""
    old, new = int(found[1]), int(found[3])
    left_old, left_new = int(found[2] or 1), int(found[4] or 1)
    shown: list[DiffLine] = []
    while at < len(lines) and (left_old > 0 or left_new > 0 or lines[at].startswith("\\")):
        line = lines[at]
        text = line[1 : 1 + _WIDEST] + ("…" if len(line) > _WIDEST + 1 else "")
        if line.startswith("+"):
            shown.append(DiffLine(kind="new", old=None, new=new, text=text))
            new, left_new = new + 1, left_new - 1
        elif line.startswith("-"):
            shown.append(DiffLine(kind="gone", old=old, new=None, text=text))
            old, left_old = old + 1, left_old - 1
        elif line.startswith("\\"):
            shown.append(DiffLine(kind="note", old=None, new=None, text=text.strip()))
        else:
            shown.append(DiffLine(kind="same", old=old, new=new, text=text))
            old, new, left_old, left_new = old + 1, new + 1, left_old - 1, left_new - 1
        at += 1
    return Hunk(head=found[5][:200], lines=tuple(shown)), at


def _path(text: str) -> str:
    text = text.rstrip("\t")
    if text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    return text[2:] if text[:2] in ("a/", "b/") else text


def _path_in_head(line: str) -> str:
    rest = line.removeprefix("diff --git ")
    return _path(rest[len(rest) // 2 + 1 :]) if rest else ""
