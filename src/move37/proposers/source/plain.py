"""What can be turned in text that no grammar reads: SQL, prompts, shell, Makefiles, any language.

Mostly what a person says: on a line with a hint, its numbers or the choice that stands there. Besides,
in shell scripts and the like, `NAME=6` alone on its line, where nothing else assigns that name; and
in a prompt, any line may be left out.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import PurePosixPath

from move37.proposers.source.domains import Domain
from move37.proposers.source.hints import Comment, Hints, read_hints
from move37.proposers.source.walk import Context, Findings, Found, Note, names

SCRIPTS = names(
    ".sh .bash .zsh .ksh .env .mk .ini .cfg .conf .properties .r .jl .lua .rb .pl .php .awk .m .vim .ps1"
)
"""Endings of files in which a line `name = 6` sets something."""
PROMPTS = names(".txt .md .prompt .j2 .jinja .jinja2 .tmpl .tpl .mustache .hbs .liquid")
"""Endings of files whose lines are text for a reader."""

MOST_LINES = 400
"""Of a prompt: what is longer is data."""

_MARK = re.compile(r"(?:#|//|--|;|%|<!--|/\*|\bREM)\s*move37:\s*(?P<said>.*?)\s*(?:\*/|-->)?\s*$")
_NUMBER = r"(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_UNSIGNED = re.compile(rf"(?<![\w.$]){_NUMBER}(?![\w.])")
_SIGNED = re.compile(rf"(?<![\w.$])[-+]?{_NUMBER}(?![\w.])")
_SET = re.compile(
    rf"""[ \t]*(?:(?:export|local|readonly|declare|typeset|set|let|my|our|var|const)\s+(?:-\w+\s+)?)?
    [$@]?(?P<name>[A-Za-z_][\w.]*)\s*(?:[:?+]?=|<-)\s*
    (?:(?P<quote>["']?)(?:(?P<number>[-+]?{_NUMBER})|(?P<word>[A-Za-z][\w-]*))(?P=quote)
      |"?\$\{{(?P=name):[-=](?P<default>{_NUMBER})\}}"?)
    [ \t]*[;,]?[ \t]*(?:(?:\#|//|--|;).*)?""",
    re.VERBOSE,
)
_ASSIGNED = re.compile(r"(?:^|[;\s(])[$@]?([A-Za-z_][\w.]*)\s*(?:[:?+*-]?=(?!=)|<-|\+\+)")
_SEEDED = re.compile(r"(?i)seed\w*[\"']?\s*[=(\s,:]\s*[\"']?\$?[{(]*([A-Za-z_]\w*)")
_VARIABLE = re.compile(r"\$[{(]*([A-Za-z_]\w*)")
_HOLE = re.compile(r"\{[^{}]*\}|\$\w|%[sd(]|<[\w/][^<>]*>")
"""Where a program puts something into a prompt; tags come in pairs."""


def read_plain(path: str, source: bytes) -> tuple[Findings, Hints]:
    """What stands there, and what the hints say. Raises `TaskError` for a hint that cannot be read."""
    lines = _Lines(source)
    hints = read_hints(path, _comments(lines), len(lines.texts))
    found = [*_hinted(lines, hints)]
    taken = {lines.row(one.start) for one in found}
    notes: list[Note] = []
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in SCRIPTS or (not suffix and _is_script(path, source)):
        found += [one for one in _settings(lines) if lines.row(one.start) not in taken]
        notes = [*_notes(lines)]
    elif suffix in PROMPTS and len(lines.texts) <= MOST_LINES:
        found += [one for one in _sentences(lines) if lines.row(one.start) not in taken]
    return Findings(found, notes), hints


class _Lines:
    """Text by lines; places in it are counted in bytes."""

    def __init__(self, source: bytes) -> None:
        self.texts = source.decode().split("\n")
        self.starts = [0]
        for text in self.texts:
            self.starts.append(self.starts[-1] + len(text.encode()) + 1)

    def row(self, at: int) -> int:
        return bisect_right(self.starts, at) - 1

    def span(self, row: int, start: int, end: int) -> tuple[int, int]:
        """Bytes in the file of these characters of a line."""
        text, first = self.texts[row], self.starts[row]
        return first + len(text[:start].encode()), first + len(text[:end].encode())


def _is_script(path: str, source: bytes) -> bool:
    return path.rpartition("/")[2].endswith("akefile") or source.startswith(b"#!")


def _comments(lines: _Lines) -> Iterator[Comment]:
    for row, text in enumerate(lines.texts):
        mark = _MARK.search(text) if "move37:" in text else None
        if mark is not None:
            alone = not text[: mark.start()].strip(" \t\ufeff")
            yield Comment(row, alone, f"# move37: {mark['said']}")


def _hinted(lines: _Lines, hints: Hints) -> Iterator[Found]:
    for row, domain in hints.domains.items():
        if row >= len(lines.texts):
            continue
        text = lines.texts[row]
        mark = _MARK.search(text)
        code = text[: mark.start()] if mark else text
        kind = "choice" if domain.scale == "choice" else "number"
        for start, end in _spans(code, domain):
            name = _name(code, start)
            yield Found(*lines.span(row, start, end), kind, Context(name=name, named=True))


def _spans(code: str, domain: Domain) -> Sequence[tuple[int, int]]:
    """Where in a line the values stand that a hint is about: one of its choices, or all numbers."""
    if domain.scale == "choice":
        longest = sorted(domain.options, key=len, reverse=True)
        either = "|".join(map(re.escape, longest))
        found = re.search(rf"(?<![\w-])(?:{either})(?![\w-])", code)
        return [] if found is None else [found.span()]
    pattern = _SIGNED if domain.low < 0 else _UNSIGNED
    return [found.span() for found in pattern.finditer(code)]


def _name(code: str, start: int) -> str:
    """What is set there, or else the word before it."""
    assigned = _ASSIGNED.search(code)
    if assigned is not None and assigned.start() < start:
        return assigned[1]
    before = re.findall(r"[A-Za-z_]\w*", code[:start])
    return before[-1] if before else ""


def _settings(lines: _Lines) -> Iterator[Found]:
    """`NAME=6`, where the name is assigned once: what is assigned again counts something."""
    assigned = Counter(name for text in lines.texts for name in _ASSIGNED.findall(text))
    for row, text in enumerate(lines.texts):
        found = _SET.fullmatch(text.removesuffix("\r"))
        if found is None or assigned[found["name"]] > 1:
            continue
        group = next(g for g in ("number", "word", "default") if found[g])
        word = "bool" if found["word"] in ("true", "false") else "choice"
        kind = word if group == "word" else "number"
        span = lines.span(row, *found.span(group))
        # A flag or a counter that begins; a hint says where it is more.
        dead = "a flag" if kind == "number" and found[group] in ("0", "1") else ""
        yield Found(*span, kind, Context(name=found["name"], named=True, dead=dead))


def _notes(lines: _Lines) -> Iterator[Note]:
    """Which names feed a random generator: shell seeds by `RANDOM=`, programs by an option."""
    yield Note("seed", "RANDOM")
    for text in lines.texts:
        for name in _SEEDED.findall(text):
            yield Note("seed", name)
        assigned = _ASSIGNED.search(text)
        if assigned is not None:
            for other in _VARIABLE.findall(text[assigned.end() :]):
                yield Note("flow", assigned[1], other)


def _sentences(lines: _Lines) -> Iterator[Found]:
    """Lines of a prompt that nothing is put into. Each is known by what it says."""
    for row, text in enumerate(lines.texts):
        if text.strip() and not _HOLE.search(text) and "move37:" not in text:
            digest = blake2b(text.strip().encode(), digest_size=4).hexdigest()
            span = lines.span(row, 0, len(text))
            yield Found(*span, "delete", Context(scope="line", name=f"l{digest}"), options=("",))
