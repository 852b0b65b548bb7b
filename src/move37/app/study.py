"""Opening a study: the task, what is remembered of it, and what is believed, in step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from move37.core.errors import StudyError, TaskError
from move37.core.facts import EpochStarted
from move37.core.history import Experiment, History
from move37.core.journal import Journal
from move37.core.protocols import Fold, Store
from move37.core.records import Task
from move37.search import champion
from move37.search.belief import LineagePosterior
from move37.tasks.files import Resolved

STUDY = ".move37"


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """One task's study, opened. A context manager: leaving it lets go of the lock."""

    root: Path
    task: Task
    files: Resolved | None
    """Which of the user's files are which. `None` when opened for looking."""
    journal: Journal
    believer: LineagePosterior

    @property
    def history(self) -> History:
        return self.journal.history

    @property
    def store(self) -> Store:
        return self.journal.store

    @property
    def champion(self) -> int | None:
        """The experiment with the best belief that passes all checks."""
        return champion(self.history, self.believer, check_names(self.task))

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
            return directory
    return start


def read_study(root: Path) -> Study:
    """Open for looking only, whoever else is writing. The task is the one that was measured.

    Raises `StudyError` when there is no study here, or it cannot be read.
    """
    from move37.store.sqlite import SqliteStore
    from move37.tasks.document import from_mapping

    if not (root / STUDY / "study.db").exists():
        raise StudyError(f"there is no study in {root}; start one with `move37 run`")
    store = SqliteStore.open(root / STUDY, write=False)
    try:
        believer = LineagePosterior()
        journal = Journal(store, [believer])
        history = journal.history
        task = from_mapping(history.epoch.task, root)
        if history.session is not None:
            task = replace(task, budget=history.session.budget)
    except BaseException:
        store.close()
        raise
    return Study(root=root, task=task, files=None, journal=journal, believer=believer)


MakeFolds = Callable[[Task, LineagePosterior], Sequence[Fold]]
"""What else shall follow the study's facts, from the first one on."""


def write_study(
    root: Path,
    *,
    seed: int = 0,
    adjust: Callable[[Task], Task] = lambda task: task,
    folds: MakeFolds = lambda task, believer: (),
) -> Study:
    """Open for work, alone; begin a study, or a new epoch when what is measured has changed.

    seed: of an epoch that begins. adjust: what the command line says differently from the task.
    Raises `TaskError` for a task that cannot be used, `StudyLocked` when someone else works on it.
    """
    from move37.store.snapshot import list_files
    from move37.store.sqlite import SqliteStore
    from move37.tasks.detect import load_or_detect
    from move37.tasks.files import disk_reader, fingerprint, resolve

    if not root.is_dir():
        raise TaskError(f"{root} is not a directory; name the directory of the task")
    paths = list_files(root)
    written = load_or_detect(root, paths)
    task = adjust(written)
    resolved = resolve(task, paths)
    mark = fingerprint(task, paths, disk_reader(root))
    believer = LineagePosterior()
    followers = folds(task, believer)
    store = SqliteStore.open(root / STUDY, write=True)
    try:
        journal = Journal(store, [believer, *followers])
        if not journal.history.epochs or journal.history.epoch.fingerprint != mark:
            shown = (*resolved.editable, *resolved.fixed)
            journal.record(_new_epoch(written, journal, shown, resolved.editable, mark, seed))
    except BaseException:
        store.close()
        raise
    return Study(root=root, task=task, files=resolved, journal=journal, believer=believer)


def _new_epoch(
    task: Task,
    journal: Journal,
    shown: Sequence[str],
    editable: Sequence[str],
    mark: str,
    seed: int,
) -> EpochStarted:
    from move37.proposers.normalise import Normaliser
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
        identity=Normaliser().identity({path: code.read(commit, path) for path in editable}),
        seed=history.epoch.seed if history.epochs else seed,
    )
