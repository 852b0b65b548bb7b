"""Move 37s: marked when nobody would have bet on them and fresh evidence is for them, and only then."""

from dataclasses import replace

from move37.core.facts import Proposed
from move37.core.records import Belief, Guess, Verdict
from move37.report.surprises import LEAST, expected, move37s, surprises, surprises_text
from move37.report.text import detail_text, listing_text
from move37.report.views import detail, listing
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task

LONG_SHOT = 30
"""The experiment with the lowest prior."""


class SureBeliefs(MeanBeliefs):
    """Differences are as sure as their means are far apart."""

    def difference(self, experiment: int, other: int) -> Belief | None:
        found = super().difference(experiment, other)
        return None if found is None else Belief(found.mean, 0.001)


def propose(study: MadeUpStudy, prior: float, value: float, *, informed: int = 50) -> int:
    id = study.open()
    guess = Guess(prior=prior, mean=0.0, sd=0.05, fails=0.0, learned_from=informed)
    study.add(
        Proposed(
            experiment=id,
            commit=f"c{id}",
            identity=f"i{id}",
            move="tune.number",
            hypothesis=f"idea {id}",
            guess=guess,
        )
    )
    study.trial(id, value)
    return id


def a_study(*, others: int = LEAST, informed: int = 50, gain: float = 0.5) -> MadeUpStudy:
    """One experiment that nobody would have bet on and that gained, among others that did nothing."""
    study = MadeUpStudy(made_up_task(minimize=False), SureBeliefs(noise=0.01))
    study.baseline(1.0, 1.0)
    for number in range(others):
        prior, value = (0.01, 1.0 + gain) if number == LONG_SHOT - 1 else (0.2 + number / 1000, 1.0)
        propose(study, prior, value, informed=informed)
    return study


def marked(study: MadeUpStudy) -> list[int]:
    return [found.experiment for found in move37s(study.history, study.beliefs)]


def test_a_certified_gain_that_nobody_would_have_bet_on_is_a_move_37() -> None:
    study = a_study()
    study.certificate(LONG_SHOT, effect=0.5, margin=0.1, base=1.0)
    assert marked(study) == [LONG_SHOT]
    [found] = move37s(study.history, study.beliefs)
    assert found.prior_rank <= 0.05
    assert found.certified_effect == 0.5
    assert "its prior was 1" in found.told
    assert "certified to be better than x0" in found.told


def test_without_a_certificate_it_is_only_believed() -> None:
    study = a_study()
    assert marked(study) == []
    [found] = surprises(study.history, study.beliefs)
    assert found.experiment == LONG_SHOT
    assert "no certificate says yet" in found.told
    assert "certified to be" not in found.told


def test_a_certificate_that_claims_nothing_marks_nothing() -> None:
    study = a_study()
    study.certificate(LONG_SHOT, effect=0.5, margin=1.0, base=1.0, claim=False)
    assert marked(study) == []


def test_a_gain_that_was_expected_is_no_move_37() -> None:
    study = a_study()
    favourite = propose(study, 0.9, 1.6)
    study.certificate(favourite, effect=0.6, margin=0.1, base=1.0)
    assert marked(study) == []


def test_a_small_change_of_a_good_program_is_no_move_37() -> None:
    """Its certificate is against the baseline, and all of the gain is its parent's."""
    study = a_study(gain=0.0)
    parent = propose(study, 0.5, 2.0)
    id = study.open(parent)
    guess = Guess(prior=0.001, mean=0.0, sd=0.05, fails=0.0, learned_from=50)
    study.add(
        Proposed(
            experiment=id, commit="c", identity="i", move="m", hypothesis="nothing", guess=guess
        )
    )
    study.trial(id, 2.0)
    study.certificate(id, effect=1.0, margin=0.1, base=1.0)
    assert marked(study) == []


def test_too_short_a_study_marks_nothing() -> None:
    study = a_study(others=LEAST - 1)
    study.certificate(LONG_SHOT, effect=0.5, margin=0.1, base=1.0)
    assert marked(study) == []


def test_priors_from_nothing_do_not_count() -> None:
    study = a_study(informed=3)
    study.certificate(LONG_SHOT, effect=0.5, margin=0.1, base=1.0)
    assert marked(study) == []
    assert surprises(study.history, study.beliefs) == ()


def test_many_equal_priors_are_not_the_lowest() -> None:
    study = MadeUpStudy(made_up_task(minimize=False), SureBeliefs(noise=0.01))
    study.baseline(1.0, 1.0)
    for number in range(LEAST + 1):
        propose(study, 0.2, 1.5 if number == 7 else 1.0)
    study.certificate(8, effect=0.5, margin=0.1, base=1.0)
    assert marked(study) == []


def test_later_facts_of_others_do_not_change_what_was_expected() -> None:
    study = a_study()
    study.certificate(LONG_SHOT, effect=0.5, margin=0.1, base=1.0)
    before = move37s(study.history, study.beliefs)[0]
    propose(study, 0.5, 0.9)
    after = move37s(study.history, study.beliefs)[0]
    assert (before.prior, before.expected) == (after.prior, after.expected)


def test_they_come_first_and_are_starred_in_the_list_and_explained_in_show() -> None:
    study = a_study()
    study.certificate(LONG_SHOT, effect=0.5, margin=0.1, base=1.0)
    judge = _judge
    rows = listing(study.task, study.history, study.beliefs, LONG_SHOT, judge=judge)
    assert [row.experiment for row in rows.rows if row.is_move37] == [LONG_SHOT]
    assert "\u2736 move 37: idea 30" in listing_text(rows, width=None)
    shown = detail(study.task, study.history, study.beliefs, LONG_SHOT, LONG_SHOT, judge=judge)
    assert shown.move37 is not None
    assert "as low as that of" in detail_text(shown, width=None)
    told = surprises_text(
        move37s(study.history, study.beliefs), surprises(study.history, study.beliefs)
    )
    assert told.startswith("\u2736 move 37: x30")
    assert "not certified" not in told


def test_what_is_only_believed_is_said_to_be() -> None:
    study = a_study()
    told = surprises_text((), surprises(study.history, study.beliefs))
    assert told.startswith("believed, not certified")


def test_a_guess_is_told_with_where_it_came_from() -> None:
    guess = Guess(prior=0.25, mean=0.1, sd=0.05, fails=0.5, learned_from=12)
    assert "50.0 % likely to fail" in expected(guess)
    assert "from 12 changes before it" in expected(guess)
    assert "likely to fail" not in expected(replace(guess, fails=0.0))


def _judge(experiment: int) -> tuple[Verdict, str]:
    return Verdict.UNCLEAR, "nobody asked"
