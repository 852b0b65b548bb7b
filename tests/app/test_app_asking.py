"""A real engine whose proposer has to ask: real store, threads, sandbox and programs."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from app_tasks import PROGRAM, MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.errors import TaskError
from move37.core.facts import Asked, Fact, Proposed

SCRIPT = """
[[proposer]]
kind = "scripted"
ask = true
steps = [
    { "program.py" = "learning_rate = 0.1\\nwidth = 64\\nmomentum = 0.5\\n" },
    "this is no program",
    { "program.py" = "learning_rate = 0.1\\nwidth = 128\\nmomentum = 0.9\\n" },
]
"""


def asking(make_task: MakeTask, name: str = "task", script: str = SCRIPT) -> Path:
    task = make_task(name=name)
    with (task / "move37.toml").open("a") as file:
        file.write(script)
    return task


def settings(experiments: int = 10) -> app.RunSettings:
    return app.RunSettings(experiments=experiments, workers=1, certify=False, check=False)


def facts(task: Path) -> list[Fact]:
    with read_study(task) as study:
        return [row.fact for row in study.store.rows()]


def test_what_is_answered_is_measured_and_what_cannot_be_used_has_failed(
    make_task: MakeTask,
) -> None:
    task = asking(make_task)
    result = app.run(task, settings())
    assert result.halt == "exhausted"
    assert "played out" in result.reason
    with read_study(task) as study:
        one, two, three = study.history.current()[1:4]
        assert one.is_measured
        assert three.is_measured
        assert two.rejected is not None
        assert two.rejected.reason == "this is no program"
        assert len(two.answers) == 2
        assert study.champion == three.id
        assert study.store.attachment("x1-ask-0/question") is not None
        assert study.store.attachment("x1-ask-0/answer") is not None
    assert app.verify(task).mismatches == ()


def test_a_study_that_was_interrupted_asks_for_nothing_twice(make_task: MakeTask) -> None:
    whole, halves = asking(make_task, "whole/task"), asking(make_task, "halves/task")
    app.run(whole, settings())
    for experiments in (1, 2, 10):
        app.run(halves, settings(experiments))
    asked = [fact for fact in facts(halves) if isinstance(fact, Asked)]
    assert len(asked) == len({(fact.experiment, fact.round) for fact in asked})

    def programs(task: Path) -> dict[int, str]:
        return {f.experiment: f.identity for f in facts(task) if isinstance(f, Proposed)}

    assert programs(halves) == programs(whole)


def test_one_proposer_with_nothing_left_does_not_end_the_run_of_another(
    make_task: MakeTask,
) -> None:
    task = asking(make_task, script=SCRIPT + '\n[[proposer]]\nkind = "tune"\n')
    result = app.run(task, settings(14))
    assert result.halt == "budget"
    with read_study(task) as study:
        proposers = [one.proposer for one in study.history.current()[1:]]
        assert proposers.count("scripted") == 4  # three steps, and one that found nothing left
        # and merges, where two branches gain
        assert set(proposers) <= {"scripted", "tune", "merge"}
        assert study.history.spent() == 14


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ('ask = true\nstep = ["x"]', "unknown key 'step'"),
        ('ask = true\nsteps = "x"', "steps must be a list"),
    ],
)
def test_a_script_that_cannot_be_read_is_told(make_task: MakeTask, options: str, told: str) -> None:
    task = asking(make_task, script=f'[[proposer]]\nkind = "scripted"\n{options}\n')
    with pytest.raises(TaskError, match=told):
        app.run(task, settings())
    assert (task / "program.py").read_text() == PROGRAM


@pytest.mark.parametrize(
    ("key", "told"),
    [("x1-ask-0/question", "question 0 of x1"), ("x1-ask-0/answer", "answer 0 of x1")],
)
def test_verify_misses_what_was_asked_and_answered(
    make_task: MakeTask, key: str, told: str
) -> None:
    task = asking(make_task)
    app.run(task, settings(1))
    with closing(sqlite3.connect(task / ".move37" / "study.db")) as database, database:
        database.execute("drop trigger attachments_forbid_delete")
        database.execute("delete from attachments where key = ?", [key])
    assert any(told in mismatch for mismatch in app.verify(task).mismatches)
