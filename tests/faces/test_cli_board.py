"""The board at the command line."""

import io
import json
import os
import shutil
from pathlib import Path

import pytest

from move37 import app
from move37.faces.cli.main import run_command

TOML = """
goal = "Lower the loss."
[files]
edit = ["train.py"]
[evaluate]
run = "python3 measure.py"
timeout = "20s"
[metric]
name = "val_loss"
goal = "minimize"
"""
MEASURE = """
from train import rate, width
print("val_loss:", 3 + (rate - 0.1) ** 2 + (width - 64) ** 2 / 5000)
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("begun") / "task"
    root.mkdir()
    (root / "move37.toml").write_text(TOML)
    (root / "measure.py").write_text(MEASURE)
    (root / "train.py").write_text("rate = 0.01\nwidth = 16\n")
    change = app.Change(files={"train.py": b"rate = 0.01\nwidth = 32\n"})
    app.propose(root, change, hypothesis="wider", settings=app.RunSettings(workers=1))
    return root


class Line:
    """The command line in a copy of the study."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._root = root
        self._capsys = capsys

    def __call__(self, *args: str) -> tuple[int, str, str]:
        code = run_command(["-C", str(self._root), *args])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def do(begun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Line:
    root = shutil.copytree(begun, tmp_path / "task")
    capsys.readouterr()
    return Line(root, capsys)


def test_a_study_without_posts_says_how_to_post(do: Line) -> None:
    code, out, _ = do("board")
    assert (code, "board post lesson" in out) == (0, True)


def test_what_is_posted_is_listed_shown_found_and_retracted(do: Line) -> None:
    code, out, _ = do("board", "post", "finding", "x1: größer gained 5", "--effect", "-0.2",
                      "--author", "ada")  # fmt: skip
    assert code == 0
    assert out.splitlines()[0] == "p1 finding by ada (person) · x1 · supported"
    assert "    > x1: größer gained 5 [claimed]" in out
    assert "x1: believed 3.213 ± 0.036, effect on x0 +0.256 ± 0.036" in out
    assert do("board", "post", "question", "why?", "--to", "p1", "--role", "agent")[0] == 0
    assert "p2 question to p1 by" in do("board")[1]
    assert "a model's words" in do("board", "show", "p1")[1]
    assert do("board", "search", "GRÖSSER")[1] == do("board", "--kind", "finding")[1]
    assert do("board", "--about", "x1")[1] == do("board", "--kind", "finding")[1]
    code, out, _ = do("board", "retract", "p1", "--reason", "wrong split")
    assert (code, "retracted by" in out, "wrong split" in out) == (0, True, True)
    assert "größer" not in do("board")[1]
    assert "größer" in do("board", "--retracted")[1]
    assert do("verify")[0] == 0


def test_json_stands_before_or_behind_and_is_one_object(do: Line) -> None:
    do("board", "post", "hypothesis", "a <b> \x1b[2J & c")
    for args in (("--json", "board"), ("board", "--json"), ("board", "--json", "show", "p1")):
        code, out, _ = do(*args)
        assert code == 0
        [post] = json.loads(out)["posts"]
        assert post["text"] == "a <b> \x1b[2J & c"
    assert "\x1b" not in do("board", "show", "1")[1]
    noted = json.loads(do("board", "claim", "p1", "--author", "bob", "--json")[1])
    assert (noted["state"], noted["post"]["claimed_by"]) == ("stored", "bob")
    code, out, err = do("board", "claim", "p1", "--author", "eve", "--json")
    assert (code, json.loads(out)["error"]) == (2, err.removeprefix("move37: ").rstrip("\n"))


def test_a_text_may_come_from_standard_input(do: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("two\nlines\n"))
    assert "    > two\n    > lines" in do("board", "post", "lesson", "-")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO("x" * 3_000_000))
    code, _, err = do("board", "post", "lesson", "-")
    assert (code, "of 4,000 allowed" in err) == (2, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("post", "rumour", "x"), "'rumour' is not one of"),
        (("post", "lesson"), "Missing argument 'TEXT'"),
        (("post", "lesson", "x" * 100_000), "100,000 characters, of 4,000 allowed"),
        (("post", "lesson", "x", "--to", "seven"), "'seven' is no post"),
        (("post", "lesson", "x", "--to", "p7"), "there is no post p7"),
        (("post", "lesson", "x", "--about", "x99"), "x99, which is no experiment"),
        (("post", "lesson", "x", "--effect", "nan"), "finite number"),
        (("show", "p7"), "there is no post p7"),
        (("show", "../x"), "'../x' is no post"),
        (("retract", "p7"), "there is no post p7"),
        (("shout",), "No such command 'shout'"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_code_2(
    do: Line, args: tuple[str, ...], said: str
) -> None:
    code, out, err = do("board", *args)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_another_user_can_post_where_it_is_shared_and_is_named(begun: Path) -> None:
    root = Path("/tmp", f"board-{os.getpid()}")
    shutil.copytree(begun, root)
    try:
        with (root / "move37.toml").open("a") as toml:
            toml.write('[[proposer]]\nkind = "queue"\nshare = "all"\n')
        from move37.app.inbox import spool_of

        spool_of(root).make("all")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                noted = app.post(root, "lesson", "from next door", author="root")
                code = 0 if noted.state == "waiting" else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        mine = app.post(root, "lesson", "mine", author="ada")
        assert mine.state == "stored"
        first, second = app.board(root, order="id").posts
        assert first.author.startswith("root (")
        assert second.author == "ada"
    finally:
        shutil.rmtree(root)
