"""A runner and a desk that share a simulated clock: everything takes time there, and nobody waits for it.

For benchmarks and tests of what many workers do. What happens at one moment happens in the order in which it
was begun, so the same calls give the same study.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set
from itertools import count

from move37.core.facts import Answered, Asked, Done
from move37.core.protocols import Asker, Attachments
from move37.core.records import Answer, Job, Question
from move37.runners.desk import answered, ask

Result = tuple[Done, Attachments]


class SimulatedClock:
    """Seconds since the beginning, and what is still to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), happens))

    def step(self, *, until: float = math.inf) -> bool:
        """Let the next thing happen, unless it is later than `until`: then it is `until`, and nothing has."""
        if not self._events or self._events[0][0] > until:
            self.now = until if math.isfinite(until) else self.now
            return False
        self.now, _, happens = heapq.heappop(self._events)
        happens()
        return True


class SimulatedRunner:
    """Implements `move37.core.protocols.Runner`."""

    def __init__(
        self,
        attempt: Callable[[Job], Done],
        seconds: Callable[[Job], float],
        *,
        clock: SimulatedClock,
        workers: int = 1,
    ) -> None:
        """seconds: how long a job takes."""
        self._attempt = attempt
        self._seconds = seconds
        self._clock = clock
        self._workers = workers
        self._pending: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._done: list[Job] = []
        self._busy = 0
        self.spans: list[tuple[float, float]] = []
        """When each job began and ended, or will, in the order in which they began."""

    def free_slots(self) -> int:
        return max(0, self._workers - len(self._pending))

    def pending(self) -> Set[int]:
        return {job.experiment for job in self._pending.values()}

    def submit(self, job: Job) -> None:
        if job.id not in self._pending:
            self._pending[job.id] = job
            self._waiting.append(job)
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._busy < self._workers:
            job = self._waiting.popleft()
            seconds = self._seconds(job)
            self._busy += 1
            self.spans.append((self._clock.now, self._clock.now + seconds))
            self._clock.after(seconds, lambda job=job: self._end(job))

    def _end(self, job: Job) -> None:
        self._busy -= 1
        self._done.append(job)
        self._hand_out()

    def collect(self, *, until: Callable[[], bool] = lambda: False) -> Iterable[Result]:
        while self._pending and not self._done and not until():
            self._clock.step()
        done, self._done = self._done, []
        for job in done:
            del self._pending[job.id]
        return [(self._attempt(job), {}) for job in done]


class SimulatedDesk:
    """Implements `move37.core.protocols.Desk`: answers come after the seconds that they say they took."""

    def __init__(
        self,
        askers: Mapping[str, Asker],
        encode: Callable[[Answer], bytes],
        *,
        clock: SimulatedClock,
    ) -> None:
        self._askers = askers
        self._encode = encode
        self._clock = clock
        self._pending: dict[int, None] = {}
        self._answers: list[tuple[Asked, Answer]] = []

    @property
    def at_once(self) -> Mapping[str, int]:
        return {name: asker.at_once for name, asker in self._askers.items()}

    def pending(self) -> Set[int]:
        return self._pending.keys()

    def submit(self, proposer: str, asked: Asked, question: Question) -> None:
        if asked.experiment in self._pending:
            return
        self._pending[asked.experiment] = None
        answer = ask(self._askers[proposer], question, lambda: False)
        self._clock.after(answer.seconds, lambda: self._come(asked, answer))

    def _come(self, asked: Asked, answer: Answer) -> None:
        if asked.experiment in self._pending:
            self._answers.append((asked, answer))

    def has_answers(self) -> bool:
        return bool(self._answers)

    def collect(self, *, patience_seconds: float = 0.0) -> Iterable[tuple[Answered, Attachments]]:
        until = self._clock.now + patience_seconds
        while not self._answers and self._clock.step(until=until):
            pass
        found, self._answers = self._answers, []
        for asked, _ in found:
            del self._pending[asked.experiment]
        return [answered(asked, answer, self._encode) for asked, answer in found]

    def close(self) -> None:
        self._pending.clear()
        self._answers.clear()
