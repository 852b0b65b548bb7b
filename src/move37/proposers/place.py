"""What a proposer that asks somebody outside needs of its surroundings. Handed in by `move37.app`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from move37.core.protocols import Request, Sandbox
from move37.core.records import Mount, Outcome, Task
from move37.proposers.context.quoting import Data

Entry = tuple[Literal["file", "link", "other"], int, int]
"""What something in a directory is, its size in bytes, and when it was last changed."""


class Workshop(Protocol):
    """Where an agent works: fenced in, on copies. Everything here may be called from any thread."""

    @property
    def links(self) -> Sequence[Mount]:
        """What the task links, to be shown in each workspace."""
        ...

    @property
    def hidden(self) -> Sequence[str]:
        """Topmost paths of the task that nobody but the judge may see."""
        ...

    def editable(self, path: str) -> bool:
        """Whether a candidate may change, add or remove the file of this path."""
        ...

    def bench(self, read: Sequence[str]) -> tuple[Sandbox, Path]:
        """A new sandbox, for one program at a time, and an empty directory to go with it.

        read: more absolute paths that it shows.
        """
        ...

    def fresh(self, directory: Path) -> Path:
        """An empty directory that only we can enter; whatever was there before is removed."""
        ...

    def remove(self, directory: Path) -> None:
        """With all that is in it, whatever a program left there."""
        ...

    def entries(self, directory: Path) -> Mapping[str, Entry]:
        """All files below it, however hostile; links are not followed."""
        ...

    def read(self, directory: Path, path: str, *, limit: int) -> bytes | None:
        """An ordinary file. `None`: there is none, it is bigger, or a link leads there."""
        ...

    def try_out(
        self,
        commit: str,
        changes: Mapping[str, bytes | None],
        *,
        seed: int,
        stop: Callable[[], bool],
    ) -> Outcome | None:
        """Run the evaluation once on a changed program, as a trial would be. `None`: stopped."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a proposer works."""

    task: Task
    environment: Mapping[str, str]
    """The user's environment variables: keys are read from here, and nowhere else."""
    scratch: Path
    """A directory of ours for workspaces; it need not exist yet."""
    write: Callable[[str, Path], None]
    """Write all files of a commit, but for hidden ones, into an existing, empty directory. From any thread."""
    workshop: Callable[[], Workshop] | None = None
    """For those that run programs; not to be called before the engine has begun to work, for only then
    is it known what fences programs in here. `None`: there is none."""
    references: Callable[[Request], Sequence[Data]] | None = None
    """Quotes from the user's references that bear on a request. `None`: nobody looks for any."""
    posts: Callable[[Request], Sequence[str]] | None = None
    """Posts of the board that bear on a request, the most useful first. `None`: nobody looks for any."""
