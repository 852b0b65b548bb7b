"""Where a command's answer goes: text for people, or one JSON object for programs."""

import os
import sys
from typing import Any, TextIO

import click

from move37.report.words import Paint, ansi, encodable, plain


class Closed(Exception):
    """Whoever read our output has left: there is nobody to tell anything to."""


class Screen:
    """Standard output and standard error of one command."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json

    @property
    def width(self) -> int | None:
        """Columns of the terminal; `None` in a pipe or a file, where lines are left whole."""
        if not sys.stdout.isatty():
            return None
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80

    @property
    def paint(self) -> Paint:
        return ansi if has_colour(sys.stdout) else plain

    def answer(self, record: Any, text: str) -> None:
        """Print the answer: `record` as JSON, or its `text`. Nothing happens when nobody reads it."""
        if self.json:
            from move37.report.encode import as_json

            text = as_json(record)
        try:
            write(sys.stdout, text)
        except Closed:
            leave_quietly()

    def say(self, text: str) -> None:
        """Something by the way: on standard error where standard output is for programs."""
        write(sys.stderr if self.json else sys.stdout, text)


def write(stream: TextIO, text: str) -> None:
    """Print whatever the stream's encoding. Raises `Closed` when nobody reads it any more."""
    try:
        click.echo(encodable(text, stream.encoding), file=stream, color=True)
    except BrokenPipeError as error:
        raise Closed from error


def write_exactly(text: str) -> None:
    """Print a diff or a patch as it is, byte for byte, in UTF-8. Raises `Closed`."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise Closed from error


def leave_quietly() -> None:
    """Let Python's own flush at exit find a place to write to after `Closed`."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def has_colour(stream: TextIO) -> bool:
    """A terminal that can, and a person who did not say no (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
