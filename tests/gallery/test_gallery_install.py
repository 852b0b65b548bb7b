"""The gallery: what is in it, and how a task comes into a directory of the user's."""

import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from move37 import gallery
from move37.core.errors import Move37Error
from move37.gallery.installing import prepare

TASK = Path(gallery.__file__).parent / "bpb" / "task"


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def data_times(directory: Path) -> dict[str, int]:
    return {
        path.name: path.stat().st_mtime_ns
        for folder in ("data", "holdout")
        for path in (directory / folder).iterdir()
    }


def test_every_task_says_what_there_is_to_know_about_it() -> None:
    assert gallery.names()[0] == "bpb", "the one to begin with"
    for name in gallery.names():
        entry = gallery.describe(name)
        assert entry.name == name
        assert entry.experiments > 0
        assert 0 < entry.hours * 60 <= 0.7 * entry.minutes, "the rest is for the certificate"
        assert (entry.best_known is None) == (not entry.best_known_source)


@pytest.mark.parametrize("name", gallery.names())
def test_what_is_said_of_a_task_is_what_its_files_say(name: str) -> None:
    entry, task = gallery.describe(name), Path(gallery.__file__).parent / name / "task"
    metric = tomllib.loads((task / "move37.toml").read_text())["metric"]
    assert (metric["name"], metric["goal"]) == (entry.metric, entry.goal)
    stated = f"\nEVALUATOR_VERSION = {entry.evaluator_version}\n"
    assert stated in (task / "prepare.py").read_text()


@pytest.mark.parametrize("name", gallery.names())
def test_every_task_has_its_page_and_the_page_its_best_known_value(name: str) -> None:
    entry, docs = gallery.describe(name), Path(__file__).parents[2] / "docs"
    page = (docs / "gallery" / f"{name}.md").read_text()
    assert f"move37 demo {name}" in page
    if entry.best_known is not None:
        assert f"{entry.best_known:g}" in page


def test_how_far_a_task_has_come_is_a_share_of_the_way_to_the_best_known_value() -> None:
    bpb = gallery.describe("bpb")
    assert bpb.share == pytest.approx((3.161 - 2.662) / (3.161 - 2.557))
    assert replace(bpb, reached=None).share is None
    assert replace(bpb, best_known=None).share is None


def test_an_unknown_task_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(Move37Error, match=r"no gallery task 'chess'; there are bpb, .*tabular"):
        gallery.describe("chess")
    with pytest.raises(Move37Error, match="chess"):
        gallery.install("chess", tmp_path)


def test_an_installed_task_has_its_files_and_its_data(installed: Path) -> None:
    there = set(contents(installed))
    assert there >= {"move37.toml", "prepare.py", "layers.py", "train.py", "program.md"}
    assert there >= {"data/train.bin", "data/validation.bin", "holdout/holdout.bin"}


def test_installing_again_changes_nothing_and_keeps_the_users_work(
    installed: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "mine"
    shutil.copytree(installed, directory)
    (directory / "train.py").write_text("# better\n")
    (directory / "notes.txt").write_text("mine\n")
    before, times = contents(directory), data_times(directory)
    gallery.install("bpb", directory)
    assert contents(directory) == before
    assert data_times(directory) == times, "or a second demo would measure all anew"


def test_an_installation_that_was_cut_short_is_completed(installed: Path, tmp_path: Path) -> None:
    directory = tmp_path / "half"
    directory.mkdir()
    shutil.copy(installed / "prepare.py", directory)
    gallery.install("bpb", directory)
    assert contents(directory) == contents(installed)


def test_a_directory_with_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text("print('my own')\n")
    with pytest.raises(Move37Error, match=r"not empty, and not the 'bpb' task"):
        gallery.install("bpb", tmp_path)
    assert contents(tmp_path) == {"prepare.py": b"print('my own')\n"}


def test_a_place_that_is_no_directory_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Move37Error, match="name another directory"):
        gallery.install("bpb", tmp_path / "file" / "bpb")


def test_a_preparation_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text("import sys; sys.exit('no library here')\n")
    with pytest.raises(Move37Error, match="could not be prepared: no library here"):
        prepare("bpb", tmp_path)


def test_the_data_is_the_same_every_time_and_whatever_the_hash_seed(
    installed: Path, tmp_path: Path
) -> None:
    for name in ("prepare.py", "layers.py"):
        shutil.copy(installed / name, tmp_path)
    subprocess.run(
        [sys.executable, "prepare.py"], cwd=tmp_path, check=True, env={"PYTHONHASHSEED": "7"}
    )
    for folder in ("data", "holdout"):
        assert contents(tmp_path / folder) == contents(installed / folder)


def test_what_lies_in_the_source_tree_is_what_ships() -> None:
    """A file that version control ignores would be missing from the wheel."""
    shipped = {path.name for path in TASK.iterdir() if path.is_file()}
    assert shipped == {
        *("move37.toml", "program.md", "prepare.py", "layers.py", "train.py", ".gitignore")
    }


def test_no_file_is_in_two_splits(installed: Path) -> None:
    splits: list[list[str]] = [
        [path for path, _ in json.loads((installed / name).read_text())]
        for name in ("data/train.json", "data/validation.json", "holdout/holdout.json")
    ]
    everything = [path for paths in splits for path in paths]
    assert all(len(paths) >= 20 for paths in splits)
    assert len(everything) == len(set(everything))
