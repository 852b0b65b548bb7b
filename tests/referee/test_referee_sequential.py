"""Looking at the evidence as it comes in: exact whatever the noise, and cheap where the effect is real."""

import math
import random
from collections.abc import Callable
from itertools import product
from statistics import NormalDist, fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.core.records import PAIRS_LIMIT
from move37.referee.boundaries import nominal_levels
from move37.referee.sequential import Decision, Plan, confidence, decide

PLAN = Plan(pairs=12, alpha=0.025)
Noise = Callable[[random.Random], float]


def drawn(noise: Noise, pairs: int, studies: int, seed: int = 1) -> list[list[float]]:
    """The same number of differences for each of so many made-up certifications."""
    dice = random.Random(seed)
    return [[noise(dice) for _ in range(pairs)] for _ in range(studies)]


def claim_rate(noise: Noise, plan: Plan = PLAN, studies: int = 1200) -> float:
    decisions = [decide(differences, plan) for differences in drawn(noise, plan.pairs, studies)]
    return fmean(decision.verdict == "claim" for decision in decisions)


def gauss(effect: float) -> Noise:
    return lambda dice: dice.gauss(effect, 1.0)


# --- the plan ------------------------------------------------------------------------------------


def test_the_first_look_is_the_first_that_could_claim_anything() -> None:
    assert PLAN.looks() == (7, 8, 10, 12)
    assert Plan(pairs=40, alpha=0.025).looks() == (8, 10, 12, 15, 18, 22, 27, 33, 40)
    assert Plan(pairs=6, alpha=0.025).looks() == (6,)


@given(st.integers(1, 80), st.floats(1e-5, 0.4))
def test_looks_grow_to_the_last_pair_and_spending_to_alpha(pairs: int, alpha: float) -> None:
    plan = Plan(pairs=pairs, alpha=alpha)
    looks = plan.looks()
    assert list(looks) == sorted(set(looks))
    assert looks[-1] == pairs
    spent = [plan.spent(look) for look in looks]
    assert spent == sorted(spent)
    assert spent[-1] == pytest.approx(alpha)


# --- what is claimed by luck ---------------------------------------------------------------------


def every_pattern(sizes: list[float], plan: Plan) -> float:
    """The share of all sign patterns of these differences that are claimed at any look."""
    patterns = list(product((1.0, -1.0), repeat=len(sizes)))
    claims = [
        decide([sign * size for sign, size in zip(signs, sizes, strict=True)], plan).verdict
        == "claim"
        for signs in patterns
    ]
    return fmean(claims)


@pytest.mark.parametrize(
    "sizes",
    [
        [1.0] * 8,
        [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0],
        [0.1, 40.0, 0.3, 0.2, 0.1, 7.0, 0.5, 0.2],
        [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
    ],
    ids=["steps", "ties", "outliers", "fading"],
)
def test_of_all_sign_patterns_no_more_are_claimed_than_may_err(sizes: list[float]) -> None:
    plan = Plan(pairs=8, alpha=0.05)
    assert every_pattern(sizes, plan) <= plan.alpha


def symmetric(kind: str) -> Noise:
    """Noise of two equal programs: as likely `+d` as `-d`, and otherwise whatever you like."""
    noises: dict[str, Noise] = {
        "normal": gauss(0.0),
        "heavy-tailed": lambda dice: dice.gauss(0, 1) / math.sqrt(dice.gammavariate(1.5, 2) / 3),
        "skewed scores": lambda dice: dice.expovariate(1.0) - dice.expovariate(1.0),
        "two points": lambda dice: dice.choice((-1.0, 1.0)),
        "changing scale": lambda dice: dice.gauss(0, 1) * math.exp(dice.gauss(0, 1.5)),
    }
    return noises[kind]


KINDS = ["normal", "heavy-tailed", "skewed scores", "two points", "changing scale"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pairs", [12, 40])
def test_equal_programs_are_claimed_no_more_often_than_alpha(kind: str, pairs: int) -> None:
    plan = Plan(pairs=pairs, alpha=0.025)
    error = math.sqrt(0.025 * 0.975 / 4000)
    assert claim_rate(symmetric(kind), plan, studies=4000) <= 0.025 + 2.6 * error


@pytest.mark.slow
def test_a_late_claim_of_a_study_is_as_strict_as_its_level() -> None:
    plan = Plan(pairs=24, alpha=0.05 / 110)
    assert plan.looks()[0] >= 12
    assert claim_rate(gauss(0.0), plan, studies=4000) <= 0.002


def test_what_comes_after_the_deciding_look_changes_nothing() -> None:
    for differences in drawn(gauss(0.7), 12, 60):
        decision = decide(differences, PLAN)
        assert decision.is_over
        for length in range(decision.pairs, 13):
            assert decide(differences[:length], PLAN) == decision
        for length in range(decision.pairs):
            assert not decide(differences[:length], PLAN).is_over


@given(st.lists(st.integers(-5, 5), min_size=12, max_size=12), st.sampled_from([1e-9, 3.0, 1e12]))
def test_the_unit_of_the_metric_does_not_matter(steps: list[int], unit: float) -> None:
    assert decide([unit * step for step in steps], PLAN) == decide([*map(float, steps)], PLAN)


@given(st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=14), st.floats(-10, 10))
def test_any_numbers_give_a_decision(differences: list[float], edge: float) -> None:
    decision = decide(differences, Plan(pairs=12, alpha=0.025, edge=edge))
    assert decision.pairs <= min(12, len(differences))
    if decision.verdict == "claim":
        assert fmean(differences[: decision.pairs]) > edge


def test_an_evaluation_that_repeats_exactly_is_decided_at_the_first_look() -> None:
    assert decide([0.1] * 12, PLAN) == Decision(verdict="claim", pairs=7)
    assert decide([0.0] * 12, PLAN) == Decision(verdict="hopeless", pairs=7)
    assert decide([0.1] * 6, PLAN) == Decision(verdict="open", pairs=0)
    assert decide([0.1] * 12, Plan(pairs=12, alpha=0.025, edge=0.1)).verdict == "hopeless"


def test_even_the_longest_certification_has_a_group_of_patterns() -> None:
    plan = Plan(pairs=PAIRS_LIMIT, alpha=0.025)
    dice = random.Random(7)
    differences = [dice.gauss(0.1, 1.0) for _ in range(PAIRS_LIMIT)]
    assert decide(differences, plan).verdict == "claim"
    assert decide([-each for each in differences], plan).verdict == "hopeless"


# --- what a real effect costs --------------------------------------------------------------------


@pytest.mark.parametrize(("effect", "budget", "power", "pairs"), [(0.71, 40, 0.95, 21), (1.41, 16, 0.98, 9)])  # fmt: skip
def test_a_real_effect_is_claimed_soon(
    effect: float, budget: int, power: float, pairs: float
) -> None:
    plan = Plan(pairs=budget, alpha=0.025)
    decisions = [decide(each, plan) for each in drawn(gauss(effect), budget, 600)]
    assert fmean(decision.verdict == "claim" for decision in decisions) >= power
    assert fmean(decision.pairs for decision in decisions) <= pairs


def test_no_effect_ends_early_and_for_lack_of_hope() -> None:
    plan = Plan(pairs=40, alpha=0.025)
    decisions = [decide(each, plan) for each in drawn(gauss(0.0), 40, 300)]
    assert fmean(decision.verdict == "hopeless" for decision in decisions) > 0.85
    assert fmean(decision.pairs for decision in decisions) < 21


# --- the interval --------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.lists(st.floats(-3, 3), min_size=12, max_size=12), st.floats(-1, 1))
def test_the_interval_lies_above_the_edge_just_when_it_is_claimed(
    differences: list[float], edge: float
) -> None:
    plan = Plan(pairs=12, alpha=0.025, edge=edge)
    decision = decide(differences, plan)
    interval = confidence(differences[: decision.pairs], plan)
    assert interval is not None
    assert (interval.low > edge) == (decision.verdict == "claim")
    assert interval.low <= interval.effect <= interval.high
    assert (interval.level, interval.pairs) == (0.95, decision.pairs)


def test_before_the_first_look_nothing_is_excluded() -> None:
    assert confidence([1.0] * 6, PLAN) is None


def test_the_interval_holds_whenever_one_stops() -> None:
    held = 0
    for differences in drawn(gauss(0.5), 12, 60, seed=3):
        decision = decide(differences, PLAN)
        interval = confidence(differences[: decision.pairs], PLAN)
        assert interval is not None
        held += interval.low <= 0.5 <= interval.high
    assert held / 60 >= 0.9


# --- units ---------------------------------------------------------------------------------------


def crossed(dice: random.Random, units: float, seeds: float, pairs: int) -> list[list[float]]:
    """Differences of equal programs by pair and unit: each unit, each seed, and the rest have noise."""
    of_unit = [dice.gauss(0, units) for _ in range(20)]
    rows: list[list[float]] = []
    for _ in range(pairs):
        of_seed = dice.gauss(0, seeds)
        rows.append([unit + of_seed + dice.gauss(0, 0.3) for unit in of_unit])
    return rows


def rate_by_unit(units: float, seeds: float, *, aware: bool, studies: int = 400) -> float:
    dice, claims = random.Random(5), 0
    for _ in range(studies):
        rows = crossed(dice, units, seeds, PLAN.pairs)
        differences = [fmean(row) for row in rows]
        claims += decide(differences, PLAN, rows if aware else ()).verdict == "claim"
    return claims / studies


def test_examples_that_happen_to_suit_a_program_are_no_claim_about_others() -> None:
    assert rate_by_unit(1.0, 0.1, aware=False) > 0.2, "the pairs alone know these examples only"
    assert rate_by_unit(1.0, 0.1, aware=True) <= 0.045
    assert rate_by_unit(1.0, 0.22, aware=True) <= 0.045
    assert rate_by_unit(0.0, 0.5, aware=True) <= 0.045


def test_levels_of_looks_are_those_of_the_tables() -> None:
    """Five equal steps, alpha 0.025, spent as Pocock: 2.438 to 2.386 in Lan and DeMets's table."""
    spent = [0.025 * math.log(1 + (math.e - 1) * look / 5) for look in range(1, 6)]
    levels = nominal_levels(range(1, 6), spent)
    quantiles = [NormalDist().inv_cdf(1 - level) for level in levels]
    assert quantiles == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=2e-3)
