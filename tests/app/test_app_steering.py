"""Orders beside an engine and without one: each is a fact, none is lost, and the engine goes by it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from app_tasks import write_task

from move37 import app
from move37.app.inbox import spool_of
from move37.app.study import read_study
from move37.core.errors import Refused, StudyError
from move37.core.events import Event, Recorded, Stop
from move37.core.facts import Fact, Opened, Steered, Tried
from move37.core.records import Order
from move37.report.steering import Ordered, steering_text
from move37.report.text import detail_text, listing_text, status_text
from move37.store.letter import Command
from move37.testing.timeless import timeless

QUICK = app.RunSettings(experiments=4, check=False, certify=False, workers=1)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of four experiments, run once."""
    made = write_task(tmp_path_factory.mktemp("begun") / "task")
    app.run(made, QUICK)
    return made


@pytest.fixture
def task(begun: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(begun, tmp_path / "task", symlinks=True))


def facts_of(task: Path) -> list[Fact]:
    with read_study(task) as study:
        return [row.fact for row in study.store.rows()]


def orders_of(task: Path) -> list[str]:
    return [fact.order.does for fact in facts_of(task) if isinstance(fact, Steered)]


def test_without_an_engine_an_order_is_recorded_at_once_and_shown_everywhere(task: Path) -> None:
    best = app.best(task).summary.experiment
    done = app.veto(task, best, reason="größer 🚀 \x1b[31m", author="ada")
    assert done == Ordered(
        ticket=done.ticket, state="taken", told=f"veto x{best}", author="ada", reason=""
    )
    assert app.best(task).summary.experiment != best
    app.pin(task, 0, author="ada")
    app.hold(task, "file", "program.py", author="ada")
    app.pause(task, author="eve\n")
    view = app.steering(task)
    assert [one.told for one in view.log] == [
        "pause", "hold the file program.py", "pin x0", f"veto x{best}",
    ]  # fmt: skip
    assert all(one.stands for one in view.log)
    shown = app.show(task, best)
    assert shown.summary.vetoed_by == "ada"
    texts = [
        steering_text(view),
        status_text(app.status(task)),
        listing_text(app.list_experiments(task)),
        detail_text(shown),
    ]
    assert all("vetoed" in text and "\x1b" not in text for text in texts)
    assert "paused since" in texts[1]
    assert "- paused since" in app.brief(task).text
    assert app.verify(task).ok


WRONG: list[tuple[Callable[[Path], object], str]] = [
    (lambda task: app.pin(task, 99), "no experiment x99; this study has x0 to x4"),
    (lambda task: app.pin(task, -1), "no experiment x-1"),
    (lambda task: app.pin(task, 1, off=True), "x1 is not pinned"),
    (lambda task: app.pin(task, 3), "x3 is vetoed"),
    (lambda task: app.pin(task, 2), "x2 is pinned already, by 'ada'"),
    (lambda task: app.veto(task, 0), "x0 is the task as it is"),
    (lambda task: app.veto(task, 3), "x3 is vetoed already"),
    (lambda task: app.veto(task, 2, off=True), "x2 is not vetoed"),
    (lambda task: app.resume(task), "not paused"),
    (lambda task: app.stop(task), "nobody works on the study now"),
    (lambda task: app.hold(task, "proposer", "tuen"), "no proposer 'tuen'.*there are tune, merge"),
    (lambda task: app.hold(task, "proposer", "tune"), "'tune' is the last proposer"),
    (lambda task: app.hold(task, "proposer", "queue"), "always measured"),
    (lambda task: app.hold(task, "move", "x"), "no change of this study is of the kind 'x'"),
    (lambda task: app.hold(task, "file", "evaluate.sh"), "not changed anyway"),
    (lambda task: app.hold(task, "file", ""), "names no direction"),
    (lambda task: app.hold(task, "file", "program.py", release=True), "is not held"),
    (lambda task: app.set_budget(task, "experiments", 3), "3 experiments are less than the 4"),
    (lambda task: app.set_budget(task, "experiments", 4), "is that already"),
    (lambda task: app.set_budget(task, "experiments", 7.5), "no whole number"),
    (lambda task: app.set_budget(task, "hours", float("nan")), "a budget of nan is none"),
    (lambda task: app.set_budget(task, "hours", -1), "a budget of -1 is none"),
    (lambda task: app.set_budget(task, "usd", 5), "counts no money"),
    (lambda task: app.pause(task, reason="x" * 5000), "longer than 4,000"),
    (lambda task: app.pause(task, author="a" * 81), "longer than 80"),
    (lambda task: app.pause(task, reason="\udcff"), "no valid Unicode"),
    (lambda task: app.order(task, Order(does="text", text="x")), "changed in its file"),
    (lambda task: app.order(task, Order(does="pin")), "names no experiment"),
    (lambda task: app.queue_idea(task, " "), "says nothing"),
]


def test_what_cannot_be_obeyed_is_refused_in_a_sentence(task: Path) -> None:
    app.pin(task, 2, author="ada")
    app.veto(task, 3, author="ada")
    for act, said in WRONG:
        with pytest.raises(Refused, match=said) as refused:
            act(task)
        assert "\n" not in str(refused.value)
    assert orders_of(task) == ["pin", "veto"]
    assert spool_of(task).tickets(Command) == []


def test_without_a_study_nothing_can_be_ordered(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no study"):
        app.pause(tmp_path)


def put(task: Path, does: str, **order: object) -> str:
    made = Order(does=does, **order)  # pyright: ignore[reportArgumentType]
    return spool_of(task).put(Command(author="ada", order=made))


def parents_after(task: Path, does: str) -> list[tuple[int, ...]]:
    facts = facts_of(task)
    at = next(
        at for at, one in enumerate(facts) if isinstance(one, Steered) and one.order.does == does
    )
    return [fact.parents for fact in facts[at:] if isinstance(fact, Opened)]


def test_an_order_whose_giver_and_engine_both_died_is_obeyed_by_the_next_run_once(
    task: Path,
) -> None:
    ticket = put(task, "pin", experiment=2)
    letter = task / ".move37/inbox/new" / f"{ticket}.json"
    content = letter.read_bytes()
    stale = put(task, "stop")  # was for an engine that is gone
    app.run(task, app.RunSettings(experiments=6, check=False, certify=False, workers=1))
    assert parents_after(task, "pin") == [(2,), (2,)]
    letter.write_bytes(content)  # as if an engine had died before it took the letter out
    app.pause(task)
    assert orders_of(task) == ["pin", "stop", "pause"]
    assert stale
    assert app.verify(task).ok


def at_trial(number: int, act: Callable[[], object]) -> Callable[[Event], None]:
    """A watcher that acts once, when so many trials have been recorded."""
    seen = 0

    def watch(event: Event) -> None:
        nonlocal seen
        if isinstance(event, Recorded) and isinstance(event.fact, Tried):
            seen += 1
            if seen == number:
                act()

    return watch


def test_a_run_that_is_told_to_stop_ends_and_the_next_one_goes_on(task: Path) -> None:
    longer = app.RunSettings(experiments=50, check=False, certify=False, workers=1)
    result = app.run(task, longer, watch=at_trial(1, lambda: put(task, "stop")))
    assert (result.halt, result.stopped_early) == ("stopped", True)
    assert app.status(task).spent.experiments < 10


def test_a_budget_raised_while_it_runs_is_spent_and_stands_for_the_same_command(
    task: Path,
) -> None:
    put(task, "budget", resource="experiments", amount=6.0)
    app.run(task, QUICK)
    assert app.status(task).spent.experiments == 6
    assert app.status(task).spent.max_experiments == 6
    app.run(task, app.RunSettings(experiments=7, check=False, certify=False, workers=1))
    assert app.status(task).spent.experiments == 7


def test_a_paused_run_waits_hears_orders_and_goes_on(task: Path) -> None:
    """The watcher resumes it: what it hears while paused proves that the letter box is read."""
    longer = app.RunSettings(experiments=6, check=False, certify=False, workers=1)
    heard: list[str] = []

    def watch(event: Event) -> None:
        if isinstance(event, Recorded) and isinstance(event.fact, Steered):
            heard.append(event.fact.order.does)
            if heard == ["pause"]:
                put(task, "veto", experiment=1)
            elif heard == ["pause", "veto"]:
                put(task, "resume")

    put(task, "pause")
    result = app.run(task, longer, watch=watch)
    assert heard == ["pause", "veto", "resume"]
    assert result.halt == "budget"
    facts = facts_of(task)
    paused, resumed = (
        next(
            i for i, one in enumerate(facts) if isinstance(one, Steered) and one.order.does == does
        )
        for does in ("pause", "resume")
    )
    assert not any(isinstance(one, Opened) for one in facts[paused:resumed])


def test_a_paused_run_that_is_told_to_stop_stops(task: Path) -> None:
    stop = Stop()
    put(task, "pause")

    def watch(event: Event) -> None:
        if isinstance(event, Recorded) and isinstance(event.fact, Steered):
            stop.request()

    longer = app.RunSettings(experiments=6, check=False, certify=False, workers=1)
    assert app.run(task, longer, watch=watch, stop=stop).halt == "stopped"
    waiting = app.propose(
        task,
        app.Change(files={"program.py": b"width = 150\n"}),
        hypothesis="wide",
    )
    assert "paused" in waiting.awaited.reason  # and it has not waited for that


def test_what_is_of_a_held_direction_is_let_go_and_costs_no_experiment(task: Path) -> None:
    moves = app.steering(task).moves
    for move in moves:
        app.hold(task, "move", move)
    more = app.RunSettings(experiments=6, check=False, certify=False, workers=1)
    app.run(task, more)
    with read_study(task) as study:
        history = study.history
        assert not any(one.move in moves for one in history.experiments[5:] if one.commit)
        held = [
            one for one in history.experiments if one.rejected and "paused" in one.rejected.reason
        ]
        assert held
        assert history.spent() + len(held) == len(history) - 1


def test_a_steered_study_that_was_stopped_equals_one_that_was_not(
    task: Path, tmp_path: Path
) -> None:
    app.pin(task, 1, author="ada")
    app.veto(task, 2, author="ada")
    parts = Path(shutil.copytree(task, tmp_path / "parts", symlinks=True))
    more = app.RunSettings(experiments=7, check=False, certify=False, workers=1)
    app.run(task, more)
    stop = Stop()
    app.run(parts, more, watch=at_trial(1, stop.request), stop=stop)
    app.run(parts, more)
    assert timeless(facts_of(task)) == timeless(facts_of(parts))


# --- program.md ----------------------------------------------------------------------------------


def test_the_text_of_program_md_is_recorded_when_it_changes_and_told_as_recorded(
    task: Path,
) -> None:
    shown = app.program_text(task)
    assert (shown.text, shown.is_there) == ("", False)
    saved = app.save_program(task, "Try wider.\r\n", shown.mark)
    assert (task / "program.md").read_bytes() == b"Try wider.\n"
    assert saved.text == "Try wider.\n"
    assert "+Try wider." in saved.diff
    assert orders_of(task) == ["text"]
    with pytest.raises(Refused, match="has changed since it was shown"):
        app.save_program(task, "other", shown.mark)
    (task / "program.md").write_bytes(b"by hand \xff\n")  # an editor, and no UTF-8
    app.run(task, QUICK)
    app.run(task, QUICK)
    texts = [f.order.text for f in facts_of(task) if isinstance(f, Steered)]
    assert texts == ["Try wider.\n", "by hand \N{REPLACEMENT CHARACTER}\n"]
    with pytest.raises(Refused, match="no UTF-8"):
        app.program_text(task)
    assert app.verify(task).ok


def test_a_program_md_that_is_a_link_or_too_long_is_left_alone(task: Path) -> None:
    target = task.parent / "elsewhere.md"
    target.write_text("mine")
    (task / "program.md").symlink_to(target)
    with pytest.raises(Refused, match="is a link"):
        app.save_program(task, "x", "none")
    assert target.read_text() == "mine"
    (task / "program.md").unlink()
    mark = app.program_text(task).mark
    with pytest.raises(Refused, match="200,000"):
        app.save_program(task, "x" * 200_001, mark)
    assert not [path for path in task.iterdir() if path.name.startswith(".program")]
