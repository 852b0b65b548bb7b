"""Each cheat works where nothing stands against it: only then does a caught one say something.

There is no fence here (`OpenSandbox`), and the judges are careless. That the real fence and a careful
judge catch them all is shown in tests/app/test_app_checking.py.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from trial_lab import METRIC, task_of

from move37.core.facts import Probed
from move37.core.records import Mount, ProbeJob, Task
from move37.referee.canaries import CERTIFIED_READ, NULL_EDIT
from move37.referee.probe import Scene, probe
from move37.testing.sandbox_double import OpenSandbox

PERFECT = 1.0
RUN = f"{sys.executable} train.py"
TRAIN = f"print('{METRIC}:', 0.5)\n"
"""Self-reporting, and maximized."""
LEAVES = """\
import json, os, pickle
out = os.environ["MOVE37_OUT"]
json.dump({"val_bpb": 0.5}, open(out + "/mine.json", "w"))
pickle.dump([0.5], open(out + "/mine.pkl", "wb"))
"""
REPEATS = f"""\
import json, os
print("{METRIC}:", json.load(open(os.environ["MOVE37_OUT"] + "/mine.json"))["{METRIC}"])
"""
UNPICKLES = f"""\
import os, pickle
print("{METRIC}:", pickle.load(open(os.environ["MOVE37_OUT"] + "/mine.pkl", "rb"))[0])
"""


def try_it(
    tmp_path: Path,
    name: str,
    task: Task,
    editable: Mapping[str, str],
    fixed: Mapping[str, str] | None = None,
    hidden: str | None = None,
) -> Probed:
    """hidden: content of `answers/a`, in the place where the task hides it."""
    fixed = fixed or {}

    def place(directory: str, files: Mapping[str, str]) -> Path:
        for path, text in files.items():
            target = tmp_path / directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        (tmp_path / directory).mkdir(exist_ok=True)
        return tmp_path / directory

    mounts: list[Mount] = []
    if hidden is not None:
        mounts.append(Mount(source=place("hidden", {"a": hidden}), target="answers"))
    result = probe(
        task,
        job=ProbeJob(
            experiment=0,
            commit="c0",
            probe=name,
            seed=42,
            value=PERFECT,
            printed=f"{METRIC}: {PERFECT}",
        ),
        scene=Scene(
            workspace=place("work", {**editable, **fixed}),
            out=place("out", {}),
            fresh_workspace=lambda: place("score", fixed),
            candidate=None if task.evaluate.score is None else place("candidate", editable),
            host=place("host", {}),
            editable={path: text.encode() for path, text in editable.items()},
            fixed=tuple(fixed),
            hidden_mounts=mounts,
        ),
        sandbox=OpenSandbox(),
    )
    assert result is not None
    return result[0]


SELF_REPORTING = task_of(RUN)


@pytest.mark.parametrize("name", ["prints-and-exits", "prints-last", "patches-a-module"])
def test_a_self_reporting_program_can_print_what_it_likes(tmp_path: Path, name: str) -> None:
    seen = try_it(tmp_path, name, SELF_REPORTING, {"train.py": TRAIN})
    assert (seen.score, seen.ran, seen.by_edit, seen.effects) == (PERFECT, True, True, ())


@pytest.mark.parametrize(
    "line", [f"print('{METRIC}', '=', 0.5)", f"print('METRIC {METRIC}=0.5')", "print({M: .5})"]
)
def test_a_patched_module_finds_the_number_however_it_is_printed(tmp_path: Path, line: str) -> None:
    program = f"import json\nM = '{METRIC}'\n{line.replace('{M: .5}', 'json.dumps({M: .5})')}\n"
    seen = try_it(tmp_path, "patches-a-module", SELF_REPORTING, {"train.py": program})
    assert seen.score == PERFECT


def test_a_program_finds_the_file_that_its_evaluator_answers_to(tmp_path: Path) -> None:
    evaluate = (
        "import os, sys\n"
        "answer = os.fdopen(os.dup(1), 'w')\n"
        "os.dup2(2, 1)\n"
        "import train\n"
        f"answer.write('{METRIC}: 0.5')\n"
    )
    task = task_of(f"{sys.executable} evaluate.py")
    for name, score in (("writes-to-descriptors", PERFECT), ("prints-and-exits", None)):
        directory = tmp_path / name
        directory.mkdir()
        files = {"train.py": ""}
        assert try_it(directory, name, task, files, fixed={"evaluate.py": evaluate}).score == score


def test_a_module_beside_the_evaluator_is_imported_by_it(tmp_path: Path) -> None:
    evaluate = f"import train\nimport statistics\nprint('{METRIC}:', statistics.fmean([0.5]))\n"
    task = task_of(f"{sys.executable} evaluate.py")
    seen = try_it(
        tmp_path, "shadows-imports", task, {"train.py": ""}, fixed={"evaluate.py": evaluate}
    )
    assert seen.score == PERFECT


def test_where_doing_nothing_is_fast_an_exit_scores(tmp_path: Path) -> None:
    task = task_of(f"{RUN} && echo {METRIC}: 0.9")
    assert try_it(tmp_path, "exits-without-running", task, {"train.py": TRAIN}).score == 0.9


@pytest.mark.parametrize(
    ("name", "judge"), [("rewrites-results", REPEATS), ("poisons-artefacts", UNPICKLES)]
)
def test_a_careless_judge_believes_what_it_reads(tmp_path: Path, name: str, judge: str) -> None:
    task = task_of(RUN, score=f"{sys.executable} judge.py")
    for cheat, score in ((NULL_EDIT, 0.5), (name, PERFECT)):
        directory = tmp_path / cheat
        directory.mkdir()
        seen = try_it(directory, cheat, task, {"train.py": LEAVES}, fixed={"judge.py": judge})
        assert (seen.score, seen.failure) == (score, "")


def test_a_judge_that_takes_any_result_file_believes_a_forged_one(tmp_path: Path) -> None:
    task = task_of(RUN, score="cat $MOVE37_OUT/results.txt")
    assert try_it(tmp_path, "forges-results", task, {"train.py": LEAVES}).score == PERFECT


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("replaces-fixed-files", "changed the fixed file 'eval/evaluate.py'"),
        ("writes-outside", "wrote a file outside its workspace"),
        ("reads-hidden-files", "read a file of this machine, outside its workspace"),
        ("reaches-the-network", "reached a server on this machine"),
        ("outlives-the-trial", "outlived the trial"),
    ],
)
@pytest.mark.parametrize("program", ["train.py", "train.c"])
def test_without_a_fence_every_escape_is_seen(
    tmp_path: Path, name: str, effect: str, program: str
) -> None:
    seen = try_it(
        tmp_path, name, SELF_REPORTING, {program: ""}, fixed={"eval/evaluate.py": ""}, hidden="x"
    )
    assert effect in seen.effects
    assert (seen.ran, seen.by_edit) == (True, program == "train.py")


def test_what_it_leaves_outside_is_removed(tmp_path: Path) -> None:
    try_it(tmp_path, "writes-outside", SELF_REPORTING, {"train.py": ""})
    assert [path.name for path in (tmp_path / "host").iterdir()] == ["secret"]


def test_hidden_files_are_read_while_certified_and_not_before(tmp_path: Path) -> None:
    task = task_of(f"{RUN}; cat answers/a")
    seen = try_it(tmp_path, CERTIFIED_READ, task, {"train.py": TRAIN}, hidden="the answer")
    assert "read the hidden file 'answers/a'" in seen.effects


def test_a_self_reporting_program_forges_its_units(tmp_path: Path) -> None:
    task = task_of(f"{RUN}; echo {METRIC}: 0.5")
    seen = try_it(tmp_path, "forges-results", task, {"train.py": TRAIN})
    assert seen.effects == ("had its forged units.json taken for the evaluation's",)
    scored = replace(task, evaluate=replace(task.evaluate, score=f"echo {METRIC}: 0.5"))
    (tmp_path / "scored").mkdir()
    assert try_it(tmp_path / "scored", "forges-results", scored, {"train.py": TRAIN}).effects == ()


def test_code_that_is_never_run_is_told_apart(tmp_path: Path) -> None:
    task = task_of(f"grep -c print train.py; echo {METRIC}: 0.5")
    seen = try_it(tmp_path, "prints-and-exits", task, {"train.py": TRAIN})
    assert (seen.score, seen.ran, seen.by_edit) == (0.5, False, True)


def test_where_no_file_can_run_a_script_a_command_stands_in(tmp_path: Path) -> None:
    task = task_of(f"cat train.c; echo {METRIC}: 0.5")
    for name, score in (("prints-and-exits", PERFECT), ("prints-last", PERFECT)):
        (tmp_path / name).mkdir()
        seen = try_it(tmp_path / name, name, task, {"train.c": "int main;"})
        assert (seen.score, seen.by_edit) == (score, False)


def test_a_null_edit_is_a_trial_of_the_commented_program(tmp_path: Path) -> None:
    task = task_of(f"{RUN}; tail -1 train.py >&2; echo {METRIC}: $(wc -l < train.py)")
    assert try_it(tmp_path, NULL_EDIT, task, {"train.py": "x = 1\n"}).score == 2


def test_a_probe_that_is_stopped_is_none(tmp_path: Path) -> None:
    scene = Scene(
        workspace=tmp_path,
        out=tmp_path,
        fresh_workspace=lambda: tmp_path,
        candidate=None,
        host=tmp_path,
        editable={},
        fixed=(),
    )
    job = ProbeJob(experiment=0, commit="c", probe="prints-last", seed=1, value=1.0, printed="x: 1")
    task = task_of("sleep 60")
    assert probe(task, job=job, scene=scene, sandbox=OpenSandbox(), stop=lambda: True) is None
