"""Shims: small programs that call another tool's evaluator inside the sandbox and print its metrics.

A command that names `.move37/shims/NAME.py` gets `scripts/` mounted there. The scripts import
nothing of ours, and run with the Python of the task, whichever that is.
"""

from pathlib import Path

from move37.core.records import Mount, Task

SHIMS = ".move37/shims"
"""Where they appear, relative to the workspace: in a directory that is never a candidate's."""

_SCRIPTS = Path(__file__).parent / "scripts"


def uses_shims(task: Task) -> bool:
    """Whether a command of the task names one."""
    evaluate = task.evaluate
    commands = (
        *(one for each in (evaluate, *evaluate.stages) for one in (each.run, each.score)),
        *(check.command for check in task.checks),
    )
    return any(SHIMS in command for command in commands if command)


def shim_mounts(task: Task) -> tuple[Mount, ...]:
    """What has to be mounted for the task's commands."""
    return (Mount(source=_SCRIPTS, target=SHIMS),) if uses_shims(task) else ()


def shim_sources(task: Task) -> bytes:
    """The text of all shims, where the task uses any: it bears on what is measured."""
    if not uses_shims(task):
        return b""
    return b"".join(path.read_bytes() for path in sorted(_SCRIPTS.glob("*.py")))
