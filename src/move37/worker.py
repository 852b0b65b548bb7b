"""One attempt, wherever it runs: propose a change, and measure it in a sandbox.

The engine proposes (it has the history); worker processes measure. Runners are handed `Attempt` as
a plain object, so that any machine can run the same code.
"""

import errno
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from move37.core.errors import (
    Held,
    NotYet,
    ProposalFailed,
    StudyError,
    TooDear,
    Unreadable,
    Unwritable,
)
from move37.core.facts import Asked, Done, Proposed, Rejected, Tried, failed_job
from move37.core.history import Experiment
from move37.core.journal import Journal
from move37.core.protocols import (
    Asker,
    Attachments,
    Believer,
    Inquiry,
    Library,
    Proposer,
    Request,
    Sandbox,
)
from move37.core.records import (
    Answer,
    Failed,
    Guess,
    Job,
    Mount,
    Outcome,
    ProbeJob,
    Proposal,
    Question,
    Task,
    Trial,
    TrialJob,
)
from move37.core.regions import why_outside
from move37.core.steering import Steering

_ROUNDS = 2
"""So often is somebody asked for one experiment: once more where the answer could not be used."""
_PAUSES_SECONDS = (1.0, 3.0, 10.0)
"""Before trying again where there is no room: a program beside us may be filling the disk, for which
it is about to be ended."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})

Files = Mapping[str, bytes]
Result = tuple[Done, Attachments]
Record = TypeVar("Record", Question, Answer)


class KeepingLibrary(Library, Protocol):
    def keep(self, commit: str, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Remember a program that may soon be asked for."""
        ...


class Proposing:
    """The engine's half: fills open experiments with proposals."""

    def __init__(
        self,
        task: Task,
        journal: Journal,
        *,
        proposers: Mapping[str, Proposer | Asker],
        believer: Believer,
        library: KeepingLibrary,
        editable: Callable[[str], bool],
        identity: Callable[[Mapping[str, bytes]], str],
        champion: Callable[[], int | None] = lambda: None,
        traits: Callable[[Files, Files], tuple[str, ...]] = lambda before, after: (),
        guess: Callable[[Proposed], Guess | None] = lambda proposed: None,
    ) -> None:
        """
        editable: whether a candidate may change, add or remove the file of this path.
        identity: of the editable files; equal for programs that are the same.
        champion: the best experiment as of now.
        traits: what the change from one program to the other is like.
        guess: what to expect of a change, before anything of it is run.
        """
        self._task = task
        self._journal = journal
        self._proposers = proposers
        self._believer = believer
        self._library = library
        self._editable = editable
        self._identity = identity
        self._champion = champion
        self._traits = traits
        self._guess = guess

    def propose(self, experiment: Experiment) -> Proposed | Rejected | Inquiry:
        """The next step of an experiment that has no program yet.

        `Proposed`, its program stored; `Rejected` with the reason; or a question that somebody has to be
        asked first, whose answer is read when this is called again. Raises `NothingToPropose` when no
        proposal can come of its proposer any more.
        """
        request = self._request(experiment)
        proposer = self._proposers[experiment.proposer]
        usd = 0.0
        try:
            if isinstance(proposer, Proposer):
                proposal = proposer.propose(request)
                usd = proposal.usd
                candidate = self._candidate(request, proposal)
            else:
                candidate = self._converse(proposer, request)
        except ProposalFailed as failed:
            reason, held = Failed(stage="propose", reason=str(failed)), isinstance(failed, Held)
            return Rejected(experiment=experiment.id, failed=reason, usd=usd, held=held)
        return candidate if isinstance(candidate, Inquiry) else self._store(request, candidate)

    def _request(self, experiment: Experiment) -> Request:
        history = self._journal.history
        parents = tuple(history[parent] for parent in experiment.parents)
        files = self._library.program(parents[0].id)

        def is_known(changes: Mapping[str, bytes | None]) -> bool:
            return history.same_program(self._identity(changed(files, changes))) is not None

        return Request(
            task=self._task,
            experiment=experiment,
            parents=parents,
            files=files,
            history=history,
            beliefs=self._believer,
            is_known=is_known,
            library=self._library,
            champion=self._champion,
        )

    def _converse(self, asker: Asker, request: Request) -> "_Candidate | Inquiry":
        """What the latest answer makes of the program, or the next question.

        Raises `ProposalFailed`, also where nobody answered, and `TooDear`.
        """
        experiment = request.experiment
        rounds = [self._answer(experiment.id, told.round) for told in experiment.answers]
        if (lost := experiment.awaits) is not None:
            question = self._question(experiment.id, lost.round)
            return replace(self._inquiry(experiment, lost.round, question), attachments={})
        if rounds:
            if rounds[-1].failed:
                raise ProposalFailed(rounds[-1].failed)
            try:
                return self._candidate(request, asker.read(request, rounds))
            except Unreadable as unreadable:
                if len(rounds) >= _ROUNDS:
                    raise
                told = {**rounds[-1].detail, "unreadable": str(unreadable)}
                rounds[-1] = replace(rounds[-1], detail=told)
        return self._inquiry(experiment, len(rounds), asker.question(request, rounds))

    def _inquiry(self, experiment: Experiment, round: int, question: Question) -> Inquiry:
        history = self._journal.history
        most = (self._task if history.session is None else history).budget.usd
        if most is not None and history.usd_committed + question.usd_at_most > most:
            told = (
                f"the next question to {question.model} may cost {question.usd_at_most:.4f} USD, and "
                f"of the budget of {most:g} USD {max(0.0, most - history.usd_committed):.4f} are left"
            )
            if history.usd + question.usd_at_most <= most:
                raise NotYet(told)
            raise TooDear(told)
        asked = Asked(
            experiment=experiment.id,
            round=round,
            model=question.model,
            usd_at_most=question.usd_at_most,
        )
        attachments = {f"x{experiment.id}-ask-{round}/question": encode_record(question)}
        return Inquiry(asked=asked, question=question, attachments=attachments)

    def _answer(self, experiment: int, round: int) -> Answer:
        return decode_record(self._stored(f"x{experiment}-ask-{round}/answer"), Answer)

    def _question(self, experiment: int, round: int) -> Question:
        return decode_record(self._stored(f"x{experiment}-ask-{round}/question"), Question)

    def _stored(self, key: str) -> bytes:
        data = self._library.attachment(key)
        if data is None:
            raise StudyError(f"{key} is missing from the study; `move37 verify` says what else is")
        return data

    def _candidate(self, request: Request, proposal: Proposal) -> "_Candidate":
        """The program that a proposal makes of the first parent.

        Raises `Unreadable` where nothing can come of it: whoever was asked can mend that; `Held` where a
        person wants no such.
        """
        if not proposal.changes:
            raise Unreadable("the proposal changes nothing")
        if outside := [path for path in proposal.changes if not self._editable(path)]:
            raise Unreadable(
                f"the proposal changes {outside[0]!r}, which [files] edit does not name"
            )
        marks = self._task.files.between
        if marks and (reason := why_outside(request.files, proposal.changes, marks)) is not None:
            raise Unreadable(reason)
        files = changed(request.files, proposal.changes)
        identity = self._identity(files)
        if (twin := self._journal.history.same_program(identity)) is not None:
            raise Unreadable(f"the same program as x{twin}")
        if request.experiment.ticket is None:
            _refuse_held(self._journal.history.steering, proposal)
        return _Candidate(proposal, files, identity)

    def _store(self, request: Request, candidate: "_Candidate") -> Proposed:
        experiment, proposal, files = request.experiment, candidate.proposal, candidate.files
        code = self._journal.store.code
        commits = [parent.commit for parent in request.parents if parent.commit is not None]
        commit = code.commit(commits, proposal.changes, f"x{experiment.id}: {proposal.hypothesis}")
        code.keep(experiment.id, commit)
        self._library.keep(commit, files)
        proposed = Proposed(
            experiment=experiment.id,
            commit=commit,
            identity=candidate.identity,
            move=proposal.move,
            hypothesis=proposal.hypothesis,
            predicted_effect=proposal.predicted_effect,
            prior=proposal.prior,
            detail=proposal.detail,
            usd=proposal.usd,
            size=self._size(experiment, files),
            traits=self._traits(request.files, files),
        )
        return replace(proposed, guess=self._guess(proposed))

    def _size(self, experiment: Experiment, files: Mapping[str, bytes]) -> int:
        """How many lines of the baseline a program changes."""
        from move37.referee.simplicity import changed_lines

        history = self._journal.history
        baseline = history.epochs[experiment.epoch].baseline
        return changed_lines(self._library.program(baseline), files)


def _refuse_held(steering: Steering, proposal: Proposal) -> None:
    """Raise `Held` for a proposal of a direction that a person has paused."""
    if not steering.held:
        return
    if steering.holds("move", proposal.move):
        raise Held(f"moves of the kind {proposal.move!r} are paused")
    for path in sorted(proposal.changes):
        if steering.holds("file", path):
            raise Held(f"changes of {path!r} are paused")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A proposal that something can come of."""

    proposal: Proposal
    files: Mapping[str, bytes]
    """All editable ones."""
    identity: str


def encode_record(record: Question | Answer) -> bytes:
    """As JSON, to be stored beside a fact."""
    import msgspec

    return msgspec.json.encode(record)


def decode_record(data: bytes, kind: type[Record]) -> Record:
    """The inverse of `encode_record`."""
    import msgspec

    return msgspec.json.decode(data, type=kind)


def changed(files: Mapping[str, bytes], changes: Mapping[str, bytes | None]) -> Mapping[str, bytes]:
    """The files with the changes made; `None` removes one."""
    return {path: data for path, data in {**files, **changes}.items() if data is not None}


def is_record(data: bytes, kind: type[Question] | type[Answer]) -> bool:
    """Whether `decode_record` can read it."""
    import msgspec

    try:
        msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError:
        return False
    return True


# --- measuring, in a worker process --------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Workplace:
    """What a worker process needs to know to measure programs. Picklable."""

    task: Task
    """Its fence has the level that was proved at start, so that workers need not prove it again."""
    code: Path
    """The bare repository."""
    baseline: str
    """Commit of the epoch's baseline: what is fixed is as it is there."""
    scratch: Path
    """A directory of ours for workspaces."""
    links: tuple[Mount, ...]
    hides: tuple[Mount, ...]


class ReadableCode(Protocol):
    """What measuring needs of the programs; see `core.protocols.Code`."""

    def paths(self, commit: str) -> Sequence[str]: ...

    def read(self, commit: str, path: str) -> bytes: ...

    def write(self, commit: str, directory: Path) -> None: ...


def load_measuring() -> None:
    """Import what `Measuring` and its jobs need: once, for all workers that are forked from here."""
    from importlib import import_module

    parts = ("referee.measure", "referee.pairs", "referee.stages", "sandbox.select", "store.git")
    for name in ("pygit2", *(f"move37.{part}" for part in parts), "move37.tasks.files"):
        import_module(name)


class Measuring:
    """The worker's half: does trial and check jobs. One for each worker process."""

    def __init__(
        self,
        workplace: Workplace,
        number: int,
        *,
        code: ReadableCode | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        """
        number: of the worker; it works in a directory, and as a user, of its own.
        code: where the programs are; `None`: in the workplace's repository.
        sandbox: `None`: one of this process.
        """
        from move37.sandbox import make_sandbox
        from move37.store.git import GitCode
        from move37.tasks.files import may_edit

        self._place = workplace
        self._task = workplace.task
        self._code = code or GitCode(workplace.code, write=False)
        self._directory = workplace.scratch / f"slot{number}"
        try:
            self._sandbox = sandbox or make_sandbox(
                self._task.fence, slot=number, scratch=self._directory
            )
        except OSError as error:
            raise _unwritable(self._directory, error) from error
        self._editable = may_edit(self._task)

    def __call__(self, job: Job, stop: Callable[[], bool]) -> Result | None:
        """Do it; `None` when `stop` said so before it ended.

        Raises `StudyError` when the study's disk or its programs are the trouble: that is no result
        of the experiment, which is tried again when they have been mended.
        """
        for pause in _PAUSES_SECONDS:
            try:
                return self._do(job, stop)
            except Unwritable:
                if stop():
                    return None
                time.sleep(pause)
        return self._do(job, stop)

    def try_out(self, job: TrialJob, stop: Callable[[], bool]) -> Outcome | None:
        """What comes of one run of the evaluation that is nobody's trial. Raises as a call does."""
        measured = self._measure(job, stop)
        return None if measured is None else measured[0].outcome

    def _do(self, job: Job, stop: Callable[[], bool]) -> Result | None:
        try:
            return self._attempt(job, stop)
        except StudyError:
            raise
        except Exception as error:  # the one place where an attempt becomes an outcome
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise _unwritable(self._directory, error) from error
            text = "".join(traceback.format_exception(error))
            reason = f"the engine could not run it: {type(error).__name__}: {error}"
            return failed_job(job, Failed(stage="sandbox", reason=reason, output=text)), {}

    def _attempt(self, job: Job, stop: Callable[[], bool]) -> Result | None:
        from move37.referee import measure as referee
        from move37.referee.pairs import back_to_back

        if isinstance(job, TrialJob):
            measured = back_to_back(job, lambda each: self._measure(each, stop))
            if measured is None:
                return None
            trial, attachments = measured
            return Tried(experiment=job.experiment, trial=trial), attachments
        out = self._fresh("out")
        workspace = self._workspace(job.commit, "work")
        protect = [path for path in self._code.paths(job.commit) if not self._editable(path)]
        if isinstance(job, ProbeJob):
            return self._probe(job, workspace, out, protect, stop)
        return referee.check(
            self._task,
            job=job,
            workspace=workspace,
            out=out,
            sandbox=self._sandbox,
            protect=protect,
            mounts=self._place.links,
            stop=stop,
        )

    def _measure(self, job: TrialJob, stop: Callable[[], bool]) -> tuple[Trial, Attachments] | None:
        """One run of the evaluation of one program."""
        from move37.referee import measure as referee
        from move37.referee.stages import stage_task

        out = self._fresh("out")
        workspace = self._workspace(job.commit, "work")
        protect = [path for path in self._code.paths(job.commit) if not self._editable(path)]
        return referee.measure(
            stage_task(self._task, job),
            job=job,
            workspace=workspace,
            out=out,
            fresh_workspace=self._judging_place,
            sandbox=self._sandbox,
            candidate=self._as_data(job.commit),
            protect=protect,
            mounts=self._place.links,
            hidden_mounts=self._place.hides,
            stop=stop,
        )

    def _probe(
        self,
        job: ProbeJob,
        workspace: Path,
        out: Path,
        fixed: Sequence[str],
        stop: Callable[[], bool],
    ) -> Result | None:
        """Try a cheat on the evaluation."""
        from move37.referee.probe import Scene, probe

        scene = Scene(
            workspace=workspace,
            out=out,
            fresh_workspace=self._judging_place,
            candidate=self._as_data(job.commit),
            host=self._fresh("host"),
            editable={
                path: self._code.read(job.commit, path)
                for path in self._code.paths(job.commit)
                if self._editable(path) and not (workspace / path).is_symlink()
            },
            fixed=fixed,
            mounts=self._place.links,
            hidden_mounts=self._place.hides,
        )
        return probe(self._task, job=job, scene=scene, sandbox=self._sandbox, stop=stop)

    def _judging_place(self) -> Path:
        """The task's fixed files, as they were when the epoch began."""
        directory = self._workspace(self._place.baseline, "score")
        for path in self._code.paths(self._place.baseline):
            if self._editable(path):
                (directory / path).unlink()
        return directory

    def _as_data(self, commit: str) -> Path | None:
        """The candidate's own files, for `score` to look at; `None` where nothing scores."""
        if self._task.evaluate.score is None:
            return None
        directory = self._fresh("candidate")
        for path in self._code.paths(commit):
            if self._editable(path):
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                (directory / path).write_bytes(self._code.read(commit, path))
        return directory

    def _workspace(self, commit: str, name: str) -> Path:
        directory = self._fresh(name)
        self._code.write(commit, directory)
        return directory

    def _fresh(self, name: str) -> Path:
        from move37.sandbox.scratch import fresh

        directory = self._directory / name
        fresh(directory)
        return directory


def _unwritable(directory: Path, error: OSError) -> Unwritable:
    return Unwritable(
        f"{error.filename or directory} cannot be written ({error.strerror}); "
        "free some space or check its owner and permissions, then run the same command again"
    )
