"""Relative limits, stages, checks with a time limit and secondary metrics in `move37.toml`."""

from pathlib import Path

import pytest

from move37.core.errors import TaskError
from move37.core.records import Direction, Metric, Task
from move37.tasks.document import from_mapping, to_mapping
from move37.tasks.toml import parse_task
from move37.tasks.write import render_task

LEAST = """\
goal = "Lower it."
files.edit = ["train.py"]
evaluate.run = "python train.py"
metric.name = "loss"
metric.goal = "minimize"
"""


def parse(content: str) -> Task:
    return parse_task(content.encode(), root=Path("/nowhere"))


@pytest.mark.parametrize(
    ("written", "bound"),
    [
        ("<= 1.05x baseline", 1.05),
        ("<=105% of baseline", 1.05),
        ("<= 1.05 * the baseline", 1.05),
        ("<= 2 \u00d7 baseline", 2.0),
        ("<= baseline", 1.0),
    ],
)
def test_a_limit_can_be_relative_to_the_baseline(written: str, bound: float) -> None:
    (limit,) = parse(LEAST + f'limits.memory_mb = "{written}"\n').limits
    assert (limit.of_baseline, limit.bound) == (True, bound)
    assert str(limit) == f"memory_mb <= {bound:g}x baseline"


@pytest.mark.parametrize("written", ["<= 1.05x", "<= 110%", "<= 0x baseline", "<= manyx baseline"])
def test_a_relative_limit_that_says_too_little_is_refused(written: str) -> None:
    with pytest.raises(TaskError, match=r"limits\.memory_mb is bounded by .*write for example"):
        parse(LEAST + f'limits.memory_mb = "{written}"\n')


HEADED = (
    LEAST.replace("evaluate.run = ", "[evaluate]\nrun = ")
    .replace("metric.name", "[metric]\nname")
    .replace("metric.goal", "goal")
)

STAGED = """
[[evaluate.stage]]
run = "python train.py --steps 10"
timeout = "5s"

[[evaluate.stage]]
name = "half"
run = "python train.py --steps 50"
metric = "half_loss"
goal = "minimize"
keep = 0.5
"""


def test_stages_are_read_in_order_with_what_they_leave_out() -> None:
    task = parse(HEADED + STAGED)
    first, second = task.evaluate.stages
    assert (first.name, first.timeout_seconds, first.metric, first.keep) == (
        "stage1",
        5.0,
        None,
        0.1,
    )
    assert (second.name, second.timeout_seconds, second.keep) == ("half", 600.0, 0.5)
    assert second.metric == Metric(name="half_loss", direction=Direction.MINIMIZE)
    assert from_mapping(to_mapping(task), task.root) == task


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("evaluate.stage = 3", "evaluate.stage must be tables in double brackets"),
        ('[[evaluate.stage]]\nname = "a"', "stage.run is missing"),
        ('[[evaluate.stage]]\nrun = "a"\nstesp = 3', "unknown key 'stesp'"),
        ('[[evaluate.stage]]\nrun = "a"\nkeep = 1.5', "stage.keep is 1.5"),
        (9 * '[[evaluate.stage]]\nrun = "a"\n', "has 9 tables"),
        (2 * '[[evaluate.stage]]\nrun = "a"\nname = "b"\n', "two named 'b'"),
    ],
)
def test_a_wrong_stage_is_one_sentence(written: str, said: str) -> None:
    with pytest.raises(TaskError) as error:
        parse(f"{LEAST if written.startswith('evaluate.') else HEADED}\n{written}")
    assert said in str(error.value)


def test_a_check_can_say_how_long_it_may_take() -> None:
    task = parse(LEAST + '[checks]\ntests = "pytest"\ntypes = { run = "mypy", timeout = "5s" }\n')
    assert [check.timeout_seconds for check in task.checks] == [None, 5.0]
    assert from_mapping(to_mapping(task), task.root) == task
    with pytest.raises(TaskError, match="unknown key 'command' in"):
        parse(LEAST + '[checks]\ntypes = { command = "mypy" }\n')


def test_secondary_metrics_have_a_direction() -> None:
    task = parse(LEAST + '[also]\nseconds = "minimize"\nrecall = "maximize"\n')
    assert [(m.name, m.direction.value) for m in task.also] == [
        ("seconds", "minimize"),
        ("recall", "maximize"),
    ]
    assert from_mapping(to_mapping(task), task.root) == task
    with pytest.raises(TaskError, match=r"also\.seconds is 'less'"):
        parse(LEAST + '[also]\nseconds = "less"\n')


def test_what_a_task_does_not_use_leaves_its_stored_form_as_it_was() -> None:
    written = to_mapping(parse(LEAST))
    assert "also" not in written
    assert set(written["evaluate"]) == {"run", "score", "memory", "cpus", "pair"}


@pytest.mark.parametrize("timeout", ["", 'evaluate.timeout = "10m"\n', 'evaluate.timeout = "9m"\n'])
def test_a_timeout_is_written_again_where_it_was_written(timeout: str) -> None:
    task = parse(LEAST + timeout)
    assert task.evaluate.has_timeout == bool(timeout)
    assert parse(render_task(task)) == task


def test_a_task_with_all_of_it_can_be_written_and_read_again() -> None:
    more = '[also]\nseconds = "minimize"\n[checks]\ntypes = { run = "mypy", timeout = "5s" }\n'
    task = parse(HEADED + STAGED + more + '[limits]\nseconds = "<= 1.5x baseline"\n')
    assert parse(render_task(task)) == task
