"""The picture of `bench referee`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from move37.bench.referee import RefereeResult
from move37.bench.referee_grid import NOISES, OURS, Row

_COLOURS = {
    OURS: "#1f4e79",
    "keep_if_better": "#c0392b",
    "best_over_mad": "#d98880",
    "gate_1_sigma": "#e59866",
    "gate_2_sigma": "#f0c27b",
    "win_then_confirm": "#7d9d5c",
    "thresholdout": "#9b7fb6",
    "top_3_confirm": "#7f8c8d",
}
_LENGTH = 100


def draw(result: RefereeResult, path: Path) -> None:
    """Write it: gain, optimism and false claims over noise, and false claims where nothing helps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Matplotlib's signatures are only partly typed.
    figure: Any = Figure(figsize=(11, 8), layout="constrained")
    FigureCanvasAgg(figure)
    (gain, optimism), (false, worlds) = figure.subplots(2, 2)
    rows = {noise: result.grid[noise, _LENGTH] for noise in NOISES}
    _lines(gain, rows, lambda row: row.gain)
    gain.set_title(f"True gain of what is recommended, {_LENGTH} runs", loc="left")
    _lines(optimism, rows, lambda row: row.optimism)
    optimism.set_title("Optimism: what is believed, less what is true", loc="left")
    _lines(false, rows, lambda row: 100 * row.false_claims)
    false.set_title("Studies that claim an improvement which is none, in %", loc="left")
    for axes in (gain, optimism, false):
        axes.set_xlabel("noise of one run, in typical good effects")
        axes.axhline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    _bars(worlds, result.worlds)
    for axes in (gain, optimism, false, worlds):
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = gain.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=4)
    figure.savefig(path, dpi=110)


def _lines(axes: Any, rows: Mapping[float, Sequence[Row]], height: Callable[[Row], float]) -> None:
    for place, row in enumerate(rows[NOISES[0]]):
        ours = row.rule == OURS
        axes.plot(
            range(len(NOISES)),
            [height(rows[noise][place]) for noise in NOISES],
            color=_COLOURS[row.rule],
            linewidth=2.6 if ours else 1.3,
            marker="o",
            markersize=5 if ours else 3,
            zorder=3 if ours else 2,
            label=row.rule.replace("_", " "),
        )
    axes.set_xticks(range(len(NOISES)), [f"{noise:g}" for noise in NOISES])


def _bars(axes: Any, worlds: Mapping[str, Sequence[Row]]) -> None:
    names = [name for name in worlds if "some help" not in name]
    rules = [row.rule for row in worlds[names[0]]]
    height = 0.8 / len(rules)
    for place, rule in enumerate(rules):
        axes.barh(
            [world + place * height - 0.4 for world in range(len(names))],
            [100 * worlds[name][place].false_claims for name in names],
            height=height,
            align="edge",
            color=_COLOURS[rule],
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_title("The same where nothing helps, noise 1", loc="left")
