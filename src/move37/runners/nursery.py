"""A process that has loaded what workers need, and becomes one of them whenever it is asked to.

To load it takes a third of a second of a core and 20 MB; done once, all workers share both, and the one that
replaces a dead worker begins at once. The nursery has no threads, does nothing else, and ends with the
process that made it; the workers see that by the end of their own pipes.
"""

import gc
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Set
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Pipe = Connection[Any, Any]
else:
    Pipe = Connection  # not generic at run time

Work = Callable[[Pipe, int], None]
"""What a worker does, with its end of the pipe and its number. When it returns, the worker goes."""

_TICK_SECONDS = 0.005


def nothing() -> None:
    """There is nothing to load."""


class Nursery:
    """Starts workers, each in a session of its own, and knows how they ended."""

    def __init__(self, load: Callable[[], None] = nothing) -> None:
        """load: picklable; called once, before the first worker, to import what all of them need. It begins
        at once, whatever else there is still to be done before there is work."""
        self._given = [pickle.dumps(load)]
        self._serial = 0
        self._begin()

    def employ(self, work: Work) -> None:
        """Say what all workers will do. Once, before the first of them; picklable."""
        self._given.append(pickle.dumps(work))
        self._tell(self._given[-1])

    def _begin(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", "from move37.runners.nursery import serve; serve()"],
                stdin=theirs.fileno(),
                start_new_session=True,
            )
        for given in self._given:
            self._tell(given)

    def _tell(self, given: bytes) -> None:
        pipe = Pipe(os.dup(self._control.fileno()))
        with pipe, suppress(OSError):  # it has died: whoever asks for a worker will see
            pipe.send_bytes(given)

    def start(self, number: int, cores: Set[int] | None) -> tuple[int, Pipe]:
        """Ask for a worker: its name here, and our end of its pipe. Does not wait for it.

        cores: the processors of it and of all that it starts; `None`: those of this process.
        """
        self._serial += 1
        ours, theirs = socket.socketpair()
        request = json.dumps(["start", self._serial, number, sorted(cores or ())])
        with theirs:
            try:
                self._send(request, theirs.fileno())
            except OSError:  # the nursery has died
                self._leave()
                self._begin()
                with suppress(OSError):  # and again: then the pipe is at its end
                    self._send(request, theirs.fileno())
        return self._serial, Pipe(ours.detach())

    def end(self, serial: int, *, patience_seconds: float) -> int:
        """Wait for a worker that was told to go, or is dying, and end it if it does not go.

        Returns its exit status, below 0 where a signal ended it; the nursery's own if that has died.
        """
        with suppress(OSError, ValueError):
            self._send(json.dumps(["end", serial, patience_seconds]))
            answer = b""
            while not answer.endswith(b"\n"):
                answer += self._control.recv(64) or b"\n"
            return int(answer)
        return self._leave()

    def close(self) -> None:
        """Let it go. Its workers are ended by whoever asked for them."""
        self._leave()

    def _send(self, request: str, *descriptors: int) -> None:
        socket.send_fds(self._control, [request.encode() + b"\n"], list(descriptors))

    def _leave(self) -> int:
        self._control.close()
        try:
            return self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


# --- in the nursery ------------------------------------------------------------------------------


def serve() -> None:
    """The nursery's process, and each worker's after it."""
    control = socket.socket(fileno=os.dup(0))
    # Programs that workers start must not be able to read from it.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        with Pipe(os.dup(control.fileno())) as pipe:
            load: Callable[[], None] = pickle.loads(pipe.recv_bytes())
            load()
            work: Work = pickle.loads(pipe.recv_bytes())
    except (EOFError, ConnectionResetError):
        return  # whoever made us is gone
    gc.freeze()  # what is shared now stays shared: the collector would write to it
    worker = _tend(control)
    if worker is not None:
        pipe, number, cores = worker
        if cores:
            os.sched_setaffinity(0, cores)  # what it starts inherits them
        work(pipe, number)


def _tend(control: socket.socket) -> tuple[Pipe, int, Set[int]] | None:
    """Do what is asked for, until nobody is there to ask: `None`. In a new worker: what it has to know."""
    workers: dict[int, int] = {}
    """Process ids by name."""
    with control:
        for request, descriptor in _requests(control):
            match request:
                case ["start", int(serial), int(number), [*cores]]:
                    process = os.fork()
                    if not process:
                        os.setsid()
                        return Pipe(descriptor), number, frozenset(cores)
                    os.close(descriptor)
                    workers[serial] = process
                case ["end", int(serial), int(patience) | float(patience)]:
                    status = _end(workers.pop(serial), patience) if serial in workers else 1
                    control.sendall(f"{status}\n".encode())
                case _:
                    raise AssertionError(f"nobody asks for that: {request!r}")
    return None


def _requests(control: socket.socket) -> Iterator[tuple[Any, int]]:
    """Each request with the descriptor that came with it, -1 where none does."""
    text: bytes = b""
    descriptor = -1
    while True:
        try:
            # A descriptor ends what is received at once, so no worker inherits another one's.
            told, came, _, _ = socket.recv_fds(control, 4096, 1)
        except ConnectionResetError:
            return
        if not told:
            return
        text += told
        for descriptor in came:
            os.set_inheritable(descriptor, False)
        *lines, text = text.split(b"\n")
        for line in lines:
            request = json.loads(line)
            yield request, descriptor if request[0] == "start" else -1


def _end(process: int, patience_seconds: float) -> int:
    deadline = time.monotonic() + patience_seconds
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(_TICK_SECONDS)
