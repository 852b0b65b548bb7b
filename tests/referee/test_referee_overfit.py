"""The likeliest effect of what was certified, and how much of what was believed was luck."""

import math
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.records import Belief
from move37.referee.overfit import Fresh, estimate, fresh, overfit
from move37.referee.sequential import Plan, decide


def seen(mean: float, error: float, freedom: float = 7.0) -> Fresh:
    return Fresh(mean=mean, error=error, freedom=freedom, pairs=8)


def test_fresh_evidence_is_the_mean_with_students_error() -> None:
    found = fresh([1.0, 2.0, 3.0, 4.0])
    assert (found.mean, found.freedom, found.pairs) == (2.5, 3, 4)
    assert found.error == pytest.approx(math.sqrt(5 / 3 / 4))
    assert fresh([0.1] * 7).error == 0


def test_by_unit_the_noise_of_the_examples_counts_too() -> None:
    rows = [[0.4, 0.4, 0.0, 0.0]] * 6
    found = fresh([0.2] * 6, rows)
    assert found.mean == pytest.approx(0.2)
    assert found.error == pytest.approx(math.sqrt(0.16 / 3 / 4))
    assert found.freedom == 3


@given(st.floats(-5, 5), st.floats(0.01, 3), st.floats(-5, 5), st.floats(0.01, 3))
def test_the_estimate_lies_between_belief_and_what_was_seen(
    believed: float, sd: float, mean: float, error: float
) -> None:
    guess = estimate(Belief(believed, sd), seen(mean, error))
    prior = believed - sd
    room = 0.02 * error
    assert min(prior, mean) - room <= guess.effect <= max(prior, mean) + room
    assert guess.low < guess.effect < guess.high
    assert (guess.level, guess.pairs) == (0.9, 8)


def test_where_belief_and_evidence_disagree_badly_belief_gives_way() -> None:
    guess = estimate(Belief(20.0, 0.5), seen(1.0, 0.3, freedom=19))
    assert guess.effect == pytest.approx(1.0, abs=0.1)


def test_little_evidence_leaves_the_belief_and_much_replaces_it() -> None:
    vague, sharp = seen(4.0, 3.0), seen(4.0, 0.01)
    assert estimate(Belief(1.0, 0.2), vague).effect == pytest.approx(0.8, abs=0.1)
    assert estimate(Belief(1.0, 0.2), sharp).effect == pytest.approx(4.0, abs=0.01)


def test_an_evaluation_that_repeats_exactly_leaves_nothing_to_estimate() -> None:
    guess = estimate(Belief(0.2, 0.1), fresh([0.3] * 6))
    assert (guess.low, guess.effect, guess.high) == (0.3, 0.3, 0.3)


@given(st.floats(1e-6, 1e6), st.floats(-3, 3))
def test_the_unit_of_the_metric_does_not_matter_to_the_estimate(unit: float, mean: float) -> None:
    one = estimate(Belief(1.0, 0.5), seen(mean, 0.4))
    other = estimate(Belief(unit, unit / 2), seen(unit * mean, 0.4 * unit))
    assert other.effect == pytest.approx(unit * one.effect, rel=1e-6, abs=1e-6 * unit)
    assert other.high == pytest.approx(unit * one.high, rel=1e-6, abs=1e-6 * unit)


def test_the_largest_numbers_there_are_give_an_estimate() -> None:
    guess = estimate(Belief(1e100, 1e-100), seen(-1e100, 1e90))
    assert guess.low < guess.high < -0.9e100


def test_overfit_is_what_was_believed_and_not_seen_again() -> None:
    found = overfit(Belief(0.012, 0.002), seen(0.008, 0.001))
    assert found.effect == pytest.approx(0.004)
    assert found.low == pytest.approx(0.012 - 0.008 - 1.8946 * 0.001, abs=1e-6)
    assert found.high == pytest.approx(0.004 + 1.8946 * 0.001, abs=1e-6)
    assert found.level == 0.9


# --- calibration ---------------------------------------------------------------------------------


def certified_interval(
    dice: random.Random, effect: float, optimism: float
) -> tuple[bool, bool, float]:
    """One certification: whether it claims, whether the estimate's interval holds, and its error.

    The search believed the effect too high by `optimism` of its standard deviation, on average, and
    its errors are a third larger than it thinks: as measured in planted studies.
    """
    believed = Belief(dice.gauss(effect + 0.5 * optimism, 0.5 * 1.33), 0.5)
    plan = Plan(pairs=16, alpha=0.025)
    differences = [dice.gauss(effect, math.sqrt(2)) for _ in range(plan.pairs)]
    decision = decide(differences, plan)
    guess = estimate(believed, fresh(differences[: decision.pairs]))
    return decision.verdict == "claim", guess.low <= effect <= guess.high, guess.effect - effect


@pytest.mark.slow
@pytest.mark.parametrize("optimism", [0.0, 1.0])
def test_nine_in_ten_of_the_intervals_hold_the_truth_of_claims_and_of_all(optimism: float) -> None:
    dice = random.Random(2)
    effects = [dice.expovariate(1 / 2.0) for _ in range(2500)]
    found = [certified_interval(dice, effect, optimism) for effect in effects]
    claims = [each for each in found if each[0]]
    assert len(claims) > 1000
    assert 0.88 <= fmean(holds for _, holds, _ in found) <= 0.92
    assert 0.88 <= fmean(holds for _, holds, _ in claims) <= 0.92
    assert abs(fmean(error for *_, error in claims)) < 0.12
