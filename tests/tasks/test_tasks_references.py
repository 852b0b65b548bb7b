"""`references/` is for proposers to read and no part of what is measured, unless the task needs it."""

from dataclasses import replace
from pathlib import Path

import pytest

from move37.core.records import Direction, Evaluation, Files, Metric, Task
from move37.tasks.files import disk_reader, fingerprint, may_edit, resolve
from move37.tasks.references import list_references

PATHS = ["references/data.csv", "references/notes.md", "references/paper.pdf", "train.py"]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    for path in PATHS:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"{path}\n")
    return Task(
        name="t",
        root=tmp_path,
        goal="x",
        files=Files(edit=("**",)),
        evaluate=Evaluation(run="python train.py"),
        metric=Metric(name="loss", direction=Direction.MINIMIZE),
    )


def test_documents_in_it_are_neither_edited_nor_fixed(task: Task) -> None:
    resolved = resolve(task, PATHS)
    assert resolved.editable == ("references/data.csv", "train.py")
    assert resolved.fixed == ()
    assert not may_edit(task)("references/notes.md")
    assert [path for path, _ in list_references(task)] == PATHS[1:3]


def test_a_new_paper_is_no_new_epoch(task: Task) -> None:
    task = replace(task, files=Files(edit=("train.py",)))
    before = fingerprint(task, PATHS, disk_reader(task.root))
    (task.root / "references" / "notes.md").write_text("more")
    assert fingerprint(task, PATHS, disk_reader(task.root)) == before


@pytest.mark.parametrize(
    "changed",
    [
        {"evaluate": Evaluation(run="python train.py --notes references/notes.md")},
        {"files": Files(edit=("train.py",), link=("references/",))},
        {"files": Files(edit=("train.py", "references/notes.md"))},
    ],
)
def test_a_task_that_names_it_keeps_it_as_it_is(task: Task, changed: dict[str, object]) -> None:
    task = replace(task, **changed)  # pyright: ignore[reportArgumentType]
    assert list_references(task) == []
    resolved = resolve(task, PATHS)
    everything = (*resolved.editable, *resolved.fixed, *resolved.linked)
    assert "references/notes.md" in everything or "references" in everything


def test_what_is_hidden_is_no_reference(task: Task) -> None:
    (task.root / "answers").mkdir()
    (task.root / "answers" / "all.txt").write_text("SECRET")
    (task.root / "references" / "link.txt").symlink_to("../answers/all.txt")
    (task.root / "references" / "answers").symlink_to("../answers")
    task = replace(task, files=Files(edit=("train.py",), hide=("answers/", "**/*.md")))
    assert [path for path, _ in list_references(task)] == ["references/paper.pdf"]
