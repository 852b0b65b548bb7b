"""The ways to read a block that was not written quite as asked: fences, line numbers, entities, quotes."""

import html
import re
from collections.abc import Iterator

from move37.proposers.reply.parts import Lines, Swap

_NUMBERED = re.compile(r"[ \t]*(\d+)(?: ?[|:\u2502\u2192] ?|\t)(.*)\Z")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|nbsp|#\d+|#x[0-9a-fA-F]+);")
_CURLY = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-",
        "\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2026": "...",
    }
)  # fmt: skip


def variants(swap: Swap) -> Iterator[tuple[Lines, Lines, str]]:
    """The ways to read a block, as it stands first; each with what had to be tolerated."""
    for old, new in swap.readings:
        yield old, new, ""
    for old, new in swap.readings:
        if (inner := _unfenced(old)) is not None:
            yield inner, _unfenced(new) or new, "code fences stood inside the block"
        if (bare := _unnumbered(old)) is not None:
            stripped = _unnumbered(new)
            if stripped is not None:
                yield bare, stripped, "line numbers were written before the lines"
        if any(_ENTITY.search(line) for line in old):
            yield _unescaped(old), _unescaped(new), "HTML entities were written for characters"
        if (plain := _straight(old)) != old:
            yield plain, _straight(new), "typographic quotes or dashes were written for plain ones"


def _unfenced(lines: Lines) -> Lines | None:
    inner = unframed(lines)
    if len(inner) >= 2 and inner[0].lstrip().startswith("```") and inner[-1].strip() == "```":
        return inner[1:-1]
    return None


def _unnumbered(lines: Lines) -> Lines | None:
    """Without line numbers; `None` if some line has none, or they do not ascend."""
    bare: list[str] = []
    last = -1
    for line in lines:
        found = _NUMBERED.match(line)
        if found is None:
            if line.strip():
                return None
            bare.append(line)
            continue
        number = int(found[1][:9])
        if number <= last:
            return None
        last = number
        bare.append(found[2])
    return tuple(bare)


def _unescaped(lines: Lines) -> Lines:
    return tuple(html.unescape(line) for line in lines)


def _straight(lines: Lines) -> Lines:
    return tuple(line.translate(_CURLY) for line in lines)


def unframed(lines: Lines) -> Lines:
    """Without blank lines at its ends."""
    rows = [i for i, line in enumerate(lines) if line.strip()]
    return lines[rows[0] : rows[-1] + 1] if rows else ()
