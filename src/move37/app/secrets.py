"""The token of the HTTP face: read from the environment, or kept in the study for its owner alone."""

import os
import secrets
from pathlib import Path

from move37.app.study import STUDY, find_root
from move37.core.errors import TaskError, Unwritable

VARIABLE = "MOVE37_MCP_TOKEN"
_LEAST = 16


def mcp_token(root: Path) -> str:
    """The same each time, so that clients need not be told again. Raises `TaskError` for a weak one."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        if len(given) < _LEAST or not given.isascii() or not given.isprintable() or " " in given:
            raise TaskError(
                f"{VARIABLE} is no token; set {_LEAST} letters and digits or more, at random"
            )
        return given
    path = find_root(root) / STUDY / "mcp-token"
    try:
        return _read(path) or _make(path)
    except OSError as error:
        raise Unwritable(
            f"{path} cannot be read or written ({error.strerror}); check its owner, or set {VARIABLE}"
        ) from error


def _read(path: Path) -> str | None:
    """`None` when there is none, or others could have read it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(descriptor, encoding="ascii", errors="replace") as file:  # noqa: PTH123 a descriptor
        status = os.fstat(descriptor)
        token = file.read(200).strip()
    is_private = status.st_mode & 0o077 == 0 and status.st_uid == os.geteuid()
    return token if is_private and len(token) >= _LEAST else None


def _make(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 a descriptor
        file.write(token + "\n")
    temporary.replace(path)
    return token
