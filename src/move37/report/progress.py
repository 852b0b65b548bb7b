"""`progress.png`: a study at a glance, in the style that the field knows.

Every experiment is a dot where it was measured; the staircase is what is *believed* of the best so far, with
its interval, seen from today: where a dot lies beyond the staircase, the difference is luck. Only
a certified effect is drawn solid. The y axis has the metric's own direction.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from move37.core.errors import Move37Error, Unwritable
from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Task
from move37.report.picture import Picture, compose, limits
from move37.report.words import clean, cut, measured, number

if TYPE_CHECKING:
    from move37.report.fonts import Fonts

Axes: TypeAlias = Any
Figure: TypeAlias = Any
"""Matplotlib's own types leave keyword arguments unknown, which strict checking does not take."""

INK, QUIET, FAINT = "#1f2933", "#6b7785", "#c3cad3"
BELIEVED, CERTIFIED, FAILED = "#2b8a57", "#0b5d34", "#d1493f"
WIDTH, HEIGHT, DPI = 16.0, 9.0, 100


def draw_progress(
    task: Task, history: History, beliefs: Believer, champion: int | None, path: Path
) -> None:
    """Draw the current epoch into `path`, a PNG of 1600 x 900.

    Raises `Move37Error` without matplotlib, `Unwritable` where `path` cannot be written, and
    `StudyError` when the study has not begun.
    """
    picture = compose(task, history, beliefs, champion)
    with _matplotlib():
        figure = _draw(picture)
        try:
            figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
        except OSError as error:
            raise Unwritable(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def _matplotlib() -> Generator[None]:
    """Matplotlib's own defaults, whatever the user's are; nothing stays changed."""
    try:
        mpl: Any = import_module("matplotlib")
    except ImportError as error:
        raise Move37Error(
            "the chart needs matplotlib; `pip install matplotlib` beside move37"
        ) from error
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


def _draw(picture: Picture) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    from move37.report.fonts import Fonts
    from move37.report.labels import place_labels

    fonts = Fonts()
    figure: Figure = Canvas(figsize=(WIDTH, HEIGHT), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.075, 0.145, 0.775, 0.705))
    _set_up(axes, picture, fonts)
    _draw_dots(axes, picture)
    _draw_steps(axes, picture)
    _draw_certificate(axes, picture)
    _draw_margin(axes, picture, fonts)
    _draw_words(figure, picture, fonts)
    _draw_legend(figure, axes)
    place_labels(figure, axes, picture, fonts)
    return figure


def _set_up(axes: Axes, picture: Picture, fonts: "Fonts") -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(*limits(picture))
    room = max(1, picture.last)
    axes.set_xlim(-0.02 * room - 0.3, room * 1.06 + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=13, colors=QUIET, length=0, pad=8)
    if _is_tame(picture):
        axes.ticklabel_format(axis="y", style="plain", useOffset=False)
    axes.grid(axis="y", color="#e8ebef", linewidth=1)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(FAINT)
    axes.set_xlabel("experiment", fontsize=14, color=QUIET, labelpad=8, loc="left")
    axes.set_ylabel(
        fonts.shown(clean(picture.metric.name)),
        fontsize=14,
        color=QUIET,
        family=fonts.families,
        parse_math=False,
    )
    axes.yaxis.set_label_coords(-0.07, 0.5)


def _is_tame(picture: Picture) -> bool:
    """Whether plain tick labels fit: neither very large nor very small."""
    largest = max(map(abs, limits(picture)))
    return 1e-4 <= largest < 1e7


def _draw_dots(axes: Axes, picture: Picture) -> None:
    low, high = limits(picture)
    size = 7.0 if picture.last <= 300 else 4.5 if picture.last <= 3000 else 2.6
    inside = [(x, value) for x, value in picture.dots if low <= value <= high]
    if inside:
        axes.plot(
            [x for x, _ in inside],
            [value for _, value in inside],
            linestyle="",
            marker="o",
            markersize=size,
            color=FAINT,
            markeredgewidth=0,
            label="measured, luck included",
            zorder=2,
        )
    above = [x for x, value in picture.dots if value > high]
    below = [x for x, value in picture.dots if value < low]
    small = 5.5 if picture.last <= 300 else 3.5
    _edge(axes, above, 0.985, "^", FAINT, "off the scale", size=small)
    _edge(axes, below, 0.045, "v", FAINT, None if above else "off the scale", size=small)
    _edge(axes, picture.failed, 0.014, "x", FAILED, "failed", size=small)


def _edge(
    axes: Axes,
    xs: Sequence[int],
    height: float,
    marker: str,
    color: str,
    label: str | None,
    *,
    size: float,
) -> None:
    """Marks at a height of the axes, whatever the scale."""
    if xs:
        axes.plot(
            xs,
            [height] * len(xs),
            transform=axes.get_xaxis_transform(),
            linestyle="",
            marker=marker,
            markersize=size,
            color=color,
            alpha=0.9 if len(xs) <= 300 else 0.3,
            label=label,
            zorder=3,
        )


def _draw_steps(axes: Axes, picture: Picture) -> None:
    if not picture.steps:
        return
    steps, end = picture.steps, picture.last
    base = steps[0]
    axes.axhline(base.believed, color=QUIET, linewidth=1.4, linestyle=(0, (5, 4)), zorder=2.5)
    xs = [step.x for step in steps] + [max(end, steps[-1].x)]
    values = [step.believed for step in steps] + [steps[-1].believed]
    spread = [1.96 * step.sd for step in steps] + [1.96 * steps[-1].sd]
    axes.fill_between(
        xs,
        [value - sd for value, sd in zip(values, spread, strict=True)],
        [value + sd for value, sd in zip(values, spread, strict=True)],
        step="post",
        color=BELIEVED,
        alpha=0.15,
        linewidth=0,
        label="its 95 % interval",
        zorder=1.5,
    )
    axes.plot(
        xs, values, drawstyle="steps-post", color=BELIEVED, linewidth=2.2, zorder=4,
        label="best so far, believed",
    )  # fmt: skip
    for step in steps[1:]:
        # From where it was measured to what is believed: how much of it was luck.
        axes.plot(
            [step.x, step.x], [step.measured, step.believed], color=BELIEVED, linewidth=1, alpha=0.5,
            zorder=3,
        )  # fmt: skip
    crowd = len(steps) > 60
    axes.plot(
        [step.x for step in steps],
        [step.measured for step in steps],
        linestyle="",
        marker="o",
        markersize=5.0 if crowd else 8.5,
        markerfacecolor="white",
        markeredgecolor=BELIEVED,
        markeredgewidth=1.2 if crowd else 1.8,
        label="kept, as measured",
        zorder=5,
    )
    if picture.proven:
        axes.plot(
            [x for x, _ in picture.proven],
            [value for _, value in picture.proven],
            linestyle="",
            marker="o",
            markersize=11,
            color=CERTIFIED,
            zorder=6,
        )


def _draw_certificate(axes: Axes, picture: Picture) -> None:
    """Beyond the last experiment: what the fresh trials say, solid where it is a claim."""
    proof = picture.certificate
    if proof is None or proof.interval is None or proof.baseline_value is None:
        return
    assert proof.value is not None
    base = picture.metric.score(proof.baseline_value)
    ends = [picture.metric.value(base + bound) for bound in proof.interval]
    x = axes.get_xlim()[1] - 0.018 * (axes.get_xlim()[1] - axes.get_xlim()[0])
    axes.errorbar(
        [x],
        [proof.value],
        yerr=[[proof.value - min(ends)], [max(ends) - proof.value]],
        fmt="D",
        markersize=11,
        color=CERTIFIED if proof.claim else QUIET,
        markerfacecolor=CERTIFIED if proof.claim else "white",
        markeredgewidth=1.8,
        elinewidth=3.2 if proof.claim else 1.8,
        capsize=7,
        capthick=3.2 if proof.claim else 1.8,
        label="certified, fresh seeds" if proof.claim else "fresh seeds, no claim",
        zorder=7,
    )


def _draw_margin(axes: Axes, picture: Picture, fonts: "Fonts") -> None:
    """Names and numbers of the three levels, at the right, kept apart."""
    if not picture.steps:
        return
    base, best = picture.steps[0], picture.steps[-1]
    notes = [(base.believed, "baseline", measured(base.believed, base.sd), QUIET)]
    if best is not base:
        notes.append(
            (
                best.believed,
                f"x{best.experiment}, believed",
                measured(best.believed, best.sd),
                BELIEVED,
            )
        )
    proof = picture.certificate
    if proof is not None and proof.value is not None and proof.interval is not None:
        spread = (proof.interval[1] - proof.interval[0]) / 4
        told = f"x{proof.experiment}, {'certified' if proof.claim else 'fresh seeds'}"
        color = CERTIFIED if proof.claim else QUIET
        notes.append((proof.value, told, number(proof.value, spread), color))
    low, high = axes.get_ylim()
    heights = spaced([(value - low) / (high - low) for value, *_ in notes], gap=0.075)
    for height, (_, name, value, color) in zip(heights, notes, strict=True):
        for text, size, dy in ((name, 12.5, 0.016), (value, 14 if len(value) < 18 else 11, -0.018)):
            axes.text(
                1.012,
                height + dy,
                fonts.shown(text),
                transform=axes.transAxes,
                fontsize=size,
                fontweight="bold" if dy < 0 else "normal",
                color=color,
                va="center",
                family=fonts.families,
                parse_math=False,
            )


def spaced(heights: Sequence[float], *, gap: float) -> list[float]:
    """The same heights, moved apart to at least `gap` and kept within 0 to 1, in the same order."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = [min(1.0, max(0.0, height)) for height in heights]
    for lower, upper in pairwise(order):
        moved[upper] = max(moved[upper], moved[lower] + gap)
    top = 1.0
    for index in reversed(order):
        moved[index] = min(moved[index], top)
        top = moved[index] - gap
    return moved


def _draw_words(figure: Figure, picture: Picture, fonts: "Fonts") -> None:
    size = 23 if len(picture.title) <= 88 else 18
    for y, text, points, color, weight in (
        (0.945, cut(picture.title, 120), size, INK, "bold"),
        (0.9, cut(picture.subtitle, 150), 14, QUIET, "normal"),
    ):
        figure.text(
            0.03,
            y,
            fonts.shown(text),
            fontsize=points,
            color=color,
            fontweight=weight,
            va="center",
            family=fonts.families,
            parse_math=False,
        )


def _draw_legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="lower right",
        bbox_to_anchor=(0.985, 0.012),
        ncols=max(1, len(handles)),
        frameon=False,
        fontsize=12.5,
        labelcolor=QUIET,
        handletextpad=0.4,
        columnspacing=1.6,
        numpoints=1,
    )
