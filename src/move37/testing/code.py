"""What every code store promises. Subclass it and give it your store."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from move37.core.errors import StudyError
from move37.core.protocols import Code
from move37.testing.store import INHERITED


class Programs(Code, Protocol):
    """A code store that also says what differs: what `move37.store.home` needs."""

    def changed(self, old: str, new: str) -> dict[str, bytes | None]: ...
    def mode(self, commit: str, path: str) -> int | None: ...


Files = Mapping[str, bytes]

_names = st.sampled_from(["a", "b.py", "ü", "a b", "-", 'q"', "tab\t", "日本"])
_paths = st.lists(_names, min_size=1, max_size=3).map("/".join)
_contents = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from(["x = 1", "", "y\r", "ü"]), max_size=12).map(
        lambda lines: "\n".join(lines).encode()
    ),
)


def _fits(files: Files) -> bool:
    """Whether no path is a file and a directory at once."""
    return not any(other.startswith(path + "/") for path in files for other in files)


programs = st.dictionaries(_paths, _contents, max_size=6).filter(_fits)
"""Small programs, with unkind names and contents."""


class CodeContract:
    """`move37.core.protocols.Code`, and what `apply` and `branch` need on top."""

    @pytest.fixture
    def code(self) -> Programs:
        raise NotImplementedError

    @pytest.fixture
    def start(self, code: Programs, tmp_path: Path) -> str:
        """A program of a few files, in the store."""
        return store_files(code, tmp_path / "task", {"train.py": b"lr = 1\n", "lib/a.py": b"a\n"})

    def test_a_snapshot_comes_out_as_it_went_in(self, code: Programs, tmp_path: Path) -> None:
        root = make_odd_directory(tmp_path / "task")
        commit = code.snapshot(root, odd_paths())
        code.write(commit, tmp_path / "copy")
        assert picture(tmp_path / "copy") == picture(root)
        assert code.paths(commit) == sorted(odd_paths())

    def test_equal_snapshots_are_one_commit(self, code: Programs, tmp_path: Path) -> None:
        first = store_files(code, tmp_path / "one", {"a": b"1", "b/c": b"2"})
        assert store_files(code, tmp_path / "two", {"b/c": b"2", "a": b"1"}) == first

    def test_the_same_commit_twice_is_one(self, code: Programs, start: str) -> None:
        once = code.commit([start], {"train.py": b"lr = 2\n"}, "halve")
        assert code.commit([start], {"train.py": b"lr = 2\n"}, "halve") == once != start

    def test_a_commit_changes_what_it_says_and_nothing_else(
        self, code: Programs, start: str
    ) -> None:
        commit = code.commit([start], {"train.py": b"lr = 2\n", "new/x": b"x"}, "")
        assert code.paths(commit) == ["lib/a.py", "new/x", "train.py"]
        assert code.read(commit, "train.py") == b"lr = 2\n"
        assert code.read(commit, "lib/a.py") == b"a\n"
        assert code.read(start, "train.py") == b"lr = 1\n"

    def test_a_deleted_file_is_gone_and_an_empty_directory_with_it(
        self, code: Programs, start: str
    ) -> None:
        commit = code.commit([start], {"lib/a.py": None, "never/there": None}, "")
        assert code.paths(commit) == ["train.py"]

    def test_a_program_may_lose_all_its_files(
        self, code: Programs, start: str, tmp_path: Path
    ) -> None:
        commit = code.commit([start], {"lib/a.py": None, "train.py": None}, "")
        code.write(commit, tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []

    def test_a_file_may_take_the_place_of_a_directory_and_back(
        self, code: Programs, start: str
    ) -> None:
        file = code.commit([start], {"lib/a.py": None, "lib": b"now a file"}, "")
        assert code.paths(file) == ["lib", "train.py"]
        back = code.commit([file], {"lib": None, "lib/a.py": b"a\n"}, "")
        assert code.changed(start, back) == {}

    @pytest.mark.parametrize("changes", [{"lib": b""}, {"train.py/x": b""}, {"n": b"", "n/m": b""}])
    def test_nothing_is_a_file_and_a_directory_at_once(
        self, code: Programs, start: str, changes: Mapping[str, bytes]
    ) -> None:
        with pytest.raises(StudyError, match="a file and a directory at once"):
            code.commit([start], changes, "")

    @pytest.mark.parametrize(
        "path", ["../out", "/etc/passwd", "lib/../../out", "", ".", "a//b", "lib/", ".git/config"]
    )
    @pytest.mark.parametrize("content", [b"gotcha", None])
    def test_no_change_leaves_the_program(
        self, code: Programs, start: str, path: str, content: bytes | None
    ) -> None:
        with pytest.raises(StudyError):
            code.commit([start], {path: content}, "")

    def test_an_executable_stays_one_and_a_link_becomes_a_file(
        self, code: Programs, tmp_path: Path
    ) -> None:
        start = code.snapshot(make_odd_directory(tmp_path / "task"), odd_paths())
        commit = code.commit([start], {"run.sh": b"#!/bin/sh\n", "link": b"text"}, "")
        assert code.mode(commit, "run.sh") == 0o100755
        assert code.mode(start, "link") == 0o120000
        assert code.mode(commit, "link") == 0o100644
        assert code.mode(commit, "nowhere") is None

    def test_files_are_written_for_everyone_to_read(self, code: Programs, tmp_path: Path) -> None:
        commit = code.snapshot(make_odd_directory(tmp_path / "task"), odd_paths())
        old = os.umask(0o077)
        try:
            code.write(commit, tmp_path / "out")
        finally:
            os.umask(old)
        assert (tmp_path / "out" / "deep" / "er").stat().st_mode & 0o777 == 0o755
        assert (tmp_path / "out" / "run.sh").stat().st_mode & 0o777 == 0o755
        assert (tmp_path / "out" / "crlf.txt").stat().st_mode & 0o777 == 0o644

    def test_a_merge_names_both_parents_and_starts_from_the_first(
        self, code: Programs, start: str
    ) -> None:
        left = code.commit([start], {"left": b"l"}, "")
        right = code.commit([start], {"right": b"r"}, "")
        merge = code.commit([left, right], {"right": b"r"}, "")
        assert code.paths(merge) == ["left", "lib/a.py", "right", "train.py"]
        assert code.commit([left], {"right": b"r"}, "") != merge

    def test_keeping_a_commit_twice_or_anew_is_fine(self, code: Programs, start: str) -> None:
        other = code.commit([start], {"a": b""}, "")
        for commit in (start, start, other):
            code.keep(7, commit)
        assert code.read(start, "train.py") == b"lr = 1\n"

    def test_what_is_not_there_is_said(self, code: Programs, start: str) -> None:
        with pytest.raises(StudyError, match="no file 'lib'"):
            code.read(start, "lib")
        with pytest.raises(StudyError, match=r"no file 'train\.py/x'"):
            code.read(start, "train.py/x")
        with pytest.raises(StudyError, match="does not hold program " + "0" * 40):
            code.paths("0" * 40)
        with pytest.raises(StudyError, match="does not hold program"):
            code.commit([start, "0" * 40], {}, "")

    def test_a_snapshot_of_what_is_not_there_is_refused(
        self, code: Programs, tmp_path: Path
    ) -> None:
        with pytest.raises(StudyError, match="cannot be read"):
            code.snapshot(tmp_path, ["missing"])
        (tmp_path / "folder").mkdir()
        with pytest.raises(StudyError, match="neither a file nor a link"):
            code.snapshot(tmp_path, ["folder"])

    def test_a_diff_reads_like_gits(self, code: Programs, start: str) -> None:
        commit = code.commit([start], {"train.py": b"lr = 2", "lib/a.py": None}, "")
        assert code.diff(start, start) == ""
        assert code.diff(start, commit).splitlines() == [
            "diff --git a/lib/a.py b/lib/a.py",
            "deleted file mode 100644",
            "--- a/lib/a.py",
            "+++ /dev/null",
            "@@ -1 +0,0 @@",
            "-a",
            "diff --git a/train.py b/train.py",
            "--- a/train.py",
            "+++ b/train.py",
            "@@ -1 +1 @@",
            "-lr = 1",
            "+lr = 2",
            "\\ No newline at end of file",
        ]

    @pytest.mark.parametrize("content", [b"\0", b"caf\xe9"])
    def test_a_binary_file_is_named_only(self, code: Programs, start: str, content: bytes) -> None:
        commit = code.commit([start], {"train.py": content}, "")
        assert code.diff(start, commit).splitlines()[-1] == (
            "Binary files a/train.py and b/train.py differ"
        )

    @settings(max_examples=40, deadline=None, suppress_health_check=INHERITED)
    @given(old=programs, new=programs)
    def test_what_changed_turns_one_program_into_the_other(
        self, code: Programs, tmp_path_factory: pytest.TempPathFactory, old: Files, new: Files
    ) -> None:
        root = tmp_path_factory.mktemp("law")
        before = store_files(code, root / "old", old)
        after = store_files(code, root / "new", new)
        changes = code.changed(before, after)
        assert changes == _difference(old, new)
        assert list(changes) == sorted(changes)
        assert code.changed(code.commit([before], changes, ""), after) == {}

    @settings(max_examples=25, deadline=None, suppress_health_check=INHERITED)
    @given(old=programs, new=programs)
    def test_git_applies_a_diff_of_text(
        self, code: Programs, tmp_path_factory: pytest.TempPathFactory, old: Files, new: Files
    ) -> None:
        old, new = ({p: _as_text(c) for p, c in files.items()} for files in (old, new))
        root = tmp_path_factory.mktemp("law")
        before = store_files(code, root / "old", old)
        diff = code.diff(before, store_files(code, root / "new", new))
        if diff:
            command = ["git", "apply", "--whitespace=nowarn", "-"]
            subprocess.run(
                command, cwd=root / "old", input=diff.encode(), check=True, env=_no_git(root)
            )
        assert picture(root / "old") == picture(root / "new")


def _as_text(content: bytes) -> bytes:
    return content.decode("latin-1").replace("\0", "").encode()


def _no_git(root: Path) -> dict[str, str]:
    """An environment in which git sees no repository around `root`."""
    return {
        **os.environ,
        "GIT_CEILING_DIRECTORIES": str(root.parent),
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }


def _difference(old: Files, new: Files) -> dict[str, bytes | None]:
    return {path: new.get(path) for path in {**old, **new} if old.get(path) != new.get(path)}


def store_files(code: Code, root: Path, files: Files) -> str:
    """Write these files below `root` and store a snapshot of them."""
    root.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return code.snapshot(root, files)


def odd_paths() -> list[str]:
    """The files of `make_odd_directory`."""
    return [
        "run.sh",
        "link",
        "broken link",
        "folder link",
        "crlf.txt",
        "deep/er/ü.py",
        "名前.txt",
        "not utf-8 \udcff",
        "back\\slash",
        "git~1",
        "empty",
        "binary",
        ".gitattributes",
    ]


def make_odd_directory(root: Path) -> Path:
    """A directory of all that a careless store would change."""
    (root / "deep" / "er").mkdir(parents=True)
    for path in odd_paths():
        if "link" not in path:
            (root / path).write_bytes(f"content of {path!a}\r\n".encode())
    (root / "empty").write_bytes(b"")
    (root / "binary").write_bytes(bytes(range(256)))
    (root / ".gitattributes").write_text("* text=auto eol=crlf ident\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("run.sh")
    (root / "broken link").symlink_to("/nowhere/at all")
    (root / "folder link").symlink_to("deep")
    return root


def picture(root: Path) -> dict[str, tuple[str, bytes | str]]:
    """All that is below a directory, as far as a program is concerned: contents, bits, links."""
    seen: dict[str, tuple[str, bytes | str]] = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            key = str(path.relative_to(root))
            if path.is_symlink():
                seen[key] = ("link", os.fsdecode(path.readlink()))
            elif path.is_file():
                executable = path.stat().st_mode & 0o100
                seen[key] = ("program" if executable else "file", path.read_bytes())
    return seen
