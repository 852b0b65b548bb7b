"""`ablate` on a real study: what does nothing is found, dropped, and the rest is certified."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from move37 import app
from move37.app.reporting import morning_of
from move37.app.study import read_study
from move37.core.errors import StudyError
from move37.core.events import Event, Recorded, Stop
from move37.core.facts import Fact, Opened
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
TASK = """\
goal = "Lower the loss."

[files]
edit = ["program.py"]

[evaluate]
run = "sh evaluate.sh"
timeout = "60s"
memory = "512MB"

[metric]
name = "loss"
goal = "minimize"
"""
SETTINGS = app.RunSettings(experiments=1, workers=1, certify=False, check=False)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its champion is an edit by hand: two of its four values help, and two do nothing."""
    task = tmp_path_factory.mktemp("original") / "task"
    task.mkdir()
    (task / "move37.toml").write_text(TASK)
    (task / "evaluate.sh").write_text(EVALUATE)
    (task / "program.py").write_text(PROGRAM)
    app.run(task, replace(SETTINGS, experiments=0))
    (task / "program.py").write_text(BETTER)
    app.run(task, SETTINGS)
    return task


@pytest.fixture(scope="module")
def ablated(original: Path) -> tuple[Path, AblationView]:
    task = shutil.copytree(original, original.parent / "ablated" / "task")
    return task, ablate(task)


@pytest.fixture
def study(original: Path, tmp_path: Path) -> Path:
    """A copy of the original, for a test to change."""
    return shutil.copytree(original, tmp_path / "task")


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


def test_only_the_edits_that_matter_are_left(
    original: Path, ablated: tuple[Path, AblationView]
) -> None:
    task, view = ablated
    assert champion(original) == (1, BETTER)
    assert [(edit.edit, edit.kept) for edit in view.edits] == [
        ("learning_rate = 0.01 → 0.13", True),
        ("momentum = 0.5 → 0.9", True),
        ("patience = 3 → 5", False),
        ("label = 7 → 9", False),
    ]
    assert champion(task) == (view.pruned, PRUNED)
    assert view.certificate is not None
    assert view.certificate.claim
    assert "2 of 4 edits of x1 matter" in ablation_text(view)


def test_taking_out_what_matters_is_seen_to_cost_what_it_brought(
    ablated: tuple[Path, AblationView],
) -> None:
    rate, momentum, patience, _ = ablated[1].edits
    assert rate.effect == pytest.approx(-6.79, abs=0.2)
    assert momentum.effect == pytest.approx(-0.64, abs=0.2)
    assert patience.effect == pytest.approx(0.0, abs=0.2)
    assert rate.interval is not None
    assert rate.interval[1] < 0


def test_asked_again_it_says_the_same_and_measures_nothing(
    ablated: tuple[Path, AblationView],
) -> None:
    task, view = ablated
    facts = len(facts_of(task))
    assert ablate(task) == view
    assert len(facts_of(task)) == facts


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *who, *words], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout


def in_git(source: Path, target: Path) -> Path:
    """A copy of a task in a repository of the user's, whose HEAD is the study's baseline."""
    task = shutil.copytree(source, target)
    (task / "program.py").write_text(PROGRAM)
    git(task, "init", "-q")
    git(task, "config", "user.name", "A")
    git(task, "config", "user.email", "a@example.org")
    git(task, "add", ".")
    git(task, "commit", "-qm", "first")
    return task


def test_a_branch_has_a_commit_for_each_edit_that_survived(
    ablated: tuple[Path, AblationView], tmp_path: Path
) -> None:
    task = in_git(ablated[0], tmp_path / "task")
    done = app.branch(task, "better")
    assert done.subjects == ("learning_rate = 0.01 → 0.13", "momentum = 0.5 → 0.9")
    assert git(task, "show", "better:program.py") == PRUNED
    assert git(task, "show", "better~1:program.py") == PROGRAM.replace("0.01", "0.13")
    first = git(task, "log", "-1", "--format=%B", "better~1")
    assert re.search(r"It brings \+6\.\d+ loss \(\+ is better; 90 % interval", first)
    last = git(task, "log", "-1", "--format=%B", "better")
    assert f"the program is x{done.experiment}, all of it" in last
    assert (task / "program.py").read_text() == PROGRAM
    assert git(task, "status", "--porcelain") == ""


def test_edits_that_nobody_ablated_stay_one_commit_that_says_so(
    study: Path, tmp_path: Path
) -> None:
    task = in_git(study, tmp_path / "repository")
    done = app.branch(task, "better")
    assert len(done.commits) == 1
    message = git(task, "log", "-1", "--format=%B", "better")
    assert "The effects of its edits one by one are not known" in message
    assert message.rstrip().endswith("Not certified.")
    assert git(task, "show", "better:program.py") == BETTER


def test_the_report_says_what_each_edit_brings(ablated: tuple[Path, AblationView]) -> None:
    with read_study(ablated[0]) as opened:
        told = morning_of(opened)
    rate, _, _, label = told.edits
    assert rate.effect == pytest.approx(6.79, abs=0.2)
    assert (rate.old, rate.new) == ("0.01", "0.13")
    assert (rate.kept, label.kept) == (True, False)


def test_a_pull_request_says_what_is_not_certified(ablated: tuple[Path, AblationView]) -> None:
    asked = app.pull_request(ablated[0])
    assert asked.title == f"task: x{asked.experiment} of a move37 study, not certified"
    assert "**Not certified.**" in asked.body
    assert "learning\\_rate" in asked.body or "`learning_rate" in asked.body
    assert "move37 reproduce" in asked.body
    assert "```diff" not in asked.body


@pytest.mark.slow
def test_a_study_that_was_ablated_can_be_verified_and_goes_on(
    ablated: tuple[Path, AblationView], tmp_path: Path
) -> None:
    task = shutil.copytree(ablated[0], tmp_path / "task")
    before = len(facts_of(task))
    app.run(task, replace(SETTINGS, experiments=9))
    assert len(facts_of(task)) > before
    assert app.verify(task).ok


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


def test_a_program_without_any_edit_is_refused(study: Path) -> None:
    with pytest.raises(StudyError, match="x0 is the baseline itself"):
        app.ablate(study, 0)


def test_the_status_says_what_the_champion_is_made_of(ablated: tuple[Path, AblationView]) -> None:
    task, view = ablated
    status = app.status(task)
    assert status.champion is not None
    assert (status.champion.experiment, status.pruned_from) == (view.pruned, 1)


JUDGE = """\
awk -v seed="$MOVE37_SEED" '
  BEGIN { srand(seed) }
  { value[FILENAME] = $1 }
  END {
    gap = value["program.txt"] - value["tests/expected.txt"]
    printf "loss: %.6f\\n", gap * gap + 0.01 * rand()
  }
' program.txt tests/expected.txt
"""


@pytest.mark.slow
def test_test_like_files_that_make_the_gain_alone_are_found_out(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "move37.toml").write_text(
        TASK.replace('["program.py"]', '["program.txt", "tests/expected.txt"]')
    )
    (tmp_path / "evaluate.sh").write_text(JUDGE)
    (tmp_path / "program.txt").write_text("1.0\n")
    (tmp_path / "tests" / "expected.txt").write_text("5.0\n")
    app.run(tmp_path, replace(SETTINGS, experiments=0))
    (tmp_path / "program.txt").write_text("1.1\n")
    (tmp_path / "tests" / "expected.txt").write_text("1.2\n")
    app.run(tmp_path, SETTINGS)
    before = app.show(tmp_path, 1).cheats
    assert before is not None
    assert [(r.topic, r.gravity) for r in before.remarks] == [("tests", "look")]
    ablate(tmp_path)
    after = app.show(tmp_path, 1).cheats
    assert after is not None
    assert after.gravest == "serious"
    assert "by its test-like files alone" in after.remarks[0].what


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
def test_killed_at_any_fact_it_ends_as_if_it_had_not_been(
    study: Path, ablated: tuple[Path, AblationView]
) -> None:
    kills = 0
    while kills < 100:
        try:
            watch = killed_after(2 + kills % 3)
            app.ablate(study, settings=app.RunSettings(workers=1), watch=watch)
        except Killed:
            kills += 1
        else:
            break
    assert kills > 5
    assert timeless(facts_of(study)) == timeless(facts_of(ablated[0]))


@pytest.mark.slow
def test_a_run_carries_on_with_what_a_killed_ablation_had_opened(study: Path) -> None:
    def watch(event: Event) -> None:
        if isinstance(event, Recorded) and isinstance(event.fact, Opened):
            raise Killed

    with pytest.raises(Killed):
        app.ablate(study, settings=app.RunSettings(workers=1), watch=watch)
    app.run(study, replace(SETTINGS, experiments=3))
    with read_study(study) as opened:
        variant = opened.history[2]
    assert (variant.proposer, variant.is_measured) == ("ablate", True)
    assert ablate(study, experiment=1).kept == 2
    assert app.verify(study).ok


@pytest.mark.slow
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
