"""A study of a task of `bench search`, without an engine: real facts, history, belief and search.

Programs are texts of constants, the scripted proposer mutates them, and evaluations are computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from move37.bench import search_scores as scores
from move37.bench.search_model import mutate
from move37.bench.search_tasks import PROGRAM, BenchTask
from move37.core.facts import (
    EpochStarted,
    Fact,
    Opened,
    Proposed,
    Rejected,
    Row,
    SessionStarted,
    Tried,
)
from move37.core.history import History
from move37.core.records import Budget, Extend, Failed, Measured, Repeat, Trial
from move37.core.seeds import derive_seed
from move37.policy.traits import traits_of
from move37.referee.wants import missing_repeats
from move37.search import LineagePosterior, champion, make_search

_PROPOSER = "llm"
_IDLE = 50
"""So many choices in a row that come to nothing end a study."""


@dataclass(frozen=True, slots=True)
class Came:
    """What a search ends with."""

    gain: float
    """True score of the champion, less that of the start."""
    believed: float
    """What is believed of the champion's score, less the true score of the start."""
    evaluations: int


class SearchStudy:
    """One study; the luck of proposals and of evaluations is the seed's, the same for every search."""

    def __init__(self, task: BenchTask, search: str, seed: int) -> None:
        """search: one of `SEARCHES`."""
        self._task = task
        self._edits = Random(derive_seed(seed, "edits", task.name))
        self._luck = Random(derive_seed(seed, "luck", task.name))
        self._history = History()
        self._believer = LineagePosterior()
        self._search = make_search(search, self._believer, proposers=(_PROPOSER,))
        self._programs = [task.program]
        self._known = {task.program}
        self._spent = 0
        self._tell(
            EpochStarted(
                epoch=0, fingerprint="", task={}, baseline=0, commit="", identity="0", seed=seed
            )
        )

    def explore(self, evaluations: int) -> Came:
        """Spend so many, those of the baseline included, and say what came of it."""
        while missing_repeats(self._history.baseline):
            self._measure(0)
        left = evaluations - self._spent
        self._tell(
            SessionStarted(version="", workers=1, sandbox="", budget=Budget(experiments=left))
        )
        idle = 0
        while self._spent < evaluations and idle < _IDLE:
            idle = 0 if self._next(len(self._history)) else idle + 1
        return self._came()

    def _came(self) -> Came:
        best = champion(self._history, self._believer, ())
        assert best is not None, "the baseline has been measured"
        belief = self._believer.belief(best)
        assert belief is not None, "what is champion has been measured"
        start = self._task.truth(self._task.program)
        gain = self._task.truth(self._programs[best]) - start
        return Came(gain, belief.mean - start, self._spent)

    def _next(self, id: int) -> bool:
        """Do what the search chooses. Return whether it cost an evaluation."""
        choice = self._search.choose(self._history, pending=frozenset(), seed=id)
        match choice:
            case Repeat(experiment=repeated):
                self._measure(repeated)
                return True
            case Extend():
                return self._extend(choice, id)
            case None:
                return False

    def _extend(self, choice: Extend, id: int) -> bool:
        """A program that is known costs no evaluation: the engine would turn it down as well."""
        self._tell(
            Opened(
                experiment=id,
                epoch=0,
                parents=choice.parents,
                proposer=choice.proposer,
                seed=id,
                strategy=choice.strategy,
            )
        )
        program = self._proposed(choice.parents)
        self._programs.append(program)
        if program in self._known:
            failed = Failed(stage="propose", reason="this program was tried before")
            self._tell(Rejected(experiment=id, failed=failed))
            return False
        self._known.add(program)
        move = "llm.improve" if len(choice.parents) == 1 else "llm.merge"
        self._tell(
            Proposed(
                experiment=id,
                commit="",
                identity=program,
                move=move,
                hypothesis="",
                size=changed_lines(self._task.program, program),
                traits=traits_of(
                    {PROGRAM: self._programs[choice.parents[0]].encode()},
                    {PROGRAM: program.encode()},
                ),
            )
        )
        self._measure(id)
        return True

    def _proposed(self, parents: tuple[int, ...]) -> str:
        program = self._programs[parents[0]]
        if len(parents) > 1:
            return merged(program, self._programs[parents[1]], self._programs[0])
        return mutate(self._task, program, self._edits).apply(program)

    def _measure(self, experiment: int) -> None:
        task = self._task
        values = scores.read(self._programs[experiment])
        index = self._history[experiment].count("search")
        outcome = Measured(
            score=scores.measure(task.score, values, task.noise, self._luck),
            metrics={},
            seconds=0.1,
            cpu_seconds=0.1,
            peak_memory_mb=1.0,
        )
        trial = Trial(purpose="search", index=index, seed=index, outcome=outcome)
        self._spent += 1
        self._tell(Tried(experiment=experiment, trial=trial))

    def _tell(self, fact: Fact) -> None:
        self._history.add(Row(0, 0.0, fact))
        self._believer.add(fact)
        self._search.add(fact)


def changed_lines(one: str, other: str) -> int:
    """How many are removed and added."""
    pairs = zip(one.split("\n"), other.split("\n"), strict=True)
    return 2 * sum(old != new for old, new in pairs)


def merged(one: str, other: str, ancestor: str) -> str:
    """The first program with the lines that only the second has changed."""
    mine, theirs, old = one.split("\n"), other.split("\n"), ancestor.split("\n")
    return "\n".join(
        there if here == before else here
        for here, there, before in zip(mine, theirs, old, strict=True)
    )


def run(task: BenchTask, search: str, seed: int, evaluations: int) -> Came:
    """One study to its end."""
    return SearchStudy(task, search, seed).explore(evaluations)


Results = Mapping[tuple[str, str], tuple[Came, ...]]
"""By task and search."""
