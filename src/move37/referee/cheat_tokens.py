"""What a file of any language does that a gain could be faked with, read line by line.

A scan of words, not a parser: it knows calls, quoted texts and numbers, and nothing of scopes.
"""

import re
from collections.abc import Iterator

from move37.core.records import Gravity
from move37.referee.cheat_signals import LONG_LITERAL, MANY_ELEMENTS, Signal, Surroundings
from move37.referee.cheat_texts import metric_print, text_signals
from move37.referee.cheat_words import PATTERNS, SEED_NAME, THREAD_VARIABLES

_DATA = (".json", ".yaml", ".yml", ".toml", ".ini", ".csv", ".txt", ".md", ".rst", ".cfg", ".xml")
_COMMENT = re.compile(r"^\s*(?://|#(?!\s*(?:include|define|if|pragma))|\*|/\*|--(?=\s)|;)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'')
_SAYS = re.compile(
    r"\b(?:f?printf|puts|fputs|echo|print(?:ln)?!?|console\.\w+|cout|fmt\.\w+|write(?:ln)?!?|"
    r"System\.out\.\w+|process\.stdout\.write)\b"
)
_SEEDING = re.compile(
    r"\b(s?rand(?:om)?|srand48|seed|set_seed|seed_from_u64|rand\.Seed|seedrandom|mt19937(?:_64)?(?:\s+\w+)?)"
    r"\s*[({]\s*[\"']?(\d+)",
)
_NAMED = re.compile(r"([\w-]*)[\"']?\s*(?::=|[:=])\s*[\"']?(-?\d+)\b")
_BARE_NUMBER = re.compile(r"-?(?:0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?)[uUlLfF]*")
_ONLY_VALUES = re.compile(r"^[\s\d\w.,+\-{}\[\]\"']*,?\s*(?:[}\])];?)?\s*$")


def token_signals(path: str, source: str, around: Surroundings) -> list[Signal]:
    """Everything telling in a file, in the order of its lines."""
    is_data = path.lower().endswith(_DATA)
    lines = source.splitlines()
    found: list[Signal] = []
    for number, line in enumerate(lines, start=1):
        if is_data or not _COMMENT.match(line):
            found += _line(line, number, around, is_data=is_data)
    if not is_data:
        found += _tables(lines)
    return found


def _line(line: str, number: int, around: Surroundings, *, is_data: bool) -> Iterator[Signal]:
    yield from _seeds(line, number)
    if not is_data:
        for pattern in PATTERNS:
            if (said := pattern.regex.search(line)) is not None:
                yield _told(
                    pattern.meaning.topic,
                    pattern.meaning.gravity,
                    line,
                    number,
                    pattern.meaning.what,
                    said.group().strip(),
                )
        if _SAYS.search(line):
            yield from metric_print(line.strip(), number, around)
    texts = [first or second for first, second in _QUOTED.findall(line)]
    whole = [line] if "MOVE37_" in line and not any("MOVE37_" in text for text in texts) else []
    for text in (*texts, *whole):
        yield from text_signals(text, number, around)
        if len(text) >= LONG_LITERAL and not is_data and text.count(" ") * 12 <= len(text):
            yield Signal(
                topic="answers",
                gravity="look",
                key=text,
                line=number,
                what=f"holds a text of {len(text):,} characters",
            )


def _told(topic: str, gravity: Gravity, line: str, number: int, what: str, said: str) -> Signal:
    if topic == "environment" and THREAD_VARIABLES.search(line):
        gravity = "note"
    return Signal(
        topic=topic,
        gravity=gravity,
        what=f"{what} ({said.rstrip('(').strip()})",
        key=said,
        line=number,
    )


def _seeds(line: str, number: int) -> Iterator[Signal]:
    said = " ".join(line.split())[:60]
    for call in _SEEDING.finditer(line):
        yield Signal(
            topic="seed",
            gravity="look",
            what=f"fixes a random seed ({said})",
            key=f"{call[1]} {call[2]}",
            line=number,
            family=f"call {call[1]}",
        )
    for name, value in _NAMED.findall(line):
        if SEED_NAME.search(name):
            yield Signal(
                topic="seed",
                gravity="note",
                what=f"fixes a random seed ({said})",
                key=f"{name} = {value}",
                line=number,
                family=f"name {name}",
            )


def _tables(lines: list[str]) -> Iterator[Signal]:
    """Runs of lines that hold values and nothing else."""
    start, values = 0, list[str]()
    for number, line in enumerate([*lines, "end("], start=1):
        here = _BARE_NUMBER.findall(line) if _ONLY_VALUES.match(line) else []
        row = re.search(r"[\[{]([^\[{\]}]*)[\]}]", line)
        if not here and row is not None and row[1].count(",") + 1 >= MANY_ELEMENTS:
            yield _table(number, _BARE_NUMBER.findall(row[1]))
        if here:
            start = start if values else number
            values += here
            continue
        if len(values) >= MANY_ELEMENTS:
            yield _table(start, values)
        values = []


def _table(line: int, values: list[str]) -> Signal:
    return Signal(
        topic="answers",
        gravity="look",
        what=f"holds a table of {len(values):,} values",
        key=" ".join(values),
        line=line,
    )
