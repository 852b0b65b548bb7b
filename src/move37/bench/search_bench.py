"""`bench search`: our strategies beside each other, with the same proposer, evaluator and count of evaluations.

In one process, without models and sandboxes: what differs is the strategy alone. `bench peers` does the
same for whole engines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from move37.bench.search_study import Came, Results, run
from move37.bench.search_tasks import TASKS
from move37.search import SEARCHES

DEFAULT = SEARCHES[0]
SOLVED = 0.4
"""The deceptive task is solved when the gain is above this: both of its choices are made."""
QUICK_TASKS = ("rastrigin", "rastrigin_exact", "deceptive")


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """What `bench search` found."""

    settings: Mapping[str, int]
    results: Results

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names. Gains are medians over seeds."""
        figures: dict[str, float] = {}
        for (task, search), came in self.results.items():
            figures[f"gain_{task}_{search}"] = median(one.gain for one in came)
            figures[f"optimism_{task}_{search}"] = optimism(came)
            if task == "deceptive":
                figures[f"solved_deceptive_{search}"] = _solved(came)
        return figures

    def table(self) -> str:
        """For people."""
        lines = [
            f"{self.settings['seeds']} studies of {self.settings['evaluations']} evaluations for each row; "
            "true gain of the champion over the start",
            "",
            f"{'task':<17}{'search':<13}{'median':>9}{'quartiles':>19}{'believed':>10}",
        ]
        for (task, search), came in self.results.items():
            gains = [one.gain for one in came]
            low, high = quartiles(gains)
            solved = f"  solved {_solved(came):.0%}" if task == "deceptive" else ""
            lines.append(
                f"{task:<17}{search:<13}{median(gains):>9.4f}{low:>10.4f}{high:>9.4f}"
                f"{median(one.believed for one in came):>10.4f}{solved}"
            )
        return "\n".join(lines)


def _solved(came: Sequence[Came]) -> float:
    return sum(one.gain > SOLVED for one in came) / len(came)


def optimism(came: Sequence[Came]) -> float:
    """Median of `|believed - true|` over the true gain; a study without a gain counts as 1."""
    return median(abs(one.believed - one.gain) / one.gain if one.gain > 0 else 1.0 for one in came)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The lower and the upper one."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def search(
    *,
    tasks: Sequence[str] = tuple(TASKS),
    searches: Sequence[str] = SEARCHES,
    seeds: int,
    evaluations: int,
    workers: int = 1,
) -> SearchResult:
    """Run the benchmark. Deterministic for its settings, however many processes run it."""
    jobs = [
        (task, name, seed, evaluations)
        for task in tasks
        for name in searches
        for seed in range(seeds)
    ]
    if workers == 1:
        came = [_one(job) for job in jobs]
    else:
        with get_context("spawn").Pool(workers) as pool:
            came = pool.map(_one, jobs, chunksize=1)
    results: dict[tuple[str, str], tuple[Came, ...]] = {}
    for (task, name, _, _), one in zip(jobs, came, strict=True):
        results[task, name] = (*results.get((task, name), ()), one)
    return SearchResult(settings={"seeds": seeds, "evaluations": evaluations}, results=results)


def _one(job: tuple[str, str, int, int]) -> Came:
    task, name, seed, evaluations = job
    return run(TASKS[task], name, seed, evaluations)


def draw(result: SearchResult, path: Path) -> None:
    """Write it: true gain by task and search, medians and quartiles."""
    rows = {key: [one.gain for one in came] for key, came in result.results.items()}
    draw_gains(rows, path, first=DEFAULT)


def draw_gains(gains: Mapping[tuple[str, str], Sequence[float]], path: Path, *, first: str) -> None:
    """A panel for each task: gains by name, median and quartiles, every seed a point. first: ours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(task for task, _ in gains))
    columns = min(3, len(tasks))
    rows = -(-len(tasks) // columns)
    # Matplotlib's signatures are only partly typed.
    figure: Any = Figure(figsize=(4.2 * columns, 2.9 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, task in zip(panels, tasks, strict=False):
        _panel(
            panel, task, {name: values for (of, name), values in gains.items() if of == task}, first
        )
    for panel in panels[len(tasks) :]:
        panel.set_visible(False)
    figure.savefig(path, dpi=110)


def _panel(panel: Any, task: str, gains: Mapping[str, Sequence[float]], first: str) -> None:
    for place, (name, values) in enumerate(gains.items()):
        colour = "#1f4e79" if name == first else "#b8860b"
        low, high = quartiles(values)
        panel.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.35)
        panel.plot(values, [place] * len(values), ".", color=colour, markersize=4, alpha=0.6)
        panel.plot([median(values)], [place], "o", color=colour, markersize=7)
    panel.set_yticks(range(len(gains)), list(gains))
    panel.invert_yaxis()
    panel.axvline(0, color="#bbbbbb", linewidth=0.8, zorder=0)
    panel.set_title(task.replace("_", " "), loc="left")
    panel.set_xlabel("true gain of what is recommended")
    panel.spines[["top", "right"]].set_visible(False)
