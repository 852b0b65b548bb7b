"""Measuring what was handed in, beside whoever handed it in: a process of its own, which outlives them."""

import subprocess
import sys
from pathlib import Path
from threading import Lock

from move37.app.study import STUDY, find_root, is_working
from move37.core.errors import StudyError

_LOG_BYTES = 1_000_000


class Background:
    """Sees to it that somebody works while something waits. Safe to use from any thread."""

    def __init__(self, root: Path, *, sandbox: str | None = None) -> None:
        self._root = find_root(root)
        self._sandbox = sandbox
        self._turn = Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def _log(self) -> Path:
        return self._root / STUDY / "queue.log"

    def see_to(self, ticket: str) -> None:
        """Start to measure what waits, if nobody does.

        Raises `StudyError` when the one that was started before could not: with what it said.
        """
        with self._turn:
            worker, self._worker = self._worker, None
            if worker is not None:
                if worker.poll() is None:
                    self._worker = worker
                    return
                if worker.returncode == 2:
                    raise StudyError(f"nobody could measure it: {self._last_words()}")
            if not is_working(self._root):
                self._worker = self._start(ticket)

    def _start(self, ticket: str) -> subprocess.Popen[bytes]:
        # -P: what lies in the current directory is no module of ours.
        command = [sys.executable, "-P", "-m", "move37", "-C", str(self._root), "wait", ticket]
        command += [] if self._sandbox is None else ["--sandbox", self._sandbox]
        too_long = self._log.exists() and self._log.stat().st_size > _LOG_BYTES
        with self._log.open("wb" if too_long else "ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return lines[-1].removeprefix("move37: ") if lines else f"see {self._log}"
