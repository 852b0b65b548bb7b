"""A session as it goes: lines for a log, a frame for a terminal."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.core.events import (
    Began,
    Ended,
    JobStarted,
    PhaseBegan,
    Progressed,
    Recorded,
    Standing,
    Stop,
)
from move37.core.facts import Checked, Fact, Opened, Proposed, Rejected, Tried
from move37.core.records import Belief, Budget, Failed, Trial
from move37.faces.cli.watching import Watching, frame
from move37.report.scoreboard import Scoreboard
from move37.report.words import cells
from move37.testing.histories import MadeUpStudy, made_up_task


class Session:
    """A made-up study whose facts are watched as an engine would tell them, a second apart."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.watching, self.now, self.lines = Watching(), 0.0, list[str]()
        self.board, self.champion, self.told = Scoreboard(), 0, list[Fact]()
        self.study = MadeUpStudy(
            made_up_task(budget=budget or Budget(experiments=10)), folds=(self.board,)
        )
        task = self.study.task
        self.take(
            Began(
                task=task.name,
                goal=task.goal,
                metric=task.metric,
                budget=task.budget,
                workers=2,
                sandbox="B, user",
            )
        )

    def take(self, *events: object) -> None:
        for event in events:
            self.lines += self.watching.take(event, self.now)  # pyright: ignore[reportArgumentType]

    def catch_up(self, champion: int) -> None:
        """Tell what the study has recorded since the last time; the last of it made the champion."""
        told = len(self.told)
        for fact in self.study.facts[told:]:
            self.told.append(fact)
            self.now += 1.0
            last = len(self.told) == len(self.study.facts)
            standing = self.standing(champion if last else self.champion)
            self.take(Recorded(fact=fact), Progressed(standing=standing))
        self.champion = champion

    def standing(self, champion: int) -> Standing:
        return self.board.standing(self.study.history, self.study.beliefs, champion)


@pytest.fixture
def session() -> Session:
    session = Session()
    session.study.baseline(3.2)
    session.catch_up(0)
    return session


def test_every_finished_experiment_is_one_line(session: Session) -> None:
    session.lines.clear()
    session.study.experiment(3.3, hypothesis="raise the rate")
    session.study.failure(reason="it exited with 1")
    session.study.rejection(reason="it was tried before")
    session.catch_up(0)
    assert [line.partition(" ")[0] for line in session.lines] == ["x1", "x2", "x3"]
    assert session.lines[0] == "x1 measured 3.3 · 3 of 10 · raise the rate"
    assert "failed run: it exited with 1" in session.lines[1]
    assert "failed propose: it was tried before" in session.lines[2]


def test_a_new_best_is_announced_as_believed_with_its_effect(session: Session) -> None:
    session.lines.clear()
    session.study.experiment(3.0)
    session.catch_up(1)
    assert session.lines[-1] == (
        "x1 best so far, believed 3.000 ± 0.010, effect +0.200 ± 0.014 (+6.3 %)"
    )


def test_lines_are_plain_whatever_a_candidate_wrote(session: Session) -> None:
    session.study.experiment(3.3, hypothesis="evil\r\x1b[2J\nx9 measured 0")
    session.catch_up(0)
    assert all(line.isprintable() for line in session.lines)


def test_a_resumed_session_says_where_it_goes_on() -> None:
    watching = Watching()
    task = made_up_task()
    lines = watching.take(
        Began(
            task=task.name,
            goal=task.goal,
            metric=task.metric,
            budget=task.budget,
            workers=1,
            sandbox="A, root",
            standing=Standing(opened=41),
        ),
        0.0,
    )
    assert "goes on after 41 experiments" in lines[1]


def test_time_left_follows_the_pace_of_this_session(session: Session) -> None:
    session.study.experiment(3.3)
    session.study.experiment(3.4)
    session.catch_up(0)
    finished = session.now
    assert session.watching.seconds_left(finished) == pytest.approx(8 * finished / 2)


def test_time_left_is_never_more_than_the_hours_that_are_left() -> None:
    session = Session(Budget(experiments=1000, hours=0.01))
    session.study.baseline(3.2)
    session.study.experiment(3.1)
    session.catch_up(1)
    left = session.watching.seconds_left(session.now)
    assert left == pytest.approx(36 - session.now)


def test_nobody_knows_the_time_left_before_anything_has_finished(session: Session) -> None:
    assert session.watching.seconds_left(session.now) is None


def test_the_frame_shows_what_runs_with_its_time_and_limit(session: Session) -> None:
    session.study.experiment(hypothesis="raise the rate")
    session.catch_up(0)
    job = JobStarted(job="x1-search-0", experiment=1, purpose="search", timeout_seconds=60.0)
    session.take(job)
    lines = frame(session.watching, session.now + 12.0)
    assert any("x1  raise the rate" in line and "12 s of 1 min 00 s" in line for line in lines)
    session.study.trial(1, 3.1)
    session.catch_up(1)
    lines = frame(session.watching, session.now)
    assert any("running        nothing" in line for line in lines)
    assert any("believed best  x1  3.100 ± 0.010, effect +0.100" in line for line in lines)


def test_where_there_is_no_room_the_sandbox_is_its_level(session: Session) -> None:
    told = "A, bubblewrap as a user of its own, with more words"
    assert session.watching.began is not None
    session.watching.began = replace(session.watching.began, sandbox=told)
    assert frame(session.watching, session.now, width=120)[1].endswith(told)
    assert frame(session.watching, session.now, width=80)[1].endswith("2 workers · sandbox A")


def test_a_check_leaves_the_frame_when_it_has_ended(session: Session) -> None:
    study = session.study
    study.experiment(3.1)
    job = JobStarted(job="x1-check-tests", experiment=1, purpose="check", timeout_seconds=60.0)
    session.take(job)
    assert any("x1 check tests" in line for line in frame(session.watching, session.now))
    study.check(1, "tests", passed=True)
    session.catch_up(1)
    assert not session.watching.running
    assert any("check tests passed" in line for line in session.lines)


def test_certification_has_a_bar_of_its_own(session: Session) -> None:
    study = session.study
    study.experiment(3.0)
    session.catch_up(1)
    session.take(PhaseBegan(phase="certify", trials=16))
    study.trial(1, 3.0, purpose="certify")
    study.trial(0, 3.2, purpose="certify")
    session.catch_up(1)
    assert any(
        "2 of up to 16 fresh trials" in line for line in frame(session.watching, session.now)
    )
    assert any("x0 fresh trial 2 of up to 16 measured 3.2" in line for line in session.lines)


def test_the_hint_follows_the_wish_to_stop(session: Session) -> None:
    stop = Stop()
    hints: list[str] = []
    for _ in range(3):
        hints.append(frame(session.watching, 0.0, stopping=stop.requests)[-1])
        stop.request()
    assert hints[0].startswith("Ctrl-C: finish what runs")
    assert hints[1] == "finishing what runs; Ctrl-C again stops now"
    assert hints[2] == "stopping now"


def test_ending_leaves_nothing_running(session: Session) -> None:
    session.take(
        JobStarted(job="x0-search-1", experiment=0, purpose="search", timeout_seconds=1.0),
        Ended(reason="the budget is spent"),
    )
    assert not session.watching.running
    assert session.lines[-1] == "ended: the budget is spent"


TEXT = st.text(max_size=30)


def facts() -> st.SearchStrategy[Fact]:
    """Facts about a few experiments, in any order: whatever a watcher may have missed."""
    ids = st.integers(0, 3)
    failed = Failed(stage="run", reason="no")
    return st.one_of(
        st.builds(
            Opened, experiment=ids, epoch=st.just(0), parents=st.just((0,)), proposer=TEXT,
            seed=st.just(1),
        ),
        st.builds(
            Proposed, experiment=ids, commit=TEXT, identity=TEXT, move=TEXT, hypothesis=TEXT,
        ),
        st.builds(Rejected, experiment=ids, failed=st.builds(Failed, stage=st.just("propose"), reason=TEXT)),
        st.builds(Tried, experiment=ids, trial=st.just(Trial(purpose="search", index=0, seed=1, outcome=failed))),
        st.builds(Checked, experiment=ids, check=TEXT, passed=st.booleans(), reason=TEXT),
    )  # fmt: skip


@given(
    st.lists(facts(), max_size=20),
    st.integers(20, 200),
    st.integers(6, 60),
    st.integers(0, 5),
)
def test_every_frame_fits_its_terminal(
    told: list[Fact], width: int, height: int, stopping: int
) -> None:
    session = Session(Budget(experiments=3, hours=2.0))
    belief = Belief(-3.0, 0.1)
    standing = Standing(
        champion=1, best=belief, baseline=Belief(0.0, 0.1), effect=belief, noise=1.0
    )
    for fact in told:
        session.take(
            JobStarted(job="x1-search-0", experiment=1, purpose="search", timeout_seconds=5.0),
            Recorded(fact=fact),
            Progressed(standing=standing),
        )
    lines = frame(session.watching, 99.0, width=width, height=height, stopping=stopping)
    assert len(lines) <= height
    assert all(cells(line) <= width for line in lines)
    assert all(len(line.splitlines()) <= 1 and "\x1b" not in line for line in lines)


def test_before_anything_has_begun_the_frame_says_so() -> None:
    assert frame(Watching(), 0.0) == ["starting …"]
