"""What a neighbour does to a trial that measures time: alone, beside one with cores of its own, and beside too many.

One program, the same each time, in the real sandbox; the arms take turns, so that whatever else the machine does
falls on all of them alike.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

from move37.core.events import Event
from move37.core.facts import Tried
from move37.core.journal import Journal
from move37.core.protocols import Runner
from move37.core.records import Measured
from move37.referee.seeds import trial_job

_TASK = """\
goal = "Measure time."

[files]
edit = ["x.txt"]

[evaluate]
run = "sh time.sh"
timeout = "60s"
exclusive = {exclusive}

[metric]
name = "ms"
goal = "minimize"
"""
_PROGRAM = """\
began=$(date +%s%N)
awk 'BEGIN { for (i = 0; i < 3000000; i++) s += i; print s > "/dev/null" }'
ended=$(date +%s%N)
echo "ms: $(( (ended - began) / 1000 ))e-3"
"""


class Engine(Protocol):
    """A study at work, as `move37.app` opens it."""

    runner: Runner

    @property
    def journal(self) -> Journal: ...


OpenStudy = Callable[[Path, int, int, Callable[[Event], None]], AbstractContextManager[Engine]]


@dataclass(frozen=True, slots=True)
class Arm:
    """Some trials at a time, on cores of their own or not."""

    trials: int
    exclusive: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """What one arm showed of the program's time."""

    arm: str
    milliseconds: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.milliseconds)

    @property
    def noise(self) -> float:
        """Standard deviation of the logarithm, from the median deviation: strays do not make it."""
        logs = [math.log(each) for each in self.milliseconds]
        middle = median(logs)
        return 1.4826 * median(abs(each - middle) for each in logs)


def arms(sets: int) -> Mapping[str, Arm]:
    """sets: how many trials can have cores of their own here."""
    return {
        "alone": Arm(1, exclusive=True),
        "exclusive": Arm(sets, exclusive=True),
        "crowded": Arm(2 * sets, exclusive=False),
    }


def timing(open_study: OpenStudy, directory: Path, *, sets: int, rounds: int) -> Sequence[Timed]:
    """Let the arms take turns, so many rounds, in an empty directory. The first round warms them up."""
    told: dict[str, list[float]] = {}
    with ExitStack() as stack:
        engines: dict[str, Engine] = {}
        for name, arm in arms(sets).items():
            root = directory / name
            root.mkdir()
            (root / "x.txt").write_text("0\n")
            (root / "time.sh").write_text(_PROGRAM)
            exclusive = str(arm.exclusive).lower()
            (root / "move37.toml").write_text(_TASK.format(exclusive=exclusive))
            engines[name] = stack.enter_context(open_study(root, 1, arm.trials, _ignored))
        for round in range(rounds + 1):
            for name, arm in arms(sets).items():
                shown = _shown(engines[name], round * arm.trials, arm.trials)
                told.setdefault(name, []).extend(shown if round else ())
    return [Timed(arm=name, milliseconds=times) for name, times in told.items()]


def _shown(engine: Engine, first: int, trials: int) -> Sequence[float]:
    """What so many trials of the baseline show that run at the same time."""
    history = engine.journal.history
    for index in range(first, first + trials):
        engine.runner.submit(trial_job(history, history.baseline, "search", index))
    shown: list[float] = []
    while engine.runner.pending():
        for fact, _ in engine.runner.collect():
            assert isinstance(fact, Tried), "nothing else was submitted"
            outcome = fact.trial.outcome
            assert isinstance(outcome, Measured), outcome
            shown.append(outcome.metrics["ms"])
    return shown


def _ignored(event: Event) -> None:
    """Nobody watches."""
