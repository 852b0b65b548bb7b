"""The conversation of `init`, with a model of a few lines: rounds, repairs, and their ends."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from move37.app.conversing import Conversation, write_plan
from move37.core.errors import TaskError
from move37.tasks.converse import Said, Utterance
from move37.tasks.detect import plan_init
from move37.tasks.draft import Question

GOOD = """```toml
goal = "Lower the loss."
[files]
edit = ["program.py"]
[evaluate]
run = "sh evaluate.sh"
[metric]
name = "loss"
goal = "minimize"
```"""
ASKS = "QUESTION: Which way? | up | down"


class Model:
    """Says one thing after the other, and keeps what it was told."""

    def __init__(self, *replies: str | Utterance) -> None:
        self.replies = list(replies)
        self.told: list[Sequence[Said]] = []

    def speak(self, said: Sequence[Said]) -> Utterance:
        self.told.append(said)
        reply = self.replies.pop(0)
        return reply if isinstance(reply, Utterance) else Utterance(text=reply)


Talk = Callable[..., Conversation]


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    """Return a function that begins a conversation; answers are taken one by one."""
    for name in ("program.py", "evaluate.sh"):
        (tmp_path / name).write_text("x\n")
    paths = ["evaluate.sh", "program.py"]

    def begin(model: Model, *answers: str, is_asked: bool = True) -> Conversation:
        left = list(answers)

        def ask(question: Question) -> str:
            return left.pop(0)

        found = plan_init(tmp_path, paths)
        return Conversation(model.speak, found=found, paths=paths, ask=ask if is_asked else None)

    return begin


def test_a_straight_answer_is_taken(talk: Talk) -> None:
    model = Model(GOOD)
    offer = talk(model).open("files", "lower it")
    assert offer.draft.task().evaluate.run == "sh evaluate.sh"
    assert [said.role for said in model.told[0]] == ["system", "user"]


def test_a_question_is_asked_and_its_answer_told(talk: Talk) -> None:
    model = Model(ASKS, GOOD)
    talk(model, "down").open("files", "")
    assert "Which way? — down" in model.told[1][-1].text
    assert [said.role for said in model.told[1]] == ["system", "user", "assistant", "user"]


def test_a_broken_draft_is_mended_and_forgotten(talk: Talk) -> None:
    broken = GOOD.replace('"loss"', "loss")
    model = Model(broken, Utterance(text=GOOD, is_cut=True), GOOD)
    talk(model).open("files", "")
    assert "line 7" in model.told[1][-1].text
    assert "cut off" in model.told[2][-1].text
    assert len(model.told[1]) == len(model.told[2]) == 4


def test_two_repairs_are_enough(talk: Talk) -> None:
    model = Model(*["Sorry!"] * 4)
    with pytest.raises(TaskError, match=r"after 2 repairs: .*no block"):
        talk(model).open("files", "")
    assert len(model.told) == 3


def test_nobody_there_means_no_questions(talk: Talk) -> None:
    with pytest.raises(TaskError, match=r"Which way.*without --yes"):
        talk(Model(ASKS), is_asked=False).open("files", "")


def test_who_asks_for_ever_is_stopped(talk: Talk) -> None:
    with pytest.raises(TaskError, match="still asks"):
        talk(Model(*[ASKS] * 9), *["up"] * 9).open("files", "")


def test_a_wish_changes_the_draft(talk: Talk) -> None:
    model = Model(GOOD, GOOD.replace("sh evaluate.sh", "bash evaluate.sh"))
    conversation = talk(model)
    conversation.open("files", "")
    changed = conversation.change("use bash")
    assert changed.draft.task().evaluate.run == "bash evaluate.sh"
    assert "use bash" in model.told[1][-1].text
    assert [said.role for said in model.told[1]] == ["system", "user", "assistant", "user"]


def test_a_plan_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    path = write_plan(tmp_path, "- Cache.")
    assert path is not None
    assert path == tmp_path / "program.md"
    assert write_plan(tmp_path, "- Other.") is None
    assert path.read_text() == "- Cache.\n"
    (tmp_path / "sub").mkdir()
    assert write_plan(tmp_path / "sub", "") is None


def test_a_plan_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "program.md").symlink_to(tmp_path / "elsewhere")
    assert write_plan(tmp_path, "- Cache.") is None
    assert not (tmp_path / "elsewhere").exists()
