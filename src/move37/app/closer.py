"""Looking closer: one experiment, two of them, and what a whole study says of its metrics, referee and proposers.

For faces that stay, which follow a study. Each function answers from one look, as a frozen record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from move37.app.following import Followed
from move37.app.look import conversation_of, detail_of, diff_of, judge_of
from move37.app.study import Study
from move37.core.errors import StudyError
from move37.core.history import Experiment
from move37.core.records import Failed
from move37.report.asked import Conversation
from move37.report.board import PostOrder, PostView, State, post_view, ranked, thread_views
from move37.report.calibration import Calibration, calibration
from move37.report.certificates import CertificateView, certificates
from move37.report.code_diff import CodeDiff, read_diff
from move37.report.comparison import Comparison, comparison
from move37.report.evaluator import EvaluatorView, evaluator_of
from move37.report.spending import AlphaSpent, alpha_spent
from move37.report.surprises import Surprise, move37s
from move37.report.trade_offs import TradeOffs, trade_offs
from move37.report.tuned import Tuned, tuned
from move37.report.views import Detail, MetricView, Summary, metric_view, summary
from move37.report.yields import Yields, yields

_LOG_BYTES: Final = 64 * 1024
_LOGS: Final = 3
_POSTS_ABOUT: Final = 20
_COUNTED: Final = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """What a failed trial printed."""

    trial: str
    """Such as `search 0`."""
    failure: str
    text: str
    """The end of it."""
    is_cut: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Closer:
    """One experiment, with all that is stored of it."""

    detail: Detail
    against: int | None
    """What the diff is against. `None`: it has no program, or nothing to be compared with."""
    diff: CodeDiff | None
    is_champion_line: bool
    """The champion is it, or descends from it."""
    conversation: Conversation
    logs: tuple[Log, ...]
    posts: tuple[PostView, ...]
    """Those that are about it."""
    proposed_by: str
    """Who handed it in, as they call themselves; empty for the study's own proposers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refereed:
    """What the referee knows of the evaluation, and of what it was believed of."""

    metric: MetricView
    noise: float | None
    """Standard deviation of one trial. `None` before it is known."""
    baseline: int
    repeats: tuple[float, ...]
    """Of the baseline, in the order they ended: in the metric's unit."""
    evaluator: EvaluatorView | None
    certificates: tuple[CertificateView, ...]
    alpha: AlphaSpent
    calibration: Calibration


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardPage:
    """Some of the posts, and how many there are of each kind and state."""

    posts: tuple[PostView, ...]
    """Threads, or what was asked for, one after the other."""
    total: int
    """Posts that were asked for."""
    kinds: tuple[tuple[str, int], ...]
    hypotheses: tuple[tuple[State, int], ...]
    """How many stand how; of very many, the latest."""
    retracted: int


def closer(followed: Followed, experiment: int, *, against: str = "parent") -> Closer:
    """against: `parent`, `baseline`, or a number of an experiment. Raises `StudyError`."""
    study = followed.study
    one = study.history[experiment]
    other = _against(study, one, against)
    diff = None
    if other is not None and one.commit is not None:
        diff = read_diff(diff_of(study, experiment, other).text)
    submitted = study.history.submitted.get(one.ticket or "")
    posts = study.history.board.about(experiment)[-_POSTS_ABOUT:]
    return Closer(
        detail=detail_of(
            study, experiment, champion=lambda: followed.champion, moves=_moves(followed)
        ),
        against=other,
        diff=diff,
        is_champion_line=_is_above(study, experiment, followed.champion),
        conversation=conversation_of(study, experiment),
        logs=tuple(_logs(study, one)),
        posts=tuple(_post(study, post) for post in posts),
        proposed_by="" if submitted is None else submitted.author,
    )


def compared(followed: Followed, left: int, right: int) -> tuple[Comparison, CodeDiff | None]:
    """Two experiments, and what the right one changes in the left one. Raises `StudyError`."""
    study = followed.study
    shown = comparison(
        study.task,
        study.history,
        study.believer,
        summary_of(followed, left),
        summary_of(followed, right),
    )
    has_programs = all(study.history[id].commit is not None for id in (left, right))
    diff = read_diff(diff_of(study, right, left).text) if has_programs else None
    return shown, diff


def summary_of(followed: Followed, experiment: int) -> Summary:
    study = followed.study
    return summary(
        study.task,
        study.history,
        study.believer,
        followed.champion,
        experiment,
        judge_of(study),
        _moves(followed).keys(),
    )


def metrics_of(followed: Followed) -> TradeOffs:
    study = followed.study
    return followed.once(
        "trade-offs", lambda: trade_offs(study.task, study.history, study.believer)
    )


def tuned_of(followed: Followed) -> Tuned:
    study = followed.study
    return followed.once("tuned", lambda: tuned(study.history, study.believer, followed.turns))


def refereed(followed: Followed) -> Refereed:
    return followed.once("refereed", lambda: _refereed(followed))


def yields_of(followed: Followed) -> Yields:
    return followed.once("yields", lambda: yields(followed.study.history, followed.study.ledger))


def board_page(
    followed: Followed,
    *,
    kind: str = "",
    order: PostOrder = "newest",
    first: int = 0,
    limit: int = 30,
    retracted: bool = False,
) -> BoardPage:
    """Threads by their first post; posts of one kind alone where `kind` names one."""
    study = followed.study
    board = study.history.board
    wanted = [
        post
        for post in board.posts
        if (post.posted.kind == kind if kind else post.posted.reply_to is None)
        and (retracted or post.retracted is None)
    ]
    chosen = ranked(wanted, study.history, study.believer, study.edits, order)
    shown: list[tuple[PostView, int]] = []
    for post, _ in chosen[first : first + limit]:
        thread = [(post.id, 0)] if kind else board.thread(post.id)
        shown += [
            (_post(study, id), depth)
            for id, depth in thread
            if retracted or board[id].retracted is None
        ]
    kinds = followed.once("post-kinds", lambda: _kinds(study))
    return BoardPage(
        posts=thread_views(shown),
        total=len(wanted),
        kinds=kinds,
        hypotheses=followed.once("hypotheses", lambda: _hypotheses(study)),
        retracted=sum(post.retracted is not None for post in board.posts),
    )


def _moves(followed: Followed) -> Mapping[int, Surprise]:
    study = followed.study
    return followed.once(
        "move37s by experiment",
        lambda: {found.experiment: found for found in move37s(study.history, study.believer)},
    )


# --- helpers -------------------------------------------------------------------------------------


def _against(study: Study, one: Experiment, against: str) -> int | None:
    """What a diff is against; raises `StudyError` for what is no experiment."""
    if against.isascii() and against.removeprefix("x").isdigit():
        other = study.history[int(against.removeprefix("x"))].id
        return other if study.history[other].commit is not None else None
    if against not in ("parent", "baseline"):
        raise StudyError(
            f"{against!r} is nothing to compare with; write `parent`, `baseline` or a number like `12`"
        )
    if not one.parents:
        return None
    if against == "parent":
        return one.parents[0]
    return study.history.epochs[one.epoch].baseline


def _is_above(study: Study, experiment: int, champion: int | None) -> bool:
    """Whether the champion descends from it. Parents are older than children: the search ends."""
    if champion is None:
        return False
    left = [champion]
    seen: set[int] = set()
    while left:
        id = left.pop()
        if id == experiment:
            return True
        if id > experiment and id not in seen:
            seen.add(id)
            left += study.history[id].parents
    return False


def _logs(study: Study, one: Experiment) -> Sequence[Log]:
    found: list[Log] = []
    if one.rejected is not None and one.rejected.output:
        found.append(_log("no trial", one.rejected, one.rejected.output.encode()))
    for trial in one.trials:
        if isinstance(trial.outcome, Failed) and len(found) < _LOGS:
            key = f"x{one.id}-{trial.purpose}-{trial.index}"
            printed = [study.store.attachment(f"{key}/{what}") for what in ("stdout", "stderr")]
            told = b"\n".join(each for each in printed if each) or trial.outcome.output.encode()
            found.append(_log(f"{trial.purpose} {trial.index}", trial.outcome, told))
    return found


def _log(trial: str, failed: Failed, printed: bytes) -> Log:
    return Log(
        trial=trial,
        failure=f"{failed.stage}: {failed.reason}",
        text=printed[-_LOG_BYTES:].decode(errors="replace"),
        is_cut=len(printed) > _LOG_BYTES,
    )


def _post(study: Study, post: int) -> PostView:
    return post_view(
        study.history.board[post], study.history, study.believer, study.task.metric, study.edits
    )


def _refereed(followed: Followed) -> Refereed:
    study = followed.study
    history, task = study.history, study.task
    scores = history.baseline.scores()
    return Refereed(
        metric=metric_view(task.metric),
        noise=study.believer.noise if scores else None,
        baseline=history.baseline.id,
        repeats=tuple(task.metric.value(score) for score in scores),
        evaluator=evaluator_of(history, task),
        certificates=certificates(task, history),
        alpha=alpha_spent(history, task.claims.alpha),
        calibration=calibration(history, study.believer, followed.later, task.metric),
    )


def _kinds(study: Study) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for post in study.history.board.posts:
        if post.retracted is None:
            counts[post.posted.kind] = counts.get(post.posted.kind, 0) + 1
    return tuple(sorted(counts.items(), key=lambda each: -each[1]))


def _hypotheses(study: Study) -> tuple[tuple[State, int], ...]:
    counts: dict[State, int] = {}
    found = [post.id for post in study.history.board.posts if post.posted.kind == "hypothesis"]
    for post in found[-_COUNTED:]:
        state = _post(study, post).state
        counts[state] = counts.get(state, 0) + 1
    return tuple(counts.items())
