"""How many tokens a text is: a guess for windows, and a bound for money. Knows no model's vocabulary."""

import string
from collections.abc import Iterable, Mapping
from typing import Any

_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_SPACES = string.whitespace.encode()
_OTHERS = bytes(range(128, 256))
_ENVELOPE = 16
"""Tokens around each message, at most: the role, and marks of beginning and end."""


def estimate(text: str) -> int:
    """About how many tokens; rather too many than too few.

    Words are cut into pieces of about four letters, numbers into pieces of one to three digits, and most
    other characters stand alone.
    """
    data = text.encode(errors="replace")
    letters = len(data) - len(data.translate(None, _LETTERS))
    digits = len(data) - len(data.translate(None, _DIGITS))
    spaces = len(data) - len(data.translate(None, _SPACES))
    others = len(data) - len(data.translate(None, _OTHERS))
    marks = len(data) - letters - digits - spaces - others
    return int(letters / 3.8 + digits / 1.8 + spaces / 3.5 + marks / 1.4 + others / 1.8) + 1


def at_most(messages: Iterable[Mapping[str, Any]]) -> int:
    """More tokens than these messages can be: no vocabulary in use needs more than one for a byte."""
    return sum(_ENVELOPE + len(str(each["content"]).encode(errors="replace")) for each in messages)
