"""Directories that a hostile program has written in: made, handed over, measured, read, removed.

Nothing here follows a symbolic link, waits on a named pipe, or recurses as deep as the program likes.
Everything is done through directory descriptors, so no path is too long.
"""

import contextlib
import os
import stat
from collections.abc import Collection, Generator, Sequence
from itertools import count, islice
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Final, Literal

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST: Final = 200
"""Directories below this depth are not measured: having them at all counts as too much."""
_ENTRY_BYTES: Final = 4096
"""What a file costs besides its content, so that millions of empty ones are not free."""
_TOO_DEEP: Final = 1 << 60
_BATCH: Final = 10_000


def fresh(directory: Path) -> Path:
    """An empty directory that only we can enter; whatever was there before is removed."""
    try:
        within = _enter(str(directory), None)
    except OSError:  # nothing there, or no directory
        remove(directory)
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700)
        return directory
    try:  # Emptied and not replaced: some disks take milliseconds to remove a directory.
        _empty(within)
        for name in os.listxattr(within):
            os.removexattr(within, name)
        os.fchown(within, os.geteuid(), os.getegid())
        os.fchmod(within, 0o700)
    finally:
        os.close(within)
    return directory


def remove(directory: Path) -> None:
    """Remove it and all that is in it, whatever a program left there. Nothing there is fine too.

    Any depth, any modes, any kind of file; needs to own what it removes, or to be root.
    """
    try:
        kind = directory.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(kind.st_mode):
        directory.unlink()
        return
    top = _enter(str(directory), None)
    try:
        _empty(top)
    finally:
        os.close(top)
    directory.rmdir()


def read_file(directory: Path, name: str, *, limit: int) -> bytes | None:
    """An ordinary file that a program left in a directory of ours, by its relative path.

    limit: bytes. `None` when there is no such file, when it is bigger, or when it or a directory
    on the way to it is a symbolic link, a pipe or a device.
    """
    *folders, last = relative(name).parts
    with contextlib.ExitStack() as stack:

        def opened(part: str | Path, flags: int, within: int | None) -> int:
            descriptor = os.open(part, flags, dir_fd=within)
            stack.callback(os.close, descriptor)
            return descriptor

        try:
            within = opened(directory, _DIRECTORY, None)
            for folder in folders:
                within = opened(folder, _DIRECTORY, within)
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = opened(last, flags, within)
        except OSError:
            return None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    return data if len(data) <= limit else None


Entry = tuple[Literal["file", "link", "other"], int, int]
"""What something is, its size in bytes, and when it was last changed, in nanoseconds."""


def entries(directory: Path, *, limit: int = 100_000) -> dict[str, Entry]:
    """All that is below a directory, but for directories, by relative path; at most so much.

    A program may be at work there. What it takes away under our eyes is left out.
    """
    found: dict[str, Entry] = {}
    walk = _walk(directory)
    with contextlib.suppress(OSError):
        for entry in islice((each for each in walk if not each.is_directory), limit):
            with contextlib.suppress(OSError):
                seen = os.stat(entry.name, dir_fd=entry.within, follow_symlinks=False)
                found[str(entry.path)] = (_kind(seen.st_mode), seen.st_size, seen.st_mtime_ns)
    walk.close()
    return found


def _kind(mode: int) -> Literal["file", "link", "other"]:
    if stat.S_ISREG(mode):
        return "file"
    return "link" if stat.S_ISLNK(mode) else "other"


def relative(path: str) -> PurePosixPath:
    """A path in the workspace, as written in a launch. Raises `ValueError` when it leads outside."""
    parsed = PurePosixPath(path)
    if parsed.is_absolute() or ".." in parsed.parts or not parsed.parts:
        raise ValueError(f"{path!r} is not a path inside the workspace")
    return parsed


def make_place(workspace: Path, target: PurePosixPath, *, directory: bool) -> None:
    """See to it that something can be mounted there; links and files in the way are removed."""
    place = workspace
    for part in target.parts[:-1]:
        place = place / part
        _make_directory(place)
    place = workspace / target
    if directory:
        _make_directory(place)
    elif place.is_symlink() or not place.is_file():
        remove(place)
        place.touch()


def _make_directory(place: Path) -> None:
    if place.is_symlink() or not place.is_dir():
        remove(place)
        place.mkdir()


def hand_over(directory: Path, *, uid: int, gid: int, keep: Collection[PurePosixPath]) -> None:
    """Give a tree to another user, but for what we keep. Only root can.

    keep: files, or directories with all that is in them. They become readable to the user, and
    cannot be changed, removed or replaced by it: they stay ours, and so does every directory above
    them (the topmost one always), with the sticky bit. The user can make new files in those.
    """
    above = {parent for path in keep for parent in path.parents}
    kept: list[Path] = []
    for entry in _walk(directory):
        if entry.path in keep or any(parent in keep for parent in entry.path.parents):
            kept.append(directory / entry.path)
        elif entry.path in above:
            os.chown(entry.name, os.geteuid(), gid, dir_fd=entry.within, follow_symlinks=False)
            if entry.is_directory:
                os.chmod(entry.name, 0o1770, dir_fd=entry.within)
        else:
            os.chown(entry.name, uid, gid, dir_fd=entry.within, follow_symlinks=False)
    for path in kept:  # last, so that a second hard link cannot give one away
        _keep(path, gid)
    os.chown(directory, os.geteuid(), gid)
    directory.chmod(0o1770)


def _keep(path: Path, gid: int) -> None:
    """Ours, to be read by the group."""
    os.chown(path, os.geteuid(), gid, follow_symlinks=False)
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and mode & 0o111):
        path.chmod(0o755)
    elif stat.S_ISREG(mode):
        path.chmod(0o644)


class _Entry:
    """One thing found in a tree: where it is, and how to reach it without following links."""

    __slots__ = ("is_directory", "name", "path", "within")

    def __init__(self, path: PurePosixPath, within: int, *, is_directory: bool) -> None:
        self.path = path
        self.name = path.name
        self.within = within
        self.is_directory = is_directory


def _walk(directory: Path) -> Generator[_Entry]:
    """Everything below a directory, each directory before what is in it; `_DEEPEST` levels."""
    top = _enter(str(directory), None)
    stack = [(PurePosixPath(), top, os.scandir(top))]
    try:
        while stack:
            path, within, entries = stack[-1]
            for found in entries:
                is_directory = found.is_dir(follow_symlinks=False)
                yield _Entry(path / found.name, within, is_directory=is_directory)
                if is_directory and len(stack) < _DEEPEST:
                    inner = _enter(found.name, within)
                    stack.append((path / found.name, inner, os.scandir(inner)))
                    break
            else:
                stack.pop()
                entries.close()
                os.close(within)
    finally:
        for _, within, entries in stack:
            entries.close()
            os.close(within)


def measure(directories: Sequence[Path]) -> Generator[int, None, None]:
    """Count the bytes on disk below some directories, a little at a time.

    Yields the sum so far, now and then, and the whole sum last. A program may be writing there
    meanwhile. What is hidden from us (a directory of mode 0) counts as one entry.
    """
    total = 0
    stack: list[_Level] = []
    try:
        for directory in directories:
            _push(stack, str(directory), None)
            while stack:
                level = stack[-1]
                if level.folders:
                    if len(stack) < _DEEPEST:
                        _push(stack, level.folders.pop(), level.descriptor)
                    else:
                        total += _TOO_DEEP
                        level.folders.clear()
                    continue
                some = list(islice(level.entries, 256))
                if not some:
                    stack.pop().close()
                for entry in some:
                    total += _size(entry)
                    if entry.is_dir(follow_symlinks=False):
                        level.folders.append(entry.name)
                yield total
        yield total
    finally:
        for level in stack:
            level.close()


class _Level:
    """A directory being measured: what is still to be looked at in it, and below it."""

    __slots__ = ("descriptor", "entries", "folders")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.entries = os.scandir(descriptor)
        self.folders: list[str] = []

    def close(self) -> None:
        self.entries.close()
        os.close(self.descriptor)


def _push(stack: list[_Level], name: str, within: int | None) -> None:
    with contextlib.suppress(OSError):
        stack.append(_Level(os.open(name, _DIRECTORY, dir_fd=within)))


def _size(entry: os.DirEntry[str]) -> int:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:  # gone meanwhile
        return 0
    return _ENTRY_BYTES + found.st_blocks * 512 // max(1, found.st_nlink)


def _empty(top: int) -> None:
    """Remove all that is in a directory.

    Directories in it are emptied into it: what they contain is moved up first, so that no depth
    and no length of path is too much, and two descriptors are enough.
    """
    unguessable = token_hex(8)
    numbers = count()
    while waiting := _remove_files(top):
        while waiting:
            name = waiting.pop()
            within = _enter(name, top)
            try:
                while folders := _remove_files(within):
                    for folder in folders:
                        new = f"{unguessable}-{next(numbers)}"
                        _move_up(folder, within, new, top)
                        waiting.append(new)
            finally:
                os.close(within)
            os.rmdir(name, dir_fd=top)


def _remove_files(within: int) -> list[str]:
    """Unlink all but the directories, and return the names of those (or of some of very many)."""
    while True:
        folders: list[str] = []
        unlinked = 0
        with os.scandir(within) as entries:
            for entry in islice(entries, _BATCH):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                else:
                    os.unlink(entry.name, dir_fd=within)
                    unlinked += 1
        if folders or not unlinked:
            return folders


def _move_up(folder: str, within: int, new: str, top: int) -> None:
    try:
        os.rename(folder, new, src_dir_fd=within, dst_dir_fd=top)
    except PermissionError:  # one needs to be able to write in what one moves
        os.chmod(folder, 0o700, dir_fd=within)
        os.rename(folder, new, src_dir_fd=within, dst_dir_fd=top)


def _enter(name: str, within: int | None) -> int:
    """Open a directory that we own, whatever its mode."""
    try:
        descriptor = os.open(name, _DIRECTORY, dir_fd=within)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=within)
        descriptor = os.open(name, _DIRECTORY, dir_fd=within)
    if os.fstat(descriptor).st_mode & 0o700 != 0o700:
        os.fchmod(descriptor, 0o700)
    return descriptor
