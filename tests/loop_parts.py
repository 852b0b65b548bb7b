"""What the tests of the loop have in common."""

from collections.abc import Mapping, Sequence

from move37.core.facts import Fact, Row
from move37.core.history import History
from move37.core.records import Job
from move37.store.memory import MemoryStore


class Contented:
    """A referee that wants nothing but the baseline's first trial, which is everybody's first."""

    def wants(self, history: History) -> Sequence[Job]:
        return []


class Crash(Exception):
    """Stands for the power going out."""


class CrashingStore(MemoryStore):
    """Dies on the way to its n-th append from now: before the row is written, or right after."""

    def __init__(self, after: int, *, written: bool) -> None:
        super().__init__()
        self._left = after
        self._written = written

    def append(self, fact: Fact, attachments: Mapping[str, bytes], *, synced: bool = True) -> Row:
        self._left -= 1
        if self._left == 0 and not self._written:
            raise Crash
        row = super().append(fact, attachments, synced=synced)
        if self._left == 0:
            raise Crash
        return row
