"""Answers written by hand, each with what is right: for the slips that no rule of chance comes upon."""

from collections.abc import Mapping

Nasty = tuple[str, Mapping[str, bytes], str, Mapping[str, bytes | None] | None]
"""Slip, files, answer, and the right changes; `None` where only a refusal is right."""

_TRAIN = b"""import math

RATE = 0.1
STEPS = 100


def loss(x):
    return (x - 3) ** 2


def descend(x):
    for step in range(STEPS):
        x -= RATE * 2 * (x - 3)
        if step % 10 == 0:
            print(step)
    return x


def climb(x):
    for step in range(STEPS):
        x += RATE
    return x


print("loss:", loss(descend(0.0)))
"""
_ONE = {"train.py": _TRAIN}
_TWO = {"train.py": _TRAIN, "lib/model.py": b"WIDTH = 8\nDEPTH = 2\n"}


def _with(old: str, new: str) -> Mapping[str, bytes | None]:
    assert _TRAIN.decode().count(old) == 1, old
    return {"train.py": _TRAIN.decode().replace(old, new).encode()}


def _block(old: str, new: str, path: str = "train.py") -> str:
    parts = [text and text + "\n" for text in (old, new)]
    return f"{path}\n<<<<<<< SEARCH\n{parts[0]}=======\n{parts[1]}>>>>>>> REPLACE\n"


_RATE = _block("RATE = 0.1", "RATE = 0.2")
_RATE_RIGHT = _with("RATE = 0.1", "RATE = 0.2")
_README = b"# Title\n\n```python\nrun()\n```\n\nDone.\n"
_DOC = b'def f():\n    """Say.\n\n    ```\n    f()\n    ```\n    """\n    return 1\n'
_SQL = b"-- first\nselect 1;\n-- second\nselect 2;\n"
_RST = b"Title\n=======\n\nold text\n\nOther\n=======\n"
_WITH_TAG = b"A = '<think>'\nB = '</think>'\nC = 1\n"
_MIXED = b"a = 1\r\nb = 2\nc = 3\r\n"

_RIGHT: list[Nasty] = [
    ("markers of nine", _ONE, _RATE.replace("<<<<<<<", "<" * 9).replace(">>>>>>>", ">" * 9), _RATE_RIGHT),
    ("markers of Cline", _ONE, _RATE.replace("<<<<<<<", "-------").replace(">>>>>>>", "+++++++"), _RATE_RIGHT),
    ("lower-case markers", _ONE, _RATE.replace("SEARCH", "search").replace("REPLACE", "replace"), _RATE_RIGHT),
    ("original and updated", _ONE, _RATE.replace("SEARCH", "ORIGINAL").replace("REPLACE", "UPDATED"), _RATE_RIGHT),
    ("path behind SEARCH", _TWO, _RATE.replace("train.py\n", "").replace("SEARCH", "SEARCH train.py"), _RATE_RIGHT),
    ("all in one fence", _ONE, f"```\n{_RATE}```\n", _RATE_RIGHT),
    ("a fence in a fence", _ONE, f"````markdown\n```python\n{_RATE}```\n````\n", _RATE_RIGHT),
    ("tilde fence", _ONE, f"~~~python\n{_RATE}~~~\n", _RATE_RIGHT),
    ("in a list", _ONE, "- block:\n" + "".join("  " + line for line in _RATE.splitlines(True)), _RATE_RIGHT),
    ("all escaped", _ONE, _RATE.replace("<", "&lt;").replace(">", "&gt;"), _RATE_RIGHT),
    (
        "comment at the line end missing",
        {"train.py": b"RATE = 0.1  # of learning\nOTHER = 1\n"},
        _RATE,
        {"train.py": b"RATE = 0.2  # of learning\nOTHER = 1\n"},
    ),
    ("a line of a diff that begins with --", {"q.sql": _SQL}, "```diff\n--- a/q.sql\n+++ b/q.sql\n@@ -1,3 +1,3 @@\n --- first\n".replace(" --- first", " -- first") + " select 1;\n--- second\n+-- third\n select 2;\n```", {"q.sql": _SQL.replace(b"second", b"third")}),
    ("heading lines as dividers", {"a.rst": _RST}, _block("Title\n=======\n\nold text", "Title\n=======\n\nnew text", "a.rst"), {"a.rst": _RST.replace(b"old", b"new")}),
    ("fences in the text replaced", {"README.md": _README}, _block("```python\nrun()\n```", "```python\nrun(1)\n```", "README.md"), {"README.md": _README.replace(b"run()", b"run(1)")}),
    ("whole file with fences in it", {"README.md": _README}, "WHOLE FILE: README.md\n````markdown\n" + _README.decode().replace("Done", "Gone") + "````\n", {"README.md": _README.replace(b"Done", b"Gone")}),
    ("whole file with fences of a language in it", {"README.md": _README}, "WHOLE FILE: README.md\n```markdown\n" + _README.decode().replace("Done", "Gone") + "```\n", {"README.md": _README.replace(b"Done", b"Gone")}),
    ("tags of reasoning in the code", {"a.py": _WITH_TAG}, _block("B = '</think>'\nC = 1", "B = '</think>'\nC = 2", "a.py"), {"a.py": _WITH_TAG.replace(b"C = 1", b"C = 2")}),
    ("mixed line ends", {"a.py": _MIXED}, _block("b = 2", "b = 5", "a.py"), {"a.py": b"a = 1\r\nb = 5\r\nc = 3\r\n"}),
    ("a mark at the beginning", {"a.py": b"\xef\xbb\xbfx = 1\ny = 2\n"}, _block("x = 1", "x = 3", "a.py"), {"a.py": b"\xef\xbb\xbfx = 3\ny = 2\n"}),
    ("an empty file filled", {"a.py": b""}, _block("", "x = 1", "a.py"), {"a.py": b"x = 1\n"}),
    ("a new file as a diff", _ONE, "```diff\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n```", {"new.py": b"x = 1\ny = 2\n"}),
    ("a new file in a fence", _ONE, "NEW FILE: sub/new.py\n```python\nx = 1\n```", {"sub/new.py": b"x = 1\n"}),
    ("a file deleted by a diff", _TWO, "```diff\ndiff --git a/lib/model.py b/lib/model.py\ndeleted file mode 100644\n--- a/lib/model.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-WIDTH = 8\n-DEPTH = 2\n```", {"lib/model.py": None}),
    ("a file renamed by a diff", _TWO, "```diff\ndiff --git a/lib/model.py b/lib/net.py\nrename from lib/model.py\nrename to lib/net.py\n--- a/lib/model.py\n+++ b/lib/net.py\n@@ -1,2 +1,2 @@\n-WIDTH = 8\n+WIDTH = 9\n DEPTH = 2\n```", {"lib/model.py": None, "lib/net.py": b"WIDTH = 9\nDEPTH = 2\n"}),
    ("a newline added by a diff", {"a.py": b"x = 1"}, "```diff\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n\\ No newline at end of file\n+x = 2\n```", {"a.py": b"x = 2\n"}),
    ("two files in one diff", _TWO, "```diff\n--- a/train.py\n+++ b/train.py\n@@ -3,1 +3,1 @@\n-RATE = 0.1\n+RATE = 0.2\n--- a/lib/model.py\n+++ b/lib/model.py\n@@ -1,1 +1,1 @@\n-WIDTH = 8\n+WIDTH = 9\n```", {**_RATE_RIGHT, "lib/model.py": b"WIDTH = 9\nDEPTH = 2\n"}),
    ("blocks and a diff", _TWO, _RATE + "```diff\n--- a/lib/model.py\n+++ b/lib/model.py\n@@ -1,1 +1,1 @@\n-WIDTH = 8\n+WIDTH = 9\n```", {**_RATE_RIGHT, "lib/model.py": b"WIDTH = 9\nDEPTH = 2\n"}),
    ("the place told by what a diff is in", _ONE, "```diff\n--- a/train.py\n+++ b/train.py\n@@ -9,2 +9,2 @@ def climb(x):\n-    for step in range(STEPS):\n+    for step in range(9):\n```", {"train.py": _TRAIN.replace(b"def climb(x):\n    for step in range(STEPS):", b"def climb(x):\n    for step in range(9):")}),
    ("the place told by a right number", _ONE, "```diff\n--- a/train.py\n+++ b/train.py\n@@ -20,1 +20,1 @@\n-    for step in range(STEPS):\n+    for step in range(9):\n```", {"train.py": _TRAIN.replace(b"def climb(x):\n    for step in range(STEPS):", b"def climb(x):\n    for step in range(9):")}),
    ("list after a diff", _ONE, "--- a/train.py\n+++ b/train.py\n@@ -3,1 +3,1 @@\n-RATE = 0.1\n+RATE = 0.2\n\n+ faster\n- less sure\n", _RATE_RIGHT),
    ("every place, said for each", {"a.py": b"x = 1\ny = 2\nx = 1\n"}, _block("x = 1", "x = 4", "a.py") * 2, {"a.py": b"x = 4\ny = 2\nx = 4\n"}),
    ("lines deleted", _ONE, _block("        if step % 10 == 0:\n            print(step)\n", "").replace("\n\n=", "\n="), _with("        if step % 10 == 0:\n            print(step)\n", "")),
    ("quotation of another part", _ONE, "train.py\n```python\nRATE = 0.1\nSTEPS = 100\n```\nbecomes\n" + _RATE, _RATE_RIGHT),
    ("hypothesis inside the fence", _ONE, "```\nThe answer:\n" + _RATE + "```\n", _RATE_RIGHT),
    ("much shorter on purpose", _ONE, "WHOLE FILE: train.py (shorter on purpose)\n```python\nprint('loss:', 0)\n```", {"train.py": b"print('loss:', 0)\n"}),
    ("a body of dots that is new", _ONE, _block("RATE = 0.1", "class Odd(Exception):\n    ...\n\n\nRATE = 0.1"), _with("RATE = 0.1", "class Odd(Exception):\n    ...\n\n\nRATE = 0.1")),
    ("accents", {"a.py": "x = 'é'\ny = '日本'\n".encode()}, _block("y = '日本'", "y = 'ü'", "a.py"), {"a.py": "x = 'é'\ny = 'ü'\n".encode()}),
    ("form feed", {"a.py": b"x = 1\n\x0c\ny = 2\n"}, _block("y = 2", "y = 3", "a.py"), {"a.py": b"x = 1\n\x0c\ny = 3\n"}),
]  # fmt: skip

_REFUSED: list[Nasty] = [
    ("nothing", _ONE, "I would not change anything.", None),
    ("no change", _ONE, _block("RATE = 0.1", "RATE = 0.1"), None),
    ("twice there", _ONE, _block("    for step in range(STEPS):", "    for step in range(7):"), None),
    ("another function meant", _ONE, _block("def climb(x):\n    for step in range(STEPS):\n        x -= RATE * 2 * (x - 3)", "def climb(x):\n    for step in range(STEPS):\n        x -= 1"), None),
    ("value remembered wrongly", _ONE, _block("RATE = 0.01", "RATE = 0.2"), None),
    ("a part of a name", _ONE, _block("ATE = 0.1", "ATE = 0.2"), None),
    ("an empty SEARCH for a file that is there", _ONE, _block("", "x = 1"), None),
    ("no such file", _ONE, _block("RATE = 0.1", "RATE = 0.2", "other.py"), None),
    ("which of two files", {"a/x.py": b"v = 1\n", "b/x.py": b"v = 1\n"}, _block("v = 1", "v = 2", "x.py"), None),
    ("outside, above", _ONE, _block("", "x", "../up.py"), None),
    ("outside, absolute", _ONE, "WHOLE FILE: /etc/cron.d/x\n```\nx\n```", None),
    ("outside, in the middle", _ONE, "NEW FILE: a/../../x.py\n```python\nx = 1\n```", None),
    ("outside, deleted", _ONE, "DELETE FILE: ../train.py", None),
    ("outside, diff", _ONE, "```diff\n--- /dev/null\n+++ b/../x.py\n@@ -0,0 +1 @@\n+x = 1\n```", None),
    ("deletes what is not there", _ONE, "DELETE FILE: other.py", None),
    ("deletes what it changes", _ONE, _RATE + "\nDELETE FILE: train.py\n", None),
    ("no divider", _ONE, "train.py\n<<<<<<< SEARCH\nRATE = 0.1\n>>>>>>> REPLACE\n", None),
    ("no beginning", _ONE, "train.py\nRATE = 0.1\n=======\nRATE = 0.2\n>>>>>>> REPLACE\n", None),
    ("a block in a block", _ONE, "<<<<<<< SEARCH\nRATE = 0.1\n=======\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n", None),
    ("cut off after a block", _ONE, _RATE + "\n<<<<<<< SEA", None),
    ("cut off at a path", _ONE, _RATE + "\ntrain.py", None),
    ("cut off in a fence", _ONE, "```python\n" + _RATE, None),
    ("cut off while thinking", _ONE, "<think>so " + _RATE, None),
    ("cut off in a diff", _ONE, "--- a/train.py\n+++ b/train.py\n@@ -3,4 +3,4 @@\n-RATE = 0.1\n+RATE = 0.2", None),
    ("cut off in a patch", _ONE, "*** Begin Patch\n*** Update File: train.py\n@@\n-RATE = 0.1\n+RATE = 0.2\n", None),
    ("a list that looks like a diff", _ONE, "--- a/train.py\n+++ b/train.py\n@@ ... @@\n-RATE = 0.1\n+RATE = 0.2\n\n+ faster\n", None),
    ("binary", {"a.bin": b"\xff\xfe\x00\x01"}, _block("x", "y", "a.bin"), None),
    ("binary, as a whole", {"a.bin": b"\xff\xfe\x00\x01"}, "WHOLE FILE: a.bin\n```\nx\n```", None),
    ("binary patch", _ONE, "```diff\ndiff --git a/train.py b/train.py\nGIT binary patch\nliteral 3\n```\n", None),
    ("body elided", _ONE, _block("def loss(x):\n    return (x - 3) ** 2", "def loss(x):\n    ..."), None),
    ("bodies elided in a whole file", _ONE, "WHOLE FILE: train.py\n```python\nimport math\n\nRATE = 0.2\nSTEPS = 100\n\n\ndef loss(x):\n    ...\n\n\ndef descend(x):\n    ...\n\n\ndef climb(x):\n    ...\n\n\nprint('loss:', loss(descend(0.0)))\n```", None),
    ("a function lost", _ONE, "WHOLE FILE: train.py\n```python\n" + _TRAIN.decode().replace("def loss(x):\n    return (x - 3) ** 2\n\n\n", "") + "```", None),
    ("cut by a fence within", {"a.py": _DOC + b"\n\ndef g():\n    return 2\n"}, "WHOLE FILE: a.py\n```python\n" + _DOC.decode() + "\n\ndef g():\n    return 3\n```\n", None),
    ("cut by bare fences within", {"README.md": b"# A\n\n```\nx\n```\n\nB\n"}, "WHOLE FILE: README.md\n```\n# A\n\n```\ny\n```\n\nB\n```\n", None),
    ("two whole files for one", _ONE, ("WHOLE FILE: train.py\n```python\n" + _TRAIN.decode() + "x = 1\n```\n") * 2, None),
    ("whole file and a block", _ONE, "WHOLE FILE: train.py\n```python\n" + _TRAIN.decode() + "x = 1\n```\n" + _RATE, None),
    ("two fences and no word", _ONE, "```python\n" + _TRAIN.decode() + "x = 1\n```\nor\n```python\n" + _TRAIN.decode() + "x = 2\n```\n", None),
    ("the second block undoes the ground of the first", _ONE, _RATE + _block("RATE = 0.1\nSTEPS = 100", "STEPS = 5"), None),
    ("elsewhere, once it is gone", {"a.py": b"def f():\n    x = 1\n\n\nclass C:\n    def g(self):\n        x = 1\n"}, _block("def f():\n    x = 1", "def f():\n    x = 2", "a.py") + _block("    x = 1\n\n", "    x = 3\n", "a.py"), None),
    ("indented to nowhere", {"a.py": b"def f():\n    if a:\n        b()\n"}, _block("        if a:\n            b()", "    if a:\n        c()\n  d()", "a.py"), None),
    ("plus signs only", _ONE, "```diff\n--- a/train.py\n+++ b/train.py\n@@ -3,0 +4,1 @@\n+x = 1\n```", None),
    ("a new file that is there", _ONE, "NEW FILE: train.py\n```python\nx = 1\n```", None),
    ("null bytes", _ONE, _block("RATE = 0.1", "RATE = '\0'"), None),
    ("half a surrogate", _ONE, _block("RATE = 0.1", "RATE = '\ud800'"), None),
]  # fmt: skip

NASTY: list[Nasty] = [*_RIGHT, *_REFUSED]
