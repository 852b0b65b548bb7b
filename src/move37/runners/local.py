"""Worker processes on this machine.

Each worker is a process of its own session, forked from a nursery (`nursery.py`), so that Ctrl-C reaches the
engine only. It notices the engine's death by the end of its pipe, ends whatever it runs, and goes: `kill -9` of the engine
leaves nothing behind. A worker that dies is replaced, and its job is done once more.
"""

import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait

from move37.core.errors import Move37Error
from move37.core.facts import Done, failed_job
from move37.core.protocols import Attachments
from move37.core.records import Failed, Job
from move37.runners.nursery import Nursery, Pipe

Result = tuple[Done, Attachments]

Attempt = Callable[[Job, Callable[[], bool]], Result | None]
"""Does a job; `None` when its second argument, asked now and then, told it to stop.

A `Move37Error` says that no job can be done here, whatever the program: `collect` raises it."""

_STOP = b"stop"
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0


@dataclass(slots=True)
class _Worker:
    serial: int
    """Its name in the nursery."""
    pipe: Pipe
    job: Job | None = None


@dataclass(slots=True)
class _Pending:
    job: Job
    deaths: int = 0


@dataclass(slots=True)
class _Queue:
    """Jobs by id: the waiting ones in order, and all that are not collected yet."""

    waiting: deque[str] = field(default_factory=deque[str])
    pending: dict[str, _Pending] = field(default_factory=dict[str, _Pending])


class LocalRunner:
    """Implements `move37.core.protocols.Runner`. A context manager: leaving it ends all workers."""

    def __init__(
        self,
        make_attempt: Callable[[int], Attempt],
        *,
        workers: int,
        cores: Sequence[Set[int]] = (),
        nursery: Nursery | None = None,
        started: Callable[[Job], None] = lambda job: None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        """
        make_attempt: picklable; called once in each worker with its number, 0 to workers - 1.
        cores: the processors of each worker, and of all that it starts. Empty: those of this process.
        nursery: one that has begun to load what workers need, and is ours from now on. `None`: a new one.
        started: told when a job begins to run.
        interrupted: asked while waiting; `True` makes `collect` end what runs and return nothing.
        """
        assert not cores or len(cores) >= workers, "each worker needs cores of its own"
        self._nursery = nursery or Nursery()
        self._nursery.employ(partial(serve, make_attempt))
        self._cores = cores
        self._started = started
        self._interrupted = interrupted
        self._queue = _Queue()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._workers = [self._begin(number) for number in range(workers)]

    def __enter__(self) -> "LocalRunner":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def free_slots(self) -> int:
        return max(0, len(self._workers) - len(self._queue.pending))

    def pending(self) -> Set[int]:
        return {entry.job.experiment for entry in self._queue.pending.values()}

    def submit(self, job: Job) -> None:
        if job.id not in self._queue.pending:
            self._queue.pending[job.id] = _Pending(job)
            self._queue.waiting.append(job.id)
            self._hand_out()

    def collect(self, *, until: Callable[[], bool] = lambda: False) -> Iterable[Result]:
        while self._queue.pending and not until():
            if self._interrupted():
                self.close()
                self._queue = _Queue()
                return []
            busy = {worker.pipe: worker for worker in self._workers if worker.job is not None}
            ready = wait([*busy, self._woken], timeout=_POLL_SECONDS)
            if self._woken in ready:
                _drain(self._woken)
            results = [
                result
                for pipe in ready
                if pipe in busy and (result := self._receive(busy[pipe])) is not None  # pyright: ignore[reportArgumentType, reportUnnecessaryContains]
            ]
            self._hand_out()
            if results:
                return results
        return []

    def wake(self) -> None:
        """Let `collect` ask its `until` now, and not only when it would anyway. From any thread."""
        # Full: it has been woken already. Closed: nobody waits any more.
        with suppress(OSError):
            self._waker.send(b".")

    def close(self) -> None:
        """End what runs and all workers. Calling it twice is the same as calling it once."""
        workers, self._workers = self._workers, []
        for worker in workers:
            if worker.job is not None:
                _send(worker.pipe, _STOP)
        for worker in workers:
            worker.pipe.close()
        for worker in workers:
            self._end(worker)
        self._nursery.close()
        self._waker.close()
        self._woken.close()

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            if worker.job is None and self._queue.waiting:
                job = self._queue.pending[self._queue.waiting.popleft()].job
                self._started(job)
                if not _send(worker.pipe, job):  # died while idle: nobody's fault
                    worker = self._replace(number)
                    _send(worker.pipe, job)
                worker.job = job

    def _receive(self, worker: _Worker) -> Result | None:
        """Take what a worker has to say; `None` when it died and the job is to be done again."""
        assert worker.job is not None
        entry = self._queue.pending[worker.job.id]
        try:
            result: Result | Move37Error = worker.pipe.recv()
        except (EOFError, OSError):
            code = self._end(worker)
            self._replace(self._workers.index(worker))
            entry.deaths += 1
            if entry.deaths == 1:
                self._queue.waiting.appendleft(entry.job.id)
                return None
            result = _died(entry.job, code), {}
        worker.job = None
        if isinstance(result, Move37Error):
            raise result
        del self._queue.pending[entry.job.id]
        return result

    def _replace(self, number: int) -> _Worker:
        self._end(self._workers[number])
        self._workers[number] = self._begin(number)
        return self._workers[number]

    def _begin(self, number: int) -> _Worker:
        cores = self._cores[number] if self._cores else None
        return _Worker(*self._nursery.start(number, cores))

    def _end(self, worker: _Worker) -> int:
        """Let a worker that was told to go, or is dying, go; return its exit status."""
        worker.pipe.close()
        return self._nursery.end(worker.serial, patience_seconds=_PATIENCE_SECONDS)


def _send(pipe: Pipe, message: Job | Move37Error | bytes) -> bool:
    try:
        pipe.send(message)
    except OSError:
        return False
    return True


def _drain(woken: socket.socket) -> None:
    """Take all that was sent, once for however many woke us."""
    with suppress(BlockingIOError):
        while woken.recv(4096):
            pass


def _died(job: Job, code: int) -> Done:
    how = f"by signal {-code}" if code < 0 else f"with exit status {code}"
    reason = f"the worker process died {how}, twice, while it ran {job.id}"
    return failed_job(job, Failed(stage="sandbox", reason=reason))


def serve(make_attempt: Callable[[int], Attempt], pipe: Pipe, number: int) -> None:
    """What a worker does: jobs come in through the pipe, and results go out.

    A message that comes while a job runs, or the end of the pipe, means: stop.
    """
    try:
        attempt = make_attempt(number)
        while True:
            job: Job | bytes = pipe.recv()
            if isinstance(job, bytes):
                return
            result = attempt(job, pipe.poll)
            if result is None:
                return
            pipe.send(result)
    except Move37Error as error:
        _send(pipe, error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the engine is gone
