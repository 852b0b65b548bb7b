"""Trials that have their cores to themselves: what a real program sees of it."""

import os
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.events import Began, Event
from move37.core.records import Measured
from move37.runners.cores import core_sets

TELL = """\
awk '/^Cpus_allowed_list/ { print "loss: " $2; print "cpu: " $2 }' /proc/self/status
sleep 0.1
"""
"""A list of several, such as `0-1`, is no number, and the trial would fail."""


def run(task: Path, workers: int | None) -> tuple[Began, set[float]]:
    told: list[Event] = []
    settings = app.RunSettings(experiments=6, workers=workers, check=False, certify=False)
    app.run(task, settings, watch=told.append)
    began = next(event for event in told if isinstance(event, Began))
    with read_study(task) as study:
        outcomes = [t.outcome for one in study.history.experiments for t in one.trials]
    assert all(isinstance(outcome, Measured) for outcome in outcomes), outcomes
    return began, {o.metrics["cpu"] for o in outcomes if isinstance(o, Measured)}


def exclusive(task: Path) -> Path:
    document = task / "move37.toml"
    document.write_text(document.read_text().replace("[metric]", "exclusive = true\n[metric]"))
    return task


def test_trials_beside_each_other_run_on_cores_of_their_own(make_task: MakeTask) -> None:
    began, cores = run(exclusive(make_task(evaluate=TELL)), None)
    sets = core_sets(1)
    assert (began.workers, began.note) == (len(sets), "")
    assert len(cores) == len(sets)
    assert cores <= set(map(float, os.sched_getaffinity(0)))


def test_more_workers_than_cores_are_not_started_and_the_user_is_told(make_task: MakeTask) -> None:
    sets = len(core_sets(1))
    began, cores = run(exclusive(make_task(evaluate=TELL)), sets + 3)
    assert began.workers == sets
    assert began.note.startswith(
        f"{sets + 3} workers were asked for, and there are cores for {sets}"
    )
    assert len(cores) == sets


@pytest.mark.parametrize("workers", [1, 3])
def test_who_does_not_ask_for_it_has_as_many_workers_as_before(
    make_task: MakeTask, workers: int
) -> None:
    began, _ = run(make_task(evaluate=TELL), workers)
    assert (began.workers, began.note) == (workers, "")
