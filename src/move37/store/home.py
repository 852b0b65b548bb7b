"""Taking a result home: the only code that writes to the user's directory or repository.

`apply` changes files in the work tree, `branch` makes a commit and leaves the work tree alone. Both
refuse, changing nothing, where the user's own work would be overwritten.
"""

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from move37.core.errors import HomeError
from move37.core.protocols import Code
from move37.store.paths import FILE, LINK, PROGRAM, encode
from move37.store.snapshot import git_command, run_git


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path in the user's directory."""

    content: bytes
    is_link: bool
    mode: int
    owner: tuple[int, int]


def apply(root: Path, code: Code, *, baseline: str, commit: str) -> list[str]:
    """Make in `root` the changes that lead from `baseline` to `commit`; return the paths changed.

    A file that already is as it should be is left alone. Permissions and owners stay. Either all
    files change or, on any error, none. Raises `HomeError` when a file is neither as the baseline has
    it nor as it should become, or cannot be written.
    """
    changes = code.changed(baseline, commit)
    todo = {path: content for path, content in changes.items() if not _is_done(root, path, content)}
    _refuse_others_work(root, code, baseline, todo)
    try:
        with ExitStack() as tidy, ExitStack() as undo:
            new = {path: _write_beside(root, path, todo[path], tidy, undo) for path in todo}
            for path in todo:
                _back_up(root / path, tidy, undo)
            for path, temporary in new.items():
                if temporary is None:
                    (root / path).unlink()
                else:
                    temporary.replace(root / path)
            undo.pop_all()
    except OSError as error:
        raise HomeError(
            f"{error.filename or root} cannot be written ({error.strerror}); nothing was changed"
        ) from error
    for path, content in todo.items():
        if content is None:
            _remove_empty_folders(root, path)
    return sorted(todo)


def _is_done(root: Path, path: str, content: bytes | None) -> bool:
    if _is_behind_a_link(root, path):
        return False
    found = _find(root / path)
    if content is None or found is None:
        return found is None and content is None and not (root / path).is_dir()
    return found.content == content and not found.is_link


def _refuse_others_work(
    root: Path, code: Code, baseline: str, todo: Mapping[str, bytes | None]
) -> None:
    theirs = [path for path in todo if not _is_as_in(root, code, baseline, path)]
    if theirs:
        raise HomeError(
            f"{_names(theirs)} in {root} changed since the study began; put back the old content, "
            "or take the result with `move37 branch` or `move37 patch`"
        )


def _is_as_in(root: Path, code: Code, baseline: str, path: str) -> bool:
    """Whether the user's file is, byte for byte, what the baseline has (or is missing in both)."""
    if _is_behind_a_link(root, path):
        return False
    found, mode = _find(root / path), code.mode(baseline, path)
    if found is None or mode is None:
        return found is None and mode is None and not (root / path).is_dir()
    return found.is_link == (mode == LINK) and found.content == code.read(baseline, path)


def _find(path: Path) -> Found | None:
    """The file or link at `path`; `None` when there is nothing, or a directory."""
    try:
        status = path.lstat()
        if stat.S_ISDIR(status.st_mode):
            return None
        if stat.S_ISLNK(status.st_mode):
            content = os.fsencode(path.readlink())
        elif stat.S_ISREG(status.st_mode):
            content = path.read_bytes()
        else:
            raise HomeError(f"{path} is neither a file nor a link; move it away first")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise HomeError(f"{path} cannot be read ({error.strerror})") from error
    return Found(
        content,
        stat.S_ISLNK(status.st_mode),
        stat.S_IMODE(status.st_mode),
        (status.st_uid, status.st_gid),
    )


def _is_behind_a_link(root: Path, path: str) -> bool:
    """Whether writing there would end up somewhere else."""
    return any((root / folder).is_symlink() for folder in Path(path).parents[:-1])


def _write_beside(
    root: Path, path: str, content: bytes | None, tidy: ExitStack, undo: ExitStack
) -> Path | None:
    """Write the new content to a temporary file in the same directory, with the old permissions."""
    if content is None:
        return None
    target = root / path
    for folder in reversed(Path(path).parents[:-1]):
        if not (root / folder).exists():
            (root / folder).mkdir()
            undo.callback((root / folder).rmdir)
    temporary = _beside(target)
    # Cleared before the folders made for it: whatever was pushed last goes first.
    undo.callback(temporary.unlink, missing_ok=True)
    tidy.callback(temporary.unlink, missing_ok=True)
    found = _find(target)
    with temporary.open("xb") as file:
        if found is not None and not found.is_link:
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), *found.owner)
            os.fchmod(file.fileno(), found.mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _back_up(target: Path, tidy: ExitStack, undo: ExitStack) -> None:
    """Keep what stands at `target` under a second name, until all is well."""
    if not os.path.lexists(target):
        undo.callback(target.unlink, missing_ok=True)
        return
    backup = _beside(target)
    try:
        os.link(target, backup, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(target, backup, follow_symlinks=False)
    tidy.callback(backup.unlink, missing_ok=True)
    undo.callback(backup.replace, target)


def _beside(target: Path) -> Path:
    return target.with_name(f".move37-{secrets.token_hex(6)}")


def _remove_empty_folders(root: Path, path: str) -> None:
    for folder in Path(path).parents[:-1]:
        try:
            (root / folder).rmdir()
        except OSError:
            return  # not empty


def _names(paths: Sequence[str]) -> str:
    """Up to five of them, for a sentence."""
    shown = ", ".join(repr(path) for path in sorted(paths)[:5])
    return shown if len(paths) <= 5 else f"{shown} and {len(paths) - 5} more"


# --- a branch -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """One commit of a branch."""

    changes: Mapping[str, bytes | None]
    """All that the program changes in the baseline up to here, the stages before included."""
    message: str


def branch(
    root: Path,
    code: Code,
    *,
    baseline: str,
    commit: str,
    name: str,
    message: str,
    stages: Sequence[Stage] = (),
) -> tuple[str, ...]:
    """Make commits with the changes on top of HEAD, as the new branch `name`; return their ids, in order.

    stages: the commits; the last one is the whole program. Empty: a single one, with `message`.
    Touches neither work tree nor index, HEAD or stash; there is the whole branch or none. Content goes through
    the repository's own filters (line ends, LFS), as `git add` would do. Raises `HomeError` when there is no git
    or no repository, the branch exists, or HEAD has something else than the baseline in those files.
    """
    repository = _Repository(root)
    repository.check_name(name)
    changes = code.changed(baseline, commit)
    if not changes:
        raise HomeError("there is nothing to put on a branch: the program is the baseline")
    differing = [
        path for path in changes if not repository.has(path, _content(code, baseline, path))
    ]
    if differing:
        raise HomeError(
            f"{_names(differing)} in {root} differ between HEAD and the start of the study; "
            "commit them first, or take the result with `move37 apply` or `move37 patch`"
        )
    assert not stages or dict(stages[-1].changes) == changes, "the last stage is the program"
    return repository.commit(stages or [Stage(changes, message)], name)


def _content(code: Code, commit: str, path: str) -> bytes | None:
    return None if code.mode(commit, path) is None else code.read(commit, path)


class _Repository:
    """The user's repository, worked on with its own git and a temporary index."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._raw: set[str] = set()
        """Files that HEAD has as they are in the work tree, though the filters would change them."""
        if git_command() is None:
            raise HomeError("a branch needs the program `git`; install it, or use `move37 apply`")
        inside = run_git(root, "rev-parse", "--is-inside-work-tree")
        if inside.returncode or inside.stdout.strip() != b"true":
            raise HomeError(f"{root} is not in a git repository; use `move37 apply` instead")
        head = run_git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if head.returncode:
            raise HomeError(f"the repository of {root} has no commit yet; make one first")
        if run_git(root, "var", "GIT_COMMITTER_IDENT").returncode:
            raise HomeError(
                "git does not know your name; set it with `git config --global user.name` "
                "and `user.email`"
            )
        self._head = head.stdout.decode().strip()
        self._prefix = self._git("rev-parse", "--show-prefix").rstrip(b"\n")
        self._entries = self._read_head()

    def check_name(self, name: str) -> None:
        if (
            run_git(self._root, "check-ref-format", f"refs/heads/{name}").returncode
            or name[:1] == "-"
        ):
            raise HomeError(f"{name!r} is no name for a branch; see `git help check-ref-format`")
        known = run_git(self._root, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}")
        if known.returncode == 0:
            raise HomeError(f"there is a branch {name!r} already; choose another name")

    def has(self, path: str, content: bytes | None) -> bool:
        """Whether HEAD has this content, as it is or as the repository's filters store it."""
        entry = self._entries.get(encode(path))
        if entry is None:
            return content is None and not self._is_in_a_module(path)
        if content is None:
            return False
        if self._hash(None, content, "--no-filters") == entry[1]:
            self._raw.add(path)
            return True
        return self._hash(path, content) == entry[1]

    def commit(self, stages: Sequence[Stage], name: str) -> tuple[str, ...]:
        ids: list[str] = []
        for stage in stages:
            tree = self._tree(stage.changes)
            parent = ids[-1] if ids else self._head
            message = stage.message.encode("utf-8", "replace")
            made = self._git("commit-tree", tree, "-p", parent, "-F", "-", stdin=message)
            ids.append(made.decode().strip())
        last = ids[-1]
        self._git("update-ref", "-m", "move37 branch", f"refs/heads/{name}", last, "0" * len(last))
        return tuple(ids)

    def _tree(self, changes: Mapping[str, bytes | None]) -> str:
        """HEAD with these changes."""
        with tempfile.TemporaryDirectory(prefix="move37-") as folder:
            index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}  # noqa: PTH118
            self._git("read-tree", self._head, extra=index)
            lines = b"".join(self._index_line(path, changes[path]) for path in sorted(changes))
            self._git("update-index", "-z", "--index-info", stdin=lines, extra=index)
            return self._git("write-tree", extra=index).decode().strip()

    def _index_line(self, path: str, content: bytes | None) -> bytes:
        whole = self._prefix + encode(path)
        if content is None:
            return b"0 %s\t%s\0" % (b"0" * len(self._head), whole)
        mode, _ = self._entries.get(encode(path), (FILE, ""))
        raw = path in self._raw
        id = self._hash(None if raw else path, content, "-w", *(["--no-filters"] if raw else []))
        mode = PROGRAM if mode == PROGRAM else FILE
        return b"%o %s\t%s\0" % (mode, id.encode(), whole)

    def _hash(self, path: str | None, content: bytes, *options: str) -> str:
        where: list[str | bytes] = [] if path is None else [b"--path=" + encode(path)]
        return self._git("hash-object", *options, *where, "--stdin", stdin=content).decode().strip()

    def _read_head(self) -> dict[bytes, tuple[int, str]]:
        """Mode and id of every file of HEAD below the root, by path from the root."""
        entries: dict[bytes, tuple[int, str]] = {}
        for line in self._git("ls-tree", "-r", "-z", "HEAD").split(b"\0"):
            if line:
                about, _, path = line.partition(b"\t")
                mode, _, id = about.split()
                entries[path] = (int(mode, 8), id.decode())
        return entries

    def _is_in_a_module(self, path: str) -> bool:
        folders = (encode(str(folder)) for folder in Path(path).parents[:-1])
        return any(folder in self._entries for folder in folders)

    def _git(
        self, *arguments: str | bytes, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> bytes:
        done = run_git(self._root, *arguments, stdin=stdin, extra=extra)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().replace("\n", "; ")
            raise HomeError(f"git could not make the branch in {self._root}: {said}")
        return done.stdout
