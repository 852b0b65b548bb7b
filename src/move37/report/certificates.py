"""Certificates for people: what fresh evidence said of an experiment, and how much of a belief was luck."""

from dataclasses import dataclass

from move37.core.facts import CertificationOpened, Certified
from move37.core.history import History
from move37.core.records import Belief, CheatReport, Interval, Metric, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """What is believed of a difference from something; positive is better."""

    effect: float
    sd: float
    relative: float | None
    """Share of the baseline's believed value. `None` when that is 0 or unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateView:
    """A claim about an experiment against the baseline, from fresh trials alone."""

    certification: int
    experiment: int
    baseline: int
    metric: str
    claim: bool
    """It is claimed: the interval excludes 0 and `min_effect`. Nothing else is called an improvement."""
    reason: str
    effect: float | None
    """Positive is better. `None` when too few fresh trials finished."""
    interval: tuple[float, float] | None
    level: float | None
    """Confidence level of the interval, such as 0.95."""
    pairs: int
    """Pairs of one fresh trial each, with equal seeds."""
    trials: int
    """Fresh trials that the interval rests on: two for each pair."""
    relative_gain: float | None
    """Share of the baseline's fresh mean."""
    baseline_value: float | None
    value: float | None
    """The baseline's fresh mean, changed by the effect."""
    believed: Effect | None
    """What the search believed beforehand."""
    holdout_effect: float | None
    """The same on the hold-out, where the evaluation has one."""
    holdout_interval: tuple[float, float] | None
    holdout_relative_gain: float | None
    holdout_baseline_value: float | None
    kind: str = "better"
    """What was asked: `better`, or `not worse` by a margin."""
    estimate: float | None = None
    """The likeliest effect, from belief and fresh evidence together."""
    estimate_interval: tuple[float, float] | None = None
    """With 90 % probability the effect is in here. `interval` decides claims, and is wider."""
    shrinkage: float | None = None
    """What was believed, less the estimate."""
    overfit: float | None = None
    """What was believed, less what is seen afresh: luck, and overfitting to what was searched on."""
    overfit_interval: tuple[float, float] | None = None
    """Of 90 %."""
    cheats: CheatReport | None = None
    """Of the certified change, where it was asked for: by `certify` and at the end of `run`."""


def certificate_view(
    certified: Certified, task: Task, opened: CertificationOpened | None = None
) -> CertificateView:
    """Flip a certificate for people. `opened` adds what the search had believed."""
    effect, holdout = certified.effect, certified.holdout
    guess, luck, base = certified.estimate, certified.overfit, certified.baseline_score
    pairs = effect.pairs if effect is not None else 0
    moved = base + effect.effect if effect is not None and base is not None else None
    return CertificateView(
        certification=certified.certification,
        experiment=certified.experiment,
        baseline=certified.baseline,
        metric=task.metric.name,
        claim=certified.claim,
        reason=certified.reason,
        effect=effect.effect if effect is not None else None,
        interval=_bounds(effect),
        level=effect.level if effect is not None else None,
        pairs=pairs,
        trials=2 * pairs,
        relative_gain=_gain(effect, base),
        baseline_value=_flip(task.metric, base),
        value=_flip(task.metric, moved),
        believed=None if opened is None else effect_of(opened.believed, base),
        holdout_effect=holdout.effect if holdout is not None else None,
        holdout_interval=_bounds(holdout),
        holdout_relative_gain=_gain(holdout, certified.holdout_baseline_score),
        holdout_baseline_value=_flip(task.metric, certified.holdout_baseline_score),
        kind=certified.kind,
        estimate=guess.effect if guess is not None else None,
        estimate_interval=_bounds(guess),
        shrinkage=certified.shrinkage,
        overfit=luck.effect if luck is not None else None,
        overfit_interval=_bounds(luck),
    )


def certificates(
    task: Task, history: History, experiment: int | None = None
) -> tuple[CertificateView, ...]:
    """Certificates of the current epoch, oldest first: of one experiment, or of all."""
    opened = {
        certification.certification: certification for certification in history.certifications
    }
    return tuple(
        certificate_view(certified, task, opened.get(number))
        for number, certified in sorted(history.certificates.items())
        if (certified.baseline, certified.kind) == (history.epoch.baseline, "better")
        and experiment in (None, certified.experiment)
    )


def effect_of(belief: Belief, base: float | None) -> Effect:
    """A belief in an effect, and its share of a base where there is one."""
    relative = belief.mean / abs(base) if base else None
    return Effect(effect=belief.mean, sd=belief.sd, relative=relative)


def _bounds(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


def _gain(interval: Interval | None, base: float | None) -> float | None:
    return interval.effect / abs(base) if interval is not None and base else None


def _flip(metric: Metric, score: float | None) -> float | None:
    return None if score is None else metric.value(score)
