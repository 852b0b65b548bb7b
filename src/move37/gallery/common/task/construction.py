"""Fixed: reads what a run left in `construction.json`, as numbers and as nothing else.

Anybody may have written that file. It is opened only if it is a regular file of a bearable size, and read as JSON:
lists of plain numbers. A number is what its nearest double is, exactly, as a fraction: from there on nothing
is rounded. Whatever else is in the directory is not looked at.
"""

import json
import math
import stat
from fractions import Fraction
from pathlib import Path

NAME = "construction.json"
MOST_BYTES = 1_000_000
MOST_CHARACTERS = 40
"""Of one number: a double needs 24."""


class Refused(Exception):
    """It cannot be judged; says why, in one sentence."""


def read_rows(directory: Path, rows: int, columns: int) -> list[list[Fraction]]:
    """The construction as so many rows of so many numbers. Raises `Refused`."""
    value = _read(directory / NAME)
    if not isinstance(value, list) or len(value) != rows:
        raise Refused(f"it must be a list of {rows} rows, not {_told(value)}")
    for row in value:
        if not isinstance(row, list) or len(row) != columns:
            raise Refused(f"each row must be a list of {columns} numbers, not {_told(row)}")
    return [[_number(item) for item in row] for row in value]


def read_numbers(directory: Path, least: int, most: int) -> list[Fraction]:
    """The construction as one list of so many numbers. Raises `Refused`."""
    value = _read(directory / NAME)
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Refused(f"it must be a list of {least} to {most} numbers, not {_told(value)}")
    return [_number(item) for item in value]


def _read(path: Path) -> object:
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise Refused("it is not a regular file")
        if found.st_size > MOST_BYTES:
            raise Refused(f"it has {found.st_size:,} bytes; {MOST_BYTES:,} are allowed")
        text = path.read_bytes().decode("ascii")
        return json.loads(text, parse_int=_double, parse_float=_double, parse_constant=_double)
    except FileNotFoundError:
        raise Refused("the run left no such file") from None
    except OSError as error:
        raise Refused(f"it cannot be read: {error.strerror}") from None
    except RecursionError:
        raise Refused("it is nested too deeply") from None
    except ValueError:  # bytes that are no text, text that is no JSON
        raise Refused("it is not JSON in ASCII") from None


def _double(text: str) -> float:
    """What a number in JSON is taken for. Python's own reader takes NaN, and integers of any length."""
    value = float(text) if len(text) <= MOST_CHARACTERS else math.nan
    if not math.isfinite(value):
        raise Refused(f"{text[:20]!r} is not a finite number of at most {MOST_CHARACTERS} characters")
    return value


def _number(value: object) -> Fraction:
    if type(value) is not float:
        raise Refused(f"it must hold numbers, not {_told(value)}")
    return Fraction(value)


def _told(value: object) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__


def decimal(value: Fraction, *, up: bool, digits: int = 12) -> str:
    """The value in decimals, rounded against the candidate: up what is to be small, else down."""
    scaled = value * 10**digits
    whole = math.ceil(scaled) if up else math.floor(scaled)
    sign, whole = "-" if whole < 0 else "", abs(whole)
    return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d}"


def products(first: list[int], second: list[int]) -> list[int]:
    """The coefficients of the product of two polynomials, exactly: as one product of two long integers."""
    largest = max(first) * max(second) * min(len(first), len(second))
    width = largest.bit_length() // 8 + 1
    joined = [
        int.from_bytes(b"".join(value.to_bytes(width, "little") for value in values), "little")
        for values in (first, second)
    ]
    length = len(first) + len(second) - 1
    product = (joined[0] * joined[1]).to_bytes(length * width, "little")
    return [
        int.from_bytes(product[at : at + width], "little")
        for at in range(0, length * width, width)
    ]
