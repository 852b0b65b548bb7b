"""Reading `units.json` from where untrusted code could write.

The directory may hold anything: links, pipes, endless files, directories with a file's name. Nothing
here follows, waits for, or reads more than it must.
"""

import json
import math
import os
import stat
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import stdev
from typing import Any, NoReturn

from move37.core.records import Failed
from move37.referee.metrics import as_float, is_number

UNITS_NAME = "units.json"
MAX_BYTES = 16 * 1024**2
_CHUNK_BYTES = 1024**2


class UnitsError(ValueError):
    """What is wrong with a units file, to be appended to "`units.json` "."""


def read_units(out: Path) -> Mapping[str, float] | Failed | None:
    """The numbers by unit; `None` without such a file, `Failed("metric")` when it is broken."""
    try:
        data = _read(out)
        return None if data is None else parse_units(data)
    except UnitsError as bad:
        return Failed(stage="metric", reason=f"`{UNITS_NAME}` {bad}")


def parse_units(data: bytes) -> Mapping[str, float]:
    """Parse strictly. Raises `UnitsError`, whose message completes the sentence "`units.json` ..."."""
    try:
        parsed: object = json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnitsError:
        raise
    except (ValueError, RecursionError):
        raise UnitsError(
            'is not JSON; it should look like {"case 1": 0.5, "case 2": 0.25}'
        ) from None
    if not isinstance(parsed, dict):
        raise UnitsError("is not an object from unit name to number")
    if not parsed:
        raise UnitsError("names no unit; leave it out when there are none")
    return {str(name): _number(name, value) for name, value in parsed.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def mean_error(values: Sequence[float]) -> float | None:
    """Standard error of a mean over units; `None` for fewer than two."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def dump_units(units: Mapping[str, float]) -> bytes:
    """As an attachment: compact, and the same bytes for the same numbers."""
    return json.dumps(units, separators=(",", ":"), sort_keys=True).encode()


def forget_units(out: Path) -> bool:
    """Remove what untrusted code left under the name of the units file. False if it cannot be."""
    try:
        with _opened(out) as directory:
            _remove(directory)
    except OSError:
        return False
    return True


def _remove(directory: int) -> None:
    try:
        os.unlink(UNITS_NAME, dir_fd=directory)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        os.rename(UNITS_NAME, f"{UNITS_NAME}.of-run", src_dir_fd=directory, dst_dir_fd=directory)
    except PermissionError:  # the program made its own directory read-only
        os.fchmod(directory, 0o700)
        os.unlink(UNITS_NAME, dir_fd=directory)


def _read(out: Path) -> bytes | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with _opened(out) as directory:
            file = os.open(UNITS_NAME, flags, dir_fd=directory)
        try:
            return _read_plain(file)
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise UnitsError(f"cannot be read ({why}); write a plain file") from None


def _read_plain(file: int) -> bytes:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise UnitsError("is not a plain file")
    data = bytearray()
    while chunk := os.read(file, _CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_BYTES:
            raise UnitsError(f"is larger than {MAX_BYTES // 1024**2} MB; score fewer units")
    return bytes(data)


@contextmanager
def _opened(directory: Path) -> Generator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UnitsError(f"names {_shorten(twice)!r} twice")
    return unique


def _number(name: object, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        kind = "null" if value is None else type(value).__name__
        raise UnitsError(f"maps {_shorten(str(name))!r} to a {kind}, not to a number")
    number = as_float(value)
    if not is_number(number):
        raise UnitsError(f"maps {_shorten(str(name))!r} to a number beyond all measure (1e100)")
    return number


def _no_constant(constant: str) -> NoReturn:
    raise UnitsError(
        f"holds {constant}; leave out units that have no number, in every program alike"
    )


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
