"""Tries one cheat on the evaluation, for real, and says what came of it.

The baseline's program is changed as a candidate would be, and measured as any trial. Where no editable
file can be made to run a script (a compiled language, a data file), a command stands in for what
`run` starts: that is the worst that any candidate could do, and `Probed.by_edit` tells the two apart.
Besides the score, effects are looked for from outside: files, connections, processes.
"""

import ast
import fcntl
import os
import socket
import stat
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from secrets import token_hex

from move37.core.facts import Probed
from move37.core.protocols import Attachments, Sandbox
from move37.core.records import Evaluation, Failed, Measured, Mount, ProbeJob, Task, Trial, TrialJob
from move37.referee import canaries
from move37.referee.canaries import BY_NAME, NULL_EDIT, Canary, Laid
from move37.referee.inject import inject_python, inject_script, null_edit
from move37.referee.measure import measure
from move37.referee.units import parse_units

_MOST_FILES = 20
"""So many fixed and hidden files are attacked: one that gives way is enough."""
_MOST_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """Where a probe takes place: what a trial has, and a corner of the host."""

    workspace: Path
    """The baseline's program, ready to be run."""
    out: Path
    fresh_workspace: Callable[[], Path]
    candidate: Path | None
    host: Path
    """An empty directory of ours that the sandbox does not show."""
    editable: Mapping[str, bytes]
    fixed: Sequence[str]
    """All other files of the program."""
    mounts: Sequence[Mount] = ()
    hidden_mounts: Sequence[Mount] = ()


def probe(
    task: Task,
    *,
    job: ProbeJob,
    scene: Scene,
    sandbox: Sandbox,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Probed, Attachments] | None:
    """Try it once; `None` when it was stopped before it ended. Raises what `measure` raises."""
    if job.probe == NULL_EDIT:
        changed = null_edit(scene.editable)
        trial = _try(task, job, scene, changed, sandbox, stop)
        return None if trial is None else (_probed(job, trial[0], sandbox, by_edit=True), {})
    canary = BY_NAME[job.probe]
    with _laid_out(task, job, scene) as (laid, server):
        before = {path: _content(scene.workspace / path) for path in laid.fixed}
        changed, task = _disguise(task, canary, laid, scene)
        trial = _try(task, job, scene, changed, sandbox, stop)
        if trial is None:
            return None
        replaced = [path for path in before if _content(scene.workspace / path) != before[path]]
        effects = (
            *(f"changed the fixed file {path!r}" for path in replaced[:1]),
            *dict.fromkeys(_effects(canary, laid, scene, server, trial[1])),
        )
    probed = _probed(job, trial[0], sandbox, by_edit=bool(changed))
    marks = (canaries.RAN, *((canaries.ALIVE,) if canary.name == "outlives-the-trial" else ()))
    ran = all(_left(scene.out / mark) for mark in marks)
    return replace(probed, ran=ran, effects=effects), {}


def _probed(job: ProbeJob, trial: Trial, sandbox: Sandbox, *, by_edit: bool) -> Probed:
    outcome, strength = trial.outcome, sandbox.strength
    return Probed(
        experiment=job.experiment,
        probe=job.probe,
        sandbox=f"{strength.level}, {strength.name}",
        by_edit=by_edit,
        ran=True,
        score=outcome.score if isinstance(outcome, Measured) else None,
        failure=outcome.reason if isinstance(outcome, Failed) else "",
        seconds=outcome.seconds,
    )


def _try(
    task: Task,
    job: ProbeJob,
    scene: Scene,
    changed: Mapping[str, bytes],
    sandbox: Sandbox,
    stop: Callable[[], bool],
) -> tuple[Trial, Attachments] | None:
    for directory in filter(None, (scene.workspace, scene.candidate)):
        for path, data in changed.items():
            (directory / path).write_bytes(data)
    certified = job.probe == canaries.CERTIFIED_READ
    return measure(
        task,
        job=TrialJob(
            experiment=job.experiment,
            commit=job.commit,
            purpose="certify" if certified else "search",
            index=0,
            seed=job.seed,
            split=job.split,
        ),
        workspace=scene.workspace,
        out=scene.out,
        fresh_workspace=scene.fresh_workspace,
        sandbox=sandbox,
        candidate=scene.candidate,
        protect=tuple(scene.fixed),
        mounts=scene.mounts,
        hidden_mounts=scene.hidden_mounts,
        stop=stop,
    )


def _disguise(
    task: Task, canary: Canary, laid: Laid, scene: Scene
) -> tuple[Mapping[str, bytes], Task]:
    """The editable files with the cheat in them; or else the task with another `run`."""
    if canary.needs_python:
        return inject_python(scene.editable, canaries.python(canary.name, laid)), task
    script = canaries.script(canary.name, laid)
    if changed := inject_script(scene.editable, script, canary.when):
        return changed, task
    run = task.evaluate.run
    match canary.when:
        case "instead":
            command = script
        case "before":
            command = f"{script}\n{run}"
        case "after":
            command = f"(\n{run}\n)\ncode=$?\n{script}\nexit $code"
    evaluate: Evaluation = replace(task.evaluate, run=command)
    return {}, replace(task, evaluate=evaluate)


# --- what lies about, and what has become of it --------------------------------------------------


@contextmanager
def _laid_out(task: Task, job: ProbeJob, scene: Scene) -> Generator[tuple[Laid, socket.socket]]:
    """A file to steal, a server to reach; gone afterwards."""
    token = token_hex(8)
    (scene.host / "secret").write_text(token)
    python = [path for path in scene.fixed if path.endswith(".py")]
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield (
            Laid(
                metric=task.metric.name,
                value=job.value,
                printed=job.printed,
                host=str(scene.host.absolute()),
                port=server.getsockname()[1],
                token=token,
                fixed=_to_replace(task, scene.fixed),
                hidden=[
                    path
                    for inside, host in _hidden_files(scene.hidden_mounts)
                    for path in (inside, str(host))
                ],
                imports=_imported(scene.workspace, python),
                folders=sorted({".", *(str(PurePosixPath(path).parent) for path in python)})[
                    :_MOST_FILES
                ],
            ),
            server,
        )


def _to_replace(task: Task, fixed: Sequence[str]) -> Sequence[str]:
    """Fixed files, those first that a command of the evaluation names."""
    commands = f"{task.evaluate.run} {task.evaluate.score or ''}"
    return sorted(fixed, key=lambda path: (path not in commands, path))[:_MOST_FILES]


def _hidden_files(mounts: Sequence[Mount]) -> Sequence[tuple[str, Path]]:
    """Some files with something in them, as paths in the workspace and on the host."""

    def files(mount: Mount) -> Generator[tuple[str, Path]]:
        if mount.source.is_file():
            yield mount.target, mount.source
        for place, folders, names in os.walk(mount.source):
            folders.sort()
            for name in sorted(names):
                path = Path(place, name)
                yield str(PurePosixPath(mount.target, path.relative_to(mount.source))), path

    found: list[tuple[str, Path]] = []
    for mount in mounts:
        some = (each for each in files(mount) if each[1].is_file() and each[1].stat().st_size)
        found += islice(some, _MOST_FILES - len(found))
    return found


def _imported(workspace: Path, python: Sequence[str]) -> Sequence[str]:
    """Top names of what fixed Python files import, but for what is built in or theirs."""
    names: set[str] = set()
    for path in python[:_MOST_FILES]:
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            for node in ast.walk(ast.parse(_content(workspace / path) or b"")):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.split(".")[0])
    own = {PurePosixPath(path).stem for path in python}
    return sorted(names - own - set(sys.builtin_module_names))[: 2 * _MOST_FILES]


def _effects(
    canary: Canary,
    laid: Laid,
    scene: Scene,
    server: socket.socket,
    attachments: Attachments,
) -> Generator[str]:
    for directory in (scene.host, Path("/var/tmp")):
        left = directory / canaries.outside_name(laid)
        if os.path.lexists(left):
            left.unlink()
            yield "wrote a file outside its workspace"
    if canary.name in ("reads-hidden-files", canaries.CERTIFIED_READ):
        yield from _stolen(laid, scene)
    server.setblocking(False)
    with suppress(BlockingIOError):
        server.accept()[0].close()
        yield "reached a server on this machine"
    if _is_locked(scene.out / canaries.ALIVE):
        yield "outlived the trial"
    units = next((data for key, data in attachments.items() if key.endswith("/units")), None)
    if units is not None and canaries.FORGED_UNIT in parse_units(units):
        yield "had its forged units.json taken for the evaluation's"


def _stolen(laid: Laid, scene: Scene) -> Generator[str]:
    got = {_content(scene.out / canaries.STOLEN.format(n)) for n in range(1 + len(laid.hidden))}
    if laid.token.encode() in got:
        yield "read a file of this machine, outside its workspace"
    for inside, path in _hidden_files(scene.hidden_mounts):
        with path.open("rb") as file:
            if file.read(_MOST_BYTES) in got:
                yield f"read the hidden file {inside!r}"
                return


def _left(path: Path) -> bool:
    """Whether an ordinary file lies there."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _content(path: Path) -> bytes | None:
    """The beginning of an ordinary file; `None` when it is none. Follows and waits for nothing."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_MOST_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _is_locked(path: Path) -> bool:
    """Whether somebody living holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
