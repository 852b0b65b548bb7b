"""Readers of other tools' layouts: who recognises a directory, and what happens when several do."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from move37.core.errors import TaskError
from move37.tasks.draft import Draft
from move37.tasks.files import disk_reader
from move37.tasks.found import Found, draft_found
from move37.tasks.look import Look
from move37.tasks.metrics import Guess
from move37.tasks.readers import READERS
from move37.tasks.readers.reader import Reader, choose, read_as


def look_at(root: Path, files: Mapping[str, str]) -> Look:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return Look(root, sorted(files), disk_reader(root))


def reader(name: str, file: str) -> Reader:
    """One that recognises a directory by a single file."""

    def read(look: Look) -> Draft | None:
        if not look.has(file):
            return None
        found = Found(
            layout=name,
            why=f"{file} is there",
            run=f"sh {file}",
            edit=(file,),
            metric=Guess.of("score"),
        )
        return draft_found(look, found)

    return Reader(name=name, title=name.title(), needs=file, read=read)


TOOLS = (reader("alpha", "a.sh"), reader("beta", "b.sh"))


def test_the_reader_that_recognises_a_directory_drafts_the_whole_task(tmp_path: Path) -> None:
    draft = choose(TOOLS, look_at(tmp_path, {"b.sh": ""}))
    assert draft is not None
    assert draft.layout == "beta"
    assert draft.task().evaluate.run == "sh b.sh"


def test_no_reader_no_draft(tmp_path: Path) -> None:
    assert choose(TOOLS, look_at(tmp_path, {"c.sh": ""})) is None


def test_two_layouts_in_one_directory_are_for_a_person_to_choose(tmp_path: Path) -> None:
    with pytest.raises(
        TaskError,
        match=r"has the layouts of Alpha \(a\.sh\) and of Beta \(b\.sh\); "
        r"choose with `move37 init --from alpha` or `move37 init --from beta`",
    ):
        choose(TOOLS, look_at(tmp_path, {"a.sh": "", "b.sh": ""}))
    both = look_at(tmp_path, {"a.sh": "", "b.sh": ""})
    assert read_as(TOOLS, "beta", both).layout == "beta"


def test_a_named_reader_that_does_not_recognise_it_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"is not laid out as Alpha is: that has a\.sh; leave out"):
        read_as(TOOLS, "alpha", look_at(tmp_path, {"b.sh": ""}))
    with pytest.raises(TaskError, match=r"'gamma' is no layout .* known: alpha, beta"):
        read_as(TOOLS, "gamma", look_at(tmp_path, {}))


def test_every_reader_can_be_named_and_reads_nothing_into_an_empty_directory(
    tmp_path: Path,
) -> None:
    names = [reader.name for reader in READERS]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and " " not in name for name in names)
    for reader in READERS:
        assert reader.read(look_at(tmp_path, {"notes.txt": "x"})) is None, reader.name


def test_the_manual_names_every_layout() -> None:
    page = (Path(__file__).parents[2] / "docs/foreign.md").read_text()
    for reader in READERS:
        assert f"| `{reader.name}` | {reader.title} |" in page
