"""Sandboxes for tests: one that is scripted, and one that runs programs without any fence."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from move37.core.records import Ending, Exit, Launch, Strength

_POLL_SECONDS = 0.005
_KEPT_BYTES = 64 * 1024

Scripted = Exit | Callable[[Launch], Exit]


def exited(
    stdout: str = "",
    stderr: str = "",
    *,
    ending: Ending = "exited",
    code: int = 0,
    seconds: float = 1.0,
    cpu_seconds: float = 0.5,
    peak_memory_bytes: int = 64 * 1024**2,
) -> Exit:
    """An `Exit`, for a script: a good one unless you say otherwise."""
    return Exit(
        ending=ending,
        code=code,
        stdout=stdout.encode(),
        stderr=stderr.encode(),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_memory_bytes=peak_memory_bytes,
    )


class ScriptedSandbox:
    """Runs nothing: gives the exits it was told to, in turn, and remembers what it was asked for."""

    strength = Strength(level="E", name="scripted", holds=(), lacks=("everything",))

    def __init__(self, exits: Iterable[Scripted]) -> None:
        self._exits = iter(exits)
        self.launches: list[Launch] = []

    def run(
        self,
        launch: Launch,
        *,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[bytes], None] | None = None,
    ) -> Exit:
        self.launches.append(launch)
        if stop():
            return exited(ending="stopped")
        scripted = next(self._exits)
        exit = scripted(launch) if callable(scripted) else scripted
        if tell is not None:
            for line in exit.stdout.splitlines(keepends=True):
                tell(line)
                if stop():
                    return replace(exit, ending="stopped")
        return exit


class OpenSandbox:
    """Runs the program as it is, in a process group of its own, with a wall clock: no fence at all.

    Mounts are links, protected files are not protected, and memory and disk are not watched.
    """

    strength = Strength(level="E", name="open", holds=(), lacks=("everything",))

    def run(
        self,
        launch: Launch,
        *,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[bytes], None] | None = None,
    ) -> Exit:
        for mount in launch.mounts:
            target = launch.workspace / mount.target
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(mount.source)
        with tempfile.TemporaryDirectory() as scratch:
            return _run(launch, _Following(Path(scratch) / "stdout", tell, stop), Path(scratch))


class _Following:
    """Tells what a file gains, whenever it is asked whether to stop."""

    def __init__(
        self, path: Path, tell: Callable[[bytes], None] | None, stop: Callable[[], bool]
    ) -> None:
        self._path, self._tell, self._stop = path, tell, stop
        self._told = 0

    def __call__(self) -> bool:
        if self._tell is not None:
            with self._path.open("rb") as file:
                file.seek(self._told)
                data = file.read()
            self._told += len(data)
            if data:
                self._tell(data)
        return self._stop()


def _run(launch: Launch, stop: Callable[[], bool], scratch: Path) -> Exit:
    # `python` is ours, as in a real sandbox, also where the machine has none of that name.
    path = f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    env = {"PATH": path, "HOME": str(scratch), "MOVE37_OUT": str(launch.out)}
    if launch.candidate is not None:
        env["MOVE37_CANDIDATE"] = str(launch.candidate)
    stdout, stderr = scratch / "stdout", scratch / "stderr"
    started = time.monotonic()
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            ["/bin/sh", "-c", launch.command],
            cwd=launch.workspace,
            env={**env, **launch.env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        ending = _wait(process, started + launch.timeout_seconds, stop)
        code = process.wait()
    stop()  # what it printed last
    result = exited(ending=ending, code=code, seconds=time.monotonic() - started)
    if ending == "exited" and code < 0:
        result = replace(result, ending="signalled", code=-code)
    return replace(result, stdout=_bounded(stdout), stderr=_bounded(stderr))


def _wait(process: subprocess.Popen[bytes], deadline: float, stop: Callable[[], bool]) -> Ending:
    """Wait for the end of the program; then end whatever it has started."""
    ending: Ending = "exited"
    while process.poll() is None:
        if stop():
            ending = "stopped"
        elif time.monotonic() > deadline:
            ending = "timeout"
        else:
            time.sleep(_POLL_SECONDS)
            continue
        break
    with contextlib.suppress(ProcessLookupError):  # it left nobody behind
        os.killpg(process.pid, signal.SIGKILL)
    return ending


def _bounded(path: Path) -> bytes:
    data = path.read_bytes()
    if len(data) <= 2 * _KEPT_BYTES:
        return data
    left_out = len(data) - 2 * _KEPT_BYTES
    return data[:_KEPT_BYTES] + b"\n... %d bytes left out ...\n" % left_out + data[-_KEPT_BYTES:]
