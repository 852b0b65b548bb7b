"""pi-autoresearch, and what autoresearch leaves behind: minimal directories of their layouts."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from move37.core.errors import TaskError
from move37.core.records import Direction, Task
from move37.tasks.detect import load_or_detect, plan_init
from move37.tasks.files import disk_reader, fingerprint, resolve
from move37.tasks.references import list_references

PROMPT = """\
# Autoresearch: Make sorting faster

## Metrics
- **Primary**: `comparisons` (count, lower is better) — of all lists

## Files in Scope
- `src/sort.py` — the algorithm; it may use `src/other.py`
- `tests/` — more tests
- `lib/`: helpers

## Off Limits
- `lib/`
"""
PI = {
    ".auto/measure.sh": "set -eu\npython bench.py\n",
    ".auto/prompt.md": PROMPT,
    ".auto/checks.sh": "python -m compileall -q src\n",
    ".auto/config.json": '{"maxIterations": 12}',
    "bench.py": 'from src.sort import WIDTH\nprint(f"METRIC comparisons={100 - WIDTH}")\n',
    "src/sort.py": "WIDTH = 4\n",
    "src/other.py": "x = 1\n",
    "lib/help.py": "x = 1\n",
    "tests/test_sort.py": "def test_it(): pass\n",
}
LOG = (
    '{"type":"config","name":"a","metricName":"old_ms","bestDirection":"lower"}\n'
    '{"run":1,"commit":"a1","metric":3,"status":"keep","description":"baseline"}\n'
    '{"type":"config","name":"b","metricName":"solved","bestDirection":"higher"}\n'
    "not json\n"
)


def put(root: Path, files: Mapping[str, str]) -> list[str]:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return sorted(files)


def task_of(root: Path, files: Mapping[str, str]) -> Task:
    return load_or_detect(root, put(root, files))


def test_a_session_without_a_goal_says_where_to_write_one(tmp_path: Path) -> None:
    files = {**PI, ".auto/log.jsonl": LOG, ".auto/measure.sh": "python src/sort.py\n"}
    del files[".auto/prompt.md"]
    draft = plan_init(tmp_path, put(tmp_path, files))
    assert draft.task().goal == "Raise solved."
    assert [said.partition(":")[0] for said in draft.warnings] == [
        "no .auto/prompt.md says what it is about"
    ]


def test_a_session_of_pi_autoresearch_is_a_task(tmp_path: Path) -> None:
    task = task_of(tmp_path, PI)
    assert task.goal == "Make sorting faster"
    assert task.files.edit == ("src/sort.py",)
    assert task.evaluate.run == "bash .auto/measure.sh"
    assert (task.metric.name, task.metric.direction) == ("comparisons", Direction.MINIMIZE)
    assert [check.command for check in task.checks] == ["bash .auto/checks.sh"]
    assert task.budget.experiments == 12
    assert not (tmp_path / "move37.toml").exists()


def test_the_latest_session_of_the_log_says_what_to_improve(tmp_path: Path) -> None:
    task = task_of(tmp_path, {**PI, ".auto/log.jsonl": LOG})
    assert (task.metric.name, task.metric.direction) == ("solved", Direction.MAXIMIZE)


def test_the_older_flat_files_are_read_in_the_same_way(tmp_path: Path) -> None:
    names = {"measure.sh": "autoresearch.sh", "prompt.md": "autoresearch.md"}
    flat = {
        names[path.removeprefix(".auto/")]: PI[path]
        for path in (".auto/measure.sh", ".auto/prompt.md")
    }
    task = task_of(tmp_path, {**flat, "bench.py": PI["bench.py"], "src/sort.py": PI["src/sort.py"]})
    assert task.evaluate.run == "bash autoresearch.sh"
    assert task.files.edit == ("src/sort.py",)


def test_files_that_lie_elsewhere_are_an_error(tmp_path: Path) -> None:
    files = {**PI, ".auto/config.json": '{"workingDir": "../other"}'}
    with pytest.raises(TaskError, match="run move37 in that one"):
        task_of(tmp_path, files)
    task_of(tmp_path, {**PI, ".auto/config.json": '{"workingDir": "."}'})
    task_of(tmp_path, {**PI, ".auto/config.json": "broken"})


def test_what_was_reported_is_a_reference_and_no_part_of_what_is_measured(tmp_path: Path) -> None:
    files = {**PI, ".auto/log.jsonl": LOG}
    task, paths = task_of(tmp_path, files), sorted(files)
    before = fingerprint(task, paths, disk_reader(tmp_path))
    assert [path for path, _ in list_references(task)] == [".auto/log.jsonl", ".auto/prompt.md"]
    assert ".auto/log.jsonl" not in resolve(task, paths).fixed
    assert ".auto/measure.sh" in resolve(task, paths).fixed
    (tmp_path / ".auto/log.jsonl").write_text(LOG * 2)
    assert fingerprint(task, paths, disk_reader(tmp_path)) == before


KARPATHY = {
    "prepare.py": "",
    "train.py": 'print(f"val_bpb: {b}")\nprint(f"peak_vram_mb: {m}")\n',
    "program.md": "# autoresearch\n",
    "results.tsv": "commit\tval_bpb\tmemory_gb\tstatus\tdescription\na1\t0.99\t44.0\tkeep\tbaseline\n",
}


def test_results_of_autoresearch_are_a_reference_too(tmp_path: Path) -> None:
    task = task_of(tmp_path, KARPATHY)
    assert [path for path, _ in list_references(task)] == ["results.tsv"]
    assert [(aim.name, aim.direction) for aim in task.also] == [
        ("peak_vram_mb", Direction.MINIMIZE)
    ]


def test_another_table_of_that_name_is_data(tmp_path: Path) -> None:
    task = task_of(tmp_path, {**KARPATHY, "results.tsv": "x\ty\n1\t2\n"})
    assert list_references(task) == []
    assert "results.tsv" in resolve(task, sorted(KARPATHY)).fixed
