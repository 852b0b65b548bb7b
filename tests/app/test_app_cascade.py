"""Cheap stages and early stops in a real study: real engine, store, sandbox and programs."""

from pathlib import Path

import pytest
from app_tasks import EVALUATE, MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.facts import Fact, Staged, Tried
from move37.core.records import Failed, Measured, Screened
from move37.testing.timeless import timeless

STAGE = """
[[evaluate.stage]]
name = "short"
run = "sh short.sh"
timeout = "10s"
metric = "rough"
goal = "maximize"
"""

SHORT = EVALUATE.replace('printf "loss: %.6f\\n", loss', 'printf "rough: %.6f\\n", 5 - loss')


def settings(experiments: int) -> app.RunSettings:
    return app.RunSettings(experiments=experiments, workers=1, certify=False, check=False)


def staged(make_task: MakeTask, *, short: str = SHORT, name: str = "task") -> Path:
    task = make_task(name=name)
    (task / "short.sh").write_text(short)
    with (task / "move37.toml").open("a") as file:
        file.write(STAGE)
    return task


def facts(task: Path) -> list[Fact]:
    with read_study(task) as study:
        return [row.fact for row in study.store.rows()]


@pytest.mark.slow
def test_an_experiment_runs_its_stage_and_only_some_run_the_evaluation(make_task: MakeTask) -> None:
    task = staged(make_task)
    result = app.run(task, settings(40))
    assert result.halt == "budget"
    with read_study(task) as study:
        tried = [one for one in study.history.current()[1:] if one.commit is not None]
        assert all(one.count("stage") == 1 for one in tried)
        gone = [one for one in tried if isinstance(one.outcome, Screened)]
        full = [one for one in tried if isinstance(one.outcome, Measured)]
        assert gone
        assert full
        assert all(one.count("search") == 0 for one in gone)
        assert study.history.baseline.count("stage") == 3
        assert study.champion in [one.id for one in full]
    assert app.verify(task).mismatches == ()


@pytest.mark.slow
def test_a_cascade_that_was_interrupted_goes_on_as_if_it_had_not_been(make_task: MakeTask) -> None:
    whole, halves = staged(make_task, name="whole/task"), staged(make_task, name="halves/task")
    app.run(whole, settings(16))
    app.run(halves, settings(5))
    app.run(halves, settings(16))
    assert timeless(facts(halves)) == timeless(facts(whole))


def test_a_stage_that_the_baseline_fails_stops_the_study_with_its_reason(
    make_task: MakeTask,
) -> None:
    result = app.run(staged(make_task, short="echo no; exit 3"), settings(3))
    assert result.halt == "baseline"
    assert "in stage short, `run` exited with status 3" in result.reason


def test_an_experiment_that_fails_its_stage_has_failed(make_task: MakeTask) -> None:
    short = "grep -q '^learning_rate = 0.01$' program.py && " + SHORT.lstrip()
    task = staged(make_task, short=short)
    app.run(task, settings(8))
    with read_study(task) as study:
        failed = [one for one in study.history.current() if isinstance(one.outcome, Failed)]
        assert any(one.count("stage") and not one.count("search") for one in failed)


def test_the_decisions_are_facts(make_task: MakeTask) -> None:
    task = staged(make_task)
    app.run(task, settings(3))
    decided = [fact for fact in facts(task) if isinstance(fact, Staged)]
    assert [fact.reason for fact in decided] == 3 * ["what the stage is worth is not known yet"]
    stages = [f for f in facts(task) if isinstance(f, Tried) and f.trial.purpose == "stage"]
    assert {fact.trial.seed for fact in stages if fact.trial.index == 0} == {stages[0].trial.seed}


# All programs but the baseline that are far from the best give the engine time to end them.
LEARNING = """\
awk -F ' = ' '
  /learning_rate/ { loss += (log($2) + 2) ^ 2 }
  /width/         { loss += (log($2) - 5) ^ 2 }
  END {
    for (t = 1; t <= 50; t++) printf "step: %d loss: %.6f\\n", t, loss + 2 / sqrt(t)
    fflush(); if (loss > 2 && (loss - 7.494389) ^ 2 > 1e-6) system("sleep 5")
    printf "loss: %.6f\\n", loss
  }
' program.py
"""


@pytest.mark.slow
def test_a_trial_with_a_hopeless_curve_is_ended_and_counts_as_no_failure(
    make_task: MakeTask,
) -> None:
    task = make_task(evaluate=LEARNING)
    toml = task / "move37.toml"
    toml.write_text(toml.read_text().replace("[metric]", "early_stop = true\n[metric]"))
    app.run(task, settings(25))
    with read_study(task) as study:
        ended = [one for one in study.history.current() if isinstance(one.outcome, Screened)]
        assert ended
        champion = study.program(None)
        best = study.believer.belief(champion.id)
        assert best is not None
        for one in ended:
            assert isinstance(one.outcome, Screened)
            assert one.outcome.by == "curve"
            assert one.outcome.predicted < best.mean
            assert study.believer.belief(one.id) is None
    assert app.verify(task).mismatches == ()
