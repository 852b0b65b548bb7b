"""Looking at a tree of processes through /proc, and ending it."""

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_MOST: Final = 2000


def adopt_orphans() -> None:
    """Make this process the parent of its descendants whose own parent has died.

    So their ends, and the time and memory they took, can be waited for. Linux only; lasts as long
    as the process does.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid: int) -> list[int]:
    """Its children, of all its threads, quickly: while some are ending, others may be left out."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (Path objects are slow)
            with contextlib.suppress(OSError):
                found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def all_children(pid: int) -> set[int]:
    """Its children, each of them: looks at every process of the machine, some 10 us each."""
    found: set[int] = set()
    for name in os.listdir("/proc"):  # noqa: PTH208 (Path objects are slow)
        if name.isdecimal():
            with contextlib.suppress(OSError):
                # "pid (name) state parent …"; the name may hold anything.
                parent = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()[1]
                if int(parent) == pid:
                    found.add(int(name))
    return found


def tree(roots: Iterable[int]) -> list[int]:
    """These processes and all their descendants; not more than `_MOST` of them.

    Of programs that start others faster than one can look, there is no end otherwise.
    """
    found = dict.fromkeys(roots)
    waiting = list(found)
    while waiting and len(found) < _MOST:
        for child in children(waiting.pop()):
            if child not in found:
                found[child] = None
                waiting.append(child)
    return list(found)


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes hold at this moment."""

    resident: int
    """Bytes, summed; pages that they share count once for each."""
    largest_peak: int
    """Bytes: the most that any one of them ever held."""
    threads: int


def usage(pids: Iterable[int]) -> Usage:
    """Sum over the processes that are still there."""
    resident = largest_peak = threads = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in _read(f"/proc/{pid}/status").splitlines():
                if line.startswith(b"VmHWM:"):
                    largest_peak = max(largest_peak, 1024 * int(line.split()[1]))
                elif line.startswith(b"VmRSS:"):
                    resident += 1024 * int(line.split()[1])
                elif line.startswith(b"Threads:"):
                    threads += int(line.split()[1])
                    break
    return Usage(resident, largest_peak, threads)


def proportional(pids: Iterable[int]) -> int:
    """Bytes that these processes hold together, shared pages counted once. Slower than `usage`."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith(b"Pss:"):
                    total += 1024 * int(line.split()[1])
                    break
    return total


def threads_of_user(uid: int) -> int:
    """How many threads a user has on this machine: what RLIMIT_NPROC is compared with."""
    mine = [
        int(entry.name)
        for entry in os.scandir("/proc")
        if entry.name.isdecimal() and _owner(entry.path) == uid
    ]
    return usage(mine).threads


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def hurry(pid: int) -> None:
    """Let a process have its next turn at once, if we may.

    One that was killed dies in a turn of its own. Among thousands that fork without end, and whom
    root's own limits do not hold, that turn never comes, and they go on.

    Raises `ProcessLookupError` when it is gone.
    """
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def _owner(path: str) -> int | None:
    try:
        return Path(path).stat().st_uid
    except OSError:
        return None


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks: list[bytes] = []
        while chunk := os.read(descriptor, 65536):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)
