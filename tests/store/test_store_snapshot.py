"""What belongs to the task, and that finding out changes nothing of the user's."""

from pathlib import Path

import pytest
from user_repository import DIRTY, POINTER, dirty, everything, git, git_settings

from move37.core.errors import TaskError
from move37.store import snapshot
from move37.store.git import GitCode
from move37.store.snapshot import list_files

__all__ = ["dirty", "git_settings"]


@pytest.fixture(params=["git", "no git command"])
def any_git(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "git":
        monkeypatch.setattr(snapshot, "git_command", lambda: None)
    return request.param


def test_the_task_is_what_git_tracks_and_does_not_ignore(dirty: Path, any_git: str) -> None:
    assert list_files(dirty) == DIRTY


def test_a_snapshot_changes_nothing_of_the_users(dirty: Path, tmp_path: Path, any_git: str) -> None:
    git(dirty, "status")  # a refreshed index, as after any work
    (dirty / "committed.txt").touch()  # and one that git would like to refresh again
    before = everything(dirty)
    code = GitCode(tmp_path / "code.git", write=True)
    commit = code.snapshot(dirty, list_files(dirty))
    assert everything(dirty) == before
    assert code.read(commit, "crlf.txt") == b"a\r\nb\r\n"
    assert code.read(commit, "pointer.bin") == POINTER.encode()
    assert code.read(commit, "staged and edited.txt") == b"edited\n"


def test_a_subdirectory_is_a_task_of_its_own(dirty: Path, any_git: str) -> None:
    (dirty / "new dir" / "a.log").write_text("ignored by the rule above\n")
    assert list_files(dirty / "new dir") == ["ü 名前.txt"]
    assert list_files(dirty / "sub") == ["inner.txt", "untracked.txt"]


def test_a_repository_inside_is_part_of_the_task(dirty: Path) -> None:
    (dirty / "nested").mkdir()
    git(dirty / "nested", "init", "-q")
    (dirty / "nested" / "a.py").write_text("a\n")
    assert "nested/a.py" in list_files(dirty)


def test_files_behind_a_linked_directory_are_not(dirty: Path) -> None:
    (dirty / "new dir" / "ü 名前.txt").unlink()
    (dirty / "new dir").rmdir()
    (dirty / "was").mkdir()
    (dirty / "was" / "tracked").write_text("")
    git(dirty, "add", "was/tracked")
    (dirty / "was").rename(dirty / "ignored" / "moved")
    (dirty / "was").symlink_to("ignored/moved")
    listed = list_files(dirty)
    assert "was" in listed
    assert "was/tracked" not in listed


def test_a_directory_that_git_ignores_is_walked(dirty: Path) -> None:
    assert list_files(dirty / "ignored") == ["big"]


@pytest.mark.usefixtures("git_settings")
def test_without_git_caches_and_environments_are_left_out(tmp_path: Path, any_git: str) -> None:
    for path in ["a.py", "src/b.py", "__pycache__/a.pyc", ".venv/bin/python", "x/node_modules/y"]:
        (tmp_path / "task" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "task" / path).write_text("")
    (tmp_path / "task" / "data").symlink_to(tmp_path)
    assert list_files(tmp_path / "task") == ["a.py", "data", "src/b.py"]


def test_a_cache_that_somebody_forgot_to_ignore_is_left_out_too(dirty: Path) -> None:
    (dirty / "__pycache__").mkdir()
    (dirty / "__pycache__" / "a.pyc").write_text("")
    assert not [path for path in list_files(dirty) if "pycache" in path]


def test_variables_of_git_do_not_lead_it_elsewhere(
    dirty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = list_files(dirty)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "inner" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere"))
    assert list_files(dirty) == listed


def test_a_file_system_monitor_is_not_started(dirty: Path, tmp_path: Path) -> None:
    git(dirty, "config", "core.fsmonitor", f"touch {tmp_path / 'started'};")
    list_files(dirty)
    assert not (tmp_path / "started").exists()


def test_a_broken_repository_is_said(dirty: Path) -> None:
    (dirty / ".git" / "index").write_bytes(b"not an index, but long enough for one" * 5)
    with pytest.raises(TaskError, match="git cannot list the files"):
        list_files(dirty)
