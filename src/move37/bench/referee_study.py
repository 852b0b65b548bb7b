"""Our own rule in a planted world: the product's facts, history, belief, search and claims.

Nothing of the product is simulated but the programs and their runs. What is claimed is decided by the
functions that `move37 certify` calls, in the order in which a run calls them at its end.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from move37.bench.referee_worlds import Ended, Program, World
from move37.core.facts import (
    Certified,
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Row,
    SessionStarted,
    Tried,
)
from move37.core.history import History
from move37.core.records import (
    Belief,
    Budget,
    Direction,
    Evaluation,
    Extend,
    Files,
    Measured,
    Metric,
    Purpose,
    Repeat,
    Task,
    Trial,
    TrialJob,
)
from move37.referee.certify import conclude, open_certification, wanted_trials
from move37.referee.intervals import Units
from move37.referee.pairs import compare_units
from move37.referee.seeds import trial_seed
from move37.referee.units import dump_units, mean_error, parse_units
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion, contender, make_search

CERTIFICATIONS = 3
"""So many at the end of a run at the most, as `move37 run` does."""


def planted_task(name: str = "lineage", min_effect: float = 0.0) -> Task:
    """A task for programs that are numbers. Nothing of it is ever run."""
    return Task(
        name="planted",
        root=Path("/"),
        goal="",
        files=Files(edit=("*",)),
        evaluate=Evaluation(run="true"),
        metric=Metric(name="score", direction=Direction.MAXIMIZE, min_effect=min_effect),
        search=name,
    )


class BareStudy:
    """A study without programs: real facts go to the real history, belief and search."""

    def __init__(
        self,
        task: Task,
        run: Callable[[int, Purpose, int], float],
        *,
        budget: int | None = None,
        units: Callable[[int, Purpose, int], Units] | None = None,
    ) -> None:
        """run: (experiment, purpose, index) -> the score that this trial shows.

        budget: of evaluations of changed programs, where the search is told.
        units: whose mean that score is. `None`: trials leave none.
        """
        self.task = task
        self.history = History()
        self.believer = LineagePosterior()
        self.search = make_search(task.search, self.believer, proposers=("planted",))
        self._run = run
        self._units = units
        self.tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="0", identity="0", seed=0
            )
        )
        self.tell(
            SessionStarted(version="", workers=1, sandbox="", budget=Budget(experiments=budget))
        )

    def tell(self, fact: Fact) -> None:
        """One more fact, as the journal passes it on."""
        self.history.add(Row(0, 0.0, fact))
        self.believer.add(fact)
        self.search.add(fact)

    def open(self, parents: tuple[int, ...], proposer: str = "planted") -> int:
        """A new experiment, with its program."""
        id = len(self.history)
        self.tell(Opened(experiment=id, epoch=0, parents=parents, proposer=proposer, seed=id))
        self.tell(
            Proposed(experiment=id, commit=str(id), identity=str(id), move="planted", hypothesis="")
        )
        return id

    def repeat_baseline(self) -> int:
        """As often as the referee asks for. Returns how often."""
        while missing_repeats(self.history.baseline):
            self.measure(0)
        return len(self.history.baseline.trials)

    def measure(self, experiment: int) -> None:
        """One more trial of the search."""
        self._try(experiment, "search", self.history[experiment].count("search"))

    def _try(self, experiment: int, purpose: Purpose, index: int) -> None:
        outcome = Measured(
            score=self._run(experiment, purpose, index),
            metrics={},
            seconds=0.0,
            cpu_seconds=0.0,
            peak_memory_mb=0.0,
        )
        seed = trial_seed(self.history.epoch.seed, purpose, index)
        trial = Trial(purpose=purpose, index=index, seed=seed, outcome=outcome)
        fact = Tried(experiment=experiment, trial=trial)
        key = f"x{experiment}-{purpose}-{index}/units"
        if (units := self._attachment(key)) is not None:
            measured = replace(outcome, unit_error=mean_error([*parse_units(units).values()]))
            fact = replace(fact, trial=replace(trial, outcome=measured))
            fact = compare_units(self.history, fact, {key: units}, self._attachment)
        self.tell(fact)

    def _attachment(self, key: str) -> bytes | None:
        """What a trial left, made up again whenever it is asked for."""
        if self._units is None:
            return None
        where, _, _ = key.partition("/")
        experiment, purpose, index = where.removeprefix("x").split("-")
        assert purpose in ("search", "certify"), "a planted study has no stages"
        return dump_units(self._units(int(experiment), purpose, int(index)))

    def certify(self) -> Certified | None:
        """What a run does at its end. Returns the latest certificate; `None`: nothing to certify."""
        latest = None
        while (target := self._due()) is not None:
            latest = self._certify(target)
        return latest

    def _due(self) -> int | None:
        """The contender, when it should be certified now: the rule of `move37.app.measuring`."""
        history = self.history
        due = contender(history, self.believer, ())
        if due is None or history[due].is_baseline or history.certificate_of(due) is not None:
            return None
        lately = history.certified_lately
        if lately and (lately >= CERTIFICATIONS or history.certificates[lately - 1].claim):
            return None
        return due

    def _certify(self, target: int) -> Certified:
        opened = open_certification(self.history, self.believer, self.task, target)
        self.tell(opened)
        while jobs := wanted_trials(self.history, opened, self.task, self._attachment):
            for job in jobs:
                assert isinstance(job, TrialJob), "this task has no checks"
                self._try(job.experiment, "certify", job.index)
        certified = conclude(self.history, opened, self.task, self._attachment)
        self.tell(certified)
        return certified

    def champion(self) -> tuple[int, Belief]:
        """What it recommends, and what is believed of its gain."""
        claimed = [c.experiment for c in self.history.certificates.values() if c.claim]
        # A claim ends certifying, so no other is believed to be clearly better than this one.
        best = claimed[-1] if claimed else champion(self.history, self.believer, ())
        assert best is not None, "the baseline has been measured"
        believed = self.believer.difference(best, 0)
        assert believed is not None, "both have been measured"
        return best, believed


class Study(BareStudy):
    """A study of a planted world."""

    def __init__(self, world: World, runs: int) -> None:
        """runs: the budget of evaluations of changed programs."""
        self.world = world
        self.programs: list[Program] = [world.start]
        self.runs = runs
        super().__init__(planted_task(), self._show, budget=runs)

    def _show(self, experiment: int, purpose: Purpose, index: int) -> float:
        del index  # every trial of an experiment has a seed of its own
        see = self.world.fresh_run if purpose == "certify" else self.world.seeded_run
        return see(self.programs[experiment])

    def explore(self) -> None:
        """Search until the budget is spent."""
        for _ in range(self.runs):
            self.step()

    def step(self) -> None:
        """One run of whatever the search chooses."""
        seed = len(self.history)
        choice = self.search.choose(self.history, pending=frozenset(), seed=seed)
        match choice:
            case Repeat(experiment=repeated):
                self.measure(repeated)
            case Extend(parents=parents, proposer=proposer):
                self.programs.append(self.world.edit(self.programs[parents[0]]))
                self.measure(self.open(parents, proposer))
            case None:
                raise AssertionError("a measured baseline can always be built on")


def our_rule(world: World, runs: int) -> tuple[Ended, int]:
    """Search, certify, recommend. Also returns how often the baseline was run before the search."""
    study = Study(world, runs)
    start = study.repeat_baseline()
    study.explore()
    certified = study.certify()
    best, believed = study.champion()
    claim = certified is not None and certified.claim
    ended = Ended(
        gain=study.programs[best].value,
        believed=believed.mean,
        claim=claim,
        runs=world.runs,
        **_stated(certified, claim),
    )
    return ended, start


def _stated(certified: Certified | None, claim: bool) -> dict[str, float]:
    """The 90 % interval of a claim."""
    if certified is None or not claim:
        return {}
    interval = certified.estimate or certified.effect
    return {} if interval is None else {"low": interval.low, "high": interval.high}
