"""A directory appears whole or not at all, and only where there was none, or one that we made."""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from move37.core.errors import HomeError, Unwritable

MARK = "export.json"
"""Lies in every export, and says what it is. A directory without it is not ours to replace."""


@contextmanager
def whole_directory(path: Path, *, replace: bool) -> Generator[Path]:
    """A directory to fill, which is at `path` when the block ends well, and gone when it does not.

    A process that is killed meanwhile leaves `path` as it was; what it had made lies beside it under a hidden name, and the
    next export to the same place removes it.

    Raises `HomeError` where there is something already: without `replace` anything, else anything but an earlier
    export. Raises `Unwritable` when the disk says no.
    """
    path = path.resolve()
    _see_that_it_is_free(path, replace=replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        made = Path(mkdtemp(prefix=_prefix(path), dir=path.parent))
        lock = os.open(made, os.O_RDONLY)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield made
        made.chmod(0o777 & ~_umask())  # as any other new directory
        _see_that_it_is_free(path, replace=replace)
        _swap(made, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _see_that_it_is_free(path: Path, *, replace: bool) -> None:
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / MARK).is_file():
        raise HomeError(f"{path} exists, and is no export of ours; name another place with `-o`")
    if not replace:
        raise HomeError(
            f"{path} holds an earlier export; replace it with `--force`, or name another place with `-o`"
        )


def _swap(made: Path, path: Path) -> None:
    """Put the new directory in the place of the old one."""
    if not path.is_dir():
        made.rename(path)
        return
    old = Path(mkdtemp(prefix=_prefix(path), dir=path.parent))
    path.rename(old)  # onto an empty directory, which it replaces
    made.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _prefix(path: Path) -> str:
    return f".{path.name}.unfinished-"


def _sweep(path: Path) -> None:
    """Remove what writers left that were killed: nobody holds the lock of it any more."""
    for left in path.parent.glob(f"{_escaped(_prefix(path))}*"):
        with suppress(OSError):
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)


def _escaped(text: str) -> str:
    from glob import escape

    return escape(text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> Unwritable:
    return Unwritable(f"cannot write {path}: {error.strerror or error}")
