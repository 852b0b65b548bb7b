"""Which files a task means, and every way in which a glob can mean nothing."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
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
from move37.tasks.files import LARGEST_PROGRAM, disk_reader, fingerprint, may_edit, resolve


def put(root: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """Write these files; return their paths."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return sorted(files)


def listed(root: Path) -> list[str]:
    """All files, links as files: what a snapshot would list."""
    found: list[str] = []
    for directory, names, files in os.walk(root):
        links = [name for name in names if (Path(directory) / name).is_symlink()]
        found += [str((Path(directory) / n).relative_to(root)) for n in (*files, *links)]
    return sorted(found)


def task_of(root: Path, *edit: str, link: tuple[str, ...] = (), hide: tuple[str, ...] = ()) -> Task:
    return Task(
        name="t",
        root=root,
        goal="x",
        files=Files(edit=edit or ("train.py",), link=link, hide=hide),
        evaluate=Evaluation(run="python train.py"),
        metric=Metric(name="loss", direction=Direction.MINIMIZE),
    )


def complaint(task: Task, paths: list[str] | None = None) -> str:
    with pytest.raises(TaskError) as caught:
        resolve(task, listed(task.root) if paths is None else paths)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(
        tmp_path,
        {
            "train.py": "print('loss: 1')",
            "move37.toml": "",
            "program.md": "# go",
            "src/a.py": "a",
            "src/deep/b.py": "b",
            "src/logo.png": b"\x89PNG\0",
            "data/big.bin": b"\0" * 10,
            "holdout/secret.txt": "s",
        },
    )
    return tmp_path


def test_every_file_is_editable_linked_hidden_or_fixed(root: Path) -> None:
    task = task_of(root, "train.py", "src/**/*.py", link=("data/",), hide=("holdout/",))
    found = resolve(task, listed(root))
    assert found.editable == ("src/a.py", "src/deep/b.py", "train.py")
    assert found.linked == ("data",)
    assert found.hidden == ("holdout",)
    assert found.fixed == ("move37.toml", "program.md", "src/logo.png")
    assert found.notes == ()


def test_a_wide_glob_leaves_out_what_cannot_be_edited_and_says_so(root: Path) -> None:
    task = task_of(root, "**", link=("data/",), hide=("holdout/",))
    found = resolve(task, listed(root))
    assert found.editable == ("src/a.py", "src/deep/b.py", "train.py")
    assert found.notes == (
        "src/logo.png is binary, so that it is not edited although '**' names it",
    )


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("trian.py", "there is no file 'trian.py' in the task; did you mean 'train.py'?"),
        ("Train.py", "there is no file 'Train.py' in the task; did you mean 'train.py'?"),
        ("zzz", "there is no file 'zzz' in the task; name a file that is there"),
        ("*.rs", "'*.rs' matches nothing among 8 files"),
        ("src", "'src' is a directory; write 'src/' for everything in it"),
        ("src/logo.png", "src/logo.png is binary; name a text file"),
        ("program.md", "program.md describes the task itself"),
        ("move37.toml", "move37.toml describes the task itself"),
        ("data/big.bin", "data/big.bin is mounted by files.link"),
        ("holdout/", "holdout/secret.txt is hidden by files.hide"),
    ],
)
def test_an_edit_glob_that_means_nothing_says_why(root: Path, pattern: str, says: str) -> None:
    message = complaint(task_of(root, pattern, link=("data/",), hide=("holdout/",)))
    assert message.startswith(f"{root}/move37.toml: files.edit: ")
    assert says in message


def test_a_text_that_is_not_utf_8_names_its_line(root: Path) -> None:
    put(root, {"latin.py": b"a = 1\nb = '\xe9'\n"})
    assert "latin.py is not UTF-8 (line 2)" in complaint(task_of(root, "latin.py"))


def test_a_name_that_is_not_utf_8_is_no_name_of_a_program(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    put(root, {name: "lr = 0.1\n"})
    task = task_of(root, "**")
    resolved = resolve(task, listed(root))
    assert name in resolved.fixed
    assert any("has a name that is not UTF-8" in note for note in resolved.notes)
    assert not may_edit(task)(name)


def test_a_file_that_git_ignores_cannot_be_edited(root: Path) -> None:
    paths = listed(root)
    put(root, {"ignored.py": "x"})
    assert "'ignored.py' exists, but git ignores it" in complaint(
        task_of(root, "ignored.py"), paths
    )


def test_a_directory_without_files_of_the_task_says_so(root: Path) -> None:
    (root / "empty").mkdir()
    assert "'empty' is a directory without files" in complaint(task_of(root, "empty"))
    assert "'empty/' is a directory without files" in complaint(task_of(root, "empty/"))


def test_links_are_not_edited_wherever_they_lead(root: Path) -> None:
    (root / "alias.py").symlink_to("train.py")
    (root / "out.py").symlink_to("/etc/hostname")
    (root / "lib").symlink_to("/usr/lib")
    (root / "loop.py").symlink_to("loop.py")
    assert "alias.py is a symbolic link to train.py" in complaint(task_of(root, "alias.py"))
    outside = "out.py is a symbolic link that leads outside the task"
    assert outside in complaint(task_of(root, "out.py"))
    behind = "'lib/x.py' is behind lib, which is a symbolic link that leads outside the task"
    assert behind in complaint(task_of(root, "lib/x.py"))
    assert "loop.py is a symbolic link" in complaint(task_of(root, "loop.py"))
    found = resolve(task_of(root, "*.py"), listed(root))
    assert found.editable == ("train.py",)
    assert "lib" in found.fixed


def test_a_task_inside_a_directory_of_a_similar_name_is_still_outside(tmp_path: Path) -> None:
    put(tmp_path, {"task/train.py": "x", "task_two/x.py": "x"})
    (tmp_path / "task" / "x.py").symlink_to("../task_two/x.py")
    message = complaint(task_of(tmp_path / "task", "x.py"))
    assert "leads outside the task" in message


def test_an_empty_directory_has_nothing_to_improve(tmp_path: Path) -> None:
    assert "there is nothing here to improve" in complaint(task_of(tmp_path), [])
    assert "there is nothing here to improve" in complaint(task_of(tmp_path), [".git/HEAD"])


def test_names_in_either_unicode_form_are_found(tmp_path: Path) -> None:
    put(tmp_path, {"cafe\u0301.py": "x"})
    found = resolve(task_of(tmp_path, "caf\u00e9.py"), listed(tmp_path))
    assert found.editable == ("cafe\u0301.py",)


def test_a_pipe_is_no_program(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    assert "pipe.py is not a regular file" in complaint(task_of(root, "pipe.py"))


def test_a_file_too_large_for_a_program_is_not_edited(root: Path) -> None:
    put(root, {"dump.sql": "x" * (LARGEST_PROGRAM + 1)})
    assert "dump.sql has more than 4,000,000 bytes" in complaint(task_of(root, "dump.sql"))


def test_a_name_that_cannot_be_shown_is_escaped(root: Path) -> None:
    put(root, {"a\nb\u202e.py": b"\0"})
    assert r"'a\nb\u202e.py' is binary" in complaint(task_of(root, "a*"))


def test_a_file_that_vanishes_says_so(root: Path) -> None:
    paths = [*listed(root), "gone.py"]
    assert "gone.py cannot be read (No such file" in complaint(task_of(root, "gone.py"), paths)
    with pytest.raises(TaskError, match=r"gone\.py cannot be read \(No such file"):
        fingerprint(task_of(root), paths, disk_reader(root))


PATTERNS = ["**", "*.py", "src/", "src/**/*.py", "**/*.bin", "data/", "data/*", "h*/", "[st]*"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edit=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2),
    link=st.lists(st.sampled_from(PATTERNS), max_size=2),
    hide=st.lists(st.sampled_from(PATTERNS), max_size=2),
)
def test_every_file_is_exactly_one_thing(
    root: Path, edit: list[str], link: list[str], hide: list[str]
) -> None:
    paths = listed(root)
    try:
        found = resolve(task_of(root, *edit, link=tuple(link), hide=tuple(hide)), paths)
    except TaskError:
        return

    def inside(tops: tuple[str, ...]) -> set[str]:
        return {p for p in paths if any(p == top or p.startswith(f"{top}/") for top in tops)}

    groups = [set(found.editable), set(found.fixed), inside(found.linked), inside(found.hidden)]
    assert set().union(*groups) == set(paths)
    assert sum(map(len, groups)) == len(paths)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("train.py", True),
        ("src/new/file.py", True),
        ("data/x.py", False),
        ("holdout/x.py", False),
        ("src/cache.bin", False),
        ("program.md", False),
        ("move37.toml", False),
        (".git/config", False),
        (".move37/x", False),
        ("../x.py", False),
        ("src/../../x.py", False),
        ("src/./x.py", False),
        ("/etc/x", False),
    ],
)
def test_a_candidate_writes_what_edit_means_and_nothing_else(
    tmp_path: Path, path: str, allowed: bool
) -> None:
    may = may_edit(task_of(tmp_path, "**", link=("data/", "**/*.bin"), hide=("holdout/",)))
    assert may(path) is allowed
    assert not may_edit(task_of(tmp_path, "other.py"))(path)


def test_what_resolves_as_editable_may_be_written(root: Path) -> None:
    task = task_of(root, "**", link=("data/",), hide=("holdout/",))
    assert all(map(may_edit(task), resolve(task, listed(root)).editable))


# --- linked and hidden ---------------------------------------------------------------------------


def test_linked_and_hidden_files_may_be_unknown_to_git(root: Path) -> None:
    task = task_of(root, link=("data/",), hide=("holdout/",))
    found = resolve(task, ["train.py"])
    assert (found.linked, found.hidden) == (("data",), ("holdout",))


def test_a_link_out_of_the_task_may_be_an_input(root: Path) -> None:
    (root / "corpus").symlink_to("/usr/share")
    assert resolve(task_of(root, link=("corpus/",)), listed(root)).linked == ("corpus",)


def test_globs_of_inputs_name_the_topmost_paths(root: Path) -> None:
    put(root, {"data/one/x.bin": "x", "data/two/y.bin": "y", "a/b/cache/z": "z"})

    def find(*link: str) -> tuple[str, ...]:
        return resolve(task_of(root, link=link), listed(root)).linked

    assert find("data/*") == ("data/big.bin", "data/one", "data/two")
    assert find("data/*/") == ("data/one", "data/two")
    assert find("data/**/*.bin") == ("data/big.bin", "data/one/x.bin", "data/two/y.bin")
    assert find("**/cache/") == ("a/b/cache",)
    assert find("data/", "data/one/") == ("data",)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("dta/", "'dta/' is not there; create it, correct the name, or remove the entry"),
        ("*.bin", "'*.bin' is not there"),
        ("train.py/", "'train.py/' is a file; write 'train.py'"),
        ("program.md", "'program.md' describes the task itself"),
    ],
)
def test_an_input_that_is_not_there_says_so(root: Path, pattern: str, says: str) -> None:
    assert f"files.link: {says}" in complaint(task_of(root, link=(pattern,)))
    assert f"files.hide: {says}" in complaint(task_of(root, hide=(pattern,)))


def test_a_missing_input_that_a_script_prepares_points_to_it(root: Path) -> None:
    put(root, {"prepare.py": ""})
    message = complaint(task_of(root, link=("corpus/",)))
    assert "'corpus/' is not there; create it (does prepare.py do that?)" in message


def test_nothing_hidden_is_shown_by_a_link_above_it(root: Path) -> None:
    put(root, {"data/holdout/x": "x"})
    message = complaint(task_of(root, link=("data/",), hide=("data/holdout/",)))
    assert "'data/holdout' lies in what files.link shows to everyone" in message
    found = resolve(task_of(root, link=("data/*",), hide=("data/holdout/",)), listed(root))
    assert found.linked == ("data/big.bin",)
    assert found.hidden == ("data/holdout",)


def test_our_own_directories_are_nobodys_input(root: Path) -> None:
    put(root, {".move37/study/db": "x", ".git/HEAD": "x"})
    found = resolve(task_of(root, "**/*.py", link=("*/",)), listed(root))
    assert not any(path.startswith((".git", ".move37")) for path in (*found.linked, *found.fixed))


# --- fingerprint ---------------------------------------------------------------------------------


def mark(task: Task) -> str:
    return fingerprint(task, listed(task.root), disk_reader(task.root))


def test_an_unchanged_task_keeps_its_fingerprint(root: Path) -> None:
    task = task_of(root, link=("data/",), hide=("holdout/",))
    assert mark(task) == mark(task)


@pytest.mark.parametrize(
    "changes",
    [
        {"files": Files(edit=("train.py", "src/a.py"))},
        {"evaluate": Evaluation(run="python train.py", timeout_seconds=1.0)},
        {"metric": Metric(name="loss", direction=Direction.MAXIMIZE)},
        {"checks": (Check(name="tests", command="pytest"),)},
        {"limits": (Limit(metric="mb", operator="<", bound=1.0),)},
        {"fence": Fence(env=("LANG",))},
    ],
)
def test_what_affects_measurement_changes_the_fingerprint(root: Path, changes: Any) -> None:
    task = task_of(root)
    assert mark(replace(task, **changes)) != mark(task)


@pytest.mark.parametrize(
    "changes",
    [
        {"goal": "y"},
        {"name": "y"},
        {"budget": Budget(experiments=1)},
        {"proposers": (ProposerSpec(kind="llm"),)},
        {"search": "greedy"},
        {"fence": Fence(level="plain")},
    ],
)
def test_what_does_not_affect_measurement_leaves_it(root: Path, changes: Any) -> None:
    task = task_of(root)
    assert mark(replace(task, **changes)) == mark(task)


def test_order_in_the_file_is_not_part_of_the_fingerprint(root: Path) -> None:
    task = replace(task_of(root, "train.py", "src/a.py"), fence=Fence(env=("A", "B")))
    other = replace(task_of(root, "src/a.py", "train.py"), fence=Fence(env=("B", "A")))
    assert mark(task) == mark(other)


def test_fixed_files_count_by_content_and_editable_ones_do_not(root: Path) -> None:
    task = task_of(root, link=("data/",))
    before = mark(task)
    put(root, {"train.py": "changed", "program.md": "changed", "move37.toml": "# changed"})
    assert mark(task) == before
    put(root, {"src/a.py": "changed"})
    assert mark(task) != before


def test_an_executable_bit_counts(root: Path) -> None:
    before = mark(task_of(root))
    (root / "src/a.py").chmod(0o755)
    assert mark(task_of(root)) != before


def test_inputs_count_by_name_size_and_time(root: Path) -> None:
    task = task_of(root, link=("data/",), hide=("holdout/",))
    seen = [mark(task)]
    os.utime(root / "holdout/secret.txt", (1, 1))
    seen.append(mark(task))
    put(root, {"data/more.bin": "x"})
    seen.append(mark(task))
    put(root, {"data/more.bin": "longer"})
    os.utime(root / "data/more.bin", (1, 1))
    seen.append(mark(task))
    assert len(set(seen)) == 4


def test_a_single_linked_file_counts_like_a_directory_of_them(root: Path) -> None:
    task = task_of(root, link=("data/big.bin",))
    before = mark(task)
    put(root, {"data/big.bin": "other"})
    assert mark(task) != before


def test_the_cache_of_python_is_no_input(root: Path) -> None:
    task = task_of(root, link=("data/",))
    before = mark(task)
    (root / "data/__pycache__").mkdir()
    (root / "data/__pycache__/x.pyc").write_text("x")
    assert mark(task) == before


def test_files_cannot_be_shifted_into_one_another(tmp_path: Path) -> None:
    paths = put(tmp_path, {"train.py": "x", "a": "bc", "ab": "c"})
    contents = {"a": b"bc", "ab": b"c"}
    other = {"a": b"b", "ab": b"cc"}
    task = task_of(tmp_path)
    assert fingerprint(task, paths, contents.__getitem__) != fingerprint(
        task, paths, other.__getitem__
    )
