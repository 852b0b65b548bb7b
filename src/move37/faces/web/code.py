"""Code of candidates with its syntax in colours: escaped, and never run. Only a few well-known languages, and only
so much of it: who wrote it may want to keep the server busy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from move37.report.code_diff import CodeDiff, DiffLine, FileDiff
from move37.report.words import clean

if TYPE_CHECKING:
    from pygments.lexer import Lexer

_MOST_CHARACTERS = 200_000
_WIDEST_LINE = 400
_LANGUAGES = {
    ".py": "python",
    ".pyx": "python",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".hpp": "cpp",
    ".cu": "cuda",
    ".js": "javascript",
    ".ts": "typescript",
    ".json": "json",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".sh": "bash",
    ".rs": "rust",
    ".go": "go",
    ".java": "java",
}
_CLASSES = (
    ("Keyword", "k"),
    ("Literal.String", "s"),
    ("Literal.Number", "n"),
    ("Comment", "c"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
    ("Name.Decorator", "f"),
    ("Name.Builtin", "b"),
    ("Operator.Word", "k"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    kind: str
    sign: str
    old: int | None
    new: int | None
    code: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A hunk."""

    head: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    path: str
    note: str
    added: int
    removed: int
    parts: tuple[Part, ...]


_SIGNS = {"new": "+", "gone": "\u2212", "same": "", "note": ""}


def coloured(diff: CodeDiff | None) -> tuple[File, ...]:
    """Files, hunks and lines, ready to be shown."""
    if diff is None:
        return ()
    size = sum(len(line.text) for file in diff.files for hunk in file.hunks for line in hunk.lines)
    return tuple(_file(file, size <= _MOST_CHARACTERS) for file in diff.files)


def _file(file: FileDiff, has_colours: bool) -> File:
    lexer = _lexer(file.path) if has_colours else None
    return File(
        path=file.path,
        note=file.note,
        added=file.added,
        removed=file.removed,
        parts=tuple(
            Part(head=hunk.head, lines=tuple(_lines(hunk.lines, lexer))) for hunk in file.hunks
        ),
    )


def _lexer(path: str) -> "Lexer | None":
    name = _LANGUAGES.get(PurePosixPath(path).suffix.lower())
    if name is None:
        return None
    try:
        from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]
    except ImportError:
        return None  # the page is as true without colours
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


def _lines(lines: Sequence[DiffLine], lexer: "Lexer | None") -> Iterator[Line]:
    """Each side is read as a whole: a string may go over several lines."""
    texts = [clean(line.text, keep="\n\t").replace("\n", " ") for line in lines]
    sides: dict[str, dict[int, Markup]] = {}
    for side, kinds in (("old", ("same", "gone")), ("new", ("same", "new"))):
        rows = [row for row, line in enumerate(lines) if line.kind in kinds]
        told = _coloured([texts[row] for row in rows], lexer)
        sides[side] = dict(zip(rows, told, strict=True))
    for row, line in enumerate(lines):
        code = sides["old" if line.kind == "gone" else "new"].get(row, escape(texts[row]))
        yield Line(kind=line.kind, sign=_SIGNS[line.kind], old=line.old, new=line.new, code=code)


def _coloured(texts: Sequence[str], lexer: "Lexer | None") -> list[Markup]:
    if lexer is None or any(len(text) > _WIDEST_LINE for text in texts):
        return [escape(text) for text in texts]
    found: list[list[Markup]] = [[]]
    for token, text in lexer.get_tokens("\n".join(texts)):
        kind = _class_of(str(token).removeprefix("Token."))
        for number, piece in enumerate(text.split("\n")):
            if number:
                found.append([])
            if piece:
                found[-1].append(_span(kind, piece))
    if len(found) != len(texts):
        return [escape(text) for text in texts]  # the lexer did not give back what it was given
    return [Markup("").join(each) for each in found]


def _span(kind: str, text: str) -> Markup:
    return Markup('<span class="t-{}">{}</span>').format(kind, text) if kind else escape(text)


def _class_of(token: str) -> str:
    return next((short for name, short in _CLASSES if token.startswith(name)), "")
