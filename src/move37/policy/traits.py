"""What a change is like, in a few typed words: `node:number`, `name:learning_rate`, `file:train.py`.

Reads lines and tokens, not grammars: it works for every language, and costs little. A change that is
larger than it cares to read is told by its size and its files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from hashlib import blake2b
from math import log2

Files = Mapping[str, bytes]

MOST = 32
"""Traits of one change."""
_LONGEST = 60
_MOST_LINES = 400
"""Changed stretches longer than this, in either program, are one block."""
_MOST_BYTES = 400_000
_MOST_LINE = 400
"""Characters of a line that are looked at."""
_TOKEN = re.compile(
    r"""(?P<number>\b\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\.\d+\w*)"""
    r"""|(?P<string>"[^"]*"|'[^']*')"""
    r"""|(?P<name>[^\W\d]\w*)"""
    r"""|(?P<operator>[^\w\s"'])"""
)
_CHOICES = frozenset(("string", "flag", "name"))
"""Tokens that choose one of several things, rather than how much of one."""
_LONGEST_WORD = 16
_FLAGS = frozenset({"True", "False", "true", "false", "None", "null"})
_OPENERS = frozenset(
    [
        "if",
        "for",
        "while",
        "def",
        "class",
        "return",
        "import",
        "from",
        "with",
        "try",
        "else",
        "elif",
        "switch",
        "case",
        "fn",
        "func",
    ]
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def traits_of(before: Files, after: Files) -> tuple[str, ...]:
    """The traits of the change that makes one program the other; the same change has the same ones."""
    found: dict[str, None] = {}
    lines = 0
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        found[_short(f"file:{path}")] = None
        if old is None or new is None:
            found["node:file"] = None
        for trait, changed in _of_file(path, old or b"", new or b""):
            lines += changed
            if trait:
                found[_short(trait)] = None
    kept = list(found)[: MOST - 1]
    return (*kept, f"size:{round(log2(1 + lines))}") if found else ()


def _short(trait: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in trait[:_LONGEST])


def _of_file(path: str, old: bytes, new: bytes) -> Iterator[tuple[str, int]]:
    """Traits, and how many lines each is about; empty for lines that have none."""
    if max(len(old), len(new)) > _MOST_BYTES:
        yield "node:block", 0
        return
    one, other = (data.decode(errors="replace").splitlines() for data in (old, new))
    first = 0
    most = min(len(one), len(other))
    while first < most and one[first] == other[first]:
        first += 1
    last = 0
    while last < most - first and one[-1 - last] == other[-1 - last]:
        last += 1
    one, other = one[first : len(one) - last], other[first : len(other) - last]
    if max(len(one), len(other)) > _MOST_LINES:
        yield "node:block", len(one) + len(other)
        return
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield "", b - a + d - c
            yield from ((trait, 0) for trait in _of_hunk(path, one[a:b], other[c:d]))


def _of_hunk(path: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    if len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _of_line(path, one[:_MOST_LINE], other[:_MOST_LINE])
        return
    yield "node:rewrite" if old and new else "node:insert" if new else "node:delete"
    for line in (new or old)[:4]:
        tokens = list(_tokens(line[:_MOST_LINE]))
        if tokens and tokens[0][1] in _OPENERS:
            yield f"starts:{tokens[0][1]}"
        if name := _subject(tokens, len(tokens)):
            yield from _named(path, name)


def _of_line(path: str, old: str, new: str) -> Iterator[str]:
    one, other = list(_tokens(old)), list(_tokens(new))
    if len(one) != len(other):
        if "-" in (token[1] for token in (*one, *other)):
            one, other = _signed(one), _signed(other)
        if len(one) != len(other):
            yield "node:expression"
            if name := _subject(other, len(other)) or _subject(one, len(one)):
                yield from _named(path, name)
            return
    for place, (before, after) in enumerate(zip(one, other, strict=True)):
        if before == after:
            continue
        kind = before[0] if before[0] == after[0] else "expression"
        if before[1] in _FLAGS and after[1] in _FLAGS:
            kind = "flag"
        yield f"node:{kind}"
        name = _subject(other, place)
        if name:
            yield from _named(path, name)
        yield from _way(path, name, kind, before[1], after[1])
        if kind in _CHOICES:
            yield f"chose:{_digest(path, name)}:{_word(before[1])}>{_word(after[1])}"


def _signed(tokens: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """With a minus before a number as a part of it."""
    joined: list[tuple[str, str]] = []
    for kind, text in tokens:
        if kind == "number" and joined and joined[-1] == ("operator", "-"):
            joined[-1] = ("number", f"-{text}")
        else:
            joined.append((kind, text))
    return joined


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(line):
        yield match.lastgroup or "", match[0]


def _subject(tokens: Sequence[tuple[str, str]], place: int) -> str:
    """What the token at a place is the value of, or stands behind: the nearest name to its left that is
    assigned or called, else the nearest name; empty when there is none."""
    nearest = ""
    for at in range(place - 1, -1, -1):
        kind, text = tokens[at]
        if kind != "name" or text in _OPENERS or text in _FLAGS:
            continue
        nearest = nearest or text
        if at + 1 < len(tokens) and tokens[at + 1][1] in ("=", ":", "("):
            return text
    return nearest


def _named(path: str, name: str) -> Iterator[str]:
    yield f"name:{name.lower()}"
    yield f"at:{path}:{name}"
    for word in _WORDS.findall(name)[:3]:
        yield f"word:{word.lower()}"


def _way(path: str, name: str, kind: str, old: str, new: str) -> Iterator[str]:
    """Which way a value goes, and how far."""
    if kind == "number":
        before, after = _value(old), _value(new)
        if before is None or after is None:
            return
        way = "up" if after > before else "down"
        if before and after and before * after > 0:
            yield f"step:{min(6, round(abs(log2(after / before))))}"
    else:
        way = new.strip("\"'").lower()
    yield f"way:{path}:{name}:{way}"
    yield f"go:{name.lower()}:{way}"


def _word(text: str) -> str:
    """A spelling, or its digest when it is long, so that no trait is cut."""
    return text if len(text) <= _LONGEST_WORD and ">" not in text else _digest(text)


def _digest(*texts: str) -> str:
    return blake2b("\0".join(texts).encode(), digest_size=6).hexdigest()


def _value(text: str) -> float | None:
    try:
        value = float(text.rstrip("fFlLuU").replace("_", ""))
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None
