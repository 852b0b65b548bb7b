"""A runner that plays back results you give it. No processes, no sandbox, no sleep."""

from collections.abc import Callable, Iterable, Mapping, Set

from move37.core.facts import Answered, Asked, Done
from move37.core.protocols import Asker, Attachments
from move37.core.records import Answer, Job, Question
from move37.runners.desk import answered, ask

Result = tuple[Done, Attachments]


class ScriptedRunner:
    """Implements `move37.core.protocols.Runner`."""

    def __init__(self, attempt: Callable[[Job], Done], *, workers: int = 1) -> None:
        self._attempt = attempt
        self._workers = workers
        self._pending: dict[str, Job] = {}

    def free_slots(self) -> int:
        return max(0, self._workers - len(self._pending))

    def pending(self) -> Set[int]:
        return {job.experiment for job in self._pending.values()}

    def submit(self, job: Job) -> None:
        self._pending.setdefault(job.id, job)

    def collect(self, *, until: Callable[[], bool] = lambda: False) -> Iterable[Result]:
        """Return the oldest pending job's result: the others are still under way."""
        if not self._pending:
            return []
        job = self._pending.pop(next(iter(self._pending)))
        return [(self._attempt(job), {})]


class ScriptedDesk:
    """Implements `move37.core.protocols.Desk`, without threads: questions are asked when they are collected."""

    def __init__(
        self,
        askers: Mapping[str, Asker] | None = None,
        encode: Callable[[Answer], bytes] = lambda answer: answer.text.encode(),
    ) -> None:
        self._askers = askers or {}
        self._encode = encode
        self._pending: dict[int, tuple[str, Asked, Question]] = {}

    @property
    def at_once(self) -> Mapping[str, int]:
        return {name: asker.at_once for name, asker in self._askers.items()}

    def pending(self) -> Set[int]:
        return self._pending.keys()

    def submit(self, proposer: str, asked: Asked, question: Question) -> None:
        self._pending.setdefault(asked.experiment, (proposer, asked, question))

    def has_answers(self) -> bool:
        return bool(self._pending)

    def collect(self, *, patience_seconds: float = 0.0) -> Iterable[tuple[Answered, Attachments]]:
        """The oldest one's answer: the others are still under way."""
        if not self._pending:
            return []
        proposer, asked, question = self._pending.pop(next(iter(self._pending)))
        answer = ask(self._askers[proposer], question, lambda: False)
        return [answered(asked, answer, self._encode)]

    def close(self) -> None:
        self._pending.clear()
