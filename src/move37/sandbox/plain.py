"""Level E: no fence. A process group, limits, and the promise that nothing outlives the trial.

For machines without bubblewrap, and only when the user says so: the program can read and write
whatever the user can. `protect` is a matter of modes: it stops accidents, not intent.
"""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Final

from move37.core.errors import SandboxError
from move37.core.records import Exit, Fence, Launch, Strength
from move37.sandbox import processes, scratch
from move37.sandbox.cgroup import Group, make_group
from move37.sandbox.output import Capture
from move37.sandbox.started import cores, ended, inside, limit_resources, nonblocking
from move37.sandbox.view import environment, make_view
from move37.sandbox.watch import (
    PROCESSES,
    Limits,
    Watched,
    drain,
    require_space,
    watch,
)

_PATIENCE_SECONDS: Final = 30.0

# Waits for a line, so that the limits are on it before the program begins; goes if we are gone.
_GATE: Final = 'read -r go || exit 125; exec /bin/sh -c "$1" </dev/null'


class Plain:
    """Implements `move37.core.protocols.Sandbox`. One program at a time in a process of ours."""

    def __init__(
        self,
        fence: Fence,
        *,
        slot: int,
        scratch: Path,
        environ: Mapping[str, str],
        strength: Strength,
        group: Callable[[str], Group | None] = make_group,
    ) -> None:
        """
        scratch: a directory of ours, in which each program gets its own /tmp.
        group: makes what the kernel limits; where it gives `None`, programs are watched instead.
        """
        if fence.scratch:
            raise SandboxError(
                f"[sandbox] scratch needs a sandbox: without one, {fence.scratch[0]!r} would be this "
                "machine's own; install bubblewrap, or take it out"
            )
        self.strength = strength
        self._fence = fence
        self._slot = slot
        self._environ = environ
        self._temporary = scratch / f"tmp-plain-{slot}"
        view = make_view(fence, environ, prefix=Path(sys.prefix), base_prefix=Path(sys.base_prefix))
        users = environ.get("PATH", "").split(":")
        self._path = ":".join(dict.fromkeys([*view.path.split(":"), *filter(None, users)]))
        self._group = group(f"{slot}-{token_hex(4)}")

    @property
    def limits_by_kernel(self) -> bool:
        """Whether the kernel itself limits memory and processes; otherwise they are watched."""
        return self._group is not None

    def run(
        self,
        launch: Launch,
        *,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[bytes], None] | None = None,
    ) -> Exit:
        require_space(launch.workspace)
        processes.adopt_orphans()
        temporary = scratch.fresh(self._temporary)
        _protect(launch)
        began = time.monotonic()
        started = _Started(self._spawn(launch, temporary), self._group)
        limits = Limits(
            launch,
            started.watched,
            group=self._group,
            places=(launch.workspace, launch.out, temporary),
            stop=stop,
        )
        outputs = ((started.watched.stdout, Capture(tell)), (started.watched.stderr, Capture()))
        try:
            self._limit(started.process.pid, launch)
            at_gate = processes.usage([started.process.pid]).largest_peak
            started.begin()
            seen = watch(started.watched, limits, outputs)
        finally:
            limits.close()
            returncode, cpu_seconds, largest = started.end()
        seconds = time.monotonic() - began
        drain(outputs)
        scratch.remove(temporary)
        cut = seen.cut or ("memory" if limits.ran_out_of_memory() else None)
        ending, code = (cut, signal.SIGKILL) if cut else ended(returncode)
        stdout, stderr = (capture.text() for _, capture in outputs)
        return Exit(
            ending=ending,
            code=code,
            stdout=stdout,
            stderr=stderr,
            seconds=seconds,
            cpu_seconds=cpu_seconds if self._group is None else self._group.cpu_seconds(),
            peak_memory_bytes=seen.resident_bytes or _peak(largest, at_gate),
        )

    def _spawn(self, launch: Launch, temporary: Path) -> subprocess.Popen[bytes]:
        variables = environment(
            launch,
            self._fence,
            self._environ,
            path=self._path,
            out=str(launch.out.absolute()),
            temporary=str(temporary.absolute()),
            candidate="" if launch.candidate is None else str(launch.candidate.absolute()),
        )

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                ["/bin/sh", "-c", _GATE, "sh", launch.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=launch.workspace,
                env=variables,
                bufsize=0,
                start_new_session=True,
            )

        if self._group is None:
            return start()
        self._group.begin(memory_bytes=launch.memory_bytes, processes=PROCESSES, cpus=launch.cpus)
        return self._group.spawn(start)

    def _limit(self, pid: int, launch: Launch) -> None:
        with contextlib.suppress(ProcessLookupError):
            # Without a group, counted over all that the user runs on this machine.
            others = 0 if self._group else processes.threads_of_user(os.geteuid())
            limit_resources(pid, launch, processes_allowed=others + PROCESSES)
            if self._group is not None:
                self._group.start_counting()
            os.sched_setaffinity(pid, cores(self._slot, launch.cpus))


class _Started:
    """A program without a fence, and all that came of it."""

    def __init__(self, process: subprocess.Popen[bytes], group: Group | None) -> None:
        self.process = process
        self._group = group
        # Children that this process had before are none of the program's.
        self._others = processes.all_children(os.getpid()) - {process.pid}
        self._end = os.pidfd_open(process.pid)
        self._cpu_seconds = 0.0
        self._largest = 0
        assert process.stdout is not None
        assert process.stderr is not None
        self.watched = Watched(
            ended=self._end,
            stdout=nonblocking(process.stdout),
            stderr=nonblocking(process.stderr),
            living=self._living,
        )

    def begin(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self.process.stdin as gate:
            gate.write(b"\n")

    def end(self) -> tuple[int, float, int]:
        """End all of it; return the exit status, CPU seconds and the largest process."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while left := self._left():
            # Stopped first: what is stopped cannot start others while we look.
            processes.send(processes.tree(left | set(self._living())), signal.SIGSTOP)
            processes.send(processes.tree(left | set(self._living())), signal.SIGKILL)
            for pid in left:
                self._reap(pid)
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"a program does not die (process {min(left)}); "
                    "the kernel holds it, usually for a broken disk or driver"
                )
        os.close(self._end)
        return self.process.returncode, self._cpu_seconds, self._largest

    def _left(self) -> set[int]:
        """Children that came of it. The quick look may leave some out, so it never says the last."""
        quick = set(processes.children(os.getpid())) - self._others
        return quick or processes.all_children(os.getpid()) - self._others

    def _reap(self, pid: int) -> None:
        """Take leave of a child, if it is dead."""
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            self._cpu_seconds += used.ru_utime + used.ru_stime
            self._largest = max(self._largest, used.ru_maxrss * 1024)
        if found == self.process.pid:
            self.process.returncode = os.waitstatus_to_exitcode(status)

    def _living(self) -> list[int]:
        """Orphans among them have become children of ours."""
        orphans = set(processes.children(os.getpid())) - self._others
        members = set(self._group.members()) if self._group is not None else set[int]()
        return processes.tree(orphans | members)


def _peak(largest: int, at_gate: int) -> int:
    """Of a program that was too quick to be looked at: what the kernel says, or what it had before it began.

    A child begins as a copy of us, and for the kernel that counts as its peak: no more than ours tells nothing.
    """
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return largest if largest > ours else at_gate


def _protect(launch: Launch) -> None:
    """Take away the right to write; show the mounts as links."""
    for mount in launch.mounts:
        target = inside(mount.target)
        scratch.make_place(launch.workspace, target, directory=False)
        place = launch.workspace / target
        place.unlink()
        place.symlink_to(mount.source.absolute())
    if launch.candidate is not None:
        for place in launch.candidate.rglob("*"):
            if place.is_file() and not place.is_symlink():
                place.chmod(place.stat().st_mode & 0o555)
    for path in launch.protect:
        place = launch.workspace / inside(path)
        if place.is_file() and not place.is_symlink():
            place.chmod(place.stat().st_mode & 0o555)
