"""What `progress.png` shows, before anything is drawn: pure figures and words."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from move37.core.history import History
from move37.core.protocols import Believer
from move37.core.records import Failed, Metric, Task
from move37.report.certificates import CertificateView, certificates
from move37.report.staircase import staircase
from move37.report.words import clean, count, measured, number, percent


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """An experiment that is believed better than all before it."""

    experiment: int
    x: int
    measured: float
    believed: float
    sd: float
    hypothesis: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """All that is drawn, in the metric's unit; x counts experiments from the baseline, which is 0."""

    metric: Metric
    title: str
    subtitle: str
    dots: Sequence[tuple[int, float]]
    """Measured experiments that are no step."""
    failed: Sequence[int]
    steps: Sequence[Step]
    """The baseline first, if it was measured."""
    proven: Sequence[tuple[int, float]]
    """Certified experiments, where they are believed to be; not each is a step."""
    last: int
    noise: float
    certificate: CertificateView | None


def compose(task: Task, history: History, beliefs: Believer, champion: int | None) -> Picture:
    first, metric = history.epoch.baseline, task.metric
    current = history.current()
    best = staircase(history, beliefs, champion)
    kept = {id for id, _ in best}
    proofs = certificates(task, history)
    proven = {proof.experiment for proof in proofs if proof.claim}
    steps = [
        Step(
            experiment=id,
            x=id - first,
            measured=metric.value(fmean(history[id].scores())),
            believed=metric.value(belief.mean),
            sd=belief.sd,
            hypothesis=clean(history[id].hypothesis),
        )
        for id, belief in best
    ]
    failed = [one.id - first for one in current if isinstance(one.outcome, Failed)]
    certificate = shown(proofs, champion)
    return Picture(
        metric=metric,
        title=headline(metric, steps, certificate, champion),
        subtitle="  ·  ".join(
            [
                *_subtitle(task, len(current) - 1, steps, len(failed), beliefs.noise, certificate),
                *([] if history.evaluator is None else [f"evaluation {history.evaluator.grade}"]),
            ]
        ),
        dots=[
            (one.id - first, metric.value(fmean(one.scores())))
            for one in current
            if one.is_measured and one.id not in kept
        ],
        failed=failed,
        steps=steps,
        proven=[
            (id - first, metric.value(belief.mean))
            for id in sorted(proven)
            if (belief := beliefs.belief(id)) is not None
        ],
        last=len(current) - 1,
        noise=beliefs.noise,
        certificate=certificate,
    )


def shown(proofs: Sequence[CertificateView], champion: int | None) -> CertificateView | None:
    """The champion's latest certificate; else the latest claim of any experiment; else none."""
    own = [proof for proof in proofs if proof.experiment == champion]
    claims = [proof for proof in proofs if proof.claim]
    found = own or claims
    return found[-1] if found else None


def headline(
    metric: Metric,
    steps: Sequence[Step],
    certificate: CertificateView | None,
    champion: int | None,
) -> str:
    """What came out, in a line: an improvement only where it is certified."""
    name = clean(metric.name)
    if certificate is not None and certificate.claim and certificate.effect is not None:
        better = _toward(metric, certificate.effect)
        if certificate.experiment != champion:
            better += f" in x{certificate.experiment}"
        gain, interval = certificate.relative_gain, certificate.interval
        assert interval is not None
        if gain is None:
            shown = number(certificate.effect, (interval[1] - interval[0]) / 4)
            return f"{name} {shown} {better}, certified"
        scale = gain / certificate.effect if certificate.effect else 0.0
        sure = f"{100 * (certificate.level or 0):.4g} %"
        low, high = (percent(scale * bound) for bound in interval)
        return f"{name} {percent(gain)} {better}, certified ({sure} interval {low} to {high})"
    if certificate is not None:
        return f"{name}: nothing can be claimed for x{certificate.experiment}"
    if not steps:
        return f"{name}: the baseline has not been measured"
    if len(steps) < 2:
        return f"{name}: nothing is believed better than the baseline so far"
    effect = abs(steps[-1].believed - steps[0].believed)
    shown = measured(effect, steps[-1].sd)
    return (
        f"{name}: x{steps[-1].experiment} is believed {shown} {_toward(metric, 1.0)}, not certified"
    )


def _toward(metric: Metric, effect: float) -> str:
    return "lower" if (metric.direction == "minimize") == (effect >= 0) else "higher"


def _subtitle(
    task: Task,
    experiments: int,
    steps: Sequence[Step],
    failed: int,
    noise: float,
    proof: CertificateView | None,
) -> list[str]:
    parts = [
        clean(task.name),
        count(experiments, "experiment"),
        f"{max(0, len(steps) - 1):,} kept",
        f"{failed:,} failed",
        *([f"one trial's noise ± {noise:.2g}"] if steps else []),
        f"{_toward(task.metric, 1.0)} is better",
    ]
    if proof is not None and proof.claim and proof.holdout_relative_gain is not None:
        gain = proof.holdout_relative_gain
        parts.append(f"hold-out {percent(abs(gain))} {_toward(task.metric, gain)}")
    return parts


def limits(picture: Picture) -> tuple[float, float]:
    """The y axis: all that is believed and certified, and of the dots those that are not far off."""
    focus: list[float] = []
    for step in picture.steps:
        focus += [step.believed - 2 * step.sd, step.believed + 2 * step.sd]
    if (proof := picture.certificate) is not None and proof.interval is not None:
        base = picture.metric.score(proof.baseline_value or 0.0)
        focus += [picture.metric.value(base + bound) for bound in proof.interval]
    dots = sorted(value for _, value in picture.dots)
    return y_range(focus, dots, picture.metric, picture.noise)


def y_range(
    focus: Sequence[float], dots: Sequence[float], metric: Metric, noise: float
) -> tuple[float, float]:
    """focus: what has to be seen. dots: sorted; those far off need not be."""
    focus = focus or dots or [0.0]
    low, high = min(focus), max(focus)
    span = max(high - low, 4 * noise, 1e-3 * abs(high), 1e-12)
    if dots:
        # A fifth of the dots may be off the bad end: one blown-up program must not flatten the rest.
        fifth = len(dots) // 5
        best, worst = (0, -1 - fifth) if metric.direction == "minimize" else (-1, fifth)
        for dot in (dots[best], dots[worst]):
            low = min(low, max(dot, low - 0.8 * span))
            high = max(high, min(dot, high + 0.8 * span))
    middle = (low + high) / 2
    half = max(high - low, span / 2) / 2
    return middle - 1.22 * half, middle + 1.12 * half
