"""`bench referee`: repeatable, and its figures mean what they say."""

import tempfile
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from move37.app.benches import bench
from move37.bench.referee import QUICK, RefereeResult, Size, referee
from move37.bench.referee_claims import (
    NullRate,
    coverage,
    null_plans,
    one_gain,
    replay,
    summarise_one_gain,
)
from move37.bench.referee_engine import engine_nulls
from move37.bench.referee_grid import OURS, WORLDS, Compared, ceiling, compare, ratio_to_best
from move37.bench.referee_picture import draw
from move37.bench.referee_rules import RULES
from move37.bench.referee_study import Study
from move37.bench.referee_text import table
from move37.bench.referee_worlds import Ended, Plant, World
from move37.core.errors import TaskError
from move37.core.records import Belief

TINY = Size(studies={20: 2, 100: 2}, worlds=2, gains=2, nulls={20: (2, 40)}, drifts=2)


@pytest.fixture(scope="module")
def result() -> RefereeResult:
    return referee(size=replace(TINY, studies={100: 2}), seed=3)


@pytest.mark.slow
def test_the_result_is_a_function_of_the_settings_whatever_the_processes() -> None:
    once, again = referee(size=TINY, seed=5), referee(size=TINY, seed=5, workers=2)
    assert once == again
    assert referee(size=TINY, seed=6) != once


@pytest.mark.slow
def test_every_figure_that_is_promised_is_there(result: RefereeResult) -> None:
    promised = {
        "null_claim_rate_20",
        "power_one_gain",
        "cost_ratio_one_gain",
        "gain_ratio_best_rule_small",
        "gain_ratio_best_rule_min",
        "drift_loss",
    }
    assert promised <= result.figures.keys()
    assert all(figure == figure for figure in result.figures.values())


@pytest.mark.slow
def test_people_get_tables_and_a_picture(result: RefereeResult, tmp_path: Path) -> None:
    text = table(result, None, NullRate(studies=2, claims=0), missing="no tables here")
    for name in (OURS, *dict(RULES), *WORLDS, "no tables here"):
        assert name in text
    draw(result, tmp_path / "referee.png")
    assert (tmp_path / "referee.png").read_bytes().startswith(b"\x89PNG")


def test_too_little_to_average_over_is_refused() -> None:
    with pytest.raises(TaskError, match="2 studies"):
        referee(size=replace(QUICK, worlds=1))


# --- our own rule --------------------------------------------------------------------------------


def test_our_rule_spends_its_budget_and_certifies_on_runs_of_its_own() -> None:
    study = Study(World(Plant(noise=1.0), 1, 40), 40)
    start = study.repeat_baseline()
    study.explore()
    assert study.world.runs == start + 40
    certified = study.certify()
    assert certified is not None
    assert study.world.runs > start + 40
    seeds = {
        purpose: {
            trial.seed
            for one in study.history.experiments
            for trial in one.trials
            if trial.purpose == purpose
        }
        for purpose in ("search", "certify")
    }
    assert not seeds["search"] & seeds["certify"]


def test_all_rules_get_the_same_runs_and_the_same_start() -> None:
    compared = compare(Plant(noise=1.0), 30, seed=4)
    spent = {name: ended.runs for name, ended in compared.at_equal_length.items()}
    others = {spent[name] for name, _ in RULES if name != "thresholdout"}
    assert len(others) == 1
    assert spent[OURS] > others.pop()  # certification comes on top
    assert {compared.all_paid[name].runs for name, _ in RULES if name != "thresholdout"} == {
        spent[OURS]
    }


def test_a_gain_beyond_doubt_is_found_and_claimed_without_optimism() -> None:
    ended = compare(Plant(noise=0.1), 60, seed=2).at_equal_length[OURS]
    assert ended.claim
    assert ended.believed == pytest.approx(ended.gain, abs=0.3)


def test_the_ratio_is_to_the_best_of_the_other_rules() -> None:
    def ended(gain: float) -> Ended:
        return Ended(gain=gain, believed=gain, claim=True, runs=10)

    others = {name: ended(1.0) for name, _ in RULES}
    ours = {OURS: ended(3.0)}
    two = [Compared({**ours, **others, "gate_1_sigma": ended(2.0)}, others, known=5.0)] * 2
    assert ratio_to_best(two) == 1.5
    assert ceiling(two) == 2.5
    assert ratio_to_best(two, all_paid=True) == 3.0
    useless = {name: ended(-1.0) for name, _ in RULES}
    assert ratio_to_best([Compared({**ours, **useless}, useless, known=0.0)]) == inf


def test_nobody_finds_more_than_whoever_knows_the_truth() -> None:
    studies = [compare(Plant(noise=0.5), 40, seed) for seed in range(3)]
    for study in studies:
        assert study.known >= max(ended.gain for ended in study.at_equal_length.values()) - 1e-9


# --- claims --------------------------------------------------------------------------------------


def test_where_nothing_helps_claims_are_as_rare_as_promised() -> None:
    plans = [null_plans(30, seed, study) for seed in range(2) for study in range(2)]
    assert any(plans), "a champion was certified somewhere"
    certified = [opened for opened in plans if opened]
    rate = NullRate(studies=150 * len(certified), claims=replay(certified, times=150, seed=0))
    assert 0 < rate.rate <= 0.05 + 3 * rate.error


def test_one_gain_counts_what_was_found_certified_and_spent() -> None:
    studies = [one_gain(0, study) for study in range(3)]
    whole = summarise_one_gain(studies)
    assert whole.power <= whole.found
    assert whole.cost_ratio == pytest.approx(
        sum(study.runs for study in studies) / sum(study.ratchet_runs for study in studies)
    )
    assert all(study.ratchet_runs == 101 for study in studies)


def test_coverage_is_that_of_stated_claims_alone() -> None:
    inside = Ended(gain=1.0, believed=1.0, claim=True, runs=1, low=0.5, high=1.5)
    below = Ended(gain=0.1, believed=1.0, claim=True, runs=1, low=0.5, high=1.5)
    above = Ended(gain=2.0, believed=1.0, claim=True, runs=1, low=0.5, high=1.5)
    unclaimed = Ended(gain=9.0, believed=1.0, claim=False, runs=1)
    covered = coverage([inside, inside, below, above, unclaimed])
    assert covered is not None
    assert (covered.effects, covered.share, covered.below, covered.above) == (4, 0.5, 0.25, 0.25)
    assert coverage([unclaimed]) is None


# --- the real thing ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_real_engine_does_not_claim_what_is_only_noise() -> None:
    from move37.app.benches import _claims  # pyright: ignore[reportPrivateUsage]

    with tempfile.TemporaryDirectory() as directory:
        rate = engine_nulls(_claims, Path(directory), studies=4, experiments=12, seed=1)
    # Each study claims with a chance of 5 %: three of four would be one time in two thousand.
    assert rate.claims < 3


def test_bench_knows_it_by_name() -> None:
    from move37.app.benches import benches

    assert "referee" in benches()
    with pytest.raises(TaskError, match="referee"):
        bench("no such")


def test_a_belief_is_what_the_search_ends_with() -> None:
    study = Study(World(Plant(noise=1.0), 1, 20), 20)
    study.repeat_baseline()
    study.explore()
    best, believed = study.champion()
    assert isinstance(believed, Belief)
    assert study.programs[best].id == best
