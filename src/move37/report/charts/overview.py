"""A study in one line, among others."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Task
from move37.report.certificates import CertificateView, certificates
from move37.report.staircase import staircase
from move37.report.views import Spent, spent

State = Literal["running", "idle", "reading", "unreadable"]
_POINTS = 60
"""Of the small line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyLine:
    """What the overview says of a study."""

    root: Path
    name: str
    state: State
    goal: str = ""
    reason: str = ""
    """Why it cannot be read; empty where it can."""
    metric: str = ""
    direction: str = ""
    experiments: int = 0
    spent: Spent | None = None
    claim: CertificateView | None = None
    """The certified improvement with the largest effect. `None`: nothing is claimed."""
    champion: int | None = None
    baseline_value: float | None = None
    champion_value: float | None = None
    champion_sd: float | None = None
    """Believed."""
    line: tuple[tuple[float, float], ...] = ()
    """Best belief by experiment: across, 0 to 1; and up, 1 is the best there was and 0 the baseline."""


def study_line(
    task: Task, history: History, beliefs: Believer, champion: int | None, *, is_working: bool
) -> StudyLine:
    claims = [
        each for each in certificates(task, history) if each.claim and each.effect is not None
    ]
    best = max(claims, key=lambda each: each.effect or 0.0, default=None)
    steps = staircase(history, beliefs, champion)
    base = beliefs.belief(history.epoch.baseline)
    top = None if champion is None else beliefs.belief(champion)
    return StudyLine(
        root=task.root,
        name=task.name,
        state="running" if is_working else "idle",
        goal=task.goal,
        metric=task.metric.name,
        direction=task.metric.direction.value,
        experiments=len(history) - history.epoch.baseline - 1,
        spent=spent(task, history),
        claim=best,
        champion=champion,
        baseline_value=None if base is None else task.metric.value(base.mean),
        champion_value=None if top is None else task.metric.value(top.mean),
        champion_sd=None if top is None else top.sd,
        line=_line(history, [(id, belief.mean) for id, belief in steps]),
    )


def _line(history: History, steps: list[tuple[int, float]]) -> tuple[tuple[float, float], ...]:
    if not steps:
        return ()
    first, wide = history.epoch.baseline, max(1, len(history) - 1 - history.epoch.baseline)
    low, span = steps[0][1], steps[-1][1] - steps[0][1]
    if len(steps) > _POINTS:
        steps = [*steps[:: -(-len(steps) // _POINTS)], steps[-1]]
    points: list[tuple[float, float]] = []
    for id, mean in steps:
        x, y = (id - first) / wide, (mean - low) / span if span > 0 else 0.0
        points += [(x, points[-1][1]), (x, y)] if points else [(x, y)]
    return (*points, (1.0, points[-1][1]))
