"""A session as it goes: a live view on a terminal, plain lines anywhere else. And Ctrl-C."""

import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from threading import Lock
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from move37.core.events import Event, Stop
from move37.faces.cli.screen import Closed, has_colour, write
from move37.faces.cli.watching import Watching, frame
from move37.report.words import ansi, plain

if TYPE_CHECKING:
    from rich.text import Text

Watch = Callable[[Event], None]

SOON = "finishing what runs; Ctrl-C again stops now\n"
NOW = "stopping now\n"


@contextmanager
def watching(stop: Stop, *, stream: TextIO, lines: bool = False) -> Generator[Watch]:
    """Show a session on this stream while the block runs; Ctrl-C asks it to stop.

    lines: plain lines even on a terminal.
    """
    fancy = not lines and can_draw(stream)
    with _interrupts(stop, say=None if fancy else stream):
        if fancy:
            with _drawn(stop, stream) as watch:
                yield watch
        else:
            yield _printed(stop, stream)


def can_draw(stream: TextIO) -> bool:
    """A terminal that can move its cursor and shows more than ASCII."""
    encoding = (stream.encoding or "").lower().replace("-", "")
    return (
        stream.isatty() and os.environ.get("TERM") not in (None, "", "dumb") and encoding == "utf8"
    )


def _printed(stop: Stop, stream: TextIO) -> Watch:
    state, lock = Watching(), Lock()

    def watch(event: Event) -> None:
        with lock:  # remarks come from other threads
            for line in state.take(event, time.monotonic()):
                try:
                    write(stream, line)
                    stream.flush()
                except Closed:
                    # Nobody watches any more: end as if asked to, rather than go on unseen for hours.
                    if not stop.soft:
                        stop.request()

    return watch


@contextmanager
def _drawn(stop: Stop, stream: TextIO) -> Generator[Watch]:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    state, lock = Watching(), Lock()
    console = Console(file=stream, force_terminal=True)
    paint = ansi if has_colour(stream) else plain

    def draw() -> "Text":
        with lock:
            lines = frame(
                state,
                time.monotonic(),
                width=console.width,
                height=console.height,
                stopping=stop.requests,
                paint=paint,
            )
        return Text.from_ansi("\n".join(lines), no_wrap=True, end="")

    def watch(event: Event) -> None:
        with lock:
            said = state.take(event, time.monotonic())
        del said  # the frame says it all

    with Live(
        console=console,
        get_renderable=draw,
        refresh_per_second=5,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield watch


@contextmanager
def _interrupts(stop: Stop, *, say: TextIO | None) -> Generator[None]:
    """Turn Ctrl-C, a polite kill and a closed terminal into wishes to stop.

    A third one is no wish any more. Whoever ignores the closing of the terminal (`nohup`) still does.
    """

    def handle(number: int, _: FrameType | None) -> None:
        asked = stop.request()
        if asked > 2:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        if say is not None:
            # Not through the stream, which may be in the middle of a write. Where it has no file
            # behind it, or is closed, the wish counts all the same.
            with suppress(OSError, ValueError):
                os.write(say.fileno(), (SOON if asked == 1 else NOW).encode())

    before = {
        number: signal.signal(number, handle)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def progress_stream(*, json: bool) -> TextIO:
    """Standard output belongs to the answer when that is for programs."""
    return sys.stderr if json else sys.stdout
