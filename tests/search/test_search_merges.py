"""When branches are merged, and when not."""

import pytest

from move37.core.facts import Opened, Rejected, SessionStarted
from move37.core.protocols import Believer, Search
from move37.core.records import CONFLICT, MERGE, Belief, Budget, Extend, Failed
from move37.search import LineagePosterior, make_search
from move37.testing.search import CHECKS, PROPOSERS, SearchContract, Told


class TestMerges(SearchContract):
    @pytest.fixture
    def believer(self) -> Believer:
        return LineagePosterior()

    @pytest.fixture
    def search(self, believer: Believer) -> Search:
        # Who merges is one of those that the contract knows.
        return make_search(
            "lineage", believer, proposers=PROPOSERS, checks=CHECKS, merger=PROPOSERS[0]
        )


def study(*resolvers: str) -> tuple[Told, LineagePosterior, Search]:
    believer = LineagePosterior()
    search = make_search(
        "lineage", believer, proposers=PROPOSERS, checks=CHECKS, merger=MERGE, resolvers=resolvers
    )
    told = Told(believer, search)
    budget = Budget(experiments=1000)
    told.tell(SessionStarted(version="", workers=1, sandbox="", budget=budget))
    return told, believer, search


def two_branches(told: Told) -> tuple[int, int]:
    """Of the baseline, each with a gain of its own; the champion first."""
    told.score(0, 1.0, 1.0, 1.0)
    other = told.score(told.open(0), 3.0)
    best = told.score(told.open(0), 4.0)
    for _ in range(8):
        told.score(told.open(0), 0.9)
    return best, other


def mean(belief: Belief | None) -> float:
    assert belief is not None
    return belief.mean


def sum_of_gains(believer: LineagePosterior, one: int, other: int, meeting: int) -> float:
    first, second, base = (mean(believer.belief(each)) for each in (one, other, meeting))
    return first + second - base


def merge_chosen(told: Told, search: Search) -> Extend | None:
    choice = search.choose(told.history, pending=frozenset(), seed=0)
    assert isinstance(choice, Extend)
    return choice if len(choice.parents) > 1 else None


def refuse(told: Told, choice: Extend, reason: str) -> None:
    id = len(told.history)
    told.tell(
        Opened(experiment=id, epoch=0, parents=choice.parents, proposer=choice.proposer, seed=id)
    )
    told.tell(Rejected(experiment=id, failed=Failed(stage="propose", reason=reason)))


def test_two_branches_with_gains_of_their_own_are_merged_once() -> None:
    told, believer, search = study()
    best, other = two_branches(told)
    assert merge_chosen(told, search) == Extend(parents=(best, other), proposer=MERGE)
    expected = sum_of_gains(believer, best, other, 0)
    merge = told.open(best, other)
    assert mean(believer.predict(merge)) == pytest.approx(expected)
    assert merge_chosen(told, search) is None, "it is under way"
    told.score(merge, 6.0)
    assert believer.ranking(1) == [merge]
    assert merge_chosen(told, search) is None, "the champion has both"


def test_a_branch_that_was_merged_in_is_not_counted_twice() -> None:
    told, believer, search = study()
    best, other = two_branches(told)
    merge = told.score(told.open(best, other), 6.0)
    below = told.score(told.open(other), 4.5)
    assert merge_chosen(told, search) == Extend(parents=(merge, below), proposer=MERGE)
    expected = sum_of_gains(believer, merge, below, other)
    assert mean(believer.predict(told.open(merge, below))) == pytest.approx(expected)


def test_a_merge_that_brings_too_little_is_not_tried() -> None:
    told, _, search = study()
    told.score(0, 1.0, 1.0, 1.0)
    told.score(told.open(0), 1.01)
    told.score(told.open(0), 4.0)
    assert merge_chosen(told, search) is None


def test_a_conflict_goes_once_to_who_can_resolve_it() -> None:
    told, _, search = study("llm")
    best, other = two_branches(told)
    merge = merge_chosen(told, search)
    assert merge is not None
    refuse(told, merge, f"{CONFLICT}: both changed a.py at line 3 in different ways")
    again = merge_chosen(told, search)
    assert again is not None
    assert again == Extend(parents=(best, other), proposer="llm")
    refuse(told, again, "the answer changes nothing")
    assert merge_chosen(told, search) is None


@pytest.mark.parametrize("reason", [f"{CONFLICT}: both changed it", "the same program as x3"])
def test_without_one_a_merge_that_came_to_nothing_is_not_tried_again(reason: str) -> None:
    told, _, search = study()
    two_branches(told)
    merge = merge_chosen(told, search)
    assert merge is not None
    refuse(told, merge, reason)
    assert merge_chosen(told, search) is None


def test_a_busy_merger_is_not_chosen() -> None:
    told, _, search = study()
    two_branches(told)
    choice = search.choose(told.history, pending=frozenset(), seed=0, busy=frozenset({MERGE}))
    assert isinstance(choice, Extend)
    assert len(choice.parents) == 1


def test_where_edits_do_not_go_together_few_merges_are_tried() -> None:
    told, _, search = study()
    told.score(0, 1.0, 1.0, 1.0)
    merges = 0
    for round in range(40):
        told.score(told.open(0), 3.0 + round / 100)
        while (merge := merge_chosen(told, search)) is not None:
            merges += 1
            told.score(told.open(*merge.parents), 0.0)
    assert 0 < merges <= 4


def test_a_resumed_study_merges_as_one_that_never_stopped() -> None:
    told, _, search = study()
    two_branches(told)
    again = LineagePosterior()
    resumed = make_search("lineage", again, proposers=PROPOSERS, checks=CHECKS, merger=MERGE)
    for fact in told.facts:
        again.add(fact)
        resumed.add(fact)
    assert merge_chosen(told, resumed) == merge_chosen(told, search) is not None
