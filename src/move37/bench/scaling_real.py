"""A tiny real task for `bench scaling`: a noisy Rastrigin function of six numbers in a program.

Real engine, `tune`, workers and sandbox; since the formula is known, so is the true score of every program.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from move37.core.events import Event, Recorded
from move37.core.facts import Tried
from move37.core.journal import Journal

PROGRAM = "program.py"
START = (3.1, -2.2, 4.3, -1.4, 2.6, -3.7)
NOISE = 2.0
"""Standard deviation of one trial. The start is at 127 and the optimum at 0."""

_TASK = """\
goal = "Lower the loss."
search = "{search}"

[files]
edit = ["{program}"]

[evaluate]
run = "sh evaluate.sh"
timeout = "30s"

[metric]
name = "loss"
goal = "minimize"
"""
_EVALUATE = """\
awk -v seed="$MOVE37_SEED" -F ' = ' '
  / = / { loss += $2 ^ 2 - 10 * cos(6.283185307179586 * $2) + 10 }
  END   { srand(seed); u = 1 - rand(); v = rand()
          printf "loss: %.6f\\n", loss + {noise} * sqrt(-2 * log(u)) * cos(6.283185307179586 * v) }
' {program}
"""


class Study(Protocol):
    @property
    def champion(self) -> int | None: ...


class Engine(Protocol):
    """A study at work, as `move37.app` opens it."""

    @property
    def study(self) -> Study: ...

    @property
    def journal(self) -> Journal: ...

    def explore(self) -> str: ...


OpenSeeded = Callable[
    [Path, int, int, int, Callable[[Event], None]], AbstractContextManager[Engine]
]
"""(directory, experiments, workers, seed, watch): open an engine with this budget."""


def write_task(directory: Path, search: str) -> None:
    numbers = "".join(f"x{place} = {value}\n" for place, value in enumerate(START))
    (directory / PROGRAM).write_text(numbers)
    evaluate = _EVALUATE.replace("{noise}", str(NOISE)).replace("{program}", PROGRAM)
    (directory / "evaluate.sh").write_text(evaluate)
    (directory / "move37.toml").write_text(_TASK.format(search=search, program=PROGRAM))


def true_loss(program: str) -> float:
    """Without noise; as awk reads a line, which is a number or 0."""
    values = [_number(line.partition(" = ")[2]) for line in program.splitlines() if " = " in line]
    return sum(x * x - 10 * math.cos(2 * math.pi * x) + 10 for x in values)


def _number(text: str) -> float:
    found = re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text)
    return float(found[0]) if found else 0.0


def real_gains(
    open_study: OpenSeeded,
    directory: Path,
    search: str,
    *,
    checkpoints: Sequence[int],
    workers: int,
    seed: int,
) -> Mapping[int, float]:
    """True gain of the champion, once so many trials of experiments have ended, in an empty directory."""
    write_task(directory, search)
    start = true_loss((directory / PROGRAM).read_text())
    gains: dict[int, float] = {}
    ended = 0

    def watch(event: Event) -> None:
        nonlocal ended
        fact = event.fact if isinstance(event, Recorded) else None
        if not isinstance(fact, Tried) or fact.experiment == 0:
            return
        ended += 1
        if ended in checkpoints:
            gains[ended] = start - true_loss(_program(engine))

    with open_study(directory, max(checkpoints), workers, seed, watch) as engine:
        engine.explore()
        gains.setdefault(max(checkpoints), start - true_loss(_program(engine)))
    return gains


def _program(engine: Engine) -> str:
    champion = engine.study.champion
    commit = engine.journal.history[champion or 0].commit
    assert commit is not None, "what is champion has been measured"
    return engine.journal.store.code.read(commit, PROGRAM).decode()
