"""How a number is spelled, and how another value is spelled in the same manner.

`3e-4` becomes `1e-3` and not `0.001`; `0.0001` stays positional; `1_000` keeps its underscores and
`0.5f` its suffix.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

Value = int | float

_NUMBER = re.compile(
    r"""(?P<sign>[+-]?)[ \t]*
    (?P<body>(?:\d[\d_']*)?(?P<point>\.(?:\d[\d_']*)?)?
       (?:(?P<e>[eE])(?P<esign>[+-]?)(?P<exponent>\d[\d_]*))?)
    (?P<suffix>_?(?:f32|f64|[iu](?:8|16|32|64|128|size))|[uU]?[lL]{0,2}|[lL]{1,2}[uU]|[fFdD])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric literal, taken apart."""

    value: Value
    sign: str
    body: str
    suffix: str

    @property
    def is_integer(self) -> bool:
        return isinstance(self.value, int)


@lru_cache(maxsize=8192)
def read_number(text: str) -> Number | None:
    """Take a decimal literal apart. `None` for anything else: hexadecimal, octal, complex."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or not any(c.isdigit() for c in match["body"]):
        return None
    body, suffix = match["body"], match["suffix"]
    digits = re.sub("[_']", "", body)
    integral = match["point"] is None and match["e"] is None and "f" not in suffix.lower()
    if integral and len(digits) > 1 and digits[0] == "0":
        return None  # octal in C, an error in Python
    value: Value = int(digits) if integral else float(digits)
    if not math.isfinite(value):
        return None
    return Number(-value if match["sign"] == "-" else value, match["sign"], body, suffix)


def respell(text: str, value: Value) -> str:
    """Spell `value` in the manner of the literal `text`. An integer literal stays an integer."""
    old = read_number(text)
    assert old is not None, text
    sign = "-" if value < 0 else ("+" if old.sign == "+" else "")
    magnitude = abs(value)
    if old.is_integer:
        body = _integer(old.body, int(magnitude))
    elif "e" in old.body.lower():
        body = _scientific(old.body, float(magnitude))
    else:
        body = _positional(old.body, float(magnitude))
    return sign + body + old.suffix


def _integer(old: str, value: int) -> str:
    for separator in "_'":
        if separator in old:
            return f"{value:_}".replace("_", separator)
    return str(value)


def _scientific(old: str, value: float) -> str:
    mark = "E" if "E" in old else "e"
    mantissa, exponent = re.split("[eE]", old)
    if value == 0:
        return ("0.0" if "." in mantissa else "0") + mark + "0"
    digits, power = _shortest(value)
    shift = power + len(digits) - 1
    head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    if "." in mantissa and "." not in head:
        head += ".0"
    width = len(exponent.lstrip("+-"))
    plus = "-" if shift < 0 else ("+" if exponent.startswith("+") else "")
    return f"{head}{mark}{plus}{abs(shift):0{width}d}"


def _positional(old: str, value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    if "." not in text:
        text += ".0" if not old.endswith(".") else "."
    elif old.endswith(".") and text.endswith(".0"):
        text = text[:-1]
    if old.startswith(".") and text.startswith("0.") and text != "0.":
        text = text[1:]
    return text


def _shortest(value: float) -> tuple[str, int]:
    """Shortest decimal digits that read back as `value`, and the power of ten of the last one."""
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    return stripped, exponent + len(text) - len(stripped)


def canonical_number(text: str, *, suffix_matters: bool) -> str:
    """One spelling for each value, so that `1e-3` and `0.001` compare equal (and 1 and 1.0 do not)."""
    number = read_number(text)
    if number is None:
        return text
    suffix = number.suffix.lower() if suffix_matters else ""
    return f"{number.value!r}{suffix}"
