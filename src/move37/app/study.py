"""Opening a study: the task, what is remembered of it, and what is believed, in step."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from move37.board.edits import Edits
from move37.core.errors import ProposalFailed, StudyError, TaskError
from move37.core.facts import EpochStarted, Fact, Opened
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Fold, Request, Store
from move37.core.records import Proposal, Task
from move37.core.seeds import derive_seed
from move37.search import champion
from move37.search.arms import Ledger
from move37.search.belief import LineagePosterior
from move37.search.common import eligible
from move37.tasks.files import Resolved

if TYPE_CHECKING:
    from move37.store.sqlite import SqliteStore

STUDY = ".move37"

_CREDIBLE = 3.0
"""So many standard deviations: it was picked from many, so twice as far is still likely luck."""

OWN_EDIT = "yours"
"""Name of the proposer, and kind of move, of what the user changed by hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """One task's study, opened. A context manager: leaving it lets go of the lock."""

    root: Path
    task: Task
    files: Resolved | None
    """Which of the user's files are which. `None` when opened for looking."""
    journal: Journal
    believer: LineagePosterior
    ledger: Ledger
    """What each proposer was given and is believed to have gained."""
    edits: Edits
    """Which experiments made the same edit."""
    layout: str = ""
    """Of which tool the task is, as it was recognised; empty where a `move37.toml` says it all."""
    warnings: tuple[str, ...] = ()
    """What was not as it should be there, a sentence each."""

    @property
    def history(self) -> History:
        return self.journal.history

    @property
    def store(self) -> Store:
        return self.journal.store

    @property
    def contender(self) -> int | None:
        """The experiment with the best belief that passes all checks: the next to be certified.

        Of several that are as good, the smallest change: see `move37.referee.simplicity`.
        """
        from move37.referee.simplicity import simplest

        checks = check_names(self.task)
        best = champion(self.history, self.believer, checks)
        if best is None or self.history[best].is_baseline:
            return best
        fit = (
            rival
            for rival in eligible(self.history, self.believer, checks)
            if self.history[rival].is_baseline or self.history[rival].passes(checks)
        )
        return simplest(self.history, self.believer, best, fit, self.task.metric.min_effect)

    @property
    def champion(self) -> int | None:
        """The contender, unless a certified one stands against it.

        What fresh evidence supports keeps its place until another is clearly better: a neighbour
        that was tried once and looks a little better is not what a person should take home.
        """
        contender, certified = self.contender, self._certified()
        if contender is None or certified is None or contender == certified:
            return self._pruned(contender)
        lead = self.believer.difference(contender, certified)
        is_better = lead is not None and lead.mean > _CREDIBLE * lead.sd
        return self._pruned(contender if is_better else certified)

    def _pruned(self, experiment: int | None) -> int | None:
        """Without the edits that do nothing, where that was certified not to be worse (`ablate`)."""
        while experiment is not None and (pruned := self.history.pruned(experiment)) is not None:
            is_unfit = self.history[pruned].passes(check_names(self.task)) is False
            if is_unfit or pruned in self.history.steering.vetoes:
                break
            experiment = pruned
        return experiment

    def _certified(self) -> int | None:
        """The best believed experiment of the epoch whose latest certificate makes a claim."""
        history = self.history
        latest = {
            certified.experiment: certified.claim
            for _, certified in sorted(history.certificates.items())
            if (certified.baseline, certified.kind) == (history.epoch.baseline, "better")
        }
        means = {
            id: belief.mean
            for id, claim in latest.items()
            if claim
            and id not in history.steering.vetoes
            and (belief := self.believer.belief(id)) is not None
        }
        return max(means, key=lambda id: means[id], default=None)

    def program(self, experiment: int | None) -> Experiment:
        """An experiment that has a program; the champion for `None`. Raises `StudyError`."""
        if experiment is None:
            experiment = self.champion
            if experiment is None:
                raise StudyError("there is no champion yet: no experiment has been measured")
        found = self.history[experiment]
        if found.commit is None:
            raise StudyError(f"x{experiment} has no program: nothing usable was proposed")
        return found

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()


def check_names(task: Task) -> Sequence[str]:
    return [check.name for check in task.checks]


def find_root(start: Path) -> Path:
    """The nearest directory at or above `start` that holds a task or a study; else `start`."""
    start = start.resolve()
    for directory in (start, *start.parents):
        if (directory / "move37.toml").is_file() or (directory / STUDY / "study.db").is_file():
            return start if directory != start and is_recognised(start) else directory
    return start


def is_recognised(root: Path) -> bool:
    """Whether a directory without a `move37.toml` is the task of another tool, or of several."""
    from move37.store.snapshot import list_files
    from move37.tasks.detect import is_known_layout

    return is_known_layout(root, list_files(root))


def is_working(root: Path) -> bool:
    """Whether an engine works on the study there now."""
    from move37.store.lock import owner

    return owner(root / STUDY / "lock") is not None


def read_store(root: Path) -> "SqliteStore":
    """What is stored of the study, for looking only. Raises `StudyError` as `read_study` does."""
    from move37.store.sqlite import SqliteStore

    if not (root / STUDY / "study.db").exists():
        raise StudyError(f"there is no study in {root}; start one with `move37 run`")
    return SqliteStore.open(root / STUDY, write=False)


Read = Callable[[Path], AbstractContextManager[Study]]
"""Opens the study in a directory for looking: `read_study`, or a `Lookout` where one looks often."""


FoldsOf = Callable[[History, LineagePosterior], Sequence[Fold]]
"""What else shall follow the facts of a study that is looked at; each may rely on its history."""


def read_study(root: Path, folds: FoldsOf = lambda history, believer: ()) -> Study:
    """Open for looking only, whoever else is writing. The task is the one that was measured.

    Raises `StudyError` when there is no study here, or it cannot be read.
    """
    store = read_store(root)
    try:
        believer, history = LineagePosterior(), History()
        ledger, edits = Ledger(believer), Edits()
        journal = Journal(store, [believer, ledger, edits, *folds(history, believer)], history)
        task = measured_task(root, journal.history)
    except BaseException:
        store.close()
        raise
    return Study(
        root=root,
        task=task,
        files=None,
        journal=journal,
        believer=believer,
        ledger=ledger,
        edits=edits,
    )


def measured_task(root: Path, history: History) -> Task:
    """The task as it was measured, with the budget of the latest session."""
    from move37.tasks.document import from_mapping

    task = from_mapping(history.epoch.task, root)
    return task if history.session is None else replace(task, budget=history.budget)


MakeFolds = Callable[[Task, LineagePosterior, Ledger, Edits], Sequence[Fold]]
"""What else shall follow the study's facts, from the first one on; it is told after these."""


def write_study(
    root: Path,
    *,
    seed: int = 0,
    adjust: Callable[[Task], Task] = lambda task: task,
    folds: MakeFolds = lambda task, believer, ledger, edits: (),
    begin: bool = True,
) -> Study:
    """Open for work, alone; begin a study, or a new epoch when what is measured has changed.

    seed: of an epoch that begins. adjust: what the command line says differently from the task.
    begin: where `False`, nothing begins: neither an epoch, which is a `StudyError`, nor an experiment.
    Raises `TaskError` for a task that cannot be used, `StudyLocked` when someone else works on it.
    """
    from move37.proposers.source.normalise import Normaliser
    from move37.store.snapshot import list_files
    from move37.store.sqlite import SqliteStore
    from move37.tasks.detect import recognise
    from move37.tasks.files import disk_reader, fingerprint, resolve
    from move37.tasks.toml import load_task

    if not root.is_dir():
        raise TaskError(f"{root} is not a directory; name the directory of the task")
    paths = list_files(root)
    draft = recognise(root, paths)
    written = load_task(root) if draft is None else draft.task()
    task = adjust(written)
    resolved = resolve(task, paths)
    read = disk_reader(root)
    believer = LineagePosterior()
    ledger, edits = Ledger(believer), Edits()
    followers = [ledger, edits, *folds(task, believer, ledger, edits)]
    store = SqliteStore.open(root / STUDY, write=True)
    try:
        journal = Journal(store, [believer, *followers])
        identity = Normaliser().identity({path: read(path) for path in resolved.editable})
        considered = _considered(task, journal, paths)
        if _is_new(journal.history, fingerprint(task, considered, read)):
            if not begin:
                _refuse()
            shown = (*resolved.editable, *resolved.fixed)
            mark = fingerprint(task, paths, read)
            journal.record(_new_epoch(written, journal, shown, identity, mark, seed))
        elif begin and journal.history.same_program(identity) is None:
            journal.record(_own_edit(journal.history))
    except BaseException:
        store.close()
        raise
    return Study(
        root=root,
        task=task,
        files=resolved,
        journal=journal,
        believer=believer,
        ledger=ledger,
        edits=edits,
        layout="" if draft is None else draft.layout,
        warnings=() if draft is None else draft.warnings,
    )


def _refuse() -> NoReturn:
    raise StudyError(
        "the task has changed since it was measured, so that fresh trials could not be compared with "
        "the old ones; take the change back, or measure the task as it is now with `move37 run`"
    )


def _considered(task: Task, journal: Journal, paths: Sequence[str]) -> Sequence[str]:
    """The files that decide whether the task is still what was measured.

    One that came later counts for nothing: a log, a chart, a note. Whatever needs it has changed too.
    """
    from move37.tasks.files import may_edit

    if not journal.history.epochs:
        return paths
    known = frozenset(journal.store.code.paths(journal.history.epoch.commit))
    editable = may_edit(task)
    return [path for path in paths if path in known or editable(path)]


def _is_new(history: History, mark: str) -> bool:
    """Whether what was measured before cannot be compared with what is here now."""
    if not history.epochs or history.epoch.fingerprint != mark:
        return True
    # A task that could not be measured is tried again: what was wrong need not have been in its files.
    return history.baseline.outcome is not None and not history.baseline.is_measured


def _new_epoch(
    task: Task, journal: Journal, shown: Sequence[str], identity: str, mark: str, seed: int
) -> EpochStarted:
    from move37.tasks.document import to_mapping

    code, history = journal.store.code, journal.history
    commit = code.snapshot(task.root, shown)
    code.keep(len(history), commit)
    return EpochStarted(
        epoch=len(history.epochs),
        fingerprint=mark,
        task=to_mapping(task),
        baseline=len(history),
        commit=commit,
        identity=identity,
        seed=history.epoch.seed if history.epochs else seed,
    )


def _own_edit(history: History) -> Opened:
    """The user has changed an editable file by hand: an experiment like any other, tried first."""
    id = len(history)
    return Opened(
        experiment=id,
        epoch=history.epoch.epoch,
        parents=(history.epoch.baseline,),
        proposer=OWN_EDIT,
        seed=derive_seed(history.epoch.seed, id),
    )


class OwnEdit:
    """The proposer behind `_own_edit`: proposes the editable files as they are on disk."""

    def __init__(self, root: Path, editable: Sequence[str]) -> None:
        self._root = root
        self._editable = editable

    def add(self, fact: Fact) -> None:
        """Remembers nothing."""

    def propose(self, request: Request) -> Proposal:
        from move37.tasks.files import disk_reader

        read = disk_reader(self._root)
        files = {path: read(path) for path in self._editable}
        gone: dict[str, bytes | None] = dict.fromkeys(request.files.keys() - files.keys())
        changed = {path: data for path, data in files.items() if request.files.get(path) != data}
        if not changed and not gone:
            raise ProposalFailed("the files are as they were: the edit was taken back")
        names = ", ".join(sorted(changed.keys() | gone.keys()))
        return Proposal(
            changes={**changed, **gone}, move=OWN_EDIT, hypothesis=f"your own edit of {names}"
        )
