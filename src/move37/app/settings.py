"""What a command line may say differently from the task."""

import math
import os
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from move37.core.errors import TaskError
from move37.core.records import Budget, ProposerSpec, Task
from move37.runners.cores import core_sets


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What a command line may say differently from the task. `None`: as the task says."""

    experiments: int | None = None
    """Of the epoch in all, those of earlier runs included."""
    hours: float | None = None
    usd: float | None = None
    workers: int | None = None
    """`None`: one for each `cpus` of the evaluation that this machine has."""
    proposer: str | None = None
    search: str | None = None
    seed: int = 0
    """Of a study that begins; one that goes on keeps its own."""
    sandbox: str | None = None
    certify: bool = True
    """Certify the champion at the end."""
    check: bool = True
    """Try cheats on the evaluation before the first experiment."""

    def applied(self, task: Task) -> Task:
        """The task with these settings instead of its own. Raises `TaskError`."""
        for name, amount in (("hours", self.hours), ("usd", self.usd)):
            if amount is not None and not math.isfinite(amount):
                raise TaskError(f"{name} is {amount}; write a number, or leave it out for no limit")
        budget = Budget(
            experiments=task.budget.experiments if self.experiments is None else self.experiments,
            hours=task.budget.hours if self.hours is None else self.hours,
            usd=task.budget.usd if self.usd is None else self.usd,
        )
        fence = task.fence
        if self.sandbox is not None:
            if self.sandbox not in ("auto", "root", "user", "plain"):
                raise TaskError(
                    f"unknown sandbox {self.sandbox!r}; choose auto, root, user or plain"
                )
            fence = replace(fence, level=self.sandbox)
        proposers = task.proposers
        if self.proposer is not None:
            kept = tuple(spec for spec in proposers if spec.kind == self.proposer)
            proposers = kept or (ProposerSpec(kind=self.proposer),)
        return replace(
            task,
            budget=budget,
            fence=fence,
            proposers=proposers,
            search=self.search or task.search,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Crew:
    """How many trials there are at once, and where."""

    workers: int
    cores: Sequence[Set[int]] = ()
    """The processors of each. Empty: any."""
    note: str = ""
    """Why there are fewer than were asked for; empty when there are not."""


def crew_of(task: Task, workers: int | None) -> Crew:
    """As many trials at once as are asked for; `None`: as this machine has processors for.

    Where each needs cores of its own, no more than there are sets of them.
    """
    cpus = task.evaluate.cpus
    if not task.evaluate.exclusive:
        return Crew(workers=workers or max(1, len(os.sched_getaffinity(0)) // cpus))
    sets = core_sets(cpus)
    asked = len(sets) if workers is None else workers
    note = ""
    if asked > len(sets):
        note = (
            f"{asked} workers were asked for, and there are cores for {len(sets)}: with `exclusive` in "
            f"[evaluate] each trial has {'one' if cpus == 1 else cpus} of its own"
        )
    elif cpus > len(sets[0]):
        note = f"{cpus} cpus were asked for, and there are {len(sets[0])}: one trial at a time has them all"
    first = os.getpid() % len(sets)  # so that two studies do not both begin at core 0
    return Crew(workers=min(asked, len(sets)), cores=[*sets[first:], *sets[:first]], note=note)
