"""A user's repository in the middle of work, and a way to see that nobody touched it."""

import os
import subprocess
from pathlib import Path

import pytest

DIRTY = [
    ".gitattributes",
    ".gitignore",
    ".gitmodules",
    "committed.txt",
    "crlf.txt",
    "link",
    "new dir/ü 名前.txt",
    "pointer.bin",
    "run.sh",
    "staged and edited.txt",
    "staged.txt",
    "sub/inner.txt",
    "sub/untracked.txt",
    "to a directory",
    "untracked.txt",
]
"""The files of `dirty`."""

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n".format("4d" * 32)


@pytest.fixture
def git_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's global settings, with all that rewrites contents switched on."""
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[user]\n name = A\n email = a@b\n[core]\n autocrlf = true\n safecrlf = false\n"
        '[protocol "file"]\n allow = always\n[init]\n defaultBranch = main\n'
        '[filter "lfs"]\n clean = tr a-z A-Z\n smudge = tr A-Z a-z\n required = true\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def dirty(tmp_path: Path, git_settings: None) -> Path:
    """A repository in the middle of somebody's work."""
    root = _committed(tmp_path)
    _edit(root, tmp_path)
    return root


def _committed(tmp_path: Path) -> Path:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "inner.txt").write_text("inner\n")
    git(inner, "add", ".")
    git(inner, "commit", "-qm", "inner")

    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q")
    (root / ".gitattributes").write_text("*.bin filter=lfs -text\n")
    (root / ".gitignore").write_text("ignored/\n*.log\n")
    (root / "committed.txt").write_text("one\n")
    (root / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    (root / "deleted.txt").write_text("deleted\n")
    (root / "folder").mkdir()
    (root / "folder" / "x").write_text("x\n")
    (root / "pointer.bin").write_text(POINTER)
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("committed.txt")
    git(root, "submodule", "--quiet", "add", str(inner), "sub")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


def _edit(root: Path, elsewhere: Path) -> None:
    (root / "committed.txt").write_text("stashed\n")
    git(root, "stash", "-q")
    (root / "staged.txt").write_text("staged\n")
    (root / "staged and edited.txt").write_text("staged\n")
    git(root, "add", "staged.txt", "staged and edited.txt")
    (root / "staged and edited.txt").write_text("edited\n")
    (root / "deleted.txt").unlink()
    (root / "folder" / "x").unlink()
    (root / "folder").rmdir()
    (root / "folder").symlink_to(elsewhere)  # what it holds is not ours
    (root / "folder").rename(root / "to a directory")
    (root / "untracked.txt").write_text("untracked\n")
    (root / "sub" / "untracked.txt").write_text("in the submodule\n")
    (root / "new dir").mkdir()
    (root / "new dir" / "ü 名前.txt").write_text("ü\n")
    (root / "ignored").mkdir()
    (root / "ignored" / "big").write_text("big\n")
    (root / "a.log").write_text("log\n")
    (root / ".move37").mkdir()
    (root / ".move37" / "study.db").write_text("ours\n")
    os.mkfifo(root / "pipe")


def everything(root: Path) -> dict[str, object]:
    """All that can be seen of a directory, `.git` and times included."""
    seen: dict[str, object] = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        link = path.readlink() if path.is_symlink() else None
        seen[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_ino, content, link)
    return seen
