"""Landscapes, what is found in them, and what a choice costs in a large study."""

from statistics import fmean

import pytest

from move37.app.benches import benches
from move37.bench.landscape import Land, Landscape, LandscapeStudy
from move37.bench.scale import scale
from move37.bench.standstill import DECEPTIVE, RUNS, standstill
from move37.core.errors import TaskError


def test_a_trap_does_harm_by_halves_and_pays_as_a_whole() -> None:
    landscape = Landscape(DECEPTIVE, seed=1)
    (trap,) = landscape.traps
    assert landscape.value(frozenset()) == 0.0
    assert all(landscape.value(frozenset({site})) == -DECEPTIVE.depth for site in trap)
    assert landscape.value(trap) == DECEPTIVE.prize


def test_ways_to_the_same_end_do_not_add_up() -> None:
    alike = Landscape(Land(good=6, harmful=0, inert=0, kinds=1), seed=1)
    singles = [alike.value(frozenset({site})) for site in range(6)]
    assert alike.value(frozenset(range(6))) == max(singles) == alike.best
    other = Landscape(Land(good=6, harmful=0, inert=0), seed=1)
    assert other.best == pytest.approx(sum(singles))


@pytest.mark.parametrize("search", ["lineage", "puct", "islands", "beam", "greedy"])
def test_a_landscape_study_spends_exactly_its_runs(search: str) -> None:
    study = LandscapeStudy(Landscape(DECEPTIVE, seed=2), search, merges=True)
    study.explore(60, at_once=4)
    assert study.history.spent() == 60


def test_what_takes_two_edits_together_is_found_by_widening_and_not_by_a_ratchet() -> None:
    solved = {"lineage": 0, "greedy": 0}
    for search in solved:
        for seed in range(3):
            landscape = Landscape(DECEPTIVE, seed)
            study = LandscapeStudy(landscape, search)
            study.explore(RUNS)
            solved[search] += landscape.traps[0] <= study.recommended()
    assert solved == {"lineage": 3, "greedy": 0}


def test_merges_pay_where_branches_that_grow_at_once_add_up() -> None:
    gains: dict[bool, list[float]] = {True: [], False: []}
    for merges, found in gains.items():
        for seed in range(8):
            landscape = Landscape(Land(good=20, harmful=40, inert=40), seed)
            study = LandscapeStudy(landscape, "lineage", merges=merges)
            study.explore(60, at_once=8)
            found.append(landscape.value(study.recommended()))
    assert fmean(gains[True]) > fmean(gains[False])


@pytest.mark.slow
def test_the_result_is_a_function_of_the_settings() -> None:
    once, again = standstill(studies=2, seed=3), standstill(studies=2, seed=3, workers=2)
    assert once == again
    assert "deceptive_solved_lineage" in once.figures
    assert "lineage, never widened" in once.table()


def test_too_little_to_average_over_is_said() -> None:
    with pytest.raises(TaskError, match="2 studies"):
        standstill(studies=1, seed=0)


def test_a_choice_is_timed_for_every_strategy_and_size() -> None:
    result = scale(sizes=(20, 40), searches=("lineage", "beam"), window=10)
    assert all(len(point.both_ms) == 10 for point in result.points)
    assert "choose_and_update_ms_lineage_40" in result.figures
    assert "update_ms_grown_20" in result.figures
    assert {"standstill", "scale"} <= benches().keys()
