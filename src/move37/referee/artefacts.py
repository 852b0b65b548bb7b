"""What `run` leaves in `$MOVE37_OUT` is data: plain files and directories, and nothing else.

A link could lead the judge to a file that it did not mean to read, a pipe could hold it up, a device
or a socket has no content. They are refused rather than removed: a program that left a link for an
honest reason is told so, instead of being judged without it.
"""

import os
import stat
from pathlib import Path

DEEPEST = 64
"""Directories below this depth are no data either: nobody walks them without end."""
_SHOWN = 60
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


def why_no_data(out: Path) -> str | None:
    """What was left there that is no data, to be said after "`run` left "; `None` when all is.

    Nothing is followed, opened for reading, or walked deeper than `DEEPEST`. Whatever writes there
    must be dead.
    """
    try:
        descriptor = _open(str(out), None)
        try:
            return _refused(descriptor, "", 0)
        finally:
            os.close(descriptor)
    except OSError as error:
        return (
            f"an out directory that cannot be looked through ({error.strerror}): leave plain files"
        )


def _refused(here: int, path: str, depth: int) -> str | None:
    if depth > DEEPEST:
        return f"directories more than {DEEPEST} deep in $MOVE37_OUT: leave fewer"
    folders: list[str] = []
    strange: dict[str, str] = {}
    with os.scandir(here) as entries:
        for entry in entries:
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                folders.append(entry.name)
            elif not stat.S_ISREG(mode):
                strange[entry.name] = _KINDS.get(stat.S_IFMT(mode), "something unknown")
    if strange:
        name = min(strange)  # the same one each time
        return f"{strange[name]} in $MOVE37_OUT, {_shown(path + name)}: leave plain files there"
    for folder in sorted(folders):
        inner = _open(folder, here)
        try:
            if (refused := _refused(inner, f"{path}{folder}/", depth + 1)) is not None:
                return refused
        finally:
            os.close(inner)
    return None


def _open(name: str, within: int | None) -> int:
    """A directory of ours, whatever its mode."""
    try:
        return os.open(name, _DIRECTORY, dir_fd=within)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=within)
        return os.open(name, _DIRECTORY, dir_fd=within)


def _shown(name: str) -> str:
    shown = repr(os.fsencode(name).decode(errors="replace"))
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 4]}...'"
