"""Splits that are drawn from one pool share examples, and are not independent of each other."""

import math
import random
from statistics import fmean, variance

import pytest

from move37.referee.intervals import crossed_error, crossed_interval, unit_variance
from move37.referee.sequential import Plan, decide
from move37.referee.sparse import parts, present

PLAN = Plan(pairs=12, alpha=0.025)
NAN = math.nan


def test_of_a_full_table_the_parts_are_the_classical_ones() -> None:
    dice = random.Random(1)
    rows = [[dice.gauss(0, 1) for _ in range(7)] for _ in range(5)]
    by_pair = [fmean(row) for row in rows]
    by_unit = [fmean(column) for column in zip(*rows, strict=True)]
    found = parts(present(rows), fmean(by_pair))
    assert found.from_units == pytest.approx(variance(by_unit) / 7)
    assert found.from_pairs == pytest.approx(variance(by_pair) / 5)


def test_pairs_with_no_unit_in_common_are_as_good_as_pairs_without_units() -> None:
    rows = [[1.0, 2.0, NAN, NAN, NAN, NAN], [NAN, NAN, 3.0, 5.0, NAN, NAN]]
    rows.append([NAN, NAN, NAN, NAN, 1.0, 0.0])
    error, freedom = crossed_error(rows)
    assert error**2 == pytest.approx(variance([1.5, 4.0, 0.5]) / 3)
    assert freedom == 2
    assert unit_variance(rows) == pytest.approx(0.0)


def test_units_that_only_later_pairs_have_change_nothing() -> None:
    full = [[1.0, 2.0, 0.5], [1.5, 1.0, 0.0]]
    wider = [[*row, NAN] for row in full]
    assert crossed_interval(wider, 0.9) == crossed_interval(full, 0.9)


def pool(
    dice: random.Random, *, pairs: int, examples: int = 60, drawn: int = 20
) -> list[list[float]]:
    """Two programs that are equal on all there is, on splits of a pool of a few examples of it."""
    luck = [dice.gauss(0, 1) for _ in range(examples)]
    rows: list[list[float]] = []
    for _ in range(pairs):
        split = set(dice.sample(range(examples), drawn))
        rows.append([luck[u] + dice.gauss(0, 0.3) if u in split else NAN for u in range(examples)])
    return rows


def means(rows: list[list[float]]) -> list[float]:
    return [fmean(each for each in row if not math.isnan(each)) for row in rows]


def claims(*, aware: bool, studies: int = 300) -> float:
    dice, claimed = random.Random(5), 0
    for _ in range(studies):
        rows = pool(dice, pairs=PLAN.pairs)
        claimed += decide(means(rows), PLAN, rows if aware else ()).verdict == "claim"
    return claimed / studies


def test_the_luck_of_the_pool_is_not_claimed() -> None:
    """By the pairs alone every eighth study claims something, where one in forty may."""
    assert claims(aware=False) > 0.08
    assert claims(aware=True) < 0.04


def test_the_error_is_that_of_the_pool_or_a_little_wider() -> None:
    dice = random.Random(7)
    tables = [pool(dice, pairs=10) for _ in range(300)]
    truth = variance([fmean(means(rows)) for rows in tables])
    told = fmean(crossed_error(rows)[0] ** 2 for rows in tables)
    assert 0.9 * truth < told < 1.3 * truth
