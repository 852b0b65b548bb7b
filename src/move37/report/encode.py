"""Records as JSON."""

from pathlib import Path
from typing import Any


def as_json(record: Any) -> str:
    """One line of JSON, at full precision; a path is its text, an infinite number is null."""
    import msgspec

    return msgspec.json.encode(record, enc_hook=_encode).decode()


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")
