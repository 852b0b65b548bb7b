"""A task written down reads back as itself: as `move37.toml`, and as the fact of an epoch."""

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
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
from move37.tasks.toml import parse_task
from move37.tasks.write import render_task

ROOT = Path("/nowhere/task")

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])).filter(str.strip)
PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cf"])).filter(
    str.strip
)
COMMANDS = st.one_of(PLAIN, st.sampled_from(['a "b" c', "it's", "a \\ b", "a\nb\t'''", "a # b"]))
NAMES = st.text("aé1_ ./", min_size=1).filter(lambda name: name == name.strip())
METRICS = st.text("ab1_ ./%é", min_size=1).filter(lambda name: name == name.strip())
WORDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,9}", fullmatch=True)
GLOBS = st.sampled_from(["a.py", "src/", "**/*.c", "[ab]?.py", "caf\u00e9/*", 'q"uote', "it's"])
GLOB_LISTS = st.lists(GLOBS, max_size=3).map(tuple)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(min_value=1e-6, max_value=1e12)
OPTIONS: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | FINITE | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def limits(metrics: list[str]) -> st.SearchStrategy[tuple[Limit, ...]]:
    """Limits on one metric stand together, as they do in a file."""
    one = st.builds(
        Limit,
        metric=st.just(""),
        operator=st.sampled_from(["<=", "<", ">=", ">"]),
        bound=FINITE,
    )
    several = st.lists(st.lists(one, min_size=1, max_size=2), max_size=len(metrics))
    return several.map(
        lambda groups: tuple(
            Limit(metric=metric, operator=limit.operator, bound=limit.bound)
            for metric, group in zip(metrics, groups, strict=False)
            for limit in group
        )
    )


TASKS = st.builds(
    Task,
    name=NAMES,
    root=st.just(ROOT),
    goal=TEXTS,
    files=st.builds(
        Files,
        edit=st.lists(GLOBS, min_size=1, max_size=3).map(tuple),
        link=GLOB_LISTS,
        hide=GLOB_LISTS,
    ),
    evaluate=st.builds(
        Evaluation,
        run=COMMANDS,
        score=st.none() | COMMANDS,
        timeout_seconds=POSITIVE | st.integers(1, 100_000).map(float),
        memory_bytes=st.integers(2**20, 2**59),
        cpus=st.integers(1, 512),
        pair=st.booleans(),
        exclusive=st.booleans(),
    ),
    metric=st.builds(
        Metric,
        name=METRICS,
        direction=st.sampled_from(Direction),
        min_effect=st.floats(min_value=0, allow_infinity=False),
        regex=st.none() | st.sampled_from([r"loss=(\d+)", r"'(x)'", '"(é)"', "(?i)(a)\\s\n"]),
    ),
    checks=st.dictionaries(WORDS, COMMANDS, max_size=3).map(
        lambda checks: tuple(Check(name=name, command=run) for name, run in checks.items())
    ),
    limits=st.lists(METRICS, max_size=3, unique=True).flatmap(limits),
    budget=st.builds(
        Budget,
        experiments=st.none() | st.integers(1, 10**9),
        hours=st.none() | POSITIVE,
        usd=st.none() | st.just(0.0) | POSITIVE,
    ),
    fence=st.builds(
        Fence,
        level=st.sampled_from(["auto", "root", "user", "plain"]),
        read=st.sampled_from([(), ("/opt/cc",), (str(Path.home() / ".cache/x"), "/srv/é")]),
        env=st.sampled_from([(), ("HOME",), ("A", "_b1")]),
    ),
    proposers=st.lists(
        st.builds(
            ProposerSpec,
            kind=WORDS,
            options=st.dictionaries(TEXTS.filter(lambda t: t != "kind"), OPTIONS, max_size=3),
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    search=WORDS,
)


@settings(max_examples=40)
@given(TASKS)
def test_a_written_task_reads_back_as_itself(task: Task) -> None:
    assert parse_task(render_task(task).encode(), root=ROOT) == task


@settings(max_examples=40)
@given(TASKS)
def test_a_stored_task_comes_back_from_json_as_itself(task: Task) -> None:
    stored = msgspec.json.encode(to_mapping(task))
    assert from_mapping(msgspec.json.decode(stored), ROOT) == task


@settings(max_examples=40)
@given(TASKS)
def test_writing_is_stable(task: Task) -> None:
    once = render_task(task)
    assert render_task(parse_task(once.encode(), root=ROOT)) == once


def simple(root: Path = ROOT, **changes: Any) -> Task:
    parts: dict[str, Any] = {
        "name": root.name,
        "root": root,
        "goal": "Lower val_bpb.",
        "files": Files(edit=("train.py",)),
        "evaluate": Evaluation(run="python train.py", has_timeout=False),
        "metric": Metric(name="val_bpb", direction=Direction.MINIMIZE),
    }
    return Task(**{**parts, **changes})


def test_a_simple_task_is_written_tidily() -> None:
    assert render_task(simple()) == (
        """\
goal = "Lower val_bpb."  # in a sentence; more can stand in program.md

[files]
edit = ["train.py"]  # everything else is restored for each trial and read-only

[evaluate]
run = "python train.py"  # sandboxed, without network, in a fresh workspace; gets $MOVE37_SEED

[metric]
name = "val_bpb"  # as printed, such as `val_bpb: 0.5`
goal = "minimize"
"""
    )


def test_a_stored_task_does_not_tell_where_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    root = tmp_path / "secret-place" / "task"
    root.mkdir(parents=True)
    cache = str(tmp_path / ".cache" / "x")
    task = simple(root, fence=Fence(read=(cache,)))
    stored = to_mapping(task)
    assert str(tmp_path) not in repr(stored)
    assert "secret-place" not in repr(stored)
    assert from_mapping(stored, root) == task


def test_a_task_that_moved_keeps_its_name(tmp_path: Path) -> None:
    assert from_mapping(to_mapping(simple()), tmp_path).name == "task"


def test_a_damaged_stored_task_is_named_as_such() -> None:
    stored = to_mapping(simple())
    del stored["evaluate"]["run"]
    with pytest.raises(TaskError, match=r"the stored task: evaluate\.run is missing"):
        from_mapping(stored, ROOT)


def test_invisible_characters_are_spelled_out() -> None:
    text = render_task(simple(goal="a\u202eb\u00a0c\x7f\U000e0001"))
    assert r"a\u202eb\u00a0c\u007f\U000e0001" in text


def test_whole_numbers_are_written_whole() -> None:
    text = render_task(
        simple(
            budget=Budget(hours=8.0, usd=0.0),
            limits=(Limit(metric="mb", operator="<=", bound=4096.0),),
            evaluate=Evaluation(run="x", timeout_seconds=90.0, memory_bytes=4 * 10**9),
        )
    )
    assert "hours = 8\n" in text
    assert "usd = 0\n" in text
    assert 'mb = "<= 4096"' in text
    assert 'timeout = "90s"' in text
    assert 'memory = "4GB"' in text
    assert math.isclose(parse_task(text.encode(), root=ROOT).evaluate.timeout_seconds, 90.0)


def test_a_stored_task_with_a_null_is_damaged() -> None:
    stored = to_mapping(simple())
    stored["goal"] = None
    with pytest.raises(TaskError, match="goal must be text in quotes, not a NoneType"):
        from_mapping(stored, ROOT)
