"""What this terminal can show: colours, and characters beyond ASCII."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text

from move37.report.terminal.plot import ASCII, BRAILLE, Marks
from move37.report.words import Paint, Style, encodable

_COLOURED: dict[Style, str] = {"title": "1", "dim": "2", "good": "32", "bad": "31", "warn": "33"}
_PLAIN: dict[Style, str] = {"title": "1", "dim": "2", "good": "1", "bad": "", "warn": ""}
_SIGNS = str.maketrans({"▷": ">", "✶": "*", "▾": "v", "▸": ">", "◆": "#", "✗": "x", "·": "-"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Dress:
    """How lines are dressed."""

    has_colour: bool = True
    is_ascii: bool = False

    @property
    def marks(self) -> Marks:
        return ASCII if self.is_ascii else BRAILLE

    @property
    def paint(self) -> Paint:
        codes = _COLOURED if self.has_colour else _PLAIN
        return lambda style, text: f"\x1b[{codes[style]}m{text}\x1b[0m" if codes[style] else text

    def text(self, line: str) -> Text:
        """A line for the screen: never markup, whatever is in it."""
        if self.is_ascii:
            line = encodable(line.translate(_SIGNS), "ascii")
        return Text.from_ansi(line, no_wrap=True, end="")


def dress_for(environment: Mapping[str, str], encoding: str | None) -> Dress:
    """encoding: of the stream that is drawn on."""
    words = [environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    # Python calls its output UTF-8 in the C locale, whatever the terminal shows.
    asked = words[0] or (words[1] if words[1] != "C.UTF-8" else "") or words[2]
    is_utf8 = (encoding or "").lower().replace("-", "") == "utf8"
    return Dress(
        has_colour=not environment.get("NO_COLOR") and environment.get("TERM") != "dumb",
        is_ascii=not is_utf8 or asked in ("C", "POSIX"),
    )


def dress_here(encoding: str | None) -> Dress:
    return dress_for(os.environ, encoding)
