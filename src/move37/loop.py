"""The loop: choose what to build on, open an experiment, propose, attempt, record what happened.

Safe to stop at any line and call again: all state is in the journal.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from move37.core.errors import NothingToPropose
from move37.core.facts import Fact, Opened, Rejected
from move37.core.history import Experiment
from move37.core.journal import Journal
from move37.core.protocols import Referee, Runner, Search
from move37.core.records import Failed, Job, Repeat
from move37.core.seeds import derive_seed

Halt = Literal["budget", "stopped", "exhausted", "baseline"]
"""Why a loop ended: the budget is spent, somebody asked, nothing is left, the baseline failed."""

EXHAUSTED_AFTER = 50
"""So many proposals in a row that came to nothing mean that the proposer has nothing left."""


def settle(
    journal: Journal,
    runner: Runner,
    *,
    wants: Callable[[], Sequence[Job]],
    stopped: Callable[[], bool],
) -> bool:
    """Do wanted jobs until none is wanted any more. Return `False` when told to stop before that."""
    while (jobs := wants()) or runner.pending():
        for job in jobs:
            if runner.free_slots() and not stopped():
                runner.submit(job)
        if not runner.pending():
            return False
        for fact, attachments in runner.collect():
            journal.record(fact, attachments)
    return True


class Loop:
    """One study being worked on."""

    def __init__(
        self,
        journal: Journal,
        *,
        search: Search,
        referee: Referee,
        runner: Runner,
        propose: Callable[[Experiment], Fact],
        trial: Callable[[Experiment], Job],
        halted: Callable[[], Halt | None],
        screen: Callable[[Experiment], Fact | None] = lambda experiment: None,
    ) -> None:
        """
        propose: fills an open experiment; returns `Proposed` or `Rejected`, or raises
            `NothingToPropose`, which ends the run once everything under way is collected.
        trial: the next trial of an experiment: of a cheap stage, or of the evaluation itself.
        halted: why nothing new should be opened, or `None` to go on. What runs is still collected.
        screen: what a cheap stage decides of an experiment; `None` when there is nothing to decide.
        """
        self.journal = journal
        self._search = search
        self._referee = referee
        self._runner = runner
        self._propose = propose
        self._trial = trial
        self._halted = halted
        self._screen = screen
        self.complaint: str | None = None
        """Why there is nothing left to propose, in a proposer's words."""

    def explore(self) -> Halt:
        """Run experiments until there is a reason to stop, and return it."""
        while (halt := self._advance()) is None or self._runner.pending():
            for fact, attachments in self._runner.collect():
                self.journal.record(fact, attachments)
        return halt

    def _advance(self) -> Halt | None:
        """Give every free slot something to do: what a stopped run left over, what the referee
        wants, and only then something new."""
        history = self.journal.history
        halt = self._halted()
        if halt == "stopped":
            return halt
        for experiment in history.running():
            if self._runner.free_slots():
                self._attempt(experiment)
        if history.baseline.outcome is not None and not history.baseline.is_measured:
            return "baseline"
        for job in self._referee.wants(history):
            if self._runner.free_slots():
                self._runner.submit(job)
        while halt is None and self._runner.free_slots():
            if self.complaint is not None or history.rejected_in_a_row >= EXHAUSTED_AFTER:
                return "exhausted"
            if not self._open_next():
                break
            halt = self._halted()
        return halt

    def _open_next(self) -> bool:
        """Put one free slot to use. Return whether there was a use for it."""
        history = self.journal.history
        id = len(history)
        seed = derive_seed(history.epoch.seed, id)
        pending = self._runner.pending()
        choice = self._search.choose(history, pending=pending, seed=seed)
        match choice:
            case None:
                return False
            case Repeat(experiment=repeated):
                assert repeated not in pending, "a search must not repeat what is under way"
                self._runner.submit(self._trial(history[repeated]))
            case _:
                opened = Opened(
                    experiment=id,
                    epoch=history.epoch.epoch,
                    parents=choice.parents,
                    proposer=choice.proposer,
                    seed=seed,
                )
                # A power cut that takes it takes nothing: search would choose the same again.
                self.journal.record(opened, synced=False)
                self._attempt(history[id])
        return True

    def _attempt(self, experiment: Experiment) -> None:
        """Carry an experiment from wherever it stands to the runner."""
        if experiment.commit is None:
            try:
                fact = self._propose(experiment)
            except NothingToPropose as nothing:
                self.complaint = str(nothing)
                failed = Failed(stage="propose", reason=self.complaint)
                fact = Rejected(experiment=experiment.id, failed=failed)
            self.journal.record(fact)
            experiment = self.journal.history[experiment.id]
        if (decided := self._screen(experiment)) is not None:
            self.journal.record(decided)
            experiment = self.journal.history[experiment.id]
        if experiment.is_running:
            self._runner.submit(self._trial(experiment))
