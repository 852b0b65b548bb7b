"""What is known of an effect, in careful words; shared by the terminal's reports and the written ones."""

from move37.report.views import CertificateView, Effect, MetricView
from move37.report.words import clean, measured, number, percent


def effect_words(effect: Effect) -> str:
    relative = "" if effect.relative is None else f" ({percent(effect.relative, sign=True)})"
    return f"{measured(effect.effect, effect.sd, sign=True)}{relative}"


def fresh_words(
    effect: float, interval: tuple[float, float], level: float | None, metric: MetricView
) -> str:
    """`0.151 lower val_bpb, 95 % interval 0.142 to 0.160`, in the metric's own direction."""
    low, high = interval if effect >= 0 else (-interval[1], -interval[0])
    spread = (high - low) / 4
    worse = "" if effect >= 0 else ", which is worse"
    sure = "" if level is None else f"{100 * level:.4g} % "
    return (
        f"{number(abs(effect), spread)} {direction_word(effect, metric)} {clean(metric.name)}{worse}, "
        f"{sure}interval {number(low, spread)} to {number(high, spread)}"
    )


def direction_word(effect: float, metric: MetricView) -> str:
    return "higher" if (effect >= 0) == (metric.goal == "maximize") else "lower"


def change_words(share: float, metric: MetricView) -> str:
    """`5.9 % lower`."""
    return f"{percent(abs(share))} {direction_word(share, metric)}"


def share_words(share: float | None, base: float | None, interval: tuple[float, float]) -> str:
    """`5.9 % of 3.20`, the base to the digits that the interval leaves meaning to."""
    gain = None if share is None else abs(share)
    return f"{percent(gain)} of {number(base, (interval[1] - interval[0]) / 4)}"


def verdict_words(view: CertificateView, metric: MetricView) -> str:
    """The recorded reason repeats every figure: a claim, whose figures stand above, needs none."""
    if not view.claim:
        return clean(view.reason)
    than = f"by more than {metric.min_effect:g}" if metric.min_effect else "than the baseline"
    return f"claimed, an improvement: all of the interval is better {than}"


def shrinkage_words(view: CertificateView) -> str:
    assert view.believed is not None
    text = f"{effect_words(view.believed)} before the fresh trials"
    if not view.claim or view.effect is None or view.believed.effect <= 0:
        return text
    return f"{text}, which show {percent(view.effect / view.believed.effect)} of it"


def likely_words(estimate: float, interval: tuple[float, float], metric: MetricView) -> str:
    """`0.148 lower val_bpb, 0.142 to 0.155 with 90 % probability`."""
    low, high = interval if estimate >= 0 else (-interval[1], -interval[0])
    spread = (high - low) / 4
    return (
        f"{number(abs(estimate), spread)} {direction_word(estimate, metric)} {clean(metric.name)}, "
        f"{number(low, spread)} to {number(high, spread)} with 90 % probability"
    )


def luck_words(view: CertificateView) -> str:
    """What the search believed too much, if fresh evidence can tell; empty when it believed nothing."""
    if view.believed is None or view.overfit is None or view.overfit_interval is None:
        return ""
    if view.believed.effect <= 0:
        return ""
    low, high = view.overfit_interval
    # Where nothing varied, three digits of what was believed say enough.
    spread = max((high - low) / 4, view.believed.effect / 1000)
    sure = f"90 % interval {number(low, spread)} to {number(high, spread)}"
    believed = number(view.believed.effect, spread)
    where = "on the hold-out" if view.holdout_effect is not None else "afresh"
    if low > 0:
        # Other examples may also be harder ones, and nothing here tells which it is.
        held = view.holdout_effect is not None
        why = "is not there on the hold-out" if held else "was luck and overfitting"
        much = number(view.overfit, spread)
        return f"of the {believed} that the search believed, {much} {why} ({sure})"
    if high < 0:
        more = number(-view.overfit, spread)
        return f"none: {where} it is {more} better than the search believed ({sure})"
    return f"of the {believed} that the search believed, none is seen to be luck {where} ({sure})"
