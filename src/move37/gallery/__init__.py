"""Tasks that ship with the package and run offline."""

from pathlib import Path

from move37.core.errors import Move37Error
from move37.gallery import bpb, tabular
from move37.gallery.entry import GalleryEntry

__all__ = ["GalleryEntry", "describe", "install", "names"]

ENTRIES = {entry.name: entry for entry in (bpb.ENTRY, tabular.ENTRY)}


def names() -> tuple[str, ...]:
    """Return the names of all gallery tasks, the one to begin with first."""
    return tuple(ENTRIES)


def describe(name: str) -> GalleryEntry:
    """Return what there is to know about a task. Raises `Move37Error` for an unknown name."""
    if name not in ENTRIES:
        raise Move37Error(f"there is no gallery task {name!r}; there are {', '.join(ENTRIES)}")
    return ENTRIES[name]


def install(name: str, directory: Path) -> None:
    """Put a task into a new or empty directory and build its data there, which takes a second.

    Safe to repeat: what is missing is put back, and nothing that is there is overwritten, such as a
    `train.py` that somebody improved. Raises `Move37Error` for an unknown name, for a directory that
    holds anything else, and when the data cannot be built.
    """
    from move37.gallery.installing import install_task

    install_task(describe(name).name, directory)
