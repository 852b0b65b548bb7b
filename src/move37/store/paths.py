"""Paths of a program: relative, `/`-separated, and never out of it. Names need not be valid UTF-8."""

from move37.core.errors import StudyError

FILE, PROGRAM, LINK, FOLDER, MODULE = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
"""What git calls a file, an executable one, a symbolic link, a directory, a submodule."""

OURS = frozenset({".git", ".move37"})
"""Names that are never part of a program."""


def split(path: str) -> list[bytes]:
    """Return the parts of a path. Raises `StudyError` for one that leaves the program."""
    parts = encode(path).split(b"/")
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        raise StudyError(f"{path!r} is no path inside the task; write it relative, without '..'")
    if any(part.decode("utf-8", "replace") in OURS for part in parts):
        raise StudyError(f"{path!r} cannot be changed: .git and .move37 are not part of a program")
    return parts


def encode(path: str) -> bytes:
    """As the file system knows it."""
    return path.encode("utf-8", "surrogateescape")


def decode(path: bytes) -> str:
    """The inverse of `encode`."""
    return path.decode("utf-8", "surrogateescape")


def in_the_way(path: str) -> StudyError:
    return StudyError(
        f"{path!r} cannot be stored: it would have to be a file and a directory at once; "
        "delete the one before adding the other"
    )
