"""What a proposer that asks somebody outside needs of its surroundings. Handed in by `move37.app`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from move37.core.protocols import Request
from move37.core.records import Task
from move37.proposers.quoting import Data


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
    references: Callable[[Request], Sequence[Data]] | None = None
    """Quotes from the user's references that bear on a request. `None`: nobody looks for any."""
