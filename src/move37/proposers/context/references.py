"""Full-text search over the user's references: PDFs, Markdown and text, quoted with file and page.

The index is a SQLite file that can be thrown away: it is made again from the files. What cannot be read
is a note, never an error: a study does not hang on a paper.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from threading import Lock, Thread

from move37.core.protocols import Request
from move37.core.seeds import derive_seed
from move37.proposers.context.logs import LOGS, read_log
from move37.proposers.context.quoting import Data, clean, one_line

_VERSION = 1
_CHUNK = 1_000
"""Characters of one quote, about."""
_LARGEST = 50_000_000
_MOST_TEXT = 5_000_000
_PDF_SECONDS = 180
_READER = "move37.proposers.context.pdf_text"
_WORDS = 48
_FOUND, _QUOTED = 24, 6
_PASSED_ON = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV")

Files = Callable[[], Sequence[tuple[str, Path]]]
"""The references that are there now: what they are called, and where they lie."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    path: str
    where: str
    """Such as `page 3` or `line 17`."""
    text: str

    @property
    def data(self) -> Data:
        path = json.dumps(one_line(self.path, 200), ensure_ascii=False)
        return Data(f"quote from {path}, {self.where}", self.text)


class References:
    """The references of a task. Any thread may ask; making one does nothing."""

    def __init__(self, files: Files, index: Path) -> None:
        """index: of the database; its directory has to be there."""
        self._files = files
        self._index = index
        self._lock = Lock()
        self._reading: Thread | None = None
        self._seen: object = None
        self._notes: dict[str, str] = {}

    @property
    def notes(self) -> Sequence[str]:
        """A sentence about each file that cannot be read, as of the latest refresh."""
        return [self._notes[path] for path in sorted(self._notes)]

    def quotes(self, request: Request) -> Sequence[Data]:
        """Quotes that bear on a request. What has changed on disk is read in the background: text files
        are there at once, PDFs some time later."""
        files = self._files()
        marks = [(path, _mark(place)) for path, place in files]
        if marks != self._seen:
            self._seen = marks
            self.refresh(pdfs=False)
            self._read_on()
        if not files:
            return ()
        found = self.search(_about(request), _FOUND)
        # Not the same few every time, and still the better ones more often.
        chance = Random(derive_seed(request.experiment.seed, "references"))
        order = sorted(range(len(found)), key=lambda at: at * chance.random())
        return [found[at].data for at in order[:_QUOTED]]

    def _read_on(self) -> None:
        if self._reading is None or not self._reading.is_alive():
            self._reading = Thread(target=self.refresh, name="references", daemon=True)
            self._reading.start()

    def refresh(self, *, pdfs: bool = True) -> None:
        """Bring the index into line with the files. pdfs: whether those are read, too, which takes long."""
        with self._lock:
            try:
                self._refresh(pdfs)
            except sqlite3.DatabaseError:
                # Not a database, or a broken one. There is nothing in it that is not elsewhere.
                self._index.unlink(missing_ok=True)
                try:
                    self._refresh(pdfs)
                except (sqlite3.Error, OSError) as error:
                    self._notes[""] = f"{self._index} cannot be written ({error})"
            except OSError as error:
                self._notes[""] = f"{self._index} cannot be written ({error})"

    def _refresh(self, pdfs: bool) -> None:
        files = dict(self._files())
        with closing(self._open()) as index:
            known: dict[str, tuple[str, str]] = {
                path: (mark, note)
                for path, mark, note in index.execute("SELECT path, mark, note FROM files")
            }
            for path in known.keys() - files.keys():
                _forget(index, path)
            self._notes = {
                path: note for path, (_, note) in known.items() if note and path in files
            }
            for path, place in files.items():
                mark = _mark(place)
                is_pdf = place.suffix.lower() == ".pdf"
                if known.get(path, ("", ""))[0] != mark and (pdfs or not is_pdf):
                    self._take_in(index, path, place, mark)

    def _take_in(self, index: sqlite3.Connection, path: str, place: Path, mark: str) -> None:
        pages = _read(place)
        note = f"{path}: {pages}" if isinstance(pages, str) else ""
        _forget(index, path)
        with index:
            index.execute("INSERT INTO files VALUES (?, ?, ?)", (path, mark, note))
            if not isinstance(pages, str):
                rows = ((text, path, where) for where, text in pages)
                index.executemany("INSERT INTO quotes VALUES (?, ?, ?)", rows)
        self._notes.pop(path, None)
        if note:
            self._notes[path] = note

    def search(self, about: str, limit: int) -> Sequence[Quote]:
        """The quotes that have most to do with these words, the best first."""
        words = list(dict.fromkeys(re.findall(r"[^\W_]{3,}", about.lower())))[:_WORDS]
        if not words or not self._index.exists():
            return ()
        asked = " OR ".join(f'"{word}"' for word in words)
        try:
            with closing(self._open()) as index:
                rows = index.execute(
                    "SELECT path, place, text FROM quotes WHERE quotes MATCH ? "
                    "ORDER BY rank, rowid LIMIT ?",
                    (asked, limit),
                ).fetchall()
        except sqlite3.Error:
            return ()
        return [Quote(path=path, where=where, text=text) for path, where, text in rows]

    def _open(self) -> sqlite3.Connection:
        index = sqlite3.connect(self._index, timeout=10.0)
        try:
            [(version,)] = index.execute("PRAGMA user_version").fetchall()
            if version != _VERSION:
                with index:
                    index.executescript(_SCHEMA)
        except BaseException:
            index.close()
            raise
        return index


_SCHEMA = f"""
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS quotes;
CREATE TABLE files (path TEXT PRIMARY KEY, mark TEXT NOT NULL, note TEXT NOT NULL);
CREATE VIRTUAL TABLE quotes USING fts5(
    text, path UNINDEXED, place UNINDEXED, tokenize = 'porter unicode61'
);
PRAGMA user_version = {_VERSION};
"""


def _forget(index: sqlite3.Connection, path: str) -> None:
    with index:
        index.execute("DELETE FROM files WHERE path = ?", (path,))
        index.execute("DELETE FROM quotes WHERE path = ?", (path,))


def _mark(place: Path) -> str:
    """Another one when the file has changed."""
    try:
        status = place.stat()
    except OSError:
        return "gone"
    pdf = find_spec("pypdf") is not None if place.suffix.lower() == ".pdf" else True
    return f"{status.st_size} {status.st_mtime_ns} {pdf:d}"


# --- reading -------------------------------------------------------------------------------------


def _read(place: Path) -> list[tuple[str, str]] | str:
    """Where in a file something stands, and what; or why it cannot be read, in a sentence."""
    try:
        if place.stat().st_size > _LARGEST:
            return f"it has more than {_LARGEST:,} bytes, and is not read"
        if place.suffix.lower() == ".pdf":
            return _read_pdf(place)
        with place.open("rb") as file:
            text = file.read(_MOST_TEXT).decode(errors="replace")
        if place.suffix.lower() in LOGS:
            return [(where, clean(said)) for where, said in read_log(place.name, text)]
        return list(_pieces(text))
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def _read_pdf(place: Path) -> list[tuple[str, str]] | str:
    if find_spec("pypdf") is None:
        return "PDFs are read with pypdf; install `move37[references]`"
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", _READER, str(place.absolute())],
            capture_output=True,
            timeout=_PDF_SECONDS,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"reading it took more than {_PDF_SECONDS} s"
    try:
        pages: list[str] = json.loads(ended.stdout) if ended.returncode == 0 else []
    except ValueError:
        pages = []
    found = [
        (f"page {number}", clean(text))
        for number, page in enumerate(pages, 1)
        for _, text in _pieces(page)
    ]
    if found:
        return found
    said = one_line(ended.stderr.decode(errors="replace").strip().rpartition("\n")[2], 160)
    return f"no text can be read from it ({said or 'it may be a scan'})"


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """A text in pieces of a few sentences each, with the line at which each begins."""
    start, size = 0, 0
    lines = text.split("\n")
    for at, line in enumerate(lines):
        size += len(line) + 1
        is_end = at == len(lines) - 1 or (size >= _CHUNK // 2 and not lines[at + 1].strip())
        if is_end or size >= _CHUNK:
            whole = "\n".join(lines[start : at + 1])
            for piece in (whole[i : i + 2 * _CHUNK] for i in range(0, len(whole), 2 * _CHUNK)):
                if piece.strip():
                    yield f"line {start + 1}", clean(piece).strip()
            start, size = at + 1, 0


# --- asking --------------------------------------------------------------------------------------


def _about(request: Request) -> str:
    """Words to look for: of the goal, and of what was last believed to help."""
    best = request.beliefs.ranking(4)
    said = [request.history[id].hypothesis for id in best]
    task = request.task
    return " ".join([task.goal, task.metric.name, request.parents[0].hypothesis, *said])
