"""Levels A and B: bubblewrap, a system-call filter, and for A a user of its own per slot.

A program sees a small file system (`view`), its workspace and its out directory; no process but its
own; and no network, unless its launch asks for one. It does not defend against flaws of the kernel
itself.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePosixPath
from secrets import token_hex
from signal import SIGKILL
from typing import Final, Literal

from move37.core.errors import SandboxError
from move37.core.records import Exit, Fence, Launch, Strength
from move37.sandbox import processes, scratch, seccomp
from move37.sandbox.cgroup import Group, make_group
from move37.sandbox.output import Capture
from move37.sandbox.scratch import fresh
from move37.sandbox.started import Started, cores, ended, inside, last_line, limit_resources
from move37.sandbox.view import CANDIDATE, OUT, WORKSPACE, View, environment, make_view, write_etc
from move37.sandbox.watch import PROCESSES, Limits, drain, require_space, watch

NOT_INSTALLED: Final = (
    "there is no bubblewrap to fence the evaluation in; install the package `bubblewrap`, "
    'or write `level = "plain"` under [sandbox] to run it without a fence'
)
FIRST_UID: Final = 61_000
"""Slot 0 of level A runs as this user and group; slot 1 as the next one."""

_MOST_BINDS: Final = 64
"""Above this many protected files, level B protects whole directories where it can."""
_SMALLEST_TMP: Final = 16 * 1024**2

_NAMESPACES: Final = (
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--hostname",
    "trial",
    "--die-with-parent",
    "--new-session",
)


class Bubblewrap:
    """Implements `move37.core.protocols.Sandbox`. One program at a time per slot."""

    def __init__(
        self,
        fence: Fence,
        *,
        level: Literal["root", "user"],
        slot: int,
        scratch: Path,
        environ: Mapping[str, str],
        strength: Strength,
        group: Callable[[str], Group | None] = make_group,
    ) -> None:
        """
        scratch: a directory of ours for small files, and for those only.
        group: makes what the kernel limits; where it gives `None`, programs are watched instead.
        Raises `SandboxError` when bubblewrap is missing or the fence asks for what is not there.
        """
        bwrap = shutil.which("bwrap")
        if bwrap is None:
            raise SandboxError(NOT_INSTALLED)
        if level == "root" and os.geteuid() != 0:
            raise SandboxError(
                'only root can use `level = "root"` under [sandbox]; write `level = "auto"`'
            )
        self.strength = strength
        self._fence = fence
        self._level = level
        self._slot = slot
        self._bwrap = bwrap
        self._environ = environ
        self._view = make_view(
            fence, environ, prefix=Path(sys.prefix), base_prefix=Path(sys.base_prefix)
        )
        self._filter = seccomp.here()
        self._uid = FIRST_UID + slot
        self._group = group(f"{slot}-{token_hex(4)}")
        self._etc = {False: fresh(scratch / f"etc-{level}-{slot}")}
        self._networked_etc = scratch / f"etc-net-{level}-{slot}"
        write_etc(self._etc[False], self._uid, places=self._view.binds)
        user = _user_namespace(bwrap, self._uid) if level == "user" else list[str]()
        kernel = _kernel_arguments() if level == "user" else list[str]()
        self._namespaces = [*user, *_NAMESPACES]
        self._always = [
            *_view_arguments(self._view),
            *("--proc", "/proc"),
            *kernel,
            *("--dev", "/dev"),
            *(a for path in self._view.devices for a in ("--dev-bind", str(path), str(path))),
        ]

    @property
    def limits_by_kernel(self) -> bool:
        """Whether the kernel itself limits memory and processes; otherwise they are watched."""
        return self._group is not None

    def run(
        self,
        launch: Launch,
        *,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[bytes], None] | None = None,
    ) -> Exit:
        require_space(launch.workspace)
        processes.adopt_orphans()
        places = self._prepare(launch)
        if self._group is not None:
            self._group.begin(
                memory_bytes=launch.memory_bytes, processes=PROCESSES, cpus=launch.cpus
            )
        began = time.monotonic()
        started = self._start(launch, places)
        limits = Limits(
            launch,
            started.watched,
            group=self._group,
            places=(launch.workspace, launch.out),
            stop=stop,
        )
        outputs = ((started.watched.stdout, Capture(tell)), (started.watched.stderr, Capture()))
        try:
            seen = watch(started.watched, limits, outputs)
        finally:
            limits.close()
            cpu_seconds, largest = started.end()
        seconds = time.monotonic() - began
        drain(outputs)
        stdout, stderr = (capture.text() for _, capture in outputs)
        cut = seen.cut or ("memory" if limits.ran_out_of_memory() else None)
        if cut is None and not started.was_set_up():
            raise SandboxError(f"the sandbox could not be set up: {last_line(stderr)}")
        ending, code = (cut, SIGKILL) if cut else ended(started.process.returncode)
        return Exit(
            ending=ending,
            code=code,
            stdout=stdout,
            stderr=stderr,
            seconds=seconds,
            cpu_seconds=cpu_seconds if self._group is None else self._group.cpu_seconds(),
            peak_memory_bytes=max(seen.resident_bytes, largest),
        )

    # --- before: who owns what, what is shown where ------------------------------------------

    def _prepare(self, launch: Launch) -> list[str]:
        """Make the directories ready; return the arguments that show them inside."""
        protect = {inside(path) for path in launch.protect}
        targets = {inside(mount.target): mount.source for mount in launch.mounts}
        for target, source in targets.items():
            scratch.make_place(launch.workspace, target, directory=source.is_dir())
        if self._level == "root":
            kept = protect | targets.keys()
            scratch.hand_over(launch.workspace, uid=self._uid, gid=self._uid, keep=kept)
            scratch.hand_over(launch.out, uid=self._uid, gid=self._uid, keep=())
            covers = list[str]()
        else:
            protect = {path for path in protect if os.path.lexists(launch.workspace / path)}
            covers = list(_covers(launch.workspace, protect, targets.keys()))
        mounts = [
            argument
            for target, source in sorted(targets.items())
            for argument in ("--ro-bind", str(source.resolve()), f"{WORKSPACE}/{target}")
        ]
        return [
            *("--bind", str(launch.workspace.resolve()), WORKSPACE),
            *covers,
            *mounts,
            *("--bind", str(launch.out.resolve()), OUT),
            *self._show_candidate(launch.candidate),
        ]

    def _show_candidate(self, candidate: Path | None) -> Sequence[str]:
        if candidate is None:
            return ()
        if self._level == "root":
            scratch.hand_over(candidate, uid=self._uid, gid=self._uid, keep=())
        return ("--ro-bind", str(candidate.resolve()), CANDIDATE)

    def _arguments(self, launch: Launch, places: Sequence[str]) -> list[str]:
        temporary = max(_SMALLEST_TMP, min(launch.disk_bytes, launch.memory_bytes // 2))
        room = ("--perms", "1777", "--size", str(temporary), "--tmpfs")
        variables = environment(
            launch,
            self._fence,
            self._environ,
            path=self._view.path,
            out=OUT,
            temporary="/tmp",
            candidate=CANDIDATE,
        )
        return [
            *self._namespaces,
            *(() if launch.network else ("--unshare-net",)),
            # First, or it would hide a Python that is installed below it: move37's own clone, say.
            *(*room, "/tmp"),
            *_scratch_arguments(self._fence.scratch, room),
            *("--ro-bind", str(self._etc_for(launch).resolve()), "/etc"),
            *self._always,
            *(*room, "/dev/shm", "--remount-ro", "/dev"),
            *places,
            *("--remount-ro", "/", "--chdir", WORKSPACE, "--clearenv"),
            *(a for name, value in variables.items() for a in ("--setenv", name, value)),
            *self._privileges(),
        ]

    def _etc_for(self, launch: Launch) -> Path:
        if launch.network not in self._etc:
            self._etc[launch.network] = fresh(self._networked_etc)
            write_etc(self._networked_etc, self._uid, places=self._view.binds, network=True)
        return self._etc[launch.network]

    def _privileges(self) -> list[str]:
        drop = ["--cap-drop", "ALL"]
        if self._level == "root":
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                drop += ["--cap-add", capability]
        return drop

    def _command(self, launch: Launch) -> list[str]:
        shell = ["/bin/sh", "-c", launch.command]
        if self._level == "user":
            return shell
        return [
            *("setpriv", f"--reuid={self._uid}", f"--regid={self._uid}", "--clear-groups"),
            *("--inh-caps=-all", "--bounding-set=-all", "--", *shell),
        ]

    # --- the program runs ---------------------------------------------------------------------

    def _start(self, launch: Launch, places: Sequence[str]) -> Started:
        """Bubblewrap waits at a gate until the limits are on its first process."""
        arguments = "\0".join(self._arguments(launch, places)) + "\0"
        with contextlib.ExitStack() as ours:

            def owned(descriptor: int) -> int:
                ours.callback(os.close, descriptor)
                return descriptor

            gate_read, gate = map(owned, os.pipe())
            status, status_write = os.pipe()
            given = {
                "--args": owned(seccomp.as_file(os.fsencode(arguments), "arguments")),
                "--seccomp": owned(seccomp.as_file(self._filter, "filter")),
                "--block-fd": gate_read,
                "--json-status-fd": status_write,
            }
            options = [text for option, fd in given.items() for text in (option, str(fd))]
            try:
                process = self._spawn([*options, "--", *self._command(launch)], given.values())
            except OSError:
                os.close(status)
                raise
            finally:
                os.close(status_write)
            started = Started(process, status)
            with contextlib.ExitStack() as unfinished:
                unfinished.callback(started.end)
                if started.first is not None:
                    self._limit(started.first, launch)
                unfinished.pop_all()
            os.write(gate, b"\n")
        return started

    def _spawn(self, arguments: Sequence[str], given: Iterable[int]) -> subprocess.Popen[bytes]:
        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [self._bwrap, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": os.defpath},
                bufsize=0,
                pass_fds=tuple(given),
            )

        return start() if self._group is None else self._group.spawn(start)

    def _limit(self, pid: int, launch: Launch) -> None:
        """Put limits on a process that has not begun: all that it starts will inherit them."""
        with contextlib.suppress(ProcessLookupError):
            limit_resources(pid, launch)
            os.sched_setaffinity(pid, cores(self._slot, launch.cpus))
        if self._group is not None:
            self._group.start_counting()


def _covers(
    workspace: Path, protect: AbstractSet[PurePosixPath], targets: AbstractSet[PurePosixPath]
) -> Iterator[str]:
    """Mounts that make files unchangeable to a program that owns them.

    A read-only mount on each file; and, since a directory could be renamed with all that is mounted
    in it, a mount of each directory above one on itself: what is mounted on cannot be renamed.
    """
    if len(protect) > _MOST_BINDS:
        protect = _whole_directories(workspace, protect | targets)
    above = {parent for path in protect | targets for parent in path.parents if parent.parts}
    for path in sorted(above | protect):
        if (workspace / path).is_symlink():
            continue  # nothing can be mounted on a link
        if any(parent in protect for parent in path.parents):
            continue
        kind = "--ro-bind" if path in protect else "--bind"
        yield from (kind, str((workspace / path).resolve()), f"{WORKSPACE}/{path}")


def _whole_directories(workspace: Path, protect: AbstractSet[PurePosixPath]) -> set[PurePosixPath]:
    """The same with each directory, all of whose content is protected, in place of its content.

    A mount costs some 30 microseconds, and more the more there are: too much for thousands.
    """
    whole: set[PurePosixPath] = set()
    for place, folders, files in os.walk(workspace, topdown=False):
        here = PurePosixPath(place).relative_to(workspace)
        names = [here / name for name in (*folders, *files)]
        if here.parts and names and all(name in protect or name in whole for name in names):
            whole.add(here)
    merged = whole | protect
    return {path for path in merged if not any(parent in merged for parent in path.parents)}


def _view_arguments(view: View) -> Iterator[str]:
    for parent in sorted({p for path in (*view.binds, Path(WORKSPACE)) for p in path.parents}):
        yield from ("--dir", str(parent))  # or bubblewrap makes them for root alone
    for bind in view.binds:
        yield from ("--ro-bind", str(bind), str(bind))
    for name, target in view.links:
        yield from ("--symlink", target, name)


def _scratch_arguments(places: Iterable[str], room: Sequence[str]) -> Iterator[str]:
    """An empty directory at each place, the outer ones first."""
    for place in sorted(places):
        for parent in reversed(Path(place).parents):
            yield from ("--dir", str(parent))
        yield from (*room, place)


def _kernel_arguments() -> Iterator[str]:
    """Cover the kernel's switches: to their owner, when that is root, they are writable files."""
    for path in ("/proc/sys", "/proc/sysrq-trigger"):
        yield from ("--ro-bind-try", path, path)


def _user_namespace(bwrap: str, uid: int) -> list[str]:
    """Arguments for a user namespace in which no further one can be made."""
    known = subprocess.run([bwrap, "--help"], capture_output=True, text=True, check=False)
    further = ["--disable-userns"] if "--disable-userns" in known.stdout + known.stderr else []
    return ["--unshare-user", *further, "--uid", str(uid), "--gid", str(uid)]
