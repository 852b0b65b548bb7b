"""The loop: choose what to build on, open an experiment, propose, attempt, record what happened.

Safe to stop at any line and call again: all state is in the journal.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Literal

from move37.core.errors import NothingToPropose, NotYet, TooDear
from move37.core.facts import Fact, Opened, Rejected, Submitted
from move37.core.history import Experiment
from move37.core.journal import Journal
from move37.core.protocols import Attachments, Desk, Inquiry, Referee, Runner, Search
from move37.core.records import QUEUE, Choice, Extend, Failed, Job, Repeat
from move37.core.seeds import derive_seed

Halt = Literal["budget", "stopped", "exhausted", "baseline"]
"""Why a loop ended: the budget is spent, somebody asked, nothing is left, the baseline failed."""

_PATIENCE_SECONDS = 0.2
"""So long, at most, an answer is waited for where no trial is under way: then it is asked again whether
to stop, and what has been handed in."""

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
        desk: Desk,
        propose: Callable[[Experiment], Fact | Inquiry],
        trial: Callable[[Experiment], Job],
        halted: Callable[[], Halt | None],
        screen: Callable[[Experiment], Fact | None] = lambda experiment: None,
        rank: Callable[[Sequence[Experiment]], Sequence[Experiment]] = lambda waiting: waiting,
        inbox: Callable[[], Iterable[tuple[Fact, Attachments]]] = lambda: (),
        has_mail: Callable[[], bool] = lambda: False,
        has_orders: Callable[[], bool] = lambda: False,
        resumes: Callable[[Experiment], bool] = lambda experiment: True,
        quick: Set[str] = frozenset(),
        writers: Set[str] = frozenset(),
        patient: bool = False,
        is_enough: Callable[[Mapping[str, int], int], bool] = lambda asking, ready: False,
    ) -> None:
        """
        desk: where the questions of proposers are asked that have to ask somebody.
        propose: the next step of an experiment without a program: `Proposed`, `Rejected`, or a question
            to be asked first. Raises `NothingToPropose` when its proposer has nothing left.
        trial: the next trial of an experiment: of a cheap stage, or of the evaluation itself.
        halted: why nothing new should be opened, or `None` to go on. What runs is still collected.
        screen: what a cheap stage, or the policy, decides of an experiment; `None` when there is nothing
            to decide.
        rank: experiments that were opened and have no outcome, in the order in which to carry them on.
        inbox: what people and agents outside have handed in since it was last asked. Each is recorded
            before the next is asked for.
        has_mail: whether `inbox` has something to say: asked several times a second.
        has_orders: whether it has something to say that does not wait for a free slot.
        resumes: whether to carry on with an experiment that an earlier run left over.
        quick: the proposers that propose at once, whenever a slot is free.
        writers: the proposers that can be told of an idea.
        patient: whether to wait for what may be handed in, when there is nothing else to do.
        is_enough: whether nothing more need be asked for now, where so many experiments of each proposer have no
            program yet, and so many wait for a worker. The desk's `at_once` bounds each proposer's.
        """
        self.journal = journal
        self._search = search
        self._referee = referee
        self._runner = runner
        self._desk = desk
        self._propose = propose
        self._trial = trial
        self._halted = halted
        self._screen = screen
        self._rank = rank
        self._inbox = inbox
        self._has_mail = has_mail
        self._has_orders = has_orders
        self._resumes = resumes
        self._quick = quick
        self._writers = writers
        self._patient = patient
        self._is_enough = is_enough
        self._spent: dict[str, NothingToPropose] = {}
        """Proposers that have nothing left, and what they said."""

    @property
    def complaint(self) -> str | None:
        """Why there is nothing left to propose, in a proposer's words."""
        return next(map(str, self._spent.values()), None)

    def explore(self) -> Halt:
        """Run experiments until there is a reason to stop, and return it."""
        while (halt := self._advance()) is None or self._under_way():
            self._take_in()
        return halt

    def _under_way(self) -> bool:
        return bool(self._runner.pending() or self._desk.pending())

    def _take_in(self) -> None:
        """Wait until something has ended, a trial or a question, and record what came of it."""
        waited = bool(self._runner.pending())
        if waited:
            for done, attachments in self._runner.collect(until=self._has_news):
                self.journal.record(done, attachments)
        # After a trial there is a slot to fill: nobody waits for a question then, even if none is out.
        patience = 0.0 if waited else _PATIENCE_SECONDS
        for answered, attachments in self._desk.collect(patience_seconds=patience):
            self.journal.record(answered, attachments)

    def _has_news(self) -> bool:
        """Whether there is something else to do than to wait for a trial."""
        if self._desk.has_answers():
            return True
        return self._has_orders() or (self._runner.free_slots() > 0 and self._has_mail())

    def _advance(self) -> Halt | None:
        """Give every free slot something to do: what a stopped run left over, what the referee
        wants, and only then something new."""
        history = self.journal.history
        if self._halted() == "stopped":
            return "stopped"
        for fact, attachments in self._inbox():
            self.journal.record(fact, attachments)
        if (halt := self._halted()) == "stopped":
            return halt
        for experiment in self._rank(history.running()):
            if experiment.id in self._desk.pending() or not self._resumes(experiment):
                continue
            if self._has_room(experiment):
                self._attempt(experiment)
        if history.baseline.outcome is not None and not history.baseline.is_measured:
            return "baseline"
        for job in self._referee.wants(history):
            if self._runner.free_slots():
                self._runner.submit(job)
        if halt is None and history.steering.paused is not None:
            return None
        while halt is None and self._open_next():
            halt = self._halted()
        return halt or self._exhausted()

    def _has_room(self, experiment: Experiment) -> bool:
        """Whether an experiment can be carried on now: an answer is read whatever the workers do."""
        return self._runner.free_slots() > 0 or (
            experiment.commit is None and experiment.proposer in self._desk.at_once
        )

    def _exhausted(self) -> Halt | None:
        """Whether nobody has anything left to propose."""
        if self.journal.history.rejected_in_a_row >= EXHAUSTED_AFTER and not self._patient:
            return "exhausted"
        if self._spent and not self._under_way() and not self._patient:
            too_dear = any(isinstance(said, TooDear) for said in self._spent.values())
            return "budget" if too_dear else "exhausted"
        return None

    def _busy(self) -> Set[str] | None:
        """Proposers that can take no experiment now. `None`: nobody can take one.

        A proposer that has to ask works ahead of the workers, so that neither waits for the other, but
        only so far: what it builds on grows stale.
        """
        history, at_once = self.journal.history, self._desk.at_once
        slots = self._runner.free_slots()
        if not slots and not at_once:
            return None
        measuring = self._runner.pending()
        ahead = [e for e in history.running() if e.id not in measuring and e.proposer in at_once]
        asking = Counter(e.proposer for e in ahead if e.commit is None)
        enough = self._is_enough(asking, len(ahead) - asking.total())
        each = Counter(e.proposer for e in ahead)
        full = {name for name, most in at_once.items() if enough or each[name] >= most}
        idle = at_once.keys() - full - self._spent.keys()
        if not slots and not idle:
            return None
        return {*full, *self._spent, *(() if slots else self._quick), QUEUE}

    def _open_next(self) -> bool:
        """Begin something new. Return whether there was anything, and room for it."""
        history = self.journal.history
        if waiting := history.waiting:
            return self._open_submitted(waiting[0])
        if history.rejected_in_a_row >= EXHAUSTED_AFTER or (busy := self._busy()) is None:
            return False
        if held := {name for way, name in history.steering.held if way == "proposer"}:
            busy = busy | held
        seed = derive_seed(history.epoch.seed, len(history))
        pending = self._runner.pending() | self._desk.pending()
        choice, idea = self._choose(pending, seed, busy)
        match choice:
            case None:
                return False
            case Repeat(experiment=repeated):
                assert repeated not in pending, "a search must not repeat what is under way"
                if not self._runner.free_slots():
                    return False
                self._runner.submit(self._trial(history[repeated]))
            case _:
                strategy = choice.strategy
                self._open(choice.parents, choice.proposer, seed, strategy=strategy, idea=idea)
        return True

    def _choose(
        self, pending: Set[int], seed: int, busy: Set[str]
    ) -> tuple[Choice | None, int | None]:
        """What to do next, and the post whose idea is to be tried by it, if one is.

        An idea that waits is for the next experiment that a writer can take.
        """
        history = self.journal.history
        idea = history.steering.next_idea()
        if idea is not None and self._writers - busy:
            others = (self._quick | self._desk.at_once.keys()) - self._writers
            choice = self._search.choose(history, pending=pending, seed=seed, busy=busy | others)
            if isinstance(choice, Extend) and len(choice.parents) == 1:
                return choice, idea
        return self._search.choose(history, pending=pending, seed=seed, busy=busy), None

    def _open_submitted(self, submitted: Submitted) -> bool:
        """What somebody handed in comes before anything that the search would like: without a free slot
        for it, nothing else is begun either."""
        history = self.journal.history
        if not self._runner.free_slots():
            return False
        seed = derive_seed(history.epoch.seed, len(history))
        # A change to a program of an earlier epoch is read as one to the task as it is now.
        base = submitted.base if submitted.base >= history.baseline.id else history.baseline.id
        self._open((base,), QUEUE, seed, ticket=submitted.ticket)
        return True

    def _open(
        self,
        parents: tuple[int, ...],
        proposer: str,
        seed: int,
        *,
        ticket: str | None = None,
        strategy: str = "",
        idea: int | None = None,
    ) -> None:
        history = self.journal.history
        opened = Opened(
            experiment=len(history),
            epoch=history.epoch.epoch,
            parents=parents,
            proposer=proposer,
            seed=seed,
            ticket=ticket,
            strategy=strategy,
            idea=idea,
        )
        # A power cut that takes it takes nothing: search would choose the same again.
        self.journal.record(opened, synced=ticket is not None)
        self._attempt(history[opened.experiment])

    def _attempt(self, experiment: Experiment) -> None:
        """Carry an experiment from wherever it stands as far as it goes now."""
        if experiment.commit is None:
            self._fill(experiment)
            experiment = self.journal.history[experiment.id]
        if experiment.commit is None or not self._runner.free_slots():
            return
        if (decided := self._screen(experiment)) is not None:
            self.journal.record(decided)
            experiment = self.journal.history[experiment.id]
        if experiment.is_running:
            self._runner.submit(self._trial(experiment))

    def _fill(self, experiment: Experiment) -> None:
        """Get a program for an experiment, or the reason why there is none, or ask for one."""
        try:
            step = self._propose(experiment)
        except NothingToPropose as nothing:
            if isinstance(nothing, NotYet) and self._desk.pending():
                return  # it stays open, and is carried on when one of those has been answered
            self._spent.setdefault(experiment.proposer, nothing)
            failed = Failed(stage="propose", reason=str(nothing))
            step = Rejected(experiment=experiment.id, failed=failed)
        if isinstance(step, Inquiry):
            self.journal.record(step.asked, step.attachments)
            self._desk.submit(experiment.proposer, step.asked, step.question)
        else:
            self.journal.record(step)
