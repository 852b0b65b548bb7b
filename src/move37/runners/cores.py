"""Cores that are reserved: disjoint sets of processors, so that trials beside each other do not disturb each other.

A set is made of whole cores: two threads of one core are never given to two trials. It says where a trial
runs, not what else runs there: other programs of this machine, another study among them, may use the
same cores, and a program that asks the kernel for more cores gets them.
"""

import os
from collections.abc import Callable, Sequence, Set
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def core_sets(
    cpus: int,
    *,
    usable: Set[int] | None = None,
    threads: Callable[[int], Set[int]] | None = None,
) -> Sequence[frozenset[int]]:
    """As many disjoint sets as there is room for, each of whole cores with `cpus` processors or more.

    Where there are fewer processors than that, there is one set, of all of them.
    usable: `None`: those that this process may use; threads: of one core, by any of them; `None`: as the
    kernel says.
    """
    free = set(os.sched_getaffinity(0) if usable is None else usable)
    threads = threads_of_core if threads is None else threads
    whole = frozenset(free)
    sets: list[frozenset[int]] = []
    taken: set[int] = set()
    while free:
        core = (threads(min(free)) & free) | {min(free)}
        free -= core
        taken |= core
        if len(taken) >= cpus:
            sets.append(frozenset(taken))
            taken = set()
    return sets or [whole]


def threads_of_core(processor: int) -> Set[int]:
    """The processors that are threads of the same core as this one, itself included."""
    try:
        return _listed(Path(_TOPOLOGY.format(processor)).read_text())
    except (OSError, ValueError):  # nobody says: then each is taken for a core
        return {processor}


def _listed(text: str) -> Set[int]:
    """What a kernel's list of processors says, such as `0-2,8`."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
