"""A study at work: parts wired together, workers running, facts coming in."""

import os
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import move37
from move37.app.ablation import ABLATE, Ablation
from move37.app.curve_book import CurveBook
from move37.app.inbox import Inbox, spool_of
from move37.app.judged import Judged
from move37.app.library import StudyLibrary
from move37.app.obeying import Helm, ProgramText
from move37.app.polishing import WRITERS, plan_polishing, proposer_names
from move37.app.remembering import Remembering
from move37.app.settings import Crew, RunSettings, crew_of
from move37.app.study import OWN_EDIT, STUDY, OwnEdit, check_names, write_study
from move37.app.workshop import EngineWorkshop
from move37.board.edits import Edits
from move37.core.events import (
    Began,
    Ended,
    Event,
    JobStarted,
    PhaseBegan,
    Progressed,
    Recorded,
    Standing,
    Stop,
)
from move37.core.facts import (
    Asked,
    CertificationOpened,
    Fact,
    Opened,
    Proposed,
    SessionEnded,
    SessionStarted,
)
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Asker, Attachments, Fold, Prepared, Proposer, Runner, Search
from move37.core.records import (
    MERGE,
    QUEUE,
    CheckJob,
    Job,
    Mount,
    ProbeJob,
    ProposerSpec,
    Strength,
    Task,
    TrialJob,
)
from move37.loop import Halt, Loop, settle
from move37.proposers.place import Place, Workshop
from move37.report.scoreboard import Scoreboard
from move37.runners.ahead import Ahead
from move37.runners.desk import ThreadDesk
from move37.runners.local import LocalRunner
from move37.runners.nursery import Nursery
from move37.search.arms import Ledger
from move37.search.belief import LineagePosterior
from move37.search.pins import Pins
from move37.tasks.files import Resolved
from move37.tasks.shims import shim_mounts
from move37.worker import Measuring, Proposing, Workplace, encode_record, load_measuring

Watch = Callable[[Event], None]


def silent(event: Event) -> None:
    """Watches nothing."""


_NO_PROGRESS = Opened | Asked | Proposed
"""Facts that only begin something: to look for the champion after each of them costs more than it shows."""
_LEVELS = {"A": "root", "B": "user", "E": "plain"}


class Engine:
    """A study at work: its parts wired, its workers running. A context manager."""

    def __init__(
        self,
        root: Path,
        settings: RunSettings,
        *,
        watch: Watch,
        stop: Stop,
        begin: bool = True,
    ) -> None:
        """begin: whether an epoch or an experiment of the user's may begin; see `write_study`.

        Raises `Move37Error` in its kinds when the task, the study or the sandbox is not to be had."""
        self._watch = watch
        self._stop = stop
        self._settings = settings
        self._began_at = time.time()
        self.complaint: str | None = None
        """Why there is nothing to propose, in a proposer's words; set when that ended `explore`."""
        self._scoreboard = Scoreboard()
        self._stack = ExitStack()
        self.study = self._stack.enter_context(
            write_study(
                root,
                seed=settings.seed,
                adjust=settings.applied,
                folds=self._make_folds,
                begin=begin,
            )
        )
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self._others.leave(self._policy)
        self._stack.close()

    @property
    def journal(self) -> Journal:
        return self.study.journal

    def prepare(self) -> None:
        """Let proposers see whether they can work. Raises `TaskError` where one cannot."""
        for proposer in self._proposers.values():
            if isinstance(proposer, Prepared):
                proposer.prepare()

    def explore(self) -> Halt:
        """Spend the budget. Returns why it ended."""
        history = self.study.history
        self._watch(PhaseBegan(phase="search" if history.baseline.trials else "baseline"))
        loop = self._loop(self.search, self._halted, patient=self._is_patient)
        halt = loop.explore()
        self.complaint = loop.complaint
        return halt

    def answer(self) -> Halt:
        """Measure what was handed in before now, and nothing else, whatever the budget says.

        Returns `exhausted` when all of it is done.
        """
        history, journal = self.study.history, self.study.journal
        for fact, attachments in self._take_in():
            journal.record(fact, attachments)
        asked = {submitted.ticket for submitted in history.waiting}
        if not asked and not any(map(_is_asked_for, history.running())):
            return "exhausted"
        self._watch(PhaseBegan(phase="search" if history.baseline.trials else "baseline"))

        def halted() -> Halt | None:
            if self._stop.soft:
                return "stopped"
            if history.steering.paused is not None:
                return "exhausted"
            waits = any(one.ticket in asked for one in history.waiting)
            return None if waits else "exhausted"

        return self._loop(_NoSearch(), halted, resumes=_is_asked_for).explore()

    def _loop(
        self,
        search: Search,
        halted: Callable[[], Halt | None],
        *,
        patient: bool = False,
        resumes: Callable[[Experiment], bool] = lambda experiment: True,
    ) -> Loop:
        from move37.referee.stages import next_trial

        history, stages = self.study.history, self.study.task.evaluate.stages
        return Loop(
            self.study.journal,
            search=search,
            referee=self.referee,
            runner=self.runner,
            desk=self._desk,
            propose=self.propose,
            trial=lambda experiment: self._curves.watched(
                next_trial(history, experiment, stages), history, self.study.store.attachment
            ),
            halted=halted,
            screen=lambda experiment: (
                self._let_go(experiment) or self.cascade.decide(history, experiment)
            ),
            rank=self._gate.rank if self.study.task.policy.use else lambda waiting: waiting,
            inbox=self._take_in,
            has_mail=lambda: not self._stop.soft and self._inbox.has_mail(),
            has_orders=lambda: not self._stop.soft and self._inbox.has_orders(),
            resumes=resumes,
            quick=self._proposers.keys() - self._desk.at_once.keys(),
            writers=self._writers,
            patient=patient,
            is_enough=self._ahead.is_enough,
        )

    def _let_go(self, experiment: Experiment) -> Fact | None:
        """The policy's word on an experiment, where the task wants it."""
        if not self.study.task.policy.use:
            return None
        return self._gate.decide(self.study.history, experiment, self.study.contender)

    def certify(
        self,
        experiment: int,
        *,
        against: int | None = None,
        margin: float | None = None,
        pairs: int | None = None,
    ) -> bool:
        """Compare an experiment with the baseline on fresh seeds. `False`: stopped before the end.

        against, margin, pairs: as for `open_certification`.
        A certification that an earlier run left unfinished is finished first: what was opened is
        always concluded, so that no unwelcome result can be dropped.
        """
        from move37.referee.certify import open_certification

        study = self.study
        left_over = self._unfinished()
        if not self.finish():
            return False
        reference = study.history.baseline.id if against is None else against
        asked = (experiment, reference, margin)
        if left_over and (left_over.experiment, left_over.baseline, left_over.margin) == asked:
            return True
        study.journal.record(
            open_certification(
                study.history,
                study.believer,
                study.task,
                experiment,
                against=against,
                margin=margin,
                pairs=pairs,
            )
        )
        return self._conclude(study.history.certifications[-1])

    def finish(self) -> bool:
        """Conclude the certification that was begun in this epoch and not concluded, if any.

        `False`: stopped before the end.
        """
        left_over = self._unfinished()
        return left_over is None or self._conclude(left_over)

    def _unfinished(self) -> CertificationOpened | None:
        history = self.study.history
        for opened in history.certifications:
            concluded = opened.certification in history.certificates
            if not concluded and history[opened.experiment].epoch == history.epoch.epoch:
                return opened
        return None

    def _conclude(self, opened: CertificationOpened) -> bool:
        from move37.referee.certify import conclude, wanted_trials

        study = self.study
        self._watch(PhaseBegan(phase="certify", trials=2 * opened.pairs))
        done = settle(
            study.journal,
            self.runner,
            wants=lambda: wanted_trials(study.history, opened, study.task, study.store.attachment),
            stopped=self._is_stopped,
        )
        if done:
            certified = conclude(study.history, opened, study.task, study.store.attachment)
            study.journal.record(certified)
        return done

    def work_off(
        self, phase: Literal["baseline", "check", "ablate"], wants: Callable[[], Sequence[Job]]
    ) -> bool:
        """Do wanted jobs until none is wanted any more. `False`: stopped before the end."""
        if wants():
            self._watch(PhaseBegan(phase=phase))
        return settle(self.study.journal, self.runner, wants=wants, stopped=self._is_stopped)

    def _take_in(self) -> Iterator[tuple[Fact, Attachments]]:
        """What is new from outside: of the letter box, and of `program.md`."""
        yield from self._inbox.take()
        yield from self._text.look()

    def _is_stopped(self) -> bool:
        """Whether to stop; orders are heard where no search goes on, too."""
        if self._inbox.has_orders():
            for fact, attachments in self._inbox.take_orders():
                self.study.journal.record(fact, attachments)
        return self._stop.soft

    def end(self, reason: str) -> None:
        """Note that this session ended on its own terms."""
        self.study.journal.record(SessionEnded(reason=reason))
        self._watch(Ended(reason=reason))

    # --- wiring ----------------------------------------------------------------------------------

    def _make_folds(
        self, task: Task, believer: LineagePosterior, ledger: Ledger, edits: Edits
    ) -> Sequence[Fold]:
        from move37.policy.gate import Gate
        from move37.policy.policy import Policy
        from move37.proposers.merge import Merge
        from move37.proposers.queue import Queue
        from move37.proposers.registry import make_proposer
        from move37.referee.stages import Cascade
        from move37.search import make_search
        from move37.search.staged import StagePosterior

        place = _place(task, lambda: self._workshop, edits)
        plan = plan_polishing(task.proposers)
        named = dict(_named(plan.specs, lambda spec: make_proposer(spec, place)))
        # It answers whoever hands something in; search cannot choose it.
        searched = tuple(name for name in named if name not in (QUEUE, plan.added))
        self._is_patient = QUEUE in named
        kinds = zip(named, plan.specs, strict=True)
        self._writers = writers = frozenset(name for name, spec in kinds if spec.kind in WRITERS)
        self._proposers: dict[str, Proposer | Asker] = {QUEUE: Queue(), MERGE: Merge(), **named}
        searching = make_search(
            task.search,
            believer,
            proposers=searched or (QUEUE,),
            checks=check_names(task),
            polish=plan.shares,
            ledger=ledger,
            merger=MERGE if searched else None,
            resolvers=[name for name in named if name in writers and name in searched],
        )
        self.search: Search = Pins(searching, merger=MERGE)
        staged = [StagePosterior(stage) for stage in range(len(task.evaluate.stages))]
        self.cascade = Cascade(
            task, believer, staged, spread=lambda: believer.tau, always=(OWN_EDIT, ABLATE)
        )
        self._curves = CurveBook(task, believer)
        self._crew = crew_of(task, self._settings.workers)
        self._ahead = Ahead(self._crew.workers)
        self._others = Remembering(task, task.root / STUDY)
        self._policy = Policy(believer, lessons=self._others.lessons, hide=self._others.hide)
        self._gate = Gate(believer, never={OWN_EDIT, ABLATE, QUEUE})
        hints = (self._policy, self._gate)
        own = (*staged, self.cascade, self._curves, self._ahead, *hints)
        return [self.search, *self._proposers.values(), self._scoreboard, *own]

    def _start(self) -> None:
        from move37.policy.traits import traits_of
        from move37.proposers.source.normalise import Normaliser
        from move37.referee.wants import Referee
        from move37.sandbox import probe
        from move37.tasks.files import may_edit

        study, files = self.study, self.study.files
        assert files is not None, "an engine's study is opened to be written"
        nursery = Nursery(load_measuring)  # beside the probe
        self._stack.callback(nursery.close)
        strength = probe(study.task.fence)
        self.sandbox = describe(strength)
        workers = self._crew.workers
        self.referee = Referee(study.task, study.believer)
        editable = may_edit(study.task)
        proposing = Proposing(
            study.task,
            study.journal,
            proposers={
                **self._proposers,
                OWN_EDIT: OwnEdit(study.root, files.editable),
                ABLATE: Ablation(study),
            },
            believer=study.believer,
            library=StudyLibrary(
                study.root, study.journal, editable, steering=lambda: study.history.steering.text
            ),
            editable=editable,
            identity=Normaliser().identity,
            champion=lambda: study.champion,
            traits=traits_of,
            guess=self._policy.guess,
        )
        self.propose = proposing.propose
        self._inbox = self._open_inbox()
        workplace = self._workplace(strength, files)
        self._workshop = EngineWorkshop(workplace, strength, first_slot=workers)
        runner = self._stack.enter_context(
            LocalRunner(
                partial(Measuring, workplace),
                workers=workers,
                cores=self._crew.cores,
                nursery=nursery,
                started=self._announce_job,
                interrupted=lambda: self._stop.hard,
            )
        )
        self.runner: Runner = Judged(runner, study.task, study.history, study.store.attachment)
        askers = {
            name: proposer
            for name, proposer in self._proposers.items()
            if not isinstance(proposer, Proposer)
        }
        self._desk = self._stack.enter_context(
            ThreadDesk(askers, encode_record, interrupted=lambda: self._stop.hard, told=runner.wake)
        )
        self._others.keep()
        self._helm = Helm(self._stop, study.history, began_at=self._began_at)
        study.journal.record(
            SessionStarted(
                version=move37.__version__,
                workers=workers,
                sandbox=describe(strength),
                budget=study.history.steering.budget(study.task.budget),
                asked=study.task.budget,
            )
        )
        study.journal.follow(self._helm)
        self._watch(self._introduction(strength, self._crew))
        study.journal.follow(_Announcer(self._announce))

    def _open_inbox(self) -> Inbox:
        from move37.proposers.queue import Queue

        spool, queue = spool_of(self.study.root), self._proposers[QUEUE]
        spool.make(queue.settings.share if self._is_patient and isinstance(queue, Queue) else None)
        spool.tidy()
        self._text = ProgramText(self.study.root, self.study.history)
        return Inbox(spool, self.study.history, self.study.believer)

    def _workplace(self, strength: Strength, files: Resolved) -> Workplace:
        study = self.study
        fence = replace(study.task.fence, level=_LEVELS[strength.level])

        def mounts(paths: Sequence[str]) -> tuple[Mount, ...]:
            return tuple(Mount(source=study.root / path, target=path) for path in paths)

        return Workplace(
            task=replace(study.task, fence=fence),
            code=study.root / STUDY / "code.git",
            baseline=study.history.epoch.commit,
            scratch=study.root / STUDY / "scratch",
            links=(*mounts(files.linked), *shim_mounts(study.task)),
            hides=mounts(files.hidden),
        )

    def _introduction(self, strength: Strength, crew: Crew) -> Began:
        task = self.study.task
        return Began(
            task=task.name,
            goal=task.goal,
            metric=task.metric,
            budget=self.study.history.budget,
            workers=crew.workers,
            sandbox=describe(strength),
            note="; ".join(
                filter(
                    None,
                    (
                        self._recognised(),
                        *self.study.warnings,
                        crew.note,
                        *self._others.told.complaints,
                    ),
                )
            ),
            standing=self._standing(),
        )

    def _recognised(self) -> str:
        layout = self.study.layout
        return layout and f"there is no move37.toml: the directory was read as {layout}'s"

    def _standing(self) -> Standing:
        study = self.study
        return self._scoreboard.standing(study.history, study.believer, study.champion)

    def _announce(self, fact: Fact) -> None:
        self._watch(Recorded(fact=fact))
        if not isinstance(fact, _NO_PROGRESS):
            self._watch(Progressed(standing=self._standing()))

    def _announce_job(self, job: Job) -> None:
        self._watch(
            JobStarted(
                job=job.id,
                experiment=job.experiment,
                purpose=_purpose(job),
                timeout_seconds=_patience(self.study.task, job),
            )
        )

    # --- what the loop asks ----------------------------------------------------------------------

    def _halted(self) -> Halt | None:
        if self._stop.soft:
            return "stopped"
        history = self.study.history
        if history.steering.paused is not None:
            return None
        budget = history.budget
        if budget.experiments is not None and history.spent() >= budget.experiments:
            return "budget"
        if budget.hours is not None and self._helm.seconds_worked >= budget.hours * 3600:
            return "budget"
        if budget.usd is not None and history.usd >= budget.usd:
            return "budget"
        return None


def _place(task: Task, workshop: Callable[[], Workshop], edits: Edits) -> Place:
    """Where proposers work that ask somebody outside."""
    from move37.board.pick import Picker
    from move37.proposers.context.references import References
    from move37.store.git import GitCode
    from move37.tasks.references import list_references

    study = task.root / STUDY

    def write(commit: str, directory: Path) -> None:
        GitCode(study / "code.git", write=False).write(commit, directory)

    return Place(
        task=task,
        environment=dict(os.environ),
        scratch=study / "scratch" / "ask",
        write=write,
        workshop=workshop,
        references=References(lambda: list_references(task), study / "references.db").quotes,
        posts=Picker(edits),
    )


def _patience(task: Task, job: Job) -> float:
    """Seconds that a job may take."""
    from move37.referee.measure import limit_of
    from move37.referee.stages import stage_task

    if isinstance(job, TrialJob):
        return limit_of(stage_task(task, job), job)
    return task.evaluate.timeout_seconds


def _is_asked_for(experiment: Experiment) -> bool:
    """Whether somebody outside waits for it, or all others are compared with it."""
    return experiment.ticket is not None or experiment.is_baseline


class _NoSearch:
    """Chooses nothing: for an engine that only measures what was handed in."""

    def add(self, fact: Fact) -> None:
        """Remembers nothing."""

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> None:
        """Nothing."""


class _Announcer:
    """A fold that tells whoever watches."""

    def __init__(self, announce: Callable[[Fact], None]) -> None:
        self._announce = announce

    def add(self, fact: Fact) -> None:
        self._announce(fact)


def _purpose(job: Job) -> Literal["search", "certify", "stage", "check", "probe"]:
    match job:
        case TrialJob():
            return job.purpose
        case CheckJob():
            return "check"
        case ProbeJob():
            return "probe"


def describe(strength: Strength) -> str:
    return f"{strength.level}, {strength.name}"


def _named(
    specs: Sequence[ProposerSpec], make: Callable[[ProposerSpec], Proposer | Asker]
) -> Iterator[tuple[str, Proposer | Asker]]:
    for name, spec in zip(proposer_names(specs), specs, strict=True):
        yield name, make(spec)
