"""Many small simulations in several processes, with the same result however many there are."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from multiprocessing import get_context
from typing import Any

Answers = Mapping[str, Sequence[Any]]
"""What came of the jobs, by their group, in order."""


def in_processes(groups: Mapping[str, Sequence["partial[Any]"]], workers: int) -> Answers:
    """Do all jobs, and return what came of them, by group."""
    jobs = [job for group in groups.values() for job in group]
    if workers == 1:
        done = iter([job() for job in jobs])
    else:
        with get_context("spawn").Pool(workers) as pool:
            done = iter(pool.map(_call, jobs, chunksize=1))
    return {name: list(islice(done, len(group))) for name, group in groups.items()}


def _call(job: "partial[Any]") -> Any:
    return job()
