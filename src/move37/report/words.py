"""Small words: numbers with their uncertainty, text that is safe to show, columns that line up."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from math import floor, isfinite, log10
from typing import Literal

Style = Literal["title", "dim", "good", "bad", "warn"]
Paint = Callable[[Style, str], str]
"""Dresses a text for a terminal."""

_ANSI: dict[Style, str] = {"title": "1", "dim": "2", "good": "32", "bad": "31", "warn": "33"}

_PLAINER = str.maketrans(
    {
        "±": "+/-",
        "→": "->",
        "·": "-",
        "…": "...",
        "≤": "<=",
        "≥": ">=",
        "\u2212": "-",
        "\u2013": "-",
        "\u00d7": "x",
        "★": "*",
        "◆": "*",
        "│": "|",
        "─": "-",
        "✓": "ok",
        "✗": "x",
        "\u00a0": " ",
    }
)


_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
"""Terminal commands: colours, cursor movements, window titles."""


_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\t\r")
"""What a spreadsheet takes for the beginning of a formula; the wide forms too, where they are typed."""


def plain(style: Style, text: str) -> str:
    """No colour."""
    del style
    return text


def ansi(style: Style, text: str) -> str:
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m" if text else text


def encodable(text: str, encoding: str | None) -> str:
    """The text with every character that the encoding lacks replaced by a plainer one."""
    encoding = encoding or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAINER).encode(encoding, "replace").decode(encoding)
    return text


def clean(text: str, *, keep: str = "") -> str:
    """Text of others, harmless on a terminal: control and direction characters are taken out.

    keep: the ones among them to leave in, such as newlines. Without newlines kept, all white space
    becomes single blanks, so that the text is one line.
    """
    text = _ESCAPE.sub("", text)
    if "\n" not in keep:
        text = " ".join(text.split())
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one if one in keep or not _is_control(one) else ("" if one in "\r\u200b" else "\ufffd")
        for one in text
    )


def defused(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: after an apostrophe, where it begins like one."""
    return f"'{text}" if text.lstrip()[:1] in _FORMULA else text


def _is_control(character: str) -> bool:
    category = unicodedata.category(character)
    # Joiners are part of many emoji and scripts; the other format characters turn text around.
    return category in ("Cc", "Cs") or (category == "Cf" and character not in "\u200c\u200d")


def cells(text: str) -> int:
    """Columns the text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int | None) -> str:
    """The text in at most so many columns, with an ellipsis where something is missing."""
    if width is None or cells(text) <= width:
        return text
    if width <= 0:
        return ""
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip() + "…"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Filled up with blanks; `right` puts the text at the right."""
    blanks = " " * max(0, width - cells(text))
    return blanks + text if right else text + blanks


def wrap(text: str, width: int | None, indent: str = "") -> str:
    """Words in lines of at most `width` columns, each line after the first indented."""
    if width is None:
        return text
    lines, line = list[str](), ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and cells(longer) > width - cells(indent):
            lines.append(line)
            longer = word
        line = longer
    return f"\n{indent}".join((*lines, line))


_ROUNDING = 1e-12
"""Sums of numbers that a program printed are not more exact than this share of them."""


def number(value: float | None, sd: float | None = None, *, sign: bool = False) -> str:
    """A number to the digits that its uncertainty leaves meaning to: two of the uncertainty's.

    Without an uncertainty, whole numbers whole, and seven significant digits of others.
    """
    if value is None:
        return "-"
    plus = "+" if sign else ""
    if sd is not None and isfinite(value) and sd < _ROUNDING * abs(value):
        sd = None  # an interval that is nothing but the rounding of its sums
    if sd is None or not isfinite(sd) or sd <= 0 or not isfinite(value):
        whole = isfinite(value) and value == round(value) and abs(value) < 1e15
        return f"{value:{plus}.0f}" if whole else f"{value:{plus}.7g}"
    digits = 1 - floor(log10(sd))
    large, small = abs(value) >= 1e7 or digits < -3, digits > 9
    if large or small:
        size = floor(log10(abs(value))) if value else 0
        return f"{value:{plus}.{max(0, min(16, size + digits))}e}"
    return f"{round(value, digits):{plus}.{max(0, digits)}f}"


def measured(value: float | None, sd: float | None, *, sign: bool = False) -> str:
    """A number with its uncertainty: `3.2104 ± 0.0051`."""
    if value is None:
        return "-"
    if sd is None:
        return number(value, sign=sign)
    if sd == 0 or not isfinite(sd):
        return f"{number(value, sign=sign)} ± {sd:g}"
    return f"{number(value, sd, sign=sign)} ± {number(sd, sd)}"


def percent(share: float | None, *, sign: bool = False) -> str:
    """`4.7 %`, with as many digits as tell small shares apart."""
    if share is None:
        return "-"
    value, plus = 100 * share, "+" if sign else ""
    size = abs(value)
    if size >= 1e5:
        return f"{value:{plus}.2g} %"
    digits = 0 if size >= 100 else 1 if size >= 1 or size == 0 else 2 if size >= 0.1 else 3
    return f"{value:{plus}.{digits}f} %"


def duration(seconds: float) -> str:
    """`0.8 s`, `45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 48 * 3600:
        minutes = whole % 3600 // 60
        return f"{whole // 3600} h" + (f" {minutes:02} min" if minutes else "")
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def count(amount: int, noun: str) -> str:
    """`1 trial`, `1,000 trials`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def table(
    rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), gap: str = "  "
) -> list[str]:
    """Lines of aligned columns; the last column is left as it is."""
    if not rows:
        return []
    last = len(rows[0]) - 1
    widths = [max(cells(row[column]) for row in rows) for column in range(last + 1)]
    lines = [
        gap.join(
            text if column == last and column not in right
            else pad(text, widths[column], right=column in right)
            for column, text in enumerate(row)
        )
        for row in rows
    ]  # fmt: skip
    return [line.rstrip() for line in lines]
