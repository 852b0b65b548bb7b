"""Which studies this user has: the directories where one was run, kept in the user's own state directory.

A study that has vanished is passed over. Nothing here may keep a run from its work.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from move37.app.study import STUDY, find_root

_MOST = 500
"""So many are listed at most, the latest first."""


def remember_study(root: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Note that there is a study here. Where the note cannot be written, there is none."""
    root = root.resolve()
    with suppress(OSError, RuntimeError):
        directory = state_directory(environment) / "studies"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = os.fsencode(root)
        note = directory / hashlib.sha256(data).hexdigest()[:16]
        fresh = note.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(data)
        fresh.replace(note)


def known_studies(
    here: Iterable[Path] = (), environment: Mapping[str, str] = os.environ
) -> Sequence[Path]:
    """The directories of all studies that are still there: those of `here` first, then the latest run."""
    roots = [find_root(root) for root in here]
    with suppress(OSError, RuntimeError):
        notes = [
            note for note in (state_directory(environment) / "studies").iterdir() if not note.suffix
        ]
        for note in sorted(notes, key=_when, reverse=True)[:_MOST]:
            with suppress(OSError, ValueError):
                roots.append(Path(os.fsdecode(note.read_bytes())))
    return [root for root in dict.fromkeys(roots) if _has_study(root)]


def state_directory(environment: Mapping[str, str]) -> Path:
    """Where programs of this user keep what they may lose, by the XDG base directories."""
    named = environment.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".local" / "state"
    return base / "move37"


def _has_study(root: Path) -> bool:
    with suppress(OSError, ValueError):
        return root.is_absolute() and (root / STUDY / "study.db").is_file()
    return False


def _when(note: Path) -> float:
    try:
        return note.stat().st_mtime
    except OSError:
        return 0.0
