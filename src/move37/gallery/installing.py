"""Copies a gallery task into a directory of the user's, and prepares its data there."""

import subprocess
import sys
from collections.abc import Collection
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from move37.core.errors import Move37Error

MARK = "prepare.py"
"""Copied first, and no candidate may change it: a directory that holds ours is ours."""

LEFT_BEHIND = frozenset({"__pycache__", "data", "holdout", "out"})
"""What running a task leaves in its directory. Not part of it."""


def install_task(name: str, directory: Path, *, common: Collection[str] = ()) -> None:
    """Put the task's files and data into `directory`. See `move37.gallery.install`."""
    task = task_files(files("move37.gallery") / name / "task")
    shared = task_files(files("move37.gallery") / "common" / "task")
    task |= {path: shared[path] for path in common}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        refuse_what_is_not_ours(name, directory, task[MARK])
        for path in sorted(task, key=lambda path: (path != MARK, path)):
            target = directory / path
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(task[path])
    except OSError as error:
        raise Move37Error(
            f"{directory}: cannot put the task there ({error.strerror}); name another directory"
        ) from error
    prepare(name, directory)


def task_files(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    """Return all files of a task, by their path in it."""
    found: dict[str, bytes] = {}
    for item in folder.iterdir():
        if item.is_file():
            found[prefix + item.name] = item.read_bytes()
        elif item.name not in LEFT_BEHIND:
            found |= task_files(item, f"{prefix}{item.name}/")
    return found


def refuse_what_is_not_ours(name: str, directory: Path, mark: bytes) -> None:
    """Raise unless the directory is empty or holds this very task, perhaps half installed."""
    if not any(directory.iterdir()):
        return
    present = directory / MARK
    if not present.is_file() or present.read_bytes() != mark:
        raise Move37Error(
            f"{directory}: not empty, and not the {name!r} task of this version of move37; "
            "name a new or an empty directory"
        )


def prepare(name: str, directory: Path) -> None:
    """Build the task's data, with the interpreter that runs us."""
    done = subprocess.run(
        [sys.executable, MARK], cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise Move37Error(f"{directory}: the data of {name!r} could not be prepared: {last}")
