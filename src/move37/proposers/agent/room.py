"""An agent's workspace: the parent's files, what it is told, and what it has changed in the end.

What it changed in editable files is its proposal. Anything else is left where it is, noted, and thrown
away with the workspace.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from move37.proposers.agent.tries import FOLDER, SCRIPT
from move37.proposers.place import Entry, Workshop

BRIEF: Final = "MOVE37.md"
EVALUATE: Final = "evaluate"
HYPOTHESIS: Final = "HYPOTHESIS.txt"

_MOST_BYTES: Final = 16 * 1024**2
"""A changed file may be so big; no program is."""
_MOST_IN_ALL: Final = 64 * 1024**2
"""All of them: they are held in memory, and a file that is one big hole costs an agent nothing."""
_HYPOTHESIS_BYTES: Final = 20_000
_NOTED: Final = 3
"""So many paths are named, the others counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """One workspace, made ready for an agent."""

    workshop: Workshop
    directory: Path
    before: Mapping[str, Entry]
    """All that was in it, but for what is ours."""
    editable: Mapping[str, bytes]
    """Those of its files that may be changed, as they were."""
    left_out: tuple[str, ...]
    """What of the parent was not copied."""
    own: tuple[str, ...]
    """Names in it that are ours."""

    def changes(self) -> dict[str, bytes | None]:
        """Editable files that differ by now; `None` for one that is gone."""
        return self.compare()[0]

    def compare(self) -> tuple[dict[str, bytes | None], list[str]]:
        """What changed in editable files, and notes on all else that did."""
        after = {
            path: entry
            for path, entry in self.workshop.entries(self.directory).items()
            if not self._is_own(path)
        }
        found: dict[str, bytes | None] = {}
        notes: list[str] = []
        left = _MOST_IN_ALL
        # The parent's are looked for by name: where there are very many files, not all are entries.
        for path in sorted(after.keys() | self.editable.keys()):
            if not self.workshop.editable(path) or self._was_left_out(path):
                continue
            old = self.editable.get(path)
            most = min(_MOST_BYTES, left + len(old or b""))
            data = self.workshop.read(self.directory, path, limit=most)
            if data is None and path in after:
                notes += self._refused(path, after[path])
            elif data != old:
                found[path] = data
                left = max(0, left - len(data or b""))
        if more := notes[_NOTED:]:
            notes[_NOTED:] = [f"made {len(more)} more files what no program is: discarded"]
        return found, [*notes, *self._outside(after)]

    def _refused(self, path: str, entry: Entry) -> Iterator[str]:
        """Why an editable file is no proposal as it is now, unless it was like that before."""
        kind, size, _ = entry
        if kind == "file":
            yield f"made {path!r} {size / 1024**2:.0f} MB big: discarded"
        elif self.before.get(path, entry)[0] != kind:
            yield f"made {path!r} a {_word(kind)}: discarded"

    def hypothesis(self) -> str:
        """What it wrote down of its reasons."""
        data = self.workshop.read(self.directory, HYPOTHESIS, limit=_HYPOTHESIS_BYTES)
        return "" if data is None else data.decode(errors="replace").strip()

    def _outside(self, after: Mapping[str, Entry]) -> Iterator[str]:
        """What happened to files that are not the agent's to change."""
        paths = [
            path
            for path in sorted({*self.before, *after})
            if not self.workshop.editable(path) and not self._was_left_out(path)
        ]
        what = {
            "changed": [
                path
                for path in paths
                if path in self.before and path in after and self.before[path] != after[path]
            ],
            "removed": [path for path in paths if path not in after],
            "made": [path for path in paths if path not in self.before],
        }
        for verb, some in what.items():
            if some:
                yield f"{verb} {_listed(some)}, which [files] edit does not name: discarded"

    def _is_own(self, path: str) -> bool:
        is_answer = path == HYPOTHESIS and path not in self.before
        return is_answer or path in self.own or path.partition("/")[0] == FOLDER

    def _was_left_out(self, path: str) -> bool:
        return any(path == out or path.startswith(f"{out}/") for out in self.left_out)


def furnish(
    workshop: Workshop,
    directory: Path,
    *,
    write: Callable[[Path], None],
    own: tuple[str, str],
    brief: str,
    leave_out: tuple[str, ...],
) -> Room:
    """Fill an empty directory.

    write: writes the parent's files.
    own: names of the brief and of the script that evaluates, see `own_names`.
    brief: what the agent is told.
    leave_out: names that must not be in it, wherever they lie.
    """
    write(directory)
    left_out = sorted(_named(workshop.entries(directory), leave_out))
    for path in left_out:
        workshop.remove(directory / path)
    before = workshop.entries(directory)
    (directory / own[0]).write_text(brief)
    (directory / own[1]).write_text(SCRIPT)
    (directory / own[1]).chmod(0o755)
    editable = {
        path: data
        for path in before
        if workshop.editable(path)
        and (data := workshop.read(directory, path, limit=_MOST_BYTES)) is not None
    }
    return Room(
        workshop=workshop,
        directory=directory,
        before=before,
        editable=editable,
        left_out=tuple(left_out),
        own=own,
    )


def own_names(paths: Iterable[str]) -> tuple[str, str]:
    """Names of the brief and of the script that evaluates, where the program has these paths."""
    tops = {path.partition("/")[0] for path in paths}
    brief, evaluate = (name if name not in tops else f"move37-{name}" for name in (BRIEF, EVALUATE))
    return brief, evaluate


def _named(paths: Mapping[str, Entry], names: tuple[str, ...]) -> set[str]:
    """The topmost of these paths, directories included, that have one of these names."""
    found: set[str] = set()
    for path in paths:
        parts = path.split("/")
        first = next((end for end, part in enumerate(parts, 1) if part in names), None)
        if first is not None:
            found.add("/".join(parts[:first]))
    return found


def _word(kind: str) -> str:
    return "symbolic link" if kind == "link" else "pipe, socket or device"


def _listed(paths: list[str]) -> str:
    tops = Counter(path if path.count("/") < 2 else path.rpartition("/")[0] + "/" for path in paths)
    named = ", ".join(repr(path) for path in list(tops)[:_NOTED])
    more = len(tops) - _NOTED
    return named if more <= 0 else f"{named} and {more} more"
