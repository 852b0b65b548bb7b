"""What answers of models are read as, and what is refused."""

import pytest

from move37.core.errors import Unreadable
from move37.proposers.reply.reply import FORMAT, Reply, read_reply

SAID = "HYPOTHESIS: a lower rate is calmer.\nPREDICTED EFFECT: -0.02\n\n"
TRAIN = b"""import os

def train(steps):
    lr = 0.1
    for step in range(steps):
        lr *= 0.9
    return lr

print(train(10))
"""
FILES = {"train.py": TRAIN}


def block(old: str, new: str, path: str = "train.py") -> str:
    old, new = (text and text + "\n" for text in (old, new))
    return f"{path}\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"


def read(answer: str, files: dict[str, bytes] = FILES) -> Reply:
    return read_reply(SAID + answer, files)


def refusal(answer: str, files: dict[str, bytes] = FILES) -> str:
    with pytest.raises(Unreadable) as caught:
        read(answer, files)
    return str(caught.value)


def test_the_example_of_the_format_is_read_as_it_says() -> None:
    example = FORMAT[: FORMAT.index("PREDICTED EFFECT is")]
    reply = read_reply(example, {"train.py": b"lr = 0.1\n"})
    assert reply.changes == {"train.py": b"lr = 0.03\n"}
    assert reply.predicted_effect == -0.02
    assert reply.hypothesis.startswith("one sentence")
    assert reply.notes == ()


def test_a_block_replaces_its_lines() -> None:
    reply = read(block("    lr = 0.1", "    lr = 0.3"))
    assert reply.changes == {"train.py": TRAIN.replace(b"0.1", b"0.3")}
    assert reply.hypothesis == "a lower rate is calmer."


def test_new_lines_are_indented_as_the_file_is() -> None:
    reply = read(block("lr = 0.1\nfor step in range(steps):", "lr = 0.1\nif steps:\n    lr = 1"))
    assert b"    lr = 0.1\n    if steps:\n        lr = 1\n        lr *= 0.9\n" in (
        reply.changes["train.py"] or b""
    )
    assert reply.notes == ("block 1: the indentation differed",)


def test_what_is_not_there_is_refused_with_the_nearest_lines() -> None:
    said = refusal(block("    lr = 0.2\n    for step in range(steps):", "    lr = 0.3"))
    assert "block 1" in said
    assert "you wrote 'lr = 0.2' where line 4 is 'lr = 0.1'" in said
    assert "    4 |     lr = 0.1" in said


def test_an_answer_that_was_cut_off_is_not_applied_by_half() -> None:
    whole = block("    lr = 0.1", "    lr = 0.3") + block("    return lr", "    return 2 * lr")
    for cut in range(len(whole) // 2 + 25, len(whole) - 20):
        assert "cut off" in refusal(whole[:cut])


def test_a_diff_is_found_in_spite_of_its_numbers() -> None:
    diff = "--- a/train.py\n+++ b/train.py\n@@ -70,3 +71,3 @@\n def train(steps):\n-    lr = 0.1\n+    lr = 0.2\n"
    reply = read(f"```diff\n{diff}```")
    assert reply.changes == {"train.py": TRAIN.replace(b"0.1", b"0.2")}


def test_reasoning_is_not_read_as_an_edit() -> None:
    thought = "<think>\n" + block("    lr = 0.1", "    lr = 7") + "</think>\n"
    reply = read_reply(thought + SAID + block("    lr = 0.1", "    lr = 0.3"), FILES)
    assert reply.changes == {"train.py": TRAIN.replace(b"0.1", b"0.3")}


def test_a_whole_file_with_a_placeholder_is_refused() -> None:
    said = refusal("WHOLE FILE: train.py\n```python\nimport os\n# ... rest unchanged\n```")
    assert "'# ... rest unchanged'" in said


@pytest.mark.parametrize("path", ["../x.py", "/etc/passwd", "a/../../x.py", "~/x.py"])
def test_no_path_leads_out_of_the_program(path: str) -> None:
    assert repr(path) in refusal(block("", "x = 1", path))


def test_files_are_made_and_deleted() -> None:
    reply = read(block("", "x = 1", "new.py") + "\nDELETE FILE: train.py\n")
    assert reply.changes == {"new.py": b"x = 1\n", "train.py": None}


def test_hypothesis_and_effect_are_required() -> None:
    with pytest.raises(Unreadable, match="HYPOTHESIS"):
        read_reply(block("    lr = 0.1", "    lr = 0.3"), FILES)
    with pytest.raises(Unreadable, match="PREDICTED EFFECT"):
        read_reply("HYPOTHESIS: x\n\n" + block("    lr = 0.1", "    lr = 0.3"), FILES)
    assert (
        read_reply(SAID.replace("-0.02", "unknown") + block("    lr = 0.1", "    lr = 0"), FILES)
    ).predicted_effect is None
