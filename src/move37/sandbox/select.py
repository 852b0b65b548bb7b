"""Which level of sandbox to use: the strongest that proves itself here."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from move37.core.errors import SandboxError
from move37.core.protocols import Sandbox
from move37.core.records import Fence, Strength
from move37.sandbox import selftest
from move37.sandbox.bubblewrap import NOT_INSTALLED, Bubblewrap
from move37.sandbox.plain import Plain
from move37.sandbox.view import make_view

Level = Literal["root", "user", "plain"]

_LEVELS: Final[Mapping[str, Level]] = {"root": "root", "user": "user", "plain": "plain"}
"""By the name that the task file gives it, `auto` aside."""

_UNPROVED: Final = "no self-test was run in this process"
_WATCHED: Final = (
    "memory and processes are watched here, not limited by the kernel: a burst passes the limit "
    "for a moment"
)
_ALWAYS: Final = ("flaws of the kernel itself", "guessing at secrets by timing the machine")


@dataclass(frozen=True, slots=True)
class _About:
    letter: Literal["A", "B", "E"]
    name: str
    lacks: tuple[str, ...]


_ABOUT: Final[Mapping[Level, _About]] = {
    "root": _About("A", "bubblewrap as a user of its own", _ALWAYS),
    "user": _About(
        "B",
        "bubblewrap in a user namespace",
        (*_ALWAYS, "replacing a protected symbolic link (what it points to is protected)"),
    ),
    "plain": _About(
        "E",
        "no fence, limits only",
        (
            "the program can do whatever you can: read your files and keys, change them, reach the "
            "network, and change the evaluation that judges it",
            "if a worker process is killed by force, its program may outlive it",
        ),
    ),
}


def probe(fence: Fence, *, environ: Mapping[str, str] = os.environ) -> Strength:
    """Find the strongest level that holds here, by attacking it for real. Takes a second or so.

    With `fence.level` other than `auto`, that one is tested and no other. Raises `SandboxError`,
    saying what to install or to write, when there is none.
    """
    if fence.level != "auto":
        return _prove(_LEVELS[fence.level], fence, environ)
    failures: list[str] = []
    if shutil.which("bwrap") is None:
        raise SandboxError(NOT_INSTALLED)
    for level in _candidates():
        try:
            return _prove(level, fence, environ)
        except SandboxError as error:
            failures.append(str(error))
    raise SandboxError(
        f"no sandbox can be had here ({'; '.join(failures)}); repair that, or accept none by "
        'writing `level = "plain"` under [sandbox] in move37.toml'
    )


def make_sandbox(
    fence: Fence,
    *,
    slot: int,
    scratch: Path,
    strength: Strength | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Sandbox:
    """A sandbox for one worker.

    slot: the worker's number; programs of different slots run as different users where they can.
    scratch: a directory of ours for the sandbox's own files; made if need be.
    strength: what `probe` found. With it, or with an explicit `fence.level`, nothing is tested
    again. Raises `SandboxError` when there is no sandbox of this level.
    """
    if strength is None and fence.level == "auto":
        strength = probe(fence, environ=environ)
    if strength is None:
        level = _LEVELS[fence.level]
        strength = _unproved(level)
    else:
        levels: dict[str, Level] = {about.letter: level for level, about in _ABOUT.items()}
        level = levels[strength.level]
    return _make(level, fence, environ, slot=slot, scratch=scratch, strength=strength)


def _candidates() -> tuple[Level, ...]:
    return ("root", "user") if os.geteuid() == 0 else ("user",)


def _prove(level: Level, fence: Fence, environ: Mapping[str, str]) -> Strength:
    about = _ABOUT[level]
    view = make_view(fence, environ, prefix=Path(sys.prefix), base_prefix=Path(sys.base_prefix))
    attacks = selftest.WITHOUT_FENCE if level == "plain" else selftest.ALL
    with tempfile.TemporaryDirectory(prefix="move37-") as name:
        sandbox = _make(
            level, fence, environ, slot=0, scratch=Path(name, "own"), strength=_unproved(level)
        )
        try:
            proof = selftest.attack(
                sandbox, Path(name), attacks=attacks, granted=(*view.binds, *view.devices)
            )
        except SandboxError as error:
            raise SandboxError(f"sandbox level {level!r} does not work here: {error}") from None
    if proof.broken:
        raise SandboxError(
            f"sandbox level {level!r} does not hold here: it does not prevent "
            f"{'; '.join(selftest.meaning(proof.broken))}"
        )
    watched = () if sandbox.limits_by_kernel else (_WATCHED,)
    return Strength(
        level=about.letter,
        name=about.name,
        holds=selftest.meaning(proof.held),
        lacks=(*about.lacks, *watched),
    )


def _unproved(level: Level) -> Strength:
    about = _ABOUT[level]
    return Strength(level=about.letter, name=about.name, holds=(), lacks=(_UNPROVED, *about.lacks))


def _make(
    level: Level,
    fence: Fence,
    environ: Mapping[str, str],
    *,
    slot: int,
    scratch: Path,
    strength: Strength,
) -> Bubblewrap | Plain:
    scratch.mkdir(parents=True, exist_ok=True)
    if level == "plain":
        return Plain(fence, slot=slot, scratch=scratch, environ=environ, strength=strength)
    return Bubblewrap(
        fence, level=level, slot=slot, scratch=scratch, environ=environ, strength=strength
    )
