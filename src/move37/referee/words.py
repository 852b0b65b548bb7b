"""The numbers in the referee's sentences."""

from move37.core.records import Interval


def number(value: float) -> str:
    """A figure in a sentence: four significant digits, which is more than any interval is worth."""
    return f"{value:.4g}"


def signed(value: float) -> str:
    """An effect in a sentence, such as `+0.012`: plus is better."""
    return f"{value:+.4g}"


def percent(level: float) -> str:
    """0.95 as `95 %`."""
    return f"{100 * level:.6g} %"


def spelled(low: float, high: float, level: float) -> str:
    """Such as `95 % interval 0.01 to 0.03`."""
    return f"{percent(level)} interval {number(low)} to {number(high)}"


def spell_interval(interval: Interval) -> str:
    """Such as `by 0.02 (95 % interval 0.01 to 0.03)`. Positive is better, as in every effect."""
    inside = spelled(interval.low, interval.high, interval.level)
    return f"by {number(interval.effect)} ({inside})"


def spell_estimate(estimate: Interval) -> str:
    """Such as `0.02, with 90 % probability 0.01 to 0.03`."""
    inside = f"{number(estimate.low)} to {number(estimate.high)}"
    return f"{number(estimate.effect)}, with {percent(estimate.level)} probability {inside}"
