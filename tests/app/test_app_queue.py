"""What people and agents outside hand in: nothing is lost, nothing is measured twice."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest
from app_tasks import PROGRAM, MakeTask

from move37 import app
from move37.app.inbox import spool_of
from move37.app.study import read_study
from move37.core.errors import Refused, StudyError, StudyLocked
from move37.core.events import Ended, Event, PhaseBegan, Recorded, Stop
from move37.core.facts import Opened
from move37.core.history import History
from move37.core.records import Measured
from move37.report.results import HandedIn
from move37.store.letter import Letter
from move37.store.lock import WriterLock
from move37.store.spool import new_ticket

QUEUE_ONLY = '[[proposer]]\nkind = "queue"\n'


def changed(rate: str) -> app.Change:
    return app.Change(files={"program.py": PROGRAM.replace("0.01", rate).encode()})


def settings(experiments: int = 3, **others: object) -> app.RunSettings:
    given: dict[str, object] = {"check": False, "certify": False, "workers": 1, **others}
    return app.RunSettings(experiments=experiments, **given)  # pyright: ignore[reportArgumentType]


def history_of(task: Path) -> History:
    with read_study(task) as study:
        return study.history


def test_without_an_engine_a_proposal_begins_the_study_and_is_measured_at_once(
    make_task: MakeTask,
) -> None:
    task = make_task()
    done = app.propose(
        task, changed("0.1"), hypothesis="größer 🎲", effect=-3.0, author="ada", measure=True
    )
    assert done.awaited.state == "measured"
    assert done.awaited.detail is not None
    assert done.awaited.detail.summary.hypothesis == "größer 🎲"
    assert done.awaited.detail.predicted_effect == done.predicted_effect == 3.0
    assert done.awaited.detail.summary.verdict == "better"
    assert app.wait(task, done.ticket) == app.wait(task, "x1") == app.come_of(task, "1")
    assert app.verify(task).ok


def test_it_is_measured_even_when_the_budget_is_spent(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(2))
    assert app.propose(task, changed("0.1"), hypothesis="x").awaited.state == "measured"
    assert app.status(task).spent.max_experiments == 2


def test_what_only_waits_is_measured_by_the_next_run_whatever_its_budget(
    make_task: MakeTask,
) -> None:
    task = make_task()
    app.run(task, settings(2))
    done = app.propose(task, changed("0.1"), hypothesis="x", measure=False)
    assert done.awaited.state == app.come_of(task, done.ticket).state == "waiting"
    assert app.status(task).waiting == 1
    app.run(task, settings(2))
    assert app.come_of(task, done.ticket).state == "measured"
    assert app.status(task).waiting == 0


def test_whoever_waits_measures_where_nobody_works(make_task: MakeTask) -> None:
    task = make_task()
    tickets = [
        app.propose(task, changed(rate), hypothesis=rate, measure=False).ticket
        for rate in ("0.1", "0.2")
    ]
    assert app.wait(task, tickets[1]).state == "measured"
    assert app.come_of(task, tickets[0]).experiment == 1
    assert app.come_of(task, tickets[1]).experiment == 2


def test_two_that_begin_a_study_at_once_both_get_their_verdict(make_task: MakeTask) -> None:
    task, done = make_task(), dict[str, object]()

    def act(rate: str) -> None:
        done[rate] = app.propose(task, changed(rate), hypothesis=rate, wait=True).awaited.state

    both = [Thread(target=act, args=(rate,)) for rate in ("0.1", "0.2")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert done == {"0.1": "measured", "0.2": "measured"}
    assert len(history_of(task)) == 3


def test_time_may_run_out_and_the_change_still_waits(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(1))
    ticket = app.propose(task, changed("0.1"), hypothesis="x", measure=False).ticket
    assert app.wait(task, ticket, timeout_seconds=0.0).state == "waiting"
    stop = Stop()
    stop.request()
    assert app.wait(task, ticket, stop=stop).state == "waiting"
    assert app.wait(task, ticket).state == "measured"


def test_a_study_of_people_alone_waits_for_them(make_task: MakeTask) -> None:
    task, stop = make_task(extra="", name="task"), Stop()
    toml = task / "move37.toml"
    toml.write_text(toml.read_text() + QUEUE_ONLY)
    begun: list[Event] = []
    engine = Thread(
        target=app.run, args=(task, settings(50)), kwargs={"watch": begun.append, "stop": stop}
    )
    engine.start()
    try:
        while not any(isinstance(event, PhaseBegan) for event in begun):
            engine.join(0.05)
        waiting = [
            Thread(target=app.propose, args=(task, changed(rate)),
                   kwargs={"hypothesis": rate, "wait": True})
            for rate in ("0.1", "0.2")
        ]  # fmt: skip
        for each in waiting:
            each.start()
        for each in waiting:
            each.join()
        assert engine.is_alive()
    finally:
        stop.request()
        engine.join()
    history = history_of(task)
    assert len(history) == 3
    assert all(isinstance(one.outcome, Measured) for one in history.experiments)
    assert history.current()[1].proposer == "queue"


def test_what_is_handed_in_while_certifying_is_measured_before_the_run_ends(
    make_task: MakeTask,
) -> None:
    task, handed = make_task(), list[str]()

    def watch(event: Event) -> None:
        if isinstance(event, PhaseBegan) and event.phase == "certify" and not handed:
            handed.append(app.propose(task, changed("0.1"), hypothesis="x").ticket)

    app.run(task, settings(6, certify=True), watch=watch)
    assert app.come_of(task, handed[0]).state == "measured"


@pytest.mark.parametrize("command", ["run", "certify", "check"])
def test_what_is_handed_in_after_the_last_look_is_measured_all_the_same(
    make_task: MakeTask, command: str
) -> None:
    task, handed = make_task(), list[HandedIn]()
    if command == "certify":
        app.propose(task, changed("0.1"), hypothesis="x")

    def watch(event: Event) -> None:
        if isinstance(event, Ended) and not handed:
            handed.append(app.propose(task, changed("0.2"), hypothesis="late"))

    if command == "run":
        app.run(task, settings(3), watch=watch)
    elif command == "certify":
        app.certify(task, settings=app.RunSettings(workers=1), watch=watch)
    else:
        app.check(task, app.RunSettings(workers=1), watch=watch)
    assert "takes it in" in handed[0].awaited.reason
    assert app.come_of(task, handed[0].ticket).state == "measured"


def test_a_task_that_changes_meanwhile_takes_nothing_from_the_run_and_the_letter_waits(
    make_task: MakeTask,
) -> None:
    task, handed = make_task(), list[str]()

    def watch(event: Event) -> None:
        if isinstance(event, Ended):
            handed.append(app.propose(task, changed("0.1"), hypothesis="late").ticket)
            evaluate = task / "evaluate.sh"
            evaluate.write_text(evaluate.read_text().replace("4 *", "5 *"))

    assert app.run(task, settings(2), watch=watch).halt == "budget"
    assert spool_of(task).tickets() == handed


def test_a_study_that_is_held_and_does_not_begin_is_not_waited_for_without_end(
    make_task: MakeTask,
) -> None:
    task, stop = make_task(), Stop()
    (task / ".move37").mkdir()
    lock = WriterLock.take(task / ".move37" / "lock")
    try:
        with pytest.raises(StudyLocked):
            app.propose(task, changed("0.1"), hypothesis="x", timeout_seconds=0.0)
        stop.request()
        with pytest.raises(StudyLocked):
            app.propose(task, changed("0.1"), hypothesis="x", stop=stop)
    finally:
        lock.release()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["Submitted", "Opened", "Proposed"])
def test_an_engine_killed_after_taking_it_in_loses_nothing_and_measures_once(
    make_task: MakeTask, moment: str
) -> None:
    task = make_task()
    app.run(task, settings(1))
    ticket = app.propose(task, changed("0.1"), hypothesis="x", measure=False).ticket
    script = (
        "import os, sys; from pathlib import Path; from move37 import app\n"
        "def watch(event):\n"
        "    fact = getattr(event, 'fact', None)\n"
        f"    if type(fact).__name__ == {moment!r}: os.kill(os.getpid(), 9)\n"
        f"app.run(Path(sys.argv[1]), app.RunSettings(experiments=1, check=False), watch=watch)\n"
    )
    died = subprocess.run([sys.executable, "-c", script, task], check=False, capture_output=True)
    assert died.returncode == -9, died.stderr
    assert app.wait(task, ticket).state == "measured"
    opened = Counter(one.ticket for one in history_of(task).experiments if one.ticket)
    assert opened == {ticket: 1}
    assert spool_of(task).tickets() == []
    assert app.verify(task).ok


def test_a_letter_that_is_handed_in_twice_is_measured_once(make_task: MakeTask) -> None:
    task = make_task()
    ticket = app.propose(task, changed("0.1"), hypothesis="x", measure=False).ticket
    letter = task / ".move37/inbox/new" / f"{ticket}.json"
    content = letter.read_bytes()
    app.wait(task, ticket)
    letter.write_bytes(content)
    app.run(task, settings(0))
    assert not letter.exists()
    assert len(history_of(task)) == 2


def test_hostile_files_never_stop_an_engine(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(1))
    spool, new = spool_of(task), task / ".move37/inbox/new"
    os.mkfifo(new / f"{new_ticket()}.json")
    (new / f"{new_ticket()}.json").symlink_to("/dev/zero")
    (new / f"{new_ticket()}.json").write_text("{" * 10000)
    fields = {"author": "", "hypothesis": "x", "predicted_effect": None}
    odd = [
        spool.put(Letter(base=99, changes={"program.py": b"x"}, **fields)),  # pyright: ignore[reportArgumentType]
        spool.put(Letter(base=None, changes={"../../etc/passwd": b"x"}, **fields)),  # pyright: ignore[reportArgumentType]
        spool.put(Letter(base=None, changes={"evaluate.sh": b"echo loss: -9"}, **fields)),  # pyright: ignore[reportArgumentType]
        spool.put(Letter(base=None, changes={"program.py/x": b"x"}, **fields)),  # pyright: ignore[reportArgumentType]
    ]
    good = app.propose(task, changed("0.1"), hypothesis="x", measure=False).ticket
    app.run(task, settings(1))
    assert app.come_of(task, good).state == "measured"
    assert app.come_of(task, odd[0]).state == "refused"
    assert "x99" in app.come_of(task, odd[0]).reason
    for ticket in odd[1:]:
        come = app.come_of(task, ticket)
        assert (come.state, "files] edit" in come.reason) == ("failed", True)
    assert spool.tickets() == []


@pytest.mark.slow
def test_a_change_that_the_end_of_an_epoch_left_unmeasured_waits_again(
    make_task: MakeTask,
) -> None:
    task, stop = make_task(), Stop()
    app.run(task, settings(1))
    ticket = app.propose(task, changed("0.1"), hypothesis="x", measure=False).ticket

    def watch(event: Event) -> None:
        if isinstance(event, Recorded) and isinstance(event.fact, Opened) and event.fact.ticket:
            stop.request()
            stop.request()

    app.run(task, settings(1), watch=watch, stop=stop)
    assert app.come_of(task, ticket).state == "running"
    evaluate = task / "evaluate.sh"
    evaluate.write_text(evaluate.read_text().replace("4 *", "5 *"))
    app.run(task, settings(0))
    come = app.come_of(task, ticket)
    assert come.state == "measured"
    assert come.detail is not None
    assert come.detail.summary.epoch == 1


def test_a_new_epoch_is_not_begun_by_a_proposal(make_task: MakeTask) -> None:
    task = make_task()
    app.run(task, settings(1))
    evaluate = task / "evaluate.sh"
    evaluate.write_text(evaluate.read_text().replace("4 *", "5 *"))
    with pytest.raises(StudyError, match="the task has changed"):
        app.propose(task, changed("0.1"), hypothesis="x")
    assert spool_of(task).tickets() == []


def test_a_failing_change_and_a_failing_task_are_told_apart(make_task: MakeTask) -> None:
    task = make_task(evaluate="grep -q oops program.py && exit 1\necho loss: 1", program="x = 1\n")
    done = app.propose(task, app.Change(files={"program.py": b"oops\n"}), hypothesis="x")
    assert done.awaited.state == "failed"
    broken = make_task(name="broken", evaluate="exit 1")
    with pytest.raises(StudyError, match="the task itself could not be measured"):
        app.propose(broken, changed("0.1"), hypothesis="x")


# --- what is refused at once ---------------------------------------------------------------------


@pytest.fixture
def study(make_task: MakeTask) -> Path:
    task = make_task()
    app.run(task, settings(1))
    return task


def refused(study: Path, reason: str, change: app.Change) -> None:
    with pytest.raises(Refused, match=reason):
        app.propose(study, change, hypothesis="x")
    assert len(history_of(study)) == 2


def test_a_change_of_which_nothing_can_come_is_refused(study: Path) -> None:
    program = PROGRAM.encode()
    refused(study, "nothing to measure", app.Change(files={}))
    refused(study, "nothing to measure", app.Change(files={"program.py": program}))
    refused(study, "same program as x0", app.Change(files={"program.py": program + b"# hi\n"}))
    refused(study, r"evaluate\.sh", app.Change(files={"evaluate.sh": b"echo loss: 0"}))
    refused(study, r"move37\.toml", app.Change(files={"move37.toml": b""}))
    refused(study, "whole program", app.Change(files={"program.py": None}))
    refused(study, r"'\.\./up\.py'", app.Change(files={"../up.py": b"x"}))
    patch = b"--- a/evaluate.sh\n+++ b/evaluate.sh\n@@ -1,0 +1 @@\n+echo loss: 0\n"
    refused(study, r"evaluate\.sh", app.Change(patch=patch))


def test_a_directory_that_is_not_the_program_is_refused(study: Path) -> None:
    copy = study.parent / "copy"
    refused(study, "not a directory", app.Change(directory=copy))
    copy.mkdir()
    (copy / "other.py").write_text("x = 1\n")
    refused(study, "none of the files", app.Change(directory=copy))
    (copy / "program.py").write_text("x = 1\n")
    (copy / "evaluate.sh").write_text("echo loss: 0\n")
    refused(study, r"evaluate\.sh", app.Change(directory=copy))


def test_a_patch_may_be_made_to_the_champion(study: Path) -> None:
    app.propose(study, changed("0.1"), hypothesis="x")
    patch = b"--- a/program.py\r\n+++ b/program.py\r\n@@ -1 +1 @@\r\n-learning_rate = 0.1\r\n+learning_rate = 0.12\r\n"
    with pytest.raises(Refused, match="--base best"):
        app.propose(study, app.Change(patch=patch), hypothesis="x")
    done = app.propose(study, app.Change(patch=patch), hypothesis="x", base="best")
    assert (done.base, done.awaited.state) == (2, "measured")
    diff = app.diff(study, done.awaited.experiment, 2).text
    assert "-learning_rate = 0.1\n+learning_rate = 0.12\n" in diff
    assert "\r" not in diff


def test_a_whole_directory_is_a_proposal_and_lacks_what_is_deleted(make_task: MakeTask) -> None:
    task = make_task()
    toml = task / "move37.toml"
    toml.write_text(toml.read_text().replace('["program.py"]', '["*.py", "*.bin"]'))
    (task / "spare.py").write_text("x = 1\n")
    (task / "table.bin").write_text("1\n")
    copy = task.parent / "copy"
    copy.mkdir()
    (copy / "program.py").write_text(PROGRAM.replace("0.01", "0.1"))
    (copy / "table.bin").write_bytes(bytes(range(256)))
    (copy / "notes.txt").write_text("not part of the program")
    done = app.propose(task, app.Change(directory=copy), hypothesis="x")
    assert done.files == ("program.py", "spare.py", "table.bin")
    with read_study(task) as study:
        commit = study.program(done.awaited.experiment).commit
        assert commit is not None
        assert study.store.code.read(commit, "table.bin") == bytes(range(256))
        assert study.store.code.mode(commit, "spare.py") is None


def test_what_nobody_knows_is_a_sentence(study: Path) -> None:
    with pytest.raises(StudyError, match="no ticket"):
        app.wait(study, new_ticket())
    with pytest.raises(StudyError, match="neither"):
        app.wait(study, "twelve")
    with pytest.raises(StudyError, match="no experiment x9"):
        app.wait(study, "x9")
