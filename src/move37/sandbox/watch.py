"""One launched program, watched to its end: its output, its limits, what it used.

Waits on descriptors, not on a clock: the end of a program is noticed at once. Its limits are looked
at several times a second.
"""

import contextlib
import os
import select
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from move37.core.errors import Unwritable
from move37.core.records import Launch
from move37.sandbox import processes, scratch
from move37.sandbox.cgroup import Group
from move37.sandbox.output import Capture

PROCESSES: Final = 256
"""How many processes and threads one program may have at a time."""

RESERVE_BYTES: Final = 512 * 1024**2
"""So much of the host's disk always stays free: a program that would take it is ended."""

Cut = Literal["timeout", "memory", "disk", "stopped"]
"""Why a program was ended before its time."""

_MOST_TO_SHARE: Final = 64
"""Among more processes than this, pages that they share count for each: looking would take long."""
_LOOK_SECONDS: Final = 0.08
_FIRST_LOOK_SECONDS: Final = 0.01
_MEASURE_SECONDS: Final = 0.01
_MEASURE_PAUSE: Final = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """A program that runs, as its watcher needs to know it."""

    ended: int
    """A pidfd of the process whose end is the end of the program."""
    stdout: int
    stderr: int
    living: Callable[[], Sequence[int]]
    """All its processes, by the host's ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was seen while it ran."""

    cut: Cut | None
    """`None`: it ended by itself."""
    resident_bytes: int
    """The most that was seen at any moment; 0 when it was over before the first look."""


class Limits:
    """Looks at a running program now and then, and says when it must be ended."""

    def __init__(
        self,
        launch: Launch,
        watched: Watched,
        *,
        group: Group | None,
        places: Sequence[Path],
        stop: Callable[[], bool],
    ) -> None:
        """
        group: where the kernel limits memory and processes; `None`: they are limited here.
        places: the directories that count against `disk_bytes`.
        """
        self.resident_bytes = 0
        self._launch = launch
        self._watched = watched
        self._group = group
        self._stop = stop
        self._deadline = time.monotonic() + launch.timeout_seconds
        self._disk = _Disk(places, launch.disk_bytes)

    def exceeded(self) -> Cut | None:
        if self._stop():
            return "stopped"
        if time.monotonic() >= self._deadline:
            return "timeout"
        if self._memory_is_exceeded():
            return "memory"
        return "disk" if self._disk.is_exceeded() else None

    def close(self) -> None:
        self._disk.close()

    def seconds_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def ran_out_of_memory(self) -> bool:
        return self._group is not None and self._group.ran_out_of_memory()

    def _memory_is_exceeded(self) -> bool:
        pids = self._watched.living()
        used = processes.usage(pids)
        resident = used.resident
        if resident > self._launch.memory_bytes and len(pids) <= _MOST_TO_SHARE:
            # Shared pages count once: a pool of forked workers holds far less than its sum.
            resident = processes.proportional(pids) or resident
        self.resident_bytes = max(self.resident_bytes, resident, used.largest_peak)
        if self._group is not None:
            return self._group.ran_out_of_memory()
        return resident > self._launch.memory_bytes or used.threads > 2 * PROCESSES


class _Disk:
    """Measures directories a slice at a time, so that a huge tree never holds up the watch."""

    def __init__(self, places: Sequence[Path], limit_bytes: int) -> None:
        self._places = places
        self._limit_bytes = limit_bytes
        self._measuring: Generator[int, None, None] | None = None
        self._next = 0.0

    def is_exceeded(self) -> bool:
        if any(free_bytes(place) < RESERVE_BYTES for place in self._places):
            return True
        began = time.monotonic()
        if self._measuring is None:
            if began < self._next:
                return False
            self._measuring = scratch.measure(self._places)
        for used in self._measuring:
            if used > self._limit_bytes:
                self.close()
                return True
            if time.monotonic() - began > _MEASURE_SECONDS:
                return False
        self._measuring = None
        # A tree that takes long to measure is measured less often.
        self._next = time.monotonic() + _MEASURE_PAUSE + 10 * (time.monotonic() - began)
        return False

    def close(self) -> None:
        if self._measuring is not None:
            self._measuring.close()
            self._measuring = None


def free_bytes(place: Path) -> int:
    """What is free on the disk that holds it; a place that is gone does not count."""
    try:
        found = os.statvfs(place)
    except FileNotFoundError:
        return RESERVE_BYTES
    return found.f_bavail * found.f_frsize


def require_space(place: Path) -> None:
    """Raise `Unwritable` when a program could not be given any room at all."""
    free = free_bytes(place)
    if free < RESERVE_BYTES:
        raise Unwritable(
            f"only {free / 1024**2:.0f} MB are free on the disk of {str(place)!r}; "
            f"free at least {RESERVE_BYTES / 1024**2:.0f} MB and start again"
        )


def watch(watched: Watched, limits: Limits, outputs: Sequence[tuple[int, Capture]]) -> Seen:
    """Return when the program has ended or has to be. Does not end it."""
    open_outputs = dict(outputs)
    poll = select.poll()
    poll.register(watched.ended, select.POLLIN)
    for descriptor in open_outputs:
        poll.register(descriptor, select.POLLIN)
    pause = _FIRST_LOOK_SECONDS
    next_look = time.monotonic() + pause
    while True:
        wait = min(max(0.0, next_look - time.monotonic()), limits.seconds_left())
        ready = {descriptor for descriptor, _ in poll.poll(wait * 1000 + 1)}
        for descriptor in ready & open_outputs.keys():
            if not open_outputs[descriptor].drain(descriptor):
                poll.unregister(descriptor)
                del open_outputs[descriptor]
        if watched.ended in ready:
            cut = "memory" if limits.ran_out_of_memory() else None
            return Seen(cut=cut, resident_bytes=limits.resident_bytes)
        if time.monotonic() >= next_look or not limits.seconds_left():
            if (cut := limits.exceeded()) is not None:
                return Seen(cut=cut, resident_bytes=limits.resident_bytes)
            pause = min(_LOOK_SECONDS, 2 * pause)
            next_look = time.monotonic() + pause


def drain(outputs: Sequence[tuple[int, Capture]]) -> None:
    """Take what dead writers left in their pipes, and close these."""
    for descriptor, capture in outputs:
        capture.drain(descriptor)
        os.close(descriptor)


def wait_until_dead(pidfd: int, seconds: float) -> bool:
    """Whether the process has ended by then."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def reap(pid: int) -> tuple[float, int]:
    """Take leave of a dead child: its CPU seconds and the peak memory, in bytes, of the largest
    process among it and the children it had waited for. Zeros when somebody else has done so."""
    with contextlib.suppress(ChildProcessError):
        _, _, used = os.wait4(pid, 0)
        return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    return 0.0, 0
