"""Shims: small programs that call another tool's evaluator inside the sandbox and print its metrics.

A command that names `.move37/shims/NAME.py` gets `scripts/` mounted there. The scripts import
nothing of ours, and run with the Python of the task, whichever that is.
"""

from pathlib import Path

from move37.core.records import Mount, Task

SHIMS = ".move37/shims"
"""Where they appear, relative to the workspace: in a directory that is never a candidate's."""

_SCRIPTS = Path(__file__).parent / "scripts"


def used_shims(task: Task) -> tuple[Path, ...]:
    """The scripts that the task's commands name."""
    evaluate = task.evaluate
    commands = (
        *(one for each in (evaluate, *evaluate.stages) for one in (each.run, each.score)),
        *(check.command for check in task.checks),
    )
    named = [command for command in commands if command and SHIMS in command]
    if not named:
        return ()
    scripts = sorted(_SCRIPTS.glob("*.py"))
    return tuple(p for p in scripts if any(f"{SHIMS}/{p.name}" in command for command in named))


def shim_mounts(task: Task) -> tuple[Mount, ...]:
    """What has to be mounted for the task's commands."""
    return (Mount(source=_SCRIPTS, target=SHIMS),) if used_shims(task) else ()


def shim_sources(task: Task) -> bytes:
    """The text of the shims that the task uses: it bears on what is measured."""
    return b"".join(path.read_bytes() for path in used_shims(task))
