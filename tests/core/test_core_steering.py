"""What stands of people's orders, folded from the facts."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import StudyError
from move37.core.facts import (
    Fact,
    Opened,
    Posted,
    Rejected,
    Retracted,
    Row,
    SessionStarted,
    Steered,
)
from move37.core.history import History
from move37.core.records import Budget, Failed, Order
from move37.core.steering import IDEA_TRIES
from move37.report.steering import order_log, standing_orders, vetoed_above
from move37.testing.histories import MadeUpStudy, made_up_task


def steered(does: str, *, live: bool = True, **order: object) -> Steered:
    given = Order(does=does, **order)  # pyright: ignore[reportArgumentType]
    return Steered(ticket=f"s-{does}-{order}", author="ada", order=given, is_live=live)


def made_up() -> MadeUpStudy:
    study = MadeUpStudy(made_up_task())
    study.baseline(1.0)
    for value in (0.9, 0.8, 0.7):
        study.experiment(value)
    return study


def test_pins_and_vetoes_hold_until_they_are_taken_back_and_a_veto_ends_a_pin() -> None:
    study = made_up()
    steering = study.history.steering
    for fact in (steered("pin", experiment=2), steered("pin", experiment=1)):
        study.add(fact)
    assert list(steering.pins) == [2, 1]
    study.add(steered("veto", experiment=2, reason="cheats"))
    assert (list(steering.pins), list(steering.vetoes)) == ([1], [2])
    study.add(steered("unveto", experiment=2))
    study.add(steered("unpin", experiment=1))
    assert not steering.pins
    assert not steering.vetoes
    shown = order_log(study.history)
    assert [one.told for one in shown][:2] == ["unpin x1", "unveto x2"]
    assert not any(one.stands for one in shown)


def test_what_descends_from_a_vetoed_program_says_so() -> None:
    study = made_up()
    child = study.experiment(0.6, parents=(2,))
    merged = study.experiment(0.5, parents=(3, child))
    study.add(steered("veto", experiment=2))
    above = [vetoed_above(study.history, one) for one in (0, 1, 2, child, 3, merged)]
    assert above == [None, None, None, 2, None, 2]


def test_an_order_about_an_experiment_that_is_not_there_contradicts_the_facts() -> None:
    with pytest.raises(StudyError, match="no experiment x9"):
        made_up().add(steered("pin", experiment=9))


def test_a_kind_of_move_is_held_with_all_that_begin_with_it() -> None:
    study = made_up()
    study.add(steered("hold", way="move", name="tune"))
    steering = study.history.steering
    assert steering.holds("move", "tune.number")
    assert steering.holds("move", "tune")
    assert not steering.holds("move", "tuned.number")
    assert not steering.holds("proposer", "tune")
    study.add(steered("release", way="move", name="tune"))
    assert not steering.holds("move", "tune.number")


def test_paused_time_is_nobodys_work() -> None:
    history = History()
    session = SessionStarted(version="0", workers=1, sandbox="")
    timed: list[tuple[float, Fact]] = [
        (0.0, session),
        (10.0, steered("pause")),
        (100.0, steered("resume")),
        (105.0, steered("hold", way="file", name="a.py")),
        (200.0, steered("pause")),
        (900.0, session),  # killed, and begun again while paused
        (950.0, steered("resume")),
        (960.0, steered("release", way="file", name="a.py")),
        (9000.0, steered("pause", live=False)),  # killed before; nobody was at work then
    ]
    worked: list[float] = []
    for seq, (at, fact) in enumerate(timed, 1):
        history.add(Row(seq, at, fact))
        worked.append(history.seconds_worked)
    assert worked == [0.0, 10.0, 10.0, 15.0, 110.0, 110.0, 110.0, 120.0, 120.0]


@pytest.mark.parametrize(
    ("next_asked", "effective"),
    [(100, 200), (50, 50), (200, 200)],
    ids=["the same command goes on under the order", "another wish wins", "or says the same"],
)
def test_a_budget_order_holds_until_something_else_is_asked_for(
    next_asked: int, effective: int
) -> None:
    study, asked = made_up(), Budget(experiments=100, hours=8.0)
    session = SessionStarted(version="0", workers=1, sandbox="", budget=asked, asked=asked)
    study.add(session)
    study.add(steered("budget", resource="experiments", amount=200.0))
    assert study.history.budget == Budget(experiments=200, hours=8.0)
    again = replace(asked, experiments=next_asked)
    steering = study.history.steering
    assert steering.budget(again).experiments == effective
    study.add(replace(session, budget=steering.budget(again), asked=again))
    assert study.history.budget.experiments == effective
    stands = next_asked == 100
    assert dict(steering.limits) == ({"experiments": 200.0} if stands else {})


def test_a_budget_that_is_ordered_before_the_first_session_holds_for_it() -> None:
    history = History()
    history.add(Row(1, 1.0, steered("budget", resource="hours", amount=None)))
    assert history.steering.budget(Budget(hours=3.0)) == Budget(hours=None)


def idea(study: MadeUpStudy, text: str) -> int:
    post = len(study.history.board) + 1
    study.add(
        Posted(
            post=post, ticket=f"b{post}", kind="idea", text=text, author="ada",
            role="person", taint="person", queued=True,
        )
    )  # fmt: skip
    return post


def try_idea(study: MadeUpStudy, post: int) -> int:
    id = len(study.history)
    study.add(Opened(experiment=id, epoch=0, parents=(0,), proposer="llm", seed=1, idea=post))
    return id


def test_an_idea_that_came_to_nothing_waits_again_but_not_for_ever() -> None:
    study = made_up()
    first, second = idea(study, "wider"), idea(study, "deeper")
    steering = study.history.steering
    for _ in range(IDEA_TRIES):
        assert steering.next_idea() == first
        failed = Failed(stage="propose", reason="no answer")
        study.add(Rejected(experiment=try_idea(study, first), failed=failed))
    assert steering.ideas == [second]
    assert len(steering.tried(first)) == IDEA_TRIES
    study.add(Retracted(post=second, ticket="b9", author="ada"))
    assert steering.next_idea() is None


def test_a_new_epoch_has_no_pins_and_ideas_that_were_under_way_wait_again() -> None:
    study = made_up()
    post = idea(study, "wider")
    study.add(steered("pin", experiment=1))
    try_idea(study, post)
    assert study.history.steering.ideas == []
    study.baseline(1.0)
    assert study.history.steering.ideas == [post]
    assert not study.history.steering.pins


def test_what_was_let_go_by_a_hold_counts_against_no_budget() -> None:
    study = made_up()
    spent = study.history.spent()
    failed = Failed(stage="propose", reason="held")
    study.add(Rejected(experiment=study.open(), failed=failed, held=True))
    assert study.history.spent() == spent


@given(st.lists(st.sampled_from(["pause", "resume", "stop", "text"]), max_size=12))
def test_the_study_is_paused_exactly_when_the_latest_such_order_says_so(deeds: list[str]) -> None:
    study = made_up()
    for deed in deeds:
        study.add(steered(deed))
    latest = [deed for deed in deeds if deed in ("pause", "resume")][-1:]
    shown = standing_orders(study.history, can_try=False)
    assert (shown.paused is not None) == (latest == ["pause"])
