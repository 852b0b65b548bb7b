"""Combinations of choices: which are there, and when one is built on."""

from random import Random

from move37.bench.search_study import run
from move37.bench.search_tasks import TASKS
from move37.policy.traits import traits_of
from move37.search import LineagePosterior
from move37.search.niches import NEAR, Niches
from move37.testing.search import Told

START = 'layout = "rows"\nkernel = "scalar"\nsize = 4\nfast = False\n'


class Programs:
    """A study whose programs are texts."""

    def __init__(self) -> None:
        believer = LineagePosterior()
        self.niches = Niches(believer)
        self.told = Told(believer, self.niches)
        self.texts = {0: START}
        self.told.score(0, 1.0, 1.1, 0.9)

    def change(self, parent: int, old: str, new: str, score: float | None = 1.0) -> int:
        text = self.texts[parent].replace(old, new)
        before, after = ({"p.py": one.encode()} for one in (self.texts[parent], text))
        id = self.told.open(parent, traits=traits_of(before, after))
        self.texts[id] = text
        if score is None:
            return self.told.fail(id)
        return self.told.score(id, score)

    def drawn(self, best: int, *, experiments: int = 10**6) -> set[int | None]:
        """What comes of many draws."""
        return {self.niches.draw(best, experiments, Random(seed)) for seed in range(300)}


def test_numbers_are_no_choices() -> None:
    study = Programs()
    best = study.change(0, "size = 4", "size = 8", 2.0)
    assert study.drawn(best) == {None}


def test_the_best_program_that_has_chosen_otherwise_is_built_on() -> None:
    study = Programs()
    columns = study.change(0, "rows", "columns", 0.5)
    better = study.change(columns, "size = 4", "size = 8", 0.9)
    assert study.drawn(0) == {None, better}
    assert study.drawn(better) == {None, 0}


def test_flags_and_names_are_choices_as_strings_are() -> None:
    study = Programs()
    flag = study.change(0, "fast = False", "fast = True", 0.5)
    assert study.drawn(0) == {None, flag}


def test_a_choice_that_is_taken_back_leaves_no_trace() -> None:
    study = Programs()
    there = study.change(0, '"rows"', '"columns"', 0.5)
    back = study.change(there, '"columns"', '"rows"', 1.5)
    assert study.niches.of(back) == study.niches.of(0) == frozenset()
    assert study.drawn(back) == {None, there}


def test_what_differs_in_many_choices_is_not_drawn() -> None:
    study = Programs()
    far = 0
    for old, new in (("rows", "columns"), ("scalar", "vector"), ("False", "True")):
        far = study.change(far, old, new, 0.5)
    distances = {id: len(study.niches.of(id)) for id in study.drawn(0) if id is not None}
    assert set(distances.values()) == {1, NEAR}


def test_a_program_that_failed_is_not_built_on() -> None:
    study = Programs()
    study.change(0, "rows", "columns", None)
    assert study.drawn(0) == {None}


def test_what_helps_alone_is_collected_first() -> None:
    study = Programs()
    study.change(0, "rows", "columns", 0.5)

    def share(experiments: int) -> float:
        draws = [study.niches.draw(0, experiments, Random(seed)) for seed in range(2000)]
        return sum(drawn is not None for drawn in draws) / len(draws)

    assert share(10) < 0.06 < 0.2 < share(400) < 0.3


def test_where_there_are_many_choices_few_turns_go_to_them() -> None:
    text = "".join(f'part_{i} = "old"\n' for i in range(20))
    study = Programs()
    study.texts[0] = text
    for i in range(20):
        study.change(0, f'part_{i} = "old"', f'part_{i} = "new"', 0.5)
    draws = [study.niches.draw(0, 10**6, Random(seed)) for seed in range(2000)]
    assert 0 < sum(drawn is not None for drawn in draws) < 0.05 * len(draws)


def test_a_new_epoch_begins_without_choices() -> None:
    study = Programs()
    study.change(0, "rows", "columns", 0.5)
    study.told.score(study.told.start(), 1.0)
    assert study.drawn(study.told.history.baseline.id) == {None}


def test_two_choices_that_pay_only_together_are_found() -> None:
    assert sum(run(TASKS["deceptive"], "lineage", seed, 400).gain > 0.4 for seed in range(4)) >= 3
