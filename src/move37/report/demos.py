"""The gallery as text: how long each task takes, what it measures, and how far it has come."""

from collections.abc import Iterable, Sequence

from move37.gallery import GalleryEntry
from move37.report.words import table

HEADINGS = ("name", "min", "metric", "as it comes", "no model", "best known", "share")


def demos_text(demos: Sequence[GalleryEntry]) -> str:
    """What `move37 demo --list` shows."""
    rows = [HEADINGS, *map(_row, demos)]
    lines = table([(f"  {name}", *cells) for name, *cells in rows], right=frozenset({1}))
    return "\n".join((*lines, "", *_notes(demos)))


def _row(demo: GalleryEntry) -> tuple[str, ...]:
    return (
        demo.name,
        f"{demo.minutes:g}",
        f"{demo.metric}, {'lower' if demo.goal == 'minimize' else 'higher'}",
        *map(_value, (demo.baseline, demo.reached, demo.best_known)),
        "-" if demo.share is None else f"{demo.share:.0%}".replace("%", " %"),
    )


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _notes(demos: Iterable[GalleryEntry]) -> Iterable[str]:
    yield "min: it ends within so many on two cores; idle ones need about half. no model: what `move37 demo NAME` reached with `tune` alone."
    yield "share: of the way from the program as it comes to the best known value."
    for demo in demos:
        yield ""
        yield f"  {demo.name}  {demo.title}"
        if demo.best_known is not None:
            yield f"    best known  {_value(demo.best_known)}: {demo.best_known_source}"
        yield f"    source      {demo.source}"
        if demo.needs:
            yield f"    needs       pip install {' '.join(demo.needs)}"
