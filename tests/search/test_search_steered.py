"""What strategies do with what people pinned and vetoed."""

import pytest

from move37.core.facts import Steered
from move37.core.records import Extend, Order
from move37.search import SEARCHES, LineagePosterior, champion, contender, make_search
from move37.search.pins import Pins
from move37.testing.search import CHECKS, PROPOSERS, Told, grow


def steer(told: Told, does: str, experiment: int) -> None:
    order = Order(does=does, experiment=experiment)  # pyright: ignore[reportArgumentType]
    told.tell(Steered(ticket="", author="ada", order=order))


def study(name: str) -> tuple[Told, LineagePosterior, Pins]:
    believer = LineagePosterior()
    made = make_search(name, believer, proposers=PROPOSERS, checks=CHECKS, merger="merge")
    search = Pins(made, merger="merge")
    return Told(believer, search), believer, search


@pytest.mark.parametrize("name", SEARCHES)
def test_nothing_is_built_on_a_vetoed_program_and_then_it_may_be_again(name: str) -> None:
    told, believer, search = study(name)
    told.score(0, 1.0, 0.9, 1.1)
    grow(told, search, 12)
    best = next(one for one in believer.ranking(99) if one > 0)
    steer(told, "veto", best)
    for seed in range(24):
        choice = search.choose(told.history, pending=frozenset(), seed=seed)
        if isinstance(choice, Extend):
            assert best not in choice.parents
            told.score(told.open(*choice.parents), 0.5 + seed / 100)
    assert best not in {contender(told.history, believer, ()), champion(told.history, believer, ())}
    steer(told, "unveto", best)
    assert champion(told.history, believer, ()) == believer.ranking(1)[0]


def test_pinned_programs_take_turns_whatever_the_search_would_choose() -> None:
    told, _, search = study("lineage")
    told.score(0, 1.0, 1.0, 1.0)
    bad, worse = told.score(told.open(0), 0.2), told.score(told.open(0), 0.1)
    told.score(told.open(0), 3.0)
    steer(told, "pin", worse)
    built = [next_parent(told, search)]
    steer(told, "pin", bad)
    built += [next_parent(told, search) for _ in range(4)]
    assert built[0] == worse
    assert sorted(built[1:]) == sorted([bad, bad, worse, worse])
    steer(told, "unpin", worse)
    assert [next_parent(told, search) for _ in range(2)] == [bad, bad]
    steer(told, "veto", bad)
    assert next_parent(told, search) not in (bad, worse)


def next_parent(told: Told, search: Pins) -> int:
    choice = search.choose(told.history, pending=frozenset(), seed=len(told.history))
    assert isinstance(choice, Extend)
    assert choice.proposer in PROPOSERS
    told.score(told.open(*choice.parents), 0.0)
    return choice.parents[0]
