"""How each engine is told to work on a task of `bench peers`, and what it recommends in the end.

Each is driven by its own command, as its documentation has it, with its own defaults. What differs from them
is said in docs/peers.md: the model's address, the count of evaluations, a seed, evaluations at once, and what
cannot work with a model that only mutates.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from move37.bench import search_scores
from move37.bench.peers_install import OPENEVOLVE, SHINKA, SKYDISCOVER, Package
from move37.bench.search_tasks import PROGRAM, BenchTask

BASELINE_TRIALS = 5
"""move37 measures the unchanged program so often at the start, beside its experiments."""
_MODEL = "scripted"
_ENTRY = "evaluator.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One engine at work on one task."""

    task: BenchTask
    seed: int
    evaluations: int
    """That it may spend, the program it starts from included."""
    url: str
    """Of the model."""
    directory: Path
    """Empty; its own."""

    @property
    def tally(self) -> Path:
        """A byte for each evaluation."""
        return self.directory / "tally"

    @property
    def out(self) -> Path:
        return self.directory / "out"

    def call(self, tally: str) -> tuple[str, float, float, float, str]:
        """The arguments of `search_scores.evaluate` behind the path of the program."""
        task = self.task
        return (task.score, task.noise, task.seconds, task.sigma, tally)


@dataclass(frozen=True, slots=True)
class Recommended:
    """What an engine ends with."""

    program: str
    reported: float
    """The score that the engine gives for it."""
    evaluations: int | None = None
    """Where the engine's own records have to say it. `None`: the tally does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """An engine and how to drive it."""

    name: str
    package: Package | None
    """`None`: it is ours."""
    prepare: Callable[[Order, Path], Sequence[str]]
    """(order, its command) -> the command line; writes what it needs into the order's directory."""
    recommended: Callable[[Order], Recommended]
    """Raises `OSError`, `KeyError` or `ValueError` where there is none."""


def _own_scores(order: Order, directory: Path) -> None:
    shutil.copy(search_scores.__file__, directory / "search_scores.py")


def _python_evaluator(order: Order) -> Path:
    """For engines that call `evaluate(program_path)`."""
    _own_scores(order, order.directory)
    (order.directory / PROGRAM).write_text(order.task.program)
    entry = order.directory / _ENTRY
    entry.write_text(
        f"import sys\n\nsys.path.insert(0, {str(order.directory)!r})\n"
        "from search_scores import evaluate as measure\n\n\n"
        "def evaluate(program_path):\n"
        f"    return {{'combined_score': measure(program_path, *{order.call(str(order.tally))!r})}}\n"
    )
    return entry


def _model(order: Order) -> Mapping[str, Any]:
    one = {"name": _MODEL, "api_base": order.url, "api_key": "none", "weight": 1.0}
    return {"api_base": order.url, "api_key": "none", "models": [one]}


def _best_program(order: Order) -> Recommended:
    """As OpenEvolve and SkyDiscover write it at their end."""
    best = order.out / "best"
    info = json.loads((best / "best_program_info.json").read_text())
    return Recommended(
        program=(best / "best_program.py").read_text(),
        reported=float(info["metrics"]["combined_score"]),
    )


def _command(order: Order, command: Path, config: Mapping[str, Any]) -> Sequence[str]:
    """Of OpenEvolve and SkyDiscover. JSON is YAML."""
    evaluator = _python_evaluator(order)
    written = order.directory / "config.yaml"
    written.write_text(json.dumps(config, indent=1))
    program = order.directory / PROGRAM
    iterations = str(order.evaluations - 1)
    files = (str(program), str(evaluator), "-c", str(written), "-o", str(order.out))
    return [str(command), *files, "-i", iterations]


def _openevolve(order: Order, command: Path) -> Sequence[str]:
    config = {
        "random_seed": order.seed,
        "language": "python",
        "llm": _model(order),
        "database": {"random_seed": order.seed},
        "evaluator": {"parallel_evaluations": order.task.workers},
    }
    return _command(order, command, config)


def _skydiscover(search: str) -> Callable[[Order, Path], Sequence[str]]:
    def prepare(order: Order, command: Path) -> Sequence[str]:
        config = {
            "random_seed": order.seed,
            "language": "python",
            "llm": _model(order),
            "search": {"type": search, "database": {"random_seed": order.seed}},
            "evaluator": {"parallel_evaluations": order.task.workers},
        }
        return _command(order, command, config)

    return prepare


def _shinka(order: Order, command: Path) -> Sequence[str]:
    folder = order.directory / "task"
    folder.mkdir()
    _own_scores(order, folder)
    (folder / "initial.py").write_text(order.task.program)
    (folder / "evaluate.py").write_text(
        "import json\nimport os\nimport sys\n\n"
        f"sys.path.insert(0, {str(folder)!r})\n"
        "from search_scores import evaluate\n\n"
        "given = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        f"score = evaluate(given['--program_path'], *{order.call(str(order.tally))!r})\n"
        "results = given['--results_dir']\n"
        "os.makedirs(results, exist_ok=True)\n"
        "with open(os.path.join(results, 'metrics.json'), 'w') as file:\n"
        "    json.dump({'combined_score': score}, file)\n"
        "with open(os.path.join(results, 'correct.json'), 'w') as file:\n"
        "    json.dump({'correct': True, 'error': None}, file)\n"
    )
    at_once = str(order.task.workers)
    return [
        str(command),
        *("--task-dir", str(folder), "--results_dir", str(order.out)),
        *("--num_generations", str(order.evaluations)),
        *("--set", f'evo.llm_models=["local/{_MODEL}@{order.url}"]'),
        *("--set", "evo.embedding_model=none"),
        *("--max-evaluation-jobs", at_once, "--max-proposal-jobs", at_once, "--no-verbose"),
    ]


def _shinka_best(order: Order) -> Recommended:
    best = order.out / "best"
    metrics = json.loads((best / "results" / "metrics.json").read_text())
    return Recommended(
        program=(best / "main.py").read_text(), reported=float(metrics["combined_score"])
    )


_TASK = """goal = "{goal}"

[files]
edit = ["{program}"]

[evaluate]
run = "{python} evaluate.py"

[metric]
name = "score"
goal = "maximize"

[[proposer]]
kind = "llm"
model = "local:{url}#{model}"
"""
_MOVE37 = """from search_scores import evaluate

print("score:", evaluate({program!r}, *{call!r}))
"""
_DRIVE = """
import subprocess, sys
move37 = [sys.executable, "-m", "move37"]
run = [*move37, "run", "--experiments", {experiments!r}, "--workers", {workers!r}, "--seed", {seed!r}]
with open({log!r}, "w") as log:
    subprocess.run([*run, "--no-check", "--no-certify", "--plain"], stdout=log, stderr=log, check=True)
for name in ("best", "list"):
    with open({out!r} + "/" + name + ".json", "w") as file:
        subprocess.run([*move37, name, "--json"], stdout=file, check=True)
subprocess.run([*move37, "apply"], stdout=subprocess.DEVNULL)
"""


def _move37(order: Order, command: Path) -> Sequence[str]:
    task = order.directory / "task"
    task.mkdir()
    order.out.mkdir()
    _own_scores(order, task)
    (task / PROGRAM).write_text(order.task.program)
    (task / "evaluate.py").write_text(_MOVE37.format(program=PROGRAM, call=order.call("")))
    settings = {"program": PROGRAM, "python": "python3", "url": order.url, "model": _MODEL}
    (task / "move37.toml").write_text(_TASK.format(goal=order.task.goal, **settings))
    drive = order.directory / "drive.py"
    drive.write_text(
        _DRIVE.format(
            experiments=str(order.evaluations - BASELINE_TRIALS),
            workers=str(order.task.workers),
            seed=str(order.seed),
            log=str(order.directory / "run.log"),
            out=str(order.out),
        )
    )
    return [str(command), str(drive)]


def _move37_best(order: Order) -> Recommended:
    """The champion as `apply` wrote it, what is believed of it, and all trials of the study."""
    best = json.loads((order.out / "best.json").read_text())
    rows = json.loads((order.out / "list.json").read_text())["rows"]
    return Recommended(
        program=(order.directory / "task" / PROGRAM).read_text(),
        reported=float(best["summary"]["believed"]["value"]),
        evaluations=sum(int(row["trials"]) for row in rows),
    )


def at(order: Order, engine: Engine) -> Path:
    """Where its command is run from."""
    return order.directory / "task" if engine.package is None else order.directory


OURS = "move37"
ENGINES: Mapping[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine(name=OURS, package=None, prepare=_move37, recommended=_move37_best),
        Engine(
            name="openevolve",
            package=OPENEVOLVE,
            prepare=_openevolve,
            recommended=_best_program,
        ),
        Engine(
            name="skydiscover-topk",
            package=SKYDISCOVER,
            prepare=_skydiscover("topk"),
            recommended=_best_program,
        ),
        Engine(
            name="skydiscover-adaevolve",
            package=SKYDISCOVER,
            prepare=_skydiscover("adaevolve"),
            recommended=_best_program,
        ),
        Engine(
            name="shinkaevolve",
            package=SHINKA,
            prepare=_shinka,
            recommended=_shinka_best,
        ),
    )
}
"""By name, ours first."""
