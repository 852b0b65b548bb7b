"""The evaluator certificate for people: what this evaluation would believe, and what to change."""

from dataclasses import dataclass

from move37.core.facts import EvaluatorChecked
from move37.core.history import History
from move37.core.records import Finding, Grade, Task
from move37.referee.evaluator import FIT, is_fit
from move37.report.words import Paint, Style, clean, count, cut, duration, number, plain, wrap

_MB_PER_GB = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluatorView:
    """What `move37 check` found out. Values are in the metric's unit, as the evaluation prints them."""

    grade: Grade
    fit: bool
    """Whether the grade is as good as was asked for."""
    reason: str
    scored: bool
    """Whether a trusted `score` prints the metric; otherwise the program reports its own."""
    sandbox: str
    metric: str
    value: float
    """Mean of the baseline's trials."""
    noise: float | None
    """Standard deviation of one trial. `None`: not known."""
    drift: float | None
    """From the first to the last repeat, where that is more than chance would do; else `None`."""
    repeats_exactly: bool | None
    """Whether equal seeds give equal scores. `None`: not known."""
    trials: int
    failed_trials: int
    seconds: float
    """Of one trial."""
    peak_memory_mb: float
    findings: tuple[Finding, ...]

    @property
    def believed(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.believed)


def evaluator_of(history: History, task: Task) -> EvaluatorView | None:
    """The certificate of the current epoch, if there is one."""
    certificate = history.evaluator
    return None if certificate is None else evaluator_view(certificate, task)


def evaluator_view(certificate: EvaluatorChecked, task: Task, least: Grade = FIT) -> EvaluatorView:
    seen = certificate.repeats
    drift = None if seen.drift is None else task.metric.value(seen.drift)
    return EvaluatorView(
        grade=certificate.grade,
        fit=is_fit(certificate.grade, least),
        reason=certificate.reason,
        scored=certificate.scored,
        sandbox=certificate.sandbox,
        metric=task.metric.name,
        value=task.metric.value(seen.mean),
        noise=seen.sd,
        drift=drift,
        repeats_exactly=seen.repeats_exactly,
        trials=seen.finished,
        failed_trials=seen.failed,
        seconds=seen.seconds,
        peak_memory_mb=seen.peak_memory_mb,
        findings=certificate.findings,
    )


def evaluator_line(view: EvaluatorView | None) -> str:
    """The grade in one line, for `status` and `show`."""
    if view is None:
        return "not checked; `move37 check` tries to cheat it"
    return f"grade {view.grade}: {clean(view.reason)}"


def evaluator_text(view: EvaluatorView, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 check` shows."""
    style: Style = "good" if view.fit and not view.believed else "warn" if view.fit else "bad"
    head = f"The evaluation: grade {view.grade}, {clean(view.reason)}."
    rows = [
        ("metric", _number(view)),
        ("repeats", _repeats(view)),
        ("one trial", f"{duration(view.seconds)}, {_memory(view.peak_memory_mb)}"),
        ("sandbox", view.sandbox),
    ]
    lines = [paint(style, wrap(head, width)), ""]
    lines += [f"  {name:<12}" + wrap(text, width, " " * 14) for name, text in rows]
    for title, findings in _groups(view):
        lines += ["", paint("title", cut(title, width))]
        lines += ["  - " + wrap(clean(finding.told), width, "    ") for finding in findings]
    if advice := dict.fromkeys(finding.advice for finding in view.believed if finding.advice):
        lines += ["", paint("title", "What to change")]
        lines += ["  - " + wrap(clean(text), width, "    ") for text in advice]
    return "\n".join(lines)


def _groups(view: EvaluatorView) -> list[tuple[str, tuple[Finding, ...]]]:
    def of(believed: bool | None) -> tuple[Finding, ...]:
        return tuple(finding for finding in view.findings if finding.believed is believed)

    titles = {True: "It believes, or lets happen", False: "It does not believe", None: "Not known"}
    return [(title, of(believed)) for believed, title in titles.items() if of(believed)]


def _number(view: EvaluatorView) -> str:
    who = "printed by `score`" if view.scored else "reported by the program itself"
    return f"{clean(view.metric)} {number(view.value, view.noise)}, {who}"


def _repeats(view: EvaluatorView) -> str:
    parts = [count(view.trials, "trial")]
    if view.failed_trials:
        parts.append(f"{view.failed_trials} more failed")
    if view.noise == 0:
        parts.append("no noise: all seeds score the same")
    elif view.noise is not None:
        parts.append(f"noise of one ± {view.noise:.2g}")
    if view.repeats_exactly is not None and view.noise != 0:
        exactly = "equal seeds repeat exactly" if view.repeats_exactly else "equal seeds differ"
        parts.append(exactly)
    parts.append("no drift seen" if view.drift is None else f"drift {view.drift:+.2g} over them")
    return ", ".join(parts)


def _memory(mb: float) -> str:
    return f"{mb / _MB_PER_GB:.1f} GB" if mb >= _MB_PER_GB else f"{mb:.0f} MB"
