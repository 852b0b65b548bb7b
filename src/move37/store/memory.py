"""A study that is forgotten when the process ends: for tests and benchmarks, and for whoever writes one."""

import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha1
from pathlib import Path

from move37.core.errors import StudyError
from move37.core.facts import Fact, Row
from move37.store import codec
from move37.store.patch import File, patch, plain_hunks
from move37.store.paths import FILE, LINK, PROGRAM, decode, encode, in_the_way, split


class MemoryCode:
    """`move37.core.protocols.Code` in a dictionary."""

    def __init__(self) -> None:
        self._programs: dict[str, dict[str, File]] = {}
        self.kept: dict[int, str] = {}
        """Commits by experiment."""

    def snapshot(self, root: Path, paths: Iterable[str]) -> str:
        files: dict[str, File] = {}
        for path in paths:
            _put(files, path, _import(root, path))
        return self._store((), files, "the task as it is")

    def commit(
        self, parents: Sequence[str], changes: Mapping[str, bytes | None], message: str
    ) -> str:
        files = dict(self._files(parents[0]))
        for parent in parents:
            self._files(parent)
        for path in changes:
            split(path)
        for path, content in changes.items():
            if content is None:
                files.pop(path, None)
        for path, content in changes.items():
            if content is not None:
                old = files.get(path)
                mode = PROGRAM if old is not None and old.mode == PROGRAM else FILE
                _put(files, path, File(mode, content))
        return self._store(parents, files, message)

    def keep(self, experiment: int, commit: str) -> None:
        self._files(commit)
        self.kept[experiment] = commit

    def paths(self, commit: str) -> Sequence[str]:
        return sorted(self._files(commit))

    def read(self, commit: str, path: str) -> bytes:
        file = self._files(commit).get(path)
        if file is None:
            raise StudyError(f"program {commit[:12]} has no file {path!r}")
        return file.content

    def mode(self, commit: str, path: str) -> int | None:
        """Git's mode of a file; `None` when there is none."""
        file = self._files(commit).get(path)
        return None if file is None else file.mode

    def write(self, commit: str, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        for path, file in self._files(commit).items():
            target = directory / path
            for folder in reversed(target.relative_to(directory).parents[:-1]):
                (directory / folder).mkdir(exist_ok=True)
                (directory / folder).chmod(0o755)
            if file.mode == LINK:
                target.symlink_to(os.fsdecode(file.content))
            else:
                target.write_bytes(file.content)
                target.chmod(file.mode & 0o777)

    def changed(self, old: str, new: str) -> dict[str, bytes | None]:
        """New content of every file that differs, by path, sorted; `None` for one that is gone."""
        return {
            path: None if after is None else after.content
            for path, _, after in self._differences(old, new)
        }

    def diff(self, old: str, new: str) -> str:
        return "".join(
            patch(path, before, after, plain_hunks)
            for path, before, after in self._differences(old, new)
        )

    def _differences(self, old: str, new: str) -> Iterator[tuple[str, File | None, File | None]]:
        before, after = self._files(old), self._files(new)
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path):
                yield path, before.get(path), after.get(path)

    def _files(self, commit: str) -> Mapping[str, File]:
        if commit not in self._programs:
            raise StudyError(f"the code store does not hold program {commit}")
        return self._programs[commit]

    def _store(self, parents: Sequence[str], files: dict[str, File], message: str) -> str:
        digest = sha1(usedforsecurity=False)
        for part in (*parents, message):
            digest.update(part.encode("utf-8", "replace") + b"\0")
        for path, file in sorted(files.items()):
            content = sha1(file.content, usedforsecurity=False).digest()
            digest.update(b"%o %s\0%s" % (file.mode, encode(path), content))
        self._programs[digest.hexdigest()] = files
        return digest.hexdigest()


class MemoryStore:
    """`move37.core.protocols.Store` in a list."""

    def __init__(self) -> None:
        self._code = MemoryCode()
        self._rows: list[Row] = []
        self._attachments: dict[str, bytes] = {}

    @property
    def code(self) -> MemoryCode:
        return self._code

    def append(self, fact: Fact, attachments: Mapping[str, bytes], *, synced: bool = True) -> Row:
        del synced  # Memory has no disk to wait for.
        codec.encode(fact)  # refuses what a study on disk would refuse
        for key in attachments:
            if key in self._attachments:
                raise StudyError(
                    f"attachment {key!r} is there already; attachments are written once"
                )
        row = Row(len(self._rows) + 1, time.time(), fact)
        self._rows.append(row)
        self._attachments.update(attachments)
        return row

    def rows(self, after: int = 0) -> Iterator[Row]:
        """All facts in order, as of the moment of the call; those past row `after` only."""
        return iter(self._rows[after:])

    def attachment(self, key: str) -> bytes | None:
        return self._attachments.get(key)

    def attachment_keys(self, prefix: str = "") -> list[str]:
        """Keys of all attachments that begin with `prefix`, sorted."""
        return sorted(key for key in self._attachments if key.startswith(prefix))

    def audit(self) -> list[str]:
        """Problems with what is stored: memory has none."""
        return []

    def close(self) -> None:
        pass


def _put(files: dict[str, File], path: str, file: File) -> None:
    parts = split(path)
    folders = (decode(b"/".join(parts[:depth])) for depth in range(1, len(parts)))
    if any(folder in files for folder in folders) or any(
        other.startswith(path + "/") for other in files
    ):
        raise in_the_way(path)
    files[path] = file


def _import(root: Path, path: str) -> File:
    source = root / path
    try:
        status = source.lstat()
        if stat.S_ISLNK(status.st_mode):
            return File(LINK, os.fsencode(source.readlink()))
        if not stat.S_ISREG(status.st_mode):
            raise StudyError(f"{source} is neither a file nor a link to one")
        return File(PROGRAM if status.st_mode & 0o100 else FILE, source.read_bytes())
    except OSError as error:
        raise StudyError(f"{source} cannot be read ({error.strerror})") from error
