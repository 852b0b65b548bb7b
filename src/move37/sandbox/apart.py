"""A sandbox whose programs are started and watched in a process of their own.

For callers with threads, or with children that are none of the program's: a sandbox may take every
child of its process for one of the program's, and end it. When the caller dies, the process ends what
runs, and goes.
"""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from move37.core.errors import Move37Error, SandboxError
from move37.core.protocols import Sandbox
from move37.core.records import Exit, Launch, Strength

if TYPE_CHECKING:
    Pipe = Connection[Any, Any]
else:
    Pipe = Connection  # not generic at run time

_STOP = b"stop"
_ASK_SECONDS = 0.1
_PATIENCE_SECONDS = 40.0


class Apart:
    """Implements `move37.core.protocols.Sandbox`. Of different ones, programs may run at the same time."""

    def __init__(self, make: Callable[[], Sandbox], *, strength: Strength) -> None:
        """make: picklable; called in the process, for each program."""
        self.strength = strength
        self._make = make

    def run(
        self,
        launch: Launch,
        *,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[bytes], None] | None = None,
    ) -> Exit:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", "from move37.sandbox.apart import serve; serve()"],
                stdin=theirs.fileno(),
                start_new_session=True,
            )
        try:
            with Pipe(ours.detach()) as pipe:
                pipe.send_bytes(pickle.dumps((self._make, launch, tell is not None)))
                return _follow(pipe, stop, tell)
        except (EOFError, OSError) as error:
            raise SandboxError(
                f"the process that watched a fenced program died ({error or 'without a word'})"
            ) from error
        finally:
            _end(process)


def _follow(pipe: Pipe, stop: Callable[[], bool], tell: Callable[[bytes], None] | None) -> Exit:
    is_stopping = False
    while True:
        if not is_stopping and stop():
            is_stopping = True
            pipe.send(_STOP)
        if not pipe.poll(_ASK_SECONDS):
            continue
        message: bytes | Exit | Move37Error = pipe.recv()
        match message:
            case Exit():
                return message
            case bytes():
                if tell is not None:
                    tell(message)
            case _:
                raise message


def _end(process: subprocess.Popen[bytes]) -> None:
    """It goes by itself, as the pipe is closed."""
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve() -> None:
    """The process: what to run comes in through standard input, a socket, and how it ended goes out.

    Any further message, or the end of the pipe, means: stop.
    """
    pipe = Pipe(os.dup(0))
    # Programs that we start must not be able to read the pipe.
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    try:
        make, launch, tells = pickle.loads(pipe.recv_bytes())
        sandbox: Sandbox = make()
        told: Callable[[bytes], None] | None = pipe.send if tells else None
        pipe.send(sandbox.run(launch, stop=pipe.poll, tell=told))
    except Move37Error as error:
        pipe.send(error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody waits for it any more
