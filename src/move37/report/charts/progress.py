"""The chart of a study, live: every experiment where it was measured, and what is believed of the best.

The same figures as `progress.png` (`report/picture.py`), as columns; of very many dots, those that a screen
can tell apart. All values are in the metric's own unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Task
from move37.report.certificates import CertificateView, certificates
from move37.report.charts.track import FAILED, MEASURED, RUNNING, Track
from move37.report.picture import Step, headline, shown, y_range
from move37.report.staircase import staircase
from move37.report.surprises import move37s
from move37.report.words import clean

if TYPE_CHECKING:
    from numpy import ndarray

    Column = ndarray[Any, Any]

Axis = Literal["evaluation", "time", "dollars"]
MOST_DOTS = 4000
"""So many are sent at most."""
_COLUMNS, _ROWS = 400, 160
"""A screen tells two dots apart if they are in different cells of such a grid."""
_MOST_FAILED = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """An experiment that is certified to be better, drawn solid."""

    experiment: int
    believed: float
    low: float
    high: float
    """The baseline's fresh mean, changed by the ends of the interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What does not depend on which part is looked at. Costly: to be kept until there are new facts."""

    headline: str
    steps: tuple[Step, ...]
    claims: tuple[Claim, ...]
    stars: tuple[int, ...]
    """Move 37s."""
    certificate: CertificateView | None
    """The one that the headline is about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Columns of a part of the chart. Each list of dots is by position: `id[3]` is at `x[3]`, `y[3]`."""

    metric: str
    direction: str
    axis: Axis
    headline: str
    experiments: int
    """Of the epoch, its baseline apart."""
    first: int
    """The baseline's id."""
    measured: int
    failed: int
    running: int
    total: int
    """Dots in this part; `id` has fewer where a screen could not tell them apart."""
    id: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    spread: tuple[float, ...]
    """Half of the 95 % interval of a dot, from the noise of one trial and how many there were."""
    failed_id: tuple[int, ...]
    failed_x: tuple[float, ...]
    step_id: tuple[int, ...]
    step_x: tuple[float, ...]
    step_measured: tuple[float, ...]
    step_believed: tuple[float, ...]
    step_spread: tuple[float, ...]
    claim_id: tuple[int, ...]
    claim_x: tuple[float, ...]
    claim_y: tuple[float, ...]
    claim_low: tuple[float, ...]
    claim_high: tuple[float, ...]
    star_id: tuple[int, ...]
    star_x: tuple[float, ...]
    star_y: tuple[float, ...]
    low: float
    high: float
    """The y axis. Dots beyond are drawn at its end."""
    start: float
    end: float
    """The x axis of the whole study."""
    noise: float


def outline(task: Task, history: History, beliefs: Believer, champion: int | None) -> Outline:
    metric, first = task.metric, history.epoch.baseline
    proofs = certificates(task, history)
    certificate = shown(proofs, champion)
    steps = tuple(
        Step(
            experiment=id,
            x=id - first,
            measured=metric.value(_mean(history, id)),
            believed=metric.value(belief.mean),
            sd=belief.sd,
            hypothesis=clean(history[id].hypothesis),
        )
        for id, belief in staircase(history, beliefs, champion)
    )
    latest = {proof.experiment: proof for proof in proofs}
    claims = [_claim(task, beliefs, proof) for _, proof in sorted(latest.items()) if proof.claim]
    return Outline(
        headline=headline(metric, steps, certificate, champion),
        steps=steps,
        claims=tuple(claim for claim in claims if claim is not None),
        stars=tuple(found.experiment for found in move37s(history, beliefs)),
        certificate=certificate,
    )


def _mean(history: History, id: int) -> float:
    scores = history[id].scores()
    return sum(scores) / len(scores)


def _claim(task: Task, beliefs: Believer, proof: CertificateView) -> Claim | None:
    belief, bounds, base = beliefs.belief(proof.experiment), proof.interval, proof.baseline_value
    if belief is None or bounds is None or base is None:
        return None
    score = task.metric.score(base)
    ends = [task.metric.value(score + bound) for bound in bounds]
    value = task.metric.value(belief.mean)
    return Claim(experiment=proof.experiment, believed=value, low=min(ends), high=max(ends))


def progress_chart(
    task: Task,
    history: History,
    track: Track,
    told: Outline,
    noise: float,
    *,
    axis: Axis = "evaluation",
    start: float | None = None,
    end: float | None = None,
) -> Chart:
    """noise: of one trial. start, end: the part of the x axis that is looked at; `None`: all of it."""
    import numpy as np

    metric, first = task.metric, history.epoch.baseline
    state = np.array(track.state)[first:]
    across = _across(track, first, axis)
    value = metric.value(1.0) * np.array(track.score)[first:]
    inside = np.ones(len(across), dtype=bool)
    if start is not None:
        inside &= across >= start
    if end is not None:
        inside &= across <= end
    dots = np.flatnonzero(inside & (state == MEASURED) & np.isfinite(value))
    low, high = y_range(_focus(told), np.sort(value[dots]).tolist(), metric, noise)
    kept = _told_apart(dots, across[dots], np.clip(value[dots], low, high), low, high)
    failed = np.flatnonzero(inside & (state == FAILED))
    failed = failed[:: max(1, -(-len(failed) // _MOST_FAILED))]
    trials = np.maximum(1, np.array(track.trials)[first:][kept])
    stars = [id - first for id in told.stars]
    claims, steps = told.claims, told.steps
    return Chart(
        metric=clean(metric.name),
        direction=metric.direction.value,
        axis=axis,
        headline=told.headline,
        experiments=len(across) - 1,
        first=first,
        measured=int(np.count_nonzero(state == MEASURED)),
        failed=int(np.count_nonzero(state == FAILED)),
        running=int(np.count_nonzero(state == RUNNING)),
        total=len(dots),
        id=_ints(kept + first),
        x=_floats(across[kept]),
        y=_floats(value[kept]),
        spread=_floats(1.96 * noise / np.sqrt(trials)),
        failed_id=_ints(failed + first),
        failed_x=_floats(across[failed]),
        step_id=tuple(step.experiment for step in steps),
        step_x=_floats(across[[step.x for step in steps]] if steps else across[:0]),
        step_measured=tuple(step.measured for step in steps),
        step_believed=tuple(step.believed for step in steps),
        step_spread=tuple(1.96 * step.sd for step in steps),
        claim_id=tuple(claim.experiment for claim in claims),
        claim_x=tuple(float(across[claim.experiment - first]) for claim in claims),
        claim_y=tuple(claim.believed for claim in claims),
        claim_low=tuple(claim.low for claim in claims),
        claim_high=tuple(claim.high for claim in claims),
        star_id=told.stars,
        star_x=tuple(float(across[star]) for star in stars),
        star_y=tuple(float(value[star]) for star in stars),
        low=low,
        high=high,
        start=float(across[0]),
        end=float(across.max()),
        noise=noise,
    )


def _across(track: Track, first: int, axis: Axis) -> "Column":
    """Where each experiment of the epoch lies: its number, hours of work, or dollars spent by then."""
    import numpy as np

    if axis == "evaluation":
        return np.arange(len(track) - first, dtype=float)
    seconds = axis == "time"
    column = np.array(track.seconds if seconds else track.usd, dtype=float)[first:]
    return (column - column[0]) / 3600.0 if seconds else column - column[0]


def _focus(told: Outline) -> Sequence[float]:
    found: list[float] = []
    for step in told.steps:
        found += [step.believed - 2 * step.sd, step.believed + 2 * step.sd]
    for claim in told.claims:
        found += [claim.low, claim.high]
    return found


def _told_apart(ids: "Column", x: "Column", y: "Column", low: float, high: float) -> "Column":
    """Of dots that fall together on a screen, one: the oldest. Of still too many, a fair sample."""
    import numpy as np

    if len(ids) <= MOST_DOTS:
        return ids
    span = float(x.max() - x.min()) or 1.0
    column = np.minimum((x - x.min()) / span * _COLUMNS, _COLUMNS - 1).astype(int)
    row = np.clip((y - low) / ((high - low) or 1.0) * _ROWS, 0, _ROWS - 1).astype(int)
    _, firsts = np.unique(column * _ROWS + row, return_index=True)
    found = np.sort(ids[firsts])
    if len(found) <= MOST_DOTS:
        return found
    chosen = np.random.default_rng(0).choice(len(found), MOST_DOTS, replace=False)
    return found[np.sort(chosen)]


def _ints(column: "Column") -> tuple[int, ...]:
    return tuple(column.tolist())


def _floats(column: "Column") -> tuple[float, ...]:
    """To seven digits: a screen shows no more, and they are half as long to send."""
    return tuple(float(f"{each:.7g}") for each in column.tolist())
