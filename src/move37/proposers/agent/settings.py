"""What a `[[proposer]]` table of kind `agent` may say."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, NoReturn

from move37.core.errors import TaskError
from move37.proposers.agent.clients import CLIENTS

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSettings:
    """One agent: a known client, or any command."""

    client: str | None = None
    """`claude`, `codex`, `opencode`, `gemini` or `pi`."""
    command: str | None = None
    """Instead: a shell command. It is told what to do on stdin, or where it has `{prompt}` or `{prompt_file}`."""
    model: str | None = None
    """As the client calls it. `None`: the client's own choice."""
    timeout: float = 1200.0
    """Seconds that one question may take; in a task, `"20m"`."""
    turns: int | None = None
    """So many times may it call its model, or a tool where only these are told. `None`: as it likes."""
    usd: float | None = None
    """Dollars that one question may cost. `None`: 1 where the task has a budget of dollars, else no limit."""
    at_once: int = 1
    """So many may work at the same time."""
    evaluations: int = 20
    """So often may it run the evaluation in one question; 0: never."""
    arguments: tuple[str, ...] = ()
    """More arguments for a known client."""
    env: tuple[str, ...] = ()
    """More variables that it is given, such as the key of a `command`."""
    read: tuple[str, ...] = ()
    """More absolute paths that it can read."""
    posts: bool = True
    """Whether it is told the posts of the board that bear on the parent."""

    @property
    def name(self) -> str:
        """The client's, or that of the command's program."""
        if self.client is not None:
            return self.client
        words = (self.command or "").split()
        return words[0].rpartition("/")[2] if words else "command"

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> "AgentSettings":
        """Read them from a task. Raises `TaskError` for an unknown key, wrong type or odd value."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(options) - set(known)):
            _fail(f"unknown key {unknown[0]!r}; the keys are {', '.join(known)}")
        settings = cls(**{key: _READERS[key](key, value) for key, value in options.items()})
        if (settings.client is None) == (settings.command is None):
            _fail(
                'name one agent: either client, such as "claude", or command, such as '
                '"my-agent --file {prompt_file}"'
            )
        if settings.client is not None and settings.client not in CLIENTS:
            _fail(
                f"unknown client {settings.client!r}; the known ones are {', '.join(CLIENTS)}, and any "
                "other agent can be a command"
            )
        if settings.command is not None and (settings.arguments or settings.model):
            _fail("arguments and model are for a client; write them into the command")
        return settings


def _fail(message: str) -> NoReturn:
    raise TaskError(f"proposer 'agent': {message}")


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        _fail(f"{key} must be a text, not {value!r}")
    return value.strip()


def _texts(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        _fail(f"{key} must be a list of texts, not {value!r}")
    return tuple(_text(key, each) for each in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _variables(key: str, value: object) -> tuple[str, ...]:
    names = _texts(key, value)
    for name in names:
        if not _VARIABLE.fullmatch(name) or name.startswith("MOVE37_"):
            _fail(f"{key}: {name!r} is no name of a variable that can be passed on")
    return names


def _paths(key: str, value: object) -> tuple[str, ...]:
    paths = _texts(key, value)
    for path in paths:
        if not path.startswith(("/", "~/")):
            _fail(f"{key}: {path!r} must be an absolute path")
    return paths


def _whole(least: int, most: int) -> Callable[[str, object], int]:
    def read(key: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            _fail(f"{key} must be a whole number from {least} to {most}, not {value!r}")
        return value

    return read


def _truth(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        _fail(f"{key} must be true or false, not {value!r}")
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _dollars(key: str, value: object) -> float:
    dollars = _number(value)
    if dollars is None or dollars <= 0:
        _fail(f"{key} must be a number of dollars above 0, not {value!r}")
    return dollars


def _seconds(key: str, value: object) -> float:
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(found[1]) * _UNITS[found[2]] if found else _number(value)
    if seconds is None or not 1 <= seconds <= 86_400:
        _fail(f'{key} must be a time from "1s" to "24h", such as "20m", not {value!r}')
    return seconds


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "client": _text,
    "command": _text,
    "model": _text,
    "timeout": _seconds,
    "turns": _whole(1, 10_000),
    "usd": _dollars,
    "at_once": _whole(1, 16),
    "evaluations": _whole(0, 1000),
    "arguments": _texts,
    "env": _variables,
    "read": _paths,
    "posts": _truth,
}
