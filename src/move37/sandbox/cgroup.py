"""Limits that the kernel keeps for a whole tree of processes: control groups, version 1.

Used where they are writable (usually: as root). Elsewhere the tree is watched instead.
"""

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

_ROOT: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = ("memory", "pids", "cpuacct", "cpu")
_CPU_SHARES: Final = 1024
_PREFIX: Final = "move37-"


class Group:
    """One group, reused by every trial of a sandbox. Gone when the sandbox is.

    Moving a process into a group makes the kernel wait, often for 10 ms; being born in one is free.
    So a thread of ours lives in it, and starts what shall be in it.
    """

    def __init__(self, places: Mapping[str, Path]) -> None:
        self._places = places
        self._oom_control = places["memory"] / "memory.oom_control"
        self._cpu_usage = places["cpuacct"] / "cpuacct.usage"
        self._oom_kills = 0
        self._cpu_nanoseconds = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="move37-launcher")
        weakref.finalize(self, _end, self._thread, tuple(places.values()))
        self._thread.submit(self._enter).result()

    def begin(self, *, memory_bytes: int, processes: int, cpus: int) -> None:
        """Set the limits for the next program, and start counting anew."""
        memory = self._places["memory"]
        try:
            _write(memory / "memory.limit_in_bytes", str(memory_bytes))
        except OSError:  # busy: the trial before has left more than that in the caches
            _write(memory / "memory.force_empty", "1")
            _write(memory / "memory.limit_in_bytes", str(memory_bytes))
        with contextlib.suppress(OSError):  # only where swap is accounted for
            _write(memory / "memory.memsw.limit_in_bytes", str(memory_bytes))
        _write(self._places["pids"] / "pids.max", str(processes))
        # However many it starts, together they weigh as much as `cpus` of anybody's processes.
        _write(self._places["cpu"] / "cpu.shares", str(_CPU_SHARES * cpus))
        self.start_counting()

    def spawn(self, start: Callable[[], T]) -> T:
        """Call it where every process that it starts is in the group."""
        return self._thread.submit(start).result()

    def start_counting(self) -> None:
        """What was used up to now is not the program's."""
        self._oom_kills = self._count_oom_kills()
        self._cpu_nanoseconds = self._count_cpu()

    def members(self) -> list[int]:
        """Its processes; not this one, of which only a thread is in it."""
        found = {int(pid) for pid in (self._places["pids"] / "cgroup.procs").read_text().split()}
        return list(found - {os.getpid()})

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has killed one of its processes since the count began."""
        return self._count_oom_kills() > self._oom_kills

    def cpu_seconds(self) -> float:
        """Of all processes that were in it since the count began, dead ones included."""
        return (self._count_cpu() - self._cpu_nanoseconds) / 1e9

    def _enter(self) -> None:
        for place in self._places.values():
            _write(place / "tasks", str(threading.get_native_id()))

    def _count_oom_kills(self) -> int:
        text = _read(self._oom_control)
        return int(text.rpartition("oom_kill ")[2])

    def _count_cpu(self) -> int:
        return int(_read(self._cpu_usage))


def make_group(name: str) -> Group | None:
    """A fresh group below our own, or `None` where this machine does not let us."""
    try:
        homes = _homes()
        for home in homes.values():
            _remove_dead(home)
        places = {
            controller: home / f"{_PREFIX}{os.getpid()}-{name}"
            for controller, home in homes.items()
        }
        for place in places.values():
            place.mkdir(exist_ok=True)
        group = Group(places)
        group.begin(memory_bytes=1 << 40, processes=1 << 15, cpus=1)
    except (OSError, KeyError, ValueError):
        return None
    return group


def _homes() -> dict[str, Path]:
    """Our own group of each controller. Raises `KeyError` when one is not there."""
    own: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path)
    homes = {name: _ROOT / name / own[name].lstrip("/") for name in _CONTROLLERS}
    # In a container the path may be told as the host sees it, while the mount begins at our own.
    return {name: home if home.is_dir() else _ROOT / name for name, home in homes.items()}


def _remove_dead(home: Path) -> None:
    """Take away what a killed engine left behind."""
    for place in home.glob(f"{_PREFIX}*"):
        pid = place.name.removeprefix(_PREFIX).split("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            _remove((place,))


def _end(thread: ThreadPoolExecutor, places: tuple[Path, ...]) -> None:
    thread.shutdown()
    _remove(places)


def _remove(places: tuple[Path, ...]) -> None:
    for place in places:
        with contextlib.suppress(OSError):
            place.rmdir()


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096).decode()
    finally:
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
