"""Sites: the places of a program that can be turned, each with its name, value and domain.

A site is named by where it stands (`train.py:Config.lr`, `model.yaml:optimizer.betas[1]`), not by its
offset, so that what was learned about it holds after other sites were turned. Editing one changes
exactly its bytes. What is never a site, and why, is said in `docs/tune.md`.
"""

import re
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from move37.proposers.code_walk import CodeWalk
from move37.proposers.data_walk import DataWalk
from move37.proposers.domains import Domain, forbidden, infer, words
from move37.proposers.families import kin_of
from move37.proposers.hints import Comment, Hints, read_hints
from move37.proposers.languages import Grammars, Parsed
from move37.proposers.python_walk import PythonWalk
from move37.proposers.spelling import Value, read_number, respell
from move37.proposers.walk import Context, Findings, Found, Kind, Memo, Walk

if TYPE_CHECKING:
    from tree_sitter import Node

MAGIC = 10_000_000
"""Whole numbers from here on that have no telling name are hashes, masks and primes."""
_WEIGHT = {"bool": 0.3, "choice": 0.45, "swap": 0.12, "delete": 0.12}
_TRUTHS = (("true", "false"), ("True", "False"), ("TRUE", "FALSE"), ("yes", "no"), ("Yes", "No"),
           ("on", "off"), ("On", "Off"))
_COMMENTS = frozenset(("comment", "line_comment", "block_comment"))


@dataclass(frozen=True, slots=True)
class Site:
    """One place that can be turned."""

    id: str
    """Where it stands; equal before and after other sites were edited."""
    path: str
    start: int
    end: int
    """Its bytes in the file."""
    line: int
    """Counts from 1."""
    kind: Kind
    name: str
    """Behind which name, for people."""
    text: str
    """As it is spelled now."""
    value: Value | None
    """Of a number; `None` for other kinds."""
    domain: Domain
    weight: float
    """How much one bold step may matter, compared with a learning rate (1.0): a prior."""

    def spell(self, value: Value) -> str:
        """Another value, spelled as this one is."""
        return respell(self.text, value)


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in one file."""

    sites: tuple[Site, ...]
    """In the order in which they stand."""
    reason: str = ""
    """Why there are none, in one sentence; empty when there are some."""


class Edit(NamedTuple):
    """New text for a site."""

    site: Site
    text: str


def apply_edits(source: bytes, edits: Iterable[Edit]) -> bytes:
    """Change exactly the bytes of these sites of one file. They must not overlap."""
    pieces: list[bytes] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.site.start):
        assert edit.site.start >= at, "the edits overlap"
        pieces += [source[at : edit.site.start], edit.text.encode()]
        at = edit.site.end
    return b"".join((*pieces, source[at:]))


class Sites:
    """Finds the sites of files, and remembers what it found by their content."""

    def __init__(self, *, files: int = 64) -> None:
        """files: how many scans are kept."""
        self._grammars = Grammars()
        self._memo: Memo = {}
        self._scans: OrderedDict[tuple[str, bytes], Scan] = OrderedDict()
        self._files = files

    def scan(self, path: str, source: bytes) -> Scan:
        """Find what can be turned. Raises `TaskError` for a hint that cannot be read."""
        key = path, blake2b(source, digest_size=16).digest()
        scan = self._scans.pop(key, None)
        if scan is None:
            scan = self._scan(path, source)
        self._scans[key] = scan
        if len(self._scans) > self._files:
            self._scans.popitem(last=False)
        return scan

    def _scan(self, path: str, source: bytes) -> Scan:
        parsed = self._grammars.parse(path, source)
        if isinstance(parsed, str):
            return Scan((), parsed)
        findings = self._walk(parsed).find(parsed.root)
        starts = [0, *(match.end() for match in re.finditer(b"\n", source))]
        hints = Hints()
        if b"move37:" in source:
            hints = read_hints(path, _comments(parsed.root, source), len(starts))
        sites = tuple(_Reading(path, source, findings, hints, starts).sites())
        return Scan(sites, "" if sites else f"{path}: no number, flag or choice that may be turned")

    def _walk(self, parsed: Parsed) -> Walk:
        match parsed.language.family:
            case "python":
                return PythonWalk(parsed.source, self._memo)
            case "code":
                return CodeWalk(parsed.source, self._memo)
            case family:
                return DataWalk(parsed.source, self._memo, family)


def _comments(root: "Node", source: bytes) -> Iterator[Comment]:
    """All comments of a tree, in order."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.type in _COMMENTS:
            text = source[node.start_byte : node.end_byte].decode()
            line = source.rfind(b"\n", 0, node.start_byte) + 1
            alone = not source[line : node.start_byte].strip(b" \t\xef\xbb\xbf")
            yield Comment(source.count(b"\n", 0, node.start_byte), alone, text)
        pending.extend(reversed(node.children))


class _Reading:
    """From findings to sites: what the whole file says about each of them."""

    def __init__(
        self,
        path: str,
        source: bytes,
        findings: Findings,
        hints: Hints,
        starts: Sequence[int],
    ) -> None:
        self._path = path
        self._source = source
        self._found = sorted(findings.literals, key=lambda found: (found.start, -found.end))
        self._hints = hints
        self._starts = starts
        self._seeds = _seed_names(findings)
        self._siblings = _siblings(findings)
        self._counts: defaultdict[str, int] = defaultdict(int)

    def sites(self) -> Iterator[Site]:
        for found in self._found:
            context = found.context
            base = f"{self._path}:{_label(context)}"
            count = self._counts[base]
            self._counts[base] += 1
            site = self._site(found, base if count == 0 else f"{base}#{count}")
            if site is not None:
                yield site

    def _site(self, found: Found, id: str) -> Site | None:
        start, end = found.start, found.end
        if found.kind == "delete" and found.options == ("",):
            start, end = _whole_lines(self._source, start, end)
        first, last = self._row(found.start), self._row(max(found.end - 1, found.start))
        if end <= start or self._hints.is_off(first, last) or self._is_seed(found.context):
            return None
        text = self._source[start:end].decode()
        hint = None if found.kind in ("swap", "delete") else self._hints.domains.get(first)
        read = self._hinted(found, text, hint) if hint is not None else self._inferred(found, text)
        if read is None:
            return None
        kind, domain, weight = read
        number = read_number(text) if kind == "number" else None
        value = None if number is None else number.value
        name = found.context.name + found.context.element
        return Site(id, self._path, start, end, first + 1, kind, name, text, value, domain, weight)

    def _hinted(self, found: Found, text: str, hint: Domain) -> tuple[Kind, Domain, float] | None:
        if hint.scale == "choice":
            options = (text, *(option for option in hint.options if option != text))
            return "choice", Domain("choice", options=tuple(sorted(options))), 1.0
        number = read_number(text) if found.kind == "number" else None
        if number is None:
            return None
        integer = hint.integer or number.is_integer
        domain = Domain(hint.scale, hint.low, hint.high, integer, hint.unit, hint.offset)
        return "number", domain, 1.0

    def _inferred(self, found: Found, text: str) -> tuple[Kind, Domain, float] | None:
        context = found.context
        name = words(context.name)
        if context.dead or forbidden(name) or forbidden(words(context.scope.rpartition(".")[2])):
            return None
        if found.kind == "number":
            return self._number(context, name, text)
        options = found.options or self._options(found.kind, context, name, text)
        if not options or not set(options) - {text}:
            return None
        weight = _WEIGHT[found.kind] * context.weight
        if found.kind == "bool" and not context.named:
            weight *= 0.3
        return found.kind, Domain("choice", options=options), weight

    def _number(self, context: Context, name: str, text: str) -> tuple[Kind, Domain, float] | None:
        number = read_number(text)
        if number is None:
            return None
        small = number.is_integer and abs(number.value) <= 3
        if name in ("dim", "dims") and small:
            return None  # an axis
        read = infer(name, number.value, named=context.named)
        if read is None or (abs(number.value) >= MAGIC and number.is_integer):
            return None
        return "number", read[0], read[1] * context.weight

    def _options(self, kind: Kind, context: Context, name: str, text: str) -> tuple[str, ...]:
        if kind == "bool":
            return next((pair for pair in _TRUTHS if text in pair), ())
        siblings = self._siblings.get(context.name, ())
        if text in siblings and len(siblings) > 1 and context.named:
            return siblings
        return kin_of(text, name)

    def _is_seed(self, context: Context) -> bool:
        """Whether it feeds a random generator: no hint makes that a move."""
        if context.dead == "seed" or context.name in self._seeds:
            return True
        if f"{context.name}{context.element}" in self._seeds:
            return True
        path = (context.name, *re.split(r"[.\[\]]", context.scope))
        return any(forbidden(words(part)) == "seed" for part in path if part)

    def _row(self, at: int) -> int:
        return bisect_right(self._starts, at) - 1


def _label(context: Context) -> str:
    name = context.name + context.element
    return f"{context.scope}.{name}" if context.scope and name else context.scope or name or "value"


def _seed_names(findings: Findings) -> frozenset[str]:
    """Names whose value reaches a random generator's seed, through assignments and arguments."""
    flows: defaultdict[str, set[str]] = defaultdict(set)
    seeds: set[str] = set()
    for note in findings.notes:
        if note.about == "seed":
            seeds.add(note.name)
        elif note.about == "flow":
            flows[note.name].add(note.other)
            if forbidden(words(note.name)) == "seed":
                seeds.add(note.name)
    pending = list(seeds)
    while pending:
        for other in flows.get(pending.pop(), ()):
            if other not in seeds:
                seeds.add(other)
                pending.append(other)
    for note in findings.notes:
        if note.about == "parameter" and (
            note.other in seeds or forbidden(words(note.other)) == "seed"
        ):
            seeds.add(note.name)
    return frozenset(seeds - {""})


def _siblings(findings: Findings) -> Mapping[str, tuple[str, ...]]:
    """By name: the strings that the code compares it with."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for note in findings.notes:
        if note.about == "sibling" and note.name and note.other:
            found[note.name][note.other] = None
    return {name: tuple(sorted(options)) for name, options in found.items()}


def _whole_lines(source: bytes, start: int, end: int) -> tuple[int, int]:
    """The lines of a statement that has them to itself; nothing when it shares one."""
    line = source.rfind(b"\n", 0, start) + 1
    if source[line:start].strip(b" \t"):
        return 0, 0
    stop = source.find(b"\n", end)
    stop = len(source) if stop < 0 else stop + 1
    rest = source[end:stop].strip()
    return (line, stop) if not rest or rest.startswith(b"#") else (0, 0)

