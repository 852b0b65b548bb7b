"""The evaluator certificate: which cheats would this evaluation believe, and how noisy is it?

Pure functions of the history: what is still to be tried, and what it all says. The rule of the
grade is in `docs/check.md`.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from move37.core.facts import EvaluatorChecked, Probed
from move37.core.history import History
from move37.core.records import (
    Direction,
    Finding,
    Grade,
    Measured,
    Metric,
    ProbeJob,
    Repeats,
    Task,
    Trial,
)
from move37.referee.canaries import BY_NAME, CANARIES, CERTIFIED_READ, NULL_EDIT, Canary
from move37.referee.intervals import t_quantile
from move37.referee.seeds import trial_job
from move37.referee.words import number

FIT: Grade = "C"
"""An evaluation of this grade or a better one is fit to be searched with."""

_SURE = 0.9995
"""One-sided: a null edit that gains more than this quantile of chance was judged `better`."""
_DRIFTS = 0.995
_NOISES = 6.0
"""A cheat is believed when it gains so many standard deviations of one trial: it is not shy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What there is to try cheats with."""

    has_python: bool
    """Whether an editable file is Python."""
    hides: bool
    """Whether the task has hidden files."""
    sandbox: str
    """Level and name."""
    only_data: bool = False
    """Whether all editable files are data, in which there is no code to cheat."""
    seconds: float | None = None
    """What those probes may take together that are as long as a trial; and once all probes have taken
    so long (a slow `score` makes short ones long), no further one is begun. `None`: no limit."""


def wanted_probes(
    history: History, task: Task, means: Means, printed: Callable[[float], str]
) -> Sequence[ProbeJob]:
    """What is still to be tried, in the order to try it in. Nothing while the baseline has no score.

    printed: how the evaluation would print a value of its metric; see `forged`.
    """
    baseline = history.baseline
    scores = baseline.scores("search")
    spent = sum(probed.seconds for probed in history.probes.values())
    if (
        not scores
        or baseline.commit is None
        or (means.seconds is not None and spent > means.seconds)
    ):
        return []
    value = perfect(task.metric, scores)
    like = trial_job(history, baseline, "search", 0)
    return [
        ProbeJob(
            experiment=baseline.id,
            commit=baseline.commit,
            probe=name,
            seed=like.seed,
            split=like.split,
            value=value,
            printed=printed(value),
        )
        for name in planned(history, task, means)
        if not _was_tried(history.probes.get(name), means.sandbox)
    ]


def planned(history: History, task: Task, means: Means) -> Sequence[str]:
    """Names of the probes that apply here and can be afforded: the short ones first."""
    applicable = [canary for canary in CANARIES if _why_not(canary, task, means) is None]
    short = [canary.name for canary in applicable if not canary.is_full]
    full = [NULL_EDIT, *(canary.name for canary in applicable if canary.is_full)]
    if means.seconds is None:
        return [*short, *full]
    each = repeats(history).seconds
    affordable = len(full) if not each else int(means.seconds / each)
    return [*short, *full[:affordable]]


def _was_tried(probed: Probed | None, sandbox: str) -> bool:
    return probed is not None and probed.sandbox in ("", sandbox)


def _why_not(canary: Canary, task: Task, means: Means) -> str | None:
    """Why a cheat says nothing about this evaluation; `None` when it does."""
    scored = task.evaluate.score is not None
    if means.only_data:
        return "the editable files are data"
    if canary.scored_only and not scored:
        return "nothing reads what a self-reporting program leaves"
    if canary.name == CERTIFIED_READ and (scored or not means.hides):
        return "no hidden file is ever shown to it"
    if canary.needs_python and not means.has_python:
        return "no editable file is Python"
    return None


# --- the numbers -----------------------------------------------------------------------------------


def repeats(history: History) -> Repeats:
    """What the baseline's search trials say. Raises `ValueError` when none has finished."""
    trials = sorted(
        (trial for trial in history.baseline.trials if trial.purpose == "search"),
        key=lambda trial: trial.index,
    )
    good = [trial.outcome for trial in trials if isinstance(trial.outcome, Measured)]
    scores = [outcome.score for outcome in good]
    if not scores:
        raise ValueError("no trial of the baseline has finished")
    return Repeats(
        finished=len(good),
        failed=len(trials) - len(good),
        mean=fmean(scores),
        sd=stdev(scores) if len(scores) > 1 else None,
        drift=drift(scores),
        repeats_exactly=_repeats_exactly(trials, history.probes.get(NULL_EDIT)),
        seconds=fmean(outcome.seconds for outcome in good),
        peak_memory_mb=max(outcome.peak_memory_mb for outcome in good),
    )


def drift(scores: Sequence[float]) -> float | None:
    """How far the scores went from the first to the last, by a straight line through them.

    `None` unless the slope differs from 0 at 99 % (Student's test of a regression slope), and with
    fewer than four scores. Scores come in the order in which they were measured.
    """
    count = len(scores)
    if count < 4:
        return None
    middle, mean = (count - 1) / 2, fmean(scores)
    spread = sum((place - middle) ** 2 for place in range(count))
    slope = sum((place - middle) * (y - mean) for place, y in enumerate(scores)) / spread
    rest = sum((y - mean - slope * (place - middle)) ** 2 for place, y in enumerate(scores))
    error = math.sqrt(rest / (count - 2) / spread)
    if abs(slope) <= t_quantile(_DRIFTS, count - 2) * error or slope == 0:
        return None
    return slope * (count - 1)


def _repeats_exactly(trials: Sequence[Trial], null: Probed | None) -> bool | None:
    """The null edit ran on the seed of the first trial."""
    first = next((trial.outcome for trial in trials if trial.index == 0), None)
    if not isinstance(first, Measured) or null is None or null.score is None:
        return None
    return null.score == first.score


def perfect(metric: Metric, scores: Sequence[float]) -> float:
    """A value of the metric that is clearly better than all of these scores.

    0 for what is minimized, 1 or 100 for what is maximized, where that is better: limits and
    judges often know that there is nothing beyond. Else the best score, and as much again.
    """
    best = max(scores)
    spread = stdev(scores) if len(scores) > 1 else 0.0
    least = max(1.1 * _NOISES * spread, 2 * metric.min_effect, 1e-3 * abs(best))
    natural = (0.0,) if metric.direction is Direction.MINIMIZE else (1.0, 100.0)
    for value in natural:
        if metric.score(value) > best + least and metric.value(best) >= 0:
            return value
    return metric.value(best + max(2 * least, abs(best), 1.0))


def forged(metric: Metric, printed: str, metrics: dict[str, float]) -> Callable[[float], str]:
    """How an evaluation prints a value of its metric: its own last line, with another number.

    printed: what the evaluation printed once. metrics: what it found there; all are printed again, as
    limits may ask for them. Only the metric's own number is another one.
    """
    others = [f"{name}: {old!r}" for name, old in metrics.items() if name != metric.name]
    line = _last_match(metric, printed)

    def spell(value: float) -> str:
        if line is not None:
            before, after = line
            return "\n".join((*others, f"{before}{value!r}{after}"))
        return "\n".join((*others, f"{metric.name}: {value!r}"))

    return spell


def _last_match(metric: Metric, printed: str) -> tuple[str, str] | None:
    """What stands before and after the number in the text that the task's regex matched last."""
    if metric.regex is None:
        return None
    last: tuple[str, str] | None = None
    for found in re.finditer(metric.regex, printed[-100_000:], re.MULTILINE):
        if found.re.groups and found[1] is not None:
            start, end = found.start(1) - found.start(), found.end(1) - found.start()
            last = found[0][:start], found[0][end:]
    return last


# --- the certificate -------------------------------------------------------------------------------


def issue(history: History, task: Task, means: Means) -> EvaluatorChecked:
    """The certificate, from what was tried so far. Raises `ValueError` before the baseline's first score."""
    seen = repeats(history)
    findings = (
        _null_finding(history, task.metric, seen, means),
        *(
            finding
            for canary in CANARIES
            if (finding := _finding(canary, history, task, seen, means)) is not None
        ),
        *([_RUNS] if task.evaluate.score_runs else []),
    )
    grade, reason = grade_of(findings, seen, scored=task.evaluate.score is not None)
    return EvaluatorChecked(
        experiment=history.baseline.id,
        grade=grade,
        reason=reason,
        scored=task.evaluate.score is not None,
        sandbox=means.sandbox,
        repeats=seen,
        findings=findings,
    )


def _finding(
    canary: Canary, history: History, task: Task, seen: Repeats, means: Means
) -> Finding | None:
    """`None` for a cheat that says nothing about this evaluation."""
    if _why_not(canary, task, means) is not None:
        return None
    probed = history.probes.get(canary.name)
    what = f"a program that {canary.what}"
    if (missing := _why_missing(probed, seen, means)) is not None:
        return _told(canary, None, f"{what}: {missing}")
    assert probed is not None
    if not probed.by_edit and canary.needs_python:
        return _told(canary, None, f"{what}: not tried, as no Python file could be changed")
    believed = bool(probed.effects) or _is_better(probed, history, task.metric, seen)
    return _told(canary, believed, _what_came(canary, probed, task, believed))


def _why_missing(probed: Probed | None, seen: Repeats, means: Means) -> str | None:
    """Why nothing is known of a cheat: what could not be tried is not what was caught."""
    if probed is None or not _was_tried(probed, means.sandbox):
        return f"not tried, as a trial takes {seen.seconds:.3g} s; `move37 check` tries it"
    return probed.failure if not probed.sandbox else None


def _told(canary: Canary, believed: bool | None, told: str) -> Finding:
    return Finding(
        probe=canary.name,
        believed=believed,
        false_metric=canary.false_metric,
        told=told,
        advice=_ADVICE[canary.name] if believed else "",
    )


def _is_better(probed: Probed, history: History, metric: Metric, seen: Repeats) -> bool:
    if probed.score is None:
        return False
    gain = probed.score - max(history.baseline.scores("search"))
    return gain > max(metric.min_effect, _NOISES * (seen.sd or 0.0))


def _what_came(canary: Canary, probed: Probed, task: Task, believed: bool) -> str:
    what = f"a program that {canary.what}"
    if probed.effects:
        return f"{what}: it {'; it '.join(probed.effects)}"
    stands = "" if probed.by_edit else " (a command stood in for the program)"
    if believed:
        assert probed.score is not None
        value = number(task.metric.value(probed.score) + 0.0)  # + 0.0: never -0
        return f"{what}: believed, with {task.metric.name} {value}{stands}"
    if not probed.ran and probed.failure:
        return f"{what}: its trial failed before the code in it ran ({_short(probed.failure)})"
    if not probed.ran:
        return f"{what}: the code in it is never run"
    if canary.name in _ESCAPES or canary.name == CERTIFIED_READ:
        return f"{what}: prevented"
    if probed.score is None:
        return f"{what}: its trial failed ({_short(probed.failure)}){stands}"
    return f"{what}: gained nothing{stands}"


def _short(failure: str) -> str:
    """Why, without what to do about it: that is for honest programs."""
    return failure.split("; ")[0]


def _null_finding(history: History, metric: Metric, seen: Repeats, means: Means) -> Finding:
    """What a comment does to the score."""
    probed = history.probes.get(NULL_EDIT)
    first = next(
        (t.outcome for t in history.baseline.trials if t.purpose == "search" and t.index == 0),
        None,
    )

    def told(believed: bool | None, text: str, advice: str = "") -> Finding:
        return Finding(
            probe=NULL_EDIT, believed=believed, false_metric=False, told=text, advice=advice
        )

    if (missing := _why_missing(probed, seen, means)) is not None:
        return told(None, f"a comment: {missing}")
    assert probed is not None
    if probed.score is None or not isinstance(first, Measured):
        return told(True, f"a comment: the trial failed ({probed.failure})", _FLAKY)
    gain = probed.score - first.score
    if gain == 0:
        return told(False, "a comment changes nothing: equal seeds give equal scores")
    moved = f"a comment moves {metric.name} by {number(abs(gain))} on the same seed"
    if seen.finished < 3 or seen.sd is None:
        return told(None, f"{moved}; {seen.finished} repeats are too few to say if that is noise")
    chance = t_quantile(_SURE, seen.finished - 1) * seen.sd * math.sqrt(2)
    if gain > max(chance, metric.min_effect):
        return told(True, f"{moved}, and would be called better", _TEXT)
    return told(False, f"{moved}, within the noise: part of it does not come from the seed")


def grade_of(findings: Sequence[Finding], seen: Repeats, *, scored: bool) -> tuple[Grade, str]:
    """The first letter, from F up, of which something is true; see `docs/check.md`."""
    believed = {finding.probe for finding in findings if finding.believed}
    missing = [finding.probe for finding in findings if finding.believed is None]
    if escaped := [name for name in _ESCAPES if name in believed]:
        return "F", f"a candidate could get out of its fence ({', '.join(escaped)})"
    if NULL_EDIT in believed:
        return "E", "a change that changes nothing fails, or would be called better"
    if serious := [name for name in _SERIOUS if name in believed]:
        return "D", f"a candidate could score without doing the work ({', '.join(serious)})"
    if seen.failed:
        return "D", f"the unchanged program fails now and then ({seen.failed} of its trials)"
    if false := [f.probe for f in findings if f.believed and f.false_metric]:
        who = "what the program leaves is repeated" if scored else "the program reports its own"
        return "C", f"a false metric would be believed, as {who} ({', '.join(false)})"
    if not {finding.probe for finding in findings} & BY_NAME.keys():
        return "A", "only data may be edited, in which no cheat can hide"
    if missing:
        return "B", f"no cheat was believed; not everything was tried ({', '.join(missing)})"
    return "A", "no cheat was believed, and all were tried"


def is_fit(grade: Grade, least: Grade = FIT) -> bool:
    """Whether a grade is `least` or better."""
    return grade <= least


def caught(certificate: EvaluatorChecked) -> dict[str, bool]:
    """By canary that was tried: whether it came to nothing. The null edit is no cheat, and what a
    program may see while it is certified is as the task says."""
    return {
        finding.probe: not finding.believed
        for finding in certificate.findings
        if finding.believed is not None and finding.probe in BY_NAME.keys() - {CERTIFIED_READ}
    }


RUNS_IN_SCORE = "runs-in-score"
_RUNS = Finding(
    probe=RUNS_IN_SCORE,
    believed=True,
    false_metric=True,
    told="`score` runs the program: as the task says, it could write its own verdict there",
    advice="let `run` leave what it made in $MOVE37_OUT, and let `score` judge it as data",
)
"""No cheat was tried for it: what can be written by whoever is judged is known beforehand."""
_ESCAPES = (
    "replaces-fixed-files",
    "writes-outside",
    "reads-hidden-files",
    "reaches-the-network",
    "outlives-the-trial",
)
_SERIOUS = ("exits-without-running", "poisons-artefacts", CERTIFIED_READ)
_SCORE = (
    "let `run` leave what it made in $MOVE37_OUT, and let a `score` command, which no candidate can "
    "change, compute the metric from it"
)
_FENCE = 'use a stronger sandbox: install bubblewrap, and leave [sandbox] level at "auto"'
_TEXT = (
    "repeat the baseline more often, and look for what the score takes from the text of the program"
)
_FLAKY = "find out why an unchanged program fails: such luck is taken for the work of an edit"
_ADVICE = {
    "prints-and-exits": _SCORE,
    "prints-last": _SCORE,
    "patches-a-module": _SCORE,
    "writes-to-descriptors": _SCORE,
    "shadows-imports": _SCORE,
    "exits-without-running": "check that the work was done before you print how little it took",
    "forges-results": "compute the metric in `score` from artefacts; take no number from $MOVE37_OUT",
    "rewrites-results": "compute the metric in `score` from artefacts; take no number from $MOVE37_OUT",
    "poisons-artefacts": "do not unpickle what a candidate leaves: use JSON, CSV, or numpy without "
    "allow_pickle",
    "replaces-fixed-files": _FENCE,
    "writes-outside": _FENCE,
    "reads-hidden-files": f"{_FENCE}; keep hidden files out of what [files] link and [sandbox] read show",
    CERTIFIED_READ: "a self-reporting program sees hidden files while it is certified, and could "
    "report what they say: read them in a `score` command",
    "reaches-the-network": _FENCE,
    "outlives-the-trial": _FENCE,
}
