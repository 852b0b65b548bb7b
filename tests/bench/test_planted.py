"""The planted benchmark: fair, repeatable, and its figures mean what they say."""

import random
from pathlib import Path
from statistics import fmean, stdev

import pytest

from move37.bench import planted_noise as noise
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
    figures = planted(studies=24, runs=150, seed=1, workers=2).figures
    assert figures["gain_ratio_small"] > 2.0
    assert figures["gain_ratio_medium"] > 1.2
    assert figures["worse_than_start"] <= 0.05
    assert figures["null_claim_rate"] <= 0.1


# --- repeats over noise and length ---------------------------------------------------------------


@pytest.mark.slow
def test_repeats_are_compared_in_every_world_at_every_level_of_noise(tmp_path: Path) -> None:
    plan = noise.cells(2, seed=3, lengths={20: 1.0, 30: 0.1})
    points = noise.summarise(plan, [noise.compare(cell) for cell in plan])
    assert [p.level for p in points if (p.world, p.runs) == ("open", 20)] == list(noise.LEVELS)
    assert {(p.world, p.runs) for p in points} == {("open", 20), ("open", 30), ("closing", 20)}
    assert {p.studies for p in points} == {2}, "at least two, whatever the share"
    figures = noise.figures(points)
    for other in ("never", "always"):
        assert figures[f"repeat_vs_{other}_min"] <= figures[f"repeat_vs_{other}_max"]
        assert figures[f"repeat_vs_{other}_min"] == min(p.ratio(other) for p in points)
    assert noise.table(points).count("open") == 2 * len(noise.LEVELS)
    noise.draw_noise(points, tmp_path / "noise.png")
    assert (tmp_path / "noise.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("rule", noise.RULES)
def test_every_rule_for_repeats_spends_exactly_its_runs(rule: str) -> None:
    world = CountedWorld(noise.PLANT, 5, noise=2.0)
    study = PlantedStudy(world, noise.RULES[rule])
    study.repeat_baseline()
    study.explore(60)
    assert world.runs == 60
    repeats = study.history.repeats
    assert repeats == 0 if rule == "never" else repeats <= (6 if rule == "rule" else 30)


def test_always_means_that_what_is_built_on_has_been_run_twice() -> None:
    study = PlantedStudy(World(noise.PLANT, 5, noise=1.0), noise.RULES["always"])
    study.repeat_baseline()
    study.explore(60)
    parents = {one.parents[0] for one in study.history.experiments[1:]}
    best_when_chosen = [study.history[p].count("search") for p in parents]
    assert sum(count > 1 for count in best_when_chosen) > len(parents) / 2
    assert study.history.repeats > 3


def test_before_the_last_tenth_the_rule_is_never_repeating() -> None:
    def explored(rule: str, runs: int) -> list[float]:
        study = PlantedStudy(World(noise.PLANT, 8, noise=5.0), noise.RULES[rule])
        study.repeat_baseline()
        study.explore(runs)
        return study.values[: runs - 5 - runs // 10]

    assert explored("rule", 60) == explored("never", 60)


def test_a_closing_world_runs_out_of_good_edits() -> None:
    world = World(Plant(good=1.0, harmful=1.0), 4, noise=0.0, ceiling=2.0)
    assert all(world.edit(2.0) <= 2.0 for _ in range(200))
    assert any(world.edit(0.0) > 0.0 for _ in range(200))


def test_noise_of_a_world_is_what_it_was_given() -> None:
    exact, noisy = (World(noise.PLANT, 4, noise=sd) for sd in (0.0, 3.0))
    assert exact.run(1.5) == 1.5
    runs = [noisy.run(0.0) for _ in range(4_000)]
    assert stdev(runs) == pytest.approx(3.0, rel=0.05)
