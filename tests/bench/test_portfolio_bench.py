"""The benchmark of the portfolio: repeatable, fair, and its figures mean what they say."""

import pytest

from move37.bench.portfolio import QUICK_SCENES, RULES, portfolio
from move37.bench.portfolio_worlds import SCENES, Program, World
from move37.core.errors import TaskError

SMALL = ("good and useless",)


@pytest.mark.slow
def test_the_result_is_a_function_of_the_settings_whoever_computes_it() -> None:
    once, again = (
        portfolio(studies=2, seed=3, scenes=SMALL, workers=workers) for workers in (1, 2)
    )
    assert once == again
    for rule in RULES:
        assert f"regret_{rule}" in once.figures
        assert rule in once.table()
    assert once.best_alone(*SMALL) > 0


def test_too_few_studies_are_refused() -> None:
    with pytest.raises(TaskError, match="2 studies or more"):
        portfolio(studies=1, seed=0)


def test_every_method_meets_the_same_edits() -> None:
    scene = SCENES["each runs dry"]
    start = Program(0.0, (0.0,) * len(scene.arms))
    one, other = World(scene, 5), World(scene, 5)
    other.edit(start, 1)
    assert [one.edit(start, 0) for _ in range(9)] == [other.edit(start, 0) for _ in range(9)]
    assert set(QUICK_SCENES) <= set(SCENES)
