"""Directories of OpenEvolve and SkyDiscover, read as tasks."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from move37.core.errors import TaskError
from move37.core.records import Direction, Task
from move37.tasks.detect import load_or_detect, plan_init
from move37.tasks.draft import write_task
from move37.tasks.files import disk_reader, fingerprint
from move37.tasks.shims import shim_mounts, used_shims
from move37.tasks.toml import load_task

SHIM = "python .move37/shims/openevolve.py evaluator.py initial_program.py"
FILES = {
    "initial_program.py": "# EVOLVE-BLOCK-START\nrate = 1\n# EVOLVE-BLOCK-END\n",
    "evaluator.py": "def evaluate(program_path):\n    return {'combined_score': 1.0}\n",
}
CONFIG = """
max_iterations: 40
prompt:
  system_message: |
    You pack circles: größer!
    Be bold.
evaluator:
  timeout: 90
  cascade_thresholds: [0.5, 0.75]
database:
  feature_dimensions: [size]
"""


def put(root: Path, files: Mapping[str, str]) -> list[str]:
    for path, content in files.items():
        (root / path).write_text(content)
    return sorted(files)


def read(root: Path, files: Mapping[str, str]) -> Task:
    return load_or_detect(root, put(root, files))


def test_the_program_may_change_between_its_marks_and_the_evaluator_may_not(tmp_path: Path) -> None:
    task = read(tmp_path, FILES)
    assert task.files.edit == ("initial_program.py",)
    assert task.files.between == ("EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END")
    assert task.evaluate.run == f"{SHIM} --features complexity,diversity"
    assert not task.evaluate.has_timeout
    assert (task.metric.name, task.metric.direction) == ("combined_score", Direction.MAXIMIZE)
    assert task.goal == "Raise combined_score."


def test_a_program_without_marks_may_change_as_a_whole(tmp_path: Path) -> None:
    assert read(tmp_path, {**FILES, "initial_program.py": "x = 1\n"}).files.between is None


def test_the_configuration_gives_budget_time_and_goal(tmp_path: Path) -> None:
    task = read(tmp_path, {**FILES, "config.yaml": CONFIG})
    assert task.goal == "You pack circles: größer!\nBe bold."
    assert (task.budget.experiments, task.evaluate.timeout_seconds) == (40, 90)
    assert task.evaluate.run.endswith("--features size")
    write_task(plan_init(tmp_path, [*FILES, "config.yaml"], layout="openevolve"))
    assert load_task(tmp_path) == task


def test_a_stage_that_is_not_the_evaluation_itself_is_a_stage(tmp_path: Path) -> None:
    stages = (
        "def evaluate_stage1(path):\n    return {'combined_score': 0.1}\n\n"
        "def evaluate_stage2(path):\n    return evaluate(path)\n"
    )
    files = {**FILES, "evaluator.py": FILES["evaluator.py"] + stages, "config.yaml": CONFIG}
    [stage] = read(tmp_path, files).evaluate.stages
    assert stage.name == "stage1"
    assert stage.run == f"{SHIM} --stage 1 --features size"
    assert stage.timeout_seconds == 90
    draft = plan_init(tmp_path, sorted(files))
    assert any("cascade_thresholds are not used" in said for said in draft.found)
    assert any("can change its judge" in said for said in draft.found)
    off = CONFIG.replace("timeout: 90", "cascade_evaluation: false")
    assert read(tmp_path, {**files, "config.yaml": off}).evaluate.stages == ()


def test_a_program_may_be_in_any_language(tmp_path: Path) -> None:
    files = {"initial_program.rs": "fn main() {}\n", "evaluator.py": FILES["evaluator.py"]}
    assert read(tmp_path, files).files.edit == ("initial_program.rs",)


@pytest.mark.parametrize(
    "config", ["search:\n  type: adaevolve\n", "diff_based_generation: true\n"]
)
def test_skydiscovers_are_told_by_their_configuration(tmp_path: Path, config: str) -> None:
    files = {**FILES, "config.yaml": config}
    assert plan_init(tmp_path, put(tmp_path, files)).layout == "SkyDiscover"
    with pytest.raises(TaskError, match="not laid out as OpenEvolve is"):
        plan_init(tmp_path, sorted(files), layout="openevolve")


@pytest.mark.parametrize(
    "files",
    [
        {"initial_program.py": "x = 1"},
        {"evaluator.py": FILES["evaluator.py"]},
        {**FILES, "initial_program.js": "x"},
        {**FILES, "evaluator.py": "def judge(path): ..."},
    ],
)
def test_less_than_that_is_another_layout(tmp_path: Path, files: Mapping[str, str]) -> None:
    with pytest.raises(TaskError, match=r"no move37\.toml"):
        read(tmp_path, files)


@pytest.mark.parametrize("config", ["a: [1", "\t- x", "&a [*a, *a]: {", "[" * 5000])
def test_a_configuration_that_cannot_be_read_is_named_and_done_without(
    tmp_path: Path, config: str
) -> None:
    draft = plan_init(tmp_path, put(tmp_path, {**FILES, "config.yaml": config}))
    (said,) = draft.warnings
    assert said.startswith("config.yaml")
    assert said.endswith("as usual; correct the YAML, or write move37.toml")
    assert not draft.task().evaluate.has_timeout


def test_where_the_score_depends_on_it_nothing_is_guessed(tmp_path: Path) -> None:
    evaluator = "def evaluate(path):\n    return {'accuracy': 1.0, 'size': 9}\n"
    with pytest.raises(TaskError, match=r"config\.yaml, line 1.*correct the YAML"):
        read(tmp_path, {**FILES, "evaluator.py": evaluator, "config.yaml": "a: [1"})


@pytest.mark.parametrize(
    "config", ["- 1", "evaluator: 3\nprompt: x\nmax_iterations: -1", "evaluator: {timeout: no}", ""]
)
def test_what_a_configuration_does_not_say_is_as_usual(tmp_path: Path, config: str) -> None:
    task = read(tmp_path, {**FILES, "config.yaml": config})
    assert (task.budget.experiments, task.evaluate.has_timeout) == (None, False)


def test_a_hand_edit_outside_the_marks_makes_another_task(tmp_path: Path) -> None:
    task, paths, disk = read(tmp_path, FILES), sorted(FILES), disk_reader(tmp_path)
    mark = fingerprint(task, paths, disk)
    program = FILES["initial_program.py"]
    (tmp_path / "initial_program.py").write_text(program.replace("rate = 1", "rate = 2"))
    assert fingerprint(task, paths, disk) == mark
    (tmp_path / "initial_program.py").write_text(f"{program}\nrate = 3\n")
    assert fingerprint(task, paths, disk) != mark


def test_only_the_shim_that_is_used_is_part_of_what_is_measured(tmp_path: Path) -> None:
    task = read(tmp_path, FILES)
    assert [path.name for path in used_shims(task)] == ["openevolve.py"]
    assert [mount.target for mount in shim_mounts(task)] == [".move37/shims"]
    write_task(plan_init(tmp_path, sorted(FILES)).answer("evaluate.run", "python mine.py"))
    assert used_shims(load_task(tmp_path)) == shim_mounts(load_task(tmp_path)) == ()
