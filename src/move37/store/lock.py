"""One writer for each study. Readers need no lock.

The lock is the kernel's (`flock`), so that it is gone with its owner, however that one died. What is
written in the file only serves to name the owner to a person.
"""

import fcntl
import os
import time
import weakref
from pathlib import Path

from move37.core.errors import StudyLocked, Unwritable

_PATIENCE_SECONDS = 2.0
"""A child forked the moment before its parent died lets go within this time."""


class WriterLock:
    """The right to write to a study, until `release` or the end of this process.

    Programs started from here do not inherit it (close-on-exec). Forked children share the open file,
    and with it the lock, so they close it first thing.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor
        _close_in_forked_children(self)

    @classmethod
    def take(cls, path: Path) -> "WriterLock":
        """Take the lock at `path`, whose directory exists.

        Raises:
            StudyLocked: a living process has it.
            Unwritable: the file cannot be made.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unwritable(
                f"{path.parent} cannot be written ({error.strerror}); "
                "check its owner and permissions, then run the same command again"
            ) from error
        try:
            _wait_for(descriptor, path)
            _sign(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    def release(self) -> None:
        """Let go. Calling it twice is the same as calling it once."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            self.close_only()

    def close_only(self) -> None:
        """Close this process's handle. A forked child does so without taking it from its parent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _close_in_forked_children(lock: WriterLock) -> None:
    reference = weakref.ref(lock)

    def close() -> None:
        inherited = reference()
        if inherited is not None:
            inherited.close_only()

    os.register_at_fork(after_in_child=close)


def _wait_for(descriptor: int, path: Path) -> None:
    """Take the kernel's lock; wait only when the owner seems to be gone already."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            signed = owner(path)
            if signed is not None or time.monotonic() > deadline:
                raise StudyLocked(_refusal(path, signed)) from None
            time.sleep(0.02)
        except OSError as error:
            raise Unwritable(
                f"{path} cannot be locked ({error.strerror}); "
                "keep the study on a disk that supports file locks"
            ) from error
        else:
            return


def _sign(descriptor: int, path: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {_started(os.getpid())}\n".encode(), 0)
    except OSError as error:
        raise Unwritable(
            f"{path} cannot be written ({error.strerror}); "
            "free some space, then run the same command again"
        ) from error


def _refusal(path: Path, pid: int | None) -> str:
    if pid is None:
        return f"another process is writing to {path.parent}; wait for it to end, then try again"
    return (
        f"process {pid} is writing to {path.parent}; wait for it to end, or stop it with "
        f"`kill -INT {pid}`, then try again"
    )


def owner(path: Path) -> int | None:
    """The living process that signed the lock, if it can be told."""
    try:
        signed, started = path.read_text().split()
        pid = int(signed)
    except (OSError, ValueError):
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return pid  # alive, and somebody else's
    return pid if _started(pid) == started else None


def _started(pid: int) -> str:
    """When a process started, in the kernel's own count: tells it from a later one of the same pid."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return "-"  # no /proc here
    return stat.rpartition(b")")[2].split()[19].decode()
