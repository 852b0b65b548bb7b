"""Where the champions' hypotheses go in a chart: beside their steps, on free ground, or nowhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from move37.report.words import cut

if TYPE_CHECKING:
    from move37.report.fonts import Fonts
    from move37.report.picture import Picture, Step

Axes: TypeAlias = Any
Figure: TypeAlias = Any
"""Matplotlib's own types leave keyword arguments unknown, which strict checking does not take."""

MOST = 14
LONGEST = 44
"""Labels in a picture, and columns in a label."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels from the lower left."""

    left: float
    bottom: float
    right: float
    top: float

    def touches(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def lies_in(self, other: "Box") -> bool:
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.bottom <= self.bottom
            and self.top <= other.top
        )

    def grown(self, by: float) -> "Box":
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)


def place(
    anchor: tuple[float, float],
    size: tuple[float, float],
    *,
    within: Box,
    obstacles: Sequence[Box],
    labels: Sequence[Box],
    below: bool,
) -> Box | None:
    """The nearest free box of this size beside an anchor: below it or above it, left before right.

    The line from the box to its anchor may cross an obstacle, but no label.
    """
    for box in _candidates(anchor, size, below=below):
        free = not any(box.grown(3).touches(other) for other in (*obstacles, *labels))
        line = leader(box, anchor)
        if box.lies_in(within) and free and not any(line.touches(other) for other in labels):
            return box
    return None


def leader(box: Box, anchor: tuple[float, float]) -> Box:
    """What the line from a label to its anchor takes up."""
    x, y = anchor
    near = min(max(x, box.left + 4), box.right - 4)
    level = min(max(y, box.bottom), box.top)
    return Box(min(near, x) - 1, min(level, y) - 1, max(near, x) + 1, max(level, y) + 1)


def _candidates(
    anchor: tuple[float, float], size: tuple[float, float], *, below: bool
) -> Iterator[Box]:
    (x, y), (width, height) = anchor, size
    for away in (10, 26, 44, 64, 86):
        bottom = y - away - height if below else y + away
        for left in (x - width - 6, x + 8, x - width / 2):
            yield Box(left, bottom, left + width, bottom + height)
        if away == 10:
            level = y - height / 2
            yield Box(x - width - 12, level, x - 12, level + height)
            yield Box(x + 12, level, x + 12 + width, level + height)


def place_labels(figure: Figure, axes: Axes, picture: "Picture", fonts: "Fonts") -> None:
    """Write the hypotheses of the steps that matter most beside them, where there is room."""
    below = picture.metric.direction == "minimize"
    within = _ground(axes)
    obstacles, labels = _obstacles(axes, picture), list[Box]()
    for step in _by_weight(picture)[:MOST]:
        told = fonts.shown(brief(step.hypothesis))
        if not told:
            continue
        anchor = _pixels(axes, step.x, _outer(step, below=below))
        size = _size(figure, told, fonts)
        box = place(anchor, size, within=within, obstacles=obstacles, labels=labels, below=below)
        if box is not None:
            labels.append(box)
            _write(axes, told, box, anchor, fonts)


def brief(hypothesis: str) -> str:
    """A hypothesis in few words: what is changed, without the why, where it says both."""
    if len(hypothesis) > LONGEST or " → " in hypothesis:
        hypothesis = hypothesis.partition(": ")[0]
    return cut(hypothesis, LONGEST)


def _by_weight(picture: "Picture") -> list["Step"]:
    """The steps after the baseline: the last one first, then by how much each of them brought."""
    steps = picture.steps
    gains = {now.experiment: abs(now.believed - before.believed) for before, now in pairwise(steps)}
    *others, last = steps[1:] or [None]
    if last is None:
        return []
    ranked = [step for step in others if step is not None]
    return [last, *sorted(ranked, key=lambda step: -gains[step.experiment])]


def _outer(step: "Step", *, below: bool) -> float:
    """Of the measured and the believed value, the one on the free side of the staircase."""
    return (min if below else max)(step.measured, step.believed)


def _pixels(axes: Axes, x: float, y: float) -> tuple[float, float]:
    point = axes.transData.transform((x, y))
    return float(point[0]), float(point[1])


def _ground(axes: Axes) -> Box:
    """The axes without the row of failures at their lower edge."""
    left, bottom = axes.transAxes.transform((0.0, 0.06))
    right, top = axes.transAxes.transform((0.96, 0.985))
    return Box(float(left), float(bottom), float(right), float(top))


def _obstacles(axes: Axes, picture: "Picture") -> list[Box]:
    """The staircase, its dots and the baseline."""
    boxes: list[Box] = []
    steps = picture.steps
    for index, step in enumerate(steps):
        x, y = _pixels(axes, step.x, step.believed)
        _, seen = _pixels(axes, step.x, step.measured)
        after = steps[index + 1] if index + 1 < len(steps) else None
        end_x, end_y = _pixels(
            axes,
            after.x if after else picture.last,
            after.believed if after else step.believed,
        )
        boxes += [
            Box(x - 5, seen - 5, x + 5, seen + 5),
            Box(x, y - 3, end_x, y + 3),
            Box(end_x - 2, min(y, end_y), end_x + 2, max(y, end_y)),
        ]
    if steps:
        left, y = _pixels(axes, 0, steps[0].believed)
        right, _ = _pixels(axes, picture.last, steps[0].believed)
        boxes.append(Box(left, y - 3, right, y + 3))
    return boxes


def _size(figure: Figure, told: str, fonts: "Fonts") -> tuple[float, float]:
    text = figure.text(0, 0, told, fontsize=11.5, family=list(fonts.families), parse_math=False)
    extent = text.get_window_extent()
    text.remove()
    return float(extent.width), float(extent.height)


def _write(axes: Axes, told: str, box: Box, anchor: tuple[float, float], fonts: "Fonts") -> None:
    from matplotlib.patheffects import withStroke

    inverse = axes.transData.inverted()
    x, y = inverse.transform((box.left, box.bottom))
    axes.text(
        float(x),
        float(y),
        told,
        fontsize=11.5,
        color="#1f2933",
        va="bottom",
        ha="left",
        family=list(fonts.families),
        parse_math=False,
        zorder=8,
        path_effects=[withStroke(linewidth=3, foreground="white", alpha=0.85)],
    )
    near = min(max(anchor[0], box.left + 4), box.right - 4)
    level = min(max(anchor[1], box.bottom), box.top)
    ends = inverse.transform([(near, level), anchor])
    axes.plot(
        [float(ends[0][0]), float(ends[1][0])],
        [float(ends[0][1]), float(ends[1][1])],
        color="#6b7785",
        linewidth=0.7,
        alpha=0.7,
        zorder=3.5,
    )
