"""Limits relative to the baseline in a real study."""

import pytest
from app_tasks import EVALUATE, MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.records import Failed, Measured

SIZED = EVALUATE.replace('printf "loss', 'printf "size: %d\\n", width; printf "loss').replace(
    "/width/         {", "/width/         { width = $2;"
)


@pytest.mark.slow
def test_nothing_larger_than_the_baseline_allows_is_measured(make_task: MakeTask) -> None:
    task = make_task(evaluate=SIZED)
    with (task / "move37.toml").open("a") as file:
        file.write('\n[limits]\nsize = "<= 1.5x baseline"\n')
    app.run(task, app.RunSettings(experiments=25, workers=1, certify=False, check=False))
    with read_study(task) as study:
        outcomes = [one.outcome for one in study.history.current()]
        measured = [one for one in outcomes if isinstance(one, Measured)]
        limited = [o for o in outcomes if isinstance(o, Failed) and o.stage == "limit"]
    assert max(one.metrics["size"] for one in measured) <= 1.5 * 64
    assert limited
    assert "which is 96: the baseline has 64" in limited[0].reason
    assert app.verify(task).mismatches == ()


@pytest.mark.slow
def test_a_baseline_that_cannot_be_multiplied_is_said_at_once(make_task: MakeTask) -> None:
    task = make_task(evaluate=SIZED.replace('size: %d\\n", width', 'size: %d\\n", -width'))
    with (task / "move37.toml").open("a") as file:
        file.write('\n[limits]\nsize = "<= 1.5x baseline"\n')
    settings = app.RunSettings(experiments=5, workers=1, certify=False, check=False)
    result = app.run(task, settings)
    assert result.halt == "baseline"
    assert "needs a baseline above 0, and size is -64" in result.reason
