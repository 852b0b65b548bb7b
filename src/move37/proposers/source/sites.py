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

from move37.proposers.source.code_walk import CodeWalk
from move37.proposers.source.data_walk import DataWalk
from move37.proposers.source.domains import Domain, forbidden, infer, words
from move37.proposers.source.families import kin_of
from move37.proposers.source.hints import Comment, Hints, read_hints
from move37.proposers.source.languages import Grammars, Parsed, is_text
from move37.proposers.source.plain import read_plain
from move37.proposers.source.python_walk import PythonWalk
from move37.proposers.source.spelling import Value, read_number, respell
from move37.proposers.source.walk import Context, Findings, Found, Kind, Memo, Walk

if TYPE_CHECKING:
    from tree_sitter import Node

MAGIC = 10_000_000
"""Whole numbers from here on that have no telling name are hashes, masks and primes."""
_WEIGHT = {"bool": 0.3, "choice": 0.45, "swap": 0.12, "delete": 0.12, "cache": 0.45}
_STRUCTURE = frozenset(("swap", "delete", "cache"))
_TRUTHS = (
    ("true", "false"),
    ("True", "False"),
    ("TRUE", "FALSE"),
    ("yes", "no"),
    ("Yes", "No"),
    ("on", "off"),
    ("On", "Off"),
)
_LIST = re.compile(r"""["']?[ \t,;]*(?:#|//)\s*((?:[\w-]+(?:\s*[,|/]\s*|\s+or\s+))+[\w-]+)\s*""")
_COMMENTS = frozenset(("comment", "line_comment", "block_comment"))


class Site(NamedTuple):
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

    def __init__(self, *, files: int = 64, speed: bool = False) -> None:
        """files: how many scans are kept; speed: whether to find where results can be remembered."""
        self._speed = speed
        self._grammars = Grammars()
        self._memo: Memo = {}
        self._judge = _Judge({}, {})
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
        starts = [0, *(match.end() for match in re.finditer(b"\n", source))]
        hints = Hints()
        if not isinstance(parsed, str):
            findings = self._walk(parsed).find(parsed.root)
            if b"move37:" in source:
                hints = read_hints(path, _comments(parsed.root, source), len(starts))
        elif self._grammars.reads(path) or not is_text(source):
            return Scan((), parsed)
        else:
            findings, hints = read_plain(path, source)
        sites = tuple(_Reading(path, source, findings, hints, starts, self._judge).sites())
        if sites:
            return Scan(sites)
        if isinstance(parsed, str):
            return Scan((), f"{parsed}, and no line has a hint such as `move37: 1..10`")
        return Scan((), f"{path}: no number, flag or choice that may be turned")

    def _walk(self, parsed: Parsed) -> Walk:
        match parsed.language.family:
            case "python":
                return PythonWalk(parsed.source, self._memo, speed=self._speed)
            case "code":
                return CodeWalk(parsed.source, self._memo)
            case family:
                return DataWalk(parsed.source, self._memo, family)


def _comments(root: "Node", source: bytes) -> Iterator[Comment]:
    """The comments that speak to us, in order."""
    at = -1
    while (at := source.find(b"move37:", at + 1)) >= 0:
        node = root.descendant_for_byte_range(at, at + 1)
        if node is None:
            continue
        start = node.start_byte
        if (
            node.type == "preproc_arg"
        ):  # `#define SIZE 8 // …`: C's grammar has the comment in the value
            start = max(source.rfind(b"//", start, at), source.rfind(b"/*", start, at))
        elif node.type not in _COMMENTS:
            continue
        if start >= 0:
            text = source[start : node.end_byte].decode()
            line = source.rfind(b"\n", 0, start) + 1
            alone = not source[line:start].strip(b" \t\xef\xbb\xbf")
            yield Comment(source.count(b"\n", 0, start), alone, text)


Judgement = tuple[Kind, Domain, float] | None
"""Kind, domain and weight of a site; `None` for what is none."""
_MEMO_ENTRIES = 8192


@dataclass(frozen=True, slots=True)
class _Judge:
    """What a place is by its name, context and spelling; remembers its answers."""

    answers: dict[tuple[Kind, Context, str, tuple[str, ...]], Judgement]
    words_of: dict[tuple[str, str], bool]

    def judge(self, kind: Kind, context: Context, text: str, options: tuple[str, ...]) -> Judgement:
        """options: what the code or the comments say may stand here, if anything."""
        key = kind, context, text, options
        if key not in self.answers:
            if len(self.answers) >= _MEMO_ENTRIES:
                self.answers.clear()
            self.answers[key] = _inferred(kind, context, text, options)
        return self.answers[key]

    def names_a_seed(self, scope: str, name: str) -> bool:
        key = scope, name
        if key not in self.words_of:
            if len(self.words_of) >= _MEMO_ENTRIES:
                self.words_of.clear()
            path = (name, *re.split(r"[.\[\]]", scope))
            self.words_of[key] = any(forbidden(words(part)) == "seed" for part in path if part)
        return self.words_of[key]


def _hinted(kind: Kind, text: str, hint: Domain) -> Judgement:
    if hint.scale == "choice":
        return "choice", Domain("choice", options=tuple(sorted({text, *hint.options}))), 1.0
    number = read_number(text) if kind == "number" else None
    if number is None:
        return None
    integer = hint.integer or number.is_integer
    return "number", Domain(hint.scale, hint.low, hint.high, integer, hint.unit, hint.offset), 1.0


def _inferred(kind: Kind, context: Context, text: str, options: tuple[str, ...]) -> Judgement:
    name = words(context.name)
    if context.dead or forbidden(name) or forbidden(words(context.scope.rpartition(".")[2])):
        return None
    if kind == "number":
        return _number(context, name, text)
    if kind == "bool":
        options = next((pair for pair in _TRUTHS if text in pair), ())
    elif kind == "choice" and text not in options:
        switch = next((pair for pair in _TRUTHS[3:] if text in pair), ())
        options = (switch if context.named else ()) or kin_of(text, name)
    if not set(options) - {text}:
        return None
    weight = _WEIGHT[kind] * context.weight
    if kind == "bool" and not context.named:
        weight *= 0.3
    return kind, Domain("choice", options=options), weight


def _number(context: Context, name: str, text: str) -> Judgement:
    number = read_number(text)
    if number is None:
        return None
    whole, size = number.is_integer, abs(number.value)
    if (name in ("dim", "dims") and whole and size <= 3) or (whole and size >= MAGIC):
        return None  # an axis, a hash
    if whole and number.value == -1:
        return None  # an axis, or "none of them"
    read = infer(name, number.value, named=context.named)
    return None if read is None else ("number", read[0], read[1] * context.weight)


class _Reading:
    """From findings to sites: what the whole file says about each of them."""

    def __init__(
        self,
        path: str,
        source: bytes,
        findings: Findings,
        hints: Hints,
        starts: Sequence[int],
        judge: _Judge,
    ) -> None:
        self._path = path
        self._source = source
        self._found = sorted(findings.literals, key=lambda found: (found.start, -found.end))
        self._hints = hints
        self._starts = starts
        self._judge = judge
        self._seeds = _seed_names(findings, judge)
        self._seeders = frozenset(name.partition("(")[0] for name in self._seeds)
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
        if found.kind == "delete" and not self._seeders.isdisjoint(re.findall(r"\w+", text)):
            return None
        hint = None if found.kind in _STRUCTURE else self._hints.domains.get(first)
        if hint is None:
            options = self._options(found, text)
            read = self._judge.judge(found.kind, found.context, text, options)
        else:
            read = _hinted(found.kind, text, hint)
        if read is None:
            return None
        kind, domain, weight = read
        number = read_number(text) if kind == "number" else None
        value = None if number is None else number.value
        name = found.context.name + found.context.element
        return Site(id, self._path, start, end, first + 1, kind, name, text, value, domain, weight)

    def _options(self, found: Found, text: str) -> tuple[str, ...]:
        """What the file says may stand here."""
        if found.kind != "choice":
            return found.options
        siblings = self._siblings.get(found.context.name, ()) if found.context.named else ()
        return siblings if text in siblings and len(siblings) > 1 else self._listed(found, text)

    def _listed(self, found: Found, text: str) -> tuple[str, ...]:
        """The words of a comment behind it, as in `optimizer = "adam"  # sgd, adam, nadam`."""
        stop = self._source.find(b"\n", found.end)
        rest = self._source[found.end : stop if stop >= 0 else len(self._source)]
        if b"#" not in rest and b"//" not in rest:
            return ()
        match = _LIST.fullmatch(rest.decode())
        listed = [] if match is None else re.split(r"\s*(?:[,|/]|\bor\b)\s*", match[1])
        return tuple(listed) if text in listed and len(set(listed)) == len(listed) else ()

    def _is_seed(self, context: Context) -> bool:
        """Whether it feeds a random generator: no hint makes that a move."""
        return (
            context.dead == "seed"
            or context.name in self._seeds
            or f"{context.name}{context.element}" in self._seeds
            or self._judge.names_a_seed(context.scope, context.name)
        )

    def _row(self, at: int) -> int:
        return bisect_right(self._starts, at) - 1


def _label(context: Context) -> str:
    name = context.name + context.element
    return f"{context.scope}.{name}" if context.scope and name else context.scope or name or "value"


def _seed_names(findings: Findings, judge: _Judge) -> frozenset[str]:
    """Names whose value reaches a random generator's seed, through assignments and arguments."""
    flows: defaultdict[str, set[str]] = defaultdict(set)
    seeds: set[str] = set()
    for note in findings.notes:
        if note.about == "seed":
            seeds.add(note.name)
        elif note.about == "flow":
            flows[note.name].add(note.other)
            if judge.names_a_seed("", note.name):
                seeds.add(note.name)
    pending = list(seeds)
    while pending:
        for other in flows.get(pending.pop(), ()):
            if other not in seeds:
                seeds.add(other)
                pending.append(other)
    for note in findings.notes:
        if note.about == "parameter" and (
            note.other in seeds or judge.names_a_seed("", note.other)
        ):
            seeds.add(note.name)
    return frozenset(seeds - {""})


def _siblings(findings: Findings) -> Mapping[str, tuple[str, ...]]:
    """By name: the strings that the code compares it with, or has in a table that it looks up."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for note in findings.notes:
        if note.about == "sibling" and note.name and note.other:
            found[note.name][note.other] = None
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for note in findings.notes:
        if note.about == "key":
            keys[note.name].append(note.other)
    for note in findings.notes:
        if note.about == "lookup":
            found[note.other].update(dict.fromkeys(keys.get(note.name, ())))
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
