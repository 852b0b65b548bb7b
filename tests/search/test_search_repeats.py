"""Where the next trial goes: a new experiment, or one more trial of what there is."""

import math
import random
from collections.abc import Sequence
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.core.facts import EpochStarted, Fact, Opened, Row, SessionStarted, Tried
from move37.core.history import History
from move37.core.records import Belief, Budget, Extend, Measured, Repeat, Trial
from move37.search import LineagePosterior
from move37.search.lineage import Lineage
from move37.search.repeats import (
    SHARE,
    Contest,
    Horizon,
    expected_maximum,
    growth,
    horizon,
    may_repeat,
    next_repeat,
    repeats_under_way,
)
from move37.testing.search import PROPOSERS, Told


def session(budget: Budget) -> SessionStarted:
    return SessionStarted(version="", workers=1, sandbox="", budget=budget)


def begun(experiments: int, *baseline: float) -> tuple[Told, LineagePosterior, Lineage]:
    """A study with a budget, its baseline measured."""
    believer = LineagePosterior()
    search = Lineage(believer, proposers=PROPOSERS)
    told = Told(believer, search)
    told.tell(session(Budget(experiments=experiments)))
    told.score(0, *baseline)
    return told, believer, search


def noisy_study(told: Told, search: Lineage, seed: int, *, at_once: int = 1) -> list[int]:
    """Spend the budget on edits of size 0.3 under noise 1; return at which `spent` each repeat came."""
    luck = random.Random(seed)
    truth = {0: 0.0}
    budget = told.history.session
    assert budget is not None
    assert budget.budget.experiments is not None
    repeated: list[int] = []
    while told.history.spent() < budget.budget.experiments:
        batch: list[int] = []
        while len(batch) < at_once and told.history.spent() < budget.budget.experiments:
            seed = len(told.history)
            choice = search.choose(told.history, pending=frozenset(batch), seed=seed)
            if choice is None:
                assert batch, "a free slot is left empty only while something is under way"
                break
            if isinstance(choice, Repeat):
                assert choice.experiment not in batch
                batch.append(choice.experiment)
                repeated.append(told.history.spent())
            else:
                id = told.open(*choice.parents)
                truth[id] = truth[choice.parents[0]] + luck.gauss(0.0, 0.3)
                batch.append(id)
        for id in batch:
            told.score(id, truth[id] + luck.gauss(0.0, 1.0))
    return repeated


# --- the rule ------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), at_once=st.integers(1, 5))
def test_a_budget_is_spent_exactly_and_repeats_are_in_its_last_tenth(
    seed: int, at_once: int
) -> None:
    told, _, search = begun(40, 0.3, -1.2, 0.9, 0.1, -0.4)
    repeated = noisy_study(told, search, seed, at_once=at_once)
    assert told.history.spent() == 40
    assert told.history.repeats == len(repeated) <= SHARE * 40
    assert all(spent >= 36 - at_once for spent in repeated)
    assert len(told.history) - 1 + told.history.repeats == 40


def test_the_end_of_a_noisy_study_is_spent_on_its_best() -> None:
    repeats = 0
    for seed in range(6):
        told, _, search = begun(40, 0.3, -1.2, 0.9, 0.1, -0.4)
        noisy_study(told, search, seed)
        repeats += told.history.repeats
    assert repeats > 0


def close_race(budget: int) -> tuple[Told, LineagePosterior, Lineage]:
    """Twenty programs in all; two are well ahead of the baseline, and it is unclear which is better."""
    told, believer, search = begun(budget, 0.5, -0.6, 0.2, -0.9, 0.8)
    for number in range(17):
        told.score(told.open(0), -0.5 + 0.05 * number)
    for score in (3.0, 2.9):
        told.score(told.open(0), score)
    return told, believer, search


def test_near_the_end_an_unclear_order_is_worth_one_more_trial() -> None:
    told, believer, search = close_race(budget=20)
    choice = search.choose(told.history, pending=frozenset(), seed=1)
    assert isinstance(choice, Repeat)
    assert choice.experiment in believer.ranking(2)


def test_before_the_last_tenth_every_trial_is_a_new_experiment() -> None:
    told, _, search = close_race(budget=100)
    assert isinstance(search.choose(told.history, pending=frozenset(), seed=1), Extend)


def test_while_experiments_still_pay_they_are_not_given_up_for_a_repeat() -> None:
    told, believer, search = begun(20, 0.5, -0.6, 0.2, -0.9, 0.8)
    parent = 0
    for step in range(19):
        parent = told.score(told.open(parent), 2.0 * (step + 1))
    gained = growth(told.history, believer, parent)
    assert gained == pytest.approx(2.0, rel=0.2)
    assert isinstance(search.choose(told.history, pending=frozenset(), seed=1), Extend)


def test_nothing_is_repeated_while_no_program_is_better_than_the_baseline() -> None:
    told, believer, search = begun(20, 0.5, -0.6, 0.2, -0.9, 0.8)
    for number in range(19):
        told.score(told.open(0), -2.0 + 0.1 * (number % 7))
    assert growth(told.history, believer, believer.ranking(1)[0]) is None
    assert isinstance(search.choose(told.history, pending=frozenset(), seed=1), Extend)


def test_what_is_under_way_is_not_repeated_but_its_rival_is() -> None:
    told, _, search = close_race(budget=20)
    first = search.choose(told.history, pending=frozenset(), seed=1)
    assert isinstance(first, Repeat)
    # One trial is left, and it is under way: there is nothing to do until it ends.
    pending = frozenset({first.experiment})
    assert search.choose(told.history, pending=pending, seed=1) is None
    told, believer, _ = close_race(budget=20)
    other = next_repeat(
        told.history, believer, list(believer.ranking(8)), horizon(told.history), pending
    )
    assert other is not None
    assert other != first.experiment


def test_a_program_whose_repeat_failed_is_not_repeated_again() -> None:
    told, believer, search = close_race(budget=20)
    choice = search.choose(told.history, pending=frozenset(), seed=1)
    assert isinstance(choice, Repeat)
    told.fail(choice.experiment)
    assert told.history.repeats == 1
    assert believer.belief(choice.experiment) is not None
    assert not may_repeat(told.history, choice.experiment)
    best, ahead = list(believer.ranking(8)), Horizon(left=1, total=40)
    again = next_repeat(told.history, believer, best, ahead, frozenset())
    assert again is not None
    assert again != choice.experiment


def test_a_study_of_fewer_than_ten_trials_repeats_nothing() -> None:
    assert not any(Horizon(left=left, total=9).is_near for left in range(10))
    assert Horizon(left=1, total=10).is_near
    assert not Horizon(left=2, total=10).is_near


def test_the_same_facts_give_the_same_repeat() -> None:
    told, _, search = close_race(budget=20)
    once = search.choose(told.history, pending=frozenset(), seed=3)
    again = LineagePosterior()
    resumed = Lineage(again, proposers=PROPOSERS)
    for fact in told.facts:
        again.add(fact)
        resumed.add(fact)
    assert isinstance(once, Repeat)
    assert resumed.choose(told.history, pending=frozenset(), seed=3) == once


# --- exact evaluations ---------------------------------------------------------------------------


def exact_study(told: Told, search: Lineage) -> int:
    """Spend the budget where every trial shows the true score; return how many were repeats."""
    luck = random.Random(4)
    while told.history.spent() < 40:
        choice = search.choose(told.history, pending=frozenset(), seed=len(told.history))
        assert choice is not None
        if isinstance(choice, Repeat):
            told.score(choice.experiment, told.history[choice.experiment].scores()[0])
        else:
            parent = told.history[choice.parents[0]].scores()[0]
            told.score(told.open(*choice.parents), parent + luck.gauss(-0.3, 1.0))
    return told.history.repeats


def test_an_exact_evaluation_is_asked_about_its_champion_once_and_never_again() -> None:
    told, believer, search = begun(40, 1.0, 1.0, 1.0)
    assert exact_study(told, search) == 1
    assert believer.noise == 0.0


def test_a_champion_that_is_noisy_where_the_baseline_was_exact_is_found_out() -> None:
    told, believer, search = begun(20, 1.0, 1.0, 1.0)
    for score in (0.5, 0.7, 3.0, *[0.2] * 15):
        told.score(told.open(0), score)
    assert believer.noise == 0.0
    choice = search.choose(told.history, pending=frozenset(), seed=1)
    assert choice == Repeat(experiment=3)
    told.score(3, 1.0)
    assert believer.noise > 0.0
    lead = believer.difference(3, 0)
    assert lead is not None
    assert lead.sd > 0.0


# --- what is left of the budget ------------------------------------------------------------------


def test_repeats_count_against_the_budget_of_experiments() -> None:
    told, _, _ = begun(10, 1.0, 0.5, 0.8)
    assert told.history.spent() == 0, "the baseline's trials are the referee's"
    first = told.score(told.open(0), 1.0)
    assert (told.history.spent(), told.history.repeats) == (1, 0)
    told.score(first, 1.1)
    told.fail(first)
    assert (told.history.spent(), told.history.repeats) == (3, 2)
    assert horizon(told.history).left == 7
    assert horizon(told.history, repeating=2).left == 5
    told.start()
    assert (told.history.spent(), told.history.repeats) == (0, 0)


def test_trials_of_a_certification_are_no_repeats() -> None:
    told, _, _ = begun(10, 1.0, 0.5, 0.8)
    first = told.score(told.open(0), 1.0)
    outcome = Measured(score=1.0, metrics={}, seconds=1, cpu_seconds=1, peak_memory_mb=1)
    trial = Trial(purpose="certify", index=0, seed=9, outcome=outcome)
    told.tell(Tried(experiment=first, trial=trial))
    assert told.history.repeats == 0


def test_hours_and_dollars_are_turned_into_trials_at_the_pace_so_far() -> None:
    def study(budget: Budget) -> History:
        facts: Sequence[Fact] = [
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="", seed=0
            ),
            session(budget),
            *(
                Opened(experiment=id, epoch=0, parents=(0,), proposer="tune", seed=id)
                for id in range(1, 10)
            ),
        ]
        history = History()
        for seq, fact in enumerate(facts):
            # The session begins at 360 s; each experiment takes six minutes.
            history.add(Row(seq, 360.0 * seq, fact))
        return history

    # Ten programs in 54 minutes: 5.4 minutes each.
    assert horizon(study(Budget(hours=1.8))).left == 10
    assert horizon(study(Budget(hours=1.8, experiments=12))).left == 3
    assert horizon(study(Budget(hours=0.9))).left == 0
    assert not horizon(study(Budget(hours=0.9))).is_near
    assert horizon(study(Budget(usd=5.0))).left == 1, "no dollar was spent: as without a budget"


def test_a_study_without_a_budget_always_has_a_tenth_to_go() -> None:
    told, _, _ = begun(10, 1.0, 0.5, 0.8)
    told.tell(session(Budget()))
    for _ in range(90):
        told.score(told.open(0), 0.0)
    ahead = horizon(told.history)
    assert (ahead.left, ahead.total, ahead.is_near) == (10, 100, True)


def test_repeats_under_way_are_measured_programs_other_than_the_baseline() -> None:
    told, _, _ = begun(10, 1.0, 0.5, 0.8)
    measured = told.score(told.open(0), 1.0)
    running = told.open(0)
    assert repeats_under_way(told.history, frozenset({0, measured, running})) == 1


# --- the value of a trial ------------------------------------------------------------------------

numbers = st.floats(-5, 5, allow_nan=False).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8))
def test_the_expected_maximum_is_that_of_a_fine_grid(lines: Sequence[tuple[float, float]]) -> None:
    step = 0.02
    grid = [(i + 0.5) * step for i in range(-350, 350)]
    weights = [math.exp(-z * z / 2) * step / math.sqrt(2 * math.pi) for z in grid]
    expected = sum(w * max(a + b * z for a, b in lines) for z, w in zip(grid, weights, strict=True))
    assert expected_maximum(lines) == pytest.approx(expected, abs=2e-3)


def test_the_expected_maximum_of_a_fair_bet_is_known() -> None:
    assert expected_maximum([(0.0, 0.0), (0.0, 1.0)]) == pytest.approx(1 / math.sqrt(2 * math.pi))
    assert expected_maximum([(1.0, 2.0)]) == pytest.approx(1.0)
    assert expected_maximum([(1.0, 0.0), (3.0, 0.0)]) == pytest.approx(3.0)


def test_a_trial_is_worth_what_it_adds_to_the_recommended_program() -> None:
    """Simulated: draw the truth from the belief, a mean of trials of it, and recommend by the posterior."""
    covariance = ((0.5, 0.2, 0.0), (0.2, 0.6, 0.1), (0.0, 0.1, 0.3))
    contest = Contest((1.0, 0.9, 0.7), covariance, noise=1.0)
    luck = random.Random(5)
    place, trials = 1, 4
    spread = math.sqrt(covariance[place][place] + 1.0 / trials)
    gains: list[float] = []
    for _ in range(60_000):
        surprise = luck.gauss(0.0, spread)
        moved = [
            mean + covariance[place][j] / spread**2 * surprise
            for j, mean in enumerate(contest.means)
        ]
        gains.append(max(moved) - 1.0)
    assert contest.worth(place, trials) == pytest.approx(fmean(gains), abs=0.006)


class _Fixed:
    """Beliefs as told, independent of each other."""

    noise = 1.0

    def __init__(self, *beliefs: Belief) -> None:
        self._beliefs = beliefs

    def add(self, fact: Fact) -> None:
        del fact

    def belief(self, experiment: int) -> Belief:
        return self._beliefs[experiment]

    def difference(self, experiment: int, other: int) -> Belief:
        one, two = self._beliefs[experiment], self._beliefs[other]
        return Belief(one.mean - two.mean, math.hypot(one.sd, two.sd))

    def ranking(self, limit: int) -> Sequence[int]:
        return list(range(len(self._beliefs)))[:limit]


def test_the_less_known_of_two_equals_is_worth_more() -> None:
    contest = Contest.of(_Fixed(Belief(1.0, 0.2), Belief(1.0, 0.8)), [0, 1])
    assert contest.worth(1, 1) > 2 * contest.worth(0, 1) > 0


def test_a_rival_far_behind_is_worth_nothing_and_more_trials_never_less() -> None:
    contest = Contest.of(_Fixed(Belief(5.0, 0.3), Belief(0.0, 0.3)), [0, 1])
    assert contest.worth(1, 5) == pytest.approx(0.0, abs=1e-12)
    close = Contest.of(_Fixed(Belief(1.0, 0.5), Belief(0.8, 0.5)), [0, 1])
    worths = [close.worth(1, trials) for trials in (1, 2, 5, 50)]
    assert worths == sorted(worths)
    assert worths[-1] < 0.5
