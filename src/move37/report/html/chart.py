"""The chart of progress as inline SVG: drawn by hand, so that it is there without matplotlib.

As `progress.png`: grey where it was measured, a green staircase of what is believed, solid where it is certified.
"""

import math
from collections.abc import Iterator, Sequence, Set

from move37.report.html.writer import Html, join, tag
from move37.report.picture import Picture, limits
from move37.report.words import clean, number


class _Scale:
    """Where a value of the picture is on the paper."""

    def __init__(self, picture: Picture, width: int, height: int) -> None:
        self.left, self.right, self.top, self.bottom = 58.0, width - 26.0, 26.0, height - 40.0
        self.low, self.high = limits(picture)
        self._last = max(1, picture.last)

    def x(self, experiment: float) -> float:
        inner = self.right - self.left - 22
        return self.left + 6 + inner * experiment / self._last

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * min(1.0, max(0.0, share))

    def is_inside(self, value: float) -> bool:
        return self.low <= value <= self.high


def progress_svg(
    picture: Picture, moves: Set[int], *, width: int, height: int, told: str, kind: str
) -> Html:
    """told: the same in words, for whoever does not see it. moves: experiments to be starred, by x."""
    scale = _Scale(picture, width, height)
    parts = [
        *_grid(picture, scale),
        *_dots(picture, scale),
        *_steps(picture, scale),
        *_stars(picture, scale, moves),
        *_certificate(picture, scale),
    ]
    return tag(
        "svg",
        *parts,
        class_=f"chart {kind}",
        viewBox=f"0 0 {width} {height}",
        width="100%",
        role="img",
        aria_label=told,
    )


def ticks(low: float, high: float, most: int) -> Sequence[float]:
    """Round values within the bounds, at most so many."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return ()
    size = 10.0 ** math.floor(math.log10(span / most))
    step = next(size * each for each in (1, 2, 5, 10, 20) if span / (size * each) <= most)
    first = math.ceil(low / step)
    return [step * each for each in range(first, math.floor(high / step) + 1)][: most + 1]


def _grid(picture: Picture, scale: _Scale) -> Iterator[Html]:
    marks = ticks(scale.low, scale.high, 6)
    step = marks[1] - marks[0] if len(marks) > 1 else None
    for value in marks:
        y = scale.y(value)
        yield tag("line", class_="grid", x1=scale.left, x2=scale.right, y1=y, y2=y)
        shown = number(value, None if step is None else step * 4)
        yield tag("text", shown, x=scale.left - 8, y=y + 4, text_anchor="end")
    for value in ticks(0, max(1, picture.last), 8 if scale.right > 500 else 4):
        if value == round(value):
            yield tag(
                "text",
                f"{value:,.0f}",
                x=scale.x(value),
                y=scale.bottom + 18,
                text_anchor="middle",
            )
    yield tag("text", "experiment", x=scale.right, y=scale.bottom + 32, text_anchor="end")
    yield tag("text", clean(picture.metric.name)[:40], x=4, y=11)


def _dots(picture: Picture, scale: _Scale) -> Iterator[Html]:
    """One dot where many fall on the same spot: a hundred thousand take no more than the paper has."""
    many = picture.last > 3000
    grain, radius = (2, 1) if many else (1, 3 if picture.last <= 300 else 2)
    seen = {
        (round(scale.x(x) / grain) * grain, round(scale.y(value) / grain) * grain)
        for x, value in picture.dots
        if scale.is_inside(value)
    }
    if seen:
        # One path, whose dots are squares where they are small: a fraction of the bytes of elements.
        round_dot = (
            f"a{radius} {radius} 0 1 0 {2 * radius} 0a{radius} {radius} 0 1 0 {-2 * radius} 0"
        )
        dot = "h2v2h-2z" if many else round_dot
        d = "".join(f"M{px - radius} {py - many}{dot}" for px, py in sorted(seen))
        yield tag("path", class_="dot", d=d)
    off = {
        (round(scale.x(x)), value > scale.high)
        for x, value in picture.dots
        if not scale.is_inside(value)
    }
    if off:
        d = "".join(
            f"M{x - 3} {scale.top + 4:.4g}l3 -5l3 5z"
            if is_high
            else f"M{x - 3} {scale.bottom - 12:.4g}l3 5l3 -5z"
            for x, is_high in sorted(off)
        )
        yield tag("path", class_="dot", d=d)
    failed = sorted({round(scale.x(x)) for x in picture.failed})
    if failed:
        y = scale.bottom - 4
        d = "".join(f"M{x - 2} {y - 2:.4g}l4 4m0 -4l-4 4" for x in failed)
        yield tag("path", class_="failed", d=d)


def _steps(picture: Picture, scale: _Scale) -> Iterator[Html]:
    steps = picture.steps
    if not steps:
        return
    base = scale.y(steps[0].believed)
    yield tag("line", class_="base", x1=scale.left, x2=scale.right, y1=base, y2=base)
    ends = [*(step.x for step in steps[1:]), max(picture.last, steps[-1].x)]
    upper: list[str] = []
    lower: list[str] = []
    line: list[str] = []
    for step, end in zip(steps, ends, strict=True):
        x1, x2 = scale.x(step.x), scale.x(end)
        for points, value in (
            (upper, step.believed + 1.96 * step.sd),
            (lower, step.believed - 1.96 * step.sd),
            (line, step.believed),
        ):
            y = scale.y(value)
            points += [f"{x1:.5g},{y:.5g}", f"{x2:.5g},{y:.5g}"]
    yield tag("polygon", class_="band", points=" ".join([*upper, *reversed(lower)]))
    yield tag("polyline", class_="stairs", points=" ".join(line))
    for step in steps[1:]:
        x, y = scale.x(step.x), scale.y(step.measured)
        yield tag("line", class_="luck", x1=x, x2=x, y1=y, y2=scale.y(step.believed))
        yield tag("circle", class_="kept", cx=x, cy=y, r=2.5 if len(steps) > 60 else 4)
    for x, value in picture.proven:
        yield tag("circle", class_="claim", cx=scale.x(x), cy=scale.y(value), r=5)


def _stars(picture: Picture, scale: _Scale, moves: Set[int]) -> Iterator[Html]:
    for step in picture.steps:
        if step.experiment in moves:
            yield _star(scale.x(step.x), scale.y(step.believed) - 14, 8)


def _star(x: float, y: float, radius: float) -> Html:
    corners = (
        (
            x + size * math.sin(math.pi * each / 5),
            y - size * math.cos(math.pi * each / 5),
        )
        for each, size in ((each, radius if each % 2 == 0 else radius * 0.45) for each in range(10))
    )
    points = " ".join(f"{px:.5g},{py:.5g}" for px, py in corners)
    return tag("polygon", class_="star", points=points)


def _certificate(picture: Picture, scale: _Scale) -> Iterator[Html]:
    proof = picture.certificate
    if (
        proof is None
        or proof.interval is None
        or proof.baseline_value is None
        or proof.value is None
    ):
        return
    base = picture.metric.score(proof.baseline_value)
    ends = sorted(scale.y(picture.metric.value(base + bound)) for bound in proof.interval)
    x, y = scale.right - 6, scale.y(proof.value)
    kind = "claim" if proof.claim else "noclaim"
    for x1, x2, y1, y2 in (
        (x, x, ends[0], ends[1]),
        (x - 5, x + 5, ends[0], ends[0]),
        (x - 5, x + 5, ends[1], ends[1]),
    ):
        yield tag("line", class_=kind, x1=x1, x2=x2, y1=y1, y2=y2, stroke_width=2.4)
    points = f"{x:.5g},{y - 7:.5g} {x + 7:.5g},{y:.5g} {x:.5g},{y + 7:.5g} {x - 7:.5g},{y:.5g}"
    yield tag("polygon", class_=kind, points=points, stroke_width=1.8)


def legend(picture: Picture, moves: Set[int]) -> Html:
    """What the marks mean; only those that are there."""
    marks: list[tuple[str, Html]] = [
        ("measured, luck included", tag("circle", class_="dot", cx=8, cy=8, r=3.5))
    ]
    if picture.failed:
        marks.append(("failed", tag("path", class_="failed", d="M5 5l6 6m0 -6l-6 6")))
    if len(picture.steps) > 1:
        stairs = tag("line", class_="stairs", x1=0, x2=16, y1=8, y2=8)
        marks.append(("best so far, believed, with its 95 % interval", stairs))
        marks.append(("kept, as measured", tag("circle", class_="kept", cx=8, cy=8, r=4)))
    if picture.steps:
        marks.append(("baseline", tag("line", class_="base", x1=0, x2=16, y1=8, y2=8)))
    if any(step.experiment in moves for step in picture.steps):
        marks.append(("move 37", _star(8, 8, 7)))
    if (proof := picture.certificate) is not None:
        kind, told = (
            ("claim", "certified, fresh seeds")
            if proof.claim
            else ("noclaim", "fresh seeds, no claim")
        )
        marks.append((told, tag("polygon", class_=kind, points="8,1 15,8 8,15 1,8")))
    items = [
        tag("span", tag("svg", mark, class_="chart", width=16, height=16, aria_hidden="true"), name)
        for name, mark in marks
    ]
    return tag("div", join(items), class_="legend")


def interval_svg(
    effect: float, low: float, high: float, bounds: tuple[float, float], told: str, *, is_kept: bool
) -> Html:
    """An effect with its interval, on the scale of its neighbours, around the line of no effect."""
    width, height = 150.0, 18.0
    first, last = min(bounds[0], 0.0), max(bounds[1], 0.0)
    span = (last - first) or 1.0

    def x(value: float) -> float:
        return 6 + (width - 12) * (value - first) / span

    middle = height / 2
    return tag(
        "svg",
        tag("line", class_="axis", x1=x(0), x2=x(0), y1=1, y2=height - 1),
        tag(
            "line",
            class_="range" if is_kept else "loose",
            x1=x(low),
            x2=x(high),
            y1=middle,
            y2=middle,
        ),
        tag("circle", class_="mid" if is_kept else "open", cx=x(effect), cy=middle, r=4.5),
        class_="bar",
        viewBox=f"0 0 {width:g} {height:g}",
        width=width,
        height=height,
        role="img",
        aria_label=told,
    )
