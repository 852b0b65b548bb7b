"""Looks for anything wrong with a stored study. Changes nothing, and trusts nothing but the digests."""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Set
from typing import TypeAlias

from move37.core.errors import StudyError
from move37.core.facts import EpochStarted, Fact, Proposed
from move37.store import codec
from move37.store.git import GitCode

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"


def audit(db: sqlite3.Connection, code: GitCode, programs: Set[str] | None = None) -> list[str]:
    """Return every problem found, a sentence each. programs: those to be there; `None`: all that facts name."""
    problems: list[str] = []
    names = _names(db, code) if programs is None else iter(())
    for look in (_database(db), _facts(db, code, programs), _attachments(db), names):
        try:
            problems.extend(look)
        except sqlite3.DatabaseError as error:
            problems.append(f"the database is damaged: {error}")
    return list(dict.fromkeys(problems))


def _database(db: sqlite3.Connection) -> Iterator[str]:
    for (problem,) in db.execute("PRAGMA integrity_check"):
        if problem != "ok":
            yield f"the database is damaged: {problem}"


def _facts(db: sqlite3.Connection, code: GitCode, programs: Set[str] | None) -> Iterator[str]:
    expected, previous = 1, b""
    rows = db.execute("SELECT seq, at, kind, experiment, body, digest FROM facts ORDER BY seq")
    seen: set[str] = set()
    for seq, at, kind, experiment, body, digest in rows:
        if seq != expected:
            yield f"the rows before row {seq} are missing, from row {expected} on"
        elif codec.chain(previous, seq, at, kind, body.encode()) != digest:
            yield f"row {seq} ({kind}), or the one before it, was changed after it was written"
        expected, previous = seq + 1, digest
        try:
            fact = codec.decode(kind, body)
        except StudyError as error:
            yield f"row {seq} cannot be read: {error}"
        else:
            yield from _meaning(seq, experiment, body, fact)
            if isinstance(fact, EpochStarted | Proposed) and (
                programs is None or fact.commit in programs
            ):
                for problem in code.problems(fact.commit, seen):
                    yield f"row {seq} (experiment x{experiment}) names a program that is not whole: {problem}"


def _meaning(seq: int, experiment: int | None, body: str, fact: Fact) -> Iterator[str]:
    if codec.experiment_of(fact) != experiment:
        yield f"row {seq} is filed under experiment {experiment}, but is not about it"
    if not says(json.loads(codec.encode(fact)), json.loads(body)):
        yield f"row {seq} says something that this version of move37 does not understand"


def _names(db: sqlite3.Connection, code: GitCode) -> Iterator[str]:
    """A program is named before the fact that names it: names beyond the facts are a lost end."""
    opened = "SELECT count(DISTINCT experiment) FROM facts WHERE kind IN ('EpochStarted', 'Opened')"
    (experiments,) = db.execute(opened).fetchone()
    if not experiments:
        return
    try:
        kept = code.kept()
    except StudyError as error:
        yield str(error)
        return
    # One more than the facts know is what a writer leaves that was killed between the two.
    if (last := max(kept, default=0)) > experiments:
        yield (
            f"the facts end at experiment x{experiments - 1}, but the code store has programs up to "
            f"x{last}: rows were cut off the end"
        )


def says(whole: Json, part: Json) -> bool:
    """Whether JSON has all that another has: what an older version left out has a default now."""
    match whole, part:
        case dict(), dict():
            return all(key in whole and says(whole[key], value) for key, value in part.items())
        case list(), list():
            return len(whole) == len(part) and all(map(says, whole, part))
        case _:
            return type(whole) is type(part) and whole == part


def _attachments(db: sqlite3.Connection) -> Iterator[str]:
    for key, body in db.execute("SELECT key, body FROM attachments"):
        try:
            zlib.decompress(body)
        except zlib.error as error:
            yield f"attachment {key!r} is damaged: {error}"
