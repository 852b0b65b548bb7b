"""The report of a study, for the morning after: all that it says, before anybody lays it out.

A pure function of the history and of what the parts say of the champion's program. Texts are as their
authors wrote them: whoever renders them escapes them. Sizes are bounded, whatever the size of the study.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

from move37.core.history import Experiment, History
from move37.core.protocols import Believer
from move37.core.records import CheatReport, Task
from move37.report.ablation import AblationView
from move37.report.arms import ArmView
from move37.report.attempts import FailureGroup, MoveGroup, failure_groups, move_groups
from move37.report.caveats import caveats
from move37.report.certificates import CertificateView, Effect, effect_of
from move37.report.evaluator import EvaluatorView
from move37.report.picture import Picture, compose
from move37.report.surprises import Surprise, move37s, surprises
from move37.report.views import Judge, MetricView, Spent, Status, Summary, status_view, summary

if TYPE_CHECKING:
    from move37.search.arms import Ledger

MOST_EDITS = 60
"""More edits than this are counted, and stand in the diff."""
MOST_STEPS = 60
MOST_DIFF_LINES = 1500
MOST_CLAIMS = 12
_WIDEST = 400
"""Characters of a line of the diff."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EditStory:
    """One edit of the champion's program: what it is, who had the idea, and what it is worth."""

    label: str
    places: tuple[str, ...]
    old: str
    new: str
    """The text of its places, one after the other; may be long."""
    steps: tuple[int, ...]
    """The experiments that it came from."""
    tried: int | None = None
    """The program without it. `None`: nobody has taken it out."""
    effect: float | None = None
    """What it brings, measured by taking it out of the whole; positive is better."""
    interval: tuple[float, float] | None = None
    level: float | None = None
    pairs: int = 0
    kept: bool = True
    reason: str = ""
    """Why it is kept or dropped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepStory:
    """One experiment on the way from the baseline to the champion."""

    experiment: int
    parents: tuple[int, ...]
    proposer: str
    move: str
    hypothesis: str
    predicted: float | None
    """What its proposer expected of it; positive is better."""
    effect: Effect | None
    """Believed, on its first parent."""
    measured: float | None
    """The mean of its trials, luck included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """What the app can tell of the champion's program, that no fact says."""

    diff: str = ""
    edits: tuple[EditStory, ...] = ()
    cheats: CheatReport | None = None
    ablation: AblationView | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Morning:
    """All that the report says."""

    version: str
    """Of move37."""
    task: str
    goal: str
    metric: MetricView
    headline: str
    """What is claimed, in one line; or that nothing is."""
    status: Status
    picture: Picture
    claims: tuple[CertificateView, ...]
    """The latest certificate of each experiment that is claimed to be better, the champion's first."""
    unsupported: tuple[CertificateView, ...]
    """The latest of each that fresh evidence did not support."""
    champion: Summary | None
    move37s: tuple[Surprise, ...]
    surprises: tuple[Surprise, ...]
    """Believed to be furthest above what was expected, without those above. Belief is no claim."""
    steps: tuple[StepStory, ...]
    """The champion's lineage, the first edit first."""
    steps_left_out: int
    edits: tuple[EditStory, ...]
    edits_left_out: int
    ablation: AblationView | None
    diff: tuple[str, ...]
    """Lines, from the baseline to the champion."""
    diff_left_out: int
    """Lines of it that are not here."""
    cheats: CheatReport | None
    moves: tuple[MoveGroup, ...]
    failures: tuple[FailureGroup, ...]
    evaluator: EvaluatorView | None
    spent: Spent
    tokens_in: int
    tokens_out: int
    sessions: int
    trials: int
    trial_seconds: float
    proposers: tuple[ArmView, ...]
    caveats: tuple[str, ...]
    evaluation: str
    """The command that measures a program."""
    epochs: int

    @property
    def is_claimed(self) -> bool:
        return bool(self.claims)


def morning(
    task: Task,
    history: History,
    beliefs: Believer,
    champion: int | None,
    *,
    judge: Judge,
    version: str,
    program: Callable[[int], Program] = lambda experiment: Program(),
    sandbox: str | None = None,
    sessions: int = 0,
    is_working: bool = False,
    ledger: "Ledger | None" = None,
    shown: int | None = None,
) -> Morning:
    """Fold a study into its report. Raises `StudyError` when it has not begun.

    shown: whose program it tells of; `None`: the champion's. program: what there is to say of the champion's program. sessions: how often an engine began to work.
    """
    status = status_view(
        task, history, beliefs, champion,
        judge=judge, sandbox=sandbox, is_working=is_working, ledger=ledger,
    )  # fmt: skip
    picture = compose(task, history, beliefs, champion)
    best = status.champion
    if shown is not None and (best is None or best.experiment != shown):
        best = summary(task, history, beliefs, champion, shown, judge)
        status = replace(status, champion=best, pruned_from=history.pruned_from(shown))
    names = None if shown is None else {shown, status.pruned_from}
    latest = {
        view.experiment: view
        for view in status.certificates
        if names is None or view.experiment in names
    }
    first = None if best is None else best.experiment
    ordered = sorted(latest.values(), key=lambda view: (view.experiment != first, -_gain(view)))
    claims = tuple(view for view in ordered if view.claim)[:MOST_CLAIMS]
    unsupported = tuple(view for view in ordered if not view.claim)[:MOST_CLAIMS]
    about = Program() if best is None else program(best.experiment)
    lines = [_short(line) for line in about.diff.splitlines()]
    chain: Sequence[Experiment] = [] if best is None else _lineage(history, best.experiment)
    told = _surprises(history, beliefs, status)
    current = history.current()
    answers = [told for one in current for told in one.answers]
    trials = [trial for one in current for trial in one.trials]
    return Morning(
        version=version,
        task=task.name,
        goal=task.goal,
        metric=status.metric,
        headline=picture.title,
        status=status,
        picture=picture,
        claims=claims,
        unsupported=unsupported,
        champion=best,
        move37s=told[0],
        surprises=told[1],
        steps=tuple(_step(task, history, beliefs, one) for one in chain[-MOST_STEPS:]),
        steps_left_out=max(0, len(chain) - MOST_STEPS),
        edits=about.edits[:MOST_EDITS],
        edits_left_out=max(0, len(about.edits) - MOST_EDITS),
        ablation=about.ablation,
        diff=tuple(lines[:MOST_DIFF_LINES]),
        diff_left_out=max(0, len(lines) - MOST_DIFF_LINES),
        cheats=about.cheats,
        moves=move_groups(history, beliefs),
        failures=failure_groups(history),
        evaluator=status.evaluator,
        spent=status.spent,
        tokens_in=sum(each.tokens_in for each in answers),
        tokens_out=sum(each.tokens_out for each in answers),
        sessions=sessions,
        trials=len(trials),
        trial_seconds=sum(trial.outcome.seconds for trial in trials),
        proposers=status.proposers,
        caveats=tuple(caveats(task, history, status, claims, about.cheats, bool(about.ablation))),
        evaluation=task.evaluate.run,
        epochs=len(history.epochs),
    )


def _gain(view: CertificateView) -> float:
    return view.effect if view.effect is not None else float("-inf")


def _surprises(
    history: History, beliefs: Believer, status: Status
) -> tuple[tuple[Surprise, ...], tuple[Surprise, ...]]:
    moves = tuple(move37s(history, beliefs)) if status.certificates else ()
    known = {each.experiment for each in moves}
    rest = (each for each in surprises(history, beliefs) if each.experiment not in known)
    return moves, tuple(rest)


def _lineage(history: History, experiment: int) -> Sequence[Experiment]:
    """From the first edit to the champion; of a merge, the first parent."""
    chain = [history[experiment]]
    while chain[-1].parents:
        chain.append(history[chain[-1].parents[0]])
    return chain[-2::-1]


def _step(task: Task, history: History, beliefs: Believer, one: Experiment) -> StepStory:
    scores = one.scores()
    difference = beliefs.difference(one.id, one.parents[0])
    base = beliefs.belief(history.epochs[one.epoch].baseline)
    return StepStory(
        experiment=one.id,
        parents=one.parents,
        proposer=one.proposer,
        move=one.move,
        hypothesis=one.hypothesis,
        predicted=one.predicted_effect,
        effect=None
        if difference is None
        else effect_of(difference, None if base is None else base.mean),
        measured=task.metric.value(fmean(scores)) if scores else None,
    )


def _short(line: str) -> str:
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"
