"""HTML from small functions: every text is escaped unless it was made by one of them."""

from collections.abc import Iterable
from html import escape

from move37.report.words import clean

_VOID = frozenset({"meta", "path", "circle", "line", "rect", "polygon", "polyline", "br"})


class Html(str):
    """Text that is HTML already. Only `tag`, `join` and `raw` make it."""

    __slots__ = ()


def raw(markup: str) -> Html:
    """Our own constants: never anything that somebody else wrote."""
    return Html(markup)


def text(words: str, *, keep: str = "") -> Html:
    """Somebody's words, harmless: control and direction characters out, markup escaped."""
    return Html(escape(clean_ends(words, keep=keep), quote=True))


def clean_ends(words: str, *, keep: str = "") -> str:
    """`clean`, with the blanks that part words from their neighbours."""
    if keep:
        return clean(words, keep=keep)
    before = " " if words[:1].isspace() else ""
    after = " " if words[-1:].isspace() and words.strip() else ""
    return f"{before}{clean(words)}{after}"


def tag(name: str, /, *children: str, **attributes: str | float | bool | None) -> Html:
    """One element. A trailing `_` of an attribute's name falls off, and inner ones become `-`."""
    head = name + "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_spelled(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID and not children:
        return Html(f"<{head}>" if name in ("meta", "br") else f"<{head}/>")
    return Html(f"<{head}>{join(children)}</{name}>")


def join(children: Iterable[str], between: str = "") -> Html:
    return Html(between.join(each if isinstance(each, Html) else text(each) for each in children))


def _spelled(value: str | float | bool) -> str:
    if value is True:
        return ""
    return clean(value) if isinstance(value, str) else f"{value:.6g}"
