"""What proposers may read of a study: programs, outputs of trials, and what the user steers with."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from move37.app.study import Study
from move37.core.errors import StudyError
from move37.core.journal import Journal

_PROGRAMS_KEPT = 64
STEERING = "program.md"
STEERING_BYTES = 200_000
"""More of it is told to nobody."""


def library_of(study: Study) -> "StudyLibrary":
    """What may be read of a study that is open."""
    from move37.tasks.files import may_edit

    return StudyLibrary(study.root, study.journal, may_edit(study.task))


class StudyLibrary:
    """Implements `core.protocols.Library`. Remembers the programs that were asked for lately."""

    def __init__(
        self,
        root: Path,
        journal: Journal,
        editable: Callable[[str], bool],
        *,
        steering: Callable[[], str] | None = None,
    ) -> None:
        """editable: whether a candidate may change, add or remove the file of this path.

        steering: what to say of `program.md`; `None`: what it says now.
        """
        self._root = root
        self._journal = journal
        self._editable = editable
        self._steering = steering
        self._programs: OrderedDict[str, Mapping[str, bytes]] = OrderedDict()

    def program(self, experiment: int) -> Mapping[str, bytes]:
        commit = self._journal.history[experiment].commit
        if commit is None:
            raise StudyError(f"x{experiment} has no program: nothing usable was proposed")
        if commit not in self._programs:
            code = self._journal.store.code
            self._programs[commit] = {
                path: code.read(commit, path) for path in code.paths(commit) if self._editable(path)
            }
        return self.keep(commit, self._programs[commit])

    def keep(self, commit: str, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Remember a program that may soon be asked for."""
        self._programs[commit] = files
        self._programs.move_to_end(commit)
        while len(self._programs) > _PROGRAMS_KEPT:
            self._programs.popitem(last=False)
        return files

    def fixed(self) -> Sequence[str]:
        code, commit = self._journal.store.code, self._journal.history.epoch.commit
        return [path for path in code.paths(commit) if not self._editable(path)]

    def read_fixed(self, path: str) -> bytes:
        return self._journal.store.code.read(self._journal.history.epoch.commit, path)

    def attachment(self, key: str) -> bytes | None:
        return self._journal.store.attachment(key)

    def steering(self) -> str:
        # Read again for every experiment, so that a person can edit it while the study runs.
        return read_text(self._root / STEERING) if self._steering is None else self._steering()


def read_text(path: Path) -> str:
    """Of `program.md`, as far as it is told to anybody; empty where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(STEERING_BYTES).decode(errors="replace")
    except OSError:
        return ""
