"""`move37.toml` is read strictly, and every mistake is answered with one sentence."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.errors import TaskError
from move37.core.records import (
    Budget,
    Check,
    Direction,
    Evaluation,
    Fence,
    Files,
    Limit,
    Metric,
    ProposerSpec,
    Task,
)
from move37.tasks.document import from_mapping, to_mapping
from move37.tasks.toml import MOST_BYTES, build_task, load_task, parse_task, read_steering
from move37.tasks.write import render_task

LEAST = """\
goal = "Lower it."
[files]
edit = ["train.py"]
[evaluate]
run = "python train.py"
[metric]
name = "loss"
goal = "minimize"
"""

EVERYTHING = """\
name = "tiny"
goal = "Lower it."
search = "greedy"

[files]
edit = ["train.py", "src/**/*.py"]
link = ["data/"]
hide = ["holdout/"]

[evaluate]
run = "python train.py"
score = "python score.py"
timeout = "1m"
memory = "2GiB"
cpus = 2
pair = true

[metric]
name = "loss"
goal = "minimize"
min_effect = 0.01
regex = 'loss=(\\d+)'

[checks]
tests = "pytest -q"
lint = "ruff check"

[limits]
peak_memory_mb = "<= 4096"
accuracy = [">= 0.9", "< 1.5"]

[budget]
experiments = 100
hours = 8
usd = 5.0

[sandbox]
level = "user"
read = ["/opt/cc"]
env = ["LANG"]

[[proposer]]
kind = "tune"

[[proposer]]
kind = "llm"
model = "big"
temperatures = [0.2, 1.0]
nested = { a = 1 }
"""


def put(root: Path, content: str | bytes, name: str = "move37.toml") -> Path:
    (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def changed(old: str, new: str) -> bytes:
    assert LEAST.count(old) == 1
    return LEAST.replace(old, new).encode()


def complaint(content: str | bytes, root: Path = Path("/nowhere")) -> str:
    with pytest.raises(TaskError) as caught:
        parse_task(content.encode() if isinstance(content, str) else content, root=root)
    message = str(caught.value)
    assert "move37.toml" in message
    assert "\n" not in message
    return message


def test_the_shortest_task_has_the_documented_defaults(tmp_path: Path) -> None:
    task = load_task(put(tmp_path, LEAST))
    assert task == Task(
        name=tmp_path.name,
        root=tmp_path,
        goal="Lower it.",
        files=Files(edit=("train.py",)),
        evaluate=Evaluation(run="python train.py", has_timeout=False),
        metric=Metric(name="loss", direction=Direction.MINIMIZE),
    )
    assert task.proposers == (ProposerSpec(kind="tune"),)


def test_every_key_arrives_where_it_belongs(tmp_path: Path) -> None:
    assert load_task(put(tmp_path, EVERYTHING)) == Task(
        name="tiny",
        root=tmp_path,
        goal="Lower it.",
        search="greedy",
        files=Files(edit=("train.py", "src/**/*.py"), link=("data/",), hide=("holdout/",)),
        evaluate=Evaluation(
            run="python train.py",
            score="python score.py",
            timeout_seconds=60.0,
            memory_bytes=2 * 1024**3,
            cpus=2,
            pair=True,
        ),
        metric=Metric(
            name="loss", direction=Direction.MINIMIZE, min_effect=0.01, regex=r"loss=(\d+)"
        ),
        checks=(
            Check(name="tests", command="pytest -q"),
            Check(name="lint", command="ruff check"),
        ),
        limits=(
            Limit(metric="peak_memory_mb", operator="<=", bound=4096.0),
            Limit(metric="accuracy", operator=">=", bound=0.9),
            Limit(metric="accuracy", operator="<", bound=1.5),
        ),
        budget=Budget(experiments=100, hours=8.0, usd=5.0),
        fence=Fence(level="user", read=("/opt/cc",), env=("LANG",)),
        proposers=(
            ProposerSpec(kind="tune"),
            ProposerSpec(
                kind="llm",
                options={"model": "big", "temperatures": [0.2, 1.0], "nested": {"a": 1}},
            ),
        ),
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        # Unknown keys: the known ones, and a hint.
        (
            "[files]",
            "gaol = 1\n[files]",
            "unknown key 'gaol' at the top; did you mean `goal`? (known",
        ),
        ("edit =", "edits = []\nedit =", "unknown key 'edits' in [files]; did you mean `edit`?"),
        ("run =", "command = 'x'\nrun =", "'command' in [evaluate]; did you mean `run`?"),
        ("run =", "min_effect = 1\nrun =", "`min_effect` belongs in [metric]"),
        ("edit =", "search = 'x'\nedit =", "`search` belongs at the top"),
        ("run =", "xyzzy = 1\nrun =", "known here: run, score, timeout, memory, cpus, pair"),
        ("[files]", "[fancy]\n[files]", "unknown key 'fancy' at the top"),
        # What must be there.
        ('edit = ["train.py"]', "", "files.edit is missing; write for example edit = ["),
        ('run = "python train.py"', "", "evaluate.run is missing; write for example run ="),
        ('name = "loss"', "", "metric.name is missing; write for example name ="),
        ('goal = "minimize"', "", "metric.goal is missing; write for example goal ="),
        ('goal = "Lower it."', "", "goal is missing; write goal ="),
        # Wrong types.
        ('edit = ["train.py"]', 'edit = "train.py"', "files.edit must be a list of texts"),
        (
            'edit = ["train.py"]',
            "edit = [1]",
            "files.edit must be text in quotes, not the number 1",
        ),
        ('run = "python train.py"', "run = true", "evaluate.run must be text in quotes, not true"),
        ('run = "python train.py"', "run = ['x']", "must be text in quotes, not a list"),
        ('run = "python train.py"', "run = 2020-01-01", "not a date or time"),
        ("[files]", "files = 3\n[x]", "unknown key 'x'"),
        # Wrong values.
        ('edit = ["train.py"]', "edit = []", "files.edit is empty, so that nothing may change"),
        ('"train.py"]', '"../x.py"]', "files.edit has '../x.py', which leads outside the task"),
        ('"train.py"]', '"/x.py"]', "files.edit has '/x.py', which is an absolute path"),
        ('"train.py"]', "'a**b']", "has `**` beside other characters"),
        ("run =", "timeout = 0\nrun =", "evaluate.timeout is 0; it must be more than 0"),
        ("run =", "timeout = '0s'\nrun =", "evaluate.timeout is 0; it must be more than 0"),
        ("run =", "timeout = inf\nrun =", "evaluate.timeout is inf; it must be finite"),
        ("run =", "timeout = 'soon'\nrun =", "evaluate.timeout is 'soon', which is no duration"),
        ("run =", "timeout = true\nrun =", "evaluate.timeout must be a number, not true"),
        ("run =", "memory = 4\nrun =", "must be a size with its unit in quotes, not the number 4"),
        ("run =", "memory = '4'\nrun =", "'4', which is no size with a unit"),
        ("run =", "memory = '4B'\nrun =", "must be at least 1MiB"),
        ("run =", "cpus = 0\nrun =", "evaluate.cpus is 0; it must be at least 1"),
        ("run =", "cpus = 1.5\nrun =", "must be a whole number, not the number 1.5"),
        ("run =", "cpus = true\nrun =", "must be a whole number, not true"),
        ("run =", f"cpus = {10**30}\nrun =", "evaluate.cpus is too large"),
        ("run =", "pair = 1\nrun =", "evaluate.pair must be true or false, not the number 1"),
        ("run =", "exclusive = 'x'\nrun =", "exclusive must be true or false, not the text 'x'"),
        ('"python train.py"', "' '", "evaluate.run is empty; write for example run ="),
        ('"python train.py"', '"a\\u0000b"', "contains the invisible character U+0000"),
        ('"python train.py"', '"a\u202eb"', "contains the invisible character U+202E"),
        ('"minimize"', '"down"', "metric.goal is 'down'; it must be 'minimize' or 'maximize'"),
        ('name = "loss"', 'name = "lo:ss"', "`:` and `=` end a metric's name"),
        ('name = "loss"', 'name = " loss"', "a name is one line without spaces around it"),
        ('name = "loss"', 'name = "lo\\nss"', "a name is one line without spaces around it"),
        ("name =", "min_effect = -1\nname =", "metric.min_effect is -1; it cannot be negative"),
        ("name =", "min_effect = nan\nname =", "metric.min_effect is nan; it must be finite"),
        ("name =", f"min_effect = {10**400}\nname =", "metric.min_effect is too large a number"),
        ("name =", "regex = '('\nname =", "is '(', which is no regular expression"),
        ("name =", "regex = 'x'\nname =", "which has no group; put the number in parentheses"),
        ("[files]", "[checks]\n'a/b' = 'x'\n[files]", "[checks] has the name 'a/b'"),
        ("[files]", "[checks]\ntests = 3\n[files]", "checks.tests must be text in quotes"),
        (
            "[files]",
            "[limits]\nx = 3\n[files]",
            "limits.x must be text in quotes, not the number 3",
        ),
        ("[files]", "[limits]\nx = '3'\n[files]", "limits.x is '3', which is no bound; write for"),
        ("[files]", "[limits]\nx = '<= much'\n[files]", "'much', which is no finite number"),
        ("[files]", "[limits]\nx = '<= nan'\n[files]", "'nan', which is no finite number"),
        ("[files]", "[limits]\n'a:b' = '< 1'\n[files]", "a metric's name in [limits] is 'a:b'"),
        ("[files]", "[budget]\nexperiments = 0\n[files]", "budget.experiments is 0; it must be at"),
        ("[files]", "[budget]\nhours = -1\n[files]", "budget.hours is -1; it must be more than 0"),
        ("[files]", "[budget]\nusd = -1\n[files]", "budget.usd is -1; it cannot be negative"),
        (
            "[files]",
            "[sandbox]\nlevel = 'none'\n[files]",
            "sandbox.level is 'none'; it must be 'au",
        ),
        ("[files]", "[sandbox]\nread = ['x']\n[files]", "sandbox.read has 'x', which is no absolu"),
        ("[files]", "[sandbox]\nread = ['~nobody-here/x']\n[files]", "which is no absolute path"),
        ("[files]", "[sandbox]\nread = ['/etc/..']\n[files]", "the whole machine"),
        ("[files]", "[sandbox]\nenv = ['A B']\n[files]", "no name of an environment variable"),
        ("[files]", "[sandbox]\nenv = ['MOVE37_SEED']\n[files]", "MOVE37_ are set by move37"),
        (
            "[files]",
            "[proposer]\nkind = 'x'\n[files]",
            "must be tables in double brackets, not a t",
        ),
        ("[files]", "[[proposer]]\nx = 1\n[files]", "proposer.kind is missing; write for example"),
        ("[files]", "[[proposer]]\nkind = 'a b'\n[files]", "it is one word of letters"),
        (
            "[files]",
            "[[proposer]]\nkind = 'a'\nx = nan\n[files]",
            "proposer.x holds the number nan",
        ),
        ("[files]", f"[[proposer]]\nkind = 'a'\nx = {2**64}\n[files]", "which cannot be stored"),
        ("[files]", "[[proposer]]\nkind = 'a'\nx = [2020-01-01]\n[files]", "write it as text"),
        ('"Lower it."', "3", "goal must be text in quotes, not the number 3"),
        ('goal = "Lower it."', "goal = 'x'\nname = 3", "name must be text in quotes"),
    ],
)
def test_a_mistake_is_answered_with_one_sentence(old: str, new: str, says: str) -> None:
    assert says in complaint(changed(old, new))


def test_a_table_that_is_none_is_named() -> None:
    assert "metric must be a table, not the number 3; write [metric]" in complaint("metric = 3")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a = 1\nb =\n", "line 2: invalid value; correct the TOML in 'b ='"),
        ("a = 1\na = 2\n", "line 2: "),
        ("a = '", "line 1: "),
        ("[files\n", "line 1: "),
        (b"a = 1\nb = '\xff'\n", "line 2: is not UTF-8; save the file as UTF-8"),
        ("x = " + "[" * 20_000, "nested too deep"),
        ("x = " + "9" * 5_000, "has a number that cannot be read"),
        (b"#" * (MOST_BYTES + 1), "is too large for a task file; keep it below 1,000,000"),
        ("", "files.edit is missing"),
        ("\x00", "line 1: "),
        ("\r", "line 1: "),
    ],
)
def test_broken_toml_is_answered_with_its_line(content: str | bytes, says: str) -> None:
    message = complaint(content if content else 'goal = "x"')
    assert says in message


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    put(tmp_path, b"\xef\xbb\xbf" + EVERYTHING.replace("\n", "\r\n").encode())
    windows = load_task(tmp_path)
    put(tmp_path, EVERYTHING)
    assert windows == load_task(tmp_path)


@given(st.text() | st.binary().map(repr))
def test_no_text_whatever_raises_anything_but_a_sentence(content: str) -> None:
    with pytest.raises(TaskError):
        parse_task(content.encode("utf-8", "surrogatepass"), root=Path("/nowhere"))


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.sampled_from(["files", "evaluate", "metric", "checks", "limits", "budget", "sandbox"]),
    st.sampled_from(["edit", "run", "timeout", "name", "regex", "hours", "level", "read", "x"]),
    VALUES,
)
def test_a_value_of_any_shape_is_read_or_refused_in_one_line(
    table: str, key: str, value: object
) -> None:
    document: dict[str, object] = {
        "goal": "x",
        "files": {"edit": ["x"]},
        "evaluate": {"run": "x"},
        "metric": {"name": "x", "goal": "minimize"},
    }
    inner = document.get(table, {})
    assert isinstance(inner, dict)
    document[table] = {**inner, key: value}
    message = complaint_about(document)
    assert message is None or re.fullmatch(r"here: .{1,600}", message)


def complaint_about(document: dict[str, object]) -> str | None:
    try:
        build_task(document, root=Path("/nowhere"), where="here")
    except TaskError as error:
        return str(error)
    return None


def test_a_directory_without_a_task_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"no move37.toml in .*; run `move37 init` to write one"):
        load_task(tmp_path)
    with pytest.raises(TaskError, match=r"gone does not exist; give the directory"):
        load_task(tmp_path / "gone")
    put(tmp_path, "", name="file")
    with pytest.raises(TaskError, match=r"file is not a directory"):
        load_task(tmp_path / "file")
    (tmp_path / "move37.toml").mkdir()
    with pytest.raises(TaskError, match=r"move37.toml is no file; put a readable file"):
        load_task(tmp_path)


def test_the_first_line_of_the_steering_serves_as_goal(tmp_path: Path) -> None:
    put(tmp_path, "\n\n#  Make it fast\n\nAnd small.\n", name="program.md")
    put(tmp_path, changed('goal = "Lower it."', ""))
    assert load_task(tmp_path).goal == "Make it fast"
    put(tmp_path, LEAST)
    assert load_task(tmp_path).goal == "Lower it."


def test_an_empty_steering_is_no_goal(tmp_path: Path) -> None:
    put(tmp_path, "#\n\n", name="program.md")
    assert "goal is missing" in complaint(changed('goal = "Lower it."', ""), tmp_path)


def test_the_steering_is_read_fresh_each_time(tmp_path: Path) -> None:
    task = load_task(put(tmp_path, LEAST))
    assert read_steering(task) is None
    put(tmp_path, "try this", name="program.md")
    assert read_steering(task) == "try this"
    put(tmp_path, "try that", name="program.md")
    assert read_steering(task) == "try that"
    put(tmp_path, b"\xff", name="program.md")
    with pytest.raises(TaskError, match=r"program\.md is not UTF-8"):
        read_steering(task)


def test_a_home_directory_may_be_written_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    task = parse_task(LEAST.encode() + b"[sandbox]\nread = ['~/.cache/x']\n", root=tmp_path)
    assert task.fence.read == ("/somewhere/.cache/x",)


def test_a_metric_found_by_its_regex_needs_no_name() -> None:
    task = parse_task(changed('name = "loss"', "regex = 'loss (.*)'"), root=Path("/nowhere"))
    assert task.metric.name == "metric"


def test_a_directory_of_any_name_gives_a_name_that_can_be_stored(tmp_path: Path) -> None:
    root = tmp_path / " a\nb\udcff "
    root.mkdir()
    task = load_task(put(root, LEAST))
    assert task.name == "a_b_"
    assert from_mapping(to_mapping(task), root) == task
    assert parse_task(render_task(task).encode(), root=root) == task


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "move37.toml").symlink_to("/dev/zero")
    with pytest.raises(TaskError, match="is no file"):
        load_task(tmp_path)


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "move37.toml").symlink_to("move37.toml")
    with pytest.raises(TaskError, match="cannot be read"):
        load_task(tmp_path)
