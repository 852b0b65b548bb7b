"""A program that has been launched: its limits, its descriptors, its end."""

import contextlib
import os
import re
import resource
import signal
import subprocess
from pathlib import Path, PurePosixPath
from typing import IO, Final

from move37.core.errors import SandboxError
from move37.core.records import Ending, Launch
from move37.sandbox import processes, scratch
from move37.sandbox.watch import PROCESSES, Watched, reap, wait_until_dead

_PATIENCE_SECONDS: Final = 30.0


class Started:
    """A bubblewrap that runs, and the first process inside: when that one ends, all inside do."""

    def __init__(self, process: subprocess.Popen[bytes], status: int) -> None:
        self.process = process
        self._status = status
        self._told = b""
        self.first = self._first_process()
        self._first_end = None if self.first is None else pidfd(self.first)
        assert process.stdout is not None
        assert process.stderr is not None
        self._end = os.pidfd_open(process.pid)
        first = [] if self.first is None else [self.first]
        self.watched = Watched(
            ended=self._end,
            stdout=nonblocking(process.stdout),
            stderr=nonblocking(process.stderr),
            living=lambda: processes.tree(first),
        )

    def end(self) -> tuple[float, int]:
        """End all of it, wait until it is gone; return its CPU seconds and its largest process."""
        if self.first is not None and self._first_end is not None:
            with contextlib.suppress(ProcessLookupError):
                processes.hurry(self.first)
                signal.pidfd_send_signal(self._first_end, signal.SIGKILL)
        elif self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._end)
        used = (0.0, 0)
        if self.first is not None and self._first_end is not None:
            if not wait_until_dead(self._first_end, _PATIENCE_SECONDS):
                raise SandboxError(
                    f"a fenced program does not die (process {self.first}); "
                    "the kernel holds it, usually for a broken disk or driver"
                )
            used = reap(self.first)
            os.close(self._first_end)
        self._told += read_all(self._status)
        os.close(self._status)
        return used

    def was_set_up(self) -> bool:
        """Whether the fence stood before the program began: only then is there an exit code."""
        return b'"exit-code"' in self._told

    def _first_process(self) -> int | None:
        """Its id on the host; `None` when bubblewrap gave up before it had one."""
        while True:
            if found := re.search(rb'"child-pid"\s*:\s*(\d+)', self._told):
                return int(found[1])
            told = os.read(self._status, 4096)
            if not told:
                return None
            self._told += told


def lower_limit(pid: int, limit: int, most: int) -> None:
    """Never raises one: a limit that was lower stays as it is."""
    _, hard = resource.prlimit(pid, limit)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.prlimit(pid, limit, (most, most))


def limit_resources(pid: int, launch: Launch, *, processes_allowed: int = PROCESSES) -> None:
    """Limits that every process has for itself: no core dumps, no huge file, so many processes."""
    resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    lower_limit(pid, resource.RLIMIT_FSIZE, launch.disk_bytes)
    lower_limit(pid, resource.RLIMIT_NPROC, processes_allowed)
    # If the machine runs out of memory all the same, this is what the kernel should end.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def cores(slot: int, cpus: int) -> set[int]:
    """The cores that a slot's programs run on: others than its neighbours', while there are enough.

    Counted from the engine's process id, so that two studies do not both begin at core 0.
    """
    ours = sorted(os.sched_getaffinity(0))
    first = (os.getppid() + slot) * cpus
    return {ours[(first + i) % len(ours)] for i in range(min(cpus, len(ours)))}


def ended(returncode: int) -> tuple[Ending, int]:
    """How a program ended by itself. A shell tells of a signal as 128 plus its number."""
    number = -returncode if returncode < 0 else returncode - 128
    if not 1 <= number < signal.NSIG:
        return "exited", returncode
    return ("disk" if number == signal.SIGXFSZ else "signalled"), number


def read_all(descriptor: int) -> bytes:
    chunks: list[bytes] = []
    while chunk := os.read(descriptor, 65536):
        chunks.append(chunk)
    return b"".join(chunks)


def last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "bubblewrap said nothing"


def pidfd(pid: int) -> int | None:
    """`None` when the process is gone already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def nonblocking(pipe: IO[bytes]) -> int:
    """The descriptor of a pipe, ours to close, from which a read never waits."""
    with pipe:
        descriptor = os.dup(pipe.fileno())
    os.set_blocking(descriptor, False)
    return descriptor


def inside(path: str) -> PurePosixPath:
    """A path of a launch. Raises `SandboxError` when it leads out of the workspace."""
    try:
        return scratch.relative(path)
    except ValueError as error:
        raise SandboxError(f"{error}; paths to protect or to mount must lie in it") from None
