"""Other engines, from the package index, each in a virtual environment of its own."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from move37.core.errors import Move37Error

_MINUTES = 20


@dataclass(frozen=True, slots=True)
class Package:
    """One release, as the index has it."""

    name: str
    version: str
    command: str
    """That it installs."""


OPENEVOLVE = Package("openevolve", "0.4.1", "openevolve-run")
SHINKA = Package("shinka-evolve", "0.0.7", "shinka_run")
SKYDISCOVER = Package("skydiscover", "0.1.0", "skydiscover-run")


class NotInstalled(Move37Error):
    """A peer cannot be had here. The message is the installer's last line."""


def install(package: Package, cache: Path) -> Path:
    """Make sure that it is there; return its command. Raises `NotInstalled`."""
    home = cache / package.name
    command = home / "bin" / package.command
    if not _is_there(package, home):
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotInstalled(f"{cache}: no room for other engines ({error.strerror})") from error
        _run([sys.executable, "-m", "venv", "--clear", str(home)], package)
        wanted = f"{package.name}=={package.version}"
        _run([str(home / "bin" / "python"), "-m", "pip", "install", "-q", wanted], package)
    if not command.exists():
        raise NotInstalled(
            f"{package.name} {package.version} brings no command {package.command!r}"
        )
    return command


def _is_there(package: Package, home: Path) -> bool:
    """Written last by the installer: a half installed environment is made again."""
    record = f"{package.name.replace('-', '_')}-{package.version}.dist-info/RECORD"
    return any(home.glob(f"lib/python*/site-packages/{record}"))


def _run(command: Sequence[str], package: Package) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60 * _MINUTES
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"{package.name}: not installed within {_MINUTES} minutes") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise NotInstalled(f"{package.name} {package.version}: {last}")
