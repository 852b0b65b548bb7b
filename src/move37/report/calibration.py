"""Whether what was said beforehand came true: predictions of proposers, guesses of the policy, beliefs.

Each is held against what came later than it was said. What came of an effect is itself only believed, so that its
own standard deviation counts as well; a trial is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist

from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Interval, Metric
from move37.report.charts.later import Later

POINTS = 1500
"""So many points of a chart, the latest."""
LATEST = 5000
"""So many measured experiments are asked for their effects, the latest."""
LEVELS = (0.5, 0.8, 0.9, 0.95)


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How often intervals of a level held what came."""

    level: float
    inside: int
    total: int

    @property
    def share(self) -> float | None:
        return self.inside / self.total if self.total else None

    @property
    def margin(self) -> float | None:
        """Standard error of the share, by Agresti and Coull: honest for few."""
        if not self.total:
            return None
        share = (self.inside + 2) / (self.total + 4)
        return sqrt(share * (1 - share) / (self.total + 4))


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicted:
    """One proposer's predictions of its own effects. Positive is better."""

    proposer: str
    count: int
    """Measured experiments with a prediction."""
    mean_predicted: float
    mean_believed: float
    right_way: int
    """How many are believed to have gone the way that was predicted."""
    sized: int
    """Of so many whose prediction was not 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Points:
    """What was said, and what came, as columns."""

    experiment: tuple[int, ...]
    said: tuple[float, ...]
    said_sd: tuple[float | None, ...]
    """`None`: no spread was stated."""
    came: tuple[float, ...]
    came_sd: tuple[float | None, ...]
    """`None`: it was measured, not believed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """Of the current epoch."""

    predictions: Points
    """Predicted effect on the parent against the believed one."""
    predicted: tuple[Predicted, ...]
    guesses: Points
    """What the policy expected, against the believed effect."""
    guess_coverage: tuple[Coverage, ...]
    trials: Points
    """What was believed of a program, in the metric's unit, against its next trial."""
    trial_coverage: tuple[Coverage, ...]
    fresh_coverage: tuple[Coverage, ...]
    """The same, of trials of certifications alone."""
    paired: int
    """Trials that are left out of this, as they count beside another one only."""
    certified: Points
    """What was believed before a certification, against its fresh effect."""
    certified_coverage: tuple[Coverage, ...]


def calibration(history: History, beliefs: Believer, later: Later, metric: Metric) -> Calibration:
    """later: of the current epoch, told the same facts as the history."""
    measured = [one for one in history.current() if one.parents and one.is_measured][-LATEST:]
    predictions = _effects(
        [(one, one.predicted_effect, None) for one in measured if one.predicted_effect is not None],
        beliefs,
    )
    guesses = _effects(
        [(one, one.guess.mean, one.guess.sd) for one in measured if one.guess is not None], beliefs
    )
    certified = _certified(history)
    rows = range(len(later))
    fresh = [row for row in rows if later.fresh[row]]
    return Calibration(
        predictions=_latest(predictions),
        predicted=_by_proposer(history, predictions),
        guesses=_latest(guesses),
        guess_coverage=coverage(guesses),
        trials=_latest(_trials(later, rows, metric)),
        trial_coverage=coverage(_trials(later, rows, metric)),
        fresh_coverage=coverage(_trials(later, fresh, metric)),
        paired=later.paired,
        certified=_latest(certified),
        certified_coverage=coverage(certified),
    )


def coverage(points: Points) -> tuple[Coverage, ...]:
    """At some levels, of the points that stated a spread."""
    distances = [
        abs(came - said) / spread if (spread := hypot(said_sd, came_sd or 0.0)) else None
        for said, said_sd, came, came_sd in zip(
            points.said, points.said_sd, points.came, points.came_sd, strict=True
        )
        if said_sd is not None
    ]
    exact = sum(
        said == came
        for said, said_sd, came, came_sd in zip(
            points.said, points.said_sd, points.came, points.came_sd, strict=True
        )
        if said_sd is not None and not hypot(said_sd, came_sd or 0.0)
    )
    found: list[Coverage] = []
    for level in LEVELS:
        width = NormalDist().inv_cdf((1 + level) / 2)
        inside = exact + sum(each is not None and each <= width for each in distances)
        found.append(Coverage(level=level, inside=inside, total=len(distances)))
    return tuple(found)


def _effects(said: Sequence[tuple[Experiment, float, float | None]], beliefs: Believer) -> Points:
    rows: list[tuple[int, float, float | None, float, float]] = []
    for one, mean, sd in said:
        effect = beliefs.difference(one.id, one.parents[0])
        if effect is not None:
            rows.append((one.id, mean, sd, effect.mean, effect.sd))
    return Points(
        experiment=tuple(row[0] for row in rows),
        said=tuple(row[1] for row in rows),
        said_sd=tuple(row[2] for row in rows),
        came=tuple(row[3] for row in rows),
        came_sd=tuple(row[4] for row in rows),
    )


def _by_proposer(history: History, points: Points) -> tuple[Predicted, ...]:
    groups: dict[str, list[tuple[float, float]]] = {}
    for id, said, came in zip(points.experiment, points.said, points.came, strict=True):
        groups.setdefault(history[id].proposer, []).append((said, came))
    return tuple(
        Predicted(
            proposer=proposer,
            count=len(pairs),
            mean_predicted=sum(said for said, _ in pairs) / len(pairs),
            mean_believed=sum(came for _, came in pairs) / len(pairs),
            right_way=sum(said * came > 0 for said, came in pairs),
            sized=sum(said != 0 for said, _ in pairs),
        )
        for proposer, pairs in groups.items()
    )


def _trials(later: Later, rows: Sequence[int], metric: Metric) -> Points:
    return Points(
        experiment=tuple(later.experiment[row] for row in rows),
        said=tuple(metric.value(later.mean[row]) for row in rows),
        said_sd=tuple(later.sd[row] for row in rows),
        came=tuple(metric.value(later.score[row]) for row in rows),
        came_sd=(None,) * len(rows),
    )


def _certified(history: History) -> Points:
    """The effect's own spread is read off its interval, which is wide on purpose where it was looked at often."""
    rows: list[tuple[int, float, float, float, float]] = []
    first = history.epoch.baseline
    for opened in history.certifications:
        done = history.certificates.get(opened.certification)
        if done is None or done.effect is None or opened.experiment < first:
            continue
        believed, fresh = opened.believed, done.effect
        rows.append((opened.experiment, believed.mean, believed.sd, fresh.effect, _sd(fresh)))
    return Points(
        experiment=tuple(row[0] for row in rows),
        said=tuple(row[1] for row in rows),
        said_sd=tuple(row[2] for row in rows),
        came=tuple(row[3] for row in rows),
        came_sd=tuple(row[4] for row in rows),
    )


def _sd(interval: Interval) -> float:
    width = NormalDist().inv_cdf((1 + min(interval.level, 1 - 1e-9)) / 2)
    return (interval.high - interval.low) / (2 * width)


def _latest(points: Points) -> Points:
    """Of very many, the latest."""
    return Points(
        experiment=points.experiment[-POINTS:],
        said=points.said[-POINTS:],
        said_sd=points.said_sd[-POINTS:],
        came=points.came[-POINTS:],
        came_sd=points.came_sd[-POINTS:],
    )
