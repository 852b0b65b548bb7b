"""Directories of ShinkaEvolve, read as tasks."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from move37.core.errors import TaskError
from move37.core.records import Direction, Task
from move37.tasks.detect import load_or_detect

FILES = {
    "initial.py": "# EVOLVE-BLOCK-START\nrate = 1\n# EVOLVE-BLOCK-END\n",
    "evaluate.py": 'add("--program_path")\nadd("--results_dir")\n',
}
SETTINGS = '''
search_task_sys_msg = """You clean text.
Be bold."""
job = LocalJobConfig(eval_program_path="evaluate.py", time="00:05:30")
evo = EvolutionConfig(task_sys_msg=search_task_sys_msg, num_generations=400, llm=f())
'''


def read(root: Path, files: Mapping[str, str]) -> Task:
    for path, content in files.items():
        (root / path).write_text(content)
    return load_or_detect(root, sorted(files))


def test_the_program_may_change_between_its_marks(tmp_path: Path) -> None:
    task = read(tmp_path, FILES)
    assert (task.files.edit, task.files.between) == (
        ("initial.py",),
        ("EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"),
    )
    assert task.evaluate.run == "python .move37/shims/shinka.py evaluate.py initial.py"
    assert (task.metric.name, task.metric.direction) == ("combined_score", Direction.MAXIMIZE)


def test_the_script_that_starts_it_gives_goal_time_and_budget(tmp_path: Path) -> None:
    task = read(tmp_path, {**FILES, "run_evo.py": SETTINGS})
    assert task.goal == "You clean text.\nBe bold."
    assert (task.budget.experiments, task.evaluate.timeout_seconds) == (400, 330)


@pytest.mark.parametrize("settings", ["def broken(", "f(num_generations=g(), time=3)", "\0", ""])
def test_a_script_that_says_nothing_changes_nothing(tmp_path: Path, settings: str) -> None:
    task = read(tmp_path, {**FILES, "run_evo.py": settings})
    assert (task.budget.experiments, task.evaluate.timeout_seconds) == (None, 600)


@pytest.mark.parametrize(
    "files", [{"initial.py": ""}, {**FILES, "evaluate.py": ""}, {**FILES, "initial.rs": ""}]
)
def test_less_than_that_is_another_layout(tmp_path: Path, files: Mapping[str, str]) -> None:
    with pytest.raises(TaskError, match=r"no move37\.toml"):
        read(tmp_path, files)
