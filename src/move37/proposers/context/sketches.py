"""Sketches of edits: small, stored with an experiment, and enough to tell whether another edit is the same.

An edit is what it puts into a program and where. Comments, layout, docstrings, the spelling of numbers
and the names that it makes up for itself do not count. Numbers are kept apart: an edit that turns one
further is another edit.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from move37.proposers.context.edits import changed_texts, hunks
from move37.proposers.context.words import SAID_OF_CHANGES
from move37.proposers.source.languages import language_of
from move37.proposers.source.spelling import read_number

Changes = Mapping[str, bytes | None]

_KEPT = 64
"""Hashes of each kind: sets up to this size are compared exactly, larger ones to about 0.05."""
_LONGEST = 60_000
"""Characters of an edit that are looked at."""
_DIGITS = 3
"""Fractions that agree in so many significant digits are equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sketch:
    """An edit, in short."""

    added: Sequence[int]
    """Hashes of what it puts in, the smallest ones, ascending."""
    place: Sequence[int]
    """Likewise of what it takes out and what stands beside that."""
    numbers: str
    """Digest of the numbers that it puts in; equal for equal ones."""
    words: str
    """Likewise of the words that it uses: what it calls, above all."""
    exact: str
    """Likewise of all of it, in order."""

    @property
    def is_empty(self) -> bool:
        return not self.added and not self.place

    def to_json(self) -> dict[str, str]:
        """To be kept in a proposal's `detail`, under `edit`."""
        return {
            "added": _packed(self.added),
            "place": _packed(self.place),
            "numbers": self.numbers,
            "words": self.words,
            "exact": self.exact,
        }


def from_json(data: Any) -> Sketch | None:
    """The inverse of `to_json`; `None` for anything else."""
    try:
        return Sketch(
            added=_unpacked(data["added"]),
            place=_unpacked(data["place"]),
            numbers=str(data["numbers"]),
            words=str(data["words"]),
            exact=str(data["exact"]),
        )
    except (TypeError, KeyError, ValueError):
        return None


def sketch_of(files: Mapping[str, bytes], changes: Changes) -> Sketch:
    """The sketch of a change to these files."""
    after = {path: data for path, data in {**files, **changes}.items() if data is not None}
    before = {path: files[path] for path in changes if path in files}
    after = {path: after[path] for path in changes if path in after}
    edited = list(_edited(before, after))
    names = _made_up(edited, before)
    added: set[int] = set()
    place: set[int] = set()
    numbers: list[str] = []
    told: list[str] = []
    for one in edited:
        words = [names.get(word, word) for word in _blanked(one.come)]
        numbers += [word for kind, word in one.come if kind == "number"]
        told += [one.path, *words]
        added |= _shingles(one.path, words)
        place |= _shingles(one.path, _blanked(one.where))
    return Sketch(
        added=sorted(added)[:_KEPT],
        place=sorted(place)[:_KEPT],
        numbers=_digest(sorted(numbers)),
        words=_digest(sorted({word for word in told if word[:1].isalpha() or word[:1] == "_"})),
        exact=_digest(told),
    )


@dataclass(frozen=True, slots=True)
class _Edited:
    """One place of an edit."""

    path: str
    come: Sequence["Token"]
    where: Sequence["Token"]
    """What went, and what stands beside it."""


def _edited(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[_Edited]:
    for path, *texts in changed_texts(before, after):
        old, new = (_meaningful(path, text) for text in texts)
        for hunk in hunks(_keys(path, old), _keys(path, new)):
            start, end = hunk.start, hunk.start + len(hunk.old)
            gone = list(_tokens(path, old[start:end]))
            come = list(_tokens(path, new[hunk.then : hunk.then + len(hunk.new)]))
            if gone != come:
                above, below = old[max(0, start - 1) : start], old[end : end + 1]
                yield _Edited(path, come, [*gone, *_tokens(path, above), *_tokens(path, below)])


def similarity(one: Sketch, other: Sketch) -> float:
    """How alike what two edits put in is, 0 to 1; of what they take out, where they put in nothing.

    0 where they turn numbers differently, or are made in different places.
    """
    if one.numbers != other.numbers or _overlap(one.place, other.place) < _SAME_PLACE:
        return 0.0
    if not one.added and not other.added:
        return _overlap(one.place, other.place)
    return _overlap(one.added, other.added)


_SAME_PLACE = 0.5


def word_similarity(one: str, other: str) -> float:
    """How alike two hypotheses are, 0 to 1, by their words. Numbers count: they say how far."""
    here, there = _words(one), _words(other)
    return len(here & there) / len(here | there) if here and there else 0.0


def _words(text: str) -> Set[str]:
    words = re.findall(r"\d+(?:\.\d+)?|[^\W\d_]{3,}", text.lower())
    return {re.sub(r"(?:ing|ed|es|s)$", "", word) for word in words if word not in SAID_OF_CHANGES}


# --- tokens --------------------------------------------------------------------------------------

_STRING = r"\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?"
_REST = r"(?P<number>(?<![\w.])\.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?)|(?P<word>[^\W\d]\w*)|(?P<mark>\S)"
_HASH = re.compile(rf"(?P<comment>\#[^\n]*)|(?P<string>{_STRING})|{_REST}", re.DOTALL)
_SLASHES = re.compile(
    rf"(?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))|(?P<string>{_STRING})|{_REST}", re.DOTALL
)

Token = tuple[str, str]
"""Its kind, and how it is spelled when spelling does not matter."""


def _meaningful(path: str, lines: Sequence[str]) -> list[str]:
    """Without blank lines, comments on lines of their own, and lines that print something."""
    mark = "//" if _family(path) == "code" else "#"
    return [
        line
        for line in lines
        if (bare := line.strip()) and not bare.startswith(mark) and not _LOGS.match(bare)
    ]


_LOGS = re.compile(r"(?:print|console\.log|logg(?:er|ing)\.\w+)\(.*\);?$")


def _keys(path: str, lines: Sequence[str]) -> list[str]:
    """What lines are compared by: without blanks and, where nothing is in quotes, without comments."""
    mark = "//" if _family(path) == "code" else "#"
    bare = ("".join(line.split()) for line in lines)
    return [key if '"' in key or "'" in key else key.partition(mark)[0] for key in bare]


def _family(path: str) -> str:
    language = language_of(path)
    return "" if language is None else language.family


def _tokens(path: str, lines: Sequence[str]) -> Iterator[Token]:
    text = "\n".join(lines)[:_LONGEST]
    for match in (_SLASHES if _family(path) == "code" else _HASH).finditer(text):
        kind, word = match.lastgroup or "mark", match.group()
        if kind == "comment" or (kind == "string" and _is_docstring(text, match)):
            continue
        yield kind, _number(word) if kind == "number" else word


def _is_docstring(text: str, match: re.Match[str]) -> bool:
    """Whether a string stands alone on its lines."""
    start = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    rest = text[match.end() : None if end < 0 else end]
    return not text[start : match.start()].strip() and not rest.strip()


def _number(text: str) -> str:
    number = read_number(text)
    if number is None:
        return text.lower()
    return str(number.value) if number.is_integer else f"{float(number.value):.{_DIGITS}g}"


_BINDS = frozenset(
    [
        "def",
        "class",
        "fn",
        "func",
        "function",
        "struct",
        "let",
        "const",
        "var",
        "auto",
        "for",
        "as",
        "lambda",
        "int",
    ]
)


def _made_up(edited: Sequence[_Edited], before: Mapping[str, bytes]) -> dict[str, str]:
    """Names that an edit makes up for itself, numbered in their order."""
    code = [one.come for one in edited if _family(one.path) in ("python", "code")]
    uses = Counter(word for come in code for kind, word in come if kind == "word")
    found: dict[str, str] = {}
    # One that is never used again says something: a setting, an attribute.
    for name in (name for come in code for name in _bound(come) if uses[name] > 1):
        pattern = rf"\b{name}\b".encode()
        if name not in found and not any(re.search(pattern, data) for data in before.values()):
            found[name] = f"name {len(found)}"
    return found


def _blanked(tokens: Iterable[Token]) -> list[str]:
    return ["#" if kind == "number" else word for kind, word in tokens]


def _bound(tokens: Sequence[Token]) -> Iterator[str]:
    """Names that are given a meaning here: assigned outside of brackets, defined, or a parameter."""
    depth = parameters = 0
    before = ""
    defines = False
    for (kind, word), (_, after) in pairwise([*tokens, ("mark", "")]):
        if word in ("(", "["):
            depth += 1
            if defines and word == "(":
                parameters = depth
            defines = False
        elif word in (")", "]"):
            parameters = 0 if depth == parameters else parameters
            depth -= 1
        elif kind == "word" and before != ".":
            is_parameter = parameters and depth == parameters and after in (",", ")", "=", ":")
            if before in _BINDS or is_parameter or (depth <= 0 and after == "="):
                yield word
                defines = defines or before in ("def", "fn", "func", "function")
        before = word


def _shingles(path: str, words: Sequence[str]) -> set[int]:
    """Hashes of all three words in a row."""
    if not words:
        return set()
    padded = ["", *words, ""]
    rows = zip(padded, padded[1:], padded[2:], strict=False)
    return {_hash(f"{path}\0{a}\0{b}\0{c}") for a, b, c in rows}


def _digest(words: Sequence[str]) -> str:
    return blake2b("\0".join(words).encode("utf-8", "replace"), digest_size=6).hexdigest()


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=4).digest(), "big")


def _overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Jaccard similarity of two sets, from the smallest hashes of each (A. Broder 1997)."""
    if not one or not other:
        return float(not one and not other)
    kept = sorted(set(one) | set(other))[:_KEPT]
    both = set(one) & set(other)
    return sum(value in both for value in kept) / len(kept)


def _packed(values: Sequence[int]) -> str:
    return "".join(f"{value:08x}" for value in values)


def _unpacked(text: str) -> tuple[int, ...]:
    return tuple(int(text[at : at + 8], 16) for at in range(0, len(text), 8))
