"""The pages of a terminal, as lines that fit it. Text of others is cleaned here; nothing is drawn."""

from collections.abc import Sequence
from datetime import datetime

from move37.core.facts import (
    Ablated,
    AblationOpened,
    Answered,
    Asked,
    CertificationOpened,
    Certified,
    Checked,
    Claimed,
    EpochStarted,
    EvaluatorChecked,
    Opened,
    Posted,
    Probed,
    Proposed,
    Rejected,
    Retracted,
    Row,
    SessionEnded,
    SessionStarted,
    Staged,
    Steered,
    Submitted,
    Tried,
)
from move37.core.records import Measured, Metric, Screened
from move37.report.arms import ArmView, arm_name
from move37.report.calibration import Calibration, Coverage
from move37.report.certificates import CertificateView
from move37.report.evaluator import EvaluatorView, evaluator_text
from move37.report.spending import AlphaSpent
from move37.report.steering import order_words
from move37.report.terminal.pace import Certifying, Pace, RunningView
from move37.report.text import certificate_text, status_text
from move37.report.views import MetricView, Status, Summary
from move37.report.words import (
    Paint,
    Style,
    cells,
    clean,
    count,
    cut,
    duration,
    measured,
    number,
    pad,
    percent,
    table,
)


def overview_lines(
    status: Status,
    pace: Pace,
    running: Sequence[RunningView],
    certifying: Certifying | None,
    *,
    now: float,
    width: int,
    most: int = 6,
    paint: Paint,
) -> list[str]:
    """How fast the study goes, what runs, and where it stands. most: of what runs, so many lines."""
    going = ["at work" if status.is_working else "no engine is at work"]
    if pace.per_hour is not None:
        going.append(f"{pace.per_hour:,.4g} experiments an hour lately")
    if pace.seconds_left is not None:
        left = f"{duration(pace.seconds_left)} left of the budget"
        going.append(left if pace.seconds_left else "the budget is spent")
    lines = ["", cut(" · ".join(going), width)]
    if certifying is not None:
        done = "" if certifying.trials is None else f"{certifying.trials} of "
        told = f"certifying x{certifying.experiment} against x{certifying.against}: "
        told += f"{done}up to {count(certifying.most, 'fresh pair')}"
        lines.append(paint("title", cut(told, width)))
    lines += [_running_line(one, now, width) for one in running[:most]]
    if len(running) > most:
        lines.append(f"  and {len(running) - most:,} more")
    title, root, *rest = status_text(status, width=width, paint=paint).splitlines()
    return [title, root, *lines, *rest]


def _running_line(one: RunningView, now: float, width: int) -> str:
    since = "" if one.since is None else duration(max(0.0, now - one.since))
    head = f"  x{one.experiment:<6} {pad(since, 11, right=True)}  {pad(one.doing, 14)}  "
    tail = clean(one.hypothesis) if one.hypothesis else f"by {clean(one.who)}"
    return cut(head + tail, width)


# --- the list and the tree -----------------------------------------------------------------------

_SIGNS: dict[str, tuple[str, Style | None]] = {
    "running": ("▷", "warn"),
    "measured": ("·", None),
    "failed": ("✗", "dim"),
    "screened": ("-", "dim"),
}


def list_header(metric: str, width: int) -> str:
    words = ("  id", clean(metric), "effect", "n", "verdict", "hypothesis")
    return cut(_columns(*words, width=width), width)


def list_line(row: Summary, *, width: int, paint: Paint) -> str:
    """An experiment in a line whose columns do not depend on its neighbours."""
    verdict = "baseline" if row.is_baseline else row.verdict.value if row.verdict else "running"
    believed, effect = row.believed, row.effect
    value = "" if believed is None else measured(believed.value, believed.sd)
    text = _columns(
        f"{_marks(row)}x{row.experiment}",
        value if width >= _WIDE else value.partition(" ±")[0],
        measured(effect.effect, effect.sd, sign=True) if effect else "",
        str(row.trials),
        "let go" if row.screened else verdict,
        clean(row.failure or row.screened or row.hypothesis),
        width=width,
    )
    style = _style(row)
    return paint(style, cut(text, width)) if style else cut(text, width)


_WIDE = 110


def _columns(
    id: str, value: str, effect: str, trials: str, verdict: str, told: str, *, width: int
) -> str:
    """On a narrow terminal the value is without its ±; the effect keeps it."""
    values, verdicts = (20, 12) if width >= _WIDE else (9, 8)
    return (
        f"{pad(id, 8)} {pad(cut(value, values), values, right=True)} "
        f"{pad(effect, 17, right=True)} {pad(trials, 2, right=True)} "
        f"{pad(cut(verdict, verdicts), verdicts)} {told}"
    )


def _marks(row: Summary) -> str:
    sign = _SIGNS[row.state][0]
    sign = "◆" if row.certified else sign
    sign = "✶" if row.is_move37 else sign
    return ("★" if row.is_champion else " ") + sign


def _style(row: Summary) -> Style | None:
    if row.certified:
        return "good"
    if row.is_champion or row.is_baseline:
        return "title"
    return _SIGNS[row.state][1]


_DEEPEST = 12


def tree_line(
    row: Summary,
    depth: int,
    *,
    below: int,
    is_open: bool,
    on_line: bool,
    width: int,
    paint: Paint,
) -> str:
    """A program in the lineage. below: how many descend from it. on_line: the champion is it, or does."""
    handle = " " if not below else "▾" if is_open else "▸"
    indent = "  " * min(depth, _DEEPEST) + (f"({depth}) " if depth > _DEEPEST else "")
    value = measured(row.believed.value, row.believed.sd) if row.believed else row.state
    more = f" +{below:,}" if below and not is_open else ""
    text = f"{indent}{handle}{_marks(row)}x{row.experiment}  {value}{more}  "
    text += clean(row.failure or row.screened or row.hypothesis)
    style = "title" if on_line and not row.certified else _style(row)
    return paint(style, cut(text, width)) if style else cut(text, width)


# --- referee, proposers --------------------------------------------------------------------------


def referee_lines(
    metric: MetricView,
    noise: float | None,
    alpha: AlphaSpent,
    calibration: Calibration,
    certificates: Sequence[CertificateView],
    evaluator: EvaluatorView | None,
    *,
    width: int,
    paint: Paint,
) -> list[str]:
    """Why numbers are believed here, or are not."""
    noise_told = "not known yet" if noise is None else f"± {noise:.3g} on one trial"
    certified = f"{count(len(certificates), 'certificate')}, {count(alpha.claims, 'claim')}"
    spent = f"{alpha.spent:.3g} of {alpha.alpha:g} spent; the next one at {alpha.next_level:.4%}"
    pairs = [
        ("noise", noise_told),
        ("min_effect", f"{number(metric.min_effect)} {clean(metric.name)}"),
        ("certified", certified),
        ("alpha", spent),
        ("calibrated", _coverage(calibration.trial_coverage, "of later trials")),
        ("", _coverage(calibration.guess_coverage, "of the policy's guesses")),
    ]
    lines = [cut(f"  {pad(name, 12)}{told}", width) for name, told in pairs]
    lines += [
        cut(
            f"  {pad('', 12)}{clean(one.proposer)}: {one.right_way:,} of {one.sized:,} effects "
            "went the way it predicted",
            width,
        )
        for one in calibration.predicted
    ]
    lines.append("")
    for view in reversed(certificates):
        told = certificate_text(view, metric, width=width, paint=paint)
        lines += [*told.splitlines(), ""]
    if evaluator is None:
        lines.append("evaluation: nobody has checked it; `move37 check` does")
    else:
        lines += evaluator_text(evaluator, width=width, paint=paint).splitlines()
    return lines


def _coverage(found: Sequence[Coverage], of: str) -> str:
    told = [
        f"{100 * one.level:g} % held {percent(one.share)}" for one in found if one.share is not None
    ]
    return f"{', '.join(told)} {of} ({found[0].total:,})" if told else f"nothing known {of}"


def proposer_lines(arms: Sequence[ArmView], *, width: int, paint: Paint) -> list[str]:
    """What each proposer was given, and what is believed to have come of it."""
    if not arms:
        return ["no proposer was given an experiment yet"]
    header = ("proposer", "tried", "share", "applied", "failed", "effect", "an hour", "a dollar")
    rows = [
        (
            cut(arm_name(arm), 24),
            f"{arm.experiments:,}",
            percent(arm.share),
            f"{arm.applied:,}",
            f"{arm.failed:,}",
            f"{arm.gain:+.3g}",
            "-" if arm.gain_per_second is None else f"{3600 * arm.gain_per_second:.3g}",
            "-" if arm.gain_per_usd is None else f"{arm.gain_per_usd:.3g}",
            f"{duration(arm.seconds)}, {arm.usd:.2f} USD",
        )
        for arm in arms
    ]
    lines = table([(*header, "spent"), *rows], right=frozenset({1, 2, 3, 4, 5, 6, 7}))
    note = "effect: believed, summed over its experiments; + is better, nothing is certified"
    shown = [cut(one, width) for one in (*lines, "", note)]
    return [paint("title", shown[0]), *shown[1:]]


# --- the log -------------------------------------------------------------------------------------


def log_line(row: Row, metric: Metric, *, width: int, paint: Paint) -> str:
    """A fact in a line, with its local time."""
    at = datetime.fromtimestamp(row.at).astimezone()
    told, style = _told(row, metric)
    text = cut(f"{at:%H:%M:%S}  {told}", width)
    return paint(style, text) if style else text


def _told(row: Row, metric: Metric) -> tuple[str, Style | None]:
    match row.fact:
        case EpochStarted(epoch=epoch):
            return f"epoch {epoch} began", "title"
        case SessionStarted() as fact:
            return (
                f"an engine began: {count(fact.workers, 'worker')}, sandbox {fact.sandbox}",
                "dim",
            )
        case SessionEnded(reason=reason):
            return f"the engine ended: {clean(reason)}", "dim"
        case Opened() as fact:
            of = " and ".join(f"x{one}" for one in fact.parents)
            return f"x{fact.experiment} opened, of {of}, by {clean(fact.proposer)}", "dim"
        case Asked() as fact:
            return f"x{fact.experiment} asked {clean(fact.model)}", "dim"
        case Answered() as fact:
            told = f"no answer: {clean(fact.failed)}" if fact.failed else "answered"
            return f"x{fact.experiment} {clean(fact.model)} {told}, {fact.usd:.4f} USD", "dim"
        case Submitted() as fact:
            return (
                f"{fact.ticket} handed in by {clean(fact.author)}: {clean(fact.hypothesis)}",
                None,
            )
        case Proposed() as fact:
            return f"x{fact.experiment} proposed: {clean(fact.hypothesis)}", None
        case Rejected() as fact:
            return f"x{fact.experiment} rejected: {clean(fact.failed.reason)}", "bad"
        case Tried() as fact:
            return _tried(fact, metric)
        case Staged() as fact:
            told = "goes on" if fact.screened is None else f"let go: {clean(fact.screened.reason)}"
            return f"x{fact.experiment} stage {fact.stage + 1}: {told}", "dim"
        case Checked() as fact:
            told = "passed" if fact.passed else f"failed: {clean(fact.reason)}"
            style: Style | None = None if fact.passed else "bad"
            return f"x{fact.experiment} check {clean(fact.check)} {told}", style
        case CertificationOpened() as fact:
            told = (
                f"to be compared with x{fact.baseline} on up to {count(fact.pairs, 'fresh pair')}"
            )
            return f"x{fact.experiment} {told}", "title"
        case Certified() as fact:
            told = "certified" if fact.claim else "not certified"
            return (
                f"x{fact.experiment} {told}: {clean(fact.reason)}",
                "good" if fact.claim else None,
            )
        case Steered() as fact:
            return f"{clean(fact.author)}: {clean(order_words(fact.order))}", "warn"
        case Probed() as fact:
            return f"cheat {clean(fact.probe)} tried on the evaluation", "dim"
        case EvaluatorChecked() as fact:
            return f"evaluation: grade {fact.grade}: {clean(fact.reason)}", "title"
        case AblationOpened() as fact:
            return f"x{fact.experiment}: its {count(fact.edits, 'edit')} to be taken out", "title"
        case Ablated() as fact:
            return f"x{fact.experiment} ablated: {clean(fact.reason)}", None
        case Posted() as fact:
            return f"p{fact.post} ({fact.kind}) by {clean(fact.author)}: {clean(fact.text)}", None
        case Retracted() as fact:
            return f"p{fact.post} retracted by {clean(fact.author)}", "dim"
        case Claimed() as fact:
            word = "released" if fact.released else "claimed"
            return f"p{fact.post} {word} by {clean(fact.author)}", "dim"


def _tried(fact: Tried, metric: Metric) -> tuple[str, Style | None]:
    trial, outcome = fact.trial, fact.trial.outcome
    name = f"x{fact.experiment} {trial.purpose} trial {trial.index}"
    if isinstance(outcome, Measured):
        value = "has a score" if trial.purpose == "stage" else number(metric.value(outcome.score))
        return f"{name}: {value}, {duration(outcome.seconds)}", None
    if isinstance(outcome, Screened):
        return f"{name}: let go: {clean(outcome.reason)}", "dim"
    return f"{name}: failed {outcome.stage}: {clean(outcome.reason)}", "bad"


def key_lines(text: str, width: int) -> str:
    """The keys at the foot, as many as fit."""
    shown = ""
    for key in text.split("  "):
        longer = f"{shown}  {key}" if shown else key
        if cells(longer) > width:
            break
        shown = longer
    return shown
