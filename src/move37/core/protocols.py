"""The verbs of move37: one protocol per part.

You can ignore this module unless you are writing a new part. `move37.testing` holds the contracts
that every implementation must pass.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from move37.core.facts import Answered, Asked, Done, Fact, Row
from move37.core.history import Experiment, History
from move37.core.records import (
    Answer,
    Belief,
    Choice,
    Exit,
    Job,
    Launch,
    Proposal,
    Question,
    Strength,
    Task,
)


class Fold(Protocol):
    """Something derived from the facts."""

    def add(self, fact: Fact) -> None:
        """Take the next fact. Called once for each, in order; never touches disk or clock."""
        ...


class Code(Protocol):
    """Remembers programs: whole directories, each under a commit id."""

    def snapshot(self, root: Path, paths: Iterable[str]) -> str:
        """Store these files of `root` (relative, `/`-separated) as they are; return the commit.

        Content, executable bits and symbolic links are kept byte for byte; no filter, attribute or
        end-of-line conversion is applied. `root` is only read.
        """
        ...

    def commit(
        self, parents: Sequence[str], changes: Mapping[str, bytes | None], message: str
    ) -> str:
        """Store the first parent's files with these changes. The same call gives the same commit."""
        ...

    def keep(self, experiment: int, commit: str) -> None:
        """Give a commit a name, `refs/x/<experiment>`, so that no repacking ever drops it."""
        ...

    def paths(self, commit: str) -> Sequence[str]:
        """All files of a commit, sorted."""
        ...

    def read(self, commit: str, path: str) -> bytes:
        """One file. Raises `StudyError` when the commit or the file is missing."""
        ...

    def mode(self, commit: str, path: str) -> int | None:
        """Git's mode of a file, such as `0o100755`; `None` when there is none."""
        ...

    def write(self, commit: str, directory: Path) -> None:
        """Write all files into an existing, empty directory."""
        ...

    def changed(self, old: str, new: str) -> dict[str, bytes | None]:
        """New content of every file that differs, by path, sorted; `None` for one that is gone."""
        ...

    def diff(self, old: str, new: str) -> str:
        """Unified diff, git style; empty for equal programs. Binary files are named only."""
        ...


class Store(Protocol):
    """Remembers facts. Append-only; one writer, any number of readers."""

    @property
    def code(self) -> Code: ...

    def append(self, fact: Fact, attachments: Mapping[str, bytes], *, synced: bool = True) -> Row:
        """Store a fact, and blobs under their keys, in one transaction.

        On return no death of this process can take it, and, if `synced`, no power cut either; what
        was not synced is covered by the next fact that is. Keys look like `x12-search-0/stdout`.
        Raises `Unwritable` when the disk says no.
        """
        ...

    def rows(self, after: int = 0) -> Iterator[Row]:
        """All facts in order, as of the moment of the call; those past row `after` only."""
        ...

    def attachment(self, key: str) -> bytes | None: ...

    def close(self) -> None:
        """Let go of the lock and the files. Calling it twice is the same as calling it once."""
        ...


class Believer(Fold, Protocol):
    """Posterior of every program's true score, from all trials of the whole lineage."""

    @property
    def noise(self) -> float:
        """Standard deviation of one trial's score, as estimated so far."""
        ...

    def belief(self, experiment: int) -> Belief | None:
        """Posterior of its true score; `None` when nothing bears on it (failed, never measured)."""
        ...

    def difference(self, experiment: int, other: int) -> Belief | None:
        """Posterior of the true score of the first minus that of the second, correlation included."""
        ...

    def ranking(self, limit: int) -> Sequence[int]:
        """Measured experiments of the current epoch, best posterior mean first, ties by lower id."""
        ...


class Search(Fold, Protocol):
    """Chooses what to try next. Pure: the same facts, pending work and seed give the same choice."""

    def choose(
        self, history: History, *, pending: Set[int], seed: int, busy: Set[str] = frozenset()
    ) -> Choice | None:
        """Return what to do next, or `None` to do nothing until something ends.

        pending: experiments that have a trial under way or queued.
        busy: proposers that cannot take another experiment now; a choice never names one.
        """
        ...


class Library(Protocol):
    """What a proposer may read of a study, besides the facts. Hidden files are not in it."""

    def program(self, experiment: int) -> Mapping[str, bytes]:
        """The editable files of an experiment, by path. Raises `StudyError` where it has no program."""
        ...

    def fixed(self) -> Sequence[str]:
        """Paths of the files that a proposer may see and not change, sorted."""
        ...

    def read_fixed(self, path: str) -> bytes: ...

    def attachment(self, key: str) -> bytes | None:
        """What was stored beside a fact, such as `x12-search-0/stdout`."""
        ...

    def steering(self) -> str:
        """The user's `program.md`, as it is now; empty where there is none."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """All that a proposer may know."""

    task: Task
    experiment: Experiment
    """The one to fill: its id, parents and seed."""
    parents: tuple[Experiment, ...]
    files: Mapping[str, bytes]
    """The editable files of the first parent, by path."""
    history: History
    beliefs: Believer
    is_known: Callable[[Mapping[str, bytes | None]], bool]
    """Whether these changes to the first parent give a program that the study already has."""
    library: Library
    champion: Callable[[], int | None] = lambda: None
    """The best experiment as of now; `None` when nothing was measured yet."""


@runtime_checkable
class Proposer(Fold, Protocol):
    """Changes a program."""

    def propose(self, request: Request) -> Proposal:
        """Return a change. The same facts and request give the same change.

        Raises:
            ProposalFailed: this attempt came to nothing; the next one may not.
            NothingToPropose: there is nothing left to try on this task.
        """
        ...


class Asker(Fold, Protocol):
    """A proposer that has to ask somebody, a model or an agent, and to wait for the answer.

    In a round it writes a question, the question is asked, and the answer is read. All of an experiment's
    rounds so far are handed to it each time: it remembers nothing of them by itself.
    """

    @property
    def at_once(self) -> int:
        """How many of its questions may be under way at the same time; 1 or more."""
        ...

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        """The next question. rounds: the answers so far; the latest one, if any, was `Unreadable`, and
        its detail says why, as `unreadable`.

        Quick, and without a network. Raises as `Proposer.propose` does.
        """
        ...

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        """Ask it, and wait. Called in a thread of its own, several at a time; knows no study.

        What goes wrong is in the answer (`failed`), never raised. stop: asked now and then; `True` means
        that nobody waits for the answer any more.
        """
        ...

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        """What the latest answer proposes. Quick; the same answers give the same proposal.

        Raises:
            Unreadable: it cannot be used; if this was the first round, it is asked to mend it.
            ProposalFailed: this attempt came to nothing.
        """
        ...


@runtime_checkable
class Prepared(Protocol):
    """A proposer that can see, before anything is measured, whether it will be able to work."""

    def prepare(self) -> None:
        """Raises `TaskError`, which says what to install or to set, when it will not."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Inquiry:
    """A question that has to be asked before there can be a proposal."""

    asked: Asked
    question: Question
    attachments: "Attachments"
    """To be stored with the fact that it was asked."""


class Desk(Protocol):
    """Where questions are asked, beside the loop: nobody waits for a network but the desk."""

    @property
    def at_once(self) -> Mapping[str, int]:
        """The proposers that are served here, and how many experiments each may work ahead."""
        ...

    def pending(self) -> Set[int]:
        """Experiments with a question under way, or with an answer that is not collected yet."""
        ...

    def submit(self, proposer: str, asked: Asked, question: Question) -> None:
        """Ask it in the background."""
        ...

    def has_answers(self) -> bool: ...

    def collect(self, *, patience_seconds: float = 0.0) -> "Iterable[tuple[Answered, Attachments]]":
        """All answers that have come; waits so long for the first where there is none yet.

        With nothing under way it just waits, as whoever asks has nothing else to do.
        """
        ...

    def close(self) -> None:
        """Wait for nobody any more."""
        ...


class Sandbox(Protocol):
    """Runs untrusted programs, fenced in."""

    @property
    def strength(self) -> Strength: ...

    def run(
        self,
        launch: Launch,
        *,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[bytes], None] | None = None,
    ) -> Exit:
        """Run it to its end, limit or stop; when this returns, its whole process tree is dead.

        stop: asked several times a second; `True` ends the program at once.
        tell: told all that the program prints to stdout, piece by piece, as it does.
        Nothing that the program does is raised: it is in the `Exit`. Raises `SandboxError` when the
        fence itself cannot be set up.
        """
        ...


Attachments = Mapping[str, bytes]


class Runner(Protocol):
    """Does jobs somewhere: this machine, or a cluster."""

    def free_slots(self) -> int: ...

    def pending(self) -> Set[int]:
        """Experiments with a job submitted and not yet collected."""
        ...

    def submit(self, job: Job) -> None:
        """Start it, or queue it. A job whose id is pending is not started twice."""
        ...

    def collect(
        self, *, until: Callable[[], bool] = lambda: False
    ) -> Iterable[tuple[Done, Attachments]]:
        """Wait until at least one pending job has ended; return what came of all that have.

        Returns nothing when nothing is pending, or when the runner has been asked to stop.
        until: asked several times a second; `True` ends the waiting.
        """
        ...


class Referee(Protocol):
    """Says what has to be measured before the search may go on to something new."""

    def wants(self, history: History) -> Sequence[Job]:
        """Return the jobs that are needed now: repeats of the baseline, checks of a contender.

        A pure function of the history: a job is in the answer until its fact is recorded.
        """
        ...
