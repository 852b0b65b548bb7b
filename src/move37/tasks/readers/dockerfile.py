"""A Dockerfile, read for what a sandbox can stand in for: files, directories, variables, packages.

Nothing is built. A line that would need a container, the network or another base is a `Cannot` with its
number, and so is whatever is not understood.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import join, normpath
from shutil import which
from typing import cast


class Cannot(Exception):
    """A line that cannot be had here. `str()` is what it wants, such as "installs redis-server"."""

    def __init__(self, line: int, text: str, problem: str) -> None:
        super().__init__(f"line {line} (`{_shorten(text)}`) {problem}")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, in words of the shim (`scripts/harbor.py`)."""

    kind: str
    """`workdir`, `copy`, `env`, `run` or `package`."""
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str

    def cannot(self, problem: str) -> Cannot:
        return Cannot(self.number, self.text, problem)


_BASES = re.compile(r"(?:.*/)?(?:python|ubuntu|debian|buildpack-deps|bash|gcc|node)(?:[:@].*)?")
"""Images of which the programs may be here as well; what of them is needed and missing shows in the tests."""
_OF_NO_CONCERN = frozenset(
    [
        "CMD",
        "ENTRYPOINT",
        "EXPOSE",
        "LABEL",
        "MAINTAINER",
        "HEALTHCHECK",
        "STOPSIGNAL",
        "VOLUME",
        "SHELL",
        "USER",
        "ARG",
        "ONBUILD",
    ]
)
_TIDIES = re.compile(
    r"(?:apt|apt-get)\s+(?:-\S+\s+)*(?:update|clean|autoclean|autoremove|upgrade)\b.*|rm\s+-rf\s+/var/lib/apt/lists\S*"
    r"|rm\s+-rf\s+/(?:root/\.cache|var/cache/apt)\S*|(?:python3?\s+-m\s+)?pip3?\s+install\s+(?:-\S+\s+)*(?:-U|--upgrade)\s+pip\b\s*"
)
_APT = re.compile(r"(?:sudo\s+)?(?:apt|apt-get)\s+(?:-\S+\s+)*install\s+(.*)", re.DOTALL)
_PIP = re.compile(r"(?:python3?\s+-m\s+)?(?:uv\s+)?pip3?\s+install\s+(.*)", re.DOTALL)
_FETCHES = re.compile(
    r"\b(?:curl|wget|git\s+clone|npm\s+(?:ci|i|install)|yarn|pnpm|cargo|go\s+(?:get|install|mod)|gem|conda|apk|yum|dnf"
    r"|rustup|uv\s+(?:sync|tool|add|venv|python))\b"
)
_AS_ROOT = re.compile(
    r"\b(?:useradd|adduser|groupadd|usermod|chown|chgrp|su|sudo|service|systemctl|mount)\b"
)
_VALUE_OPTIONS = frozenset(
    [
        "-i",
        "--index-url",
        "--extra-index-url",
        "-c",
        "--constraint",
        "-f",
        "--find-links",
        "--target",
        "-t",
        "--timeout",
        "--retries",
        "--trusted-host",
        "--python",
        "-p",
    ]
)
_PROGRAMS = {
    "build-essential": "gcc",
    "python3-pip": "python3",
    "python3-venv": "python3",
    "python-is-python3": "python3",
    "coreutils": "ls",
    "procps": "ps",
    "nodejs": "node",
    "golang": "go",
    "golang-go": "go",
    "xz-utils": "xz",
    "findutils": "find",
    "gnupg": "gpg",
}
"""Debian packages, and the program that tells that they are there."""
_UNCHECKED = re.compile(r"lib.*|.*-dev|fonts-.*|locales.*|tzdata|ca-certificates")
"""Those of which no program tells."""


def read_dockerfile(text: str, context: Callable[[str], str]) -> Iterator[Step]:
    """What has to be done for it, in order. Raises `Cannot`.

    context: the text of a file beside the Dockerfile, such as `requirements.txt`.
    """
    place, has_base = "/", False
    for line in _lines(text):
        word, _, rest = line.text.partition(" ")
        name, rest = word.upper(), rest.strip()
        match name:
            case "FROM":
                if has_base:
                    raise line.cannot("builds in several stages")
                has_base = True
                _check_base(line, rest)
            case "WORKDIR":
                place = join(place, _unquoted(rest))
                yield Step("workdir", (place,))
            case "COPY" | "ADD":
                yield from _copies(line, name, rest, place)
            case "ENV":
                yield from _variables(line, rest)
            case "RUN":
                yield from _commands(line, rest, context)
            case _ if name in _OF_NO_CONCERN:
                pass
            case _:
                raise line.cannot("is not understood")


def _lines(text: str) -> Iterator[_Line]:
    """Without comments, and with continued lines as one."""
    number, parts = 0, list[str]()
    for at, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#") or (not parts and not line.strip()):
            continue
        number = number if parts else at
        parts.append(line.rstrip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            yield _Line(number, " ".join(filter(None, parts)))
            parts = []
    if parts:
        yield _Line(number, " ".join(filter(None, parts)))


def _check_base(line: _Line, rest: str) -> None:
    image = next((word for word in rest.split() if not word.startswith("--")), "")
    if not _BASES.fullmatch(image):
        raise line.cannot("is a base with programs that this machine may not have")


def _copies(line: _Line, name: str, rest: str, place: str) -> Iterator[Step]:
    if "<<" in rest:
        raise line.cannot("writes a file in the Dockerfile itself")
    options = [word for word in rest.split() if word.startswith("--")]
    if any(option.startswith("--from") for option in options):
        raise line.cannot("copies from another image")
    rest = re.sub(r"^(?:--\S+\s+)+", "", rest)
    *sources, target = _words(line, rest)
    if not sources:
        raise line.cannot("is not understood")
    is_archive = name == "ADD" and re.search(r"\.(?:tar|tgz|t?[gx]z|bz2)\b|://|\.git$", rest)
    if is_archive or any(re.search(r"[*?\[$]", word) for word in (*sources, target)):
        raise line.cannot("is more than files by their names")
    is_directory = len(sources) > 1 or target.endswith("/")
    into = normpath(join(place, target)) + ("/" if is_directory else "")
    for source in sources:
        path = normpath(source.lstrip("/"))
        if path.startswith(".."):
            raise line.cannot("copies from outside environment/")
        yield Step("copy", (path, into))


def _words(line: _Line, rest: str) -> list[str]:
    if rest.startswith("["):
        try:
            found: object = json.loads(rest)
        except ValueError:
            found = None
        if isinstance(found, list):
            return [str(word) for word in cast("list[object]", found)]
    try:
        return shlex.split(rest)
    except ValueError:
        raise line.cannot("is not understood") from None


def _variables(line: _Line, rest: str) -> Iterator[Step]:
    """`NAME=value …`, or the older `NAME value`."""
    first = rest.split(None, 1)
    if len(first) == 2 and "=" not in first[0]:
        yield Step("env", (first[0], _unquoted(first[1])))
        return
    for word in _words(line, rest):
        name, is_given, value = word.partition("=")
        if not is_given:
            raise line.cannot("is not understood")
        yield Step("env", (name, value))


# --- RUN -------------------------------------------------------------------------------------------


def _commands(line: _Line, rest: str, context: Callable[[str], str]) -> Iterator[Step]:
    """What it installs has to be here; the rest is run as it is, without network, in the sandbox."""
    rest = re.sub(r"^(?:--\S+\s+)+", "", rest)
    if "<<" in rest or rest.startswith("["):
        raise line.cannot("is no plain command")
    kept: list[str] = []
    for part in (piece.strip() for piece in _parts(rest)):
        if not part or _TIDIES.fullmatch(part):
            continue
        if found := _APT.fullmatch(part):
            _need_programs(line, _words(line, found[1]))
        elif found := _PIP.fullmatch(part):
            yield from _packages(line, _words(line, found[1]), context)
        elif found := _FETCHES.search(part):
            raise line.cannot(f"fetches something with {found[0]}, and the sandbox has no network")
        elif found := _AS_ROOT.search(part):
            raise line.cannot(f"needs a container's root ({found[0]})")
        else:
            kept.append(part)
    if kept:
        yield Step("run", (str(line.number), " && ".join(kept)))


def _parts(command: str) -> Iterator[str]:
    """Split at `&&` outside of quotes."""
    quote, start, at = "", 0, 0
    while at < len(command):
        letter = command[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif command.startswith("&&", at):
            yield command[start:at]
            start, at = at + 2, at + 1
        at += 1
    yield command[start:]


def _need_programs(line: _Line, words: Sequence[str]) -> None:
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") or _UNCHECKED.fullmatch(name):
            continue
        if which(_PROGRAMS.get(name, name)) is None:
            raise line.cannot(f"installs {name}, which is not on this machine")


def _packages(line: _Line, words: Sequence[str], context: Callable[[str], str]) -> Iterator[Step]:
    rest = iter(words)
    for word in rest:
        if word in ("-r", "--requirement"):
            listed = context(normpath(next(rest, "").rpartition("/")[2]))
            yield from _packages(line, _requirements(listed), context)
        elif word in _VALUE_OPTIONS:
            next(rest, None)
        elif word.startswith("-"):
            if word in ("-e", "--editable"):
                raise line.cannot("installs a package of its own")
        elif found := re.match(r"[A-Za-z0-9][\w.-]*(?=$|[\[<>=!~;@ ])", word):
            if "://" in word:
                raise line.cannot("installs from a place on the network")
            # Its report is dropped where it is missing.
            if found[0] not in ("pip", "setuptools", "wheel", "uv", "pytest-json-ctrf"):
                yield Step("package", (str(line.number), found[0]))
        else:
            raise line.cannot("installs a package of its own")


def _requirements(text: str) -> list[str]:
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
