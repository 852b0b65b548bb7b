"""A document as Markdown. Words of others stand in code spans, where no renderer sees markup in them."""

import re
from collections.abc import Iterator, Sequence

from move37.report.document import (
    Block,
    Bullets,
    Chapter,
    Chart,
    Document,
    Facts,
    Heading,
    Inline,
    Inlines,
    Interval,
    Lines,
    Para,
    Strong,
    Table,
    Theirs,
    Typed,
)
from move37.report.words import clean, cut

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!$@])")
_FENCE = re.compile(r"`+")
_WIDEST = 240


def markdown(document: Document) -> str:
    """The whole file."""
    lines = [
        f"# {escaped(document.headline)}",
        "",
        f"**{escaped(document.task)}** · {escaped(document.goal)}",
        "",
    ]
    lines += [f"- {escaped(name)}: **{escaped(value)}**" for name, value in document.figures]
    for chapter in document.chapters:
        lines += ["", *chapter_lines(chapter)]
    lines += [
        "",
        f"Written by move37 {escaped(document.version)}. Only what is certified is called an improvement.",
    ]
    return "\n".join(lines) + "\n"


def chapter_lines(chapter: Chapter, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {escaped(chapter.title)}"
    for block in chapter.blocks:
        yield ""
        yield from _block(block, level)


def escaped(text: str) -> str:
    """Our own words and names, on one line, with nothing in them that Markdown would take for markup."""
    shown = _SPECIAL.sub(r"\\\1", clean(text))
    # Addresses that some renderers make links of by themselves.
    return re.sub(r"(?i)\bwww\.", r"www\\.", shown.replace("://", ":\\/\\/"))


def code_span(text: str, *, in_table: bool = False) -> str:
    """Any text as code: behind more backticks than it has in a row."""
    shown = cut(clean(text), _WIDEST)
    if not shown:
        return ""
    if in_table:
        # The one thing that ends a cell even within code, and no renderer agrees how to spell it.
        shown = shown.replace("|", "\u00a6")
    fence = "`" * (1 + max((len(found) for found in _FENCE.findall(shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(lines: Sequence[str], language: str = "") -> list[str]:
    """Lines as a block of code that nothing in them can end."""
    shown = [clean(line, keep="\n\t") for line in lines]
    longest = max((len(found) for line in shown for found in _FENCE.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *shown, fence]


def _block(block: Block, level: int) -> Iterator[str]:
    match block:
        case Para():
            yield _inlines(block.text)
        case Bullets():
            yield from (f"- {_inlines(item)}" for item in block.items)
        case Facts():
            yield from (f"- {escaped(name)}: {_inlines(value)}" for name, value in block.pairs)
        case Heading():
            yield f"{'#' * (level + 1)} {_inlines(block.text)}"
        case Table():
            yield from _table(block)
        case Lines():
            if block.title:
                yield escaped(block.title) + ":"
                yield ""
            yield from fenced(
                block.lines, {"diff": "diff", "output": "text", "shell": "sh"}[block.kind]
            )
        case Chart():
            yield "![The chart of all experiments](progress.png)"


def _table(block: Table) -> Iterator[str]:
    yield escaped(block.caption)
    yield ""
    yield "| " + " | ".join(escaped(name) or " " for name in block.head) + " |"
    marks = ("---:" if column in block.right else "---" for column in range(len(block.head)))
    yield "| " + " | ".join(marks) + " |"
    for row in block.rows:
        yield "| " + " | ".join(_inlines(cell, in_table=True) for cell in row) + " |"


def _inlines(parts: Inlines, *, in_table: bool = False) -> str:
    return "".join(_inline(part, in_table) for part in parts).strip()


def _spoken(words: str, in_table: bool) -> str:
    """Our own sentences: what stands between backticks is typed."""
    pieces = words.split("`")
    if len(pieces) % 2 == 0:
        return escaped(words)
    return "".join(
        code_span(piece, in_table=in_table) if place % 2 else _middle(piece)
        for place, piece in enumerate(pieces)
    ).strip()


def _middle(words: str) -> str:
    """Escaped, with the blanks that part it from its neighbours."""
    before = " " if words[:1].isspace() else ""
    after = " " if words[-1:].isspace() and words.strip() else ""
    return f"{before}{escaped(words)}{after}"


def _inline(part: Inline, in_table: bool) -> str:
    match part:
        case str():
            before = " " if part[:1].isspace() else ""
            after = " " if part[-1:].isspace() and part.strip() else ""
            return f"{before}{_spoken(part, in_table)}{after}"
        case Theirs() | Typed():
            tail = " " if part.text[-1:].isspace() else ""
            return code_span(part.text, in_table=in_table) + tail
        case Strong():
            tail = " " if part.text[-1:].isspace() else ""
            return f"**{escaped(part.text)}**{tail}"
        case Interval():
            return escaped(part.told)
