"""Whom to notify, and of what: settings of the user, never of a task, as their addresses hold secrets.

They are in `notify.toml` in the user's configuration, readable to them alone, and in the environment. Nothing of them is
stored in a study, shown, or handed on to a program that is started.
"""

import stat
import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from move37.core.errors import Move37Error
from move37.report.notices import KINDS, NoticeKind

VARIABLE = "MOVE37_NOTIFY_URLS"
_KEYS = ("urls", "on", "every_minutes")


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifySettings:
    """No addresses: nobody is notified."""

    urls: tuple[str, ...] = field(default=(), repr=False)
    """As Apprise reads them."""
    on: frozenset[NoticeKind] = frozenset(KINDS)
    every_minutes: float = 10.0
    """Of each kind at most one in so many minutes; the end is always told."""

    @property
    def services(self) -> tuple[str, ...]:
        """What kind each address is, such as `discord`: all that may be shown of it."""
        return tuple(_service(url) for url in self.urls)


def notify_file(environment: Mapping[str, str]) -> Path:
    """Where the settings of the user are."""
    base = environment.get("XDG_CONFIG_HOME")
    home = Path(environment.get("HOME") or "~").expanduser()
    return (Path(base) if base else home / ".config") / "move37" / "notify.toml"


def read_notify(environment: MutableMapping[str, str]) -> NotifySettings:
    """The user's settings. The addresses are taken out of the environment: nothing that is started inherits them.

    Set and empty, the variable turns notifications off. Raises a `Move37Error` that says what to write instead.
    """
    given = environment.pop(VARIABLE, None)
    if given is not None and not given.strip():
        return NotifySettings()
    path = notify_file(environment)
    settings = NotifySettings()
    if (data := _read(path)) is not None:
        settings = _parsed(data, path)
    if given is None:
        return settings
    urls = tuple(given.split())
    for url in urls:
        _check(url, VARIABLE)
    return NotifySettings(
        urls=(*settings.urls, *urls), on=settings.on, every_minutes=settings.every_minutes
    )


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Move37Error(f"{path} cannot be read ({error.strerror}); see to it") from error
    if mode & 0o077:
        raise Move37Error(
            f"{path} holds addresses that others may read (mode {mode:o}); `chmod 600 {path}`"
        )
    return data


def _parsed(data: bytes, path: Path) -> NotifySettings:
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Its message may quote a line with an address in it.
        raise Move37Error(
            f"{path} is no TOML in UTF-8; `move37 notify --help` has an example"
        ) from error
    for key in table:
        if key not in _KEYS:
            raise Move37Error(f"{path}: unknown key {key!r}; the known ones are {', '.join(_KEYS)}")
    urls = _strings(table.get("urls", []), "urls", path)
    for url in urls:
        _check(url, str(path))
    on = _strings(table.get("on", list(KINDS)), "on", path)
    for kind in on:
        if kind not in KINDS:
            raise Move37Error(
                f"{path}: on: unknown {kind!r}; the known ones are {', '.join(KINDS)}"
            )
    every: Any = table.get("every_minutes", 10.0)
    if isinstance(every, bool) or not isinstance(every, int | float) or not 0 <= every < 1e6:
        raise Move37Error(f"{path}: every_minutes is {every!r}; write minutes, such as 10")
    return NotifySettings(
        urls=urls, on=frozenset(cast(tuple[NoticeKind, ...], on)), every_minutes=float(every)
    )


def _strings(value: Any, key: str, path: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(
        isinstance(one, str) for one in cast(list[Any], value)
    ):
        raise Move37Error(f'{path}: {key} is no list of strings; write {key} = ["…"]')
    return tuple(cast(list[str], value))


def _check(url: str, where: str) -> None:
    if not _service(url):
        raise Move37Error(
            f"{where}: an address (not shown here) has no service; write it as Apprise does, such as "
            "`mailto://…` or `discord://…`"
        )


def _service(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator and scheme.isascii() and scheme.isalnum() else ""
