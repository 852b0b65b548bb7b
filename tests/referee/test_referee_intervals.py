"""Intervals: known quantiles, the laws they obey, and how often they cover the truth."""

import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.records import Interval
from move37.referee.intervals import paired_interval, t_quantile, units_interval

values = st.floats(min_value=-1e6, max_value=1e6)
samples = st.lists(values, min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("freedom", "probability", "known"),
    [  # printed in any table of Student's distribution; here to ten digits
        (1, 0.975, 12.70620474),
        (1, 0.9995, 636.6192488),
        (2, 0.975, 4.302652730),
        (3, 0.99, 4.540702859),
        (4, 0.75, 0.7406970841),
        (5, 0.975, 2.570581836),
        (10, 0.995, 3.169272673),
        (19, 0.975, 2.093024054),
        (30, 0.95, 1.697260887),
        (120, 0.975, 1.979930405),
        (1000, 0.975, 1.962339081),
    ],
)
def test_student_quantiles_agree_with_the_tables(
    freedom: float, probability: float, known: float
) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(known, rel=1e-9)
    assert t_quantile(1 - probability, freedom) == pytest.approx(-known, rel=1e-9)


@given(st.floats(min_value=1e-6, max_value=1 - 1e-6))
def test_one_and_two_degrees_of_freedom_have_closed_forms(probability: float) -> None:
    cauchy = math.tan(math.pi * (probability - 0.5))
    assert t_quantile(probability, 1) == pytest.approx(cauchy, rel=1e-6, abs=1e-9)
    two = (2 * probability - 1) / math.sqrt(2 * probability * (1 - probability))
    assert t_quantile(probability, 2) == pytest.approx(two, rel=1e-6, abs=1e-9)


@given(st.floats(min_value=0.51, max_value=0.9999), st.floats(min_value=1, max_value=1e9))
def test_students_tails_are_heavier_than_the_normals(probability: float, freedom: float) -> None:
    normal = NormalDist().inv_cdf(probability)
    assert t_quantile(probability, freedom) >= normal * (1 - 1e-9)
    assert t_quantile(probability, freedom) >= t_quantile(probability, 2 * freedom) * (1 - 1e-9)


@pytest.mark.parametrize(("probability", "freedom"), [(0.0, 3), (1.0, 3), (0.9, 0), (0.9, -1)])
def test_an_impossible_quantile_is_refused(probability: float, freedom: float) -> None:
    with pytest.raises(ValueError, match="not"):
        t_quantile(probability, freedom)


def test_a_paired_interval_is_the_textbooks() -> None:
    interval = paired_interval([1.0, 2.0, 3.0, 4.0], 0.95)
    assert interval is not None
    half = 3.182446305 * math.sqrt(5 / 3 / 4)
    assert interval.effect == 2.5
    assert interval.low == pytest.approx(2.5 - half)
    assert interval.high == pytest.approx(2.5 + half)
    assert (interval.level, interval.pairs) == (0.95, 4)


def test_one_difference_says_nothing_about_its_noise() -> None:
    assert paired_interval([], 0.95) is None
    assert paired_interval([3.0], 0.95) is None


def test_differences_that_never_vary_give_a_point() -> None:
    assert paired_interval([0.1, 0.1, 0.1], 0.95) == Interval(
        effect=0.1, low=0.1, high=0.1, level=0.95, pairs=3
    )


@given(samples, values, st.floats(min_value=-10, max_value=10))
def test_an_interval_moves_and_stretches_with_its_data(
    differences: list[float], shift: float, scale: float
) -> None:
    old = paired_interval(differences, 0.9)
    new = paired_interval([scale * difference + shift for difference in differences], 0.9)
    assert old is not None
    assert new is not None
    assert new.low <= new.effect <= new.high
    ends = sorted((scale * old.low + shift, scale * old.high + shift))
    room = 1e-6 * (1 + abs(shift) + 1e2 * max(map(abs, differences)))
    assert (new.low, new.high) == pytest.approx(ends, abs=room)


@given(samples)
def test_more_confidence_is_a_wider_interval(differences: list[float]) -> None:
    narrow, wide = paired_interval(differences, 0.9), paired_interval(differences, 0.99)
    assert narrow is not None
    assert wide is not None
    assert wide.low <= narrow.low <= narrow.high <= wide.high


@pytest.mark.parametrize("scale", [1e-200, 1e-5, 1e100])
def test_noise_is_seen_at_any_scale(scale: float) -> None:
    differences = [scale * each for each in (1.0, 2.0, -1.0, 4.0)]
    one = paired_interval(differences, 0.95)
    units = units_interval([{"a": each, "b": 2 * each} for each in differences], ZERO, 0.95)
    for interval in (one, units):
        assert interval is not None
        assert interval.low < 0 < interval.effect < interval.high
        assert math.isfinite(interval.low * interval.high) or scale > 1


ZERO = [{"a": 0.0, "b": 0.0}] * 4


def test_a_level_that_is_no_level_is_refused() -> None:
    with pytest.raises(ValueError, match=r"such as 0\.95"):
        paired_interval([1.0, 2.0], 95)


def coverage(draws: list[Interval | None], truth: float) -> float:
    covered = [draw is not None and draw.low <= truth <= draw.high for draw in draws]
    return sum(covered) / len(covered)


@pytest.mark.parametrize("pairs", [2, 6, 20])
def test_95_percent_intervals_over_seeds_cover_the_truth_95_percent_of_the_time(pairs: int) -> None:
    dice = random.Random(pairs)
    draws = [paired_interval([dice.gauss(0.3, 1) for _ in range(pairs)], 0.95) for _ in range(4000)]
    assert 0.935 <= coverage(draws, 0.3) <= 0.965


Table = list[dict[str, float]]


def crossed(dice: random.Random, seeds: int, units: int, sds: tuple[float, ...]) -> Table:
    """Differences of one pair of programs: noise by unit, by seed, and of its own."""
    by_unit = [dice.gauss(0, sds[0]) for _ in range(units)]
    table: Table = []
    for _ in range(seeds):
        seed = dice.gauss(0.3, sds[1])
        table.append({f"u{i}": seed + by_unit[i] + dice.gauss(0, sds[2]) for i in range(units)})
    return table


@pytest.mark.parametrize(
    "sds",
    [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.3, 0.5), (1.0, 0.3, 3.0), (1.0, 0.0, 1.0)],
    ids=["units", "seeds", "both", "mostly-own", "no-seed-noise"],
)
def test_intervals_over_units_and_seeds_cover_at_least_as_often_as_they_say(
    sds: tuple[float, ...],
) -> None:
    dice = random.Random(37)
    zero = [{f"u{i}": 0.0 for i in range(12)}] * 6
    draws = [units_interval(crossed(dice, 6, 12, sds), zero, 0.95) for _ in range(1500)]
    assert 0.935 <= coverage(draws, 0.3) <= 0.985


def test_many_units_show_an_effect_that_the_mean_of_few_seeds_cannot() -> None:
    dice = random.Random(1)
    hard = {f"case{i}": dice.gauss(0, 10) for i in range(200)}
    baseline: Table = [hard]
    champion: Table = [{name: value + dice.gauss(0.5, 0.5) for name, value in hard.items()}]
    assert paired_interval([0.5], 0.95) is None
    interval = units_interval(champion, baseline, 0.95)
    assert interval is not None
    assert 0.3 < interval.low < 0.5 < interval.high < 0.7
    assert interval.pairs == 1


def test_common_units_cancel_and_order_does_not_matter() -> None:
    one = {"a": 1.0, "b": 2.0}
    other = {"b": 12.0, "a": 11.0}
    interval = units_interval([other, other], [one, one], 0.95)
    assert interval == Interval(effect=10.0, low=10.0, high=10.0, level=0.95, pairs=2)


def test_programs_scored_on_different_units_are_not_compared() -> None:
    assert units_interval([{"a": 1.0, "b": 2.0}], [{"a": 1.0, "c": 2.0}], 0.95) is None
    assert units_interval([{"a": 1.0, "b": 2.0}], [], 0.95) is None
    assert units_interval([], [], 0.95) is None
    assert units_interval([{}], [{}], 0.95) is None


def test_a_single_unit_is_a_comparison_over_seeds() -> None:
    champion: Table = [{"a": 1.0}, {"a": 3.0}]
    baseline: Table = [{"a": 0.0}, {"a": 0.0}]
    assert units_interval(champion, baseline, 0.95) == paired_interval([1.0, 3.0], 0.95)
