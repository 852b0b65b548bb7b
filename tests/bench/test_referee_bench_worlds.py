"""The planted worlds of `bench referee` mislead as they say, and every rule plays in the same one."""

from statistics import fmean, stdev

import pytest

from move37.bench.referee_rules import RULES, Rule, best_over_mad, keep_if_better
from move37.bench.referee_worlds import LEVEL, Ended, Plant, Program, World

QUIET = Plant(noise=0.0)
NOTHING = Plant(noise=1.0, good=0.0, harmful=0.0)


def world(plant: Plant, seed: int = 0, runs: int = 100) -> World:
    return World(plant, seed, runs)


def test_the_ith_edit_and_the_ith_run_are_the_same_for_every_rule() -> None:
    one, other = world(Plant(noise=1.0)), world(Plant(noise=1.0))
    one.random.random()  # a rule's own decisions do not disturb them
    assert [one.edit(one.start) for _ in range(20)] == [other.edit(other.start) for _ in range(20)]
    assert [one.run(one.start) for _ in range(20)] == [other.run(other.start) for _ in range(20)]


def test_edits_help_and_harm_in_the_stated_shares() -> None:
    luck = world(Plant(noise=1.0, good=2.0, harmful=0.5))
    gains = [luck.edit(luck.start).value for _ in range(20_000)]
    good, bad = [gain for gain in gains if gain > 0], [gain for gain in gains if gain < 0]
    assert len(good) / len(gains) == pytest.approx(0.1, abs=0.01)
    assert len(bad) / len(gains) == pytest.approx(0.4, abs=0.02)
    assert fmean(good) == pytest.approx(2.0, rel=0.1)
    assert fmean(bad) == pytest.approx(-0.5, rel=0.1)


def test_a_single_gain_is_one_edit_of_the_study() -> None:
    for seed in range(10):
        luck = world(Plant(noise=1.0, single=2.0), seed, runs=30)
        assert sorted(luck.edit(luck.start).value for _ in range(30))[-2:] == [0.0, 2.0]


def test_a_lucky_seed_stays_with_its_program_until_it_gets_another() -> None:
    luck = world(Plant(noise=1.0, lucky=True))
    changed = luck.edit(luck.start)
    assert luck.run(changed) == luck.run(changed)
    assert luck.seeded_run(changed) != luck.seeded_run(changed)


def test_what_was_learned_by_heart_is_no_use_on_fresh_runs() -> None:
    luck, cheat = world(Plant(noise=0.0, cheat=3.0)), Program(1, 0.5, bonus=3.0)
    assert (luck.run(cheat), luck.seeded_run(cheat), luck.fresh_run(cheat)) == (3.5, 3.5, 0.5)


def test_cheats_come_in_their_share_and_are_inherited() -> None:
    luck = world(Plant(noise=1.0, cheats=0.05))
    cheats = [luck.edit(luck.start) for _ in range(10_000)]
    share = fmean(program.bonus > 0 for program in cheats)
    assert share == pytest.approx(0.05, abs=0.01)
    assert luck.edit(next(each for each in cheats if each.bonus)).bonus >= luck.plant.cheat


def test_scores_drift_by_their_share_over_the_planned_runs() -> None:
    luck = world(Plant(noise=0.0, drift=0.3), runs=10)
    shown = [luck.run(luck.start) for _ in range(11)]
    assert shown[0] == 0.0
    assert shown[10] == pytest.approx(0.3 * LEVEL)


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_every_rule_spends_its_runs_and_those_of_the_start(name: str, rule: Rule) -> None:
    for plant in (QUIET, NOTHING):
        ended = rule(world(plant), 60, 5)
        assert ended.runs <= 65
        assert ended.runs == 65 or name == "thresholdout"  # which stops when its budget is spent


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_without_noise_every_rule_is_right(name: str, rule: Rule) -> None:
    for seed in range(10):
        ended = rule(world(QUIET, seed), 100, 3)
        assert not ended.is_false, name
        assert ended.believed == pytest.approx(ended.gain)


def test_keep_if_better_takes_noise_for_gain() -> None:
    ended = [keep_if_better(world(NOTHING, seed), 100, 5) for seed in range(40)]
    assert all(end.is_false for end in ended)
    assert fmean(end.believed for end in ended) > 1.5


def test_a_confidence_of_two_spreads_calls_most_studies_of_noise_real() -> None:
    ended = [best_over_mad(world(NOTHING, seed), 20, 1) for seed in range(300)]
    assert fmean(end.is_false for end in ended) > 0.6


def test_noise_has_the_stated_size() -> None:
    luck = world(Plant(noise=2.0))
    assert stdev(luck.run(luck.start) for _ in range(5000)) == pytest.approx(2.0, rel=0.05)
    assert stdev(luck.fresh_run(luck.start) for _ in range(5000)) == pytest.approx(2.0, rel=0.05)


def test_a_claim_is_false_when_there_is_no_gain() -> None:
    assert Ended(gain=0.0, believed=1.0, claim=True, runs=1).is_false
    assert not Ended(gain=0.0, believed=1.0, claim=False, runs=1).is_false
    assert not Ended(gain=0.1, believed=1.0, claim=True, runs=1).is_false
