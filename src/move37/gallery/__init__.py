"""Tasks that ship with the package and run offline.

Each is a sub-package that says what there is to know about it in `ENTRY`, and has its files in `task/`.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from move37.core.errors import Move37Error
from move37.gallery.entry import KINDS, GalleryEntry

__all__ = ["GalleryEntry", "describe", "entries", "install", "names"]


def entries() -> tuple[GalleryEntry, ...]:
    """Return all gallery tasks in the order in which they are shown, the one to begin with first."""
    found = [
        import_module(f"{__name__}.{module.name}").ENTRY
        for module in iter_modules(__path__)
        if module.ispkg
    ]
    return tuple(sorted(found, key=lambda entry: (KINDS.index(entry.kind), entry.name)))


def names() -> tuple[str, ...]:
    """Return the names of all gallery tasks, in the order of `entries`."""
    return tuple(entry.name for entry in entries())


def describe(name: str) -> GalleryEntry:
    """Return what there is to know about a task. Raises `Move37Error` for an unknown name."""
    for entry in entries():
        if entry.name == name:
            return entry
    raise Move37Error(f"there is no gallery task {name!r}; there are {', '.join(names())}")


def install(name: str, directory: Path) -> None:
    """Put a task into a new or empty directory and build its data there, which takes a second.

    Safe to repeat: what is missing is put back, and nothing that is there is overwritten, such as a
    `train.py` that somebody improved. Raises `Move37Error` for an unknown name, for a directory that
    holds anything else, and when the data cannot be built.
    """
    from move37.gallery.installing import install_task

    entry = describe(name)
    install_task(entry.name, directory, common=entry.common)
