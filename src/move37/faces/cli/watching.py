"""What a session is doing, folded from its events; shown as lines, or as a frame of fixed size.

No clock, no terminal: time comes in as an argument, text goes out. `live` does the rest.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from move37.core.events import (
    Began,
    Ended,
    Event,
    JobStarted,
    PhaseBegan,
    Progressed,
    Recorded,
    Remarked,
    Standing,
)
from move37.core.facts import (
    Answered,
    Asked,
    CertificationOpened,
    Certified,
    Checked,
    EvaluatorChecked,
    Fact,
    Opened,
    Posted,
    Probed,
    Proposed,
    Rejected,
    Staged,
    Steered,
    Submitted,
    Tried,
)
from move37.core.records import MOST_STAGES, Belief, Failed, Measured, Metric, Screened
from move37.core.steering import limited
from move37.report.steering import order_words
from move37.report.words import (
    Paint,
    cells,
    clean,
    count,
    cut,
    duration,
    measured,
    number,
    pad,
    percent,
    plain,
)

LATEST = 50
"""Finished experiments remembered for the frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A job at work, as seen from here."""

    job: JobStarted
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """A question to a model or an agent that is under way."""

    asked: Asked
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Something that ended, in words."""

    experiment: int
    text: str
    tail: str
    """What it was about: first to be cut."""
    is_failure: bool = False


class Watching:
    """The fold. `take` returns the lines that are worth a place in a log."""

    def __init__(self) -> None:
        self.began: Began | None = None
        self.began_at = 0.0
        self.phase: PhaseBegan | None = None
        self.standing = Standing()
        self.running: dict[str, Running] = {}
        self.asking: dict[int, Asking] = {}
        """By experiment."""
        self.latest: deque[Line] = deque(maxlen=LATEST)
        self.ended: Ended | None = None
        self.remark = ""
        """The latest."""
        self.certify_done = 0
        self._finished_before = 0
        self._hypotheses: dict[int, str] = {}
        self._waiting: Line | None = None

    def take(self, event: Event, now: float) -> Sequence[str]:
        """Learn what happened. now: seconds on a clock that never goes back."""
        match event:
            case Began():
                return self._begin(event, now)
            case PhaseBegan():
                self.phase, self.certify_done = event, 0
                trials = "" if event.trials is None else f", {count(event.trials, 'trial')}"
                return [f"{_PHASES[event.phase]}{trials}"]
            case JobStarted():
                self.running[event.job] = Running(job=event, since=now)
                return []
            case Recorded(fact=fact):
                return self._record(fact, now)
            case Progressed(standing=standing):
                return self._progress(standing)
            case Remarked(text=text):
                self.remark = clean(text)
                return [self.remark]
            case Ended(reason=reason):
                self.ended = event
                self.running.clear()
                self.asking.clear()
                return [f"ended: {clean(reason)}"]

    @property
    def metric(self) -> Metric:
        assert self.began is not None, "an engine says that it began before all else"
        return self.began.metric

    def hypothesis(self, experiment: int) -> str:
        return self._hypotheses.get(experiment, "")

    def seconds_left(self, now: float) -> float | None:
        """Until the budget is spent, at this session's pace. `None`: nobody knows."""
        if self.began is None:
            return None
        budget, session = self.began.budget, now - self.began_at
        guesses: list[float] = []
        if budget.hours is not None:
            guesses.append(3600 * budget.hours - self._seconds_before() - session)
        done = self.standing.finished - self._finished_before
        if budget.experiments is not None and done > 0:
            guesses.append((budget.experiments - self.standing.finished) * session / done)
        return max(0.0, min(guesses)) if guesses else None

    def per_hour(self, now: float) -> float | None:
        """Experiments that ended, in this session. `None`: too few to tell."""
        done, session = self.standing.finished - self._finished_before, now - self.began_at
        return 3600 * done / session if done > 2 and session > 0 else None

    # --- one event at a time ---------------------------------------------------------------------

    def _seconds_before(self) -> float:
        return self.began.standing.seconds_worked if self.began else 0.0

    def _begin(self, began: Began, now: float) -> Sequence[str]:
        self.began, self.began_at, self.standing = began, now, began.standing
        self._finished_before = began.standing.finished
        opened = began.standing.opened
        again = f", goes on after {count(opened, 'experiment')}" if opened else ""
        return [
            f"study {clean(began.task)}: {clean(began.goal)}",
            f"metric {clean(began.metric.name)}, {_better(began.metric)} is better; "
            f"{count(began.workers, 'worker')}, sandbox {began.sandbox}{again}",
            *([began.note] if began.note else []),
            *([_paused(began.standing.paused_by)] if began.standing.paused_by is not None else []),
        ]

    def _record(self, fact: Fact, now: float) -> Sequence[str]:
        match fact:
            case Opened():
                self._hypotheses.pop(fact.experiment, None)
            case Submitted():
                told = f"{clean(fact.ticket)} handed in by {clean(fact.author)}"
                return [f"{told} · {clean(fact.hypothesis)}"]
            case Posted():
                told = f"p{fact.post} ({fact.kind}) posted by {clean(fact.author)}"
                return [f"{told} · {cut(clean(fact.text), 160)}"]
            case Steered():
                return self._steered(fact)
            case Asked():
                self.asking[fact.experiment] = Asking(asked=fact, since=now)
            case Answered():
                self.asking.pop(fact.experiment, None)
            case Proposed():
                self._hypotheses[fact.experiment] = clean(fact.hypothesis)
            case Rejected(failed=failed):
                text = f"failed {failed.stage}: {clean(failed.reason)}"
                self._wait(Line(experiment=fact.experiment, text=text, tail="", is_failure=True))
            case Tried(trial=trial):
                self.running.pop(f"x{fact.experiment}-{trial.purpose}-{trial.index}", None)
                self.certify_done += trial.purpose == "certify"
                self._wait(self._tried(fact))
            case Checked():
                self.running.pop(f"x{fact.experiment}-check-{fact.check}", None)
                passed = "passed" if fact.passed else f"failed: {clean(fact.reason)}"
                text = f"check {clean(fact.check)} {passed}"
                line = Line(
                    experiment=fact.experiment, text=text, tail="", is_failure=not fact.passed
                )
                self._wait(line)
            case Probed():
                self.running.pop(f"x{fact.experiment}-probe-{fact.probe}", None)
            case EvaluatorChecked():
                return [f"evaluation: grade {fact.grade} · {clean(fact.reason)}"]
            case CertificationOpened():
                most = f"on up to {count(fact.pairs, 'fresh pair')}"
                if fact.margin is not None:
                    return [f"x{fact.experiment} to be compared with x{fact.baseline} {most}"]
                return [f"x{fact.experiment} to be certified {most}"]
            case Staged(screened=Screened(reason=reason)):
                line = Line(experiment=fact.experiment, text=f"let go: {clean(reason)}", tail="")
                self._wait(line)
            case Certified():
                verdict = "certified" if fact.claim else "not certified"
                if fact.claim and fact.kind == "not worse":
                    verdict = f"certified not worse than x{fact.baseline}"
                return [f"x{fact.experiment} {verdict} · {clean(fact.reason)}"]
            case _:
                pass
        return []

    def _steered(self, fact: Steered) -> Sequence[str]:
        order = fact.order
        if order.does == "budget" and order.resource is not None and self.began is not None:
            budget = limited(self.began.budget, order.resource, order.amount)
            self.began = replace(self.began, budget=budget)
        reason = f": {clean(order.reason)}" if order.reason else ""
        return [f"{clean(order_words(order))}, by {clean(fact.author)}{reason}"]

    def _wait(self, line: Line) -> None:
        """Its standing comes with the next event, and belongs on the same line."""
        self._waiting = line
        self.latest.appendleft(line)

    def _tried(self, fact: Tried) -> Line:
        trial = fact.trial
        which = (
            f"fresh trial {self.certify_done}{self._of_trials()} "
            if trial.purpose == "certify"
            else f"trial {trial.index + 1} "
            if trial.index
            else ""
        )
        if trial.purpose == "stage":
            which = f"stage {trial.index % MOST_STAGES + 1} "
        if isinstance(trial.outcome, Measured) and trial.purpose == "stage":
            text = f"{which}has a score"
        elif isinstance(trial.outcome, Measured):
            value = number(self.metric.value(trial.outcome.score))
            text = f"{which}measured {value}"
        elif isinstance(trial.outcome, Screened):
            text = f"{which}let go: {clean(trial.outcome.reason)}"
        else:
            text = f"{which}failed {trial.outcome.stage}: {clean(trial.outcome.reason)}"
        again = trial.purpose == "certify" or trial.index > 0
        tail = "" if again else self.hypothesis(fact.experiment) or "the baseline"
        failed = isinstance(trial.outcome, Failed)
        return Line(experiment=fact.experiment, text=text, tail=tail, is_failure=failed)

    def _of_trials(self) -> str:
        trials = self.phase.trials if self.phase else None
        return "" if trials is None else f" of up to {trials}"

    def _progress(self, standing: Standing) -> Sequence[str]:
        before, self.standing = self.standing, standing
        lines: list[str] = []
        if (line := self._waiting) is not None:
            tail = f" · {line.tail}" if line.tail else ""
            lines.append(f"x{line.experiment} {line.text} · {self._counted()}{tail}")
            self._waiting = None
        if standing.champion is not None and standing.champion != before.champion:
            lines.append(f"x{standing.champion} best so far, believed {self.best()}")
        return lines

    def _counted(self) -> str:
        limit = self.began.budget.experiments if self.began else None
        return f"{self.standing.finished:,}" + ("" if limit is None else f" of {limit:,}")

    # --- words -----------------------------------------------------------------------------------

    def best(self) -> str:
        """The champion's believed value and effect."""
        standing = self.standing
        effect = self.effect() if standing.best != standing.baseline else ""
        return self.value(standing.best) + (f", effect {effect}" if effect else "")

    def value(self, belief: Belief | None) -> str:
        if belief is None:
            return "nothing yet"
        # One trial alone says nothing of its noise, and where there is none, there is no ± to show.
        return measured(self.metric.value(belief.mean), belief.sd or None)

    def effect(self) -> str:
        effect, base = self.standing.effect, self.standing.baseline
        if effect is None:
            return ""
        share = effect.mean / abs(base.mean) if base is not None and base.mean else None
        relative = "" if share is None else f" ({percent(share, sign=True)})"
        return measured(effect.mean, effect.sd, sign=True) + relative


def _paused(by: str) -> str:
    return f"paused by {clean(by)}: nothing new is begun until `move37 resume`"


_PHASES = {
    "baseline": "measuring the baseline",
    "check": "trying cheats on the evaluation",
    "search": "searching",
    "certify": "certifying",
    "ablate": "taking out edits",
}


def _better(metric: Metric) -> str:
    return "lower" if metric.direction == "minimize" else "higher"


# --- the frame -----------------------------------------------------------------------------------


def frame(
    watching: Watching,
    now: float,
    *,
    width: int = 80,
    height: int = 24,
    stopping: int = 0,
    paint: Paint = plain,
) -> list[str]:
    """The session in at most `height` lines of at most `width` columns.

    stopping: how often a person has asked to stop.
    """
    began = watching.began
    if began is None:
        return [cut("starting …", width)]
    head = _head(watching, began, now, width, paint)
    foot = [paint("warn" if stopping else "dim", cut(_HINTS[min(stopping, 2)], width))]
    if watching.remark:
        foot.insert(0, paint("dim", cut(watching.remark, width)))
    room = height - len(head) - len(foot) - 1
    running = [*_running(watching, now, width), *_asking(watching, now, width)]
    running = running[: max(1, room - 2)]
    room -= len(running) + 1
    latest = _latest(watching, width, paint)[: max(0, room - 1)]
    body = [*head, "", *running, *(["", *latest] if latest else [])]
    return [*body[: height - len(foot)], *foot]


_HINTS = (
    "Ctrl-C: finish what runs, then stop; the same command goes on later",
    "finishing what runs; Ctrl-C again stops now",
    "stopping now",
)


def _head(watching: Watching, began: Began, now: float, width: int, paint: Paint) -> list[str]:
    standing = watching.standing
    clock = duration(now - watching.began_at)
    title = cut(f"{clean(began.task)} · {clean(began.goal)}", width - cells(clock) - 2)
    kept = f"{standing.kept:,} of {standing.finished:,}"
    if standing.finished:
        kept += f" ({percent(standing.kept / standing.finished)})"
    if standing.failed:
        kept += f" · {standing.failed:,} failed"
    if standing.noise:
        kept += f" · one trial's noise ± {standing.noise:.2g}"
    best = "nothing better than the baseline yet"
    if standing.champion is not None and standing.best != standing.baseline:
        best = f"x{standing.champion}  {watching.best()}"
    setting = f"{clean(began.metric.name)}, {_better(began.metric)} is better"
    setting += f" · {count(began.workers, 'worker')} · sandbox "
    told = began.sandbox
    if cells(setting + told) > width:
        told = told.partition(",")[0]  # its level, rather than half a sentence
    return [
        paint("title", cut(f"{pad(title, width - cells(clock))}{clock}", width)),
        cut(setting + told, width),
        "",
        *_budget(watching, began, now, width),
        cut(f"believed best  {best}", width),
        cut(f"baseline       {watching.value(standing.baseline)}", width),
        cut(f"kept           {kept}", width),
    ]


def _budget(watching: Watching, began: Began, now: float, width: int) -> list[str]:
    phase = watching.phase
    if phase is not None and phase.phase == "certify" and phase.trials:
        done = watching.certify_done
        words = f"{done} of up to {phase.trials} fresh trials"
        return [_bar("certifying", done / phase.trials, words, width)]
    lines: list[str] = []
    left = watching.seconds_left(now)
    words = "" if left is None else f" · {duration(left)} left"
    if (rate := watching.per_hour(now)) is not None:
        words = f" · {rate:,.3g} an hour{words}"
    limit = began.budget.experiments
    finished = watching.standing.finished
    if limit is not None:
        text = f"{finished:,} of {limit:,}"
        hours = "" if began.budget.hours is not None else words
        lines.append(_bar("experiments", finished / limit if limit else 1.0, text + hours, width))
    if began.budget.hours is not None:
        budget = 3600 * began.budget.hours
        worked = began.standing.seconds_worked + now - watching.began_at
        text = f"{duration(worked)} of {duration(budget)}{words}"
        lines.append(_bar("time", worked / budget if budget else 1.0, text, width))
    if began.budget.usd is not None:
        text = f"{watching.standing.usd:.2f} of {began.budget.usd:.2f} USD"
        share = watching.standing.usd / began.budget.usd if began.budget.usd else 1.0
        lines.append(_bar("money", share, text, width))
    return lines or [cut(f"experiments    {finished:,}, no limit", width)]


def _bar(name: str, share: float, words: str, width: int, bar: int = 22) -> str:
    full = round(bar * min(1.0, max(0.0, share)))
    return cut(f"{name:<15}{'━' * full}{'─' * (bar - full)}  {words}", width)


def _running(watching: Watching, now: float, width: int) -> list[str]:
    lines: list[str] = []
    for running in watching.running.values():
        job, seconds = running.job, max(0.0, now - running.since)
        what = f"x{job.experiment}"
        if job.purpose == "check":
            what += f" check {clean(job.job.partition('-check-')[2])}"
        elif job.purpose == "probe":
            what += f" cheat {clean(job.job.partition('-probe-')[2])}"
        elif job.purpose == "certify":
            what += " fresh"
        elif job.purpose == "stage":
            what += " stage"
        told = watching.hypothesis(job.experiment) or (
            "" if job.purpose in ("check", "probe") else "the baseline"
        )
        words = f"{duration(seconds)} of {duration(job.timeout_seconds)}"
        left = cut(f"{what}  {told}", width - cells(words) - 17)
        name = "running" if not lines else ""
        line = pad(f"{name:<15}{left}", width - cells(words)) + words
        lines.append(cut(line, width))
    by = watching.standing.paused_by
    nothing = "nothing" if by is None else _paused(by)
    return lines or [cut(f"running        {nothing}", width)]


def _asking(watching: Watching, now: float, width: int) -> list[str]:
    lines: list[str] = []
    for asking in watching.asking.values():
        asked, words = asking.asked, duration(max(0.0, now - asking.since))
        again = " to mend its answer" if asked.round else ""
        name = "asking" if not lines else ""
        left = cut(f"x{asked.experiment}  {clean(asked.model)}{again}", width - cells(words) - 17)
        lines.append(cut(pad(f"{name:<15}{left}", width - cells(words)) + words, width))
    return lines


def _latest(watching: Watching, width: int, paint: Paint) -> list[str]:
    lines: list[str] = []
    for line in watching.latest:
        name = "latest" if not lines else ""
        tail = f" · {line.tail}" if line.tail else ""
        text = cut(f"{name:<15}x{line.experiment}  {line.text}{tail}", width)
        lines.append(paint("dim", text) if line.is_failure else text)
    return lines
