"""What every believer and every search promises, and facts to tell them, in a few words."""

import random
from collections.abc import Sequence

import pytest

from move37.core.facts import Checked, EpochStarted, Fact, Opened, Proposed, Rejected, Row, Tried
from move37.core.history import History
from move37.core.protocols import Believer, Fold, Search
from move37.core.records import Extend, Failed, Measured, Outcome, Repeat, Trial

PROPOSERS = ("tune", "llm")
CHECKS = ("tests",)


class Told:
    """A history and the folds beside it, told fact by fact."""

    def __init__(self, *folds: Fold) -> None:
        self.history = History()
        self.facts: list[Fact] = []
        self._folds = folds
        self.start()

    def tell(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.history.add(Row(len(self.facts), 0.0, fact))
        for fold in self._folds:
            fold.add(fact)

    def start(self) -> int:
        """Begin an epoch; return its baseline."""
        epoch, baseline = len(self.history.epochs), len(self.history)
        self.tell(
            EpochStarted(
                epoch=epoch,
                fingerprint=str(epoch),
                task={},
                baseline=baseline,
                commit="",
                identity=f"baseline-{epoch}",
                seed=epoch,
            )
        )
        return baseline

    def open(self, *parents: int, move: str = "edit", traits: Sequence[str] = ()) -> int:
        """Open and propose an experiment; return its id."""
        id = len(self.history)
        epoch = self.history.epoch.epoch
        self.tell(Opened(experiment=id, epoch=epoch, parents=parents, proposer="tune", seed=id))
        self.tell(
            Proposed(
                experiment=id,
                commit=str(id),
                identity=str(id),
                move=move,
                hypothesis="",
                traits=tuple(traits),
            )
        )
        return id

    def score(self, experiment: int, *scores: float) -> int:
        """Trials that finished; returns the experiment."""
        for score in scores:
            self._tried(
                experiment,
                Measured(score=score, metrics={}, seconds=1.0, cpu_seconds=1.0, peak_memory_mb=1.0),
            )
        return experiment

    def fail(self, experiment: int) -> int:
        """A trial that failed; returns the experiment."""
        self._tried(experiment, Failed(stage="run", reason="it crashed"))
        return experiment

    def reject(self, *parents: int) -> int:
        """An experiment for which there was nothing to run."""
        id = len(self.history)
        epoch = self.history.epoch.epoch
        self.tell(Opened(experiment=id, epoch=epoch, parents=parents, proposer="tune", seed=id))
        self.tell(Rejected(experiment=id, failed=Failed(stage="propose", reason="no change")))
        return id

    def check(self, experiment: int, *, passed: bool, check: str = CHECKS[0]) -> None:
        self.tell(Checked(experiment=experiment, check=check, passed=passed))

    def _tried(self, experiment: int, outcome: Outcome) -> None:
        index = self.history[experiment].count("search")
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self.tell(Tried(experiment=experiment, trial=trial))


def grow(told: Told, search: Search, experiments: int, *, at_once: int = 1, seed: int = 0) -> None:
    """Let a search work: edits and noise are drawn, one in eight crashes, one in nine fails its check.

    experiments: repeats included.
    """
    luck = random.Random(seed)
    while told.history.spent() < experiments:
        opened: list[int] = []
        repeated: list[int] = []
        for _ in range(at_once):
            pending = frozenset([*opened, *repeated])
            choice = search.choose(told.history, pending=pending, seed=len(told.history))
            assert choice is not None, "there is always something to do without a budget"
            if isinstance(choice, Repeat):
                repeated.append(choice.experiment)
            else:
                opened.append(told.open(*choice.parents))
        for id in repeated:
            told.score(id, told.history[id].scores()[0] + luck.gauss(0.0, 0.5))
        for id in opened:
            if luck.random() < 1 / 8:
                told.fail(id)
                continue
            parent = told.history[told.history[id].parents[0]]
            told.score(id, parent.scores()[0] + luck.gauss(-0.2, 1.0))
            if luck.random() < 1 / 9:
                told.check(id, passed=False)


class BelieverContract:
    """Subclass it with a `believer` fixture."""

    @pytest.fixture
    def believer(self) -> Believer:
        raise NotImplementedError

    def test_nothing_is_believed_of_what_was_never_measured(self, believer: Believer) -> None:
        told = Told(believer)
        assert believer.belief(0) is None
        assert list(believer.ranking(5)) == []
        told.score(0, 1.0)
        running, failed, rejected = told.open(0), told.fail(told.open(0)), told.reject(0)
        assert [believer.belief(id) for id in (running, failed, rejected)] == [None] * 3
        assert believer.difference(0, running) is None
        assert list(believer.ranking(5)) == [0]

    def test_a_program_is_no_better_than_itself(self, believer: Believer) -> None:
        told = Told(believer)
        told.score(0, 1.0, 1.5, 0.7)
        itself = believer.difference(0, 0)
        assert itself is not None
        assert (itself.mean, itself.sd) == (0.0, 0.0)

    def test_the_ranking_is_by_belief_best_first(self, believer: Believer) -> None:
        told = Told(believer)
        told.score(0, 1.0, 1.5, 0.7)
        for score in (0.3, 2.0, -1.0, 4.0, 1.1):
            told.score(told.open(0), score)
        beliefs = [believer.belief(id) for id in believer.ranking(10)]
        means = [belief.mean for belief in beliefs if belief is not None]
        assert len(means) == 6
        assert means == sorted(means, reverse=True)
        assert list(believer.ranking(2)) == list(believer.ranking(10))[:2]

    def test_a_new_epoch_ranks_its_own_and_old_beliefs_stay(self, believer: Believer) -> None:
        told = Told(believer)
        told.score(0, 1.0, 1.5, 0.7)
        before = believer.belief(0)
        baseline = told.start()
        told.score(baseline, 100.0, 101.0)
        assert list(believer.ranking(5)) == [baseline]
        assert believer.belief(0) == before
        assert believer.belief(baseline) is not None


class SearchContract:
    """Subclass it with `believer` and `search` fixtures; the search has `PROPOSERS` and `CHECKS`."""

    @pytest.fixture
    def believer(self) -> Believer:
        raise NotImplementedError

    @pytest.fixture
    def search(self, believer: Believer) -> Search:
        raise NotImplementedError

    def test_it_waits_for_the_baseline(self, believer: Believer, search: Search) -> None:
        told = Told(believer, search)
        assert search.choose(told.history, pending=frozenset({0}), seed=1) is None
        told.score(0, 1.0)
        assert search.choose(told.history, pending=frozenset(), seed=1) is not None

    def test_the_same_facts_and_seed_give_the_same_choice(
        self, believer: Believer, search: Search
    ) -> None:
        told = Told(believer, search)
        told.score(0, 1.0, 0.0)
        grow(told, search, 20)
        choices = [search.choose(told.history, pending=frozenset(), seed=7) for _ in range(3)]
        assert choices == [choices[0]] * 3

    def test_it_never_builds_on_what_failed_nor_repeats_what_is_under_way(
        self, believer: Believer, search: Search
    ) -> None:
        told = Told(believer, search)
        told.score(0, 1.0, 0.0, 0.4)
        for round in range(12):
            grow(told, search, 5 * (round + 1), at_once=3, seed=round)
            pending = frozenset(believer.ranking(3))
            match search.choose(told.history, pending=pending, seed=round):
                case Extend(parents=parents, proposer=proposer):
                    assert proposer in PROPOSERS
                    assert all(told.history[parent].is_measured for parent in parents)
                    assert all(_not_failed(told.history, parent, CHECKS) for parent in parents)
                case Repeat(experiment=experiment):
                    assert experiment not in pending
                case None:
                    pytest.fail("there is always something to build on")


def _not_failed(history: History, experiment: int, checks: Sequence[str]) -> bool:
    return history[experiment].passes(checks) is not False
