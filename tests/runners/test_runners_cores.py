"""Reserved cores: sets that share nothing, and workers that keep to theirs."""

import os
from collections.abc import Callable, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.runners.cores import core_sets, threads_of_core
from move37.runners.local import LocalRunner
from move37.testing.runner import DIES, tells_its_cores, trial_job

PROCESSORS = st.sets(st.integers(0, 39), min_size=1)


def pairs(processor: int) -> Set[int]:
    """Two threads to a core, numbered as Intel does: 0 and 20, 1 and 21 …"""
    return {processor % 20, processor % 20 + 20}


@given(PROCESSORS, st.integers(1, 8), st.booleans())
def test_sets_share_no_core_and_each_has_room_for_its_threads(
    usable: set[int], cpus: int, paired: bool
) -> None:
    threads: Callable[[int], Set[int]] = pairs if paired else lambda one: {one}
    sets = core_sets(cpus, usable=usable, threads=threads)
    assert sets
    assert all(each <= usable for each in sets)
    cores = [min(threads(one)) for each in sets for one in {min(threads(one)) for one in each}]
    assert len(cores) == len(set(cores))
    assert all(len(each) >= cpus for each in sets) or sets == [frozenset(usable)]


def test_two_threads_of_a_core_are_never_given_to_two_trials() -> None:
    sets = core_sets(1, usable={0, 1, 20, 21}, threads=pairs)
    assert sets == [{0, 20}, {1, 21}]


def test_this_machine_says_which_threads_share_a_core() -> None:
    one = min(os.sched_getaffinity(0))
    assert one in threads_of_core(one)
    assert threads_of_core(10**6) == {10**6}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")
def test_each_worker_keeps_to_its_cores_and_so_does_the_one_that_replaces_it() -> None:
    sets = core_sets(1, threads=lambda one: {one})[:2]
    with LocalRunner(tells_its_cores, workers=2, cores=sets) as runner:
        for again in range(2):
            runner.submit(trial_job(2 * again))
            runner.submit(trial_job(2 * again + 1))
            told = set[bytes]()
            while runner.pending():
                told |= {attached["cores"] for _, attached in runner.collect()}
            assert told == {repr(sorted(each)).encode() for each in sets}
            runner.submit(trial_job(DIES))
            assert "died by signal 9" in str(list(runner.collect()))
