"""The user's references: papers and notes in `references/` beside the task, for proposers to read.

They are no part of what is measured: in no workspace, and in no fingerprint. A task that names the
directory in its files or commands needs it for something else, and keeps it as it is.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from move37.core.records import Task
from move37.tasks.globs import compile_glob

DIRECTORY = "references"
SUFFIXES = frozenset({".pdf", ".md", ".markdown", ".txt"})
"""Documents. Whatever else lies there may be read by a program, and stays a file of the task."""
_MOST_FILES = 500


def reference_rule(task: Task) -> Callable[[str], bool]:
    """Return a function that says whether the file of this path is a reference."""
    claimed = _is_claimed(task)

    def is_reference(path: str) -> bool:
        if claimed or not path.startswith(f"{DIRECTORY}/"):
            return False
        return Path(path).suffix.lower() in SUFFIXES

    return is_reference


def list_references(task: Task) -> Sequence[tuple[str, Path]]:
    """The references that are there now: path in the task and place on disk, sorted.

    Nothing that is hidden, be it by its own name or behind a symbolic link into the task.
    """
    is_reference = reference_rule(task)
    hidden = [compile_glob(pattern) for pattern in task.files.hide]
    top = task.root / DIRECTORY
    found: list[tuple[str, Path]] = []
    if _is_claimed(task) or not top.is_dir() or _leads_into(task, top):
        return found
    for place in sorted(top.rglob("*")):
        path = place.relative_to(task.root).as_posix()
        if not is_reference(path) or not place.is_file() or _leads_into(task, place):
            continue
        names = path.split("/")
        tops = [("/".join(names[:end]), end < len(names)) for end in range(1, len(names) + 1)]
        if not any(
            glob.covers(name, is_directory=inner) for glob in hidden for name, inner in tops
        ):
            found.append((path, place))
    return found[:_MOST_FILES]


def _is_claimed(task: Task) -> bool:
    """Whether the task names the directory itself."""
    evaluate = task.evaluate
    commands = [evaluate.run, evaluate.score, *(check.command for check in task.checks)]
    commands += [command for stage in evaluate.stages for command in (stage.run, stage.score)]
    named = (*task.files.edit, *task.files.link, *task.files.hide, *filter(None, commands))
    return any(DIRECTORY in text for text in named)


def _leads_into(task: Task, place: Path) -> bool:
    """Whether it is a link to another part of the task: that may be hidden."""
    real, root = place.resolve(), task.root.resolve()
    return real.is_relative_to(root) and not real.is_relative_to(root / DIRECTORY)
