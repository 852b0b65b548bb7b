"""The planted benchmark: fair, repeatable, and its figures mean what they say."""

import random
from pathlib import Path
from statistics import fmean

import pytest

from move37.bench.planted import EFFECTS, draw, planted
from move37.bench.planted_methods import METHODS, Plant, PlantedStudy, World
from move37.core.errors import TaskError


def test_the_result_is_a_function_of_the_settings() -> None:
    once, again = (planted(studies=2, runs=20, seed=5) for _ in range(2))
    assert once == again
    assert planted(studies=2, runs=20, seed=6) != once


@pytest.mark.slow
def test_more_processes_give_the_same_result() -> None:
    one, two = (planted(studies=3, runs=20, seed=5, workers=n) for n in (1, 2))
    assert one == two


def test_figures_have_their_names_and_people_their_table(tmp_path: Path) -> None:
    result = planted(studies=2, runs=20, seed=1)
    for name in ("gain_ratio_small", "gain_ratio_medium", "worse_than_start", "null_claim_rate"):
        assert name in result.figures
    for method, _ in METHODS:
        assert method in result.table()
        assert f"gain_{method}_small" in result.figures
    draw(result, tmp_path / "planted.png")
    assert (tmp_path / "planted.png").read_bytes().startswith(b"\x89PNG")


def test_edits_have_the_effects_that_the_benchmark_states() -> None:
    luck, plant = random.Random(0), Plant(good=0.5, harmful=2.0)
    effects = [plant.effect(luck) for _ in range(40_000)]
    good = [effect for effect in effects if effect > 0]
    bad = [effect for effect in effects if effect < 0]
    assert len(good) / len(effects) == pytest.approx(0.1, abs=0.01)
    assert len(bad) / len(effects) == pytest.approx(0.4, abs=0.01)
    assert fmean(good) == pytest.approx(0.5, rel=0.1)
    assert fmean(bad) == pytest.approx(-2.0, rel=0.1)


class CountedWorld(World):
    """Counts what a method spends."""

    runs = 0

    def run(self, value: float) -> float:
        self.runs += 1
        return super().run(value)


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_every_method_spends_exactly_its_runs(name: str, method: object) -> None:
    assert callable(method)
    world = CountedWorld(EFFECTS["medium"], seed=3)
    method(world, 47)
    assert world.runs == 47, name


def test_without_effects_no_method_gains_anything() -> None:
    world = World(Plant(good=0.0, harmful=0.0), seed=3)
    study = PlantedStudy(world, "lineage")
    study.repeat_baseline()
    study.explore(60)
    best, believed = study.champion()
    assert study.values[best] == 0.0
    assert abs(believed.mean) < 2.0


def test_too_little_to_average_over_is_said() -> None:
    with pytest.raises(TaskError, match="2 studies"):
        planted(studies=1, runs=150, seed=0)


@pytest.mark.slow
def test_the_promises_hold_on_a_sample_of_studies() -> None:
    figures = planted(studies=40, runs=150, seed=1, workers=2).figures
    assert figures["gain_ratio_small"] > 2.0
    assert figures["gain_ratio_medium"] > 1.2
    assert figures["worse_than_start"] <= 0.05
    assert figures["null_claim_rate"] <= 0.1
