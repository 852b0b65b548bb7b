"""Diffs are read line by line, whatever their lines look like."""

from hypothesis import given
from hypothesis import strategies as st

from move37.report.code_diff import read_diff

DIFF = """\
diff --git a/train.py b/train.py
index 1..2 100644
--- a/train.py
+++ b/train.py
@@ -1,3 +1,3 @@ def fit():
 a
--- old
+++ new
 c
\\ No newline at end of file
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/logo.png b/logo.png
new file mode 100644
Binary files /dev/null and b/logo.png differ
"""


def test_files_hunks_and_numbers() -> None:
    train, gone, logo = read_diff(DIFF).files
    assert (train.path, train.added, train.removed) == ("train.py", 1, 1)
    (hunk,) = train.hunks
    assert hunk.head == "def fit():"
    assert [(line.kind, line.old, line.new, line.text) for line in hunk.lines] == [
        ("same", 1, 1, "a"),
        ("gone", 2, None, "-- old"),
        ("new", None, 2, "++ new"),
        ("same", 3, 3, "c"),
        ("note", None, None, "No newline at end of file"),
    ]
    assert (gone.path, gone.note, gone.removed) == ("gone.py", "deleted", 1)
    assert (logo.path, logo.note) == ("logo.png", "new file, binary")


def test_a_diff_without_end_is_cut_and_says_so() -> None:
    read = read_diff(DIFF, limit=8)
    assert read.left_out == len(DIFF.splitlines()) - 8
    assert len(read.files) == 1


@given(st.text())
def test_nothing_breaks_it(text: str) -> None:
    read_diff(text)
    read_diff(f"diff --git a/x b/x\n@@ -1,9 +1,9 @@\n{text}")
