"""Finding a program that the user installed, and what it needs to be able to read in order to run.

A program is often a link to a script below somebody's home directory, whose interpreter is somewhere
else. Only what it is made of is named: never the home directory itself.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
_MOST_LINKS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One that was found."""

    words: tuple[str, ...]
    """How it is started, by absolute paths: an interpreter first, where it is a script."""
    read: tuple[str, ...]
    """What it needs to read besides the system's own directories."""


def find_program(name: str, environment: Mapping[str, str]) -> Program | None:
    """The program that a shell would start by this name. `None`: there is none."""
    path = environment.get("PATH", "")
    found = shutil.which(name, path=path)
    if found is None:
        return None
    script = Path(found).resolve()
    words, read = [str(script)], [*_needs(script)]
    if (interpreter := _interpreter(script, path)) is not None:
        words = [*interpreter, str(script)]
        # By the name that it is called by, not the file behind it: a Python finds its packages by that.
        read += [place for step in _steps(Path(interpreter[0])) for place in _needs(step)]
    return Program(words=tuple(words), read=tuple(dict.fromkeys(map(str, read))))


def _interpreter(script: Path, path: str) -> tuple[str, ...] | None:
    """The words of its first line, the program looked up; `None` where it is no script."""
    try:
        with script.open("rb") as file:
            line = file.readline(1024)
    except OSError:
        return None
    words = line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []
    if words and words[0].endswith("/env"):
        words = [word for word in words[1:] if word != "-S"]
    found = shutil.which(words[0], path=path) if words else None
    return None if found is None else (str(Path(found).absolute()), *words[1:])


def _steps(program: Path) -> Iterator[Path]:
    """A program and the links on the way to its file."""
    for _ in range(_MOST_LINKS):
        yield program
        if not program.is_symlink():
            return
        program = Path(program.parent / program.readlink())


def _needs(program: Path) -> Iterator[Path]:
    """What a program's file needs beside it."""
    program = program.parent.resolve() / program.name
    if any(program.is_relative_to(place) for place in _SYSTEM):
        return
    modules = [parent for parent in program.parents if parent.name == "node_modules"]
    root = program.parent.parent
    if modules:
        yield modules[-1]  # the outermost: what it imports may lie beside it
    elif program.parent.name == "bin" and _is_python(root):
        yield root
    else:
        yield program


def _is_python(root: Path) -> bool:
    return (root / "pyvenv.cfg").exists() or any(root.glob("lib/python3*"))
