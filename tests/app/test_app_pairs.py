from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.records import Measured, Trial

EVALUATION = """\
awk -v seed="$MOVE37_SEED" -F ' = ' '
  /learning_rate/ { loss += (log($2) + 2) ^ 2 }
  /width/         { loss += (log($2) - 5) ^ 2 }
  END             { printf "loss: %.6f\\n", loss + (seed % 1000) / 10000 }
' program.py
"""


def trials(task: Path) -> dict[int, tuple[Trial, ...]]:
    with read_study(task) as study:
        return {one.id: one.trials for one in study.history.experiments}


def paired(task: Path) -> None:
    toml = task / "move37.toml"
    toml.write_text(toml.read_text().replace("[evaluate]\n", "[evaluate]\npair = true\n"))


def test_with_pair_the_baseline_runs_back_to_back_with_every_search_trial(
    make_task: MakeTask,
) -> None:
    task = make_task(evaluate=EVALUATION)
    paired(task)
    app.run(task, app.RunSettings(experiments=5, workers=2, certify=False))
    baseline, *others = trials(task).values()
    assert all(trial.paired_with is None for trial in baseline)
    by_seed = {
        trial.seed: trial.outcome.score for trial in baseline if isinstance(trial.outcome, Measured)
    }
    pairs = [trial for one in others for trial in one if isinstance(trial.outcome, Measured)]
    assert pairs
    for trial in pairs:
        assert trial.paired_with == 0
        assert trial.reference == pytest.approx(by_seed[trial.seed])  # It runs on the same seed.
    assert app.verify(task).mismatches == ()


def test_without_pair_nothing_is_run_twice(make_task: MakeTask) -> None:
    task = make_task(evaluate=EVALUATION)
    app.run(task, app.RunSettings(experiments=3, workers=1, certify=False))
    assert all(trial.paired_with is None for one in trials(task).values() for trial in one)


UNITS = """\
awk -F ' = ' '
  /learning_rate/ { a = (log($2) + 2) ^ 2 }
  /width/         { b = (log($2) - 5) ^ 2 }
  /momentum/      { c = ($2 - 0.9) ^ 2 }
  END { printf "{\\"a\\": %f, \\"b\\": %f, \\"c\\": %f}", a, b, c > (ENVIRON["MOVE37_OUT"] "/units.json")
        printf "loss: %.6f\\n", (a + b + c) / 3 }
' program.py
"""


def test_units_say_how_exactly_a_program_is_compared_with_the_baseline(
    make_task: MakeTask,
) -> None:
    task = make_task(evaluate=UNITS)
    app.run(task, app.RunSettings(experiments=4, workers=1, certify=False))
    baseline, *others = trials(task).values()
    assert isinstance(baseline[0].outcome, Measured)
    assert baseline[0].outcome.unit_error is not None
    assert baseline[0].paired_error is None
    errors = [trial.paired_error for one in others for trial in one]
    assert errors
    assert all(error is not None and error > 0 for error in errors)
    with read_study(task) as study:
        assert study.believer.noise > 0  # Though every repeat was equal.
    assert app.verify(task).mismatches == ()
