"""A screen that watches, driven by keys, and what it shows as text."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from move37.faces.tui.dress import Dress
from move37.faces.tui.watch import Watch

Play = Callable[[Watch, Pilot[None]], Awaitable[None]]


def watch(
    root: Path, play: Play, *, size: tuple[int, int] = (80, 24), dress: Dress | None = None
) -> None:
    """Play while the screen is up."""

    async def run() -> None:
        app = Watch(root, dress or Dress(has_colour=False))
        async with app.run_test(size=size) as pilot:
            await until(app, pilot, lambda: app.shown is not None)
            await play(app, pilot)

    asyncio.run(run())


async def until(app: Watch, pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Until what is shown is so. Fails with the screen after a long while."""
    for _ in range(600):
        await pilot.pause(0.05)
        if holds():
            return
    raise AssertionError("\n".join(screen(app)))


async def turn(app: Watch, pilot: Pilot[None], key: str) -> str:
    """Press a key, and read the screen when what it asks for is there."""
    await pilot.press(key)
    await until(
        app, pilot, lambda: app.shown is not None and app.shown.wanted.page == app.wanted.page
    )
    await pilot.pause()
    return "\n".join(screen(app))


def screen(app: Watch) -> list[str]:
    """The lines of the screen, as they are drawn."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage]
    return [strip.text.ljust(width) for strip in lines[:height]]


EVALUATE = """\
awk -v seed="$MOVE37_SEED" -F ' = ' '
  /rate/  { loss += (log($2) + 2) ^ 2 }
  /width/ { loss += (log($2) - 5) ^ 2 }
  END     { printf "loss: %.6f\\n", loss + (seed % 1000) / 10000 }
' program.py
"""


def write_watched(directory: Path) -> Path:
    """A task of two constants."""
    directory.mkdir()
    (directory / "program.py").write_text("rate = 0.01\nwidth = 64\n")
    (directory / "evaluate.sh").write_text(EVALUATE)
    (directory / "move37.toml").write_text(
        'goal = "Lower the loss."\n[files]\nedit = ["program.py"]\n\n'
        '[evaluate]\nrun = "sh evaluate.sh"\ntimeout = "30s"\nmemory = "512MB"\n\n'
        '[metric]\nname = "loss"\ngoal = "minimize"\n'
    )
    return directory
