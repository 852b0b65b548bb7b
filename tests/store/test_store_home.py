"""Taking a result home, and never at the price of the user's own work."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from user_repository import dirty, everything, git, git_settings

from move37.core.errors import HomeError
from move37.store import home
from move37.store.git import GitCode
from move37.store.home import apply, branch
from move37.store.snapshot import list_files
from move37.testing.code import Programs, picture

__all__ = ["dirty", "git_settings"]

CHANGES = {
    "committed.txt": b"better\n",
    "run.sh": b"#!/bin/sh\nexit 0\n",
    "new/file.py": b"new\n",
    "crlf.txt": None,
}


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


WORK: dict[str, Callable[[Path], object]] = {
    "edited": lambda root: put(root / "committed.txt", b"mine"),
    "deleted": lambda root: (root / "committed.txt").unlink(),
    "line ends": lambda root: put(root / "crlf.txt", b"a"),
    "already there": lambda root: put(root / "new" / "file.py", b"mine"),
    "folder there": lambda root: (root / "new" / "file.py").mkdir(parents=True),
    "now a link": lambda root: link(root / "committed.txt", "run.sh"),
    "folder is a link": lambda root: link(root / "new", os.fspath(root.parent)),
}


@pytest.fixture
def code(tmp_path: Path) -> Programs:
    return GitCode(tmp_path / "code.git", write=True)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A directory without git."""
    root = tmp_path / "task"
    (root / "lib").mkdir(parents=True)
    (root / "committed.txt").write_bytes(b"one\n")
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o751)
    (root / "crlf.txt").write_bytes(b"a\r\n")
    (root / "lib" / "only.py").write_bytes(b"x\n")
    (root / "link").symlink_to("committed.txt")
    return root


def start(code: Programs, root: Path) -> str:
    return code.snapshot(root, list_files(root))


class TestApply:
    def test_changes_the_files_and_says_which(self, code: Programs, task: Path) -> None:
        baseline = start(code, task)
        commit = code.commit([baseline], {**CHANGES, "lib/only.py": None}, "")
        assert apply(task, code, baseline=baseline, commit=commit) == sorted(
            [*CHANGES, "lib/only.py"]
        )
        assert start(code, task) == code.snapshot(task, code.paths(commit))
        assert not (task / "lib").exists()
        assert (task / "run.sh").stat().st_mode & 0o777 == 0o751
        assert code.changed(commit, start(code, task)) == {}

    def test_twice_is_once(self, code: Programs, task: Path) -> None:
        baseline = start(code, task)
        commit = code.commit([baseline], CHANGES, "")
        apply(task, code, baseline=baseline, commit=commit)
        before = everything(task)
        assert apply(task, code, baseline=baseline, commit=commit) == []
        assert everything(task) == before

    def test_work_on_other_files_is_left_alone(self, code: Programs, task: Path) -> None:
        baseline = start(code, task)
        (task / "lib" / "only.py").write_bytes(b"mine\n")
        commit = code.commit([baseline], CHANGES, "")
        apply(task, code, baseline=baseline, commit=commit)
        assert (task / "lib" / "only.py").read_bytes() == b"mine\n"

    @pytest.mark.parametrize("mine", WORK)
    def test_refuses_where_the_user_worked_and_changes_nothing(
        self, code: Programs, task: Path, mine: str
    ) -> None:
        baseline = start(code, task)
        commit = code.commit([baseline], CHANGES, "")
        WORK[mine](task)
        before = everything(task)
        with pytest.raises(HomeError, match="changed since the study began"):
            apply(task, code, baseline=baseline, commit=commit)
        assert everything(task) == before

    def test_names_a_few_of_many(self, code: Programs, tmp_path: Path) -> None:
        root = tmp_path / "many"
        root.mkdir()
        for index in range(9):
            (root / f"f{index}").write_bytes(b"1")
        baseline = start(code, root)
        commit = code.commit([baseline], {f"f{index}": b"2" for index in range(9)}, "")
        for index in range(9):
            (root / f"f{index}").write_bytes(b"mine")
        with pytest.raises(HomeError, match="'f4' and 4 more in "):
            apply(root, code, baseline=baseline, commit=commit)

    def test_all_or_nothing(
        self, code: Programs, task: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        baseline = start(code, task)
        commit = code.commit([baseline], {**CHANGES, "zz": b"last\n"}, "")
        before = picture(task)
        replace = Path.replace

        def full_disk(self: Path, target: Path) -> Path:
            if target.name == "zz":
                raise OSError(28, "No space left on device", str(target))
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", full_disk)
        with pytest.raises(HomeError, match=r"No space left on device.*nothing was changed"):
            apply(task, code, baseline=baseline, commit=commit)
        assert picture(task) == before
        assert not (task / "new").exists()
        assert not list(task.rglob(".move37-*"))

    def test_leaves_index_and_branches_alone(self, code: Programs, dirty: Path) -> None:
        baseline = start(code, dirty)
        commit = code.commit([baseline], CHANGES, "")
        before = everything(dirty / ".git")
        apply(dirty, code, baseline=baseline, commit=commit)
        assert everything(dirty / ".git") == before


class TestBranch:
    def test_is_one_commit_on_top_of_head(self, code: Programs, dirty: Path) -> None:
        baseline = start(code, dirty)
        commit = code.commit([baseline], CHANGES, "")
        head = git(dirty, "rev-parse", "HEAD")
        (id,) = branch(
            dirty, code, baseline=baseline, commit=commit, name="x/7", message="Better\n\nby 3 %"
        )
        assert git(dirty, "rev-parse", "x/7^") == head
        assert git(dirty, "rev-parse", "x/7").strip() == id
        assert git(dirty, "log", "-1", "--format=%B", "x/7").strip() == "Better\n\nby 3 %"
        assert git(dirty, "diff", "--no-renames", "--name-status", "HEAD", "x/7").split() == (
            ["M", "committed.txt", "D", "crlf.txt", "A", "new/file.py", "M", "run.sh"]
        )
        assert git(dirty, "show", "x/7:run.sh") == "#!/bin/sh\nexit 0\n"
        assert git(dirty, "ls-tree", "x/7", "run.sh").startswith("100755 ")

    def test_is_a_commit_for_each_stage_and_the_last_is_the_program(
        self, code: Programs, dirty: Path
    ) -> None:
        baseline = start(code, dirty)
        commit = code.commit([baseline], CHANGES, "")
        first = {"committed.txt": CHANGES["committed.txt"]}
        whole = code.changed(baseline, commit)
        stages = [home.Stage(first, "One"), home.Stage(whole, "Two\n\nand all")]
        before = everything(dirty / "committed.txt") | everything(dirty / ".git" / "index")
        ids = branch(
            dirty, code, baseline=baseline, commit=commit, name="x7", message="", stages=stages
        )
        log = git(dirty, "log", "--reverse", "--format=%H %s", "HEAD..x7").split("\n")
        assert log[:2] == [f"{ids[0]} One", f"{ids[1]} Two"]
        assert git(dirty, "diff", "--name-only", "HEAD", ids[0]).split() == ["committed.txt"]
        assert git(dirty, "diff", "--no-renames", "--name-only", "HEAD", "x7").split() == (
            sorted(CHANGES)
        )
        assert everything(dirty / "committed.txt") | everything(dirty / ".git" / "index") == before

    def test_touches_neither_files_nor_index_nor_head_nor_stash(
        self, code: Programs, dirty: Path
    ) -> None:
        baseline = start(code, dirty)
        commit = code.commit([baseline], CHANGES, "")
        before = everything(dirty)
        branch(dirty, code, baseline=baseline, commit=commit, name="x7", message="m")
        after = everything(dirty)
        allowed = (".git/objects", ".git/refs/heads", ".git/logs/refs/heads")
        touched = {path for path in after if before.get(path) != after[path]}
        assert before.keys() <= after.keys()
        assert not {
            path for path in touched if not str(Path(path).relative_to(dirty)).startswith(allowed)
        }

    def test_contents_pass_the_filters_of_the_repository(self, code: Programs, dirty: Path) -> None:
        (dirty / "committed.txt").write_bytes(b"one\r\n")  # as autocrlf checks it out
        baseline = start(code, dirty)
        changes = {
            "committed.txt": b"one\r\ntwo\r\n",
            "pointer.bin": code.read(baseline, "pointer.bin") + b"more\n",
        }
        commit = code.commit([baseline], changes, "")
        branch(dirty, code, baseline=baseline, commit=commit, name="x7", message="m")
        assert git(dirty, "cat-file", "blob", "x7:committed.txt") == "one\ntwo\n"
        assert git(dirty, "cat-file", "blob", "x7:pointer.bin").endswith("MORE\n")

    def test_is_right_in_a_subdirectory(self, code: Programs, dirty: Path) -> None:
        (dirty / "src" / "ü").mkdir(parents=True)
        (dirty / "src" / "ü" / "a.py").write_text("a\n")
        git(dirty, "add", "src")
        git(dirty, "commit", "-qm", "src", "--", "src")
        baseline = start(code, dirty / "src")
        commit = code.commit([baseline], {"ü/a.py": b"b\n", "ü/n.py": b"n\n"}, "")
        branch(dirty / "src", code, baseline=baseline, commit=commit, name="x7", message="m")
        named = git(dirty, "diff", "-z", "--name-only", "HEAD", "x7").strip("\0").split("\0")
        assert named == ["src/ü/a.py", "src/ü/n.py"]

    @pytest.mark.parametrize(
        ("path", "content"),
        [
            ("staged.txt", b"x"),  # HEAD does not have it
            ("untracked.txt", b"x"),
            ("sub/inner.txt", b"x"),  # another repository's
            ("sub/new.txt", b"x"),
            ("deleted.txt", b"x"),  # HEAD has it, the study does not
        ],
    )
    def test_refuses_where_head_is_not_the_baseline(
        self, code: Programs, dirty: Path, path: str, content: bytes
    ) -> None:
        baseline = start(code, dirty)
        commit = code.commit([baseline], {path: content}, "")
        before = everything(dirty)
        with pytest.raises(HomeError, match=r"differ between HEAD and the start of the study"):
            branch(dirty, code, baseline=baseline, commit=commit, name="x7", message="m")
        assert everything(dirty) == before

    def test_refuses_a_name_that_is_taken_or_none(self, code: Programs, dirty: Path) -> None:
        baseline = start(code, dirty)
        commit = code.commit([baseline], CHANGES, "")
        with pytest.raises(HomeError, match="there is a branch 'main' already"):
            branch(dirty, code, baseline=baseline, commit=commit, name="main", message="m")
        with pytest.raises(HomeError, match="is no name for a branch"):
            branch(dirty, code, baseline=baseline, commit=commit, name="a..b", message="m")
        with pytest.raises(HomeError, match=r"git could not make the branch.*main"):
            branch(dirty, code, baseline=baseline, commit=commit, name="main/x", message="m")

    def test_needs_git_a_repository_a_commit_and_a_change(
        self,
        code: Programs,
        task: Path,
        git_settings: None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        baseline = start(code, task)
        commit = code.commit([baseline], CHANGES, "")

        def attempt(commit: str = commit) -> tuple[str, ...]:
            return branch(task, code, baseline=baseline, commit=commit, name="x", message="m")

        with pytest.raises(HomeError, match="not in a git repository"):
            attempt()
        git(task, "init", "-q")
        with pytest.raises(HomeError, match="no commit yet"):
            attempt()
        git(task, "add", ".")
        git(task, "commit", "-qm", "first")
        with pytest.raises(HomeError, match="nothing to put on a branch"):
            attempt(baseline)
        monkeypatch.setattr(home, "git_command", lambda: None)
        with pytest.raises(HomeError, match="needs the program `git`"):
            attempt()
        monkeypatch.undo()
        shutil.rmtree(task / ".git")

    def test_says_when_git_does_not_know_the_user(
        self, code: Programs, dirty: Path, tmp_path: Path
    ) -> None:
        baseline = start(code, dirty)
        commit = code.commit([baseline], CHANGES, "")
        git(dirty, "config", "user.useConfigOnly", "true")
        git(dirty, "config", "--global", "--remove-section", "user")
        with pytest.raises(HomeError, match="git does not know your name"):
            branch(dirty, code, baseline=baseline, commit=commit, name="x7", message="m")
