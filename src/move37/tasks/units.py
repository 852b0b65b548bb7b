"""Durations and sizes as people write them. The inverse functions are exact: reading back what was
written gives the same number."""

import math
import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
_QUANTITY = re.compile(r"([0-9]{1,24}(?:\.[0-9]{1,24})?)\s*([A-Za-z]+)")


class NotAQuantity(ValueError):
    """The text is no duration or size; the message is the end of a sentence about it."""


def parse_duration(text: str) -> float:
    """Return seconds. Understands `60s`, `1.5m`, `1h30m`; raises `NotAQuantity` otherwise."""
    compact = text.strip()
    parts = list(_QUANTITY.finditer(compact))
    if not parts or _QUANTITY.sub("", compact).strip():
        raise NotAQuantity(f"is {text!r}, which is no duration")
    for part in parts:
        if part[2] not in _SECONDS:
            units = ", ".join(_SECONDS)
            raise NotAQuantity(f"is {text!r}, but {part[2]!r} is none of the units {units}")
    return math.fsum(float(part[1]) * _SECONDS[part[2]] for part in parts)


def format_duration(seconds: float) -> str | float:
    """Return the shortest text that reads back as exactly this, or the bare number of seconds."""
    for unit in ("h", "m", "s"):
        count = seconds / _SECONDS[unit]
        if count >= 1 and count == int(count) and count < 1e15:
            text = f"{int(count)}{unit}"
            if parse_duration(text) == seconds:
                return text
    return seconds


def parse_size(text: str) -> int:
    """Return bytes. `4GB` is 4·10⁹, `4GiB` is 4·2³⁰; raises `NotAQuantity` otherwise."""
    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        raise NotAQuantity(f"is {text!r}, which is no size with a unit")
    if found[2] not in _BYTES:
        raise NotAQuantity(
            f"is {text!r}, but {found[2]!r} is none of the units {', '.join(_BYTES)}"
        )
    if "." not in found[1]:
        return int(found[1]) * _BYTES[found[2]]
    return round(float(found[1]) * _BYTES[found[2]])


def format_size(size: int) -> str:
    """Return the size in the largest unit that divides it."""
    unit = max((u for u in _BYTES if size % _BYTES[u] == 0), key=lambda u: (_BYTES[u], u != "kB"))
    return f"{size // _BYTES[unit]}{unit}"
