"""Records as JSON."""

from pathlib import Path
from typing import Any, cast


def as_json(record: Any) -> str:
    """One line of JSON, at full precision; a path is its text, an infinite number is null."""
    import msgspec

    try:
        return msgspec.json.encode(record, enc_hook=_encode).decode()
    except UnicodeEncodeError:  # a path that is not UTF-8
        return msgspec.json.encode(_spelled(msgspec.to_builtins(record, enc_hook=_encode))).decode()


def _encode(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"no JSON for {type(value).__name__}")


def _spelled(value: object) -> object:
    """The same with bytes that are no text written as `\\udcff`, as Python does."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            pairs = cast("dict[object, object]", value).items()
            return {_spelled(name): _spelled(inner) for name, inner in pairs}
        case list() | tuple():
            return [_spelled(inner) for inner in cast("list[object]", value)]
        case _:
            return value
