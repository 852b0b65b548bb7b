"""Patches as git and diff write them, made again; git itself is asked what is right."""

import contextlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st

from move37.core.errors import Refused
from move37.store.hunks import apply_patch
from move37.store.memory import MemoryCode

LINES = b"one\ntwo\nthree\nfour\nfive\n"
HUNK = b"@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n"


def apply(files: Mapping[str, bytes], patch: bytes, **options: str) -> dict[str, bytes | None]:
    return apply_patch(patch, files.get, lambda path: path in files, **options)


def git(root: Path, *args: str) -> bytes:
    named = ("-c", "user.name=x", "-c", "user.email=x@y", "-c", "core.autocrlf=false")
    done = subprocess.run(["git", *named, *args], cwd=root, capture_output=True, check=True)
    return done.stdout


def test_what_git_diff_writes_is_made_again(tmp_path: Path) -> None:
    before = {
        "a.py": LINES * 9,
        "ü ß.txt": b"x\r\ny\r\n",
        "tab\there.txt": b"1\n2",
        "gone": b"bye\n",
        "old": b"1\n2\n3\n4\n5\n",
        "b.bin": os.urandom(3000),
        "gone.bin": os.urandom(30),
        "empty": b"",
    }
    for path, content in before.items():
        (tmp_path / path).write_bytes(content)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    git(tmp_path, "mv", "old", "renamed")
    after: dict[str, bytes | None] = {
        "a.py": before["a.py"].replace(b"one\n", b"ONE\n", 1) + b"end",
        "ü ß.txt": b"x\r\nz\r\n",
        "tab\there.txt": b"1\n2\n",
        "gone": None,
        "gone.bin": None,
        "renamed": b"1\n2\n3\n4\nfive\n",
        "old": None,
        "b.bin": before["b.bin"][:100] + os.urandom(50) + before["b.bin"][100:],
        "new.bin": os.urandom(10),
        "new": b"hello",
        "blank": b"",
    }
    for path, content in after.items():
        if content is None:
            (tmp_path / path).unlink(missing_ok=True)
        else:
            (tmp_path / path).write_bytes(content)
    git(tmp_path, "add", "-A")
    for options in (("--binary",), ("--binary", "--no-prefix"), ("--binary", "-U0")):
        assert apply(before, git(tmp_path, "diff", *options, "HEAD")) == after
    mail = b"From: me\nSubject: [PATCH] x\n\n---\n a.py | 1 +\n\n" + git(
        tmp_path, "diff", "--binary", "HEAD"
    )
    assert apply(before, mail + b"-- \n2.39\n") == after


def test_our_own_patches_are_made_again() -> None:
    code = MemoryCode()
    empty = code.commit([code._store((), {}, "")], {"a.py": LINES, "b": b"\n\n"}, "")  # pyright: ignore[reportPrivateUsage]
    new = code.commit([empty], {"a.py": LINES[4:], "b": None, "c/d": b"x"}, "")
    found = apply({"a.py": LINES, "b": b"\n\n"}, code.diff(empty, new).encode())
    assert found == {"a.py": LINES[4:], "b": None, "c/d": b"x"}


@pytest.mark.parametrize(
    ("head", "options"),
    [
        (b"--- a/a.py\n+++ b/a.py\n", {}),
        (b"--- a.py\t2026-01-01 10:00\n+++ a.py\t2026-01-02\n", {}),
        (b"diff -u a.py.orig a.py\n--- a.py.orig\n+++ a.py\n", {}),
        (b"--- a/tasks/one/a.py\n+++ b/tasks/one/a.py\n", {"inside": "tasks/one/"}),
        (b"--- tasks/one/a.py\r\n+++ tasks/one/a.py\r\n", {"inside": "tasks/one/"}),
    ],
)
def test_names_are_read_as_they_were_meant(head: bytes, options: Mapping[str, str]) -> None:
    if b".orig" in head:
        with pytest.raises(Refused, match=r"a\.py\.orig"):
            apply({"a.py": LINES}, head + HUNK)
    else:
        found = apply({"a.py": LINES}, head + HUNK, **options)
        assert found == {"a.py": LINES.replace(b"two", b"TWO")}


def test_lines_that_moved_are_found_at_the_nearest_place() -> None:
    moved = b"new\n" * 7 + LINES + b"x\n" * 20 + LINES
    patch = b"--- a/a.py\n+++ b/a.py\n" + HUNK
    assert apply({"a.py": moved}, patch) == {"a.py": moved.replace(b"two", b"TWO", 1)}


def test_a_line_number_that_is_far_off_is_no_reason_to_look_for_long() -> None:
    hunk = HUNK.replace(b"-1,3", b"-999999999,3")
    found = apply({"a.py": LINES}, b"--- a/a.py\n+++ b/a.py\n" + hunk)
    assert found == {"a.py": LINES.replace(b"two", b"TWO")}


def test_words_between_the_patches_of_a_series_change_nothing() -> None:
    first = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n" + HUNK
    words = b"-- \n2.39\n\nrename from b\nnew file mode 120000\nUse mode 9\n"
    second = b"diff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n"
    found = apply({"a.py": LINES, "b": b"x\n"}, first + words + second)
    assert found == {"a.py": LINES.replace(b"two", b"TWO"), "b": b"y\n"}


@pytest.mark.parametrize("file_has", [True, False])
@pytest.mark.parametrize("patch_has", [True, False])
def test_line_ends_are_those_of_the_file(file_has: bool, patch_has: bool) -> None:
    content, patch = LINES, b"--- a/a.py\n+++ b/a.py\n" + HUNK
    if file_has:
        content = content.replace(b"\n", b"\r\n")
    if patch_has:
        patch = patch.replace(b"\n", b"\r\n")
    assert apply({"a.py": content}, patch) == {"a.py": content.replace(b"two", b"TWO")}


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        (b"", "no change"),
        (b"hello\0\n", "no change"),
        (b"--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n one\n-toe\n+TWO\n", "does not fit"),
        (b"--- a/a.py\n+++ b/a.py\n@@ -1,9 +1,9 @@\n one\n-two\n+TWO\n", "cut short"),
        (b"--- a/a.py\n+++ b/a.py\n@@ nonsense\n", "cannot be read"),
        (b"--- a/a.py\n+++ b/a.py\n@@ -" + b"1" * 5000 + b" +1 @@\n", "cannot be read"),
        (b"--- a/z.py\n+++ b/z.py\n" + HUNK, r"'z\.py', which the program does not have"),
        (b"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+x\n", "has already"),
        (b"--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n", "not all"),
        (b"diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n",
         "symbolic link"),
        (b"diff --git a/a.py b/a.py\nindex 1..2 120000\n--- a/a.py\n+++ b/a.py\n" + HUNK,
         "symbolic link"),
        (b"Binary files a/b and b/b differ\n--- a/a.py\n+++ b/a.py\n" + HUNK, "--binary"),
        (b"diff --git a/b b/b\nBinary files a/b and b/b differ\n", "--binary"),
        (b"diff --git a/a.py b/a.py\nGIT binary patch\nliteral 5\nMcmZQz\n\n", "does not fit"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_reason(patch: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        apply({"a.py": LINES}, patch)


@with_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"d"]), max_size=25),
    st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"e"]), max_size=25),
)
def test_any_two_texts_by_git(tmp_path: Path, old: list[bytes], new: list[bytes]) -> None:
    before, after = b"".join(old), b"".join(new)
    (tmp_path / "old").write_bytes(before)
    (tmp_path / "new").write_bytes(after)
    done = subprocess.run(
        ["git", "diff", "--no-index", "--text", "old", "new"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    if before != after:
        patch = done.stdout.replace(b"b/new", b"b/old")
        assert apply({"old": before}, patch) == {"old": after}


@with_settings(max_examples=300)
@given(st.binary(max_size=200))
def test_no_patch_can_do_more_than_be_refused(noise: bytes) -> None:
    patch = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n" + noise
    with contextlib.suppress(Refused):
        apply({"a.py": LINES}, patch)
