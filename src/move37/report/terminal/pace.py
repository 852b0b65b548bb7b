"""How fast a study goes, how long it has left, and what runs: for whoever looks while it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from move37.core.facts import CertificationOpened
from move37.core.history import Experiment, History
from move37.report.views import Spent

LATELY = 50
"""So many of the latest experiments say how fast it goes."""

Doing = Literal["to be proposed", "asking", "to be measured", "measuring"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """In time worked, which stands still while no engine is at work."""

    per_hour: float | None
    """Experiments that had an outcome lately. `None`: too few to tell."""
    seconds_left: float | None
    """Until the budget is spent. `None`: there is none, or nobody knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningView:
    """An experiment without an outcome."""

    experiment: int
    doing: Doing
    who: str
    """The model that is asked, or the proposer."""
    hypothesis: str
    since: float | None
    """When the latest fact about it was stored, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certifying:
    """A certification that was begun and not concluded."""

    experiment: int
    against: int
    trials: int | None
    """Fresh ones of the experiment itself that ended. `None`: earlier ones cannot be told from them."""
    most: int


def pace(spent: Spent, settled_seconds: Sequence[float], worked_seconds: float) -> Pace:
    """settled_seconds: the time worked when each of the latest experiments had its outcome, in any order."""
    lately = sorted(settled_seconds)[-LATELY:]
    took = lately[-1] - lately[0] if len(lately) > 2 else 0.0
    per_second = (len(lately) - 1) / took if took > 0 else None
    guesses: list[float] = []
    if spent.max_hours is not None:
        guesses.append(3600 * spent.max_hours - worked_seconds)
    if spent.max_experiments is not None and per_second is not None:
        guesses.append((spent.max_experiments - spent.experiments) / per_second)
    return Pace(
        per_hour=None if per_second is None else 3600 * per_second,
        seconds_left=max(0.0, min(guesses)) if guesses else None,
    )


def running_view(one: Experiment, since: float | None, *, is_waiting: bool) -> RunningView:
    """is_waiting: no engine is at work, so that nothing is done with it right now."""
    asked = len(one.asked) > len(one.answers)
    doing: Doing
    if one.commit is None:
        doing = "asking" if asked and not is_waiting else "to be proposed"
    else:
        doing = "to be measured" if is_waiting else "measuring"
    return RunningView(
        experiment=one.id,
        doing=doing,
        who=one.asked[-1].model if asked else one.proposer,
        hypothesis=one.hypothesis,
        since=since,
    )


def certifying(history: History) -> Certifying | None:
    """The certification that is under way, of the current epoch."""
    for opened in reversed(history.certifications):
        if opened.certification in history.certificates:
            return None
        if history[opened.experiment].epoch == history.epoch.epoch:
            return _certifying(history, opened)
    return None


def _certifying(history: History, opened: CertificationOpened) -> Certifying:
    before = sum(one.experiment == opened.experiment for one in history.certificates.values())
    return Certifying(
        experiment=opened.experiment,
        against=opened.baseline,
        trials=None if before else history[opened.experiment].count("certify"),
        most=opened.pairs,
    )
