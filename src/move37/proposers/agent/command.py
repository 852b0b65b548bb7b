"""How an agent is called on this machine: its program, its key, its home, and what it needs to read."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from move37.core.errors import TaskError
from move37.proposers.agent.clients import CLIENTS, Client, Given, wanted_keys
from move37.proposers.agent.programs import Program, find_program
from move37.proposers.agent.settings import AgentSettings
from move37.proposers.agent.words import secrets_of

PROMPT_NAME: Final = "prompt.md"
"""Of the file in `$MOVE37_OUT` that says what to do."""

_PROMPT: Final = f'"$MOVE37_OUT/{PROMPT_NAME}"'
_MOST_ARGUMENT: Final = 100_000
"""Longer texts cannot be an argument of a program (Linux: 128 KB)."""
_NETWORK: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """How an agent is called here."""

    program: tuple[str, ...]
    line: Callable[[str], str]
    """A shell command, given the prompt, which also lies in a file."""
    environment: Mapping[str, str]
    secrets: tuple[str, ...]
    home: Mapping[str, str]
    read: tuple[str, ...]
    client: Client | None


def find_command(settings: AgentSettings, environment: Mapping[str, str], *, usd: float) -> Command:
    """
    environment: the user's variables.
    usd: so many dollars may a session cost; 0: no limit.
    Raises `TaskError`, which says what to install or to set, where it cannot be called.
    """
    client = None if settings.client is None else CLIENTS[settings.client]
    given = _given(settings, client, environment)
    if client is None:
        return _own_command(settings, environment, given)
    return _client_command(settings, client, environment, given, usd)


def _given(
    settings: AgentSettings, client: Client | None, environment: Mapping[str, str]
) -> Mapping[str, str]:
    """What an agent finds of the user's variables. Raises `TaskError` where it has no key."""
    names = [name for name in (*_NETWORK, *_CERTIFICATES) for name in (name, name.lower())]
    names += settings.env
    if client is not None:
        wanted = (*settings.env, *wanted_keys(client, settings.model))
        keys = [name for name in wanted if environment.get(name)]
        addresses = [name for name in client.addresses if environment.get(name)]
        if not keys and not addresses:
            raise TaskError(
                f"proposer 'agent': {client.title} has no key; set "
                f"{' or '.join(wanted_keys(client, settings.model))} in the environment that move37 runs in"
            )
        names += [*keys[:1], *addresses]
    return {name: environment[name] for name in names if environment.get(name)}


def _client_command(
    settings: AgentSettings,
    client: Client,
    environment: Mapping[str, str],
    given: Mapping[str, str],
    usd: float,
) -> Command:
    program = find_program(client.name, environment)
    if program is None:
        raise TaskError(
            f"proposer 'agent': there is no {client.name!r} on the PATH; install {client.title} with "
            f"`{client.install}`, or choose another client"
        )
    values = {"model": settings.model, "turns": settings.turns, "usd": usd and f"{usd:g}"}
    flags = [
        word.format(**values)
        for name in ("model", "turns", "usd")
        for word in getattr(client, name)
        if values[name]
    ]
    begin = 0 if client.arguments[0].startswith("-") else 1  # a subcommand comes before all flags
    first, rest = client.arguments[:begin], client.arguments[begin:]
    words_before = shlex.join((*program.words, *first, *flags, *settings.arguments, *rest))

    def line(prompt: str) -> str:
        if client.channel == "stdin":
            return f"{words_before} < {_PROMPT}"
        if len(prompt.encode()) > _MOST_ARGUMENT:
            return f"{words_before} 'Read MOVE37.md here, and do what it says.' < /dev/null"
        return f'{words_before} "$(cat {_PROMPT})" < /dev/null'

    home = client.home(Given(environment=given, model=settings.model, turns=settings.turns))
    return Command(
        program=program.words,
        line=line,
        environment={**given, **client.variables},
        secrets=secrets_of(given, (*client.keys, *settings.env)),
        home=home,
        read=_readable(program, settings, given),
        client=client,
    )


def _own_command(
    settings: AgentSettings, environment: Mapping[str, str], given: Mapping[str, str]
) -> Command:
    assert settings.command is not None
    first, _, rest = settings.command.partition(" ")
    program = None if "/" in first else find_program(first, environment)
    text = settings.command
    if program is not None and program.read:
        text = f"{shlex.join(program.words)} {rest}"
    line = text.replace("{prompt_file}", _PROMPT).replace("{prompt}", f'"$(cat {_PROMPT})"')
    source = "/dev/null" if line != text else _PROMPT
    return Command(
        program=(first,),
        line=lambda prompt: f"( {line}\n) < {source}",
        environment=given,
        secrets=secrets_of(given, settings.env),
        home={},
        read=_readable(program, settings, given),
        client=None,
    )


def _readable(
    program: Program | None, settings: AgentSettings, given: Mapping[str, str]
) -> tuple[str, ...]:
    certificates = [given[name] for name in _CERTIFICATES if name in given]
    own = [str(Path(path).expanduser()) for path in settings.read]
    if missing := [path for path in own if not Path(path).exists()]:
        raise TaskError(f"proposer 'agent': read: there is no {missing[0]!r} on this machine")
    # Those of the system's own /etc are shown with every network, and nothing can be put beside them.
    shown = [
        path
        for path in certificates
        if path.startswith("/") and not path.startswith("/etc/") and Path(path).exists()
    ]
    return (*(program.read if program is not None else ()), *own, *shown)
