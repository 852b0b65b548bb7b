"""What the engine itself costs: milliseconds and CPU for each experiment, beside the program's own.

A real study of a program with an instantaneous evaluation: real store, code, proposer, search and
sandbox, on a real disk. To see it at 10,000 experiments without waiting for 10,000 programs, a study is
first grown with a runner that makes results up, in a process of its own, whose memory is the engine's at
that size; the experiments that are timed are launched for real.

Studies of all sizes are timed in turns, some experiments each, so that whatever else the machine does
slows all of them and their ratio is that of the engine.
"""

import random
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median
from typing import Any, Protocol, TypeVar

from move37.core.errors import Move37Error
from move37.core.events import Event, Recorded
from move37.core.facts import Done, Fact, Proposed, Rejected, Row, Tried
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Attachments, Code, Inquiry, Runner, Search, Store
from move37.core.records import Choice, Job, Measured, Trial, TrialJob
from move37.runners.scripted import ScriptedRunner

T = TypeVar("T")

STAGES: Mapping[str, str] = {
    "choose": "the search picks what to build on",
    "propose": "the proposer changes it and the change is stored as a program",
    "record": "all facts of the experiment are appended and on disk",
    "fold": "history, beliefs, search and scoreboard take them in",
    "worker": "the job goes to the worker, is made ready and cleaned up, and the result comes back",
    "materialise": "the program is written to an empty directory: a part of `worker`, timed apart",
    "launch": "the sandbox starts, runs and ends the program: no part of the engine's time",
}
"""What the time of one experiment goes to."""

_TURNS, _PIECE = 4, 50
"""In so many pieces a window is timed, of at least so many experiments."""
_CONSTANTS = 60
USUAL = 1000
"""Experiments of a night's study: `engine_ms` is that of the window nearest to it."""
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
    propose: Callable[[Experiment], Proposed | Rejected | Inquiry]

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
    """Resident memory of an engine that has made all experiments up to here and nothing else."""

    @property
    def mean(self) -> float:
        return fmean(self.engine_ms)

    @property
    def p90(self) -> float:
        return sorted(self.engine_ms)[int(0.9 * len(self.engine_ms))]


@dataclass(frozen=True, kw_only=True, slots=True)
class OverheadResult:
    settings: Mapping[str, int]
    windows: Sequence[Window]

    @property
    def figures(self) -> Mapping[str, float]:
        """Milliseconds as of 1,000 experiments, growth from the first window to the last."""
        first, last = self.windows[0], self.windows[-1]
        usual = min(self.windows, key=lambda window: abs(window.at - USUAL))
        return {
            "engine_ms": median(usual.engine_ms),
            "engine_ms_growth": median(last.engine_ms) / median(first.engine_ms),
            "engine_ms_mean": usual.mean,
            "engine_ms_p90": usual.p90,
            "engine_ms_last": median(last.engine_ms),
            "engine_cpu_ms": usual.cpu_ms,
            "engine_cpu_ms_growth": last.cpu_ms / first.cpu_ms,
            "engine_mb": last.engine_mb,
            **{f"{stage}_ms": usual.stages[stage] for stage in STAGES},
        }

    def table(self) -> str:
        head = ["experiments", "engine ms", "mean", "p90", "cpu ms", *STAGES, "MB"]
        rows = [
            [
                str(window.at),
                f"{median(window.engine_ms):.1f}",
                f"{window.mean:.1f}",
                f"{window.p90:.1f}",
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
    """Time `window` experiments of studies of these sizes, increasing, in fresh directories below."""
    clocks: dict[int, _Clock] = {}
    megabytes: dict[int, float] = {}
    for size in sizes:
        study = directory / str(size)
        study.mkdir()
        write_task(study, seed)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            megabytes[size] = alone.submit(grow, open_engine, study, size, seed).result()
        clocks[size] = _Clock()
    turns = max(1, min(_TURNS, window // _PIECE))
    for turn in range(turns):
        begin, end = (window * (turn + part) // turns for part in (0, 1))
        for size, clock in clocks.items():
            _time(open_engine, directory / str(size), size + begin + turn, end - begin, clock)
    for size, clock in clocks.items():
        if len(clock.engine_ms) < window // 2:
            raise Move37Error(
                f"only {len(clock.engine_ms)} of {window} experiments could be timed at {size}; "
                "look at their failures with `move37 list`"
            )
    return OverheadResult(
        settings={"largest": max(sizes), "window": window, "seed": seed},
        windows=[clock.window(size, megabytes[size]) for size, clock in clocks.items()],
    )


def draw(result: OverheadResult, path: Path) -> None:
    """Write a picture: what one experiment costs the engine, by stage, at each size of study."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Matplotlib's signatures are only partly typed.
    figure: Any = Figure(figsize=(8, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(result.windows))
    left = [0.0 for _ in places]
    colours = ("#c8d5e2", "#2f6690", "#9db8d2", "#5b8fb9", "#7a7a7a")
    parts = ("choose", "propose", "record", "fold", "worker")
    for part, colour in zip(parts, colours, strict=True):
        widths = [window.stages[part] for window in result.windows]
        axes.barh(places, widths, left=left, height=0.6, color=colour, label=part)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(places, [f"{window.at:,}" for window in result.windows])
    axes.invert_yaxis()
    axes.set_ylabel("experiments before")
    axes.set_xlabel("milliseconds of engine for each experiment (sum of the stages' medians)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=len(parts))
    figure.savefig(path, dpi=120)


def write_task(directory: Path, seed: int) -> None:
    """A task with many constants to turn and nothing to wait for."""
    values = random.Random(seed)
    lines = [f"rate_{i} = {values.uniform(0.1, 9):.4f}" for i in range(_CONSTANTS)]
    (directory / "program.py").write_text("\n".join(lines) + "\n")
    (directory / "move37.toml").write_text(_TASK)


def grow(open_engine: OpenEngine, directory: Path, size: int, seed: int) -> float:
    """Bring the study to this many experiments, their results made up. Returns resident megabytes."""

    def make_up(job: Job) -> Tried:
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
        return _resident_mb()


def _time(open_engine: OpenEngine, directory: Path, size: int, count: int, clock: "_Clock") -> None:
    """Let a study that has `size` experiments make so many more and one, and time all but the first.

    That one waits for the worker process to start: a cost of the session, not of an experiment.
    """
    with open_engine(directory, size + count + 1, clock.watch) as engine:
        propose = engine.propose
        engine.propose = lambda experiment: clock.timed("propose", lambda: propose(experiment))
        engine.search = _TimedSearch(engine.search, clock)
        engine.runner = _TimedRunner(engine.runner, clock)
        engine.journal.store = _TimedStore(engine.journal.store, clock)
        engine.explore()
        clock.stop()
        code = engine.journal.store.code
        for experiment in engine.journal.history.experiments[-count:]:
            workspace = directory / ".move37" / f"bench-{experiment.id}"
            workspace.mkdir()
            if (commit := experiment.commit) is not None:
                clock.timed("materialise", partial(code.write, commit, workspace))


class _Clock:
    """Collects times, in milliseconds, while engines work on one study."""

    def __init__(self) -> None:
        self.engine_ms: list[float] = []
        self._stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
        self._cpu_ms = 0.0
        self._cpu_began = self._last = 0.0
        self._sums: dict[str, float] = {}
        """Of stages that an experiment goes through several times."""
        self._stored = self._handed_over = 0.0

    def stop(self) -> None:
        self._cpu_ms += 1000 * (time.process_time() - self._cpu_began)
        self._last = 0.0

    def window(self, at: int, engine_mb: float) -> Window:
        return Window(
            at=at,
            engine_ms=tuple(self.engine_ms),
            cpu_ms=self._cpu_ms / max(1, len(self.engine_ms)),
            stages={stage: median(times or (0.0,)) for stage, times in self._stages.items()},
            engine_mb=engine_mb,
        )

    def timed(self, stage: str, action: Callable[[], T]) -> T:
        began = time.perf_counter()
        result = action()
        self._stages[stage].append(1000 * (time.perf_counter() - began))
        return result

    def stored(self, began: float) -> None:
        """A fact is on disk; from here on it is folded."""
        self._stored = time.perf_counter()
        self._add("record", self._stored - began)

    def handed_over(self) -> None:
        self._handed_over = time.perf_counter()

    def came_back(self) -> None:
        self._add("worker", time.perf_counter() - self._handed_over)

    def watch(self, event: Event) -> None:
        """An experiment lasts from the end of the one before it to its own."""
        if not isinstance(event, Recorded):
            return
        now = time.perf_counter()
        self._add("fold", now - self._stored)
        if isinstance(event.fact, Tried):
            outcome = event.fact.trial.outcome
            if not self._last:
                self._cpu_began = time.process_time()
            elif isinstance(outcome, Measured):
                self.engine_ms.append(1000 * (now - self._last - outcome.seconds))
                self._sums["worker"] = self._sums.get("worker", 0.0) - outcome.seconds
                for stage, seconds in (*self._sums.items(), ("launch", outcome.seconds)):
                    self._stages[stage].append(1000 * seconds)
            self._last = now
            self._sums.clear()

    def _add(self, stage: str, seconds: float) -> None:
        self._sums[stage] = self._sums.get(stage, 0.0) + seconds


class _TimedRunner:
    def __init__(self, runner: Runner, clock: _Clock) -> None:
        self._runner = runner
        self._clock = clock

    def free_slots(self) -> int:
        return self._runner.free_slots()

    def pending(self) -> Set[int]:
        return self._runner.pending()

    def submit(self, job: Job) -> None:
        self._clock.handed_over()
        self._runner.submit(job)

    def collect(
        self, *, until: Callable[[], bool] = lambda: False
    ) -> Iterable[tuple[Done, Attachments]]:
        results = list(self._runner.collect(until=until))  # one worker: one at a time
        if results:
            self._clock.came_back()
        return results


class _TimedSearch:
    def __init__(self, search: Search, clock: _Clock) -> None:
        self._search = search
        self._clock = clock

    def add(self, fact: Fact) -> None:
        self._search.add(fact)

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        choose = partial(self._search.choose, history, pending=pending, seed=seed, busy=busy)
        return self._clock.timed("choose", choose)


class _TimedStore:
    def __init__(self, store: Store, clock: _Clock) -> None:
        self._store = store
        self._clock = clock

    @property
    def code(self) -> Code:
        return self._store.code

    def append(self, fact: Fact, attachments: Mapping[str, bytes], *, synced: bool = True) -> Row:
        began = time.perf_counter()
        row = self._store.append(fact, attachments, synced=synced)
        self._clock.stored(began)
        return row

    def rows(self, after: int = 0) -> Iterator[Row]:
        return self._store.rows(after)

    def attachment(self, key: str) -> bytes | None:
        return self._store.attachment(key)

    def close(self) -> None:
        self._store.close()


def _resident_mb() -> float:
    """Resident memory of this process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**2
