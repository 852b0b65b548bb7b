"""A change as somebody hands it in, read into a letter; refused where nothing can come of it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from move37.app.library import library_of
from move37.app.study import Study
from move37.core.errors import Refused
from move37.core.history import Experiment
from move37.core.regions import why_outside
from move37.store.letter import Letter

Base = int | Literal["best"] | None
"""The program that a change is made to: an experiment, the champion, or the baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A change as somebody hands it in: a patch, a directory with the whole program, or single files."""

    patch: bytes | None = None
    directory: Path | None = None
    files: Mapping[str, bytes | None] | None = None
    """New content by path; `None` deletes a file."""


def letter_of(
    study: Study,
    change: Change,
    base: Base,
    hypothesis: str,
    effect: float | None,
    author: str | None,
) -> Letter:
    """What was handed in, as a letter. Raises `Refused` where the engine would only fail with it.

    effect: of the metric, in its own unit. author: the user when nobody is named.
    """
    parent = _base(study, base)
    files = library_of(study).program(parent.id)
    changes = _changes(study, change, parent, files)
    _refuse_useless(study, parent, files, changes)
    return Letter(
        author=(author or user_name()).strip(),
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
    marks = study.task.files.between
    if marks and (beyond := why_outside(files, changes, marks)) is not None:
        raise Refused(beyond)
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


def user_name() -> str:
    """Who runs this, as the system knows them."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
