"""How far askers work ahead: as far as answers take, and no further."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.facts import Answered, Opened, Tried
from move37.core.records import Failed, Trial
from move37.runners.ahead import Ahead


def opened(experiment: int, proposer: str) -> Opened:
    return Opened(experiment=experiment, epoch=0, parents=(0,), proposer=proposer, seed=0)


def told(workers: int, *, answer: float, trial: float) -> Ahead:
    ahead = Ahead(workers)
    ahead.add(opened(1, "llm"))
    ahead.add(Answered(experiment=1, round=0, model="m", seconds=answer))
    ended = Failed(stage="run", reason="", seconds=trial)
    ahead.add(Tried(experiment=1, trial=Trial(purpose="search", index=0, seed=0, outcome=ended)))
    return ahead


def test_before_anything_is_known_an_answer_is_taken_to_last_as_long_as_a_trial() -> None:
    assert Ahead(8).most == 8 + 4 + 1


def test_slow_answers_are_asked_for_far_ahead_and_quick_ones_are_not() -> None:
    assert told(8, answer=2.0, trial=1.0).most == 16 + 4 + 1
    assert told(8, answer=1.0, trial=600.0).most == pytest.approx(4 + 1, abs=0.1)


def test_only_the_latest_count() -> None:
    ahead = told(4, answer=100.0, trial=1.0)
    for _ in range(64):
        ahead.add(Answered(experiment=1, round=0, model="m", seconds=1.0))
    assert ahead.most == 4 + 2 + 1


@given(st.integers(1, 64), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_free_worker_may_always_ask(workers: int, answer: float, trial: float) -> None:
    assert told(workers, answer=answer, trial=trial).most >= 1


def test_trials_of_no_time_at_all_let_everybody_ask() -> None:
    assert told(2, answer=1.0, trial=0.0).most == math.inf


def test_what_is_ready_counts_as_much_as_what_is_asked_for() -> None:
    ahead = told(2, answer=1.0, trial=1.0)
    assert ahead.most == 4
    assert not ahead.is_enough({"llm": 3}, 0)
    assert ahead.is_enough({"llm": 4}, 0)
    assert ahead.is_enough({"llm": 1}, 3)


def test_who_takes_long_keeps_nobody_else_from_asking() -> None:
    ahead = told(2, answer=1.0, trial=1.0)
    assert not ahead.is_enough({"agent": 16}, 0)  # it has not answered yet
    ahead.add(opened(2, "agent"))
    ahead.add(Answered(experiment=2, round=0, model="m", seconds=100.0))
    assert ahead.most == 4
    assert not ahead.is_enough({"agent": 16, "llm": 3}, 0)
    assert ahead.is_enough({"agent": 16, "llm": 4}, 0)
