"""What the turned constants are said to matter, against figures worked out by hand."""

from math import sqrt

import pytest

from move37.core.facts import EpochStarted, Proposed, Tried
from move37.core.records import Belief, Failed, Trial
from move37.report.charts.turns import Turns
from move37.report.tuned import importance, number_of, tuned
from move37.testing.beliefs import MeanBeliefs
from move37.testing.histories import MadeUpStudy, made_up_task

NOISE = 0.1


def turn(study: MadeUpStudy, *sites: tuple[str, str, str], value: float | None) -> int:
    id = study.open()
    study.add(
        Proposed(
            experiment=id,
            commit=f"c{id}",
            identity=f"i{id}",
            move="tune.number",
            hypothesis="",
            detail={"sites": [list(site) for site in sites]},
        )
    )
    if value is not None:
        study.trial(id, value)
    return id


@pytest.fixture
def told() -> tuple[MadeUpStudy, Turns]:
    turns = Turns()
    study = MadeUpStudy(made_up_task(minimize=True), MeanBeliefs(noise=NOISE), (turns,))
    study.baseline(3.0)
    return study, turns


def test_importance_is_the_root_mean_square_of_the_believed_effects(
    told: tuple[MadeUpStudy, Turns],
) -> None:
    study, turns = told
    turn(study, ("a.py:lr", "0.1", "0.2"), value=2.7)  # better by 0.3
    turn(study, ("a.py:lr", "0.1", "10"), value=3.4)  # worse by 0.4
    turn(study, ("a.py:width", "8", "9"), value=3.0)
    view = tuned(study.history, study.beliefs, turns)
    assert [site.site for site in view.sites] == ["a.py:lr", "a.py:width"]
    rate, width = view.sites
    assert rate.known == pytest.approx(sqrt((0.09 + 0.16) / 2))
    # Each effect is a difference of two programs with sd 0.1 each.
    assert rate.possible == pytest.approx(sqrt((0.09 + 0.16) / 2 + 2 * NOISE**2))
    assert rate.slice.effect == pytest.approx((0.3, -0.4))
    assert rate.slice.value == (0.2, 10.0)
    assert (rate.is_numeric, rate.is_log) == (True, True)
    assert width.known == pytest.approx(0.0)
    assert (view.turned, view.total) == (3, 2)


def test_what_was_turned_together_is_no_ones_effect(told: tuple[MadeUpStudy, Turns]) -> None:
    study, turns = told
    turn(study, ("a.py:lr", "0.1", "0.2"), ("a.py:act", "'relu'", "'tanh'"), value=2.0)
    act = next(
        site for site in tuned(study.history, study.beliefs, turns).sites if "act" in site.site
    )
    assert (act.known, act.possible, act.alone, act.turns) == (None, None, 0, 1)
    assert not act.is_numeric
    assert act.slice.alone == (False,)


def test_failures_have_no_effect_and_an_epoch_starts_afresh(
    told: tuple[MadeUpStudy, Turns],
) -> None:
    study, turns = told
    id = turn(study, ("a.py:lr", "0.1", "0"), value=None)
    failed = Failed(stage="run", reason="it exited with 1")
    study.add(Tried(experiment=id, trial=Trial(purpose="search", index=0, seed=1, outcome=failed)))
    (site,) = tuned(study.history, study.beliefs, turns).sites
    assert (site.unmeasured, site.known, site.slice.effect) == (1, None, (None,))
    study.baseline(3.0)
    assert isinstance(study.facts[-2], EpochStarted)
    assert tuned(study.history, study.beliefs, turns).sites == ()


def test_many_constants_are_cut_to_the_most_important(told: tuple[MadeUpStudy, Turns]) -> None:
    study, turns = told
    for n in range(40):
        turn(study, (f"a.py:k{n}", "1", "2"), value=3.0 - n / 100)
    view = tuned(study.history, study.beliefs, turns)
    assert (view.total, len(view.sites)) == (40, 24)
    assert view.sites[0].site == "a.py:k39"


def test_no_turns_no_importance() -> None:
    assert importance([]) == (None, None)
    assert importance([Belief(-2.0, 1.0)]) == (2.0, pytest.approx(sqrt(5.0)))


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        ("1e-3", 0.001),
        ("1_000", 1000.0),
        ("0x10", 16.0),
        (" -2 ", -2.0),
        ("'adam'", None),
        ("True", None),
        ("inf", None),
        ("nan", None),
        ("", None),
    ],
)
def test_numbers_are_read_as_programs_spell_them(spelled: str, value: float | None) -> None:
    assert number_of(spelled) == value
