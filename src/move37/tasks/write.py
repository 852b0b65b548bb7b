"""Writes a `move37.toml` for people: only what is needed, with a few comments; `load_task` reads
back the same task."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from move37.core.records import Task
from move37.tasks.document import to_document

_NOTES: Mapping[str, str] = {
    "goal": "in a sentence; more can stand in program.md",
    "files.edit": "everything else is restored for each trial and read-only",
    "files.link": "large inputs: mounted, never copied",
    "files.hide": "seen by `score` and `certify` only",
    "files.between": "where a file has these marks, only what stands between them may change",
    "evaluate.run": "sandboxed, without network, in a fresh workspace; gets $MOVE37_SEED",
    "evaluate.score": "trusted: judges what `run` left in $MOVE37_OUT",
    "evaluate.timeout": "wall clock for one trial",
    "metric.name": "as printed, such as `{name}: 0.5`",
    "metric.min_effect": "smaller differences are not worth a change",
    "sandbox.read": "more paths that the evaluation reads",
}

_TABLE_NOTES: Mapping[str, str] = {
    "checks": "each must exit 0 before an experiment can be champion",
    "limits": "metrics that must stay within bounds",
}


def render_task(task: Task) -> str:
    """Return the text of a `move37.toml` that `load_task` reads back as this task."""
    document = to_document(task)
    lines: list[str] = []
    scalars = {key: value for key, value in document.items() if not _is_table(value)}
    lines.extend(_entries("", scalars, task))
    for name, value in document.items():
        if isinstance(value, dict):
            note = _TABLE_NOTES.get(name)
            lines += ["", f"[{name}]" + (f"  # {note}" if note else "")]
            lines.extend(_entries(name, cast("dict[str, Any]", value), task))
        elif name == "proposer":
            for table in cast("list[dict[str, Any]]", value):
                lines += ["", "[[proposer]]", *_entries(name, table, task)]
    return "\n".join(lines).lstrip("\n") + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, dict | list)


def _entries(table: str, values: Mapping[str, Any], task: Task) -> Iterator[str]:
    """`key = value` lines, their comments in one column where the lines are short enough."""
    entries = [(key, f"{_key(key)} = {_value(value)}") for key, value in values.items()]
    notes = {key: _NOTES.get(f"{table}.{key}" if table else key, "") for key, _ in entries}
    widths = [len(entry) for key, entry in entries if notes[key] and len(entry) <= 40]
    column = max(widths, default=0)
    for key, entry in entries:
        note = notes[key].replace("{name}", task.metric.name)
        yield f"{entry:<{column}}  # {note}" if note else entry


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII) else _text(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(map(_value, cast('list[Any]', value)))}]"
        case dict():
            items = cast("dict[str, Any]", value).items()
            inner = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in items)
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            raise AssertionError(f"no TOML for {value!r}")


def _text(text: str) -> str:
    """Single quotes where that saves backslashes (regular expressions), double ones elsewhere."""
    if ("\\" in text or '"' in text) and "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = json.dumps(text, ensure_ascii=False)
    # Spelled out, so that what a person sees is what is there; TOML forbids a bare U+007F.
    return "".join(c if c.isprintable() else _escape(c) for c in escaped)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
