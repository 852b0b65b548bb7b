"""Logs of other tools, told in sentences: what was reported, which nobody measured here.

`results.tsv` of karpathy/autoresearch has a header and a row for each run, pi-autoresearch's `log.jsonl`
an object for each. What cannot be read is left out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

LOGS = frozenset({".tsv", ".jsonl"})
_SAID = "Reported by another tool before this study, not measured here"
_ASIDE = frozenset({"type", "timestamp", "segment", "confidence", "run", "commit"})
_LONGEST = 2_000


def read_log(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Where a run stands, and what was said of it, run by run."""
    rows = _table(text) if name.endswith(".tsv") else _objects(text)
    for line, row in rows:
        status = row.get("status")
        told = "; ".join(f"{key}: {_plain(value)}" for key, value in row.items() if key != "status")
        yield f"line {line}", f"{_SAID} ({status or 'run'}): {told}"[:_LONGEST]


def _table(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    header, *lines = text.split("\n")
    names = header.strip().split("\t")
    for number, line in enumerate(lines, 2):
        if line.strip():
            pairs = zip(names, line.rstrip("\r").split("\t"), strict=False)
            yield number, {name: cell for name, cell in pairs if name not in _ASIDE and cell}


def _objects(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        try:
            found: object = json.loads(line or "null")
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            row = cast("dict[str, Any]", found)
            if row.get("type") in (None, "run", "result"):
                yield (
                    number,
                    {key: value for key, value in row.items() if key not in _ASIDE and value},
                )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
