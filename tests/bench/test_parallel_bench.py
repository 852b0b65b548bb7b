"""The benchmark of many workers: its ideal is one, its clock is simulated, and its figures mean what they say."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.app.engine import Engine
from move37.app.settings import RunSettings
from move37.bench import parallel_wall
from move37.bench.parallel import CREWS, choices
from move37.bench.parallel_timing import Timed, arms, timing
from move37.bench.parallel_wall import Wall, ideal_seconds, wall
from move37.bench.parallel_world import Crew, SimulatedStudy, log_normal, shift
from move37.bench.planted_methods import Plant, World
from move37.core.events import Event, Stop

PLANT = Plant(good=1.0, harmful=1.0)


def open_study(
    directory: Path, experiments: int, workers: int, watch: Callable[[Event], None]
) -> AbstractContextManager[Engine]:
    settings = RunSettings(experiments=experiments, workers=workers, certify=False)
    return Engine(directory, settings, watch=watch, stop=Stop())


def test_a_perfect_scheduler_keeps_whoever_is_short_of_time_at_work() -> None:
    assert ideal_seconds(64) == 1 + 64 / 8 * 2 + 1  # eight rounds of questions
    assert ideal_seconds(64, answer=0.5) == 1 + 0.5 + 64 / 8 * 1  # of trials
    assert ideal_seconds(1) == 1 + 2 + 1


@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 9))
def test_nobody_can_be_faster(experiments: int, askers: int, workers: int) -> None:
    least = ideal_seconds(experiments, askers=askers, answer=3.0, workers=workers, trial=2.0)
    assert least >= 2 + 3 + 2
    assert least >= 2 + 3.0 * experiments / askers
    assert least >= 2.0 + 2.0 * experiments / workers


def test_workers_of_a_simulated_crew_are_hardly_ever_idle() -> None:
    """Without a barrier, and with stragglers ten times as long as the median."""
    world = World(PLANT, 1)
    free = shift("", CREWS["no asking"], world, experiments=300, seed=1)
    assert free.steady == pytest.approx(1.0)
    asking = shift("", CREWS["24 askers"], World(PLANT, 1), experiments=600, seed=1)
    assert asking.steady >= 0.95


def test_questions_are_asked_no_further_ahead_than_answers_take() -> None:
    quick, slow = (
        shift(
            "",
            Crew(workers=8, trial=log_normal(), askers=64, answer=log_normal(mean=mean)),
            World(PLANT, 2),
            experiments=300,
            seed=2,
        )
        for mean in (0.1, 1.0)
    )
    assert quick.stale < 8 < slow.stale < 20
    assert min(quick.steady, slow.steady) > 0.9


def test_the_same_seed_gives_the_same_study_and_no_experiment_is_lost() -> None:
    facts: list[list[object]] = []
    for _ in range(2):
        study = SimulatedStudy(World(PLANT, 3), CREWS["64 workers"], experiments=200, seed=3)
        assert study.explore() == "budget"
        history = study.journal.history
        assert history.spent() == 200
        assert not history.running()
        facts.append([row.fact for row in study.journal.store.rows()])
    assert facts[0] == facts[1]


def test_choices_of_many_workers_differ() -> None:
    many = choices(64, 300, seed=0)
    assert many.parents > 10
    assert many.choose_ms < 50


def test_a_real_study_is_timed_from_its_opening_to_its_last_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel_wall, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(parallel_wall, "TRIAL_SECONDS", 0.01)
    timed = wall(open_study, tmp_path, experiments=8)
    assert 1 <= timed.experiments <= 8  # others may be merges or repeats
    assert 0 < timed.start < timed.seconds
    assert timed.answers >= 0.05


def test_ratios_are_to_the_ideal_with_and_without_the_baseline() -> None:
    timed = Wall(experiments=64, seconds=20, ideal=18, start=3, cpu_ms=1, answers=2, trials=1)
    assert timed.ratio == 20 / 18
    assert timed.strict_ratio == 20 / 17
    assert timed.later_ratio == 1.0


@pytest.mark.slow
def test_arms_take_turns_and_each_has_its_trials(tmp_path: Path) -> None:
    told = timing(open_study, tmp_path, sets=2, rounds=2)
    assert [(each.arm, len(each.milliseconds)) for each in told] == [
        (name, 2 * arm.trials) for name, arm in arms(2).items()
    ]
    assert all(each.median > 0 and each.noise >= 0 for each in told)


def test_strays_do_not_make_the_noise() -> None:
    timed = Timed(arm="", milliseconds=[100, 101, 99, 100, 102, 98, 100, 1000])
    assert 0 < timed.noise < 0.03
