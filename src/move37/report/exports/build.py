"""From the history to the two tables of an export. Pure: no clock, no disk."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

from move37.core.facts import Opened, Row, Tried
from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import Failed, Measured, Purpose, Screened, Task, Trial
from move37.report.certificates import CertificateView, certificates
from move37.report.exports.tables import Column, Dataset, Kind, Table, Value
from move37.report.staircase import staircase
from move37.report.views import Judge, Summary, listing
from move37.report.words import clean

MOST_METRICS = 100
"""So many side metrics become columns, the most frequent ones: a program may print any number of names."""
_LONGEST_NAME = 100
_LONGEST_TEXT = 2000

Moments = Mapping[int, float]
"""Seconds since 1970."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """When things happened: what the facts themselves do not say."""

    opened: Moments
    """By experiment."""
    tried: Mapping[tuple[int, Purpose, int], float]
    """By experiment, purpose and index of the trial."""


def times_of(rows: Iterable[Row]) -> Times:
    opened: dict[int, float] = {}
    tried: dict[tuple[int, Purpose, int], float] = {}
    for row in rows:
        match row.fact:
            case Opened(experiment=id):
                opened[id] = row.at
            case Tried(experiment=id, trial=trial):
                tried[id, trial.purpose, trial.index] = row.at
            case _:
                pass
    return Times(opened=opened, tried=tried)


def dataset(
    task: Task,
    history: History,
    beliefs: Believer,
    champion: int | None,
    *,
    judge: Judge,
    times: Times,
    version: str,
) -> Dataset:
    """The current epoch, as every export tells it. Raises `StudyError` when the study has not begun."""
    from move37.report.tsv import results_tsv

    listed = listing(task, history, beliefs, champion, judge=judge)
    fresh = _certificates(task, history)
    steps = {id for id, _ in staircase(history, beliefs, champion)}
    known = [
        _Known(
            row=row,
            one=history[row.experiment],
            fresh=fresh.get(row.experiment),
            is_step=row.experiment in steps,
            times=times,
        )
        for row in listed.rows
    ]
    ran = [
        _Ran(task=task, one=one, trial=trial, times=times)
        for one in history.current()
        for trial in one.trials
    ]
    return Dataset(
        task=clean(task.name),
        goal=clean(task.goal),
        metric=listed.metric,
        version=version,
        experiments=_experiment_table(task, known),
        trials=_trial_table(task, ran),
        results=results_tsv(task.metric.name, history, listed.rows),
    )


# --- the rows ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """An experiment and what is known of it."""

    row: Summary
    one: Experiment
    fresh: CertificateView | None
    """Its latest certificate, whatever it says."""
    is_step: bool
    times: Times

    @property
    def ended(self) -> float | None:
        ended = (self.times.tried.get(_key(self.one, trial)) for trial in self.one.trials)
        return max((at for at in ended if at is not None), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ran:
    """A trial of an experiment."""

    task: Task
    one: Experiment
    trial: Trial
    times: Times

    @property
    def finished(self) -> Measured | None:
        return self.trial.outcome if isinstance(self.trial.outcome, Measured) else None

    @property
    def ran(self) -> Measured | Screened | None:
        """It finished, or was ended early: it printed something, at least."""
        return self.trial.outcome if isinstance(self.trial.outcome, Measured | Screened) else None

    @property
    def value(self) -> float | None:
        done = None if self.trial.purpose == "stage" else self.finished
        return None if done is None else self.task.metric.value(done.score)


def _key(one: Experiment, trial: Trial) -> tuple[int, Purpose, int]:
    return one.id, trial.purpose, trial.index


def _certificates(task: Task, history: History) -> Mapping[int, CertificateView]:
    """By experiment, the latest one against the baseline."""
    return {view.experiment: view for view in certificates(task, history)}


# --- the columns ---------------------------------------------------------------------------------

Of = TypeVar("Of")


@dataclass(frozen=True, slots=True)
class _Field(Generic[Of]):
    name: str
    kind: Kind
    doc: str
    read: Callable[[Of], Value]


_EXPERIMENTS: tuple[_Field[_Known], ...] = (
    _Field("experiment", "whole", "Its number.", lambda k: k.row.experiment),
    _Field("epoch", "whole", "Trials are compared within an epoch only.", lambda k: k.row.epoch),
    _Field(
        "parents",
        "text",
        "Numbers of what it was made from, with a blank between two; empty for the baseline.",
        lambda k: " ".join(map(str, k.row.parents)),
    ),
    _Field("is_baseline", "truth", "It is the unchanged task.", lambda k: k.row.is_baseline),
    _Field(
        "is_champion",
        "truth",
        "It has the best belief and passes all checks, or is certified and not clearly beaten.",
        lambda k: k.row.is_champion,
    ),
    _Field(
        "is_move37",
        "truth",
        "Nobody would have bet on it, and it is certified to be among the best.",
        lambda k: k.row.is_move37,
    ),
    _Field(
        "is_step",
        "truth",
        "Believed better than all before it, seen from today. A belief, no claim.",
        lambda k: k.is_step,
    ),
    _Field(
        "state",
        "text",
        "`running`, `measured`, `failed`, or `screened`: let go before it was measured in full.",
        lambda k: k.row.state,
    ),
    _Field("proposer", "text", "Who made the change.", lambda k: k.row.proposer),
    _Field("move", "text", "The kind of edit.", lambda k: k.row.move),
    _Field("hypothesis", "text", "Why, in its proposer's words.", lambda k: k.row.hypothesis),
    _Field(
        "measured",
        "number",
        "Mean of its finished trials, in the metric's own unit and direction. Luck included.",
        lambda k: k.row.measured,
    ),
    _Field("trials", "whole", "How many finished.", lambda k: k.row.trials),
    _Field(
        "believed",
        "number",
        "Posterior mean of its true value, in the metric's own unit and direction.",
        lambda k: k.row.believed and k.row.believed.value,
    ),
    _Field(
        "believed_sd",
        "number",
        "Standard deviation of that.",
        lambda k: k.row.believed and k.row.believed.sd,
    ),
    _Field(
        "effect",
        "number",
        "Believed, against the baseline, in the metric's unit; positive is better.",
        lambda k: k.row.effect and k.row.effect.effect,
    ),
    _Field(
        "effect_sd",
        "number",
        "Standard deviation of that.",
        lambda k: k.row.effect and k.row.effect.sd,
    ),
    _Field(
        "verdict",
        "text",
        "What the referee concludes from all trials: `better`, `worse`, `equivalent`, `unclear`, `failed`. No claim.",
        lambda k: k.row.verdict and k.row.verdict.value,
    ),
    _Field(
        "certified",
        "truth",
        "Fresh evidence supports the claim that it is better than the baseline. Only these are improvements.",
        lambda k: k.row.certified,
    ),
    _Field(
        "fresh_effect",
        "number",
        "Effect in the fresh trials of its latest certificate; positive is better. An improvement only where `certified` is true.",
        lambda k: k.fresh and k.fresh.effect,
    ),
    _Field(
        "fresh_low",
        "number",
        "Lower end of its interval, which decides claims.",
        lambda k: k.fresh and k.fresh.interval and k.fresh.interval[0],
    ),
    _Field(
        "fresh_high",
        "number",
        "Upper end.",
        lambda k: k.fresh and k.fresh.interval and k.fresh.interval[1],
    ),
    _Field(
        "fresh_level",
        "number",
        "Confidence level of that interval.",
        lambda k: k.fresh and k.fresh.level,
    ),
    _Field(
        "fresh_pairs",
        "whole",
        "Pairs of fresh trials, one of the baseline in each.",
        lambda k: k.fresh and k.fresh.pairs,
    ),
    _Field(
        "predicted_effect",
        "number",
        "What its proposer expected, on its parent; positive is better.",
        lambda k: k.one.predicted_effect,
    ),
    _Field(
        "prior",
        "number",
        "How promising it looked before it was run, 0 to 1.",
        lambda k: k.one.prior,
    ),
    _Field("failure", "text", "Stage and reason, where it failed.", lambda k: k.row.failure),
    _Field("screened", "text", "Why it was let go.", lambda k: k.row.screened),
    _Field(
        "seconds",
        "number",
        "Wall clock of all its trials together.",
        lambda k: sum(trial.outcome.seconds for trial in k.one.trials),
    ),
    _Field("usd", "number", "What its proposal cost.", lambda k: k.one.usd),
    _Field("commit", "text", "Of its program, in `.move37/code.git`.", lambda k: k.one.commit),
    _Field("opened_at", "number", "Seconds since 1970.", lambda k: k.times.opened.get(k.one.id)),
    _Field(
        "ended_at",
        "number",
        "When its latest trial ended, in seconds since 1970.",
        lambda k: k.ended,
    ),
)

_TRIALS: tuple[_Field[_Ran], ...] = (
    _Field("experiment", "whole", "Whose trial it is.", lambda r: r.one.id),
    _Field("epoch", "whole", "Trials are compared within an epoch only.", lambda r: r.one.epoch),
    _Field(
        "purpose",
        "text",
        "`search`, `certify` (fresh evidence), or `stage` (a cheaper evaluation, on a scale of its own).",
        lambda r: r.trial.purpose,
    ),
    _Field(
        "index", "whole", "Counts from 0 within experiment and purpose.", lambda r: r.trial.index
    ),
    _Field(
        "seed",
        "text",
        "Its MOVE37_SEED, as text: not every program keeps so large a whole number.",
        lambda r: str(r.trial.seed),
    ),
    _Field(
        "value",
        "number",
        "In the metric's own unit and direction; empty where it failed, and for a stage.",
        lambda r: r.value,
    ),
    _Field("seconds", "number", "Wall clock.", lambda r: r.trial.outcome.seconds),
    _Field("cpu_seconds", "number", "Of all its processes.", lambda r: r.ran and r.ran.cpu_seconds),
    _Field(
        "peak_memory_mb",
        "number",
        "Of all its processes, in 2²⁰ bytes.",
        lambda r: r.ran and r.ran.peak_memory_mb,
    ),
    _Field("failure", "text", "Stage and reason, where it failed.", lambda r: _failure(r.trial)),
    _Field("screened", "text", "Why it was ended early.", lambda r: _let_go(r.trial)),
    _Field(
        "ended_at",
        "number",
        "Seconds since 1970.",
        lambda r: r.times.tried.get(_key(r.one, r.trial)),
    ),
)


def column_docs() -> Mapping[str, Sequence[tuple[str, Kind, str]]]:
    """Table by table, the columns that every export has: for the documentation."""
    return {
        "experiments": [(each.name, each.kind, each.doc) for each in _EXPERIMENTS],
        "trials": [(each.name, each.kind, each.doc) for each in _TRIALS],
    }


def _failure(trial: Trial) -> str | None:
    outcome = trial.outcome
    return f"{outcome.stage}: {outcome.reason}" if isinstance(outcome, Failed) else None


def _let_go(trial: Trial) -> str | None:
    return trial.outcome.reason if isinstance(trial.outcome, Screened) else None


# --- the tables ----------------------------------------------------------------------------------


def _experiment_table(task: Task, known: Sequence[_Known]) -> Table:
    fixed = [_column(each, known) for each in _EXPERIMENTS]
    also = [
        Column(
            name=name,
            kind="number",
            doc=f"Mean of a secondary metric over its finished trials, as printed; {metric.direction.value}.",
            values=tuple(each.row.also.get(metric.name) for each in known),
        )
        for metric, name in zip(task.also, _names("also", [m.name for m in task.also]), strict=True)
    ]
    return Table(name="experiments", columns=(*fixed, *also))


def _trial_table(task: Task, ran: Sequence[_Ran]) -> Table:
    """Besides the fixed columns, one for each side metric that was printed, the most frequent first."""
    counted = Counter(name for each in ran if each.ran for name in each.ran.metrics)
    del counted[task.metric.name]
    ordered = sorted(counted, key=lambda name: (-counted[name], name))
    kept, rest = ordered[:MOST_METRICS], ordered[MOST_METRICS:]
    side = [
        Column(
            name=name,
            kind="number",
            doc="A side metric, as printed.",
            values=tuple(each.ran.metrics.get(metric) if each.ran else None for each in ran),
        )
        for metric, name in zip(kept, _names("metric", kept), strict=True)
    ]
    fixed = [_column(each, ran) for each in _TRIALS]
    left_out = tuple(clean(name)[:_LONGEST_NAME] for name in rest[:MOST_METRICS])
    return Table(name="trials", columns=(*fixed, *side), left_out=left_out)


def _column(field: _Field[Of], rows: Sequence[Of]) -> Column:
    values = map(field.read, rows)
    if field.kind == "text":
        values = (None if value is None else _text(str(value)) for value in values)
    return Column(name=field.name, kind=field.kind, doc=field.doc, values=tuple(values))


def _text(text: str) -> str:
    """One line, without control characters and halves of characters, and not without end."""
    shown = clean(text)
    return shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"


def _names(prefix: str, metrics: Sequence[str]) -> list[str]:
    """A column for each, no two alike."""
    names: list[str] = []
    taken: set[str] = set()
    for metric in metrics:
        plain = name = f"{prefix}.{clean(metric)[:_LONGEST_NAME]}"
        numbers = count(2)
        while name in taken:
            name = f"{plain}_{next(numbers)}"
        taken.add(name)
        names.append(name)
    return names
