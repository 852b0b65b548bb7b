"""Several proposers in a real engine: who gets the experiments, what status says, and resuming."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from move37 import app
from move37.app.polishing import plan_polishing
from move37.app.study import read_study
from move37.core.errors import TaskError
from move37.core.records import ProposerSpec
from move37.report.text import status_text

MakeTask = Callable[..., Path]

# The second proposer only ever writes programs that are worse than the first.
USELESS = "".join(
    f'  {{ "program.py" = "learning_rate = {50 + n}\\nwidth = 1\\nmomentum = 0.1\\n" }},\n'
    for n in range(80)
)
TWO = f"""
[[proposer]]
kind = "tune"
[[proposer]]
kind = "scripted"
steps = [
{USELESS}]
"""


def settings(experiments: int) -> app.RunSettings:
    return app.RunSettings(
        experiments=experiments, workers=1, sandbox="plain", certify=False, check=False
    )


def test_the_useless_one_of_two_proposers_gets_little_and_status_says_so(
    make_task: MakeTask,
) -> None:
    root = make_task(extra=TWO)
    app.run(root, settings(40))
    with read_study(root) as study:
        taken = Counter(one.proposer for one in study.history.current() if one.parents)
    assert taken["tune"] > 2 * taken["scripted"] >= 2
    status = app.status(root)
    views = {(view.proposer, view.strategy): view for view in status.proposers}
    assert views["tune", ""].gain > 0
    assert views["scripted", ""].gain == 0
    assert sum(view.experiments for view in status.proposers) == sum(taken.values())
    assert sum(view.share for view in status.proposers) == pytest.approx(1)
    text = status_text(status)
    assert "scripted" in text
    assert "believed effect" in text


def test_a_study_that_was_stopped_goes_on_with_what_it_knows(make_task: MakeTask) -> None:
    root = make_task(extra=TWO)
    app.run(root, settings(10))
    half = app.status(root).proposers
    app.run(root, settings(20))
    done = app.status(root).proposers
    assert sum(view.experiments for view in half) <= 10
    assert sum(view.experiments for view in done) <= 20
    assert all(b.seconds >= a.seconds for a, b in zip(half, done, strict=False))


def specs(*kinds: str, **options: object) -> tuple[ProposerSpec, ...]:
    return tuple(ProposerSpec(kind=kind, options=options) for kind in kinds)


def test_a_model_without_a_tuner_gets_one_for_its_numbers_alone() -> None:
    plan = plan_polishing(specs("llm", "llm", model="m"))
    assert [spec.kind for spec in plan.specs] == ["llm", "llm", "tune"]
    assert plan.added == "tune"
    assert plan.shares == {"llm": 0.3, "llm-2": 0.3, "queue": 0.3}
    assert plan.specs[0].options == {"model": "m"}


def test_polish_0_switches_it_off_and_a_proposer_never_sees_the_key() -> None:
    plan = plan_polishing(specs("agent", polish=0, command="c"))
    assert plan.specs == specs("agent", command="c")
    assert (plan.added, plan.shares) == (None, {})


def test_what_needs_no_polish_stays_as_it_is() -> None:
    for kinds in (("tune",), ("scripted",), ("tune", "tune")):
        plan = plan_polishing(specs(*kinds))
        assert (plan.specs, plan.added, dict(plan.shares)) == (specs(*kinds), None, {})


def test_a_tuner_that_the_task_names_polishes_too() -> None:
    plan = plan_polishing(specs("tune", "agent"))
    assert (plan.added, plan.shares["agent"]) == (None, 0.3)


@pytest.mark.parametrize("share", [-0.1, 1.5, "much", True, float("nan")])
def test_a_share_that_is_none_is_refused_in_a_sentence(share: object) -> None:
    with pytest.raises(TaskError, match="polish must be 0 to 1"):
        plan_polishing(specs("llm", polish=share))
