"""What the strategies choose."""

import pytest

from move37.core.errors import TaskError
from move37.core.protocols import Believer, Search
from move37.core.records import Extend
from move37.core.stagnation import stagnation
from move37.search import SEARCHES, LineagePosterior, champion, contender, make_search
from move37.testing.search import CHECKS, PROPOSERS, SearchContract, Told, grow


class _Contract(SearchContract):
    name: str

    @pytest.fixture
    def believer(self) -> Believer:
        return LineagePosterior()

    @pytest.fixture
    def search(self, believer: Believer) -> Search:
        return make_search(self.name, believer, proposers=PROPOSERS, checks=CHECKS)


class TestLineage(_Contract):
    name = "lineage"


class TestPuct(_Contract):
    name = "puct"


class TestIslands(_Contract):
    name = "islands"


class TestBeam(_Contract):
    name = "beam"


class TestGreedy(_Contract):
    name = "greedy"


class TestBestOfN(_Contract):
    name = "best_of_n"


def study(name: str) -> tuple[Told, LineagePosterior, Search]:
    believer = LineagePosterior()
    search = make_search(name, believer, proposers=PROPOSERS, checks=CHECKS)
    return Told(believer, search), believer, search


def parent_chosen(told: Told, search: Search, seed: int = 0) -> int:
    choice = search.choose(told.history, pending=frozenset(), seed=seed)
    assert isinstance(choice, Extend)
    return choice.parents[0]


def test_without_noise_lineage_builds_on_the_best() -> None:
    told, _, search = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    told.score(told.open(0), 0.5)
    best = told.score(told.open(0), 3.0)
    told.score(told.open(0), 2.0)
    assert parent_chosen(told, search) == best


def test_a_parent_that_only_has_bad_children_wears_out() -> None:
    told, _, search = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    told.score(told.open(0), 2.0)
    best = told.score(told.open(0), 2.1, 2.1)
    parents: list[int] = []
    for _ in range(60):
        parents.append(parent_chosen(told, search))
        told.score(told.open(parents[-1]), 0.0)
    assert parents[0] == best
    assert len(set(parents)) > 2
    assert parents[:14].count(best) == max(map(parents[:14].count, parents))


def test_parallel_choices_spread_over_equals() -> None:
    told, _, search = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    for _ in range(4):
        told.score(told.open(0), 2.0)
    chosen = set[int]()
    for _ in range(4):
        chosen.add(parent_chosen(told, search))
        told.open(parent_chosen(told, search))
    assert len(chosen) == 4


def test_a_crowd_of_failed_checks_does_not_hide_the_good_one() -> None:
    told, believer, search = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    good = told.score(told.open(0), 2.0, 2.0)
    for score in range(100):
        told.check(told.score(told.open(0), 10.0 + score), passed=False)
    assert parent_chosen(told, search) == good
    assert contender(told.history, believer, CHECKS) == good


def test_a_champion_has_passed_and_a_contender_not_failed() -> None:
    told, believer, _ = study("lineage")
    assert champion(told.history, believer, CHECKS) is None
    told.score(0, 1.0, 1.0, 1.0)
    passed, unchecked, failed = (told.score(told.open(0), score) for score in (2.0, 3.0, 4.0))
    told.check(passed, passed=True)
    told.check(failed, passed=False)
    assert champion(told.history, believer, CHECKS) == passed
    assert contender(told.history, believer, CHECKS) == unchecked
    assert champion(told.history, believer, ()) == failed


def test_the_baseline_is_champion_of_a_study_in_which_nothing_is_better() -> None:
    told, believer, _ = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    told.score(told.open(0), 0.5)
    assert champion(told.history, believer, CHECKS) == 0


def test_greedy_keeps_luck_and_drops_what_fails_a_check() -> None:
    told, _, search = study("greedy")
    told.score(0, 1.0)
    told.score(told.open(0), 0.5)
    kept = told.score(told.open(0), 1.5)
    lucky = told.score(told.open(kept), 9.0, -9.0)
    assert parent_chosen(told, search) == lucky
    told.check(lucky, passed=False)
    assert parent_chosen(told, search) == kept


def test_best_of_n_always_changes_the_baseline() -> None:
    told, _, search = study("best_of_n")
    told.score(0, 1.0)
    told.score(told.open(0), 5.0)
    assert {parent_chosen(told, search, seed) for seed in range(20)} == {0}


def test_all_proposers_get_their_turn() -> None:
    told, _, search = study("lineage")
    told.score(0, 1.0)
    choices = [search.choose(told.history, pending=frozenset(), seed=seed) for seed in range(40)]
    counts = [sum(isinstance(c, Extend) and c.proposer == p for c in choices) for p in PROPOSERS]
    assert min(counts) > 10


def test_a_new_epoch_is_searched_from_its_own_baseline() -> None:
    told, _, search = study("lineage")
    told.score(0, 1.0, 0.9, 1.2)
    grow(told, search, 10)
    baseline = told.start()
    assert search.choose(told.history, pending=frozenset(), seed=0) is None
    told.score(baseline, -50.0)
    assert parent_chosen(told, search) == baseline


@pytest.mark.parametrize("name", sorted(set(SEARCHES) - {"portfolio"}))
def test_a_resumed_search_chooses_as_one_that_never_stopped(name: str) -> None:
    told, _, search = study(name)
    told.score(0, 1.0, 0.2, 0.5)
    grow(told, search, 60, at_once=2)
    again = LineagePosterior()
    resumed = make_search(name, again, proposers=PROPOSERS, checks=CHECKS)
    for fact in told.facts:
        again.add(fact)
        resumed.add(fact)
    expected = search.choose(told.history, pending=frozenset(), seed=1)
    assert resumed.choose(told.history, pending=frozenset(), seed=1) == expected


def test_an_unknown_search_is_named_with_the_known_ones() -> None:
    with pytest.raises(TaskError, match=r"no search 'linage'; the known ones are lineage, puct"):
        make_search("linage", LineagePosterior(), proposers=PROPOSERS)


def test_a_search_without_proposers_is_a_broken_task() -> None:
    with pytest.raises(TaskError, match="proposer"):
        make_search("lineage", LineagePosterior(), proposers=())


def test_a_study_that_stands_still_is_widened() -> None:
    told, _, search = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    bad = {told.score(told.open(0), 0.2) for _ in range(3)}
    for _ in range(10):
        told.score(told.open(0), 0.5)
    for _ in range(200):
        assert parent_chosen(told, search, seed=len(told.facts)) not in bad, "it may yet rise"
    bad |= {told.score(told.open(0), 0.2) for _ in range(60)}
    chosen = [parent_chosen(told, search, seed) for seed in range(400)]
    assert len(bad.intersection(chosen)) > 20
    assert chosen.count(0) > 20


def test_hope_falls_with_silence_and_a_rise_brings_it_back() -> None:
    told, believer, _ = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    stages: list[int] = []
    for _ in range(70):
        told.score(told.open(0), 0.5)
        stages.append(stagnation(told.history, believer, len(told.history)).stage)
    assert stages == sorted(stages)
    assert set(stages) == {0, 1, 2, 3}
    told.score(told.open(0), 2.0)
    assert stagnation(told.history, believer, len(told.history)).hope > 0.9
