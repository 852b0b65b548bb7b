"""A study with many workers on a simulated clock: real loop, facts, referee, belief and search.

A program is only its true score, which an edit adds to; a trial shows it with noise, and takes as long as it
is told to. Nothing is run, so hours with 64 workers take a second.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from move37.bench.planted_methods import World
from move37.core.facts import Asked, EpochStarted, Fact, Opened, Proposed, SessionStarted, Tried
from move37.core.history import Experiment
from move37.core.journal import Journal
from move37.core.protocols import Asker, Inquiry, Request, Search
from move37.core.records import (
    Answer,
    Budget,
    Direction,
    Evaluation,
    Files,
    Job,
    Measured,
    Metric,
    Proposal,
    Question,
    Task,
    Trial,
    TrialJob,
)
from move37.core.seeds import derive_seed
from move37.loop import Halt, Loop
from move37.referee.seeds import search_trial
from move37.referee.wants import Referee
from move37.runners.ahead import Ahead
from move37.runners.simulated import SimulatedClock, SimulatedDesk, SimulatedRunner
from move37.search import LineagePosterior, champion, make_search
from move37.store.memory import MemoryStore

NAME = "planted"
_SITES = 16
"""Where edits are made, for strategies that tell programs apart by it; of no meaning otherwise."""
Seconds = Callable[[Random], float]
"""Draws how long something takes."""


def log_normal(*, mean: float = 1.0, sigma: float = 1.0) -> Seconds:
    """A heavy tail: at a sigma of 1, one in a hundred takes ten times the median."""
    return lambda random: mean * random.lognormvariate(-sigma * sigma / 2, sigma)


@dataclass(frozen=True, kw_only=True, slots=True)
class Crew:
    """Who works on a study, and how fast."""

    workers: int
    trial: Seconds
    askers: int = 0
    """Questions at once; 0: the proposer has not to ask, and takes no time."""
    answer: Seconds | None = None
    """`None`: as long as a trial."""


class SimulatedStudy:
    """A study of one planted world. `explore` spends the budget; the rest says what came of it."""

    def __init__(
        self,
        world: World,
        crew: Crew,
        *,
        experiments: int,
        seed: int,
        search: str = "lineage",
        watch: Callable[["SimulatedStudy", Fact], None] = lambda study, fact: None,
    ) -> None:
        """watch: told every fact, once everybody else has been."""
        self.world = world
        self.clock = SimulatedClock()
        self.believer = LineagePosterior()
        proposers = (NAME,)
        self.search: Search = make_search(search, self.believer, proposers=proposers)
        self.ahead = Ahead(crew.workers)
        self.journal = Journal(MemoryStore(), [self.believer, self.search, self.ahead])
        self.values: dict[int, float] = {0: 0.0}
        self._crew = crew
        self._experiments = experiments
        self._seconds = Random(derive_seed(seed, "seconds"))
        self._sites = Random(derive_seed(seed, "sites"))
        self._took: dict[str, float] = {}
        """Of each job, what it takes."""
        self._asker = _Slow(crew, Random(derive_seed(seed, "answers")))
        askers: dict[str, Asker] = {NAME: self._asker} if crew.askers else {}
        self.desk = SimulatedDesk(askers, lambda answer: b"", clock=self.clock)
        self.runner = SimulatedRunner(
            self._measure,
            self._take,
            clock=self.clock,
            workers=crew.workers,
        )
        self.journal.record(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="0", identity="0", seed=seed
            )
        )
        budget = Budget(experiments=experiments)
        self.journal.record(
            SessionStarted(version="", workers=crew.workers, sandbox="", budget=budget)
        )
        self.journal.follow(_Told(lambda fact: watch(self, fact)))

    def explore(self) -> Halt:
        history = self.journal.history
        return Loop(
            self.journal,
            search=self.search,
            referee=Referee(_TASK, self.believer),
            runner=self.runner,
            desk=self.desk,
            propose=self._propose,
            trial=lambda experiment: search_trial(history, experiment),
            halted=lambda: "budget" if history.spent() >= self._experiments else None,
            quick=frozenset() if self._crew.askers else frozenset({NAME}),
            is_enough=self.ahead.is_enough,
        ).explore()

    @property
    def gain(self) -> float:
        """True score of the champion, less that of the start."""
        best = champion(self.journal.history, self.believer, ())
        return 0.0 if best is None else self.values[best]

    def _propose(self, experiment: Experiment) -> Fact | Inquiry:
        if self._crew.askers and not experiment.answers:
            asked = Asked(experiment=experiment.id, round=0, model=NAME)
            return Inquiry(asked=asked, question=Question(prompt="", model=NAME), attachments={})
        parent = experiment.parents[0]
        self.values[experiment.id] = self.world.edit(self.values[parent])
        name = str(experiment.id)
        return Proposed(
            experiment=experiment.id,
            commit=name,
            identity=name,
            move=NAME,
            hypothesis="",
            detail={"sites": [f"site {self._sites.randrange(_SITES)}"]},
            size=2 + (self.journal.history[parent].size or 0),
        )

    def _take(self, job: Job) -> float:
        return self._took.setdefault(job.id, self._crew.trial(self._seconds))

    def _measure(self, job: Job) -> Tried:
        assert isinstance(job, TrialJob), "no check and no probe is asked for here"
        score = self.world.run(self.values[job.experiment])
        outcome = Measured(
            score=score,
            metrics={},
            seconds=self._took.pop(job.id),
            cpu_seconds=0.0,
            peak_memory_mb=0.0,
        )
        trial = Trial(purpose=job.purpose, index=job.index, seed=job.seed, outcome=outcome)
        return Tried(experiment=job.experiment, trial=trial)


class _Slow:
    """Implements `core.protocols.Asker` as far as a desk needs one: its answers take time."""

    def __init__(self, crew: Crew, random: Random) -> None:
        self.at_once = max(1, crew.askers)
        self._crew = crew
        self._random = random

    def add(self, fact: Fact) -> None:
        """Remembers nothing."""

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        raise NotImplementedError

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        return Answer(
            text="", model=NAME, seconds=(self._crew.answer or self._crew.trial)(self._random)
        )

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        raise NotImplementedError


class _Told:
    def __init__(self, tell: Callable[[Fact], None]) -> None:
        self._tell = tell

    def add(self, fact: Fact) -> None:
        self._tell(fact)


_TASK = Task(
    name=NAME,
    root=Path(),
    goal="",
    files=Files(edit=("*",)),
    evaluate=Evaluation(run=""),
    metric=Metric(name="m", direction=Direction.MAXIMIZE),
)


# --- utilisation ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """How a crew's time was spent."""

    name: str
    workers: int
    askers: int
    steady: float
    """Share of the workers' time that is trials, from the first proposal that could be measured to the moment
    at which the budget lets nothing new begin."""
    whole: float
    """The same from the beginning of the study to the end of its last straggler."""
    stale: float
    """How many trials of others ended, on average, between the choice of a parent and the start of what was
    made of it."""
    stalest: int


def shift(name: str, crew: Crew, world: World, *, experiments: int, seed: int) -> Shift:
    """Let a crew work on one study."""
    record = _Record()
    study = SimulatedStudy(world, crew, experiments=experiments, seed=seed, watch=record.take)
    submit = study.runner.submit

    def submitted(job: Job) -> None:
        record.begin(study, job)
        submit(job)

    study.runner.submit = submitted
    study.explore()
    spans, end = study.runner.spans, study.clock.now
    return Shift(
        name=name,
        workers=crew.workers,
        askers=crew.askers,
        steady=_busy(spans, crew.workers, record.first, record.last),
        whole=_busy(spans, crew.workers, 0.0, end),
        stale=math.fsum(record.staleness) / max(1, len(record.staleness)),
        stalest=max(record.staleness, default=0),
    )


class _Record:
    """Takes down how old choices were when what came of them was begun."""

    def __init__(self) -> None:
        self.staleness: list[int] = []
        self.first, self.last = math.inf, 0.0
        """When the first experiment of the search began to be measured, and when the last was chosen: the
        budget lets nothing begin after that."""
        self._trials = 0
        self._chosen: dict[int, int] = {}

    def begin(self, study: SimulatedStudy, job: Job) -> None:
        if job.experiment in self._chosen:
            self.staleness.append(self._trials - self._chosen.pop(job.experiment))
            self.first = min(self.first, study.clock.now)

    def take(self, study: SimulatedStudy, fact: Fact) -> None:
        match fact:
            case Opened(experiment=experiment):
                self._chosen[experiment] = self._trials
                self.last = study.clock.now
            case Tried():
                self._trials += 1
            case _:
                pass


def _busy(spans: Sequence[tuple[float, float]], workers: int, begin: float, end: float) -> float:
    """Share of the workers' time between two moments that was spent on trials."""
    if end <= begin:
        return 0.0
    inside = (max(0.0, min(last, end) - max(first, begin)) for first, last in spans)
    return math.fsum(inside) / (workers * (end - begin))
