"""`skill`: instructions for interactive agents, written where their clients look for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from move37.core.errors import HomeError, TaskError
from move37.report.results import Skilled

_AGENTS = ".agents/skills"
"""The place that Codex, OpenCode and Gemini CLI share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """Where a client looks for skills."""

    project: str
    """Below the project's root."""
    user: str
    """Below the home directory."""


CLIENTS: Mapping[str, Client] = {
    "claude": Client(project=".claude/skills", user=".claude/skills"),
    "codex": Client(project=_AGENTS, user=_AGENTS),
    "opencode": Client(project=".opencode/skills", user=".config/opencode/skills"),
    "gemini": Client(project=".gemini/skills", user=".gemini/skills"),
}
_ALL = ("claude", "codex")
"""Two places that all four read."""


def skill_text() -> str:
    """The SKILL.md that ships with this version."""
    return Path(__file__).with_name("SKILL.md").read_text(encoding="utf-8")


def install_skill(
    root: Path, client: str = "all", *, user: bool = False, force: bool = False
) -> Skilled:
    """Write SKILL.md for a client, or for all: into the project, or for every project of the user.

    force: also over a file of that name which is not as any move37 wrote it there.
    Raises `HomeError` for one that would be overwritten, changing nothing, and `TaskError` for an unknown client.
    """
    if client != "all" and client not in CLIENTS:
        raise TaskError(f"unknown client {client!r}; choose {', '.join(CLIENTS)} or all")
    chosen: Sequence[str] = _ALL if client == "all" else (client,)
    text, base = skill_text(), Path.home() if user else root.resolve()
    places = [CLIENTS[name].user if user else CLIENTS[name].project for name in chosen]
    files = [base / place / "move37" / "SKILL.md" for place in places]
    if not force and (theirs := [path for path in files if _is_theirs(path, text)]):
        raise HomeError(
            f"{theirs[0]} is there and is not what this version writes; look at it, "
            "then write it again with --force"
        )
    written: list[Path] = []
    for path in files:
        if path.is_file() and path.read_bytes() == text.encode():
            continue
        _write(path, text)
        written.append(path)
    return Skilled(files=tuple(files), written=tuple(written))


def _is_theirs(path: Path, text: str) -> bool:
    if path.is_symlink():
        return True
    return path.exists() and not (path.is_file() and path.read_bytes() == text.encode())


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HomeError(
            f"{path} cannot be written ({error.strerror}); check who owns the directory"
        ) from error
