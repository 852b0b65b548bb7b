"""Where agents work: sandboxes of their own beside the workers', and trials on copies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock

from move37.core.protocols import Sandbox
from move37.core.records import Mount, Outcome, Strength, TrialJob
from move37.proposers.place import Entry
from move37.worker import Measuring, ReadableCode, Workplace


class EngineWorkshop:
    """Implements `proposers.place.Workshop`. Programs are watched from processes of their own."""

    def __init__(self, workplace: Workplace, strength: Strength, *, first_slot: int) -> None:
        """first_slot: the first one that no worker has."""
        from move37.tasks.files import may_edit

        self._workplace = workplace
        self._strength = strength
        self._slots = count(first_slot)
        self._lock = Lock()
        self._tries: list[tuple[int, Sandbox]] = []
        """Slots where the evaluation can be tried out, and nobody does."""
        self._may_edit = may_edit(workplace.task)

    @property
    def links(self) -> Sequence[Mount]:
        return self._workplace.links

    @property
    def hidden(self) -> Sequence[str]:
        return [mount.target for mount in self._workplace.hides]

    def editable(self, path: str) -> bool:
        return self._may_edit(path)

    def bench(self, read: Sequence[str]) -> tuple[Sandbox, Path]:
        slot, sandbox = self._sandbox(next(self._slots), read)
        return sandbox, self.fresh(self._workplace.scratch / f"slot{slot}" / "agent")

    def fresh(self, directory: Path) -> Path:
        from move37.sandbox.scratch import fresh

        return fresh(directory)

    def remove(self, directory: Path) -> None:
        from move37.sandbox.scratch import remove

        remove(directory)

    def entries(self, directory: Path) -> Mapping[str, Entry]:
        from move37.sandbox.scratch import entries

        return entries(directory)

    def read(self, directory: Path, path: str, *, limit: int) -> bytes | None:
        from move37.sandbox.scratch import read_file

        return read_file(directory, path, limit=limit)

    def try_out(
        self,
        commit: str,
        changes: Mapping[str, bytes | None],
        *,
        seed: int,
        stop: Callable[[], bool],
    ) -> Outcome | None:
        from move37.store.git import GitCode

        code = Changed(GitCode(self._workplace.code, write=False), commit, changes)
        job = TrialJob(
            experiment=0, commit=CHANGED, purpose="search", index=0, seed=seed, split=seed
        )
        with self._lock:
            slot, sandbox = self._tries.pop() if self._tries else self._sandbox(next(self._slots))
        try:
            return Measuring(self._workplace, slot, code=code, sandbox=sandbox).try_out(job, stop)
        finally:
            with self._lock:
                self._tries.append((slot, sandbox))

    def _sandbox(self, slot: int, read: Sequence[str] | None = None) -> tuple[int, Sandbox]:
        """read: `None` for what is measured, which sees what every trial sees."""
        from move37.sandbox import make_sandbox
        from move37.sandbox.apart import Apart

        fence = self._workplace.task.fence
        if read is not None:
            # A variable that the evaluation needs may be a secret, and an agent has the network.
            fence = replace(fence, read=tuple(dict.fromkeys((*fence.read, *read))), env=())
        scratch = self._workplace.scratch / f"slot{slot}"
        make = partial(make_sandbox, fence, slot=slot, scratch=scratch, strength=self._strength)
        return slot, Apart(make, strength=self._strength)


CHANGED = "changed"
"""Stands for the commit of a program that is not stored."""


class Changed:
    """Implements `worker.ReadableCode`: stored programs, and one more that is a changed copy of one."""

    def __init__(
        self, code: ReadableCode, commit: str, changes: Mapping[str, bytes | None]
    ) -> None:
        self._code = code
        self._commit = commit
        self._changes = changes

    def paths(self, commit: str) -> Sequence[str]:
        if commit != CHANGED:
            return self._code.paths(commit)
        removed = {path for path, data in self._changes.items() if data is None}
        return sorted({*self._code.paths(self._commit), *self._changes} - removed)

    def read(self, commit: str, path: str) -> bytes:
        if commit != CHANGED:
            return self._code.read(commit, path)
        data = self._changes.get(path)
        return self._code.read(self._commit, path) if data is None else data

    def write(self, commit: str, directory: Path) -> None:
        self._code.write(self._commit if commit == CHANGED else commit, directory)
        for path, data in self._changes.items() if commit == CHANGED else ():
            _put(directory, path, data)


def _put(directory: Path, path: str, data: bytes | None) -> None:
    """Write a file, or remove it. Links in the way are replaced, as git would: they lead anywhere."""
    target = directory / path
    for part in (*reversed(target.relative_to(directory).parents), Path(path)):
        if (directory / part).is_symlink():
            (directory / part).unlink()
    if data is None:
        target.unlink(missing_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
