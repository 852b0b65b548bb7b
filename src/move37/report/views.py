"""What a person may want to know of a study, as frozen records folded from its history.

Every `value` is in the metric's own unit and direction, as the evaluation printed it. Every `effect` is in the
metric's unit too, but in the sense that *positive is better*, whichever way the metric goes.
Beliefs and effects come with their standard deviation or interval, at full precision: rounding is
for whoever shows them. Nothing here is called an improvement but what a certificate claims.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from move37.core.errors import StudyError
from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import (
    Belief,
    CheatReport,
    Failed,
    Guess,
    Measured,
    Metric,
    Outcome,
    Purpose,
    Screened,
    Task,
    Trial,
    Verdict,
)
from move37.report.arms import ArmView, arm_views
from move37.report.asked import AskedView, asked_views
from move37.report.certificates import CertificateView, Effect, certificates, effect_of
from move37.report.evaluator import EvaluatorView, evaluator_of
from move37.report.front import front, secondary
from move37.report.staircase import count_kept
from move37.report.steering import StandingOrders, vetoed_above
from move37.report.surprises import Surprise, move37s

if TYPE_CHECKING:
    from move37.search.arms import Ledger

Judge = Callable[[int], tuple[Verdict, str]]
"""The referee's verdict on an experiment against the baseline, and its reason in a sentence."""

State = Literal["running", "measured", "failed", "screened"]
Order = Literal["id", "newest", "best", "pareto"]


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricView:
    name: str
    goal: str
    """`minimize` or `maximize`."""
    min_effect: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What is believed of an experiment's true value."""

    value: float
    sd: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """An experiment in one line."""

    experiment: int
    epoch: int
    parents: tuple[int, ...]
    is_baseline: bool
    is_champion: bool
    state: State
    proposer: str
    move: str
    hypothesis: str
    believed: Estimate | None
    measured: float | None
    """Mean of its finished trials: luck included, so never a claim."""
    effect: Effect | None
    """Believed, against the baseline."""
    trials: int
    """Finished ones."""
    verdict: Verdict | None
    """`None` while it runs, and for the baseline."""
    failure: str | None
    """Stage and reason, when it failed."""
    certified: bool
    """Its latest certificate supports the claim."""
    screened: str | None = None
    """Why it was let go before it was measured in full."""
    also: Mapping[str, float] = field(default_factory=dict[str, float])
    """Its secondary metrics."""
    is_move37: bool = False
    """Nobody would have bet on it, and it is certified to be among the best."""
    vetoed_by: str | None = None
    """Who wants nothing built on it. `None`: nobody."""
    below_vetoed: int | None = None
    """The latest program that it descends from and that was vetoed."""
    pinned_by: str | None = None
    """Who wants it built on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialView:
    purpose: Purpose
    index: int
    seed: int
    value: float | None
    """`None` when it failed."""
    metrics: Mapping[str, float]
    seconds: float
    cpu_seconds: float | None
    peak_memory_mb: float | None
    failure: str | None
    output: str
    """The last lines of a failed one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """All about one experiment."""

    summary: Summary
    metric: MetricView
    reason: str
    """Why the verdict is what it is."""
    effect_on_parent: Effect | None
    """Believed, against its first parent."""
    predicted_effect: float | None
    """What its proposer expected; positive is better."""
    prior: float | None
    children: tuple[int, ...]
    trials: tuple[TrialView, ...]
    checks: Mapping[str, bool]
    evaluator: EvaluatorView | None
    """What the evaluation that measured it would believe. `None`: nobody has checked it."""
    seconds: float
    """Of all its trials together."""
    usd: float
    commit: str | None
    certificates: tuple[CertificateView, ...]
    cheats: CheatReport | None = None
    """What its change touches that a score could be faked with. `None` for a baseline."""
    asked: tuple[AskedView, ...] = ()
    """The questions that were asked for it, by round."""
    noted: tuple[str, ...] = ()
    """What the agent that proposed it did besides: evaluations of its own, writing where it may not."""
    guess: Guess | None = None
    """What the policy expected of it before it was run; effects are positive where better."""
    move37: Surprise | None = None
    """Why it is a move 37. `None`: it is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    metric: MetricView
    total: int
    """Experiments there are to list, before `limit`."""
    rows: tuple[Summary, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Budget used so far. A limit of `None`: there is none."""

    experiments: int
    max_experiments: int | None
    hours: float
    max_hours: float | None
    usd: float
    max_usd: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """The state of a study in its current epoch."""

    task: str
    goal: str
    root: Path
    metric: MetricView
    epoch: int
    sandbox: str | None
    """Level and name of the latest session's sandbox. `None`: never run."""
    is_working: bool
    """An engine holds the study right now."""
    spent: Spent
    measured: int
    running: int
    kept: int
    """Experiments believed better than everything before them."""
    keep_rate: float | None
    """Share of the finished ones. `None` before the first has finished."""
    failures: Mapping[str, int]
    """How many failed at which stage."""
    noise: float | None
    """Standard deviation of one trial, in the metric's unit. `None` before it is known."""
    baseline: Summary
    champion: Summary | None
    """`None` until there is one besides the baseline."""
    evaluator: EvaluatorView | None
    """What the evaluation would believe. `None`: nobody has checked it."""
    certificates: tuple[CertificateView, ...]
    screened: int = 0
    """Let go by a cheap stage or for a hopeless curve."""
    waiting: int = 0
    """Changes that were handed in and wait for their turn."""
    pareto: tuple[int, ...] = ()
    """With secondary metrics: the experiments that no other beats in all of them."""
    pruned_from: int | None = None
    """The champion is this experiment without the edits that do nothing, certified not to be worse."""
    proposers: tuple[ArmView, ...] = ()
    """Who was given experiments, and what is believed of what came of them."""
    orders: StandingOrders | None = None
    """What people have ordered, and stands."""


# --- the pieces ----------------------------------------------------------------------------------


def metric_view(metric: Metric) -> MetricView:
    return MetricView(name=metric.name, goal=metric.direction.value, min_effect=metric.min_effect)


def summary(
    task: Task,
    history: History,
    beliefs: Believer,
    champion: int | None,
    experiment: int,
    judge: Judge,
    moves: Set[int] = frozenset(),
) -> Summary:
    """moves: the experiments that are move 37s."""
    one = history[experiment]
    scores, outcome = one.scores(), one.outcome
    certified = history.certificate_of(experiment)
    base = _baseline_of(history, one)
    judged = outcome is not None and not one.is_baseline
    vetoed, pinned = (
        given and given.steered.author
        for given in (history.steering.vetoes.get(one.id), history.steering.pins.get(one.id))
    )
    return Summary(
        experiment=one.id,
        epoch=one.epoch,
        parents=one.parents,
        is_baseline=one.is_baseline,
        is_champion=one.id == champion and not one.is_baseline,
        state=_state(outcome),
        proposer=one.proposer,
        move=one.move,
        hypothesis=one.hypothesis,
        believed=_estimate(task.metric, beliefs.belief(one.id)),
        measured=task.metric.value(fmean(scores)) if scores else None,
        effect=None if one.is_baseline else _difference(beliefs, one.id, base, base),
        trials=len(scores),
        verdict=judge(one.id)[0] if judged else None,
        failure=f"{outcome.stage}: {outcome.reason}" if isinstance(outcome, Failed) else None,
        certified=certified is not None and certified.claim,
        screened=outcome.reason if isinstance(outcome, Screened) else None,
        also=secondary(task, one),
        is_move37=one.id in moves,
        vetoed_by=vetoed,
        below_vetoed=vetoed_above(history, one.id),
        pinned_by=pinned,
    )


# --- the views -----------------------------------------------------------------------------------


def status_view(
    task: Task,
    history: History,
    beliefs: Believer,
    champion: int | None,
    *,
    judge: Judge,
    sandbox: str | None = None,
    is_working: bool = False,
    ledger: "Ledger | None" = None,
) -> Status:
    """Where the study stands. Raises `StudyError` when it has not begun.

    sandbox: of the latest `SessionStarted`. is_working: whether an engine holds the lock now. ledger: of
    the arms, told all facts.
    """
    counted = [one for one in history.current() if not one.is_baseline]
    failed = [one.outcome for one in counted if isinstance(one.outcome, Failed)]
    measured = sum(one.is_measured for one in counted)
    screened = sum(isinstance(one.outcome, Screened) for one in counted)
    finished = measured + len(failed) + screened
    kept = count_kept(history, beliefs, champion)

    moves = {found.experiment for found in move37s(history, beliefs)}

    def summarise(id: int) -> Summary:
        return summary(task, history, beliefs, champion, id, judge, moves)

    return Status(
        task=task.name,
        goal=task.goal,
        root=task.root,
        metric=metric_view(task.metric),
        epoch=history.epoch.epoch,
        sandbox=sandbox,
        is_working=is_working,
        spent=spent(task, history),
        measured=measured,
        running=sum(one.is_running for one in counted),
        kept=kept,
        keep_rate=kept / finished if finished else None,
        failures=_tally(one.stage for one in failed),
        noise=_noise(history, beliefs),
        baseline=summarise(history.epoch.baseline),
        champion=None if champion in (None, history.epoch.baseline) else summarise(champion),
        evaluator=evaluator_of(history, task),
        certificates=certificates(task, history),
        screened=screened,
        waiting=len(history.waiting),
        pareto=tuple(front(task, history, beliefs)) if task.also else (),
        pruned_from=history.pruned_from(champion),
        proposers=() if ledger is None else arm_views(ledger),
    )


def spent(task: Task, history: History) -> Spent:
    return Spent(
        experiments=history.spent(),
        max_experiments=task.budget.experiments,
        hours=history.seconds_worked / 3600,
        max_hours=task.budget.hours,
        usd=history.usd,
        max_usd=task.budget.usd,
    )


def listing(
    task: Task,
    history: History,
    beliefs: Believer,
    champion: int | None,
    *,
    judge: Judge,
    order: Order = "id",
    limit: int | None = None,
    failed: bool | None = None,
) -> Listing:
    """Experiments of the current epoch.

    order: `id` oldest first, `newest` last opened first, `best` by belief: measured ones alone;
        `pareto` the same, of those that no other beats in the metric and all secondary ones.
    limit: how many at most. `None`: all.
    failed: only those that failed, or only those that did not. `None`: both.
    """
    if order == "best":
        ids = list(beliefs.ranking(len(history)))
    elif order == "pareto":
        ids = list(front(task, history, beliefs))
    else:
        first, last = history.epoch.baseline, len(history)
        ids = list(range(first, last) if order == "id" else range(last - 1, first - 1, -1))
    if failed is not None:
        ids = [id for id in ids if isinstance(history[id].outcome, Failed) == failed]
    moves = {found.experiment for found in move37s(history, beliefs)}
    return Listing(
        metric=metric_view(task.metric),
        total=len(ids),
        rows=tuple(
            summary(task, history, beliefs, champion, id, judge, moves) for id in ids[:limit]
        ),
    )


def detail(
    task: Task,
    history: History,
    beliefs: Believer,
    champion: int | None,
    experiment: int,
    *,
    judge: Judge,
    moves: Mapping[int, Surprise] | None = None,
) -> Detail:
    """All about one experiment. Raises `StudyError` when there is no such one.

    moves: the move 37s, where they are at hand.
    """
    one = history[experiment]
    base = _baseline_of(history, one)
    judged = one.outcome is not None and not one.is_baseline
    first = one.parents[0] if one.parents else None
    if moves is None:
        moves = {found.experiment: found for found in move37s(history, beliefs)}
    return Detail(
        summary=summary(task, history, beliefs, champion, experiment, judge, moves.keys()),
        metric=metric_view(task.metric),
        reason=judge(experiment)[1] if judged else "",
        effect_on_parent=None if first is None else _difference(beliefs, one.id, first, base),
        predicted_effect=one.predicted_effect,
        prior=one.prior,
        children=tuple(other.id for other in history.experiments if experiment in other.parents),
        trials=tuple(_trial(task.metric, trial) for trial in one.trials),
        checks=dict(one.checks),
        evaluator=evaluator_of(history, task) if one.epoch == history.epoch.epoch else None,
        seconds=sum(trial.outcome.seconds for trial in one.trials),
        usd=one.usd,
        commit=one.commit,
        certificates=certificates(task, history, experiment),
        asked=asked_views(one),
        guess=one.guess,
        move37=moves.get(experiment),
    )


# --- helpers -------------------------------------------------------------------------------------


def _baseline_of(history: History, experiment: Experiment) -> int:
    """The baseline of the experiment's own epoch."""
    for epoch in history.epochs:
        if epoch.epoch == experiment.epoch:
            return epoch.baseline
    raise StudyError(f"experiment x{experiment.id} belongs to no epoch of this study")


def _state(outcome: Outcome | None) -> State:
    match outcome:
        case None:
            return "running"
        case Measured():
            return "measured"
        case Failed():
            return "failed"
        case Screened():
            return "screened"


def _estimate(metric: Metric, belief: Belief | None) -> Estimate | None:
    return None if belief is None else Estimate(value=metric.value(belief.mean), sd=belief.sd)


def _difference(beliefs: Believer, experiment: int, other: int, baseline: int) -> Effect | None:
    difference, base = beliefs.difference(experiment, other), beliefs.belief(baseline)
    if difference is None:
        return None
    return effect_of(difference, base.mean if base is not None else None)


def _noise(history: History, beliefs: Believer) -> float | None:
    """A believer starts from a guess, which is nobody's business before the first trial."""
    return beliefs.noise if any(one.trials for one in history.current()) else None


def _tally(stages: Iterable[str]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for stage in stages:
        counts[stage] = counts.get(stage, 0) + 1
    return counts


def _trial(metric: Metric, trial: Trial) -> TrialView:
    outcome = trial.outcome
    good = outcome if isinstance(outcome, Measured) else None
    ran = outcome if isinstance(outcome, Measured | Screened) else None
    bad = outcome if isinstance(outcome, Failed) else None
    return TrialView(
        purpose=trial.purpose,
        index=trial.index,
        seed=trial.seed,
        value=metric.value(good.score) if good and trial.purpose != "stage" else None,
        metrics=dict(ran.metrics) if ran else {},
        seconds=outcome.seconds,
        cpu_seconds=ran.cpu_seconds if ran else None,
        peak_memory_mb=ran.peak_memory_mb if ran else None,
        failure=f"{bad.stage}: {bad.reason}" if bad else None,
        output=bad.output if bad else "",
    )
