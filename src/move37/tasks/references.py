"""The user's references: papers and notes in `references/` beside the task, for proposers to read, and
the logs of tools that worked on it before.

They are no part of what is measured: in no workspace, and in no fingerprint. A task that names the
directory or the log in its files or commands needs it for something else, and keeps it as it is.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from move37.core.records import Task
from move37.tasks.globs import compile_glob

DIRECTORY = "references"
SUFFIXES = frozenset({".pdf", ".md", ".markdown", ".txt"})
"""Documents. Whatever else lies there may be read by a program, and stays a file of the task."""
LOGS = (
    ".auto/log.jsonl",
    ".auto/ideas.md",
    ".auto/prompt.md",
    "autoresearch.jsonl",
    "autoresearch.ideas.md",
    "autoresearch.md",
    "results.tsv",
)
"""What pi-autoresearch and karpathy/autoresearch leave about what was tried: reported, never measured here."""
_COLUMNS = frozenset({"commit", "status", "description"})
"""A `results.tsv` with these is such a log; others are data."""
_MOST_FILES = 500


def reference_rule(task: Task) -> Callable[[str], bool]:
    """Return a function that says whether the file of this path is a reference."""
    claimed = _is_claimed(task)
    logs = frozenset(path for path in LOGS if _is_log(task, path))

    def is_reference(path: str) -> bool:
        if path in logs:
            return True
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
    places = [(path, task.root / path) for path in LOGS if is_reference(path)]
    if not _is_claimed(task) and top.is_dir() and not _leads_into(task, top):
        inside = [
            (place.relative_to(task.root).as_posix(), place) for place in sorted(top.rglob("*"))
        ]
        places += [
            (path, place)
            for path, place in inside
            if is_reference(path) and place.is_file() and not _leads_into(task, place)
        ]
    found: list[tuple[str, Path]] = []
    for path, place in places:
        names = path.split("/")
        tops = [("/".join(names[:end]), end < len(names)) for end in range(1, len(names) + 1)]
        if not any(
            glob.covers(name, is_directory=inner) for glob in hidden for name, inner in tops
        ):
            found.append((path, place))
    return found[:_MOST_FILES]


def _is_claimed(task: Task, name: str = DIRECTORY) -> bool:
    """Whether the task names the directory, or another file, itself."""
    evaluate = task.evaluate
    commands = [evaluate.run, evaluate.score, *(check.command for check in task.checks)]
    commands += [command for stage in evaluate.stages for command in (stage.run, stage.score)]
    named = (*task.files.edit, *task.files.link, *task.files.hide, *filter(None, commands))
    return any(name in text for text in named)


def _leads_into(task: Task, place: Path) -> bool:
    """Whether it is a link to another part of the task: that may be hidden."""
    real, root = place.resolve(), task.root.resolve()
    return real.is_relative_to(root) and not real.is_relative_to(root / DIRECTORY)


def _is_log(task: Task, path: str) -> bool:
    """Whether a regular file of that name is there, and is what its name says."""
    place = task.root / path
    if not place.is_file() or place.resolve() != task.root.resolve() / path:
        return False
    if _is_claimed(task, path.rpartition("/")[2]):
        return False
    if not path.endswith(".tsv"):
        return True
    try:
        with place.open("rb") as file:
            header = file.readline(1_000).decode(errors="replace")
    except OSError:
        return False
    return set(header.strip().split("\t")) >= _COLUMNS
