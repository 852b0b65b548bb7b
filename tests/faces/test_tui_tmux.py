"""`move37 watch` in a real terminal, by tmux, while a real run goes on."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watched_study import write_watched

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

COLOURS = re.compile(r"\x1b\[[0-9;]*[349][0-7]m")


class Terminal:
    """A tmux of its own."""

    def __init__(self, directory: Path) -> None:
        self._tmux = ["tmux", "-S", str(directory / "tmux"), "-f", "/dev/null"]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout

    def watch(self, root: Path, environment: str = "") -> None:
        command = f"{environment} exec {sys.executable} -m move37 -C {root} watch"
        self("-u", "new-session", "-d", "-x", "80", "-y", "24", "-s", "one", command)

    def until(self, holds: Callable[[str], bool], *options: str) -> str:
        shown = ""
        for _ in range(600):
            shown = self("capture-pane", "-p", "-t", "one", *options)
            if holds(shown):
                return shown
            time.sleep(0.1)
        raise AssertionError(shown)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal("kill-server")


def test_a_run_is_watched_as_it_goes_in_plain_terminals_too(
    tmp_path: Path, terminal: Terminal
) -> None:
    root = write_watched(tmp_path / "task")
    with (root / "evaluate.sh").open("a") as script:
        script.write("sleep 0.5\n")
    command = [sys.executable, "-m", "move37", "-C", str(root), "run", "-n", "8", "--workers", "1"]
    run = subprocess.Popen(
        [*command, "--no-check", "--no-certify"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "MOVE37_NOTIFY_URLS": ""},
    )
    try:
        while not (root / ".move37" / "study.db").exists():
            assert run.poll() is None
            time.sleep(0.05)
        terminal.watch(root)
        shown = terminal.until(lambda text: "at work" in text and "measuring" in text)
        assert "1:status 2:chart 3:list" in shown
        assert run.wait() == 0
        terminal.until(lambda text: "8 of 8 experiments" in text and "no engine" in text)
        terminal("send-keys", "-t", "one", "3")
        lines = terminal.until(lambda text: "x8" in text and "x0" in text).splitlines()
        assert len(lines) <= 24
        assert max(map(len, lines)) <= 80
        terminal("send-keys", "-t", "one", "q")
        terminal.until(lambda text: not text)
    finally:
        run.kill()
        run.wait()
    terminal.watch(root, "NO_COLOR=1 LC_ALL=C")
    terminal.until(lambda text: "8 of 8 experiments" in text)
    for key in "23456789":
        terminal("send-keys", "-t", "one", key)
        shown = terminal.until(lambda text: "q quit" in text and "reading" not in text, "-e")
        assert not COLOURS.search(shown), shown
        assert shown.isascii(), shown
