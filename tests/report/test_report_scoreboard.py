"""The standing that is shown while a study runs is the one that is shown afterwards."""

from hypothesis import given
from hypothesis import strategies as st

from move37.core.records import Verdict
from move37.report.scoreboard import Scoreboard
from move37.report.staircase import staircase
from move37.report.views import status_view
from move37.testing.histories import MadeUpStudy, made_up_task

MOVES = st.lists(st.sampled_from(["better", "worse", "failed", "rejected"]), max_size=30)


def tell(study: MadeUpStudy, moves: list[str]) -> int:
    """Append experiments; return the champion."""
    champion, value = 0, 5.0
    for move in moves:
        match move:
            case "better":
                value -= 0.1
                champion = study.experiment(value, parents=(champion,))
            case "worse":
                study.experiment(6.0, parents=(champion,))
            case "failed":
                study.failure(champion)
            case _:
                study.rejection(champion)
    return champion


@given(MOVES)
def test_counting_as_facts_come_equals_counting_at_the_end(moves: list[str]) -> None:
    board = Scoreboard()
    study = MadeUpStudy(made_up_task(), folds=(board,))
    study.baseline(5.0)
    champion = tell(study, moves)
    standing = board.standing(study.history, study.beliefs, champion)
    status = status_view(
        study.task, study.history, study.beliefs, champion, judge=lambda _: (Verdict.UNCLEAR, "")
    )
    assert standing.opened == status.spent.experiments
    assert standing.measured == status.measured
    assert standing.failed == sum(status.failures.values())
    assert standing.kept == status.kept


def test_a_champion_that_was_unmasked_stays_counted_as_kept_for_the_session() -> None:
    board = Scoreboard()
    study = MadeUpStudy(made_up_task(), folds=(board,))
    study.baseline(5.0)
    assert board.standing(study.history, study.beliefs, 0).kept == 0
    lucky = study.experiment(4.0)
    assert board.standing(study.history, study.beliefs, lucky).kept == 1
    for _ in range(9):
        study.trial(lucky, 5.5)
    assert board.standing(study.history, study.beliefs, 0).kept == 1


def test_the_staircase_is_seen_from_today() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(5.0)
    lucky = study.experiment(4.0)
    study.trial(lucky, 6.5)
    good = study.experiment(4.8)
    assert [id for id, _ in staircase(study.history, study.beliefs, good)] == [0, good]


def test_the_staircase_does_not_rise_above_the_champion() -> None:
    study = MadeUpStudy(made_up_task())
    study.baseline(5.0)
    cheat = study.experiment(1.0)
    study.check(cheat, "tests", passed=False)
    good = study.experiment(4.8)
    assert [id for id, _ in staircase(study.history, study.beliefs, good)] == [0, good]
