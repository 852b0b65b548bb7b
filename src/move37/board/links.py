"""What a post says of experiments, and which of its numbers are nothing but its author's word.

`x12` in a text is a link: what is known of x12 is filled in where the post is shown. Every other number is
marked, so that nobody takes it for measured.
"""

import re
import unicodedata
from collections.abc import Iterator

MARK = " [claimed]"

_LINK = re.compile(r"(?<![\w.])x(\d{1,9})(?![\w%]|[.,]\d)", re.ASCII)
_WORD = re.compile(r"[\w.,]*\w(?:\s?%)?")


def named_in(text: str) -> Iterator[int]:
    """The experiments that a text names, each once, in order. They need not exist."""
    return iter(dict.fromkeys(int(digits) for digits in _LINK.findall(text)))


def claimed_in(text: str) -> list[str]:
    """The numbers in a text that are no links and no parts of names such as `conv2d`, in order."""
    return [match[0].lstrip(".,") for match in _WORD.finditer(text) if _is_claim(match[0])]


def marked(text: str) -> str:
    """The text, with every such number marked as its author's word."""
    return _WORD.sub(
        lambda match: match[0] + MARK if _is_claim(match[0]) else match[0],
        text,
    )


def _is_claim(word: str) -> bool:
    if word.isalpha() or not any(unicodedata.category(one)[0] == "N" for one in word):
        return False
    return not all(map(_is_name, word.strip(".,").split(".")))


def _is_name(part: str) -> bool:
    """Whether it begins as a name does, as in `x12`, `utf8` or the parts of `train2.py`."""
    return (
        "," not in part
        and "%" not in part
        and part[:1] != ""
        and (part[0].isalpha() or part[0] == "_")
    )
