"""The policy in a real engine: guesses are recorded always, used only when asked for, shared only then."""

from collections.abc import Callable
from pathlib import Path

import pytest

from move37 import app
from move37.app.study import read_study
from move37.core.errors import TaskError
from move37.core.events import Event, Recorded, Stop
from move37.core.facts import Opened, Proposed
from move37.core.records import Screened

MakeTask = Callable[..., Path]
USED = "[policy]\nuse = true\n"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's studies tell each other what they learned."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("MOVE37_REMEMBER", raising=False)
    return tmp_path / "data"


def run(root: Path, experiments: int, *, stop_at: int | None = None) -> None:
    settings = app.RunSettings(
        experiments=experiments, workers=1, sandbox="plain", certify=False, check=False
    )
    stop = Stop()

    def watch(event: Event) -> None:
        opened = event.fact if isinstance(event, Recorded) else None
        if isinstance(opened, Opened) and opened.experiment == stop_at:
            stop.request()

    app.run(root, settings, watch=watch, stop=stop)


def proposed(root: Path) -> list[Proposed]:
    with read_study(root) as study:
        return [row.fact for row in study.store.rows() if isinstance(row.fact, Proposed)]


def test_every_change_has_traits_and_a_guess_and_nothing_leaves_the_study(
    make_task: MakeTask, data: Path
) -> None:
    root = make_task()
    run(root, 12)
    with read_study(root) as study:
        tried = [one for one in study.history.experiments if one.trials and one.parents]
        assert len(tried) > 3
        assert all(one.guess is not None for one in tried)
        assert not any(isinstance(one.outcome, Screened) for one in tried)
    assert all("file:program.py" in one.traits for one in proposed(root))
    assert not data.exists()
    assert not (root / ".move37" / "lessons.json").exists()


@pytest.mark.slow
def test_a_policy_that_is_used_lets_go_and_the_budget_is_still_spent_on_trials(
    make_task: MakeTask, data: Path
) -> None:
    root = make_task(extra=USED)
    run(root, 45)
    with read_study(root) as study:
        history = study.history
        gone = [one for one in history.experiments if isinstance(one.outcome, Screened)]
        assert history.spent() == 45
        assert len(history) - 1 - len(gone) + history.repeats == 45
        assert all(not one.trials for one in gone)
    assert app.verify(root).ok
    assert len(list((data / "move37" / "policy").glob("*.lessons.json"))) == 1


@pytest.mark.slow
def test_a_study_that_was_stopped_goes_on_as_if_it_had_not_been(make_task: MakeTask) -> None:
    alone = f"{USED}remember = false\n"
    straight, stopped = make_task(name="one/t", extra=alone), make_task(name="two/t", extra=alone)
    run(straight, 30)
    run(stopped, 30, stop_at=21)
    run(stopped, 30)
    ours, theirs = proposed(straight), proposed(stopped)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert isinstance(one, Proposed)
        assert isinstance(other, Proposed)
        assert (one.identity, one.traits, one.guess) == (other.identity, other.traits, other.guess)


def test_an_unknown_key_is_named(make_task: MakeTask) -> None:
    root = make_task(extra="[policy]\ndrop = true\n")
    with pytest.raises(TaskError, match=r"unknown key 'drop' in \[policy\]"):
        run(root, 1)
