"""`check`, with real programs in the real sandbox."""

import json
import shutil
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.canaries import canaries, write_reference
from move37.app.checking import check
from move37.core.errors import StudyError
from move37.core.events import Event, Recorded, Stop
from move37.core.facts import EvaluatorChecked, Probed
from move37.faces.cli.main import run_command
from move37.store.sqlite import SqliteStore

fenced = pytest.mark.skipif(shutil.which("bwrap") is None, reason="there is no bubblewrap")


def settings(**others: object) -> app.RunSettings:
    given: dict[str, object] = {"experiments": 1, "workers": 1, "certify": False, **others}
    return app.RunSettings(**given)  # pyright: ignore[reportArgumentType]


def facts(task: Path, kind: type[Probed] | type[EvaluatorChecked]) -> int:
    store = SqliteStore.open(task / app.STUDY, write=False)
    try:
        return sum(isinstance(row.fact, kind) for row in store.rows())
    finally:
        store.close()


# --- the figures ---------------------------------------------------------------------------------


@fenced
@pytest.mark.slow
def test_all_canaries_are_caught_but_false_metrics_that_a_program_reports_itself(
    tmp_path: Path,
) -> None:
    caught = canaries(tmp_path)
    assert len(caught["scored"].by_name) == 14
    assert (caught["scored"].rate, caught["scored"].grade) == (1.0, "A")
    reported = caught["self-reported"]
    assert reported.rate_but_false_metrics == 1.0
    assert {name for name, ok in reported.by_name.items() if not ok} == {
        "prints-and-exits",
        "prints-last",
        "patches-a-module",
        "shadows-imports",
    }


@fenced
@pytest.mark.slow
def test_a_certificate_names_what_a_self_reporting_program_sees_while_it_is_certified(
    tmp_path: Path,
) -> None:
    view = check(write_reference(tmp_path / "task", "self-reported"), settings())
    assert view is not None
    assert (view.grade, view.fit) == ("D", False)
    told = [one.told for one in view.believed if one.probe.endswith("while-certified")]
    assert told == [
        "a program that reads the hidden files while it is being certified: "
        "it read the hidden file 'answers/answers.json'"
    ]


@fenced
@pytest.mark.slow
def test_a_program_that_is_data_cannot_cheat_whoever_reads_it(make_task: MakeTask) -> None:
    view = check(make_task(), settings())
    assert view is not None
    assert (view.grade, view.scored, view.believed) == ("A", False, ())
    assert any("never run" in one.told for one in view.findings)


@pytest.mark.slow
def test_without_a_fence_the_grade_is_the_worst(make_task: MakeTask) -> None:
    task = make_task(run="python program.py")
    (task / "program.py").write_text("print('loss: 1')\n")
    view = check(task, settings(sandbox="plain"))
    assert view is not None
    assert view.grade == "F"
    assert {one.probe for one in view.believed} >= {
        "replaces-fixed-files",
        "writes-outside",
        "reads-hidden-files",
        "reaches-the-network",
    }


# --- the command, and what `run` does by itself --------------------------------------------------


def test_the_command_says_what_to_change_and_exits_by_the_grade(
    make_task: MakeTask, capsys: pytest.CaptureFixture[str]
) -> None:
    task = make_task(run="python program.py", name="said")
    (task / "program.py").write_text("print('loss: 1')\n")
    assert run_command(["check", "-C", str(task), "--plain", "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "grade C, a false metric would be believed" in said
    assert "a program that prints a perfect metric and exits: believed, with loss 0" in said
    assert "`score` command, which no candidate can change" in said
    assert run_command(["check", "-C", str(task), "--json", "--at-least", "B"]) == 1
    view = json.loads(capsys.readouterr().out)
    assert (view["grade"], view["fit"], view["noise"]) == ("C", False, 0.0)
    assert run_command(["status", "-C", str(task)]) == 0
    assert "evaluation  grade C" in capsys.readouterr().out
    assert app.show(task, 0).evaluator is not None
    assert app.verify(task).ok


@pytest.mark.slow
def test_a_run_checks_once_for_each_epoch(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings())
    tried = facts(task, Probed)
    assert facts(task, EvaluatorChecked) == 1
    app.run(task, settings(experiments=2))
    assert (facts(task, Probed), facts(task, EvaluatorChecked)) == (tried, 1)
    evaluate = task / "evaluate.sh"
    evaluate.write_text(evaluate.read_text().replace("4 *", "5 *"))
    result = app.run(task, settings(experiments=0))
    assert facts(task, EvaluatorChecked) == 2
    assert result.status.evaluator is not None
    assert result.status.evaluator.grade == "A"


def test_no_check_means_none(make_task: MakeTask) -> None:
    task = make_task()
    result = app.run(task, settings(check=False))
    assert (facts(task, Probed), result.status.evaluator) == (0, None)


@pytest.mark.slow
def test_a_run_leaves_out_what_it_cannot_afford_and_check_makes_up_for_it(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("move37.app.checking._LEAST_SECONDS", 0.0)
    task = make_task(extra="")
    found = app.run(task, settings(experiments=0)).status.evaluator
    assert found is not None
    tried = [one.probe for one in found.findings if one.believed is not None]
    assert (found.grade, tried) == ("B", ["prints-and-exits"])
    view = check(task, settings())
    assert view is not None
    assert (view.grade, facts(task, EvaluatorChecked)) == ("A", 2)


def test_a_check_that_is_stopped_goes_on_where_it_was(make_task: MakeTask) -> None:
    task, stop = make_task(), Stop()

    def watch(event: Event) -> None:
        if isinstance(event, Recorded) and isinstance(event.fact, Probed):
            stop.request()

    assert check(task, settings(), watch=watch, stop=stop) is None
    assert facts(task, Probed) == 1
    seen: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Recorded) and isinstance(event.fact, Probed):
            seen.append(event.fact.probe)

    view = check(task, settings(), watch=note)
    assert view is not None
    assert len(seen) == len(set(seen)) == facts(task, Probed) - 1


def test_what_cannot_be_measured_cannot_be_checked(make_task: MakeTask) -> None:
    task = make_task(evaluate="exit 3")
    with pytest.raises(StudyError, match="could not be measured: `run` exited with status 3"):
        check(task, settings())
    assert app.run(task, settings()).halt == "baseline"
