"""What an answer of a model consists of, before it meets the files that it is about."""

from collections.abc import Sequence
from dataclasses import dataclass

from move37.core.errors import Unreadable

Lines = tuple[str, ...]
"""Of a text, without their line ends."""

_MOST_PROBLEMS = 4
"""So many are told at once: a model mends what it can see in one go."""


class Problem(Exception):
    """One thing that is wrong with an answer, in words for the model that wrote it."""


def unreadable(problems: Sequence[str]) -> Unreadable:
    """All that is wrong, as the error that the model gets to read."""
    shown = list(problems[:_MOST_PROBLEMS])
    if len(problems) > _MOST_PROBLEMS:
        shown.append(f"{len(problems) - _MOST_PROBLEMS} more parts of the answer were refused too")
    return Unreadable("\n".join(shown))


@dataclass(frozen=True, kw_only=True, slots=True)
class Swap:
    """Lines that are to be found in a file, and what comes in their place."""

    name: str
    """What it is called when we talk about it, such as `block 2`."""
    path: str | None
    """As the answer names it. `None`: not named."""
    readings: tuple[tuple[Lines, Lines], ...]
    """Old and new lines. More than one where the text can be cut in several ways."""
    line: int | None = None
    """Where a diff says that it is, from 0."""
    section: str = ""
    """What a diff says that it is in, such as `def train(`."""
    newline_at_end: bool | None = None
    """Whether a diff says that the file ends with a line end. `None`: as it was."""
    times: int = 1
    """So often does the answer say the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A file from its first line to its last."""

    name: str
    path: str | None
    lines: Lines
    is_marked: bool = False
    """The answer says in so many words that this is all of the file."""
    is_shorter: bool = False
    """And that it is meant to be much shorter than it was."""
    is_mentioned: bool = False
    """The path is taken from a sentence above it."""
    is_new: bool = False
    """The answer says that there is no such file yet."""
    newline_at_end: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gone:
    """A file that is to be deleted."""

    name: str
    path: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Renamed:
    """A file that is to get another path."""

    name: str
    path: str | None
    new_path: str


Item = Swap | Whole | Gone | Renamed
