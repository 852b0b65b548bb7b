"""`bench asking`: what the engine itself spends on a model's proposal, beside the model.

A study in memory with the real loop, search, beliefs, prompts and reading; what the model answers and what
trials show is made up, and nothing is sent. CPU time of this process, so that a busy machine changes little.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from move37.core.facts import EpochStarted, Tried
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Request
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
from move37.loop import Loop
from move37.proposers.llm.calling import Call, Caller
from move37.proposers.llm.llm import Llm
from move37.proposers.llm.models import Heard, Message, Wish
from move37.proposers.llm.settings import LlmSettings, resolve
from move37.proposers.source.normalise import Normaliser
from move37.runners.scripted import ScriptedDesk, ScriptedRunner
from move37.search import make_search
from move37.search.belief import LineagePosterior
from move37.store.memory import MemoryStore
from move37.worker import KeepingLibrary, Proposing, encode_record

FILE = "program.py"
CONSTANTS, FUNCTIONS = 60, 150
"""Of the program: 360 lines."""
WARM = 20
"""Experiments before the first window: nothing is cached yet."""

OpenLibrary = Callable[[Path, Journal, Callable[[str], bool]], KeepingLibrary]
"""(the task's directory, its journal, whether a path may be edited): what proposers read of a study."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some proposals in a row. CPU milliseconds of each."""

    question_ms: Sequence[float]
    read_ms: Sequence[float]

    @property
    def both_ms(self) -> Sequence[float]:
        """In ascending order."""
        return sorted(map(sum, zip(self.question_ms, self.read_ms, strict=True)))

    @property
    def mean(self) -> float:
        return fmean(self.both_ms)

    @property
    def p90(self) -> float:
        return self.both_ms[int(0.9 * len(self.both_ms))]


@dataclass(frozen=True, kw_only=True, slots=True)
class AskingResult:
    settings: Mapping[str, int]
    first: Window
    early: Window
    """From a tenth of the study on: the questions are as long as at its end."""
    last: Window
    question_bytes: float
    """Of a question as it is stored, the median."""

    @property
    def figures(self) -> Mapping[str, float]:
        """By stable names."""
        return {
            "asking_ms": self.last.mean,
            "asking_ms_p90": self.last.p90,
            "asking_ms_growth": self.last.mean / self.early.mean,
            "question_kb": self.question_bytes / 1000,
        }

    def table(self) -> str:
        """For people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{'proposals':<12}{'question ms':>12}{'read ms':>10}{'both':>8}{'median':>8}{'90 %':>8}{'most':>8}"
        rows = (("the first", self.first), ("at a tenth", self.early), ("the last", self.last))
        for name, window in rows:
            both = window.both_ms
            yield (
                f"{name:<12}{fmean(window.question_ms):>12.1f}{fmean(window.read_ms):>10.1f}"
                f"{window.mean:>8.1f}{median(both):>8.1f}{window.p90:>8.1f}{both[-1]:>8.1f}"
            )


def asking(
    open_library: OpenLibrary, root: Path, *, experiments: int, seed: int = 0
) -> AskingResult:
    """Let a made-up model propose so many experiments. root: an empty directory."""
    study = _Study(open_library, root, experiments, seed)
    study.explore()
    window, tenth = max(WARM, experiments // 20), experiments // 10
    llm, history, store = study.llm, study.journal.history, study.journal.store
    stored = [store.attachment(f"x{id}-ask-0/question") or b"" for id in range(1, len(history))]
    return AskingResult(
        settings={"experiments": experiments, "window": window, "seed": seed},
        first=llm.window(WARM, WARM + window),
        early=llm.window(tenth, tenth + window),
        last=llm.window(-window, None),
        question_bytes=median(map(len, stored)),
    )


class _Study:
    """The study, in memory."""

    def __init__(self, open_library: OpenLibrary, root: Path, experiments: int, seed: int) -> None:
        (root / FILE).write_text(_program(random.Random(seed)))
        self._experiments = experiments
        self._seed = seed
        self.llm = _Timed(seed)
        believer = LineagePosterior()
        self._search = make_search("lineage", believer, proposers=("llm",))
        self.journal = Journal(MemoryStore(), [believer, self._search, self.llm])
        identity = Normaliser().identity
        self._begin(root, identity)
        self._propose = Proposing(
            _task(root, experiments),
            self.journal,
            proposers={"llm": self.llm},
            believer=believer,
            library=open_library(root, self.journal, _is_program),
            editable=_is_program,
            identity=identity,
        ).propose

    def _begin(self, root: Path, identity: Callable[[Mapping[str, bytes]], str]) -> None:
        epoch = EpochStarted(
            epoch=0,
            fingerprint="",
            task={},
            baseline=0,
            commit=self.journal.store.code.snapshot(root, [FILE]),
            identity=identity({FILE: (root / FILE).read_bytes()}),
            seed=self._seed,
        )
        self.journal.record(epoch)

    def explore(self) -> None:
        history = self.journal.history
        Loop(
            self.journal,
            search=self._search,
            referee=_Contented(),
            runner=ScriptedRunner(self._measure),
            desk=ScriptedDesk({"llm": self.llm}, encode_record),
            propose=self._propose,
            trial=_trial,
            halted=lambda: "budget" if history.spent() >= self._experiments else None,
        ).explore()

    def _measure(self, job: Job) -> Tried:
        assert isinstance(job, TrialJob), "this task has no checks"
        outcome = Measured(
            score=random.Random(f"{self._seed}/{job.experiment}/{job.index}").gauss(0, 1),
            metrics={},
            seconds=0.1,
            cpu_seconds=0.1,
            peak_memory_mb=1.0,
        )
        trial = Trial(purpose="search", index=job.index, seed=0, outcome=outcome)
        return Tried(experiment=job.experiment, trial=trial)


class _MadeUp(Caller):
    """Changes one constant of the program that it is shown."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def call(self, messages: Sequence[Message], wish: Wish, stop: Callable[[], bool]) -> Call:
        name = f"rate_{self._chance.randrange(CONSTANTS)}"
        shown = messages[1]["content"].splitlines()
        old = next(line for line in shown if line.startswith(f"{name} = "))
        new = f"{name} = {self._chance.uniform(0.1, 9):.9f}"
        answer = (
            f"HYPOTHESIS: another {name} may fit the schedule better than {old}\n"
            f"PREDICTED EFFECT: 0.1\n\n{FILE}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n"
            ">>>>>>> REPLACE\n"
        )
        return Call(heard=Heard(pieces=[answer], size=len(answer), finish="stop"), began=True)


class _Timed(Llm):
    """The real one, with a clock."""

    def __init__(self, seed: int) -> None:
        options = {"model": "local:http://127.0.0.1:1/v1#none", "at_once": 1, "window": 100_000}
        settings = LlmSettings.parse(options)
        super().__init__(settings, resolve(settings, {}, usd=None), caller=_MadeUp(seed))
        self._question_ms: list[float] = []
        self._read_ms: list[float] = []

    def window(self, start: int, end: int | None) -> Window:
        return Window(self._question_ms[start:end], self._read_ms[start:end])

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        began = time.process_time()
        question = super().question(request, rounds)
        self._question_ms.append(1000 * (time.process_time() - began))
        return question

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        began = time.process_time()
        proposal = super().read(request, rounds)
        self._read_ms.append(1000 * (time.process_time() - began))
        return proposal


class _Contented:
    """A referee that wants nothing."""

    def wants(self, history: History) -> Sequence[Job]:
        return []


def _is_program(path: str) -> bool:
    return path == FILE


def _program(chance: random.Random) -> str:
    lines = [f"rate_{i} = {chance.uniform(0.1, 9):.4f}" for i in range(CONSTANTS)]
    lines += [
        f"def step_{i}(x):\n    return x * rate_{i % CONSTANTS} + {i}" for i in range(FUNCTIONS)
    ]
    return "\n".join(lines) + "\n"


def _task(root: Path, experiments: int) -> Task:
    return Task(
        name="asking",
        root=root,
        goal="Raise the score.",
        files=Files(edit=(FILE,)),
        evaluate=Evaluation(run="true"),
        metric=Metric(name="score", direction=Direction.MAXIMIZE),
        budget=Budget(experiments=experiments),
    )


def _trial(experiment: Experiment) -> TrialJob:
    assert experiment.commit is not None, "only what was proposed is tried"
    index = experiment.count("search")
    return TrialJob(
        experiment=experiment.id, commit=experiment.commit, purpose="search", index=index, seed=0
    )
