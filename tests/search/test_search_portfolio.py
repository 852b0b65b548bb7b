"""Who proposes next: the floor, the rate, plateaus, polishing, and that facts alone decide."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.core.errors import TaskError
from move37.core.facts import (
    Answered,
    Asked,
    Checked,
    Opened,
    Proposed,
    Rejected,
    Row,
    SessionStarted,
    Tried,
)
from move37.core.history import History
from move37.core.protocols import Believer, Search
from move37.core.records import Budget, Choice, Extend, Failed, Measured, Repeat, Trial
from move37.search import (
    SEARCHES,
    Arm,
    Lineage,
    LineagePosterior,
    Polish,
    Portfolio,
    make_search,
)
from move37.search.arms import Ledger, Spending
from move37.search.bandit import FLOOR, Stake, best, due, rates
from move37.search.exchange import exchange_rate
from move37.search.portfolio import Table, by_belief
from move37.testing.search import CHECKS, PROPOSERS, SearchContract, Told


class TestPortfolio(SearchContract):
    @pytest.fixture
    def believer(self) -> Believer:
        return LineagePosterior()

    @pytest.fixture
    def search(self, believer: Believer) -> Search:
        shares = {"llm": 0.3}
        return make_search("portfolio", believer, proposers=PROPOSERS, checks=CHECKS, polish=shares)


class Study:
    """Told what arms bring: each proposer's edits have a gain, a cost, and noise."""

    def __init__(
        self,
        *proposers: str,
        budget: Budget | None = None,
        polish: dict[str, float] | None = None,
        name: str = "lineage",
    ) -> None:
        self.believer = LineagePosterior()
        self.search = make_search(name, self.believer, proposers=proposers, polish=polish)
        self.told = Told(self.believer, self.search)
        session = SessionStarted(version="", workers=1, sandbox="", budget=budget or Budget())
        self.told.tell(session)
        self.told.score(0, 0.0, 0.3, -0.3)
        self.luck = Random(0)

    def choose(self, busy: Sequence[str] = (), seed: int | None = None) -> Choice | None:
        history = self.told.history
        seed = len(history) if seed is None else seed
        return self.search.choose(history, pending=frozenset(), seed=seed, busy=frozenset(busy))

    def open(self, choice: Extend) -> int:
        id = len(self.told.history)
        self.told.tell(
            Opened(
                experiment=id,
                epoch=0,
                parents=choice.parents,
                proposer=choice.proposer,
                seed=id,
                strategy=choice.strategy,
            )
        )
        return id

    def propose(self, id: int, usd: float = 0.0) -> None:
        self.told.tell(
            Proposed(
                experiment=id, commit="", identity=str(id), move="edit", hypothesis="", usd=usd
            )
        )

    def measure(self, id: int, gain: float, seconds: float = 1.0) -> None:
        history = self.told.history
        parent = history[history[id].parents[0]].scores()[0]
        outcome = Measured(
            score=parent + gain, metrics={}, seconds=seconds, cpu_seconds=0.0, peak_memory_mb=0.0
        )
        trial = Trial(purpose="search", index=0, seed=0, outcome=outcome)
        self.told.tell(Tried(experiment=id, trial=trial))

    def run(self, experiments: int, gains: dict[str, float], **seconds: float) -> Counter[Arm]:
        """gains: what one in two edits of a proposer brings; the others bring nothing."""
        arms: Counter[Arm] = Counter()
        while sum(arms.values()) < experiments:
            choice = self.choose()
            assert isinstance(choice, Extend)
            arms[Arm(choice.strategy, choice.proposer)] += 1
            id = self.open(choice)
            self.propose(id)
            gain = gains[choice.proposer] * self.luck.choice((0.0, 1.0))
            self.measure(id, gain + self.luck.gauss(0, 0.3), seconds.get(choice.proposer, 1.0))
        return arms


def test_one_proposer_and_one_strategy_need_no_portfolio() -> None:
    assert isinstance(make_search("lineage", LineagePosterior(), proposers=["tune"]), Lineage)
    assert isinstance(make_search("portfolio", LineagePosterior(), proposers=["tune"]), Portfolio)
    assert "portfolio" in SEARCHES


def test_a_portfolio_needs_an_arm() -> None:
    with pytest.raises(TaskError, match="at least one proposer"):
        Portfolio(Ledger(LineagePosterior()), {"": Lineage(LineagePosterior(), proposers="p")}, [])


def test_the_arm_that_brings_more_gets_more() -> None:
    arms = Study("good", "useless").run(100, {"good": 1.5, "useless": 0.0})
    assert arms[Arm("", "good")] > 2.5 * arms[Arm("", "useless")]


def test_what_costs_more_must_bring_more() -> None:
    gains = {"slow": 1.5, "quick": 1.0}
    arms = Study("slow", "quick").run(100, gains, slow=20.0)
    assert arms[Arm("", "quick")] > 3 * arms[Arm("", "slow")]


def test_no_arm_starves_that_gains_nothing() -> None:
    study = Study("good", "useless", "broken")
    arms = study.run(120, {"good": 1.5, "useless": 0.0, "broken": -2.0})
    assert min(arms.values()) >= 4
    assert len(arms) == 3


stakes = st.lists(
    st.builds(
        Stake,
        gains=st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 10)), max_size=5),
        cost=st.none() | st.floats(0.001, 1000),
        spent=st.floats(0, 1000),
    ),
    min_size=1,
    max_size=6,
)


@given(stakes, st.data())
def test_an_arm_below_its_floor_comes_first_and_busy_ones_never(
    all_of_them: list[Stake], data: st.DataObject
) -> None:
    places = range(len(all_of_them))
    free = sorted(data.draw(st.sets(st.sampled_from(places), min_size=1)))
    awaited = [place for place in places if place not in free]
    chosen = by_belief(Table(all_of_them, free, awaited), Random(data.draw(st.integers(0, 99))))
    assert chosen is None or chosen in free
    floor = min(FLOOR, 0.2 / len(all_of_them)) * sum(stake.spent for stake in all_of_them)
    if any(all_of_them[place].spent <= floor for place in free):
        assert chosen is not None
        assert all_of_them[chosen].spent <= floor


@settings(max_examples=30)
@given(st.lists(st.floats(0.1, 50), min_size=2, max_size=5), st.integers(0, 1000))
def test_the_floor_holds_whatever_arms_gain_and_cost(costs: list[float], seed: int) -> None:
    random, spent = Random(seed), [0.0] * len(costs)
    for _ in range(300):
        arms = [
            Stake(gains=[(1.0, 5.0 * (place == 0))] * 9, cost=cost, spent=spent[place])
            for place, cost in enumerate(costs)
        ]
        chosen = by_belief(Table(arms, range(len(costs)), ()), random)
        assert chosen is not None
        spent[chosen] += costs[chosen]
    floor = min(FLOOR, 0.2 / len(costs)) * (sum(spent) - max(costs))
    assert all(each >= floor - max(costs) * len(costs) * FLOOR for each in spent)


def test_rates_know_nothing_of_names_and_equal_arms_are_equal() -> None:
    arms = [Stake(gains=[(1.0, 1.0)] * 5, cost=1.0, spent=5.0)] * 3
    chosen = Counter(best(rates(arms, Random(n)), range(3), Random(n)) for n in range(600))
    assert min(chosen.values()) > 140
    assert due(arms, range(3), Random(0)) is None


def test_relabelling_the_arms_relabels_the_choices() -> None:
    one, other = Study("ant", "bee"), Study("bee", "ant")
    swapped = {"ant": "bee", "bee": "ant"}
    for n in range(40):
        chosen, mirrored = one.choose(), other.choose()
        assert isinstance(chosen, Extend)
        assert isinstance(mirrored, Extend)
        assert mirrored.proposer == swapped[chosen.proposer]
        gain = 1.0 if chosen.proposer == "ant" and n % 3 == 0 else -0.1
        for study, choice in ((one, chosen), (other, mirrored)):
            study.propose(id := study.open(choice))
            study.measure(id, gain + (n % 5) / 20)


def test_the_same_facts_give_the_same_choice_whoever_asked_before() -> None:
    study = Study("good", "useless", polish={"good": 0.3})
    study.run(60, {"good": 1.0, "useless": 0.0, "tune": 0.3})
    again = LineagePosterior()
    resumed = make_search("lineage", again, proposers=("good", "useless"), polish={"good": 0.3})
    history = History()
    for place, fact in enumerate(study.told.facts):
        history.add(Row(place, 0.0, fact))
        again.add(fact)
        resumed.add(fact)
    for seed in range(20):
        chosen = resumed.choose(history, pending=frozenset(), seed=seed)
        assert chosen == study.choose(seed=seed)


def test_a_ledger_that_somebody_keeps_is_told_once() -> None:
    own, believer = Study("good", "useless"), LineagePosterior()
    ledger = Ledger(believer)
    shared = make_search("lineage", believer, proposers=("good", "useless"), ledger=ledger)
    own.run(30, {"good": 1.0, "useless": 0.0})
    history = History()
    for place, fact in enumerate(own.told.facts):
        history.add(Row(place, 0.0, fact))
        for fold in (believer, ledger, shared):
            fold.add(fact)
    assert isinstance(own.search, Portfolio)
    assert ledger.known() == own.search.ledger.known()
    assert shared.choose(history, pending=frozenset(), seed=1) == own.choose(seed=1)


def test_a_busy_proposer_is_never_named() -> None:
    study = Study("good", "useless")
    study.run(20, {"good": 1.0, "useless": 0.0})
    for seed in range(20):
        choice = study.choose(["good"], seed)
        assert isinstance(choice, Extend)
        assert choice.proposer == "useless"
    assert study.choose(["good", "useless"]) is None


def test_where_experiments_are_scarce_a_weak_arm_does_not_use_them_up() -> None:
    study = Study("good", "useless", budget=Budget(experiments=1000))
    study.run(60, {"good": 2.0, "useless": 0.0})
    choice = study.choose()
    assert isinstance(choice, Extend)
    study.open(Extend(parents=choice.parents, proposer="good"))
    waits = [study.choose(["good"], seed) is None for seed in range(40)]
    assert sum(waits) > 30


def test_nobody_waits_for_a_proposer_that_has_nothing_left() -> None:
    study = Study("good", "useless", budget=Budget(experiments=1000))
    study.run(60, {"good": 2.0, "useless": 0.0})
    assert all(study.choose(["good"], seed) is not None for seed in range(20))


def test_what_a_question_cost_is_charged_to_who_asked() -> None:
    study = Study("llm", "tune")
    id = study.open(Extend(parents=(0,), proposer="llm"))
    tell = study.told.tell
    tell(Asked(experiment=id, round=0, model="m", usd_at_most=0.5))
    tell(Asked(experiment=id, round=0, model="m", usd_at_most=0.5))
    tell(Answered(experiment=id, round=0, model="m", usd=0.2, seconds=7.0))
    tell(Rejected(experiment=id, failed=Failed(stage="propose", reason="no"), usd=0.1))
    assert isinstance(study.search, Portfolio)
    ((arm, account),) = study.search.ledger.known()
    assert arm == Arm("", "llm")
    assert (account.opened, account.applied, account.failed) == (1, 0, 1)
    assert account.spent.usd == pytest.approx(0.8)
    assert account.spent.seconds == 7.0
    assert study.told.history.usd == pytest.approx(0.8)


def test_luck_that_is_found_out_is_no_gain_any_more_nor_is_one_that_fails_a_check() -> None:
    believer = LineagePosterior()
    ledger = Ledger(believer)
    told = Told(believer, ledger)
    told.score(0, 0.0, 0.5, -0.5)
    lucky = told.score(told.open(0), 3.0)
    arm = Arm("", "tune")
    looked = ledger.gained()[arm]
    assert looked > 0
    for _ in range(4):
        told.score(lucky, -0.5)
    assert ledger.gained()[arm] < looked / 4
    good = told.score(told.open(0), 9.0)
    assert ledger.gained()[arm] > looked / 4
    told.tell(Checked(experiment=good, check="tests", passed=False))
    assert ledger.gained()[arm] < looked / 4


def test_a_plateau_is_a_wait_longer_than_usual() -> None:
    believer = LineagePosterior()
    ledger = Ledger(believer)
    told = Told(believer, ledger)
    told.score(0, 0.0, 0.0, 0.0)
    best = 0
    for n in range(5):
        best = told.score(told.open(best), 1.0 + n)
        told.score(told.open(best), 0.0)
    assert ledger.plateau == 0.0
    for _ in range(30):
        told.score(told.open(best), 0.0)
    assert ledger.plateau == 3.0
    told.score(told.open(best), 100.0)
    assert ledger.plateau == 0.0


def test_what_is_scarcer_is_dearer() -> None:
    def priced(**limits: float) -> float:
        told = Told()
        budget = Budget(**limits)  # pyright: ignore[reportArgumentType]
        told.tell(SessionStarted(version="", workers=1, sandbox="", budget=budget))
        rate = exchange_rate(told.history, Spending(10, 100, 1))
        return rate.usd / rate.second

    plenty = priced(hours=1.0, usd=100.0)
    scarce = priced(hours=1.0, usd=1.0)
    assert scarce == pytest.approx(100 * plenty)
    assert priced(experiments=10) > 0
    assert priced() > 0


def test_an_idea_short_of_the_champion_is_polished_and_one_far_behind_is_not() -> None:
    study = Study("llm", polish={"llm": 0.5}, budget=Budget(experiments=10_000))
    for gain in (2.0, 2.0, 2.0):
        study.propose(
            id := study.open(Extend(parents=(len(study.told.history) - 1,), proposer="llm"))
        )
        study.measure(id, gain)
    champion = id
    study.propose(near := study.open(Extend(parents=(champion,), proposer="llm")))
    study.measure(near, -0.8)
    study.propose(far := study.open(Extend(parents=(champion,), proposer="llm")))
    study.measure(far, -50.0)
    polished: Counter[int] = Counter()
    for _ in range(60):
        choice = study.choose()
        assert isinstance(choice, Extend)
        if choice.strategy == "polish":
            assert choice.proposer == "tune"
            polished[choice.parents[0]] += 1
        else:
            assert choice.proposer == "llm", "the tuner that was added does nothing else"
        study.propose(id := study.open(choice))
        study.measure(id, -3.0)
    assert polished[near] > 0
    assert far not in polished
    assert sum(polished.values()) <= 0.5 * study.told.history.spent() + 4


def test_what_failed_its_check_is_not_polished_but_the_idea_it_came_from_is() -> None:
    believer = LineagePosterior()
    ledger = Ledger(believer)
    polish = Polish(believer, ledger, polisher="tune", shares={"llm": 1.0}, checks=CHECKS)
    told = Told(believer, ledger, polish)
    told.score(0, 0.0, 0.3, -0.3)

    def written(parent: int, proposer: str, score: float) -> int:
        id = len(told.history)
        told.tell(Opened(experiment=id, epoch=0, parents=(parent,), proposer=proposer, seed=id))
        told.tell(Proposed(experiment=id, commit="", identity=str(id), move="m", hypothesis=""))
        return told.score(id, score)

    def polished() -> tuple[int, ...]:
        choice = polish.choose(told.history, pending=frozenset(), seed=0)
        return choice.parents if isinstance(choice, Extend) else ()

    idea = written(0, "llm", 2.0)
    tuned = written(idea, "tune", 4.0)
    assert ledger.champion == tuned
    assert polished() == (tuned,)
    told.check(tuned, passed=False)
    assert ledger.champion == idea
    assert polished() == (idea,)
    told.check(idea, passed=False)
    assert ledger.champion == 0
    assert polished() == ()


def test_without_ideas_nothing_is_polished_and_a_share_of_nothing_switches_it_off() -> None:
    study = Study("llm", "tune", polish={"llm": 0.5})
    assert {c.strategy for n in range(20) if isinstance(c := study.choose(seed=n), Extend)} == {""}
    assert isinstance(
        make_search("lineage", LineagePosterior(), proposers=["llm"], polish={"llm": 0}), Lineage
    )


def test_greedy_is_an_arm_beside_the_studys_own_strategy() -> None:
    arms = Study("llm", name="portfolio").run(40, {"llm": 1.0})
    assert set(arms) == {Arm("", "llm"), Arm("greedy", "llm")}


def test_a_repeat_is_the_search_and_charges_nobody() -> None:
    study = Study("good", "useless", budget=Budget(experiments=60))
    repeats = 0
    while study.told.history.spent() < 60:
        choice = study.choose()
        assert choice is not None
        if isinstance(choice, Repeat):
            repeats += 1
            study.told.score(choice.experiment, study.told.history[choice.experiment].scores()[0])
            continue
        study.propose(id := study.open(choice))
        study.measure(id, study.luck.gauss(0.2, 0.5))
    assert isinstance(study.search, Portfolio)
    seconds = sum(account.spent.seconds for _, account in study.search.ledger.known())
    assert seconds == 60 - repeats


def test_choosing_does_not_grow_with_the_history() -> None:
    """Counted, not timed: what the believer is asked by one choice."""

    class Counting(LineagePosterior):
        asked = 0

        def difference(self, experiment: int, other: int):  # type: ignore[no-untyped-def]
            self.asked += 1
            return super().difference(experiment, other)

    def asked_at(experiments: int) -> int:
        believer = Counting()
        search = make_search("lineage", believer, proposers=("a", "b"), polish={"a": 0.3})
        told = Told(believer, search)
        told.score(0, 0.0, 0.0, 0.0)
        for n in range(experiments):
            told.tell(Opened(experiment=n + 1, epoch=0, parents=(n,), proposer="ab"[n % 2], seed=n))
            told.tell(
                Proposed(experiment=n + 1, commit="", identity=str(n), move="m", hypothesis="")
            )
            told.score(n + 1, float(n))
        believer.asked = 0
        search.choose(told.history, pending=frozenset(), seed=1)
        return believer.asked

    assert asked_at(600) <= asked_at(200)
