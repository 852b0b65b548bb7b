"""The command line as a person or a program meets it: a real study, real processes."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import move37
from move37.app.reference import ENVIRONMENT
from move37.core.events import Stop
from move37.faces.cli import docs
from move37.faces.cli.live import watching
from move37.faces.cli.main import cli, run_command

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
[budget]
experiments = 3
"""

MEASURE = """
import os, random, time
from train import rate, width
noise = random.Random(int(os.environ["MOVE37_SEED"])).gauss(0, 0.01)
time.sleep(PAUSE)
print("val_loss:", 3 + (rate - 0.1) ** 2 + (width - 64) ** 2 / 5000 + noise)
"""


def write_task(root: Path, *, pause: float = 0.0) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "move37.toml").write_text(TOML)
    (root / "measure.py").write_text(MEASURE.replace("PAUSE", str(pause)))
    (root / "train.py").write_text("rate = 0.01\nwidth = 16\n")
    return root


def move37_(*args: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    command = [sys.executable, "-m", "move37.faces.cli.main", *args]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120, **options
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with three experiments, certified."""
    root = write_task(tmp_path_factory.mktemp("task"))
    done = move37_("run", "--workers", "2", "--json", cwd=root)
    assert done.returncode == 0, done.stderr
    return root


# --- without a study -----------------------------------------------------------------------------


def test_what_the_system_refuses_is_a_sentence(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "/proc/nowhere"  # where nobody, not even root, can make a directory
    assert run_command(["report", "-C", str(study), "-o", nowhere]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"move37: {nowhere} cannot be used: ")


def test_help_names_every_command(tmp_path: Path) -> None:
    done = move37_("--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in cli.commands:
        assert f"\n  {name} " in done.stdout


def test_every_command_takes_json_and_a_directory() -> None:
    for name, command in cli.commands.items():
        names = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "-C"} <= names, name


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from move37.faces.cli.main import run_command\n"
        "run_command(['--help'])\n"
        "print([m for m in sys.modules if m.split('.')[0] in "
        "{'numpy', 'optuna', 'pygit2', 'rich', 'matplotlib', 'tree_sitter', 'sqlite3', 'msgspec'}"
        " or m == 'move37.app'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_command_reference_is_the_help() -> None:
    page = Path(__file__, "..", "..", "..", "docs", "cli.md").resolve()
    assert page.read_text() == docs.render(), "write it again: python -m move37.faces.cli.docs"


def test_the_reference_of_settings_is_what_the_code_reads() -> None:
    page = Path(__file__, "..", "..", "..", "docs", "settings.md").resolve()
    told = page.read_text(encoding="utf-8")
    assert told == docs.render_settings(), "write it again: python -m move37.faces.cli.docs"


def test_every_environment_variable_that_the_app_reads_is_in_the_reference() -> None:
    app = Path(move37.__file__).parent / "app"
    named = {
        name
        for path in app.glob("*.py")
        for name in re.findall(r"\bMOVE37_[A-Z]+\b", path.read_text(encoding="utf-8"))
    }
    of_an_evaluation = {"MOVE37_SEED", "MOVE37_OUT", "MOVE37_CANARY", "MOVE37_CANDIDATE"}
    told = {name for each in ENVIRONMENT for name in each.name.split(", ")}
    assert named - of_an_evaluation <= told


def test_version_is_the_packages(tmp_path: Path) -> None:
    assert move37_("--version", cwd=tmp_path).stdout == f"move37 {move37.__version__}\n"


def test_alone_it_says_how_to_begin(tmp_path: Path) -> None:
    done = move37_(cwd=tmp_path)
    assert done.returncode == 0
    assert "`move37 init`, then `move37 run`" in done.stdout
    write_task(tmp_path)
    assert "`move37 init`" not in move37_(cwd=tmp_path).stdout


def test_a_directory_known_by_heart_needs_no_init(tmp_path: Path) -> None:
    for name in ("prepare.py", "train.py", "program.md"):
        (tmp_path / name).touch()
    assert "To begin here    `move37 run`" in move37_(cwd=tmp_path).stdout


def test_a_foreign_directory_runs_by_its_path_and_says_what_it_is_read_as(tmp_path: Path) -> None:
    task = tmp_path / "research"
    task.mkdir()
    (tmp_path / "move37.toml").write_text(TOML)  # of another task, further up
    (task / "prepare.py").touch()
    (task / "train.py").write_text("rate = 0.5\nprint(f'val_bpb: {rate}')\n")
    (task / "program.md").write_text("Get the lowest val_bpb.\n")
    before = sorted(path.name for path in task.iterdir())
    done = move37_("run", "research", "-n", "1", "--no-check", "--no-certify", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no move37.toml: the directory was read as karpathy/autoresearch's" in done.stdout
    assert sorted(path.name for path in task.iterdir()) == [".move37", *before]


def test_init_writes_the_task_of_a_named_layout_or_of_another_directory(tmp_path: Path) -> None:
    task = tmp_path / "research"
    task.mkdir()
    for name in ("prepare.py", "train.py", "program.md"):
        (task / name).touch()
    assert "is no layout" in move37_("init", "--from", "gone", cwd=task).stderr
    assert move37_("init", "--from", "research", cwd=tmp_path).returncode == 0
    (task / "move37.toml").unlink()
    assert move37_("init", "--from", "autoresearch", cwd=task).returncode == 0
    assert "python train.py" in (task / "move37.toml").read_text()


def test_init_asks_what_it_cannot_find_and_takes_any_file(tmp_path: Path) -> None:
    for name in ("a.c", "b.c", "judge.sh"):
        (tmp_path / name).touch()
    done = move37_("init", cwd=tmp_path, input="./judge.sh\na.c, b.c\nfoo\nmaximize\n")
    assert done.returncode == 0, done.stderr
    assert "Which files may change (several with commas)? (a.c, b.c, judge.sh) " in done.stdout
    assert 'edit = ["a.c", "b.c"]' in (tmp_path / "move37.toml").read_text()


def test_a_misspelt_command_is_guessed(tmp_path: Path) -> None:
    done = move37_("stauts", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "move37: there is no command 'stauts'; did you mean `move37 status`?\n"


@pytest.mark.parametrize(
    "args",
    [
        ("status",),
        ("list",),
        ("show", "x1"),
        ("diff",),
        ("best",),
        ("certify",),
        ("verify",),
        ("apply",),
        ("branch", "result"),
        ("patch",),
        ("report",),
    ],
)
def test_without_a_study_every_command_says_what_to_do(
    tmp_path: Path, args: tuple[str, ...]
) -> None:
    done = move37_(*args, "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout) == {"error": done.stderr.removeprefix("move37: ").strip()}
    assert "`move37 run`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir()), "looking leaves nothing behind"


def test_a_broken_task_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "move37.toml").write_text("goal = \n")
    done = move37_("run", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("move37: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("written", ["1a", "x", "-1", "x-1", "٣", "1.0", ""])
def test_what_is_no_experiment_is_wrong_usage(tmp_path: Path, written: str) -> None:
    assert move37_("show", "--", written, cwd=tmp_path).returncode == 2


def test_an_unknown_demo_and_an_unknown_bench_are_named(tmp_path: Path) -> None:
    for command in ("demo", "bench"):
        done = move37_(command, "nosuch", cwd=tmp_path)
        assert done.returncode == 2
        assert "'nosuch'" in done.stderr


def test_the_demos_are_listed_with_how_far_each_has_come(tmp_path: Path) -> None:
    [bpb] = [
        demo
        for demo in json.loads(move37_("demo", "--list", "--json", cwd=tmp_path).stdout)["demos"]
        if demo["name"] == "bpb"
    ]
    assert (bpb["metric"], bpb["goal"], bpb["minutes"]) == ("val_bpb", "minimize", 4.0)
    assert bpb["share"] == pytest.approx(0.826, abs=1e-3)
    shown = move37_("demo", "--list", cwd=tmp_path).stdout
    assert "  bpb" in shown
    assert bpb["best_known_source"] in shown
    assert not list(tmp_path.iterdir())
    assert move37_("demo", "bpb", "--list", cwd=tmp_path).returncode == 2


def test_bench_without_a_name_lists_them(tmp_path: Path) -> None:
    done = move37_("bench", "--json", cwd=tmp_path)
    assert set(json.loads(done.stdout)["benches"]) >= {"overhead", "planted"}


# --- with a study --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["status"],
        ["list"],
        ["show", "x0"],
        ["diff"],
        ["best"],
        ["verify"],
        ["patch"],
        [],
    ],
)
def test_json_is_one_object_on_standard_output(
    study: Path, args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([*args, "--json", "-C", str(study)]) == 0
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert isinstance(json.loads(out), dict)
    assert err == ""


def test_a_finished_run_says_what_it_certified(study: Path) -> None:
    done = move37_("run", "--json", cwd=study)
    result = json.loads(done.stdout)
    assert result["halt"] == "budget"
    assert result["status"]["spent"]["experiments"] == 3
    certified = result["certified"]
    assert {"effect", "interval", "relative_gain", "holdout_relative_gain", "trials"} <= set(
        certified
    )
    assert certified["trials"] == 2 * certified["pairs"] > 0
    assert "best so far" in done.stderr or "ended:" in done.stderr


def test_a_run_ends_with_what_to_do_next(study: Path) -> None:
    done = move37_("run", cwd=study)
    result = json.loads(move37_("run", "--json", cwd=study).stdout)
    wanted = "move37 apply" if result["certified"]["claim"] else "move37 "
    last = done.stdout.splitlines()[-1]
    assert last.startswith("Next: ")
    assert wanted in last


def test_a_task_that_cannot_be_measured_says_where_to_look(tmp_path: Path) -> None:
    root = write_task(tmp_path)
    (root / "measure.py").write_text("print('nothing')")
    done = move37_("run", cwd=root)
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "Next: `move37 show x0` shows all that it printed"


def test_experiments_are_written_with_or_without_an_x(study: Path) -> None:
    assert move37_("show", "1", cwd=study).stdout == move37_("show", "x1", cwd=study).stdout


def test_the_directory_can_be_named_before_or_after_the_command(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(*args: str) -> str:
        assert run_command(list(args)) == 0
        return capsys.readouterr().out

    monkeypatch.chdir(study)
    here = shown("status")
    monkeypatch.chdir(tmp_path)
    assert shown("-C", str(study), "status") == here
    assert shown("status", "-C", str(study)) == here


def test_a_patch_is_what_git_takes(study: Path, tmp_path: Path) -> None:
    target = write_task(tmp_path / "copy")
    (tmp_path / "result.patch").write_bytes(move37_("patch", cwd=study).stdout.encode())
    subprocess.run(["git", "apply", str(tmp_path / "result.patch")], cwd=target, check=True)
    assert (target / "train.py").read_text() != (study / "train.py").read_text()
    assert (study / "train.py").read_text() == "rate = 0.01\nwidth = 16\n"


def test_report_draws_the_chart(study: Path, tmp_path: Path) -> None:
    done = move37_("report", "--out", str(tmp_path), "--json", cwd=study)
    assert json.loads(done.stdout)["files"] == [
        str(tmp_path / name) for name in ("report.html", "report.md", "progress.png")
    ]
    assert "<script" not in (tmp_path / "report.html").read_text()
    assert (tmp_path / "progress.png").read_bytes().startswith(b"\x89PNG")
    assert done.stderr == ""


def test_an_experiment_that_is_not_there_is_named(study: Path) -> None:
    done = move37_("show", "x99", cwd=study)
    assert done.returncode == 2
    assert "x99" in done.stderr


def test_nobody_reads_on_and_nobody_complains(study: Path) -> None:
    command = f"{sys.executable} -m move37.faces.cli.main"
    script = f"({command} list; echo code $? >&2) | true; ({command} show x1; echo code $? >&2) | head -1"
    done = subprocess.run(
        ["sh", "-c", script], cwd=study, capture_output=True, text=True, check=True
    )
    assert done.stderr == "code 0\ncode 0\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_any_terminal_encoding_will_do(study: Path, encoding: str) -> None:
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for args in (("list",), ("show", "x1")):
        done = move37_(*args, cwd=study, env=env, encoding=encoding)
        assert (done.returncode, done.stderr) == (0, "")


# --- a run that is watched -----------------------------------------------------------------------


def test_in_a_pipe_a_run_is_plain_lines(tmp_path: Path) -> None:
    root = write_task(tmp_path)
    done = move37_("run", "--experiments", "2", "--no-certify", cwd=root)
    assert done.returncode == 0, done.stderr
    assert "\r" not in done.stdout
    assert "\x1b" not in done.stdout
    ended = [line for line in done.stdout.splitlines() if line.startswith(("x1 ", "x2 "))]
    assert sum(" of 2 " in line for line in ended) == 2


@pytest.mark.slow
def test_ctrl_c_finishes_what_runs_and_the_next_run_goes_on(tmp_path: Path) -> None:
    root = write_task(tmp_path, pause=0.3)
    command = [sys.executable, "-m", "move37.faces.cli.main", "run", "--workers", "1"]
    running = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("x1 measured"):
            break
    running.send_signal(signal.SIGINT)
    rest = running.stdout.read()
    assert running.wait(30) == 3
    running.stdout.close()
    assert "finishing what runs; Ctrl-C again stops now" in rest
    done = move37_("run", "--no-certify", "--json", cwd=root)
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"]["spent"]["experiments"] == 3
    assert move37_("verify", cwd=root).returncode == 0


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    root = write_task(tmp_path, pause=15.0)
    command = [sys.executable, "-m", "move37.faces.cli.main", "run", "--workers", "1"]
    running = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("measuring the baseline"):
            break
    running.send_signal(signal.SIGINT)
    assert "finishing what runs" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    assert running.wait(10) == 3
    running.stdout.close()


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_asks_to_stop_unless_that_is_ignored(ignored: bool) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    stop = Stop()
    try:
        with watching(stop, stream=StringIO()):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert stop.soft is not ignored


def test_when_nobody_reads_its_lines_a_run_stops_as_if_asked_to(tmp_path: Path) -> None:
    root = write_task(tmp_path, pause=0.2)
    script = (
        f"({sys.executable} -m move37.faces.cli.main run --workers 1; echo code $? >&2) | head -4"
    )
    done = subprocess.run(
        ["sh", "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stderr == "code 3\n"


def test_on_a_terminal_a_run_is_drawn_and_leaves_its_result(tmp_path: Path) -> None:
    root = write_task(tmp_path)
    shown = _on_a_terminal(["run", "--experiments", "2", "--no-certify"], cwd=root)
    assert "believed best" in shown
    assert "\x1b[" in shown
    assert "The run ended: the budget is spent." in shown


def _on_a_terminal(args: list[str], *, cwd: Path) -> str:
    """What a command writes to a terminal of 80 by 24."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover
        os.chdir(cwd)
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "LANG": "C.UTF-8"}
        os.execve(sys.executable, [sys.executable, "-m", "move37.faces.cli.main", *args], env)
    written, until = b"", time.monotonic() + 60
    while time.monotonic() < until:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        try:
            chunk = os.read(terminal, 65536) if ready else b"-"
        except OSError:  # how Linux says that the other end is closed
            break
        written += chunk if ready else b""
    os.close(terminal)
    os.waitpid(child, 0)
    return written.decode()
