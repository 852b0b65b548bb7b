"""Progress, drawn with characters: all experiments, the staircase of beliefs, the baseline, the claims."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from move37.report.picture import Picture, limits
from move37.report.words import Paint, Style, cells, clean, cut, number, pad

Axis = Literal["experiments", "hours", "dollars"]

_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of the dots of a braille character, by row and column (Unicode, block 2800)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """The characters it is drawn with."""

    step: str = "━"
    rise: str = "┃"
    baseline: str = "┄"
    claim: str = "◆"
    surprise: str = "✶"
    failed: str = "╷"
    edge: str = "│"
    is_braille: bool = True
    dot: str = "."


BRAILLE = Marks()
ASCII = Marks(
    step="=",
    rise="|",
    baseline="-",
    claim="#",
    surprise="*",
    failed="'",
    edge="|",
    is_braille=False,
)

_Cell = tuple[str, Style | None]


def plot(
    picture: Picture,
    *,
    width: int,
    height: int,
    axis: Axis = "experiments",
    place: Callable[[int], float] = float,
    surprises: Sequence[int] = (),
    marks: Marks = BRAILLE,
    paint: Paint,
) -> list[str]:
    """The chart in `height` lines of at most `width` columns.

    axis, place: what goes to the right, and where the x-th experiment is on it. surprises: move 37s, by x.
    """
    title = cut(picture.title, width)
    if not picture.steps and not picture.dots:
        return [paint("title", title)]
    low, high = limits(picture)
    labels = [number(high, (high - low) / 100), number(low, (high - low) / 100)]
    margin = max(map(len, labels)) + 1
    columns, rows = max(8, width - margin - 1), max(3, height - 4)
    canvas = _Canvas(columns, rows, low=low, high=high, last=max(place(picture.last), 1e-9))
    _draw(canvas, picture, place, surprises, marks)
    lines = [paint("title", title)]
    for y, row in enumerate(canvas.rows(marks)):
        label = labels[0] if y == 0 else labels[1] if y == rows - 1 else ""
        lines.append(f"{pad(label, margin - 1, right=True)} {marks.edge}{_painted(row, paint)}")
    better = "lower" if picture.metric.direction == "minimize" else "higher"
    left = cut(f"0   {clean(picture.metric.name)}, {better} is better", columns // 2)
    right = f"{place(picture.last):,.4g} {axis}"
    lines.append(f"{'':{margin}}{pad(left, columns + 1 - cells(right))}{right}")
    dot = "⠂" if marks.is_braille else marks.dot
    lines.append(
        cut(
            f"{dot} measured  {marks.step} believed best  {marks.baseline} baseline  "
            f"{marks.claim} certified  {marks.surprise} move 37  {marks.failed} failed",
            width,
        )
    )
    return lines


class _Canvas:
    """Cells of a terminal: small dots below, and marks over them."""

    def __init__(self, columns: int, rows: int, *, low: float, high: float, last: float) -> None:
        self._columns, self._rows = columns, rows
        self._low, self._span, self._last = low, high - low, last
        self._dots: dict[tuple[int, int], int] = {}
        self._marks: dict[tuple[int, int], _Cell] = {}

    def column(self, x: float) -> int:
        return min(self._columns - 1, max(0, int(x / self._last * (self._columns - 1))))

    def row(self, value: float) -> int:
        """Off the edge is at the edge."""
        share = min(1.0, max(0.0, (value - self._low) / self._span))
        return min(self._rows - 1, int((1 - share) * self._rows))

    def dot(self, x: float, value: float) -> None:
        fine_x = min(2 * self._columns - 1, max(0, int(x / self._last * (2 * self._columns - 2))))
        share = min(1.0, max(0.0, (value - self._low) / self._span))
        fine_y = min(4 * self._rows - 1, int((1 - share) * 4 * self._rows))
        at = fine_x // 2, fine_y // 4
        self._dots[at] = self._dots.get(at, 0) | _BITS[fine_y % 4][fine_x % 2]

    def mark(self, column: int, row: int, sign: str, style: Style | None) -> None:
        self._marks[column, row] = (sign, style)

    def rows(self, marks: Marks) -> list[list[_Cell]]:
        return [
            [self._cell(column, row, marks) for column in range(self._columns)]
            for row in range(self._rows)
        ]

    def _cell(self, column: int, row: int, marks: Marks) -> _Cell:
        if (mark := self._marks.get((column, row))) is not None:
            return mark
        bits = self._dots.get((column, row))
        if bits is None:
            return " ", None
        return (chr(0x2800 + bits) if marks.is_braille else marks.dot), None

    @property
    def columns(self) -> int:
        return self._columns

    @property
    def bottom(self) -> int:
        return self._rows - 1


def _draw(
    canvas: _Canvas,
    picture: Picture,
    place: Callable[[int], float],
    surprises: Sequence[int],
    marks: Marks,
) -> None:
    """What is drawn later lies over what is drawn before."""
    for x, value in picture.dots:
        canvas.dot(place(x), value)
    for x in picture.failed:
        canvas.mark(canvas.column(place(x)), canvas.bottom, marks.failed, "dim")
    if picture.steps:
        row = canvas.row(picture.steps[0].believed)
        for column in range(canvas.columns):
            canvas.mark(column, row, marks.baseline, "dim")
    ends = [*(canvas.column(place(step.x)) for step in picture.steps[1:]), canvas.columns - 1]
    before: int | None = None
    for step, end in zip(picture.steps, ends, strict=True):
        start, row = canvas.column(place(step.x)), canvas.row(step.believed)
        if before is not None:
            for between in range(min(before, row), max(before, row) + 1):
                canvas.mark(start, between, marks.rise, "warn")
        for column in range(start, end + 1):
            canvas.mark(column, row, marks.step, "warn")
        before = row
    for x, value in picture.proven:
        sign = marks.surprise if x in surprises else marks.claim
        canvas.mark(canvas.column(place(x)), canvas.row(value), sign, "good")


def _painted(row: Sequence[_Cell], paint: Paint) -> str:
    parts: list[str] = []
    for style, run in groupby(row, key=_style_of):
        text = "".join(sign for sign, _ in run)
        parts.append(paint(style, text) if style else text)
    return "".join(parts).rstrip()


def _style_of(cell: _Cell) -> Style | None:
    return cell[1]
