"""The metric beside all others: who is on the Pareto front, and each experiment as a line over parallel axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Task
from move37.report.comparison import printed
from move37.report.front import front

SHOWN = 800
"""So many experiments at the most; `TradeOffs.total` says of how many."""
AXES = 9
"""So many axes at the most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    name: str
    goal: Literal["minimize", "maximize", ""]
    """Empty where nobody said which way is better."""
    kind: Literal["metric", "secondary", "printed", "cost"]
    values: tuple[float | None, ...]
    """By row. Of the metric as believed, of all others means of what was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeOffs:
    """Measured experiments of the current epoch, the best believed first, as columns."""

    experiment: tuple[int, ...]
    sd: tuple[float, ...]
    """Of the metric, as believed."""
    is_front: tuple[bool, ...]
    """Whether no other beats it in the metric and all secondary metrics."""
    certified: tuple[bool, ...]
    axes: tuple[Axis, ...]
    total: int
    front: int
    """How many are on it; 0 without secondary metrics."""


def trade_offs(task: Task, history: History, beliefs: Believer) -> TradeOffs:
    ranking = beliefs.ranking(len(history))
    on_front = set(front(task, history, beliefs)) if task.also else set[int]()
    chosen = _chosen(ranking, on_front, history.epoch.baseline)
    believed = [beliefs.belief(id) for id in chosen]
    rows = [(id, belief) for id, belief in zip(chosen, believed, strict=True) if belief is not None]
    also = {metric.name: metric for metric in task.also}
    shown = [printed(history[id]) for id, _ in rows]
    axes = [
        Axis(
            name=task.metric.name,
            goal=task.metric.direction.value,
            kind="metric",
            values=tuple(task.metric.value(belief.mean) for _, belief in rows),
        )
    ]
    costs = ("seconds", "cpu_seconds", "peak_memory_mb")
    names = dict.fromkeys(
        (*also, *(name for each in shown for name in each if name not in costs), *costs)
    )
    names.pop(task.metric.name, None)
    for name in names:
        values = tuple(each.get(name) for each in shown)
        told = [value for value in values if value is not None]
        if name not in also and len(set(told)) < 2:
            continue  # says nothing of anybody
        goal = also[name].direction.value if name in also else ""
        kind = "secondary" if name in also else "cost" if name in costs else "printed"
        axes.append(
            Axis(name=name, goal="minimize" if kind == "cost" else goal, kind=kind, values=values)
        )
    certified = [history.certificate_of(id) for id, _ in rows] if history.certificates else []
    return TradeOffs(
        experiment=tuple(id for id, _ in rows),
        sd=tuple(belief.sd for _, belief in rows),
        is_front=tuple(id in on_front for id, _ in rows),
        certified=tuple(
            (each.claim if each is not None else False)
            for each in (certified or [None] * len(rows))
        ),
        axes=tuple(_kept(axes)),
        total=len(ranking),
        front=len(on_front),
    )


def _chosen(ranking: Sequence[int], on_front: set[int], baseline: int) -> list[int]:
    """All of the front as far as it goes, the baseline, the best half, and of the rest every n-th."""
    if len(ranking) <= SHOWN:
        return list(ranking)
    kept = {id for id in ranking if id in on_front or id == baseline}
    kept = set(list(kept)[:SHOWN])
    best = ranking[: SHOWN // 2]
    rest = ranking[SHOWN // 2 :]
    step = max(1, len(rest) // max(1, SHOWN // 2 - len(kept)))
    kept.update(best)
    kept.update(rest[::step][: max(0, SHOWN - len(kept))])
    return [id for id in ranking if id in kept]


def _kept(axes: Sequence[Axis]) -> list[Axis]:
    """The metric and the secondary ones first, then what trials cost, then what else was printed."""
    order = {"metric": 0, "secondary": 1, "cost": 2, "printed": 3}
    ranked = sorted(enumerate(axes), key=lambda each: (order[each[1].kind], each[0]))
    return [axis for _, axis in ranked[:AXES]]
