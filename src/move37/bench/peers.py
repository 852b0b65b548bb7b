"""`bench peers`: other engines and ours on the same tasks, with the same proposer, model and count of evaluations.

Each engine runs as a process of its own, driven by its own command, and asks one scripted model (`search_model`).
What it recommends in the end is judged by the true score, which it never sees. What has been run is kept in a
file, so that a benchmark that was stopped goes on.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from move37.bench.peers_engines import ENGINES, Engine, Order, Recommended, at
from move37.bench.peers_install import NotInstalled, install
from move37.bench.search_model import ScriptedModel
from move37.bench.search_tasks import TASKS, BenchTask
from move37.testing.model_server import ModelServer

EVALUATIONS = 400
_MOST_SECONDS = 1800.0


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerRun:
    """What came of one engine on one task, with one seed of the model."""

    engine: str
    task: str
    seed: int
    asked: int
    """Evaluations that it was told it may spend."""
    trouble: str = ""
    """Why there is no recommendation; empty: there is one, and the rest means something."""
    gain: float = 0.0
    """True score of the program that it recommends, less that of the start."""
    reported: float = 0.0
    """What the engine says that the score is, less the true score of the start."""
    evaluations: int = 0
    """Really spent."""
    requests: int = 0
    """To the model, by whatever purpose."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of all its processes, evaluations included; the model's are not."""
    peak_mb: float = 0.0
    """Of its largest process."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run."""

    tasks: Sequence[str] = tuple(TASKS)
    engines: Sequence[str] = tuple(ENGINES)
    seeds: int = 10
    evaluations: int = EVALUATIONS
    lanes: int = 2
    """Engines at work at the same time."""
    fewer: Mapping[str, int] | None = None
    """Engines with fewer seeds."""

    def settings(self) -> Mapping[str, int]:
        """As they are reported."""
        return {"seeds": self.seeds, "evaluations": self.evaluations}

    def jobs(self) -> Iterable[tuple[int, str, str]]:
        """Seed by seed, so that whatever is done first is a comparison."""
        for seed in range(self.seeds):
            for task in self.tasks:
                for engine in self.engines:
                    if seed < (self.fewer or {}).get(engine, self.seeds):
                        yield seed, task, engine


QUICK = Plan(tasks=("rastrigin",), seeds=1, evaluations=30, lanes=3)
"""It shows that all of it works, and compares nothing."""


def peers(
    plan: Plan, *, cache: Path, kept: Path, tell: Callable[[str], None] = lambda line: None
) -> Sequence[PeerRun]:
    """Run what the plan says and `kept` does not hold yet; return all runs that belong to the plan.

    cache: where the peers are installed. kept: a file of one run a line, which grows.
    """
    commands: dict[str, Path | NotInstalled] = {}
    for name in plan.engines:
        commands[name] = _command_of(ENGINES[name], cache, tell)
    done = {(run.seed, run.task, run.engine): run for run in read_runs(kept, plan.evaluations)}
    lock = threading.Lock()
    working: set[int] = set()

    def one(job: tuple[int, str, str]) -> None:
        seed, task, engine = job
        command = commands[engine]
        if isinstance(command, NotInstalled):
            run = _none(engine, task, seed, plan.evaluations, f"not installed: {command}")
        else:
            run = run_one(ENGINES[engine], TASKS[task], seed, plan.evaluations, command, working)
        with lock:
            done[job] = run
            with kept.open("a") as file:
                file.write(json.dumps(asdict(run)) + "\n")
            tell(f"{task} {engine} seed {seed}: {run.trouble or f'true gain {run.gain:+.4f}'}")

    jobs = list(plan.jobs())
    with ThreadPoolExecutor(plan.lanes) as pool:
        try:
            for _ in pool.map(one, [job for job in jobs if job not in done]):
                pass
        except BaseException:  # Ctrl-C among them: nobody works on unseen
            pool.shutdown(wait=False, cancel_futures=True)
            for group in list(working):
                _end(group)
            raise
    return [done[job] for job in jobs]


def read_runs(kept: Path, evaluations: int) -> Sequence[PeerRun]:
    """The runs of that many evaluations in this file; a last line that was cut off is passed over."""
    if not kept.exists():
        return ()
    runs: list[PeerRun] = []
    for line in kept.read_text().splitlines():
        try:
            runs.append(PeerRun(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return [run for run in runs if run.asked == evaluations]


def _command_of(engine: Engine, cache: Path, tell: Callable[[str], None]) -> "Path | NotInstalled":
    if engine.package is None:
        return Path(sys.executable)
    try:
        tell(f"{engine.package.name} {engine.package.version}: installing, unless it is there")
        return install(engine.package, cache)
    except NotInstalled as error:
        return error


def _none(engine: str, task: str, seed: int, asked: int, trouble: str) -> PeerRun:
    return PeerRun(engine=engine, task=task, seed=seed, asked=asked, trouble=trouble)


def run_one(
    engine: Engine,
    task: BenchTask,
    seed: int,
    evaluations: int,
    command: Path,
    working: set[int] | None = None,
) -> PeerRun:
    """Let one engine work, and judge what it recommends. working: gets its process group, meanwhile."""
    directory = Path(tempfile.mkdtemp(prefix="move37-peers-"))
    model = ScriptedModel(task, seed)
    try:
        with ModelServer(lambda request: model.say(request.texts)) as server:
            order = Order(
                task=task,
                seed=seed,
                evaluations=evaluations,
                url=server.openai_url,
                directory=directory,
            )
            spent = _work(
                engine.prepare(order, command),
                at(order, engine),
                directory / "log",
                set() if working is None else working,
            )
            requests = len(server.requests)
        if spent.exit != 0:
            trouble = f"exit {spent.exit}: {_last(directory / 'log')}"
            return _none(engine.name, task.name, seed, evaluations, trouble)
        try:
            said = engine.recommended(order)
        except (OSError, KeyError, ValueError) as error:
            trouble = (
                f"no recommendation ({error!r}), exit {spent.exit}: {_last(directory / 'log')}"
            )
            return _none(engine.name, task.name, seed, evaluations, trouble)
        return _judge(engine.name, order, said, spent, requests)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _judge(engine: str, order: Order, said: Recommended, spent: "_Spent", requests: int) -> PeerRun:
    task = order.task
    start = task.truth(task.program)
    counted = said.evaluations
    if counted is None:
        counted = order.tally.stat().st_size if order.tally.exists() else 0
    return PeerRun(
        engine=engine,
        task=task.name,
        seed=order.seed,
        asked=order.evaluations,
        gain=task.truth(said.program) - start,
        reported=said.reported - start,
        evaluations=counted,
        requests=requests,
        wall_seconds=spent.wall_seconds,
        cpu_seconds=spent.cpu_seconds,
        peak_mb=spent.peak_mb,
    )


@dataclass(frozen=True, slots=True)
class _Spent:
    exit: int
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def _work(command: Sequence[str], directory: Path, log: Path, working: set[int]) -> _Spent:
    """Run it to its end, in a session of its own that can be ended as a whole."""
    environment = {**os.environ, "OPENAI_API_KEY": "none", "PYTHONUNBUFFERED": "1"}
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["nice", "-n", "10", *command],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        working.add(process.pid)
        timer = threading.Timer(_MOST_SECONDS, _end, (process.pid,))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        working.discard(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
    _end(process.pid)
    return _Spent(
        process.returncode,
        time.monotonic() - began,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1000,
    )


def _end(group: int) -> None:
    """What is left of a session; often there is nothing."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _last(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return (lines or ["it printed nothing"])[-1][:200]
