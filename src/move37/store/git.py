"""Programs in a bare git repository: no work tree, no index, no filters, about a millisecond a commit.

An object alone is not synced to disk (that would cost more than all else together): it is `unsettled`
until whoever keeps the facts has stored a copy with them, or until it is in a pack, which is synced.

Whoever writes holds the study's lock, so there is one writer; any number of processes read meanwhile.
"""

import os
import stat
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from move37.core.errors import StudyError, Unwritable
from move37.store import packs
from move37.store.folder import Entry, Folder, Tree
from move37.store.patch import File, git_hunks, patch
from move37.store.paths import FILE, FOLDER, LINK, PROGRAM, decode, encode, split

if TYPE_CHECKING:
    import pygit2

_AUTHOR = ("move37", "move37@localhost")
_EPOCH = 1457568000
"""10 March 2016, the day of the move. Fixed, so that the same call gives the same commit."""
_PACK_AT = 4000
"""Loose objects, a few to each experiment, before they are packed."""
_UNSETTLED_BYTES = 2 * 1024**2
"""More than this, such as the snapshot of a large task, is packed at once."""
_BIG_BYTES = 32 * 1024**2
"""Files from here on are streamed into the store."""

_COMMIT, _TREE, _BLOB = 1, 2, 3
"""libgit2's numbers."""

Object = tuple[int, bytes]
"""Kind and content."""


class GitCode:
    """`move37.core.protocols.Code` in the bare repository at `path`. Opened when first used."""

    def __init__(self, path: Path, write: bool) -> None:
        """write: make it when it is not there. The caller holds the study's lock."""
        self.path = path
        self._write = write
        self._opened: pygit2.Repository | None = None
        self._turn = threading.RLock()
        self._loose = 0
        self._unsettled: dict[str, Object] = {}
        self._unsettled_bytes = 0
        self._too_much = False
        self.packs_made = 0
        """Each has made everything stored before it safe."""
        self._tree = lru_cache(maxsize=512)(self._read_tree)
        self._root = lru_cache(maxsize=1024)(self._read_root)

    # --- writing ----------------------------------------------------------------------------------

    def snapshot(self, root: Path, paths: Iterable[str]) -> str:
        top = Folder(self._tree, self._put_tree)
        for path in paths:
            parts = split(path)
            top.put(parts, self._import(root, path), path)
        return self._commit((), top, "the task as it is")

    def commit(
        self, parents: Sequence[str], changes: Mapping[str, bytes | None], message: str
    ) -> str:
        """Store the first parent's files with these changes; what is deleted goes first.

        A changed file keeps its executable bit, a changed symbolic link becomes a file. Deleting what
        is not there changes nothing. Raises `StudyError` for a path that leaves the program.
        """
        top = Folder(self._tree, self._put_tree, self._tree(self._root(parents[0])))
        parts = {path: split(path) for path in changes}
        for path, content in changes.items():
            if content is None:
                top.drop(parts[path])
        for path, content in changes.items():
            if content is not None:
                top.put(parts[path], (None, self._put(_BLOB, content)), path)
        return self._commit(parents, top, message)

    def keep(self, experiment: int, commit: str) -> None:
        with self._turn, self._writing() as repo:
            repo.references.create(f"refs/x/{experiment}", commit, force=True)

    def unsettled(self) -> dict[str, Object]:
        """Objects, by id, that a power cut may still destroy: for the store to keep until a pack does."""
        with self._turn:
            return dict(self._unsettled)

    def settle(self, ids: Iterable[str]) -> None:
        """The store has these safe now."""
        with self._turn:
            for id in ids:
                self._unsettled.pop(id, None)
            self._unsettled_bytes = sum(len(data) for _, data in self._unsettled.values())

    def restore(self, objects: Iterable[tuple[str, int, bytes]]) -> None:
        """Put back what a power cut took. Objects that are there are left alone."""
        for id, kind, data in objects:
            try:
                self._object(id, kind)
            except StudyError:
                with self._writing():
                    packs.loose_path(self.path, id).unlink(missing_ok=True)
                self._put(kind, data)

    def pack(self) -> None:
        """Put loose objects and references together. Loses nothing, wherever it is stopped."""
        with self._turn:
            with self._writing() as repo:
                packs.pack(repo, self.path)
                repo.compress_references()
            self._unsettled.clear()
            self._unsettled_bytes = 0
            self._too_much = False
            self._loose = 0
            self.packs_made += 1
            self.close()  # forget the packs that are gone

    def _put_tree(self, data: bytes) -> str:
        return self._put(_TREE, data)

    def _put(self, kind: int, data: bytes) -> str:
        with self._turn, self._writing() as repo:
            id = str(repo.odb.write(kind, data))
            self._loose += 1
            self._unsettled[id] = kind, data
            self._unsettled_bytes += len(data)
            if self._unsettled_bytes > _UNSETTLED_BYTES:
                self._too_much = True  # the pack at the end of the commit will have them safe
                self._unsettled.clear()
                self._unsettled_bytes = 0
            return id

    def _import(self, root: Path, path: str) -> Entry:
        """Store one file of the user's as it is."""
        source = os.path.join(os.fsencode(root), encode(path))  # noqa: PTH118 any bytes
        try:
            status = os.lstat(source)
            if stat.S_ISLNK(status.st_mode):
                return LINK, self._put(_BLOB, os.readlink(source))  # noqa: PTH115 any bytes
            if not stat.S_ISREG(status.st_mode):
                raise StudyError(f"{root / path} is neither a file nor a link to one")
            mode = PROGRAM if status.st_mode & 0o100 else FILE
            with open(source, "rb") as file:  # noqa: PTH123 any bytes
                if status.st_size < _BIG_BYTES:
                    return mode, self._put(_BLOB, file.read())
                with self._turn, self._writing() as repo:
                    self._too_much = True
                    return mode, str(repo.create_blob_fromiobase(file))
        except OSError as error:
            raise StudyError(f"{root / path} cannot be read ({error.strerror})") from error

    def _commit(self, parents: Sequence[str], top: Folder, message: str) -> str:
        tree = top.store() or self._put_tree(b"")
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"{role} {_AUTHOR[0]} <{_AUTHOR[1]}> {_EPOCH} +0000" for role in _ROLES]
        text = "\n".join(lines) + "\n\n" + message.replace("\0", "") + "\n"
        for parent in parents:
            self._root(parent)
        commit = self._put(_COMMIT, text.encode("utf-8", "replace"))
        if self._too_much or self._loose >= _PACK_AT:
            self.pack()
        return commit

    # --- reading ----------------------------------------------------------------------------------

    def paths(self, commit: str) -> Sequence[str]:
        return sorted(path for path, _ in self._files(self._root(commit)))

    def read(self, commit: str, path: str) -> bytes:
        return self._object(self._entry(commit, path)[1], _BLOB)

    def mode(self, commit: str, path: str) -> int | None:
        """Git's mode of a file (0o100644, 0o100755 or 0o120000); `None` when there is none."""
        try:
            return self._entry(commit, path)[0]
        except StudyError:
            self._root(commit)
            return None

    def write(self, commit: str, directory: Path) -> None:
        """Write all files into an empty directory, which is made when missing."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._write_tree(self._root(commit), os.fsencode(directory))
        except OSError as error:
            raise Unwritable(
                f"{error.filename or directory} cannot be written ({error.strerror}); "
                "free some space or check permissions, then run the same command again"
            ) from error

    def changed(self, old: str, new: str) -> dict[str, bytes | None]:
        """New content of every file that differs, by path, sorted; `None` for one that is gone."""
        return {
            path: None if after is None else self._object(after[1], _BLOB)
            for path, _, after in self._differences(old, new)
        }

    def diff(self, old: str, new: str) -> str:
        return "".join(
            patch(path, self._file(before), self._file(after), git_hunks)
            for path, before, after in self._differences(old, new)
        )

    def problems(self, commit: str, seen: set[str] | None = None) -> Iterator[str]:
        """What is missing or damaged of a commit, a sentence each. `seen`: ids known to be sound."""
        seen = set() if seen is None else seen
        try:
            root = self._read_root(commit)
        except StudyError as error:
            yield str(error)
        else:
            yield from self._problems(root, seen)

    def _problems(self, tree: str, seen: set[str]) -> Iterator[str]:
        if tree in seen:
            return
        seen.add(tree)
        try:
            entries = self._read_tree(tree)
        except StudyError as error:
            yield str(error)
            return
        for mode, id in entries.values():
            if mode == FOLDER:
                yield from self._problems(id, seen)
            elif id not in seen:
                seen.add(id)
                try:
                    self._object(id, _BLOB)
                except StudyError as error:
                    yield str(error)

    def objects(self, commit: str, seen: set[str]) -> Iterator[Object]:
        """The objects of a program, but its history: commit, directories, files. `seen`: ids to leave out."""
        if commit in seen:
            return
        seen.add(commit)
        root = self._root(commit)
        yield _COMMIT, self._object(commit, _COMMIT)
        yield from self._objects_below(root, seen)

    def _objects_below(self, tree: str, seen: set[str]) -> Iterator[Object]:
        if tree in seen:
            return
        seen.add(tree)
        yield _TREE, self._object(tree, _TREE)
        for mode, id in self._tree(tree).values():
            if mode == FOLDER:
                yield from self._objects_below(id, seen)
            elif id not in seen:
                seen.add(id)
                yield _BLOB, self._object(id, _BLOB)

    def kept(self) -> set[int]:
        """Experiments that `keep` named. Raises `StudyError` when git would not open this repository."""
        try:
            if not (self.path / "HEAD").is_file():
                raise StudyError(f"{self.path} has no HEAD: git cannot open it; put back a copy")
            loose = [entry.name for entry in self.path.glob("refs/x/*")]
            packed = self.path / "packed-refs"
            lines = packed.read_text().splitlines() if packed.is_file() else []
        except OSError as error:
            raise StudyError(f"{self.path} cannot be read ({error.strerror})") from error
        names = [line.rpartition("refs/x/")[2] for line in lines if "refs/x/" in line]
        return {int(name) for name in (*loose, *names) if name.isdecimal()}

    def close(self) -> None:
        """Let go of all files. Used again, it opens them again."""
        with self._turn:
            if self._opened is not None:
                self._opened.free()
                self._opened = None

    def _entry(self, commit: str, path: str) -> Entry:
        *folders, name = split(path)
        tree = self._tree(self._root(commit))
        for folder in folders:
            inner = tree.get(folder)
            if inner is None or inner[0] != FOLDER:
                raise StudyError(f"program {commit[:12]} has no file {path!r}")
            tree = self._tree(inner[1])
        found = tree.get(name)
        if found is None or found[0] == FOLDER:
            raise StudyError(f"program {commit[:12]} has no file {path!r}")
        return found

    def _file(self, entry: Entry | None) -> File | None:
        return None if entry is None else File(entry[0], self._object(entry[1], _BLOB))

    def _files(self, tree: str, prefix: bytes = b"") -> Iterator[tuple[str, Entry]]:
        for name, (mode, id) in self._tree(tree).items():
            if mode == FOLDER:
                yield from self._files(id, prefix + name + b"/")
            else:
                yield decode(prefix + name), (mode, id)

    def _differences(self, old: str, new: str) -> list[tuple[str, Entry | None, Entry | None]]:
        found = self._compare((FOLDER, self._root(old)), (FOLDER, self._root(new)), b"")
        return sorted(found, key=lambda difference: difference[0])

    def _compare(
        self, old: Entry | None, new: Entry | None, path: bytes
    ) -> Iterator[tuple[str, Entry | None, Entry | None]]:
        if old == new:
            return
        before, after = (
            self._tree(entry[1]) if entry is not None and entry[0] == FOLDER else None
            for entry in (old, new)
        )
        old_file, new_file = (
            (None if before is not None else old),
            (None if after is not None else new),
        )
        if old_file or new_file:
            yield decode(path), old_file, new_file
        for name in {**(before or {}), **(after or {})}:
            inner = path + b"/" + name if path else name
            yield from self._compare((before or {}).get(name), (after or {}).get(name), inner)

    def _write_tree(self, tree: str, directory: bytes) -> None:
        for name, (mode, id) in self._tree(tree).items():
            target = directory + b"/" + name
            if mode == FOLDER:
                os.mkdir(target)  # noqa: PTH102 any bytes
                os.chmod(target, 0o755)  # noqa: PTH101 whatever the umask
                self._write_tree(id, target)
            elif mode == LINK:
                os.symlink(self._object(id, _BLOB), target)  # noqa: PTH211
            else:
                _write_file(target, self._object(id, _BLOB), mode & 0o777)

    def _read_root(self, commit: str) -> str:
        head = self._object(commit, _COMMIT)[:45]
        return head[5:45].decode()

    def _read_tree(self, id: str) -> Tree:
        data, at = self._object(id, _TREE), 0
        entries: dict[bytes, Entry] = {}
        while at < len(data):
            space = data.index(b" ", at)
            end = data.index(b"\0", space)
            entries[data[space + 1 : end]] = (
                int(data[at:space], 8),
                data[end + 1 : end + 21].hex(),
            )
            at = end + 21
        return entries

    def _object(self, id: str, kind: int) -> bytes:
        """One git object. Raises `StudyError` when it is missing, damaged or of another kind."""
        with self._turn:
            try:
                found, data = self._look_up(id)
            except LookupError:
                # The writer may just have packed what we knew as loose: look again, once.
                self.close()
                try:
                    found, data = self._look_up(id)
                except LookupError as error:
                    raise StudyError(
                        f"{self.path} does not hold {_KINDS[kind]} {id} ({error})"
                    ) from error
        if found != kind:
            raise StudyError(f"{id} in {self.path} is no {_KINDS[kind]}")
        return data

    def _look_up(self, id: str) -> tuple[int, bytes]:
        import pygit2

        try:
            return packs.read_loose(self.path, id) or self._repo.read(id)
        except (KeyError, ValueError, OSError, pygit2.GitError) as error:
            raise LookupError(str(error)) from error

    # --- the repository ---------------------------------------------------------------------------

    @property
    def _repo(self) -> "pygit2.Repository":
        if self._opened is None:
            if self._write and not self.path.exists():
                packs.create(self.path)
            if self._write:
                self._loose = packs.sweep(self.path)
            self._opened = packs.open_repository(self.path)
        return self._opened

    @contextmanager
    def _writing(self) -> Generator["pygit2.Repository"]:
        """Turn what git and the disk say into a sentence."""
        import pygit2

        assert self._write, "this code store was opened to read"
        try:
            yield self._repo
        except (OSError, pygit2.GitError) as error:
            raise Unwritable(
                f"{self.path} cannot be written ({error}); free some space or check its owner and "
                "permissions, then run the same command again"
            ) from error


_KINDS = {_COMMIT: "program", _TREE: "directory", _BLOB: "file"}
_ROLES = ("author", "committer")


def _write_file(target: bytes, content: bytes, mode: int) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(descriptor, mode)  # whatever the umask
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)
