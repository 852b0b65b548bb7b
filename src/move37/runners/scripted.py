"""A runner that plays back results you give it. No processes, no sandbox, no sleep."""

from collections.abc import Callable, Iterable, Set

from move37.core.facts import Done
from move37.core.protocols import Attachments
from move37.core.records import Job

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

    def collect(self) -> Iterable[Result]:
        """Return the oldest pending job's result: the others are still under way."""
        if not self._pending:
            return []
        job = self._pending.pop(next(iter(self._pending)))
        return [(self._attempt(job), {})]
