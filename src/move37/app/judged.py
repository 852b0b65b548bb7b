"""A runner whose trials are judged against the study before they are recorded."""

from collections.abc import Callable, Iterable, Set

from move37.core.facts import Done, Tried
from move37.core.history import History
from move37.core.protocols import Attachments, Runner
from move37.core.records import Job, Task


class Judged:
    """Implements `core.protocols.Runner`, around another one."""

    def __init__(
        self,
        runner: Runner,
        task: Task,
        history: History,
        attachment: Callable[[str], bytes | None],
    ) -> None:
        """attachment: what the study has stored under a key."""
        self._runner = runner
        self._task = task
        self._history = history
        self._attachment = attachment

    def free_slots(self) -> int:
        return self._runner.free_slots()

    def pending(self) -> Set[int]:
        return self._runner.pending()

    def submit(self, job: Job) -> None:
        self._runner.submit(job)

    def collect(
        self, *, until: Callable[[], bool] = lambda: False
    ) -> Iterable[tuple[Done, Attachments]]:
        """One by one: each is judged once those before it have been recorded."""
        from move37.referee.limits import judge_limits
        from move37.referee.pairs import compare_units
        from move37.referee.stages import named

        for fact, attachments in self._runner.collect(until=until):
            judged = fact
            if isinstance(judged, Tried):
                judged = judge_limits(self._task, self._history, named(self._task, judged))
            if isinstance(judged, Tried):
                judged = compare_units(self._history, judged, attachments, self._attachment)
            yield judged, attachments
