"""Differences in the format of `git diff`, such as `git apply` and people read.

A file that is binary, or no UTF-8, is named only: text shown wrongly would be worse than none.
"""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from move37.store import paths

Hunks = Callable[[bytes, bytes], str]
"""The `@@` parts of a difference between two texts."""

_KIND = 0o170000
_NO_NEWLINE = "\n\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class File:
    mode: int
    content: bytes


def patch(path: str, old: File | None, new: File | None, hunks: Hunks) -> str:
    """The part of a patch that is about one file; `None` where there is no such file."""
    if old is not None and new is not None and old.mode & _KIND != new.mode & _KIND:
        return patch(path, old, None, hunks) + patch(path, None, new, hunks)
    a, b = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    lines = [f"diff --git {a} {b}\n"]
    if old is None:
        assert new is not None, "a difference needs at least one file"
        lines.append(f"new file mode {new.mode:o}\n")
    elif new is None:
        lines.append(f"deleted file mode {old.mode:o}\n")
    elif old.mode != new.mode:
        lines.append(f"old mode {old.mode:o}\nnew mode {new.mode:o}\n")
    before, after = (b"" if file is None else file.content for file in (old, new))
    if before != after:
        a, b = ("/dev/null" if old is None else a), ("/dev/null" if new is None else b)
        if _is_text(old) and _is_text(new):
            lines += [f"--- {_ended(a)}\n", f"+++ {_ended(b)}\n", hunks(before, after)]
        else:
            lines.append(f"Binary files {a} and {b} differ\n")
    return "".join(lines)


def git_hunks(old: bytes, new: bytes) -> str:
    """By libgit2: fast on any size."""
    import pygit2

    text = pygit2.Patch.create_from(old, new).data.decode()
    return text[text.index("\n@@ ") + 1 :]


def plain_hunks(old: bytes, new: bytes) -> str:
    """By the standard library alone."""
    diff = difflib.unified_diff(_lines(old), _lines(new))
    return "".join(_hunk_lines(list(diff)[2:]))


def _hunk_lines(lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else line + _NO_NEWLINE


def _lines(text: bytes) -> list[str]:
    *whole, last = text.decode().split("\n")
    return [line + "\n" for line in whole] + ([last] if last else [])


def _is_text(file: File | None) -> bool:
    if file is None:
        return True
    if b"\0" in file.content:
        return False
    try:
        file.content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _ended(name: str) -> str:
    """Git marks the end of a name with a space in it by a tab."""
    return name + "\t" if " " in name and not name.startswith('"') else name


def _quoted(name: str) -> str:
    """As git does with core.quotePath off: in C's way when a byte would be misread."""
    if all(char not in '"\\' and char >= " " and char != "\x7f" for char in name) and _is_utf8(
        name
    ):
        return name
    return '"' + "".join(map(_escaped, paths.encode(name))) + '"'


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char in '"\\':
        return "\\" + char
    return char if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
