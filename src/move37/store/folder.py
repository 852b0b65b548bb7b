"""A directory of a program while it is being changed, over git's tree objects."""

from collections.abc import Callable, Mapping

from move37.store import paths
from move37.store.paths import FILE, FOLDER, PROGRAM

Entry = tuple[int, str]
"""Mode and object id."""
Tree = Mapping[bytes, Entry]


class Folder:
    """A directory being changed: subdirectories are read when touched, written when they differ."""

    def __init__(
        self,
        load: Callable[[str], Tree],
        put: Callable[[bytes], str],
        entries: Tree | None = None,
    ) -> None:
        """load: reads a tree object. put: stores one and returns its id."""
        self._load = load
        self._put = put
        self._entries = dict(entries or {})
        self._open: dict[bytes, Folder] = {}

    def put(self, parts: list[bytes], file: tuple[int | None, str], path: str) -> None:
        name, *rest = parts
        known = self._entries.get(name)
        if rest:
            if known is not None and known[0] != FOLDER:
                raise paths.in_the_way(path)
            folder = self._folder(name) or self._open.setdefault(
                name, Folder(self._load, self._put)
            )
            folder.put(rest, file, path)
            return
        if not self._is_free(name):
            raise paths.in_the_way(path)
        self._open.pop(name, None)
        mode, id = file
        if mode is None:
            mode = PROGRAM if known is not None and known[0] == PROGRAM else FILE
        self._entries[name] = (mode, id)

    def drop(self, parts: list[bytes]) -> None:
        name, *rest = parts
        if rest:
            folder = self._folder(name)
            if folder is not None:
                folder.drop(rest)
        elif self._entries.get(name, (FOLDER, ""))[0] != FOLDER:
            del self._entries[name]

    def store(self) -> str | None:
        """Write what changed; return the directory's id, or `None` when it is empty."""
        for name, folder in self._open.items():
            id = folder.store()
            if id is not None:
                self._entries[name] = (FOLDER, id)
            else:
                self._entries.pop(name, None)
        if not self._entries:
            return None
        ordered = sorted(self._entries.items(), key=_git_order)
        return self._put(
            b"".join(b"%o %s\0" % (mode, name) + bytes.fromhex(id) for name, (mode, id) in ordered),
        )

    def is_empty(self) -> bool:
        return all(
            mode == FOLDER and name in self._open and self._open[name].is_empty()
            for name, (mode, _) in self._entries.items()
        ) and all(folder.is_empty() for folder in self._open.values())

    def _is_free(self, name: bytes) -> bool:
        """Whether a file may stand here: no directory does, or all in it has been deleted."""
        folder = self._folder(name)
        if folder is not None and not folder.is_empty():
            return False
        if folder is not None:
            self._entries.pop(name, None)
        return True

    def _folder(self, name: bytes) -> "Folder | None":
        if name not in self._open:
            mode, id = self._entries.get(name, (0, ""))
            if mode != FOLDER:
                return None
            self._open[name] = Folder(self._load, self._put, self._load(id))
        return self._open[name]


def _git_order(item: tuple[bytes, Entry]) -> bytes:
    """Git sorts directories as if their names ended in a slash."""
    name, (mode, _) = item
    return name + b"/" if mode == FOLDER else name
