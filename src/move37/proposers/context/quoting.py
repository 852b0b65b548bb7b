"""Text of others inside a prompt: between delimiters that it cannot close, and harmless to read.

Models, candidates and papers may say anything, "ignore what you were told" among it. What they said is
shown as data. It decides nothing here: what is done with an answer is checked elsewhere.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""What is not seen, or turns text around. Tabs and newlines stay."""
_SPECIAL = re.compile(
    r"<(?=\|)|(?<=\|)>|<(?=/?(?:s|bos|eos|start_of_turn|end_of_turn)>)|\[(?=/?INST\])"
)
"""Pieces of the words with which chat templates mark who speaks; some servers believe them anywhere."""
_LOOKALIKE = re.compile(r"\[(?=/?data\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Data:
    """Text of others."""

    label: str
    """What it is, in our own words."""
    text: str


Piece = str | Data


def clean(text: str) -> str:
    """Text that nobody has to copy exactly, such as output: nothing in it that could act or deceive."""
    text = _ESCAPE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CONTROL.sub("\ufffd", text)
    text = text.encode("utf-8", "replace").decode()
    return _LOOKALIKE.sub("(", _SPECIAL.sub("\u2039", text))


def one_line(text: str, most: int = 200) -> str:
    """Like `clean`, in a single line of at most so many characters."""
    line = " ".join(clean(text[: 20 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def marker_for(pieces: Iterable[Piece], salt: str) -> str:
    """A word that none of these texts holds: between delimiters that bear it, nobody can close them.

    The same for the same texts and salt, and nearly always the same for the same salt, so that
    providers recognise the beginning of a prompt.
    """
    texts = [piece.text if isinstance(piece, Data) else piece for piece in pieces]
    for attempt in range(1000):
        marker = blake2b(f"{salt}/{attempt}".encode(), digest_size=4).hexdigest()
        if not any(marker in text.lower() for text in texts):
            return marker
    raise AssertionError("a thousand markers were all in the text")


def render(pieces: Sequence[Piece], marker: str) -> str:
    """The pieces as one text, data between its delimiters."""
    return "\n".join(
        quoted(piece, marker) if isinstance(piece, Data) else piece for piece in pieces
    )


def quoted(data: Data, marker: str) -> str:
    return f"[data {marker}: {data.label}]\n{data.text.rstrip(chr(10))}\n[/data {marker}]"
