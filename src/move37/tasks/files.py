"""Which files a task means: what may change, what is linked, what is hidden, what stays fixed.

Reads the task's directory, never writes. Which files belong to a task at all (tracked by git, or not
ignored by it) is decided elsewhere and comes in as `paths`.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path

from move37.core.errors import TaskError
from move37.core.records import Task
from move37.core.regions import outside
from move37.tasks.document import to_mapping
from move37.tasks.globs import Glob, compile_glob
from move37.tasks.references import reference_rule
from move37.tasks.shims import shim_sources
from move37.tasks.toml import STEERING_FILE, TASK_FILE

Read = Callable[[str], bytes]
"""Content of a file by its path in the task; of a symbolic link, the path it points to."""

OWN_FILES = frozenset({TASK_FILE, STEERING_FILE})
"""They describe the task and are never part of what is measured or changed."""

LARGEST_PROGRAM = 4_000_000
"""Bytes of one file that may still be edited."""

OWN_DIRECTORIES = frozenset({".git", ".move37"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """A task's files, each path relative to the task and `/`-separated, sorted."""

    editable: tuple[str, ...]
    """Text files that a candidate may change."""
    linked: tuple[str, ...]
    """Topmost files and directories to mount; a directory stands for everything below it."""
    hidden: tuple[str, ...]
    """Topmost files and directories that only `score` and `certify` may see."""
    fixed: tuple[str, ...]
    """All other files: restored for each trial."""
    notes: tuple[str, ...] = ()
    """Sentences about files that an edit glob names and that cannot be edited all the same."""


def disk_reader(root: Path) -> Read:
    """Return a function that reads the files of this directory as git would store them."""

    def read(path: str) -> bytes:
        place = root / path
        return os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()

    return read


def resolve(task: Task, paths: Sequence[str]) -> Resolved:
    """Return which of the task's files are which.

    `paths` are the files of the task. Linked and hidden ones need not be among them.
    Raises `TaskError` when a glob means nothing, or nothing that can be used.
    """
    is_reference = reference_rule(task)
    listed = sorted(
        path
        for path in paths
        if path.split("/", 1)[0] not in OWN_DIRECTORIES and not is_reference(path)
    )
    if not listed:
        raise TaskError(
            f"there is nothing here to improve: {task.root} has no files; "
            "write a program and its evaluation, then run `move37 init`"
        )
    linked = _on_disk(task, "link", task.files.link)
    hidden = _on_disk(task, "hide", task.files.hide)
    away = _Away(frozenset(linked), frozenset(hidden))
    linked = tuple(path for path in linked if not _is_below(path, away.hidden))
    for path in hidden:
        if path not in away.linked and _is_below(path, away.linked):
            raise TaskError(
                f"{_where(task)}: files.hide: {path!r} lies in what files.link shows to everyone; "
                "link its neighbours one by one, or move it elsewhere"
            )
    editable, notes = _editable(task, listed, away)
    fixed = [path for path in listed if path not in editable and away.reason(path) is None]
    return Resolved(
        editable=tuple(sorted(editable)),
        linked=linked,
        hidden=hidden,
        fixed=tuple(fixed),
        notes=tuple(notes),
    )


def may_edit(task: Task) -> Callable[[str], bool]:
    """Return a function that says whether a candidate may write a path, be the file there or not.

    By its name alone: inside what `files.edit` means, and nothing linked, hidden, of our own, or of the
    user's references.
    """
    edit, away = (
        [compile_glob(pattern) for pattern in patterns]
        for patterns in (task.files.edit, (*task.files.link, *task.files.hide))
    )

    is_reference = reference_rule(task)

    def may(path: str) -> bool:
        names = path.split("/")
        if (
            is_reference(path)
            or path in OWN_FILES
            or names[0] in OWN_DIRECTORIES
            or {"", ".", ".."} & set(names)
        ):
            return False
        if not _is_spelled(path):
            return False
        tops = [("/".join(names[:end]), end < len(names)) for end in range(1, len(names) + 1)]
        if any(glob.covers(top, is_directory=inner) for glob in away for top, inner in tops):
            return False
        return any(glob.matches(path) for glob in edit)

    return may


# --- editable ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Away:
    """What is not in the workspace as an ordinary file."""

    linked: frozenset[str]
    hidden: frozenset[str]

    def reason(self, path: str) -> str | None:
        if _is_below(path, self.hidden):
            return "is hidden by files.hide"
        return "is mounted by files.link" if _is_below(path, self.linked) else None


def _editable(task: Task, listed: Sequence[str], away: _Away) -> tuple[set[str], list[str]]:
    editable: set[str] = set()
    notes: dict[str, None] = {}
    reasons: dict[str, str | None] = {}
    for pattern in task.files.edit:
        glob = compile_glob(pattern)
        matched = [path for path in listed if glob.matches(path)]
        if not matched:
            raise TaskError(f"{_where(task)}: files.edit: {_matches_nothing(task, glob, listed)}")
        for path in matched:
            if path not in reasons:
                reasons[path] = away.reason(path) or _cannot_be_edited(task, path)
        refused = [(path, reason) for path in matched if (reason := reasons[path])]
        if len(refused) == len(matched):
            path, reason = refused[0]
            raise TaskError(
                f"{_where(task)}: files.edit: {pattern!r} names no file that can be edited: "
                f"{_shown(path)} {reason}; name a text file of the program"
            )
        editable.update(path for path in matched if not reasons[path])
        notes.update(
            (
                f"{_shown(path)} {reason}, so that it is not edited although {pattern!r} names it",
                None,
            )
            for path, reason in refused
            if path not in OWN_FILES and away.reason(path) is None
        )
    return editable, list(notes)


def _cannot_be_edited(task: Task, path: str) -> str | None:
    """Say why, or return `None` when it can be."""
    if path in OWN_FILES:
        return "describes the task itself"
    if not _is_spelled(path):
        return "has a name that is not UTF-8"
    place = task.root / path
    try:
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            return _about_link(task.root, path)
        if not stat.S_ISREG(mode):
            return "is not a regular file"
        if place.stat().st_size > LARGEST_PROGRAM:
            return f"has more than {LARGEST_PROGRAM:,} bytes, which is no program"
        content = place.read_bytes()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if b"\0" in content:
        return "is binary"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"is not UTF-8 (line {line})"
    return None


def _is_spelled(path: str) -> bool:
    """Whether a path can be written down: facts are text, and names of files need not be."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _about_link(root: Path, path: str) -> str:
    target = os.path.realpath(root / path)
    inside = target.startswith(f"{root}{os.sep}")
    where = (
        f"to {_shown(os.path.relpath(target, root))}" if inside else "that leads outside the task"
    )
    return f"is a symbolic link {where}"


def _matches_nothing(task: Task, glob: Glob, listed: Sequence[str]) -> str:
    """Say why a pattern means none of the task's files, and what to write instead."""
    pattern = glob.pattern
    if not glob.is_literal:
        return (
            f"{pattern!r} matches nothing among {len(listed)} files; name the files of the program"
        )
    place = task.root / glob.literal
    for parent in reversed(Path(glob.literal).parents[:-1]):
        if (task.root / parent).is_symlink():
            about = _about_link(task.root, str(parent))
            return f"{pattern!r} is behind {parent}, which {about}; put the real files in the task"
    if place.is_dir() and not place.is_symlink():
        if any(path.startswith(f"{glob.literal}/") for path in listed):
            return f"{pattern!r} is a directory; write '{glob.literal}/' for everything in it"
        return f"{pattern!r} is a directory without files of the task; name one that has some"
    if os.path.lexists(place):
        return (
            f"{pattern!r} exists, but git ignores it; remove it from .gitignore, "
            "or list it in files.link if it is an input"
        )
    near = get_close_matches(glob.literal, listed, n=1, cutoff=0.6)
    advice = f"did you mean {near[0]!r}?" if near else "name a file that is there"
    return f"there is no file {pattern!r} in the task; {advice}"


# --- linked and hidden ---------------------------------------------------------------------------


def _on_disk(task: Task, key: str, patterns: Iterable[str]) -> tuple[str, ...]:
    """The topmost paths that the patterns mean, whether git ignores them or not."""
    found: set[str] = set()
    for pattern in patterns:
        glob = compile_glob(pattern)
        try:
            matches = set(_walk(task.root, glob))
        except OSError as error:
            raise TaskError(
                f"{_where(task)}: files.{key}: {pattern!r} cannot be looked up, because "
                f"{error.filename!r} cannot be read ({error.strerror}); make it readable"
            ) from error
        if not matches:
            raise TaskError(f"{_where(task)}: files.{key}: {_nothing_on_disk(task.root, glob)}")
        found |= matches
    taken = sorted(path for path in found if path in OWN_FILES)
    if taken:
        raise TaskError(
            f"{_where(task)}: files.{key}: {taken[0]!r} describes the task itself; name other files"
        )
    return tuple(sorted(p for p in found if not _is_below(p.rpartition("/")[0], found)))


def _walk(root: Path, glob: Glob, directory: str = "") -> Iterator[str]:
    """Everything that the pattern means, not looking below what it means already.

    A link to a directory counts as one, but is not followed further: it could lead in a circle.
    """
    if glob.is_literal:
        place = root / glob.literal
        if os.path.lexists(place) and glob.covers(glob.literal, is_directory=place.is_dir()):
            yield glob.literal
        return
    with os.scandir(root / directory) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for entry in children:
        path = f"{directory}/{entry.name}" if directory else entry.name
        if not directory and entry.name in OWN_DIRECTORIES:
            continue
        if glob.covers(path, is_directory=entry.is_dir()):
            if path not in OWN_FILES:
                yield path
        elif entry.is_dir(follow_symlinks=False) and glob.may_lead_into(path):
            yield from _walk(root, glob, path)


def _nothing_on_disk(root: Path, glob: Glob) -> str:
    if glob.is_directory and glob.is_literal and (root / glob.literal).exists():
        return f"{glob.pattern!r} is a file; write {glob.literal!r}"
    makers = [
        name for name in ("prepare.py", "prepare.sh", "download.py") if (root / name).exists()
    ]
    create = f"create it (does {makers[0]} do that?)" if makers else "create it"
    return f"{glob.pattern!r} is not there; {create}, correct the name, or remove the entry"


def _is_below(path: str, tops: Set[str]) -> bool:
    """Whether a path is one of these, or in one of them."""
    while path:
        if path in tops:
            return True
        path = path.rpartition("/")[0]
    return False


def _shown(path: str) -> str:
    """A path within a sentence; quoted and escaped when it holds what cannot be shown."""
    return path if path.isprintable() else repr(path)


def _where(task: Task) -> Path:
    return task.root / TASK_FILE


# --- fingerprint ---------------------------------------------------------------------------------


def fingerprint(task: Task, paths: Sequence[str], read: Read) -> str:
    """Return a hash of everything that affects measurement; when it changes, an epoch begins.

    In: the patterns of files, evaluation, metric, checks and limits; what the sandbox lets through;
    content and executable bit of every fixed file; name, size and time of every linked or hidden one.
    Of an editable file with marks (`files.between`): what stands outside its regions.
    Out: goal, `program.md`, budget, proposers, search, the sandbox's level, and all else of the editable
    files, which is where a study changes things. Raises `TaskError` like `resolve`.
    """
    resolved = resolve(task, paths)
    written = to_mapping(task)
    rules: dict[str, object] = {
        "files": {key: sorted(patterns) for key, patterns in written["files"].items()},
        "sandbox": {
            key: sorted(value)
            for key, value in written["sandbox"].items()
            if key in ("read", "scratch", "env")
        },
        **{table: written[table] for table in ("evaluate", "metric", "checks", "limits")},
    }
    digest = blake2b(digest_size=16)
    _feed(digest.update, "rules", json.dumps(rules, sort_keys=True))
    if shims := shim_sources(task):
        _feed(digest.update, "shims", shims)
    for path in resolved.fixed:
        if path not in OWN_FILES:
            is_executable = os.access(task.root / path, os.X_OK)
            try:
                content = read(path)
            except OSError as error:
                raise TaskError(
                    f"{task.root / path} cannot be read ({error.strerror}); "
                    "make it readable, or let git ignore it"
                ) from error
            _feed(digest.update, "fixed", path, str(is_executable), content)
    for path in resolved.editable if task.files.between else ():
        # What is no study's to change is part of what is measured, as any fixed file is.
        _feed(digest.update, "outside", path, *outside(read(path), task.files.between or ("", "")))
    for top in (*resolved.linked, *resolved.hidden):
        for path, status in _listing(task.root, top):
            _feed(digest.update, "input", path, str(status.st_size), str(status.st_mtime_ns))
    return digest.hexdigest()


def _feed(update: Callable[[bytes], object], *parts: str | bytes) -> None:
    """Each part with its length, so that no two different lists of parts look the same."""
    for part in parts:
        content = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        update(len(content).to_bytes(8, "big"))
        update(content)


def _listing(root: Path, top: str) -> Iterator[tuple[str, os.stat_result]]:
    """All files of an input, in order; caches of Python are no input."""
    place = root / top
    if not place.is_dir():
        yield top, place.stat() if place.exists() else place.lstat()
        return
    for directory, names, files in os.walk(place):
        names[:] = sorted(name for name in names if name != "__pycache__")
        links = [name for name in names if os.path.islink(os.path.join(directory, name))]  # noqa: PTH114, PTH118
        for name in sorted((*files, *links)):
            file = os.path.join(directory, name)  # noqa: PTH118 (a hundred thousand times)
            yield os.path.relpath(file, root), os.lstat(file)
