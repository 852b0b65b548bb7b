from collections.abc import Iterable
from dataclasses import replace

import pytest

from move37.core.errors import StudyError
from move37.core.facts import (
    Answered,
    Asked,
    Checked,
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Rejected,
    Row,
    SessionEnded,
    SessionStarted,
    Submitted,
    Tried,
)
from move37.core.history import History
from move37.core.records import Failed, Measured, Outcome, Trial


def epoch(baseline: int = 0, number: int = 0) -> EpochStarted:
    return EpochStarted(
        epoch=number,
        fingerprint=f"f{number}",
        task={},
        baseline=baseline,
        commit="c0",
        identity="i0",
        seed=1,
    )


def opened(experiment: int, *parents: int, number: int = 0) -> Opened:
    return Opened(
        experiment=experiment, epoch=number, parents=parents, proposer="tune", seed=experiment
    )


def proposed(experiment: int, identity: str | None = None) -> Proposed:
    return Proposed(
        experiment=experiment,
        commit=f"c{experiment}",
        identity=identity or f"i{experiment}",
        move="tune.number",
        hypothesis="because",
        usd=0.5,
    )


def tried(experiment: int, score: float | None, index: int = 0) -> Tried:
    outcome: Outcome = Failed(stage="run", reason="it crashed")
    if score is not None:
        outcome = Measured(
            score=score, metrics={"m": score}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0
        )
    trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
    return Tried(experiment=experiment, trial=trial)


def fold(facts: Iterable[Fact]) -> History:
    history = History()
    for seq, fact in enumerate(facts, 1):
        history.add(Row(seq, float(seq), fact))
    return history


def test_an_experiment_runs_until_its_first_trial_ends() -> None:
    history = fold([epoch(), tried(0, 1.0), opened(1, 0), proposed(1)])
    assert [experiment.id for experiment in history.running()] == [1]
    history.add(Row(5, 5.0, tried(1, 2.0)))
    assert not history.running()
    assert history[1].is_measured


def test_a_program_whose_first_trial_failed_has_failed() -> None:
    history = fold([epoch(), opened(1, 0), proposed(1), tried(1, None), tried(1, 3.0, index=1)])
    assert isinstance(history[1].outcome, Failed)
    assert history[1].scores() == (3.0,)


def test_a_failed_repeat_does_not_undo_a_good_trial() -> None:
    history = fold([epoch(), tried(0, 1.0), tried(0, None, index=1)])
    assert history[0].is_measured
    assert history[0].count("search") == 2


def test_a_program_is_found_by_its_identity_within_its_epoch() -> None:
    facts = [epoch(), opened(1, 0), proposed(1, "same"), epoch(2, number=1)]
    assert fold(facts[:-1]).same_program("same") == 1
    assert fold(facts).same_program("same") is None


def test_the_budget_counts_what_was_opened_in_this_epoch() -> None:
    facts = [epoch(), opened(1, 0), opened(2, 0), epoch(3, number=1), opened(4, 3, number=1)]
    assert fold(facts).spent() == 1
    assert [experiment.id for experiment in fold(facts).current()] == [3, 4]


def test_proposals_that_came_to_nothing_are_counted_until_one_comes_to_something() -> None:
    nothing = Failed(stage="propose", reason="no")
    rejections = [Rejected(experiment=1, failed=nothing), Rejected(experiment=2, failed=nothing)]
    facts = [epoch(), opened(1, 0), opened(2, 0), *rejections]
    assert fold(facts).rejected_in_a_row == 2
    assert fold([*facts, opened(3, 0), proposed(3)]).rejected_in_a_row == 0


def test_checks_are_passed_failed_or_not_run() -> None:
    history = fold([epoch(), Checked(experiment=0, check="types", passed=True)])
    assert history[0].passes([]) is True
    assert history[0].passes(["types"]) is True
    assert history[0].passes(["types", "tests"]) is None
    history.add(Row(3, 3.0, Checked(experiment=0, check="tests", passed=False)))
    assert history[0].passes(["types", "tests"]) is False


def test_the_time_between_sessions_is_nobodys_work() -> None:
    history = History()
    session = SessionStarted(version="1", workers=1, sandbox="A")
    facts: list[tuple[float, Fact]] = [
        (100.0, session),
        (110.0, epoch()),  # and then it was killed
        (500.0, session),
        (520.0, tried(0, 1.0)),
        (525.0, SessionEnded(reason="budget")),
        (900.0, session),
    ]
    for seq, (at, fact) in enumerate(facts, 1):
        history.add(Row(seq, at, fact))
    assert history.seconds_worked == 35.0


def test_dollars_add_up() -> None:
    facts = [epoch(), opened(1, 0), proposed(1), opened(2, 0), proposed(2)]
    assert fold(facts).usd == 1.0


def test_asking_for_an_experiment_that_is_not_there_says_which_are() -> None:
    with pytest.raises(StudyError, match="there is no experiment x7; this study has x0 to x0"):
        fold([epoch()])[7]


def test_facts_that_do_not_follow_each_other_are_refused() -> None:
    with pytest.raises(StudyError, match="x5 was opened where x1 comes next"):
        fold([epoch(), opened(5, 0)])


def asked(experiment: int, round: int = 0, usd_at_most: float = 0.3) -> Asked:
    return Asked(experiment=experiment, round=round, model="m", usd_at_most=usd_at_most)


def answered(experiment: int, round: int = 0, usd: float = 0.1) -> Answered:
    return Answered(experiment=experiment, round=round, model="m", usd=usd)


def told(*facts: Fact) -> History:
    history = History()
    for seq, fact in enumerate((epoch(), *facts), start=1):
        history.add(Row(seq, float(seq), fact))
    return history


def test_a_question_is_as_dear_as_it_may_be_until_it_is_answered() -> None:
    history = told(opened(1, 0), asked(1))
    assert (history.usd, history.usd_committed) == (0.0, 0.3)
    assert history[1].awaits == asked(1)
    history = told(opened(1, 0), asked(1), answered(1))
    assert history.usd == history.usd_committed == history[1].usd == 0.1
    assert history[1].awaits is None
    assert history[1].is_running


def test_a_question_that_was_lost_stays_as_dear_as_it_may_have_been() -> None:
    history = told(opened(1, 0), asked(1), asked(1), answered(1))
    assert history.usd == pytest.approx(0.4)
    assert history.usd_committed == pytest.approx(0.4)
    assert len(history[1].answers) == 1


def test_a_second_round_awaits_its_own_answer() -> None:
    history = told(opened(1, 0), asked(1), answered(1), asked(1, round=1))
    assert history[1].awaits == asked(1, round=1)
    assert history.usd_committed == pytest.approx(0.4)


def test_questions_that_a_new_epoch_leaves_behind_are_paid() -> None:
    history = told(opened(1, 0), asked(1), epoch(baseline=2, number=1))
    assert history.usd == history.usd_committed == 0.3


def test_what_is_handed_in_waits_until_it_is_opened() -> None:
    submitted = Submitted(ticket="t1", author="ada", base=0, hypothesis="it may help")
    history = told(submitted)
    assert list(history.waiting) == [submitted]
    assert history.opened_for("t1") is None
    history = told(submitted, replace(opened(1, 0), ticket="t1"))
    assert list(history.waiting) == []
    assert history.opened_for("t1") == 1
    assert history[1].ticket == "t1"
