"""A document as one HTML page."""

from collections.abc import Iterator

from move37.report.document import (
    Block,
    Bullets,
    Chapter,
    Chart,
    Document,
    Facts,
    Heading,
    Inline,
    Inlines,
    Interval,
    Lines,
    Para,
    Strong,
    Table,
    Theirs,
    Typed,
)
from move37.report.html.chart import interval_svg, legend, progress_svg
from move37.report.html.style import STYLE
from move37.report.html.writer import Html, join, raw, tag, text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""Should anything ever get past the escaping, the browser would neither run nor fetch it."""


def html_page(document: Document) -> str:
    """The whole file. It holds no script, and names nothing outside itself."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", f"{document.headline} · {document.task}"),
        tag("style", raw(STYLE)),
    )
    body = tag("body", _header(document), _main(document), _footer(document))
    return "<!DOCTYPE html>\n" + tag("html", head, body, lang="en") + "\n"


def _header(document: Document) -> Html:
    figures = [tag("div", tag("dt", name), tag("dd", value)) for name, value in document.figures]
    links = [
        tag("li", tag("a", chapter.title, href=f"#{chapter.name}")) for chapter in document.chapters
    ]
    return tag(
        "header",
        tag("p", f"move37 · report of the study {document.task}", class_="kicker"),
        tag("h1", document.headline, class_="claimed" if document.is_claimed else None),
        tag("p", document.goal, class_="goal"),
        tag("dl", *figures, class_="figures"),
        tag("nav", tag("ul", *links), aria_label="Chapters"),
    )


def _main(document: Document) -> Html:
    return tag("main", *map(_chapter, document.chapters))


def _footer(document: Document) -> Html:
    return tag(
        "footer",
        tag(
            "p",
            f"Written by move37 {document.version}. Measured: the mean of trials, luck included. Believed: "
            "the posterior of the true value, from all trials of the lineage. Certified: fresh trials of "
            "both programs in turn; only this is called an improvement.",
        ),
    )


def _chapter(chapter: Chapter) -> Html:
    title = tag("h2", chapter.title, id=f"{chapter.name}-title")
    blocks = (part for block in chapter.blocks for part in _block(block))
    return tag("section", title, *blocks, id=chapter.name, aria_labelledby=f"{chapter.name}-title")


def _block(block: Block) -> Iterator[Html]:
    match block:
        case Para():
            yield tag("p", _inlines(block.text), class_=block.tone or None)
        case Bullets():
            yield tag("ul", *(tag("li", _inlines(item)) for item in block.items))
        case Facts():
            rows = (
                join((tag("dt", name), tag("dd", _inlines(value)))) for name, value in block.pairs
            )
            yield tag("dl", *rows, class_=f"facts {block.tone}".strip())
        case Heading():
            yield tag("h3", _inlines(block.text))
        case Table():
            yield _table(block)
        case Lines():
            yield from _lines(block)
        case Chart():
            yield _chart(block)


def _inlines(parts: Inlines) -> Html:
    return join(map(_inline, parts))


def _spoken(words: str) -> Iterator[Html]:
    """Our own sentences: what stands between backticks is typed."""
    for place, piece in enumerate(words.split("`")):
        if piece:
            yield tag("code", piece) if place % 2 else text(piece)


def _inline(part: Inline) -> Html:
    match part:
        case str():
            return join(_spoken(part))
        case Theirs():
            return (
                tag("span", text(part.text), class_="theirs", dir="auto") if part.text else raw("")
            )
        case Strong():
            return tag("strong", part.text)
        case Typed():
            return tag("code", part.text)
        case Interval():
            bar = interval_svg(
                part.effect, part.low, part.high, part.scale, part.told, is_kept=part.is_claim
            )
            return join((bar, tag("span", part.told, class_="quiet")))


def _table(block: Table) -> Html:
    def kind(column: int) -> str | None:
        return "n" if column in block.right else None

    head = (
        tag("th", name, scope="col", class_=kind(column))
        if name
        else tag("td", class_=kind(column))
        for column, name in enumerate(block.head)
    )
    rows = (
        tag(
            "tr",
            *(
                tag("td", _inlines(cell), class_=kind(column), data_label=block.head[column])
                for column, cell in enumerate(row)
            ),
        )
        for row in block.rows
    )
    table = tag(
        "table",
        tag("caption", block.caption),
        tag("thead", tag("tr", *head)),
        tag("tbody", *rows),
    )
    return tag("div", table, class_="scroll", tabindex="0", role="group", aria_label=block.caption)


def _lines(block: Lines) -> Iterator[Html]:
    name = block.title or {"diff": "a change", "output": "text", "shell": "commands"}[block.kind]
    lines = (
        tag("span", text(line, keep="\n\t"), class_=_line_kind(block, line)) for line in block.lines
    )
    pre = tag("pre", *lines, tabindex="0", role="group", aria_label=name)
    if block.is_folded:
        yield tag("details", tag("summary", block.title), pre)
        return
    if block.title:
        yield tag("h3", block.title)
    yield pre


def _line_kind(block: Lines, line: str) -> str | None:
    if block.kind != "diff":
        return None
    if line.startswith(("diff ", "--- ", "+++ ")):
        return "file"
    return {"+": "add", "-": "del", "@": "hunk"}.get(line[:1])


def _chart(block: Chart) -> Html:
    picture = block.picture
    if not picture.steps and not picture.dots and not picture.failed:
        return tag("p", "Nothing has been measured yet.", class_="quiet")
    return tag(
        "figure",
        progress_svg(picture, block.moves, width=920, height=400, told=block.told, kind="wide"),
        progress_svg(picture, block.moves, width=360, height=300, told=block.told, kind="narrow"),
        legend(picture, block.moves),
    )
