"""What the engine itself costs: milliseconds and CPU for each experiment, beside the program's own.

A real study of a program with an instantaneous evaluation: real store, code, proposer, search and
sandbox. To see it at 10,000 experiments without waiting for 10,000 programs, the study is first grown
with a runner that makes results up; the experiments that are timed are launched for real.
"""

import random
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Protocol, TypeVar

from move37.core.errors import Move37Error
from move37.core.events import Event, Recorded
from move37.core.facts import Checked, Fact, Row, Tried
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Code, Runner, Search, Store
from move37.core.records import Choice, Job, Measured, Trial, TrialJob
from move37.runners.scripted import ScriptedRunner

T = TypeVar("T")

STAGES = ("choose", "propose", "record", "materialise", "launch")

_CONSTANTS = 60
_TASK = """\
goal = "Measure the engine."

[files]
edit = ["program.py"]

[evaluate]
run = "echo m: 1"
timeout = "60s"

[metric]
name = "m"
goal = "maximize"
"""


class Engine(Protocol):
    """A study at work, as `move37.app` opens it."""

    search: Search
    runner: Runner
    propose: Callable[[Experiment], Fact]

    @property
    def journal(self) -> Journal: ...

    def explore(self) -> str: ...


OpenEngine = Callable[[Path, int, Callable[[Event], None]], AbstractContextManager[Engine]]
"""(directory, experiments, watch): open an engine with one worker that stops at that many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Some experiments in a row, timed. Milliseconds."""

    at: int
    """Experiments that the study had before."""
    engine_ms: Sequence[float]
    """Wall time of each, without that of the launched program."""
    cpu_ms: float
    """CPU of the engine process for each, without its workers'."""
    stages: Mapping[str, float]
    """Median of each stage."""
    engine_mb: float


@dataclass(frozen=True, kw_only=True, slots=True)
class OverheadResult:
    settings: Mapping[str, int]
    windows: Sequence[Window]

    @property
    def figures(self) -> Mapping[str, float]:
        first, last = self.windows[0], self.windows[-1]
        return {
            "engine_ms": median(last.engine_ms),
            "engine_ms_growth": median(last.engine_ms) / median(first.engine_ms),
            "engine_cpu_ms": last.cpu_ms,
            "engine_mb": last.engine_mb,
            **{f"{stage}_ms": last.stages[stage] for stage in STAGES},
        }

    def table(self) -> str:
        head = ["experiments", "engine ms", "p90", "cpu ms", *STAGES, "MB"]
        rows = [
            [
                str(window.at),
                f"{median(window.engine_ms):.1f}",
                f"{sorted(window.engine_ms)[int(0.9 * len(window.engine_ms))]:.1f}",
                f"{window.cpu_ms:.1f}",
                *(f"{window.stages[stage]:.2f}" for stage in STAGES),
                f"{window.engine_mb:.0f}",
            ]
            for window in self.windows
        ]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in (head, *rows)
        )


def overhead(
    open_engine: OpenEngine, directory: Path, *, sizes: Sequence[int], window: int, seed: int = 0
) -> OverheadResult:
    """Time `window` experiments at each of these study sizes, increasing, in a fresh directory."""
    write_task(directory, seed)
    windows: list[Window] = []
    for size in sizes:
        grow(open_engine, directory, size, seed)
        windows.append(_time(open_engine, directory, size, window))
    return OverheadResult(
        settings={"largest": max(sizes), "window": window, "seed": seed}, windows=windows
    )


def write_task(directory: Path, seed: int) -> None:
    """A task with many constants to turn and nothing to wait for."""
    values = random.Random(seed)
    lines = [f"rate_{i} = {values.uniform(0.1, 9):.4f}" for i in range(_CONSTANTS)]
    (directory / "program.py").write_text("\n".join(lines) + "\n")
    (directory / "move37.toml").write_text(_TASK)


def grow(open_engine: OpenEngine, directory: Path, size: int, seed: int) -> None:
    """Bring the study to this many experiments, their results made up."""

    def make_up(job: Job) -> Tried | Checked:
        assert isinstance(job, TrialJob)
        score = random.Random(f"{seed}/{job.experiment}/{job.index}").gauss(0, 1)
        outcome = Measured(
            score=score, metrics={"m": score}, seconds=0.0, cpu_seconds=0.0, peak_memory_mb=0.0
        )
        trial = Trial(purpose=job.purpose, index=job.index, seed=job.seed, outcome=outcome)
        return Tried(experiment=job.experiment, trial=trial)

    with open_engine(directory, size, lambda event: None) as engine:
        engine.runner = ScriptedRunner(make_up)
        engine.explore()


def _time(open_engine: OpenEngine, directory: Path, size: int, window: int) -> Window:
    clock = _Clock()
    with open_engine(directory, size + window, clock.watch) as engine:
        engine.search = _TimedSearch(engine.search, clock)
        propose = engine.propose
        engine.propose = lambda experiment: clock.timed("propose", lambda: propose(experiment))
        engine.journal.store = _TimedStore(engine.journal.store, clock)
        clock.start()
        engine.explore()
        cpu_ms = clock.cpu_ms() / max(1, len(clock.engine_ms))
        code = engine.journal.store.code
        for number, experiment in enumerate(engine.journal.history.experiments[-window:]):
            workspace = directory / ".move37" / f"bench-{size}-{number}"
            workspace.mkdir()
            if (commit := experiment.commit) is not None:
                clock.timed("materialise", partial(code.write, commit, workspace))
    if len(clock.engine_ms) < window // 2:
        raise Move37Error(
            f"only {len(clock.engine_ms)} of {window} experiments could be timed at {size}; "
            "look at their failures with `move37 list`"
        )
    return Window(
        at=size,
        engine_ms=tuple(clock.engine_ms),
        cpu_ms=cpu_ms,
        stages={stage: median(clock.stages[stage]) for stage in STAGES},
        engine_mb=_resident_mb(),
    )


class _Clock:
    """Collects times, in milliseconds, while an engine works."""

    def __init__(self) -> None:
        self.engine_ms: list[float] = []
        self.stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
        self._last = self._cpu = self._recording = 0.0

    def start(self) -> None:
        self._last, self._cpu = time.perf_counter(), time.process_time()

    def cpu_ms(self) -> float:
        return 1000 * (time.process_time() - self._cpu)

    def timed(self, stage: str, action: Callable[[], T]) -> T:
        began = time.perf_counter()
        result = action()
        self.stages[stage].append(1000 * (time.perf_counter() - began))
        return result

    def recorded(self, seconds: float) -> None:
        self._recording += seconds

    def watch(self, event: Event) -> None:
        """An experiment lasts from the end of the one before it to its own."""
        if not isinstance(event, Recorded) or not isinstance(event.fact, Tried):
            return
        now, outcome = time.perf_counter(), event.fact.trial.outcome
        if self._last and isinstance(outcome, Measured):
            self.engine_ms.append(1000 * (now - self._last - outcome.seconds))
            self.stages["launch"].append(1000 * outcome.seconds)
            self.stages["record"].append(1000 * self._recording)
        self._last, self._recording = now, 0.0


class _TimedSearch:
    def __init__(self, search: Search, clock: _Clock) -> None:
        self._search = search
        self._clock = clock

    def add(self, fact: Fact) -> None:
        self._search.add(fact)

    def choose(self, history: History, *, pending: Set[int], seed: int) -> Choice | None:
        choose = partial(self._search.choose, history, pending=pending, seed=seed)
        return self._clock.timed("choose", choose)


class _TimedStore:
    def __init__(self, store: Store, clock: _Clock) -> None:
        self._store = store
        self._clock = clock

    @property
    def code(self) -> Code:
        return self._store.code

    def append(self, fact: Fact, attachments: Mapping[str, bytes]) -> Row:
        began = time.perf_counter()
        row = self._store.append(fact, attachments)
        self._clock.recorded(time.perf_counter() - began)
        return row

    def rows(self) -> Iterator[Row]:
        return self._store.rows()

    def attachment(self, key: str) -> bytes | None:
        return self._store.attachment(key)

    def close(self) -> None:
        self._store.close()


def _resident_mb() -> float:
    """Resident memory of this process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**2
