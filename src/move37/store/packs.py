"""The housekeeping of the code store's git repository: made, swept, packed, and made durable.

Only ever run by the study's one writer. Nothing is deleted before its replacement is on disk.
"""

import os
import shutil
import zlib
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from move37.core.errors import StudyError

if TYPE_CHECKING:
    import pygit2

_UNFINISHED = "pack.new"
"""Where a pack is written before git may see it."""
_MERGE_AT = 20
"""So many small packs become one."""
_LARGE = 25_000
"""Packs of this many objects, about 10,000 experiments, are left alone: no stall grows with the study."""


def create(path: Path) -> None:
    """Make an empty bare repository, whole or not at all."""
    import pygit2

    unfinished = path.with_name(path.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    repo = pygit2.init_repository(os.fspath(unfinished), bare=True)
    repo.config["core.bigFileThreshold"] = "8m"  # no deltas are sought for what is larger
    for directory in ("hooks", "info"):
        shutil.rmtree(unfinished / directory, ignore_errors=True)
    unfinished.rename(path)


def open_repository(path: Path) -> "pygit2.Repository":
    """Open it, whoever owns it: it holds no hook and no filter that could be run."""
    import pygit2

    checks = pygit2.settings.owner_validation
    pygit2.settings.owner_validation = False
    try:
        return pygit2.Repository(os.fspath(path))
    except pygit2.GitError as error:
        raise StudyError(
            f"{path} is missing or damaged ({error}); put back a copy of the study"
        ) from error
    finally:
        pygit2.settings.owner_validation = checks


def sweep(path: Path) -> int:
    """Remove what a killed writer may have left half done; return how many loose objects there are.

    An object without content is what a power cut leaves of one that was not yet made durable. Git
    would take it for present for ever; gone, it can be stored again.
    """
    for lock in [*path.glob("*.lock"), *path.glob("refs/x/*.lock")]:
        lock.unlink(missing_ok=True)
    shutil.rmtree(path / _UNFINISHED, ignore_errors=True)
    count = 0
    for object_ in _loose_files(path):
        if len(object_.name) != 38 or object_.stat().st_size == 0:
            object_.unlink(missing_ok=True)
        else:
            count += 1
    return count


def pack(repo: "pygit2.Repository", path: Path) -> None:
    """Put all loose objects into a pack, and small packs into one."""
    files = {file.parent.name + file.name: file for file in _loose_files(path)}
    sound = [id for id in files if _is_sound(path, id)]
    if sound:
        packed = _objects(_write_pack(repo, path, sound))
        assert packed.issuperset(sound), "a pack must hold all that was put into it"
        for id in sound:
            files[id].unlink()
    small = [index for index in path.glob("objects/pack/*.idx") if len(_objects(index)) < _LARGE]
    if len(small) >= _MERGE_AT:
        _merge(repo, path, small)


def loose_path(path: Path, id: str) -> Path:
    return path / "objects" / id[:2] / id[2:]


def read_loose(path: Path, id: str) -> tuple[int, bytes] | None:
    """Kind and content of a loose object; `None` when there is no such file.

    Read without libgit2, which never returns from a cut-off one. Raises `LookupError` when damaged.
    """
    try:
        packed = loose_path(path, id).read_bytes()
    except FileNotFoundError:
        return None
    try:
        whole = zlib.decompress(packed)
    except zlib.error as error:
        raise LookupError(f"its file is damaged: {error}") from error
    if sha1(whole, usedforsecurity=False).hexdigest() != id:
        raise LookupError("its file holds something else")
    header, _, data = whole.partition(b"\0")
    return _KINDS[header.split(b" ")[0]], data


_KINDS = {b"commit": 1, b"tree": 2, b"blob": 3, b"tag": 4}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _merge(repo: "pygit2.Repository", path: Path, small: list[Path]) -> None:
    wanted = set[str]().union(*(_objects(index) for index in small))
    merged = _write_pack(repo, path, sorted(wanted))
    assert _objects(merged).issuperset(wanted), "a pack must hold all that was put into it"
    for index in small:
        if index != merged:
            index.unlink()
            index.with_suffix(".pack").unlink()


def _write_pack(repo: "pygit2.Repository", path: Path, ids: list[str]) -> Path:
    """Write a durable pack and return its index, which is what makes git see it."""
    import pygit2

    directory, unfinished = path / "objects" / "pack", path / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    builder = pygit2.PackBuilder(repo)
    for id in ids:
        builder.add(pygit2.Oid(hex=id))
    builder.write(os.fspath(unfinished))
    (index,) = unfinished.glob("*.idx")
    for file in (index.with_suffix(".pack"), index):
        _sync(file)
        file.rename(directory / file.name)
    _sync(directory)
    unfinished.rmdir()
    return directory / index.name


def _objects(index: Path) -> set[str]:
    """The ids in a pack's index, read without git: gitformat-pack(5), version 2."""
    data = index.read_bytes()
    if data[:8] != b"\xfftOc\0\0\0\x02":
        raise StudyError(f"{index} is damaged; put back a copy of the study")
    count = int.from_bytes(data[1028:1032], "big")
    return {data[at : at + 20].hex() for at in range(1032, 1032 + 20 * count, 20)}


def _is_sound(path: Path, id: str) -> bool:
    try:
        return read_loose(path, id) is not None
    except LookupError:
        return False  # left where it is, for the audit to name


def _loose_files(path: Path) -> list[Path]:
    return [
        Path(file.path)
        for folder in os.scandir(path / "objects")
        if len(folder.name) == 2
        for file in os.scandir(folder.path)
    ]
