"""Equal score and less change is better."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.facts import Opened, Proposed, Tried
from move37.core.records import Measured, Trial
from move37.referee.simplicity import changed_lines, simplest
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task


def study_of(*programs: tuple[float, int | None], noise: float) -> MadeUpStudy:
    """A baseline at 1.0, and programs with these scores and sizes, tried four times each."""
    study = MadeUpStudy(made_up_task(minimize=False), MeanBeliefs(noise=noise))
    study.baseline(1.0, 1.0, 1.0, 1.0)
    for score, size in programs:
        id = len(study.history)
        study.add(Opened(experiment=id, epoch=0, parents=(0,), proposer="tune", seed=id))
        study.add(
            Proposed(
                experiment=id,
                commit=f"c{id}",
                identity=f"i{id}",
                move="tune.number",
                hypothesis="",
                size=size,
            )
        )
        for index in range(4):
            measured = Measured(
                score=score, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0
            )
            trial = Trial(purpose="search", index=index, seed=index, outcome=measured)
            study.add(Tried(experiment=id, trial=trial))
    return study


def chosen(study: MadeUpStudy, margin: float) -> int:
    ranking = study.beliefs.ranking(100)
    return simplest(study.history, study.beliefs, ranking[0], ranking, margin)


def test_of_equal_scores_the_smaller_change_is_taken() -> None:
    study = study_of((2.0, 30), (2.0, 4), (2.0, 8), noise=0.0)
    assert chosen(study, margin=0.0) == 2


def test_a_better_score_is_worth_any_change_without_a_margin() -> None:
    study = study_of((2.0, 4), (2.001, 300), noise=0.0)
    assert chosen(study, margin=0.0) == 2
    assert chosen(study, margin=0.01) == 1


def test_with_noise_nothing_is_equal_unless_a_margin_says_what_is() -> None:
    study = study_of((2.0, 30), (2.0, 4), noise=0.1)
    assert chosen(study, margin=0.0) == 1
    assert chosen(study, margin=0.5) == 2


def test_what_is_uncertain_is_not_called_equal() -> None:
    study = study_of((2.0, 30), (1.95, 4), noise=0.5)
    assert chosen(study, margin=0.1) == 1


def test_a_gain_below_the_margin_is_not_worth_any_change() -> None:
    study = study_of((1.001, 2), noise=0.0)
    assert chosen(study, margin=0.01) == 0


def test_where_a_float_ends_makes_no_difference() -> None:
    study = study_of((2.0000000000000004, 30), (2.0, 4), noise=0.0)
    assert chosen(study, margin=0.0) == 2


@pytest.mark.parametrize("sizes", [(None, 4), (30, None)])
def test_a_size_that_nobody_counted_wins_nothing(sizes: tuple[int | None, int | None]) -> None:
    study = study_of((2.0, sizes[0]), (2.0, sizes[1]), noise=0.0)
    assert chosen(study, margin=0.0) == 1


@given(
    scores=st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0]), min_size=1, max_size=8),
    margin=st.sampled_from([0.0, 0.4, 0.6]),
    data=st.data(),
)
def test_what_is_taken_is_as_good_and_nothing_as_good_is_smaller(
    scores: list[float], margin: float, data: st.DataObject
) -> None:
    sizes = [data.draw(st.integers(1, 9)) for _ in scores]
    study = study_of(*zip(scores, sizes, strict=True), noise=0.0)
    worth = {0: (1.0, 0)} | dict(enumerate(zip(scores, sizes, strict=True), start=1))
    top = max(score for score, _ in worth.values())
    score, size = worth[chosen(study, margin)]
    assert score >= top - margin
    assert size == min(s for v, s in worth.values() if v >= top - margin)


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_a_size_does_not_depend_on_the_direction(old: bytes, new: bytes) -> None:
    size = changed_lines({"a": old}, {"a": new})
    assert size == changed_lines({"a": new}, {"a": old})
    assert size > 0 or sorted(old.split(b"\n")) == sorted(new.split(b"\n"))
