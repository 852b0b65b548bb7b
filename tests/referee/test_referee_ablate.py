"""Which edits matter: what is dropped, what is kept, and that a good program is never spoiled."""

from dataclasses import replace

import pytest
from ablation_lab import Lab
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.core.errors import StudyError
from move37.referee.ablate import audit_ablations, open_ablation


def test_without_noise_all_that_does_nothing_is_dropped() -> None:
    told = Lab([1.0, 0.0, 2.0, 0.0, 0.5], noise=0.0, seed=1).ablate()
    assert told.dropped == {1, 3}
    assert told.loss == 0.0
    assert told.screening == 2 * 6 + 2  # two trials of each, and of what is left


def test_without_noise_an_edit_that_brought_little_is_kept() -> None:
    told = Lab([10.0, 0.2, 0.0], noise=0.0, seed=1).ablate()
    assert told.dropped == {2}
    assert told.margin == pytest.approx(0.102)


def test_an_edit_that_hurts_is_dropped_for_a_gain() -> None:
    told = Lab([5.0, -1.0], noise=0.0, seed=1).ablate()
    assert told.dropped == {1}
    assert told.loss == -1.0


def test_effects_are_told_with_their_sign_and_interval() -> None:
    told = Lab([4.0, 0.0], noise=0.3, seed=3).ablate()
    real, inert = told.ablated.effects
    assert real.effect is not None
    assert inert.effect is not None
    assert real.effect.low <= -4.0 <= real.effect.high
    assert inert.effect.low <= 0.0 <= inert.effect.high
    assert (real.kept, inert.kept) == (True, False)


def test_edits_that_matter_together_are_not_dropped_together() -> None:
    either = {frozenset({1, 2}): 3.0}
    told = Lab([2.0, 0.0, 0.0, 0.0], noise=0.0, seed=1, together=either).ablate()
    assert len(told.dropped & {1, 2}) <= 1
    assert told.loss == 0.0
    assert told.dropped


def test_what_the_program_fails_without_is_kept() -> None:
    told = Lab([2.0, 0.0, 0.0], noise=0.0, seed=1, breaks={1}).ablate()
    assert told.dropped == {2}
    assert told.ablated.effects[1].reason == "it fails without it (NameError)"


def test_a_min_effect_is_the_margin() -> None:
    told = Lab([5.0, 0.2], noise=0.0, seed=1, min_effect=0.3).ablate()
    assert (told.margin, told.dropped) == (0.3, {1})
    assert Lab([5.0, 0.2], noise=0.0, seed=1, min_effect=0.1).ablate().dropped == frozenset()


def test_where_everything_matters_nothing_is_certified() -> None:
    told = Lab([1.0, 2.0], noise=0.0, seed=1).ablate()
    assert told.ablated.pruned is None
    assert told.certifying == 0
    assert told.ablated.reason == "2 of 2 edits of x1 matter"


def test_where_nothing_matters_the_baseline_is_not_made_champion() -> None:
    told = Lab([0.0, 0.0], noise=0.0, seed=1).ablate()
    assert len(told.dropped) <= 1
    assert told.loss == 0.0


def test_too_few_trials_are_refused_and_few_leave_edits_untried() -> None:
    lab = Lab([1.0, 0.0, 0.0, 0.0], noise=0.5, seed=1)
    with pytest.raises(StudyError, match="6 is the least"):
        open_ablation(lab.history, lab.believer, lab.task.metric, 1, 4, trials=5)
    told = lab.ablate(trials=9)
    assert [effect.experiment is None for effect in told.ablated.effects] == [
        False,
        False,
        True,
        True,
    ]
    assert all(effect.kept for effect in told.ablated.effects[2:])


def test_what_was_not_tried_is_not_said_to_matter() -> None:
    told = Lab([1.0, 2.0, 3.0], noise=0.0, seed=1).ablate(trials=6)
    assert told.ablated.reason == "2 of 3 edits of x1 matter, 1 not tried"


def test_the_baseline_and_a_program_without_edits_have_nothing_to_take_out() -> None:
    lab = Lab([1.0], noise=0.5, seed=1)
    with pytest.raises(StudyError, match="nothing to take out"):
        open_ablation(lab.history, lab.believer, lab.task.metric, 0, 1)
    with pytest.raises(StudyError, match="layout and comments"):
        open_ablation(lab.history, lab.believer, lab.task.metric, 1, 0)


def test_what_to_do_next_follows_from_the_facts_alone() -> None:
    one, other = (Lab([3.0, 0.0, 1.0, 0.0], noise=0.3, seed=5) for _ in range(2))
    assert one.ablate() == other.ablate(asking=3)


def test_a_pruned_program_without_its_certificate_is_found_out() -> None:
    lab = Lab([2.0, 0.0], noise=0.0, seed=1)
    told = lab.ablate()
    assert list(audit_ablations(lab.history)) == []
    again = Lab([2.0, 0.0], noise=0.0, seed=1)
    again.journal.record(replace(told.ablated, pruned=1))
    assert list(audit_ablations(again.history)) == ["ablation 0 of x1: nobody began it"]
    again.journal.record(open_ablation(again.history, again.believer, again.task.metric, 1, 2))
    assert list(audit_ablations(again.history)) == [
        "ablation 0 of x1: x1 was never certified not to be worse"
    ]


@given(
    effects=st.lists(st.sampled_from([-1.0, 0.0, 0.0, 0.05, 1.0, 3.0]), min_size=1, max_size=5),
    noise=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 10_000),
    trials=st.sampled_from([None, 6, 20]),
)
@settings(max_examples=20)
def test_an_ablation_always_ends_and_costs_no_more_than_it_may(
    effects: list[float], noise: float, seed: int, trials: int | None
) -> None:
    told = Lab(effects, noise=noise, seed=seed).ablate(trials)
    assert len(told.ablated.effects) == len(effects)
    joint = 3 * 3  # programs that lack several edits, three pairs each
    assert told.screening <= (12 * (len(effects) + 1) if trials is None else trials) + joint
    if noise == 0:
        assert told.loss < told.margin


@pytest.mark.slow
@pytest.mark.parametrize("effect", [2.0, 6.0])
def test_pruned_programs_are_as_good_as_they_are_certified_to_be(effect: float) -> None:
    told = [Lab([effect] * 3 + [0.0] * 3, noise=1.0, seed=seed).ablate() for seed in range(40)]
    lost = sum(each.loss >= each.margin for each in told)
    inert = sum(len(each.dropped & {3, 4, 5}) for each in told) / (3 * len(told))
    assert lost <= 4  # 5 % of 40, and what chance may add to it
    assert inert >= (0.6 if effect > 2 else 0.4)
