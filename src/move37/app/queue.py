"""`propose` and `wait`: what people and agents outside hand in, and what comes of it.

A change is put into the study's letter box. The engine that works on the study takes it from there; where
none does, whoever waits for the answer becomes the engine, for just what was handed in.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer
from typing import Literal

from move37.app.engine import Engine, Watch
from move37.app.inbox import spool_of
from move37.app.look import detail_of
from move37.app.settings import RunSettings
from move37.app.study import STUDY, Study, find_root, read_study, write_study
from move37.core.errors import Refused, StudyError, StudyLocked
from move37.core.events import Event, Stop
from move37.core.facts import EpochStarted
from move37.core.history import Experiment, History
from move37.core.records import Failed, Measured, Screened
from move37.report.results import Awaited, HandedIn
from move37.store.spool import Letter, Spool, is_ticket

Base = int | Literal["best"] | None
"""The program that a change is made to: an experiment, the champion, or the baseline."""

_LOOK_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change as somebody hands it in: a patch, a directory with the whole program, or single files."""

    patch: bytes | None = None
    directory: Path | None = None
    files: Mapping[str, bytes | None] | None = None
    """New content by path; `None` deletes a file."""


def _silent(event: Event) -> None:
    """Watches nothing."""


def propose(
    root: Path,
    change: Change,
    *,
    hypothesis: str,
    base: Base = None,
    effect: float | None = None,
    author: str | None = None,
    measure: bool = True,
    wait: bool = False,
    timeout_seconds: float | None = None,
    settings: RunSettings | None = None,
    watch: Watch = _silent,
    stop: Stop | None = None,
) -> HandedIn:
    """Hand in a change, to be measured before anything that the search would like.

    base: what it changes; the baseline unless said otherwise, as that is what the user's files are.
    effect: how much the metric should change, in its own unit: below 0 where it should fall.
    measure: where no engine works on the study, measure it here and now.
    wait: return when it has an outcome, also where another process measures it.
    Raises `Refused` for a change that cannot be taken, with the reason.
    """
    root, settings = find_root(root), settings or RunSettings()
    _begin_if_new(root, settings)
    with read_study(root) as study:
        letter = _letter(study, change, base, hypothesis, effect, author or _user())
        predicted = letter.predicted_effect
    spool = spool_of(root)
    measure = measure and _may_measure(root)
    if measure and not _is_working(root):
        _refuse_changed_task(root, settings)
    ticket = spool.put(letter)
    working = _is_working(root)  # now: one that has ended meanwhile did not see the letter
    if wait or (measure and not working):
        awaited = _wait(
            root, ticket, timeout_seconds, settings=settings, watch=watch, stop=stop or Stop()
        )
    else:
        told = (
            "whoever works on the study takes it in" if working else "nobody works on the study now"
        )
        awaited = Awaited(ticket=ticket, experiment=None, state="waiting", reason=told)
    assert letter.base is not None
    return HandedIn(
        ticket=ticket,
        author=letter.author,
        base=letter.base,
        files=tuple(sorted(letter.changes)),
        hypothesis=letter.hypothesis,
        predicted_effect=predicted,
        awaited=awaited,
    )


def wait(
    root: Path,
    what: str,
    *,
    timeout_seconds: float | None = None,
    settings: RunSettings | None = None,
    watch: Watch = _silent,
    stop: Stop | None = None,
) -> Awaited:
    """Wait until an experiment (`x12`) or a change that was handed in (its ticket) has an outcome.

    Where nobody works on the study, what was handed in is measured here. timeout_seconds: `None` waits as
    long as it takes; after that, the answer says how far it is. Raises `StudyError` for what is not known.
    """
    stop, settings = stop or Stop(), settings or RunSettings()
    root = find_root(root)
    return _wait(root, what, timeout_seconds, settings=settings, watch=watch, stop=stop)


def come_of(root: Path, what: str, *, patience_seconds: float = 0.0) -> Awaited:
    """What has come so far of an experiment, or of a ticket; measures nothing.

    patience_seconds: wait so long for an outcome. Raises `StudyError` for what is not known.
    """
    root, deadline = find_root(root), time.monotonic() + patience_seconds
    with _Follower(root) as follower:
        awaited = follower.look(what)
        while not awaited.is_done and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            awaited = follower.look(what)
    if not awaited.is_done:
        return awaited
    with read_study(root) as study:
        return _complete(study, awaited)


# --- what is handed in ---------------------------------------------------------------------------


def _letter(
    study: Study, change: Change, base: Base, hypothesis: str, effect: float | None, author: str
) -> Letter:
    """The change as a letter. Raises `Refused` where the engine would only fail with it."""
    parent = _base(study, base)
    files = _program(study, parent)
    changes = _changes(study, change, parent, files)
    _refuse_useless(study, parent, files, changes)
    return Letter(
        author=author.strip(),
        hypothesis=hypothesis.strip(),
        base=parent.id,
        predicted_effect=None if effect is None else study.task.metric.score(effect),
        changes=changes,
    )


def _base(study: Study, base: Base) -> Experiment:
    if base == "best":
        return study.program(None)
    found = study.program(study.history.epoch.baseline if base is None else base)
    if found.epoch != study.history.epoch.epoch:
        raise Refused(
            f"x{found.id} belongs to an earlier epoch, whose trials are not compared with those of now; "
            "choose one of `move37 list`"
        )
    return found


def _program(study: Study, experiment: Experiment) -> Mapping[str, bytes]:
    """Its editable files."""
    from move37.tasks.files import may_edit

    code, editable, commit = study.store.code, may_edit(study.task), experiment.commit
    assert commit is not None
    return {path: code.read(commit, path) for path in code.paths(commit) if editable(path)}


def _changes(
    study: Study, change: Change, parent: Experiment, files: Mapping[str, bytes]
) -> Mapping[str, bytes | None]:
    """What differs from the base, file by file."""
    if change.patch is not None:
        return _patched(study, change.patch, parent)
    if change.directory is not None:
        changes = _in_directory(study, change.directory, parent, files)
    else:
        changes = change.files or {}
    return {path: data for path, data in changes.items() if files.get(path) != data}


def _patched(study: Study, patch: bytes, parent: Experiment) -> Mapping[str, bytes | None]:
    try:
        return _apply(study, patch, parent)
    except Refused as refused:
        best = study.champion
        if best is None or best == parent.id:
            raise
        try:
            _apply(study, patch, study.history[best])
        except Refused:
            raise refused from None
        raise Refused(
            f"the patch does not fit x{parent.id}, but it fits the champion; add `--base best`"
        ) from None


def _apply(study: Study, patch: bytes, parent: Experiment) -> Mapping[str, bytes | None]:
    from move37.store.hunks import apply_patch
    from move37.tasks.files import may_edit

    code, editable, commit = study.store.code, may_edit(study.task), parent.commit
    assert commit is not None
    known = frozenset(code.paths(commit))
    return apply_patch(
        patch,
        lambda path: code.read(commit, path) if path in known else None,
        lambda path: path in known or editable(path),
        inside=_inside(study.root),
    )


def _inside(root: Path) -> str:
    """Where the task lies in the user's repository, such as `tasks/one/`: `git diff` writes it."""
    from move37.store.snapshot import git_command, run_git

    if git_command() is None:
        return ""
    found = run_git(root, "rev-parse", "--show-prefix")
    return "" if found.returncode else os.fsdecode(found.stdout.rstrip(b"\n"))


def _in_directory(
    study: Study, directory: Path, parent: Experiment, files: Mapping[str, bytes]
) -> Mapping[str, bytes | None]:
    """The program in a directory: what it lacks is deleted, what may not be changed has to be as it is."""
    from move37.store.snapshot import list_files
    from move37.tasks.files import disk_reader, may_edit

    if not directory.is_dir():
        raise Refused(f"{directory} is not a directory; name one that holds the whole program")
    editable, read = may_edit(study.task), disk_reader(directory)
    paths = [path for path in list_files(directory) if not (directory / path).is_symlink()]
    found = {path: read(path) for path in paths if editable(path)}
    if not found.keys() & files.keys():
        raise Refused(
            f"{directory} has none of the files that may be edited, such as {min(files)!r}; "
            "name a directory that holds the whole program"
        )
    code, commit = study.store.code, parent.commit
    assert commit is not None
    fixed = frozenset(code.paths(commit)) - files.keys()
    for path in paths:
        if path in fixed and read(path) != code.read(commit, path):
            raise Refused(f"{directory} changes {path!r}, which [files] edit does not name")
    return {**dict.fromkeys(files.keys() - found.keys()), **found}


def _refuse_useless(
    study: Study,
    parent: Experiment,
    files: Mapping[str, bytes],
    changes: Mapping[str, bytes | None],
) -> None:
    """Raise `Refused` for a change of which nothing can come, before anybody waits for it."""
    from move37.proposers.source.normalise import Normaliser
    from move37.tasks.files import may_edit
    from move37.worker import changed

    if not changes:
        raise Refused(f"the change leaves x{parent.id} as it is: there is nothing to measure")
    editable = may_edit(study.task)
    if outside := [path for path in changes if not editable(path)]:
        allowed = ", ".join(study.task.files.edit)
        raise Refused(
            f"the change touches {outside[0]!r}, and [files] edit allows {allowed} only; "
            "leave the evaluation as it is"
        )
    missing = [path for path, data in changes.items() if data is None and path not in files]
    if missing:
        raise Refused(f"the change deletes {missing[0]!r}, which x{parent.id} does not have")
    made = changed(files, changes)
    if not made:
        raise Refused("the change deletes the whole program")
    twin = study.history.same_program(Normaliser().identity(made))
    if twin is not None:
        raise Refused(
            f"it is the same program as x{twin}, but for comments and layout; "
            f"`move37 show x{twin}` tells what came of it"
        )


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


# --- waiting for what comes of it ----------------------------------------------------------------


def _wait(
    root: Path,
    what: str,
    timeout_seconds: float | None,
    *,
    settings: RunSettings,
    watch: Watch,
    stop: Stop,
) -> Awaited:
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    with _Follower(root) as follower:
        while True:
            awaited = follower.look(what)
            if awaited.is_done or stop.soft:
                break
            if deadline is not None and time.monotonic() >= deadline:
                break
            if _is_working(root) or not _may_measure(root):
                time.sleep(_LOOK_SECONDS)
                continue
            if awaited.ticket is None:
                raise StudyError(
                    f"x{awaited.experiment} has no outcome yet, and nobody works on the study; "
                    "`move37 run` goes on with it"
                )
            _measure(root, settings, watch, stop, deadline)
    with read_study(root) as study:
        return _complete(study, awaited)


def _measure(
    root: Path, settings: RunSettings, watch: Watch, stop: Stop, deadline: float | None
) -> None:
    """Be the engine for what was handed in, and then for what came meanwhile."""
    timer = None
    try:
        engine = Engine(root, _as_before(root, settings), watch=watch, stop=stop, begin=False)
    except StudyLocked:
        return  # somebody was quicker, and measures it
    with engine:
        if deadline is not None:
            timer = Timer(max(0.0, deadline - time.monotonic()), stop.request)
            timer.daemon = True
            timer.start()
        try:
            halt = engine.answer()
            if halt == "exhausted":
                halt = engine.answer()
        finally:
            if timer is not None:
                timer.cancel()
        outcome = engine.study.history.baseline.outcome
        if halt == "baseline" and isinstance(outcome, Failed):
            engine.end("the task itself could not be measured")
            raise StudyError(f"the task itself could not be measured: {outcome.reason}")
        engine.end("what was handed in is measured" if halt == "exhausted" else "stopped")


def _as_before(root: Path, settings: RunSettings) -> RunSettings:
    """With the budget of the latest session, which is what the study's status shows."""
    with read_study(root) as study:
        session = study.history.session
    if session is None:
        return settings
    budget = session.budget
    return replace(settings, experiments=budget.experiments, hours=budget.hours, usd=budget.usd)


def _refuse_changed_task(root: Path, settings: RunSettings) -> None:
    """Raise `StudyError` when the task is not what the study measured any more."""
    try:
        write_study(root, adjust=settings.applied, begin=False).store.close()
    except StudyLocked:
        return  # an engine has begun to work on it, and knows


def _begin_if_new(root: Path, settings: RunSettings) -> None:
    """Begin a study where there is none yet; whoever else is about to do so is waited for."""
    while not _has_begun(root):
        try:
            write_study(root, seed=settings.seed, adjust=settings.applied).store.close()
        except StudyLocked:
            time.sleep(_LOOK_SECONDS)


def _has_begun(root: Path) -> bool:
    from move37.store.sqlite import SqliteStore

    try:
        store = SqliteStore.open(root / STUDY, write=False)
    except (
        StudyError
    ):  # none, or one that is being made; if it is damaged, opening it to write says so
        return False
    try:
        return any(isinstance(row.fact, EpochStarted) for row in store.rows())
    finally:
        store.close()


def _may_measure(root: Path) -> bool:
    """Whether the study is ours to work on; another user can only hand in."""
    return os.access(root / STUDY, os.W_OK)


def _is_working(root: Path) -> bool:
    from move37.store.lock import owner

    return owner(root / STUDY / "lock") is not None


class _Follower:
    """Reads what is new in a study, now and then: never all of it again."""

    def __init__(self, root: Path) -> None:
        from move37.store.sqlite import SqliteStore

        if not (root / STUDY / "study.db").exists():
            raise StudyError(f"there is no study in {root}; start one with `move37 run`")
        self._store = SqliteStore.open(root / STUDY, write=False)
        self._spool = spool_of(root)
        self._history = History()
        self._last = 0

    def __enter__(self) -> "_Follower":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def look(self, what: str) -> Awaited:
        # The letter box first: what has left it by then is in the facts.
        in_box = what in self._spool.tickets()
        for row in self._store.rows(after=self._last):
            self._history.add(row)
            self._last = row.seq
        return _look(self._history, self._spool, what, in_box=in_box)


def _look(history: History, spool: Spool, what: str, *, in_box: bool) -> Awaited:
    """How far it is, without the detail."""
    ticket = what if is_ticket(what) else None
    if ticket is None:
        one = history[_number(what)]
        return _standing(history, one)
    if (opened := history.opened_for(ticket)) is not None:
        return _standing(history, history[opened])
    if (reason := spool.refusal(ticket)) is not None:
        return Awaited(ticket=ticket, experiment=None, state="refused", reason=reason)
    if ticket not in history.submitted and not in_box and not spool.is_closed_to_us:
        raise StudyError(
            f"there is no ticket {ticket!r} in this study; `move37 propose` prints them"
        )
    return Awaited(ticket=ticket, experiment=None, state="waiting", reason="it waits for its turn")


def _number(what: str) -> int:
    digits = what.removeprefix("x")
    if not (digits.isascii() and digits.isdigit()):
        raise StudyError(f"{what!r} is neither an experiment, such as `x12`, nor a ticket")
    return int(digits)


def _standing(history: History, one: Experiment) -> Awaited:
    match one.outcome:
        case None:
            if one.epoch != history.epoch.epoch:
                raise StudyError(
                    f"x{one.id} was left unfinished when the task changed; nobody will measure it"
                )
            state, reason = "running", "it is being measured, or about to be"
        case Measured():
            state, reason = "measured", ""
        case Screened(reason=told):
            state, reason = "screened", told
        case Failed(reason=told):
            state, reason = "failed", told
    return Awaited(ticket=one.ticket, experiment=one.id, state=state, reason=reason)


def _complete(study: Study, awaited: Awaited) -> Awaited:
    if awaited.experiment is None or not awaited.is_done:
        return awaited
    detail = detail_of(study, awaited.experiment)
    return replace(awaited, reason=awaited.reason or detail.reason, detail=detail)
