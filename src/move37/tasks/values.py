"""How the values of `move37.toml` are read: each from what TOML gave us, or `Wrong`."""

import math
import os.path
import re
import unicodedata
import warnings
from datetime import date, datetime, time
from pathlib import Path
from typing import Literal, cast

from move37.core.records import MOST_STAGES, PAIRS_LIMIT, Direction
from move37.tasks.globs import BadGlob, compile_glob
from move37.tasks.units import NotAQuantity, parse_duration, parse_size

Level = Literal["auto", "root", "user", "plain"]

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make text look different from what it is ("Trojan Source", Boucher & Anderson 2021)."""


class Wrong(ValueError):
    """A value cannot be used; the message is the end of a sentence that begins with its key."""


def describe(value: object) -> str:
    """Say in plain words what TOML gave us."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {_shorten(value)!r}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case datetime() | date() | time():
            return "a date or time"
        case _:
            return f"a {type(value).__name__}"


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def text(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong(f"must be text in quotes, not {describe(value)}")
    if not value.strip():
        raise Wrong("is empty")
    return value


def plain_text(value: object) -> str:
    """Text that is what it looks like: no NUL, nothing that reorders what a person sees."""
    found = text(value)
    for character in found:
        if character in _BIDI or (character < " " and character not in "\t\n\r"):
            raise Wrong(f"contains the invisible character U+{ord(character):04X}; remove it")
    return found


def name(value: object) -> str:
    found = plain_text(value)
    if found != found.strip() or any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in found):
        raise Wrong(f"is {_shorten(found)!r}; a name is one line without spaces around it")
    return found


def metric_name(value: object) -> str:
    found = name(value)
    if ":" in found or "=" in found:
        raise Wrong(f"is {found!r}, but `:` and `=` end a metric's name where it is printed")
    return found


def word(value: object) -> str:
    found = text(value)
    if not re.fullmatch(r"[A-Za-z][\w.-]*", found, re.ASCII):
        raise Wrong(f"is {_shorten(found)!r}; it is one word of letters, digits, `_`, `-` and `.`")
    return found


def optional_command(value: object) -> str | None:
    return None if isinstance(value, str) and not value.strip() else plain_text(value)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"must be true or false, not {describe(value)}")
    return value


def number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"must be a number, not {describe(value)}")
    try:
        found = float(value)
    except OverflowError:
        raise Wrong("is too large a number") from None
    if not math.isfinite(found):
        raise Wrong(f"is {found}; it must be finite")
    return found


def at_least_zero(value: object) -> float:
    if (found := number(value)) < 0:
        raise Wrong(f"is {found:g}; it cannot be negative")
    return found


def positive(value: object) -> float:
    if (found := number(value)) <= 0:
        raise Wrong(f"is {found:g}; it must be more than 0")
    return found


def share(value: object) -> float:
    if not 0 < (found := number(value)) <= 1:
        raise Wrong(f"is {found:g}; it must be more than 0 and at most 1")
    return found


def rare(value: object) -> float:
    if not 0 < (found := number(value)) <= 0.5:
        raise Wrong(f"is {found:g}; it must be more than 0 and at most 0.5")
    return found


def tables(value: object) -> tuple[dict[str, object], ...]:
    given = cast("list[object]", value) if isinstance(value, list) else None
    if given is None or not all(isinstance(table, dict) for table in given):
        raise Wrong(f"must be tables in double brackets, not {describe(cast('object', value))}")
    if len(given) > MOST_STAGES:
        raise Wrong(f"has {len(given)} tables; {MOST_STAGES} are the most")
    return tuple(cast("list[dict[str, object]]", given))


def count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(f"must be a whole number, not {describe(value)}")
    if value < 1:
        raise Wrong(f"is {value}; it must be at least 1")
    if value > 10**12:
        raise Wrong("is too large a number")
    return value


def pairs(value: object) -> int:
    if (found := count(value)) > PAIRS_LIMIT:
        raise Wrong(f"is {found}; {PAIRS_LIMIT} are the most")
    return found


def duration(value: object) -> float:
    """Seconds, from a number or text such as `"2m"`."""
    if not isinstance(value, str):
        return positive(value)
    try:
        return positive(parse_duration(value))
    except NotAQuantity as error:
        raise Wrong(str(error)) from error


def size(value: object) -> int:
    """Bytes. A bare number is refused: nobody who writes `memory = 4` means four bytes."""
    if not isinstance(value, str):
        raise Wrong(f"must be a size with its unit in quotes, not {describe(value)}")
    try:
        found = parse_size(value)
    except NotAQuantity as error:
        raise Wrong(str(error)) from error
    if not 1024**2 <= found < 2**60:
        raise Wrong(f"is {value!r}; it must be at least 1MiB and less than 1024^2 TiB")
    return found


def regex(value: object) -> str:
    pattern = text(value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise Wrong(f"is {_shorten(pattern)!r}, which is no regular expression: {error}") from error
    if not groups:
        raise Wrong(f"is {_shorten(pattern)!r}, which has no group; put the number in parentheses")
    return pattern


def direction(value: object) -> Direction:
    found = text(value)
    if found not in list(Direction):
        raise Wrong(f"is {_shorten(found)!r}; it must be 'minimize' or 'maximize'")
    return Direction(found)


def level(value: object) -> Level:
    found = text(value)
    if found in ("auto", "root", "user", "plain"):
        return found
    raise Wrong(f"is {_shorten(found)!r}; it must be 'auto', 'root', 'user' or 'plain'")


def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Wrong(f"must be a list of texts in brackets, not {describe(value)}")
    return tuple(plain_text(item) for item in cast("list[object]", value))


def globs(value: object) -> tuple[str, ...]:
    patterns = texts(value)
    for pattern in patterns:
        try:
            compile_glob(pattern)
        except BadGlob as error:
            raise Wrong(f"has {_shorten(pattern)!r}, which {error}") from error
    return patterns


def some_globs(value: object) -> tuple[str, ...]:
    patterns = globs(value)
    if not patterns:
        raise Wrong("is empty, so that nothing may change")
    return patterns


def marks(value: object) -> tuple[str, str]:
    match texts(value):
        case (first, second) if first != second and all(map(_MARK.fullmatch, (first, second))):
            return first, second
        case _:
            raise Wrong("must be two different words without spaces, the first and the second mark")


_MARK = re.compile(r"[^\W_][\w.:-]*")


def absolute_paths(value: object) -> tuple[str, ...]:
    found: list[str] = []
    for given in texts(value):
        try:
            path = os.path.normpath(Path(given).expanduser())
        except RuntimeError:  # `~somebody` who is not known here
            path = ""
        if not path.startswith("/"):
            raise Wrong(f"has {_shorten(given)!r}, which is no absolute path")
        if path.strip("/") == "":
            raise Wrong(f"has {given!r}, the whole machine; name the directories that are needed")
        found.append(path)
    return tuple(found)


SYSTEM_DIRECTORIES = frozenset(
    [
        "bin",
        "boot",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "nix",
        "proc",
        "run",
        "sbin",
        "sys",
        "tmp",
        "trial",
        "usr",
    ]
)
"""Directories of the root that a sandbox has of its own."""


def own_places(value: object) -> tuple[str, ...]:
    """Absolute paths where a sandbox can have an empty directory."""
    places = absolute_paths(value)
    for given in places:
        if (top := given.split("/")[1]) in SYSTEM_DIRECTORIES:
            raise Wrong(f"has {_shorten(given)!r}, and the sandbox has a /{top} of its own")
    return places


def variable_names(value: object) -> tuple[str, ...]:
    names = texts(value)
    for given in names:
        if not re.fullmatch(r"[A-Za-z_]\w*", given, re.ASCII):
            raise Wrong(f"has {_shorten(given)!r}, which is no name of an environment variable")
        if given.startswith("MOVE37_"):
            raise Wrong(f"has {given!r}; the names that begin with MOVE37_ are set by move37")
    return names
