"""What becomes of a model's reply: a draft, questions, or a sentence that says what to mend."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import TaskError
from move37.core.records import Direction
from move37.tasks.converse import Offer, Utterance, opening, read_offer
from move37.tasks.detect import plan_init
from move37.tasks.draft import Draft, Question
from move37.tasks.files import disk_reader
from move37.tasks.look import Look
from move37.tasks.survey import is_secret, survey

FILES: Mapping[str, str] = {
    "src/fast.py": "def f(): ...\n",
    "bench.py": "print('seconds:', 1.0)\n",
    "README.md": "# Fast\nRun python bench.py.\n",
    "pyproject.toml": "[project]\nname = 'fast'\n",
    ".env": "TOKEN=hush\n",
    "holdout/answers.csv": "42\n",
}
GOOD = """
Here it is.
```toml
goal = "Make it fast."
[files]
edit = ["src/"]
[evaluate]
run = "python bench.py"
[metric]
name = "seconds"
goal = "minimize"
```
```plan
- Cache.
```
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    return tmp_path


@pytest.fixture
def found(root: Path) -> Draft:
    return plan_init(root, sorted(FILES))


def read(found: Draft, text: str, *, is_cut: bool = False) -> Offer | tuple[Question, ...]:
    return read_offer(Utterance(text=text, is_cut=is_cut), paths=sorted(FILES), found=found)


def offer(found: Draft, text: str) -> Offer:
    read_ = read(found, text)
    assert isinstance(read_, Offer)
    return read_


def test_a_good_reply_is_a_task_and_a_plan(found: Draft) -> None:
    offered = offer(found, GOOD)
    task = offered.draft.task()
    assert (task.goal, task.files.edit, task.evaluate.run) == (
        "Make it fast.",
        ("src/",),
        "python bench.py",
    )
    assert offered.plan == "- Cache."
    assert offered.draft.questions == ()
    assert "src/fast.py may change" in offered.draft.found


def test_questions_come_first_and_are_plain_lines(found: Draft) -> None:
    text = "**QUESTION:** Which\x1b[31m way? | minimize | maximize\nQUESTION: What?\n" + GOOD
    questions = read(found, text)
    assert isinstance(questions, tuple)
    assert [question.text for question in questions] == ["Which[31m way?", "What?"]
    assert questions[0].choices == ("minimize", "maximize")


def test_a_question_inside_a_block_is_none(found: Draft) -> None:
    assert offer(found, GOOD.replace("- Cache.", "QUESTION: is this one?"))


def test_a_direction_that_contradicts_the_name_is_asked_about(found: Draft) -> None:
    offered = offer(found, GOOD.replace('goal = "minimize"', 'goal = "maximize"'))
    [question] = offered.draft.questions
    assert (question.key, question.default) == ("metric.goal", "maximize")
    settled = offered.draft.answer("metric.goal", "minimize")
    assert settled.task().metric.direction is Direction.MINIMIZE


def test_a_plan_does_not_replace_the_persons_own(root: Path, found: Draft) -> None:
    (root / "program.md").write_text("Mine.\n")
    assert offer(found, GOOD).plan == ""


BAD: Any = {
    "no block": ("I would love to help!", "has no block"),
    "two blocks": (GOOD + GOOD, "has 2 blocks"),
    "broken": (GOOD.replace('"seconds"', "seconds"), "line 7"),
    "unknown key": (GOOD.replace("[metric]", "[metric]\nfoo = 1"), "unknown key 'foo'"),
    "a way out": (GOOD.replace('"src/"', '"../../etc/passwd"'), "edit"),
    "an absolute path": (GOOD.replace('"src/"', '"/etc/passwd"'), "edit"),
    "git's own": (GOOD.replace('"src/"', '".git/config"'), r"\.git"),
    "nothing to edit": (GOOD.replace('"src/"', '"lib/"'), "lib/"),
    "the task file itself": (GOOD.replace('"src/"', '"move37.toml"'), r"move37\.toml"),
    "a weaker fence": (GOOD.replace("[metric]", '[sandbox]\nlevel = "plain"\n[metric]'), "sandbox"),
    "keys": (GOOD.replace("[metric]", '[sandbox]\nenv = ["API_KEY"]\n[metric]'), "sandbox"),
    "an agent": (
        GOOD.replace("[metric]", '[[proposer]]\nkind = "agent"\ncommand = "sh"\n[metric]'),
        "proposer",
    ),
    "a secret shown": (GOOD.replace("[evaluate]", 'link = [".env"]\n[evaluate]'), "secret"),
    "a hold-out shown": (GOOD.replace("[evaluate]", 'link = ["holdout/"]\n[evaluate]'), "hold-out"),
    "a secret changed": (GOOD.replace('"src/"', '".env"'), "secret"),
    "a way out by a link": (GOOD.replace("[evaluate]", 'link = ["/root/"]\n[evaluate]'), "link"),
    "loose claims": (GOOD.replace("[metric]", "[certify]\nalpha = 0.5\n[metric]"), "certify"),
    "a shell in the name": (GOOD.replace("goal =", 'name = "$(rm -rf ~)"\ngoal =', 1), "name is"),
    "a control in the name": (GOOD.replace("goal =", 'name = "a\\u001b"\ngoal =', 1), "name is"),
    "a shell in a check's name": (
        GOOD.replace("[metric]", '[checks]\n"; rm -rf ~" = "true"\n[metric]'),
        "checks",
    ),
    "an end of line in the metric": (GOOD.replace('"seconds"', '"a\\nb"'), r"metric\.name"),
    "gigantic": ("x" * 300_000, "too long"),
    "deep": (GOOD.replace("goal =", "x = " + "[" * 50_000 + "\ngoal =", 1), "."),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_said(found: Draft, name: str) -> None:
    text, said = BAD[name]
    with pytest.raises(TaskError, match=said):
        read(found, text)


def test_half_a_reply_is_not_taken_for_a_whole_one(found: Draft) -> None:
    with pytest.raises(TaskError, match="cut off"):
        read(found, GOOD, is_cut=True)


@given(text=st.text(), at=st.integers(0, len(GOOD)))
def test_any_reply_is_a_draft_questions_or_a_sentence(text: str, at: int) -> None:
    found = Draft(root=Path("/nowhere"), layout="", document={})
    reply = Utterance(text=GOOD[:at] + text + GOOD[at:])
    try:
        read_ = read_offer(reply, paths=sorted(FILES), found=found)
    except TaskError:
        return
    if isinstance(read_, Offer):
        assert read_.draft.task().files.edit
        shown = read_.plan
    else:
        shown = "".join(question.text for question in read_)
    assert not [c for c in shown if unicodedata.category(c) == "Cc" and c not in "\n\t"]


# --- the survey ----------------------------------------------------------------------------------


def test_a_survey_shows_names_and_what_tells_most_and_no_secret(root: Path, found: Draft) -> None:
    text = survey(Look(root, sorted(FILES), disk_reader(root)), found, most_characters=8_000)
    assert "holdout/answers.csv" in text
    assert "name = 'fast'" in text
    assert "print('seconds:'" in text
    assert "Run python bench.py." in text
    assert "hush" not in text
    assert "42" not in text


@pytest.mark.parametrize("most", [0, 100, 1_000, 5_000, 60_000])
def test_a_survey_keeps_to_its_room(tmp_path: Path, most: int) -> None:
    paths = [f"pkg{n % 300}/deep/mod{n}.py" for n in range(20_000)] + ["README.md", "bench.py"]
    (tmp_path / "README.md").write_text("word " * 50_000)
    (tmp_path / "bench.py").write_text("print('x')\n" * 10_000)
    text = survey(Look(tmp_path, paths, disk_reader(tmp_path)), None, most_characters=most)
    assert len(text) <= most
    if most >= 5_000:
        assert "print('x')" in text
        assert "word" in text
        assert "(67 files)" in text or "(66 files)" in text


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "a/.env.local",
        "deploy/id_rsa",
        "x.pem",
        "aws-credentials.json",
        "hidden/x",
        ".ssh/c",
    ],
)
def test_secrets_are_known_by_their_names(path: str) -> None:
    assert is_secret(path)


def test_what_the_model_is_told_names_every_key_that_it_may_write() -> None:
    system, user = opening("FILES", "make it fast")
    for key in ("edit", "run", "score", "min_effect", "peak_memory_mb", "usd"):
        assert key in system.text
    for key in ("[[proposer]]", "kind =", "[sandbox]", "level =", "alpha"):
        assert key not in system.text
    assert "make it fast" in user.text
    assert user.text.count("FILES") == 1
