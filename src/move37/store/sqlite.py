"""A study on disk: facts and attachments in SQLite, programs in a bare git repository beside it.

.move37/
├── study.db      facts, in a hash chain, and attachments: only ever added to
├── code.git      every candidate program
├── lock          who is writing
└── .gitignore    keeps all of it out of the user's repository
"""

import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Collection, Generator, Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

from move37.core.errors import StudyError, StudyLocked, Unwritable
from move37.core.facts import EpochStarted, Fact, Proposed, Row
from move37.store import codec, migrations
from move37.store.git import GitCode
from move37.store.lock import WriterLock

_BUSY_SECONDS = 10.0
"""How long to wait for somebody who works on the database by hand."""
_PAGE = 2000
"""Rows read at a time: no reader keeps the database from tidying up its log for long."""
_COMPRESSION = 1
"""zlib's level. Higher ones cost more time than the space is worth."""


class SqliteStore:
    """`move37.core.protocols.Store` in a directory, by convention `.move37/` beside the task.

    May be used from several threads, but not from a process forked after it was opened.
    """

    def __init__(
        self, directory: Path, db: sqlite3.Connection, code: GitCode, lock: WriterLock | None
    ) -> None:
        """Use `open`."""
        self.directory = directory
        self._db = db
        self._code = code
        self._lock = lock
        self._turn = threading.RLock()
        self._process = os.getpid()
        self._closed = False
        self._packs_made = 0
        self._last = 0
        """The last row, as far as this writer knows."""
        self._file = _file_of(directory)

    @classmethod
    def open(cls, directory: Path, *, write: bool) -> Self:
        """Open the study in `directory`; to write, make it when it is not there.

        Raises:
            StudyLocked: another living process writes to it.
            Unwritable: `write`, and the disk or the permissions say no.
            StudyError: there is none (and not `write`), it is damaged, or a newer version made it.
        """
        if not write:
            db = _connect_to_read(directory)
            return cls(directory, db, GitCode(directory / "code.git", write=False), None)
        _make(directory)
        lock = WriterLock.take(directory / "lock")
        try:
            db = _connect_to_write(directory)
        except BaseException:
            lock.release()
            raise
        store = cls(directory, db, GitCode(directory / "code.git", write=True), lock)
        try:
            with _spoken(directory):
                store._last, _ = _end_of_chain(db)
            store._restore_programs()
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def code(self) -> GitCode:
        return self._code

    def append(self, fact: Fact, attachments: Mapping[str, bytes], *, synced: bool = True) -> Row:
        assert self._lock is not None, "this store was opened to read"
        assert self._process == os.getpid(), "this store belongs to the process that opened it"
        body = codec.encode(fact)
        blobs = {key: zlib.compress(blob, _COMPRESSION) for key, blob in attachments.items()}
        with self._turn, _spoken(self.directory):
            if synced:
                return self._insert(fact, body, blobs)
            # Written to the end of the log all the same, so that what a power cut leaves has no holes.
            self._db.execute("PRAGMA synchronous = NORMAL")
            try:
                return self._insert(fact, body, blobs)
            finally:
                self._db.execute("PRAGMA synchronous = FULL")

    def _insert(self, fact: Fact, body: bytes, blobs: Mapping[str, bytes]) -> Row:
        db, at, kind = self._db, time.time(), codec.kind_of(fact)
        db.execute("BEGIN IMMEDIATE")
        try:
            seq, previous = _end_of_chain(db)
            self._see_that_it_is_ours(seq)
            digest = codec.chain(previous, seq + 1, at, kind, body)
            db.execute(
                "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?)",
                (seq + 1, at, kind, codec.experiment_of(fact), body.decode(), digest),
            )
            db.executemany("INSERT INTO attachments VALUES (?, ?)", blobs.items())
            names_a_program = isinstance(fact, EpochStarted | Proposed)
            saved = self._save_program() if names_a_program else ()
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._last = seq + 1
        self._code.settle(saved)
        return Row(seq + 1, at, fact)

    def _see_that_it_is_ours(self, last: int) -> None:
        """What a writer decides rests on the facts it knows: they have to be the latest."""
        if last != self._last or _file_of(self.directory) != self._file:
            raise StudyLocked(
                f"another process has written to {self.directory}, or replaced its study.db; "
                "see that nobody else works on it, then run the same command again"
            )

    def _save_program(self) -> Collection[str]:
        """Never a fact on disk without the program it names, at no sync beyond the fact's own.

        A copy of the program's new objects joins the transaction; once they are in a pack it may go.
        """
        objects = self._code.unsettled()
        if self._code.packs_made != self._packs_made:
            self._db.execute("DELETE FROM unpacked")
            self._packs_made = self._code.packs_made
        self._db.executemany(
            "INSERT OR IGNORE INTO unpacked VALUES (?, ?, ?)",
            ((id, kind, zlib.compress(data, _COMPRESSION)) for id, (kind, data) in objects.items()),
        )
        return objects.keys()

    def _restore_programs(self) -> None:
        """Put back what a power cut took from the code store."""
        with _spoken(self.directory):
            saved = self._db.execute("SELECT id, kind, body FROM unpacked")
            self._code.restore(
                (id, kind, self._decompressed(f"program object {id}", body))
                for id, kind, body in saved
            )

    def _decompressed(self, what: str, body: bytes) -> bytes:
        try:
            return zlib.decompress(body)
        except zlib.error as error:
            raise StudyError(
                f"{what} of {self.directory / 'study.db'} is damaged: {error}; put back a copy of it"
            ) from error

    def rows(self, after: int = 0) -> Iterator[Row]:
        """All facts in order, as of the moment of the call; those past row `after` only."""
        with self._turn, _spoken(self.directory):
            last, _ = _end_of_chain(self._db)
        return self._pages(after, last)

    def _pages(self, after: int, last: int) -> Iterator[Row]:
        while after < last:
            upto = min(after + _PAGE, last)
            with self._turn, _spoken(self.directory):
                page: list[tuple[int, float, str, str]] = self._db.execute(
                    "SELECT seq, at, kind, body FROM facts WHERE seq > ? AND seq <= ? ORDER BY seq",
                    (after, upto),
                ).fetchall()
            for seq, at, kind, body in page:
                yield Row(seq, at, self._decode(seq, kind, body))
            after = upto

    def chained(self, last: int) -> Iterator[tuple[int, float, str, str, bytes]]:
        """The rows up to this one as they are stored, with the digest of each: for whoever takes them elsewhere."""
        for after in range(0, last, _PAGE):
            with self._turn, _spoken(self.directory):
                page: list[tuple[int, float, str, str, bytes]] = self._db.execute(
                    "SELECT seq, at, kind, body, digest FROM facts WHERE seq > ? AND seq <= ? ORDER BY seq",
                    (after, min(after + _PAGE, last)),
                ).fetchall()
            yield from page

    def _decode(self, seq: int, kind: str, body: str) -> Fact:
        try:
            return codec.decode(kind, body)
        except StudyError as error:
            raise StudyError(
                f"row {seq} of {self.directory / 'study.db'} cannot be read: {error}"
            ) from error

    def attachment(self, key: str) -> bytes | None:
        with self._turn, _spoken(self.directory):
            found: tuple[bytes] | None = self._db.execute(
                "SELECT body FROM attachments WHERE key = ?", (key,)
            ).fetchone()
        return None if found is None else self._decompressed(f"attachment {key!r}", found[0])

    def attachment_keys(self, prefix: str = "") -> list[str]:
        """Keys of all attachments that begin with `prefix`, sorted."""
        with self._turn, _spoken(self.directory):
            found: list[tuple[str]] = self._db.execute(
                "SELECT key FROM attachments WHERE substr(key, 1, ?) = ? ORDER BY key",
                (len(prefix), prefix),
            ).fetchall()
        return [key for (key,) in found]

    def audit(self, programs: Set[str] | None = None) -> list[str]:
        """Everything that is wrong with what is stored, a sentence each; empty when it is sound.

        programs: commits that are to be there; `None`: all that facts name.
        """
        from move37.store.audit import audit

        with self._turn, _spoken(self.directory):
            return audit(self._db, self._code, programs)

    def close(self) -> None:
        with self._turn:
            if self._closed:
                return
            self._closed = True
            self._code.close()
            self._db.close()
            if self._lock is not None:
                self._lock.release()


def _end_of_chain(db: sqlite3.Connection) -> tuple[int, bytes]:
    found: tuple[int, bytes] | None = db.execute(
        "SELECT seq, digest FROM facts ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return found or (0, b"")


def _file_of(directory: Path) -> tuple[int, int] | None:
    """Which file `study.db` is, whatever its name says; `None` when it is gone."""
    try:
        status = (directory / "study.db").stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


# --- opening --------------------------------------------------------------------------------------


def _make(directory: Path) -> None:
    ignore = directory / ".gitignore"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise Unwritable(
            f"{directory} cannot be made or written ({error.strerror}); "
            "check the disk and the directory's owner, then run the same command again"
        ) from error


def _connect_to_write(directory: Path) -> sqlite3.Connection:
    path = directory / "study.db"
    with _spoken(directory):
        db = sqlite3.connect(
            path, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False
        )
        try:
            with _about(path):
                migrations.missing(db)  # before anything is written to what may not be ours
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            migrations.migrate(db)
        except BaseException:
            db.close()
            raise
    return db


def _connect_to_read(directory: Path) -> sqlite3.Connection:
    path = directory / "study.db"
    if not path.exists():
        raise StudyError(f"there is no study in {directory}; start one with `move37 run`")
    with _spoken(directory):
        db = _open_to_read(path)
        try:
            with _about(path):
                todo = migrations.missing(db)
        except BaseException:
            db.close()
            raise
    if len(todo) == len(migrations.MIGRATIONS):
        db.close()
        raise StudyError(f"the study in {directory} is still empty; start it with `move37 run`")
    if todo:
        db.close()
        raise StudyError(f"{path} was made by an older move37; `move37 run` brings it up to date")
    return db


def _open_to_read(path: Path) -> sqlite3.Connection:
    def connect(how: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"file:{quote(os.fsencode(path.absolute()))}?{how}",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_SECONDS,
            check_same_thread=False,
        )
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            db.close()
            raise
        return db

    try:
        return connect("mode=ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_READONLY_ROLLBACK":
            # Whoever made it was ended while at it. SQLite takes back what is half written, if it may.
            return connect("mode=rw")
        # SQLite wants to make a log beside the database and may not, as on a read-only disk. When
        # there is no log, nobody is writing, and the file alone is the whole truth.
        if Path(f"{path}-wal").exists() or os.access(path.parent, os.W_OK):
            raise
        return connect("mode=ro&immutable=1")


@contextmanager
def _about(path: Path) -> Generator[None]:
    """Say which file a complaint is about."""
    try:
        yield
    except StudyError as error:
        raise StudyError(f"{path} cannot be used: {error}") from error


@contextmanager
def _spoken(directory: Path) -> Generator[None]:
    """SQLite's errors as ours: one sentence with what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(directory, error) from error


def _translated(directory: Path, error: sqlite3.Error) -> Exception:
    path = directory / "study.db"
    code = getattr(error, "sqlite_errorname", "")
    primary = "_".join(code.split("_")[:2])
    match primary:
        case "SQLITE_FULL":
            return Unwritable(
                f"the disk of {directory} is full; free some space and run the same command again: "
                "what was recorded so far is safe"
            )
        case "SQLITE_READONLY" | "SQLITE_CANTOPEN" | "SQLITE_PERM" | "SQLITE_AUTH":
            return Unwritable(
                f"{path} cannot be opened or written ({error}); check its owner and permissions, "
                "then run the same command again"
            )
        case "SQLITE_IOERR":
            return Unwritable(
                f"the disk of {directory} refuses to work ({error}); see whether it is full or "
                "broken, then run the same command again: what was recorded so far is safe"
            )
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return StudyLocked(
                f"{path} is held by another program; close whatever has it open, then try again"
            )
        case "SQLITE_CORRUPT" | "SQLITE_NOTADB":
            return StudyError(
                f"{path} is damaged or no database ({error}); put back a copy of it, "
                f"or move {directory} away to start afresh"
            )
        case "SQLITE_CONSTRAINT":
            return StudyError(f"{path} refuses a row: {error}")
        case _:
            return error
