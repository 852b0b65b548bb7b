"""`ablate` on a real study: what does nothing is found, dropped, and the rest is certified."""

from collections.abc import Callable
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.study import read_study
from move37.core.errors import StudyError
from move37.core.events import Event, Recorded, Stop
from move37.core.facts import Fact
from move37.report.ablation import AblationView, ablation_text
from move37.testing.timeless import timeless

PROGRAM = """\
learning_rate = 0.01
width = 64
momentum = 0.5
patience = 3
label = 7
"""
BETTER = """\
learning_rate = 0.13
width = 64
momentum = 0.9
patience = 5
label = 9
"""
PRUNED = """\
learning_rate = 0.13
width = 64
momentum = 0.9
patience = 3
label = 7
"""
EVALUATE = """\
awk -v seed="$MOVE37_SEED" -F ' = ' '
  BEGIN           { srand(seed); noise = rand() + rand() + rand() - 1.5 }
  /learning_rate/ { loss += (log($2) + 2) ^ 2 }
  /momentum/      { loss += 4 * ($2 - 0.9) ^ 2 }
  /patience/      { srand(seed + $2); noise += rand() - 0.5 }
  END             { printf "loss: %.6f\\n", loss + 0.1 * noise }
' program.py
"""
SETTINGS = app.RunSettings(experiments=1, workers=1, certify=False, check=False)


@pytest.fixture
def study(make_task: MakeTask) -> Path:
    """Its champion is an edit by hand: two of its four values help, and two do nothing."""
    return improved(make_task)


def improved(make_task: MakeTask, name: str = "task") -> Path:
    task = make_task(program=PROGRAM, evaluate=EVALUATE, name=name)
    app.run(task, app.RunSettings(experiments=0, workers=1, certify=False, check=False))
    (task / "program.py").write_text(BETTER)
    app.run(task, SETTINGS)
    return task


def ablate(task: Path, **options: object) -> AblationView:
    settings = app.RunSettings(workers=1)
    view = app.ablate(task, settings=settings, **options)  # pyright: ignore[reportArgumentType]
    assert view is not None
    return view


def champion(task: Path) -> tuple[int, str]:
    with read_study(task) as opened:
        one = opened.program(None)
        assert one.commit is not None
        return one.id, opened.store.code.read(one.commit, "program.py").decode()


def test_only_the_edits_that_matter_are_left(study: Path) -> None:
    assert champion(study) == (1, BETTER)
    view = ablate(study)
    assert [(edit.edit, edit.kept) for edit in view.edits] == [
        ("learning_rate = 0.01 → 0.13", True),
        ("momentum = 0.5 → 0.9", True),
        ("patience = 3 → 5", False),
        ("label = 7 → 9", False),
    ]
    assert champion(study) == (view.pruned, PRUNED)
    assert view.certificate is not None
    assert view.certificate.claim
    assert view.margin == pytest.approx(view.margin)
    assert "2 of 4 edits matter" in ablation_text(view)


def test_taking_out_what_matters_is_seen_to_cost_what_it_brought(study: Path) -> None:
    rate, momentum, *_ = ablate(study).edits
    assert rate.effect == pytest.approx(-6.79, abs=0.2)
    assert momentum.effect == pytest.approx(-0.64, abs=0.2)
    assert rate.interval is not None
    assert rate.interval[0] <= -6.79 + 0.2
    assert rate.interval[1] <= 0


def test_asked_again_it_says_the_same_and_measures_nothing(study: Path) -> None:
    first = ablate(study)
    facts = len(facts_of(study))
    assert ablate(study) == first
    assert len(facts_of(study)) == facts


def test_a_study_that_was_ablated_can_be_verified_and_goes_on(study: Path) -> None:
    ablate(study)
    assert app.verify(study).ok
    before = len(facts_of(study))
    app.run(study, app.RunSettings(experiments=10, workers=1, certify=False, check=False))
    assert len(facts_of(study)) > before
    assert app.verify(study).ok


def test_too_few_trials_leave_edits_untried_and_kept(study: Path) -> None:
    view = ablate(study, trials=9)
    assert [edit.kept for edit in view.edits] == [True, True, True, True]
    assert view.edits[3].reason.startswith("not tried")
    assert view.pruned is None
    assert champion(study) == (1, BETTER)


def test_the_trials_of_the_edits_stay_within_their_budget(study: Path) -> None:
    before = trials_of(study)
    ablate(study, trials=17)
    with read_study(study) as opened:
        certified = sum(
            trial.purpose == "certify" for one in opened.history.experiments for trial in one.trials
        )
        (pruned,) = [a.pruned for a in opened.history.ablated.values()]
        joint = 0 if pruned is None else 3
    assert trials_of(study) - before - certified <= 17 + joint


def test_a_program_without_any_edit_is_refused(make_task: MakeTask) -> None:
    task = make_task(program=PROGRAM, evaluate=EVALUATE)
    app.run(task, app.RunSettings(experiments=0, workers=1, certify=False, check=False))
    with pytest.raises(StudyError, match="the champion is the baseline itself"):
        app.ablate(task)


class Killed(BaseException):
    """What a power cut looks like from inside."""


def killed_after(facts: int) -> Callable[[Event], None]:
    seen = 0

    def watch(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, Recorded)
        if seen >= facts:
            raise Killed

    return watch


@pytest.mark.slow
def test_killed_at_any_fact_it_ends_as_if_it_had_not_been(make_task: MakeTask) -> None:
    untouched = improved(make_task, "untouched")
    ablate(untouched)
    task = improved(make_task, "killed")
    kills = 0
    while kills < 200:
        try:
            app.ablate(task, settings=app.RunSettings(workers=1), watch=killed_after(2))
        except Killed:
            kills += 1
        else:
            break
    assert kills > 10
    assert timeless(facts_of(task)) == timeless(facts_of(untouched))


def test_stopped_politely_it_goes_on(study: Path) -> None:
    stop = Stop()
    seen: list[Event] = []

    def watch(event: Event) -> None:
        seen.append(event)
        if len(seen) == 12:
            stop.request()

    settings = app.RunSettings(workers=1)
    assert app.ablate(study, settings=settings, watch=watch, stop=stop) is None
    assert champion(study)[1] == BETTER
    assert ablate(study).kept == 2
    assert champion(study)[1] == PRUNED


def facts_of(task: Path) -> list[Fact]:
    with read_study(task) as opened:
        return [row.fact for row in opened.store.rows()]


def trials_of(task: Path) -> int:
    with read_study(task) as opened:
        return sum(len(one.trials) for one in opened.history.experiments)
