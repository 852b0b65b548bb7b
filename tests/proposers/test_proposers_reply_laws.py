"""Laws of reading answers: any text gives a reply or a reason, and an edit that is written down is read back."""

from collections.abc import Callable
from difflib import unified_diff

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from move37.core.errors import Unreadable
from move37.proposers.reply.match import Effort
from move37.proposers.reply.reply import Reply, read_reply

SAID = "HYPOTHESIS: it is simpler.\nPREDICTED EFFECT: -0.01\n\n"
FILE = "import os\n\n\ndef f(a):\n    b = a + 1\n    return b\n\n\nprint(f(1))\n"
FILES = {"a.py": FILE.encode(), "lib/b.md": b"# B\n\n```\nx\n```\n", "c.bin": b"\xff\x00"}
PIECES = [
    "<<<<<<< SEARCH\n", "=======\n", ">>>>>>> REPLACE\n", "```\n", "```python\n", "````\n", "```diff\n", "a.py\n",
    "--- a/a.py\n", "+++ b/a.py\n", "@@ -1,2 +1,2 @@\n", "@@\n", "-    b = a + 1\n", "+    b = a + 2\n", "    b = a + 1\n",
    "    b = a + 2\n", " def f(a):\n", "<think>\n", "</think>\n", "WHOLE FILE: a.py\n", "DELETE FILE: lib/b.md\n", "...\n",
    "*** Begin Patch\n", "*** Update File: a.py\n", "*** End Patch\n", "--- /dev/null\n", "rename to x.py\n", "lib/b.md\n",
    "diff --git a/a.py b/a.py\n", "NEW FILE: n.py\n", "../x.py\n", "\\ No newline at end of file\n", FILE, SAID,
    "&lt;&lt;&lt;&lt;&lt;&lt;&lt; SEARCH\n", "\r\n", "\0", "\ud800", "\ufeff", "\u2028", "1 | x\n", "c.bin\n",
]  # fmt: skip
VALID = [
    "a.py\n<<<<<<< SEARCH\n    b = a + 1\n=======\n    b = a + 2\n>>>>>>> REPLACE\n",
    "```diff\n--- a/a.py\n+++ b/a.py\n@@ -4,2 +4,2 @@\n def f(a):\n-    b = a + 1\n+    b = a + 2\n```\n",
    f"WHOLE FILE: a.py\n```python\n{FILE.replace('1)', '2)')}```\n",
]
anything = st.one_of(
    st.text(st.characters(codec=None), max_size=300),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=25).map("".join),
    st.tuples(
        st.sampled_from(VALID), st.integers(0, 200), st.integers(0, 12), st.text(max_size=6)
    ).map(lambda cut: SAID + cut[0][: cut[1]] + cut[3] + cut[0][cut[1] + cut[2] :]),
    st.tuples(st.sampled_from(VALID), st.integers(0, 200)).map(lambda cut: SAID + cut[0][: cut[1]]),
)


@pytest.mark.slow
@settings(max_examples=1000)
@given(anything)
@example("")
@example(SAID + "```\n" * 5)
@example("<think>" * 50)
@example(SAID + "\ud800\n<<<<<<< SEARCH\n\ud800\n=======\n>>>>>>> REPLACE")
def test_any_of_a_thousand_texts_gives_a_reply_or_a_reason(text: str) -> None:
    read_or_refused(text)


@settings(max_examples=100)
@given(anything)
def test_any_text_gives_a_reply_or_a_reason(text: str) -> None:
    read_or_refused(text)


def read_or_refused(text: str) -> None:
    try:
        reply = read_reply(text, FILES)
    except Unreadable as error:
        said = str(error)
    else:
        said = reply.hypothesis
        assert reply.changes
        assert "c.bin" not in reply.changes or reply.changes["c.bin"] is None
        assert all(".." not in path and not path.startswith("/") for path in reply.changes)
    assert said.strip()


line = st.one_of(
    st.sampled_from(
        ["", "x = 1", "    x = 1", "\ty", "def f():", "    return 1", "# ----", "- a", "+ b", "}"]
    ),
    st.text(
        st.characters(
            codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"], exclude_characters=".…<>="
        ),
        max_size=12,
    ),
)
texts = st.lists(line, min_size=1, max_size=14)


def block(old: list[str], new: list[str]) -> str:
    return "\n".join(["a.txt", "<<<<<<< SEARCH", *old, "=======", *new, ">>>>>>> REPLACE", ""])


def diff(old: list[str], new: list[str]) -> str:
    rows = unified_diff(old, new, "a/a.txt", "b/a.txt", n=len(old), lineterm="")
    return "\n".join(["````diff", *rows, "````"])


def whole(old: list[str], new: list[str]) -> str:
    return "\n".join(["WHOLE FILE: a.txt (shorter on purpose)", "``````", *new, "``````"])


@settings(max_examples=100)
@given(
    form=st.sampled_from([block, diff, whole]),
    old=texts,
    new=texts,
    end=st.sampled_from(["\n", "\r\n"]),
    newline=st.booleans(),
)
def test_an_edit_that_is_written_down_is_read_back(
    form: Callable[[list[str], list[str]], str],
    old: list[str],
    new: list[str],
    end: str,
    newline: bool,
) -> None:
    check(form(old, new), old, new, end, newline=newline)


def check(answer: str, old: list[str], new: list[str], end: str, *, newline: bool) -> None:
    assume(old != new and any(map(str.strip, old)) and old[-1] and new[-1])
    assume(end == "\n" or newline or len(old) > 1)  # else nothing tells its line ends
    before, after = ((end.join(lines) + end * newline).encode() for lines in (old, new))
    assert read_reply(SAID + answer, {"a.txt": before}).changes == {"a.txt": after}


@pytest.mark.slow
def test_a_vast_answer_is_read_or_refused_with_bounded_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spent: list[int] = []
    spend = Effort.spend

    def count(self: Effort, lines: int) -> None:
        spent.append(lines)
        spend(self, lines)

    monkeypatch.setattr(Effort, "spend", count)
    same = "x\n" * 100_000
    for answer in (
        "a" * 5_000_000,
        "<" * 5_000_000,
        "```python\n" * 300_000,
        "```\n" * 300_000,
        "<think>\n</think>\n" * 100_000,
        "--- a\n+++ b\n" * 200_000,
        "@@ -1 +1 @@\n" * 200_000,
        f"a.py\n<<<<<<< SEARCH\n{same}=======\n{same}y\n>>>>>>> REPLACE\n",
        "a.py\n<<<<<<< SEARCH\n" + "=======\n" * 300_000 + ">>>>>>> REPLACE\n",
        "a.py\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n" * 60_000,
        "HYPOTHESIS:" + " *" * 1_000_000,
        "PREDICTED EFFECT: " + "1," * 1_000_000,
    ):
        with pytest.raises(Unreadable):
            read_reply(answer, {"a.py": same.encode()})
    assert sum(spent) <= 30_000_000


@pytest.mark.parametrize(
    ("begun", "filled"),
    [
        ("DELETE FILE: a", " "),
        ("WHOLE FILE: a", " "),
        ("WHOLE FILE: a", "-"),
        ("<<<<<<<", " "),
        ("```", " "),
        ("~~~", "~"),
        ("*** Begin Patch\n*** Update File: a", " "),
        ("+++ b\n--- a", " "),
    ],
)
def test_a_line_takes_no_more_work_for_a_character_the_longer_it_is(
    begun: str, filled: str
) -> None:
    """Were a pattern's work to grow with the square of a line, this would take hours."""
    said = f"{begun}{filled * 1_000_000}y`"
    answer = f"{said}\n+++ b\n@@ -1 +1 @@\n-x\n+y\n" if "---" in begun else f"{said}\n```\nx\n```\n"
    with pytest.raises(Unreadable):
        read_reply(answer, {"a.py": b"x\n"})


def test_a_reply_is_a_frozen_record() -> None:
    reply = read_reply(SAID + VALID[0], FILES)
    assert isinstance(reply, Reply)
    assert hash(reply.notes) == hash(())
