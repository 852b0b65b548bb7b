"""Fonts for a chart: every text is drawn, whatever its script, without a warning."""

from collections.abc import Sequence

_MORE = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Noto Sans JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "IPAGothic",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Arial Unicode MS",
    "Noto Emoji",
    "Symbola",
)
"""Families that fill in what DejaVu Sans, which matplotlib brings along, does not have."""

_MISSING = "\u25a1"
_UNSEEN = frozenset("\u200b\u200c\u200d\u2060\ufe0e\ufe0f")


class Fonts:
    """The families to draw with, and the characters that they can draw."""

    def __init__(self) -> None:
        from matplotlib import font_manager
        from matplotlib.ft2font import FT2Font

        installed = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
        found = [name for name in _MORE if name in installed]
        self.families: Sequence[str] = ["DejaVu Sans", *found]
        paths = [installed[name] for name in self.families]
        self._known = {code for path in paths for code in FT2Font(path).get_charmap()}

    def shown(self, text: str) -> str:
        """The text as these families can draw it: a box for each character that none of them has."""
        return "".join(
            one if ord(one) in self._known else _MISSING for one in text if one not in _UNSEEN
        )
