"""A pull request's title and text: what is claimed, by what evidence, and how to check it."""

from collections.abc import Iterator

from move37.report.chapters import document
from move37.report.document import Chapter, Lines
from move37.report.markdown import chapter_lines, code_span, escaped
from move37.report.morning import Morning
from move37.report.phrases import change_words
from move37.report.views import CertificateView
from move37.report.words import clean, cut

_TITLE = 100
_SHOWN = ("claims", "champion", "caveats", "evaluation", "again")
"""The chapters that a reviewer needs."""


def pull_request_text(morning: Morning) -> tuple[str, str]:
    """Of the experiment that the report was asked to tell of."""
    assert morning.champion is not None, "a pull request is about a program"
    claim = morning.claims[0] if morning.claims else None
    return _title(morning, claim), "\n".join(_body(morning)) + "\n"


def _title(morning: Morning, claim: CertificateView | None) -> str:
    assert morning.champion is not None
    name = f"x{morning.champion.experiment}"
    metric = clean(morning.metric.name)
    if claim is None:
        return cut(f"{clean(morning.task)}: {name} of a move37 study, not certified", _TITLE)
    if claim.relative_gain is None:
        return cut(f"{clean(morning.task)}: better {metric}, certified", _TITLE)
    much = change_words(claim.relative_gain, morning.metric)
    return cut(f"{clean(morning.task)}: {metric} {much}, certified", _TITLE)


def _body(morning: Morning) -> Iterator[str]:
    yield escaped(morning.goal)
    if not morning.claims:
        yield ""
        yield (
            "**Not certified.** No fresh evidence supports this change yet: what is said of its effect is "
            "believed or measured, and may be luck."
        )
    for chapter in document(morning).chapters:
        if chapter.name in _SHOWN:
            yield ""
            yield from chapter_lines(_without_diff(chapter))
    yield ""
    yield f"Measured by {code_span(morning.evaluation)}. Found by move37 {escaped(morning.version)}."


def _without_diff(chapter: Chapter) -> Chapter:
    """The change itself is what the pull request is."""
    blocks = [
        block for block in chapter.blocks if not (isinstance(block, Lines) and block.kind == "diff")
    ]
    return Chapter(chapter.name, chapter.title, blocks)
