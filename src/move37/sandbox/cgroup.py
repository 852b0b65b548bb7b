"""Limits that the kernel keeps for a whole tree of processes: control groups, version 1.

Used where they are writable (usually: as root). Elsewhere the tree is watched instead.
"""

import contextlib
import os
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = ("memory", "pids", "cpuacct", "cpu")
_CPU_SHARES: Final = 1024
_PREFIX: Final = "move37-"


class Group:
    """One group, reused by every trial of a sandbox. Gone when the sandbox is."""

    def __init__(self, places: Mapping[str, Path]) -> None:
        self._places = places
        self._oom_kills = 0
        self._cpu_nanoseconds = 0
        weakref.finalize(self, _remove, tuple(places.values()))

    def begin(self, *, memory_bytes: int, processes: int, cpus: int) -> None:
        """Set the limits and start counting anew. Empties the caches of the trial before."""
        memory = self._places["memory"]
        with contextlib.suppress(OSError):
            _write(memory / "memory.force_empty", "1")
        _write(memory / "memory.limit_in_bytes", str(memory_bytes))
        with contextlib.suppress(OSError):  # only where swap is accounted for
            _write(memory / "memory.memsw.limit_in_bytes", str(memory_bytes))
        _write(self._places["pids"] / "pids.max", str(processes))
        # However many it starts, together they weigh as much as `cpus` of anybody's processes.
        _write(self._places["cpu"] / "cpu.shares", str(_CPU_SHARES * cpus))
        self._oom_kills = self._count_oom_kills()
        self._cpu_nanoseconds = self._count_cpu()

    def add(self, pid: int) -> None:
        """Put a process in, and so all that it starts from now on."""
        for place in self._places.values():
            _write(place / "cgroup.procs", str(pid))

    def members(self) -> list[int]:
        return [int(pid) for pid in (self._places["pids"] / "cgroup.procs").read_text().split()]

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has killed one of its processes since `begin`."""
        return self._count_oom_kills() > self._oom_kills

    def cpu_seconds(self) -> float:
        """Of all processes that were in it since `begin`, dead ones included."""
        return (self._count_cpu() - self._cpu_nanoseconds) / 1e9

    def _count_oom_kills(self) -> int:
        text = (self._places["memory"] / "memory.oom_control").read_text()
        found = dict(line.split() for line in text.splitlines())
        return int(found["oom_kill"])

    def _count_cpu(self) -> int:
        return int((self._places["cpuacct"] / "cpuacct.usage").read_text())


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


def _remove(places: tuple[Path, ...]) -> None:
    for place in places:
        with contextlib.suppress(OSError):
            place.rmdir()


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
