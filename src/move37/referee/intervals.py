"""Confidence intervals for a difference of two programs.

Plain Python on purpose: a worker process that never needs an array never pays for importing one.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean, variance

from move37.core.records import Interval
from move37.referee.sparse import parts, present

Units = Mapping[str, float]
"""One number for each test case, example or fold that a trial was scored on."""

_TINY = 1e-300


def paired_interval(differences: Sequence[float], level: float) -> Interval | None:
    """Two-sided Student interval for the mean of paired differences.

    `None` for fewer than two pairs: one difference says nothing about its own noise. Differences
    that are all equal give a point: nothing varied. Whether that is to be believed after so many
    pairs is for whoever claims something to decide (`certify.pairs_needed`).

    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    _check_level(level)
    pairs = len(differences)
    if pairs < 2:
        return None
    if all(difference == differences[0] for difference in differences):
        effect = differences[0]
        return Interval(effect=effect, low=effect, high=effect, level=level, pairs=pairs)
    effect, scale = fmean(differences), max(map(abs, differences))
    error = scale * math.sqrt(variance([each / scale for each in differences]) / pairs)
    half = t_quantile((1 + level) / 2, pairs - 1) * error
    return Interval(effect=effect, low=effect - half, high=effect + half, level=level, pairs=pairs)


def units_interval(
    champion: Sequence[Units], baseline: Sequence[Units], level: float
) -> Interval | None:
    """Two-sided interval for the mean difference over units *and* seeds.

    The i-th mappings are one pair of trials with a common seed. Units are taken as a sample of all
    the cases one could have scored on, seeds as a sample of all seeds, and every pair of trials
    is scored on the same units: differences are `d[u, s] = mu + a[u] + b[s] + e[u, s]`, two crossed
    random effects. The variance of their grand mean is estimated without bias by
    `var_s(mean_u d) / S + var_u(mean_s d) / U - MSE / (U S)`, and never taken to be less than
    either of the first two, each of which expects at most the truth; degrees of freedom are
    Satterthwaite's.

    `None` when there is nothing to estimate from: no pair, mappings with different units (a program
    must not choose what it is scored on), or a single unit and a single seed.

    Sources: H. Clark, "The language-as-fixed-effect fallacy", J. Verbal Learning and Verbal
    Behavior 12 (1973), which drops the last term and so is wider; F. Satterthwaite, "An approximate
    distribution of estimates of variance components", Biometrics Bulletin 2 (1946), eq. 17.
    """
    _check_level(level)
    names = _common_names([*champion, *baseline])
    if not names or len(champion) != len(baseline):
        return None
    rows = [  # [S, U]
        [new[name] - old[name] for name in names]
        for new, old in zip(champion, baseline, strict=True)
    ]
    return crossed_interval(rows, level)


def crossed_interval(rows: Sequence[Sequence[float]], level: float) -> Interval | None:
    """`units_interval` of the differences themselves: a row for each pair of trials, of equal length.

    NaN stands for a unit that a pair does not have: then the variance is that of `sparse.parts`.
    `None` for a single difference.
    """
    _check_level(level)
    rows = without_empty(rows)
    by_seed = pair_means(rows)
    if len(rows[0]) == 1:
        return paired_interval(by_seed, level)
    effect, scale = fmean(by_seed), largest(rows)
    error, freedom = crossed_error([[each / (scale or 1.0) for each in row] for row in rows])
    half = t_quantile((1 + level) / 2, freedom) * error * scale if error else 0.0
    pairs = len(rows)
    return Interval(effect=effect, low=effect - half, high=effect + half, level=level, pairs=pairs)


def unit_variance(rows: Sequence[Sequence[float]]) -> float:
    """What of the variance of the mean difference no further seed would take away; 0 or more.

    The unbiased estimate of the units' share: `var_u(mean_s d) / U - MSE / (U S)`.
    """
    rows = without_empty(rows)
    if len(rows[0]) < 2:
        return 0.0
    scale = largest(rows) or 1.0
    scaled = [[each / scale for each in row] for row in rows]
    if is_sparse(scaled):
        found = parts(present(scaled), fmean(pair_means(scaled)))
        return max(0.0, found.from_units - found.both) * scale**2
    by_unit = [fmean(column) for column in zip(*scaled, strict=True)]
    residual = _residual_share(scaled) if len(rows) > 1 else 0.0
    return max(0.0, variance(by_unit) / len(by_unit) - residual) * scale**2


def crossed_error(rows: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Standard error of the grand mean of a seeds by units table, and its degrees of freedom."""
    rows = without_empty(rows)
    if is_sparse(rows):
        found = parts(present(rows), fmean(pair_means(rows)))
        return math.sqrt(found.total), found.freedom
    by_seed = [fmean(row) for row in rows]
    by_unit = [fmean(column) for column in zip(*rows, strict=True)]
    effect, seeds, units = fmean(by_seed), len(by_seed), len(by_unit)
    from_units = variance(by_unit, effect) / units
    if seeds == 1:
        return math.sqrt(from_units), units - 1
    from_seeds = variance(by_seed, effect) / seeds
    both = _residual_share(rows)
    total = from_units + from_seeds - both
    terms = [(from_units, units - 1), (from_seeds, seeds - 1), (both, (seeds - 1) * (units - 1))]
    largest, its_freedom = max(terms[:2])
    if total <= largest:
        return math.sqrt(largest), its_freedom
    return math.sqrt(total), total**2 / math.fsum(part**2 / free for part, free in terms)


def without_empty(rows: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """Without the units that none of these pairs has."""
    if not is_sparse(rows):
        return rows
    kept = [unit for unit in range(len(rows[0])) if not all(math.isnan(row[unit]) for row in rows)]
    return [[row[unit] for unit in kept] for row in rows]


def is_sparse(rows: Sequence[Sequence[float]]) -> bool:
    return any(math.isnan(each) for row in rows for each in row)


def pair_means(rows: Sequence[Sequence[float]]) -> Sequence[float]:
    """The mean of each pair, over the units that it has."""
    return [fmean(each for each in row if not math.isnan(each)) for row in rows]


def largest(rows: Sequence[Sequence[float]]) -> float:
    return max(abs(each) for row in rows for each in row if not math.isnan(each))


def _residual_share(rows: Sequence[Sequence[float]]) -> float:
    """`MSE / (U S)`: what neither seed nor unit explains, in the variance of the grand mean."""
    by_seed = [fmean(row) for row in rows]
    by_unit = [fmean(column) for column in zip(*rows, strict=True)]
    effect, seeds, units = fmean(by_seed), len(by_seed), len(by_unit)
    residuals = math.fsum(
        (value - seed_mean - unit_mean + effect) ** 2
        for row, seed_mean in zip(rows, by_seed, strict=True)
        for value, unit_mean in zip(row, by_unit, strict=True)
    )
    return residuals / ((seeds - 1) * (units - 1)) / (seeds * units)


def _common_names(trials: Sequence[Units]) -> list[str]:
    """The units, sorted, when all trials have the same ones; nothing otherwise."""
    if not trials or any(trial.keys() != trials[0].keys() for trial in trials):
        return []
    return sorted(trials[0])


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


def t_quantile(probability: float, freedom: float) -> float:
    """Quantile of Student's t with `freedom` degrees of freedom (any positive number).

    Newton's method on the tail from the normal quantile, which lies on the near side: the tail is
    convex there, so that every step goes the same way and none overshoots. Relative error < 1e-9.
    """
    if not 0 < probability < 1:
        raise ValueError(f"a probability lies between 0 and 1, not {probability!r}")
    if not freedom > 0:
        raise ValueError(f"degrees of freedom are positive, not {freedom!r}")
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    if probability == 0.5:
        return 0.0
    if freedom > 1e7:  # equal to ten digits, and the beta function loses as many
        return normal_quantile(probability)
    tail, t = 1 - probability, normal_quantile(probability)
    for _ in range(200):
        step = (t_tail(t, freedom) - tail) / _t_density(t, freedom)
        t += step
        if abs(step) <= 1e-12 * t:
            break
    return t


def t_tail(t: float, freedom: float) -> float:
    """P(T > t) for t >= 0."""
    return 0.5 * _incomplete_beta(freedom / (freedom + t * t), t * t / (freedom + t * t), freedom)


def _t_density(t: float, freedom: float) -> float:
    log_constant = (
        math.lgamma((freedom + 1) / 2)
        - math.lgamma(freedom / 2)
        - 0.5 * math.log(freedom * math.pi)
    )
    return math.exp(log_constant - (freedom + 1) / 2 * math.log1p(t * t / freedom))


def _incomplete_beta(x: float, rest: float, freedom: float) -> float:
    """Regularised I_x(freedom / 2, 1 / 2), where `rest` is 1 - x without its rounding."""
    a, b = freedom / 2, 0.5
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    )
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast (DLMF 8.17(v))
        return front / a * _beta_fraction(a, b, x)
    return 1 - front / b * _beta_fraction(b, a, rest)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b), NIST DLMF 8.17.22, by the modified Lentz method."""
    value, upper, lower = 1.0, 1.0, 0.0
    for step in range(1, 1000):
        m = step // 2
        if step % 2:
            coefficient = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            coefficient = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        lower = 1 / _not_zero(1 + coefficient * lower)
        upper = _not_zero(1 + coefficient / upper)
        value *= upper * lower
        if abs(upper * lower - 1) < 1e-15:
            break
    return 1 / value


def _not_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, such as 0.95, not {level!r}")
