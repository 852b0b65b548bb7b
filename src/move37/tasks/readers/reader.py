"""What a reader of another tool's layout is, and the choice among those that recognise a directory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from move37.core.errors import TaskError
from move37.tasks.draft import Draft
from move37.tasks.look import Look

IN_PROCESS = (
    "the evaluator imports the program, so that code of the program can change its judge: read the cheat "
    "report of whatever wins"
)
"""What has to be said of an evaluator that runs the program in its own process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Knows one tool's layout."""

    name: str
    """What `--from` takes, such as `openevolve`."""
    title: str
    """What people call it, such as `OpenEvolve`."""
    needs: str
    """What a directory has to have, in a few words, such as `prepare.py, train.py and program.md`."""
    read: Callable[[Look], Draft | None]
    """The whole task: a draft without an open question, where the layout allows that.

    `None`: it is another layout. Raises `TaskError` where it is this one and cannot be used. Reads
    files, runs nothing, writes nothing.
    """


def choose(readers: Iterable[Reader], look: Look) -> Draft | None:
    """What the one reader says that recognises the directory; `None` where none does.

    Raises `TaskError` where several do.
    """
    found = [(reader, draft) for reader in readers if (draft := reader.read(look)) is not None]
    if len(found) > 1:
        shown = " and of ".join(f"{reader.title} ({reader.needs})" for reader, _ in found)
        ways = " or ".join(f"`move37 init --from {reader.name}`" for reader, _ in found)
        raise TaskError(f"{look.root} has the layouts of {shown}; choose with {ways}")
    return found[0][1] if found else None


def read_as(readers: Sequence[Reader], name: str, look: Look) -> Draft:
    """What the reader of this name says. Raises `TaskError` where it does not recognise the directory."""
    reader = need_reader(readers, name)
    draft = reader.read(look)
    if draft is None:
        raise TaskError(
            f"{look.root} is not laid out as {reader.title} is: that has {reader.needs}; "
            "leave out --from to let move37 look for itself"
        )
    return draft


def need_reader(readers: Sequence[Reader], name: str) -> Reader:
    """The reader of this name. Raises `TaskError`, naming the known ones."""
    for reader in readers:
        if reader.name == name.lower():
            return reader
    known = ", ".join(reader.name for reader in readers)
    place = " and no directory" if not Path(name).exists() else ""
    raise TaskError(f"{name!r} is no layout that is known here{place}; known: {known}")
