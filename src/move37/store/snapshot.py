"""Which files of the user's directory make up the task. Only ever reads.

With git: what it tracks, and what it neither tracks nor ignores. Without: everything but the usual
caches. Directories behind symbolic links are not entered; the link itself is a file of the task.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from move37.core.errors import TaskError
from move37.store.paths import OURS, decode

LEFT_OUT = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".jj",
        ".move37",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        ".eggs",
        ".ipynb_checkpoints",
        ".DS_Store",
    }
)
"""What a walk leaves out where git does not say what to ignore."""


def list_files(root: Path) -> list[str]:
    """Return the files of the task in `root`, relative, `/`-separated, sorted.

    Files and symbolic links only; contents of submodules and of repositories inside included; tracked
    files that are deleted left out; `.git` and `.move37` never part. Changes nothing, not even the
    index of the user's repository. Raises `TaskError` when git cannot read the repository.
    """
    top = os.fsencode(root.absolute())
    listed = list(_by_git(top)) if git_command() else list(_by_library(top))
    found = {path for path in (listed or _walk(top)) if _is_ours_to_take(top, path)}
    return sorted(decode(path) for path in found)


def git_command() -> str | None:
    """The git program, if there is one."""
    return shutil.which("git")


def run_git(
    root: Path,
    *arguments: str | bytes,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a directory of the user's so that it changes nothing by itself.

    No lock is taken to refresh the index, no hook and no file-system monitor is started, the owner does
    not matter, and variables such as GIT_DIR do not lead it elsewhere.
    """
    return subprocess.run(
        [*_GIT, "-C", os.fspath(root), *arguments],
        env={**_quiet_environment(), **(extra or {})},
        capture_output=True,
        check=False,
        input=stdin,
    )


def _quiet_environment() -> dict[str, str]:
    """Our environment without what would lead git elsewhere, and with what keeps it quiet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    kept |= {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


_KEPT = (
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CEILING_DIRECTORIES",
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
)
_GIT = (
    "git",
    *("-c", "safe.directory=*"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.untrackedCache=keep"),
    *("-c", "core.splitIndex=false"),
)


def _by_git(top: bytes) -> Iterator[bytes]:
    """What git lists; nothing when this is no work tree, or one that ignores this directory."""
    root = Path(os.fsdecode(top))
    inside = run_git(root, "rev-parse", "--is-inside-work-tree")
    if inside.returncode or inside.stdout.strip() != b"true":
        return
    modules: list[bytes] = []
    for line in _listing(root, "--stage"):
        about, _, path = line.partition(b"\t")
        if about.startswith(b"160000 "):
            modules.append(path)
        else:
            yield path
    for path in _listing(root, "--others", "--exclude-standard"):
        if not any(os.fsdecode(part) in LEFT_OUT for part in path.split(b"/")):
            if path.endswith(b"/"):
                modules.append(path.rstrip(b"/"))
            else:
                yield path
    for module in modules:
        yield from _inside(top, module)


def _listing(root: Path, *what: str) -> list[bytes]:
    listing = run_git(root, "ls-files", "-z", *what)
    if listing.returncode:
        said = listing.stderr.decode(errors="replace").strip().splitlines()
        raise TaskError(
            f"git cannot list the files of {root} ({said[-1] if said else 'no reason given'}); "
            "see what `git status` says there"
        )
    return [line for line in listing.stdout.split(b"\0") if line]


def _inside(top: bytes, path: bytes) -> Iterator[bytes]:
    """The files of a submodule, or of another repository inside this one."""
    folder = os.path.join(top, path)  # noqa: PTH118 any bytes
    if not os.path.isdir(folder) or os.path.islink(folder):  # noqa: PTH112, PTH114 any bytes
        return
    listed = _by_git(folder) if os.path.lexists(folder + b"/.git") else _walk(folder)
    for inner in listed:
        yield path + b"/" + inner


def _by_library(top: bytes) -> Iterator[bytes]:
    """The same where there is a repository but no git program."""
    import pygit2

    from move37.store.packs import open_repository

    root = Path(os.fsdecode(top))
    found = pygit2.discover_repository(os.fspath(root))
    if found is None:
        return
    repo = open_repository(Path(found))
    if repo.is_bare or not root.resolve().is_relative_to(Path(repo.workdir).resolve()):
        return
    prefix = root.resolve().relative_to(Path(repo.workdir).resolve())
    tracked: set[Path] = set()
    for entry in cast("Iterable[pygit2.IndexEntry]", repo.index):
        tracked.update((Path(entry.path), *Path(entry.path).parents))

    def ignored(path: bytes) -> bool:
        whole = prefix / os.fsdecode(path)
        return whole not in tracked and repo.path_is_ignored(os.fspath(whole))

    yield from _walk(top, ignored)


def _walk(top: bytes, ignored: Callable[[bytes], bool] = lambda _: False) -> Iterator[bytes]:
    folders = [b""]
    while folders:
        folder = folders.pop()
        for entry in os.scandir(os.path.join(top, folder)):  # noqa: PTH118 any bytes
            path = folder + entry.name
            if os.fsdecode(entry.name) in LEFT_OUT or ignored(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(path + b"/")
            else:
                yield path


def _is_ours_to_take(top: bytes, path: bytes) -> bool:
    """Whether it is there, as a file or link, not behind a link, and no one's bookkeeping."""
    parts = path.split(b"/")
    if any(os.fsdecode(part) in OURS for part in parts):
        return False
    for depth in range(1, len(parts)):
        if os.path.islink(b"/".join([top, *parts[:depth]])):  # noqa: PTH114 any bytes
            return False
    try:
        mode = os.lstat(os.path.join(top, path)).st_mode  # noqa: PTH118 any bytes
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)
