"""What a study with slow answers and slow trials takes in all, beside what a perfect scheduler would take.

The real engine, store, proposer `llm`, workers and sandbox; the model is a script behind a real connection that
takes its time, and a trial sleeps. So nothing but waiting has to be done, and two cores are enough.
"""

import heapq
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from move37.core.errors import Move37Error
from move37.core.events import Event, Recorded
from move37.core.facts import Answered, Asked, Tried
from move37.core.journal import Journal
from move37.testing.model_script import ModelRequest
from move37.testing.model_server import ModelServer

ASKERS, ANSWER_SECONDS = 8, 2.0
WORKERS, TRIAL_SECONDS = 8, 1.0

_TASK = """\
goal = "Raise m."

[files]
edit = ["x.txt"]

[evaluate]
run = "sleep {trial}; echo m: 1"
timeout = "60s"

[metric]
name = "m"
goal = "maximize"

[[proposer]]
kind = "llm"
model = "local:{url}#scripted"
at_once = {askers}
polish = 0
"""


class Engine(Protocol):
    """A study at work, as `move37.app` opens it."""

    @property
    def journal(self) -> Journal: ...

    def prepare(self) -> None: ...

    def explore(self) -> str: ...


OpenStudy = Callable[[Path, int, int, Callable[[Event], None]], AbstractContextManager[Engine]]
"""(directory, experiments, workers, watch): open an engine with this budget."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wall:
    """Seconds of one study, from the opening of its engine to its last trial."""

    experiments: int
    """That the model was asked for."""
    seconds: float
    ideal: float
    """Of a perfect scheduler, which needs no start and no time to think. The baseline's first trial comes before
    the first question, which tells its score."""
    start: float
    """Until the first question went out: the engine, its workers and the baseline's first trial."""
    cpu_ms: float
    """Of the engine's process and the model's, which is the same, for each experiment."""
    answers: float
    """Mean seconds of an answer, as its asker counts them."""
    trials: float
    """Likewise of a trial."""

    @property
    def ratio(self) -> float:
        return self.seconds / self.ideal

    @property
    def strict_ratio(self) -> float:
        """As if the baseline need not have been measured first."""
        return self.seconds / (self.ideal - TRIAL_SECONDS)

    @property
    def later_ratio(self) -> float:
        """From the first question on."""
        return (self.seconds - self.start) / (self.ideal - TRIAL_SECONDS)


def ideal_seconds(
    experiments: int,
    *,
    askers: int = ASKERS,
    answer: float = ANSWER_SECONDS,
    workers: int = WORKERS,
    trial: float = TRIAL_SECONDS,
) -> float:
    """What a scheduler takes that wastes nothing: whoever is free first takes what is ready first."""
    baseline = trial
    asking, measuring = [baseline] * askers, [baseline] * workers
    end = baseline
    for _ in range(experiments):
        ready = heapq.heappop(asking) + answer
        heapq.heappush(asking, ready)
        end = max(ready, heapq.heappop(measuring)) + trial
        heapq.heappush(measuring, end)
    return end


def wall(open_study: OpenStudy, directory: Path, *, experiments: int) -> Wall:
    """Run a study of so many experiments in an empty directory.

    Raises `Move37Error` where an answer came to nothing.
    """
    events: list[tuple[float, Event]] = []
    with ModelServer(lambda request: _answer(server, request)) as server:
        url = server.openai_url
        (directory / "x.txt").write_text("0\n")
        (directory / "move37.toml").write_text(
            _TASK.format(url=url, askers=ASKERS, trial=TRIAL_SECONDS)
        )
        began, cpu_began = time.monotonic(), time.process_time()
        watch: Callable[[Event], None] = lambda event: events.append((time.monotonic(), event))  # noqa: E731
        with open_study(directory, experiments, WORKERS, watch) as engine:
            engine.prepare()
            engine.explore()
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu_began
            history = engine.journal.history
    facts = [(at - began, event.fact) for at, event in events if isinstance(event, Recorded)]
    asked = [one for one in history.experiments if one.answers]  # merges and repeats need no answer
    if failed := [one.id for one in asked if not one.is_measured]:
        raise Move37Error(f"x{failed[0]} came to nothing, so what was timed was another study")
    return Wall(
        experiments=len(asked),
        seconds=seconds,
        ideal=ideal_seconds(len(asked)),
        start=next(at for at, fact in facts if isinstance(fact, Asked)),
        cpu_ms=1000 * cpu / len(asked),
        answers=_mean([fact.seconds for _, fact in facts if isinstance(fact, Answered)]),
        trials=_mean([fact.trial.outcome.seconds for _, fact in facts if isinstance(fact, Tried)]),
    )


def _answer(server: ModelServer, request: ModelRequest) -> str:
    server.wait(ANSWER_SECONDS)
    return (
        f"HYPOTHESIS: {1 + request.index} is more.\nPREDICTED EFFECT: 1\n\n"
        f"WHOLE FILE: x.txt\n```\n{1 + request.index}\n```\n"
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
