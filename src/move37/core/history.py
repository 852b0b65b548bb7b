"""The history: every experiment of a study, folded from its facts. Reads nothing, writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from typing import assert_never

from move37.core.board import Board
from move37.core.errors import StudyError
from move37.core.facts import (
    Ablated,
    AblationOpened,
    Answered,
    Asked,
    CertificationOpened,
    Certified,
    Checked,
    Claimed,
    EpochStarted,
    EvaluatorChecked,
    Fact,
    Opened,
    Posted,
    Probed,
    Proposed,
    Rejected,
    Retracted,
    Row,
    SessionEnded,
    SessionStarted,
    Staged,
    Steered,
    Submitted,
    Tried,
)
from move37.core.records import (
    MERGE,
    Budget,
    Failed,
    Guess,
    Measured,
    Outcome,
    Purpose,
    Screened,
    Trial,
)
from move37.core.steering import Steering, limited

_MOST_ANCESTORS = 4096
"""So many are looked at, at most, to find where two lines of descent part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One node of the tree: a change to its parents, who proposed it and why, and what came of it."""

    id: int
    epoch: int
    parents: tuple[int, ...]
    """Empty for the baseline of an epoch."""
    proposer: str
    seed: int
    commit: str | None = None
    """`None` until somebody has proposed."""
    identity: str | None = None
    move: str = ""
    hypothesis: str = ""
    predicted_effect: float | None = None
    prior: float | None = None
    usd: float = 0.0
    size: int | None = None
    """How many lines of the baseline it removes and adds. `None`: not known."""
    guess: Guess | None = None
    """What the policy expected of it before it was run."""
    rejected: Failed | None = None
    screened: Screened | None = None
    """Why a cheap stage, or the policy, let go of it."""
    stages_passed: int = 0
    ticket: str | None = None
    """Of the change that somebody outside handed in."""
    idea: int | None = None
    """The post whose idea its proposer shall try."""
    asked: tuple[Asked, ...] = ()
    """The questions that went out for it, those whose answers were lost included."""
    answers: tuple[Answered, ...] = ()
    """By round."""
    trials: tuple[Trial, ...] = ()
    """In the order they ended."""
    checks: Mapping[str, bool] = field(default_factory=dict[str, bool])

    @property
    def is_baseline(self) -> bool:
        return not self.parents

    @property
    def outcome(self) -> Outcome | None:
        """What came of it: its first full trial's outcome, or why there was none. `None` while running.

        One failed trial among good repeats does not undo the good ones, but a program whose first
        trial failed is not tried again; nor is one that failed in a cheap stage.
        """
        if self.rejected is not None or self.screened is not None:
            return self.rejected or self.screened
        full: Outcome | None = None
        for trial in self.trials:
            if trial.purpose != "stage":
                full = full or trial.outcome
            elif isinstance(trial.outcome, Failed):
                return trial.outcome
        return full

    @property
    def awaits(self) -> Asked | None:
        """The question that is not answered yet: under way, or lost with an engine that died."""
        if self.commit is not None or self.rejected is not None or not self.asked:
            return None
        latest = self.asked[-1]
        return latest if latest.round == len(self.answers) else None

    @property
    def is_running(self) -> bool:
        return self.outcome is None

    @property
    def is_measured(self) -> bool:
        return isinstance(self.outcome, Measured)

    def scores(self, purpose: Purpose | None = None) -> tuple[float, ...]:
        """Scores of its finished full trials, higher is better; those of a stage only if asked for."""
        return tuple(
            trial.outcome.score
            for trial in self.trials
            if isinstance(trial.outcome, Measured)
            and (trial.purpose == purpose if purpose else trial.purpose != "stage")
        )

    def count(self, purpose: Purpose) -> int:
        """How many trials ended, failed ones included: the index of the next one."""
        return sum(trial.purpose == purpose for trial in self.trials)

    def passes(self, checks: Sequence[str]) -> bool | None:
        """Whether it passed all of these checks. `None` while one has not been run."""
        results = [self.checks.get(check) for check in checks]
        if False in results:
            return False
        return None if None in results else True


class History:
    """All experiments of a study, indexed. The one mutable thing that is read everywhere.

    Only `Journal` adds to it. Experiments are numbered in the order they were opened, from 0,
    without gaps, over all epochs.
    """

    def __init__(self) -> None:
        self._experiments: list[Experiment] = []
        self._running: dict[int, None] = {}
        self._by_identity: dict[tuple[int, str], int] = {}
        self._epochs: list[EpochStarted] = []
        self._certifications: list[CertificationOpened] = []
        self._certificates: dict[int, Certified] = {}
        self._ablations: list[AblationOpened] = []
        self._ablated: dict[int, Ablated] = {}
        self._probes: dict[str, Probed] = {}
        self._evaluator: EvaluatorChecked | None = None
        self._rejected_in_a_row = 0
        self._certified_lately = 0
        self._repeats = 0
        self._unrun = 0
        self._session: SessionStarted | None = None
        self._session_began: float | None = None
        self._last_at = 0.0
        self._seconds_before = 0.0
        self._usd = 0.0
        self._outstanding: dict[int, float] = {}
        self._submitted: dict[str, Submitted] = {}
        self._tickets: dict[str, int] = {}
        self._waiting: dict[str, Submitted] = {}
        self._board = Board()
        self._steering = Steering()
        self._budget = Budget()

    def __len__(self) -> int:
        return len(self._experiments)

    def __getitem__(self, experiment: int) -> Experiment:
        if not 0 <= experiment < len(self._experiments):
            last = len(self._experiments) - 1
            raise StudyError(
                f"there is no experiment x{experiment}; this study has x0 to x{last}"
                if last >= 0
                else f"there is no experiment x{experiment}; this study is empty"
            )
        return self._experiments[experiment]

    @property
    def experiments(self) -> Sequence[Experiment]:
        """All experiments, of all epochs, by id. Do not modify."""
        return self._experiments

    @property
    def epochs(self) -> Sequence[EpochStarted]:
        return self._epochs

    @property
    def epoch(self) -> EpochStarted:
        """The current one. Raises `StudyError` when the study has not begun."""
        if not self._epochs:
            raise StudyError("this study is empty; start it with `move37 run`")
        return self._epochs[-1]

    @property
    def baseline(self) -> Experiment:
        """The unchanged task, in the current epoch."""
        return self[self.epoch.baseline]

    def current(self) -> Sequence[Experiment]:
        """The experiments of the current epoch, its baseline first. A copy."""
        return self._experiments[self.epoch.baseline :]

    def spent(self) -> int:
        """What counts against the budget of experiments in the current epoch: every experiment but the
        baseline and those that cost nothing (let go by the policy, two programs that do not merge, or of a
        direction that a person has paused), and every repeat of one."""
        opened = len(self._experiments) - self.epoch.baseline - 1
        return opened - self._unrun + self._repeats

    @property
    def repeats(self) -> int:
        """Search trials beyond the first of each experiment of the current epoch, but the baseline."""
        return self._repeats

    def running(self) -> Sequence[Experiment]:
        """Experiments of the current epoch without an outcome, in the order they were opened."""
        return [self._experiments[id] for id in self._running]

    def same_program(self, identity: str) -> int | None:
        """The experiment of the current epoch that already is this program, if any."""
        return self._by_identity.get((self.epoch.epoch, identity))

    def meeting(self, one: int, other: int) -> int | None:
        """Where two lines of descent part: the latest program that both descend from, or one of them.

        All parents count, so a branch that was merged in belongs to both. `None`: across epochs, or where
        it is further up than `_MOST_ANCESTORS` programs.
        """
        sides = {one: 1}
        sides[other] = sides.get(other, 0) | 2
        # Parents are older than children: whoever is taken out next has heard from all below it.
        latest = [-id for id in sides]
        heapify(latest)
        for _ in range(_MOST_ANCESTORS):
            if not latest:
                return None
            id = -heappop(latest)
            if sides[id] == 3:
                return id
            for parent in self[id].parents:
                if parent not in sides:
                    heappush(latest, -parent)
                sides[parent] = sides.get(parent, 0) | sides[id]
        return None

    @property
    def certifications(self) -> Sequence[CertificationOpened]:
        return self._certifications

    @property
    def certificates(self) -> Mapping[int, Certified]:
        """By certification number."""
        return self._certificates

    def certificate_of(self, experiment: int) -> Certified | None:
        """The latest one that says whether this experiment is better than its baseline."""
        start = self._epochs[self[experiment].epoch].baseline
        asked = (experiment, start, "better")
        found = [
            c for c in self._certificates.values() if (c.experiment, c.baseline, c.kind) == asked
        ]
        return found[-1] if found else None

    @property
    def probes(self) -> Mapping[str, Probed]:
        """The cheats tried on the evaluation of the current epoch, by name; of each the latest try."""
        return self._probes

    @property
    def evaluator(self) -> EvaluatorChecked | None:
        """The evaluator certificate of the current epoch, the latest one."""
        return self._evaluator

    @property
    def ablations(self) -> Sequence[AblationOpened]:
        return self._ablations

    @property
    def ablated(self) -> Mapping[int, Ablated]:
        """What came of them, by ablation number."""
        return self._ablated

    def pruned(self, experiment: int) -> int | None:
        """The same program without the edits that do nothing, certified not to be worse."""
        found = [each.pruned for each in self._ablated.values() if each.experiment == experiment]
        return next((each for each in reversed(found) if each is not None), None)

    def pruned_from(self, experiment: int | None) -> int | None:
        """What this experiment is, without the edits that do nothing: the inverse of `pruned`."""
        found = [
            each.experiment
            for each in self._ablated.values()
            if experiment is not None and each.pruned == experiment
        ]
        return found[-1] if found else None

    @property
    def certified_lately(self) -> int:
        """How many certifications were begun since the latest experiment was opened."""
        return self._certified_lately

    @property
    def rejected_in_a_row(self) -> int:
        """How many of the latest proposals came to nothing, one after the other."""
        return self._rejected_in_a_row

    @property
    def session(self) -> SessionStarted | None:
        """The latest one. `None`: nobody has worked on the study yet."""
        return self._session

    @property
    def budget(self) -> Budget:
        """Of the latest session, as ordered since; without limits where there was none."""
        return self._budget

    @property
    def seconds_worked(self) -> float:
        """Wall time of all sessions, up to the last fact of each, without what they were paused."""
        open_session = 0.0 if self._session_began is None else self._last_at - self._session_began
        return self._seconds_before + open_session

    @property
    def usd(self) -> float:
        """What was spent. A question whose answer was lost counts as dear as it may have been."""
        return self._usd

    @property
    def usd_committed(self) -> float:
        """What was spent, and what the questions under way may cost."""
        return self._usd + sum(self._outstanding.values())

    @property
    def submitted(self) -> Mapping[str, Submitted]:
        """All that was ever handed in, by ticket, in the order in which it was."""
        return self._submitted

    @property
    def waiting(self) -> Sequence[Submitted]:
        """What was handed in and not opened yet, the oldest first."""
        return list(self._waiting.values())

    def opened_for(self, ticket: str) -> int | None:
        """The experiment that came of a ticket; `None` while it waits."""
        return self._tickets.get(ticket)

    @property
    def board(self) -> Board:
        """What was posted about the study, over all epochs."""
        return self._board

    @property
    def steering(self) -> Steering:
        """What people have ordered, over all epochs."""
        return self._steering

    def add(self, row: Row) -> None:
        """Take the next fact. Raises `StudyError` when it contradicts the ones before it."""
        if isinstance(row.fact, Posted | Retracted | Claimed):
            # Written while no engine was at work, it says nothing of how long one was.
            for link in row.fact.links if isinstance(row.fact, Posted) else ():
                self[link.experiment]
            self._board.add(row.fact, row.at)
            self._queue(row.fact)
            return
        if isinstance(row.fact, Steered):
            self._obey(row.fact, row.at)
            return
        if isinstance(row.fact, SessionStarted):
            # Before anything else: the time between two sessions is nobody's work.
            self._seconds_before, self._session_began = self.seconds_worked, row.at
            if self._steering.paused is not None:
                self._session_began = None
        self._last_at = row.at
        self._fold(row.fact)

    def _queue(self, fact: Posted | Retracted | Claimed) -> None:
        """An idea that waits to be tried, or does so no more."""
        if isinstance(fact, Posted) and fact.queued:
            self._steering.queue(fact)
        elif isinstance(fact, Retracted):
            self._steering.drop(fact.post)

    def _obey(self, fact: Steered, at: float) -> None:
        order = fact.order
        if order.experiment is not None:
            self[order.experiment]
        if fact.is_live and self._session_began is not None:
            self._last_at = at
        # Paused time is nobody's work, as that between two sessions.
        if order.does == "pause":
            self._seconds_before, self._session_began = self.seconds_worked, None
        elif order.does == "resume" and fact.is_live and self._steering.paused is not None:
            self._session_began = self._last_at = at
        elif order.does == "budget" and order.resource is not None and self._session is not None:
            self._budget = limited(self._budget, order.resource, order.amount)
        self._steering.add(fact, at)

    def _fold(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._begin_epoch(fact)
            case Opened():
                self._open(fact)
            case Submitted():
                if fact.ticket not in self._submitted:
                    self._submitted[fact.ticket] = self._waiting[fact.ticket] = fact
            case Asked():
                old = self[fact.experiment]
                # Asked before and never answered: nobody knows what that did cost.
                self._usd += self._outstanding.pop(fact.experiment, 0.0)
                self._outstanding[fact.experiment] = fact.usd_at_most
                self._experiments[fact.experiment] = replace(old, asked=(*old.asked, fact))
            case Answered():
                old = self[fact.experiment]
                self._outstanding.pop(fact.experiment, None)
                self._usd += fact.usd
                self._experiments[fact.experiment] = replace(
                    old, answers=(*old.answers, fact), usd=old.usd + fact.usd
                )
            case Proposed():
                self._propose(fact)
            case Rejected():
                self._reject(fact)
            case Tried():
                old = self[fact.experiment]
                if fact.trial.purpose == "search" and old.parents and old.count("search"):
                    self._repeats += old.epoch == self.epoch.epoch
                tried = replace(old, trials=(*old.trials, fact.trial))
                self._experiments[fact.experiment] = tried
                if not tried.is_running:
                    self._running.pop(fact.experiment, None)
            case Staged():
                old = self[fact.experiment]
                self._experiments[fact.experiment] = replace(
                    old, screened=fact.screened, stages_passed=fact.stage + (not fact.screened)
                )
                if fact.screened is not None:
                    self._unrun += fact.screened.by == "policy" and old.epoch == self.epoch.epoch
                    self._running.pop(fact.experiment, None)
            case Checked():
                old = self[fact.experiment]
                checks = {**old.checks, fact.check: fact.passed}
                self._experiments[fact.experiment] = replace(old, checks=checks)
            case CertificationOpened():
                self._certifications.append(fact)
                self._certified_lately += 1
            case Certified():
                self._certificates[fact.certification] = fact
            case Probed():
                self._probes[fact.probe] = fact
            case EvaluatorChecked():
                self._evaluator = fact
            case AblationOpened():
                self._ablations.append(fact)
            case Ablated():
                self._ablated[fact.ablation] = fact
            case SessionStarted():
                self._session, self._rejected_in_a_row = fact, 0
                self._budget = fact.budget
                self._steering.begin_session(fact)
            case SessionEnded():
                self._seconds_before, self._session_began = self.seconds_worked, None
            case Posted() | Retracted() | Claimed() | Steered():
                raise AssertionError("what is posted goes to the board, and orders to the steering")
            case _:
                assert_never(fact)

    def _begin_epoch(self, fact: EpochStarted) -> None:
        self._epochs.append(fact)
        self._steering.begin_epoch()
        self._certified_lately = self._repeats = self._unrun = 0
        self._probes, self._evaluator = {}, None
        self._wait_again()
        self._running.clear()
        self._usd += sum(self._outstanding.values())
        self._outstanding.clear()
        self._append(
            Experiment(
                id=fact.baseline,
                epoch=fact.epoch,
                parents=(),
                proposer="",
                seed=fact.seed,
                commit=fact.commit,
                identity=fact.identity,
                hypothesis="the task as it is",
            )
        )
        self._by_identity[fact.epoch, fact.identity] = fact.baseline

    def _open(self, fact: Opened) -> None:
        self._certified_lately = 0
        for parent in fact.parents:
            self[parent]
        self._append(
            Experiment(
                id=fact.experiment,
                epoch=fact.epoch,
                parents=fact.parents,
                proposer=fact.proposer,
                seed=fact.seed,
                ticket=fact.ticket,
                idea=fact.idea,
            )
        )
        if fact.idea is not None:
            self._steering.give(fact.idea, fact.experiment)
        if fact.ticket is not None:
            self._tickets[fact.ticket] = fact.experiment
            self._waiting.pop(fact.ticket, None)

    def _propose(self, fact: Proposed) -> None:
        old = self[fact.experiment]
        self._experiments[fact.experiment] = replace(
            old,
            commit=fact.commit,
            identity=fact.identity,
            move=fact.move,
            hypothesis=fact.hypothesis,
            predicted_effect=fact.predicted_effect,
            prior=fact.prior,
            usd=old.usd + fact.usd,
            size=fact.size,
            guess=fact.guess,
        )
        self._by_identity.setdefault((old.epoch, fact.identity), fact.experiment)
        self._usd += fact.usd
        self._rejected_in_a_row = 0
        if old.idea is not None:
            self._steering.came_to_a_program(fact.experiment)

    def _reject(self, fact: Rejected) -> None:
        old = self[fact.experiment]
        self._experiments[fact.experiment] = replace(
            old, rejected=fact.failed, usd=old.usd + fact.usd
        )
        self._running.pop(fact.experiment, None)
        # A question that is given up while it is out is as dear as it may have been.
        self._usd += fact.usd + self._outstanding.pop(fact.experiment, 0.0)
        self._rejected_in_a_row += 1
        is_free = fact.held or old.proposer == MERGE
        self._unrun += is_free and old.epoch == self.epoch.epoch
        if old.idea is not None:
            self._steering.came_to_nothing(fact.experiment)

    def _wait_again(self) -> None:
        """What somebody handed in and an epoch's end left unmeasured waits for its turn once more."""
        for id in self._running:
            if (ticket := self._experiments[id].ticket) is not None:
                del self._tickets[ticket]
                self._waiting[ticket] = self._submitted[ticket]

    def _append(self, experiment: Experiment) -> None:
        if experiment.id != len(self._experiments):
            raise StudyError(
                f"the facts do not fit together: experiment x{experiment.id} was opened "
                f"where x{len(self._experiments)} comes next"
            )
        self._experiments.append(experiment)
        self._running[experiment.id] = None
