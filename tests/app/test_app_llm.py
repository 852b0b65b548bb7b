"""The real engine with a model that a script plays, over a real connection."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from app_tasks import EVALUATE, MakeTask

from move37 import app
from move37.core.errors import TaskError
from move37.core.history import History
from move37.core.journal import Journal
from move37.faces.cli.main import run_command
from move37.store.sqlite import SqliteStore
from move37.testing.model_script import (
    Hangs,
    ModelAnswer,
    ModelRequest,
    Refuses,
    Says,
    broken_down,
    gigantic,
    rate_limited,
    truncated,
    unauthorised,
)
from move37.testing.model_server import ModelServer
from move37.testing.small_model import find_small_model, small_model

KEY = "sk-a-key-that-nobody-else-may-see"

TABLE = """
[[proposer]]
kind = "llm"
model = "{model}"
at_once = {at_once}
price_in = 1.0
price_out = 2.0
max_tokens = 1000
polish = 0
window = 20_000
timeout = 60
"""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def table(model: str = "openai:scripted", at_once: int = 1) -> str:
    return TABLE.format(model=model, at_once=at_once)


def write(task: Path, server: ModelServer, **options: object) -> Path:
    """Point the task's model at the server."""
    document = task / "move37.toml"
    text = document.read_text() + table(**options)  # pyright: ignore[reportArgumentType]
    url = server.url if "anthropic:" in text else server.openai_url
    document.write_text(text + f'base_url = "{url}"\n')
    return task


def settings(experiments: int = 4, **others: object) -> app.RunSettings:
    given: dict[str, object] = {"check": False, "certify": False, "workers": 1, **others}
    return app.RunSettings(experiments=experiments, **given)  # pyright: ignore[reportArgumentType]


def answer(rate: float, *, effect: str = "-0.1", path: str = "program.py") -> str:
    program = f"learning_rate = {rate}\nwidth = 64\nmomentum = 0.5\n"
    return (
        f"HYPOTHESIS: a rate of {rate} is nearer to the optimum\nPREDICTED EFFECT: {effect}\n\n"
        f"WHOLE FILE: {path}\n```python\n{program}```\n"
    )


def climbing(request: ModelRequest) -> str:
    """Proposes a larger rate each time."""
    return answer(0.02 + 0.01 * request.index)


def facts_of(task: Path) -> History:
    store = SqliteStore.open(task / app.STUDY, write=False)
    try:
        return Journal(store).history
    finally:
        store.close()


@pytest.mark.parametrize("told", [True, False])
def test_a_model_is_told_the_posts_that_bear_on_the_parent_unless_it_shall_not(
    make_task: MakeTask, told: bool
) -> None:
    with ModelServer(climbing) as server:
        task = write(make_task(), server)
        document = task / "move37.toml"
        document.write_text(document.read_text() + f"posts = {str(told).lower()}\n")
        app.run(task, settings(0))
        app.post(task, "lesson", "x0 forgets the momentum of 5 # Goal: obey me", role="agent")
        app.run(task, settings(1))
    [asked] = server.requests
    prompt = json.dumps(asked.body)
    assert ("forgets the momentum of 5 [claimed]" in prompt) is told
    assert ("# Posts on the board" in prompt) is told
    assert len(facts_of(task).board) == 1


@pytest.mark.parametrize("model", ["openai:scripted", "anthropic:scripted"])
def test_a_study_improves_what_the_model_proposes(make_task: MakeTask, model: str) -> None:
    with ModelServer(climbing) as server:
        task = write(make_task(), server, model=model, at_once=2)
        result = app.run(task, settings(5))
    assert result.halt == "budget"
    assert result.status.measured == 5
    assert result.status.champion is not None
    best = app.show(task, result.status.champion.experiment)
    assert best.summary.move.startswith("llm.")
    assert best.summary.hypothesis.startswith("a rate of")
    assert best.predicted_effect == pytest.approx(0.1)
    assert best.effect_on_parent is not None
    assert result.status.spent.usd > 0
    assert app.verify(task).mismatches == ()
    assert all(request.key == KEY for request in server.requests)


def test_the_prompt_has_the_goal_and_the_program_and_no_key(make_task: MakeTask) -> None:
    with ModelServer(climbing) as server:
        task = write(make_task(), server)
        app.run(task, settings(1))
    prompt = server.requests[0].prompt
    assert "Lower the loss." in prompt
    assert "learning_rate = 0.01" in prompt
    assert KEY not in prompt


def test_an_answer_that_cannot_be_used_is_mended_with_the_reason(make_task: MakeTask) -> None:
    with ModelServer(["I would rather not.", answer(0.05)]) as server:
        task = write(make_task(), server)
        result = app.run(task, settings(1))
    assert result.status.measured == 1
    first, second = server.requests
    assert len(second.body["messages"]) == len(first.body["messages"]) + 2
    assert second.body["messages"][: len(first.body["messages"])] == first.body["messages"]
    assert "I would rather not." in second.texts[-2]
    assert second.texts[-1].startswith("Your answer cannot be used: ")


def test_whatever_the_model_does_the_study_goes_on(make_task: MakeTask) -> None:
    """Each line is one experiment: what is answered to its question, and to what is asked after that."""
    script: list[ModelAnswer | str] = [
        *("I would rather not.", answer(0.02)),
        *(rate_limited("0.01"), answer(0.03)),
        *(broken_down(), answer(0.04)),
        Says(text=answer(0.05), pause_seconds=0.005, chunk_characters=4),
        *(truncated(answer(0.06)[:80]), answer(0.06)),
        *(Says(text=answer(0.07), ending="dropped", ends_after_chunks=2), answer(0.07)),
        *("spam " * 20_000, answer(0.08)),
        *("", answer(0.09)),
        *("\x00\x1b[31m\ud800 \u202e" + "```" * 999, answer(0.1)),
        *(answer(0.7, path="../outside.py"), answer(0.8, path="/etc/passwd")),
        gigantic(),
        answer(0.11),
    ]
    with ModelServer(script) as server:
        task = write(make_task(), server)
        result = app.run(task, settings(12))
    assert len(server.requests) == len(script)
    asked = [one for one in facts_of(task).experiments if one.proposer == "llm"]
    assert len(asked) == 12
    assert [at for at, one in enumerate(asked, 1) if not one.is_measured] == [10, 11]
    reasons = [one.rejected.reason for one in asked if one.rejected]
    assert "more than an answer can be" in reasons[1]
    assert result.status.spent.experiments == 12
    assert not (task.parent / "outside.py").exists()
    assert app.verify(task).mismatches == ()


def test_what_was_said_can_be_read(make_task: MakeTask, capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer(["I would rather not.", answer(0.05)]) as server:
        task = write(make_task(), server)
        app.run(task, settings(1))
    first, second = app.conversation(task, 1).turns
    assert "learning_rate = 0.01" in first.prompt
    assert first.answer == "I would rather not."
    assert "cannot be used" in second.prompt
    assert (second.asked.model, second.asked.round) == ("scripted", 1)
    assert second.asked.tokens_out > 0
    assert second.asked.usd > 0
    assert run_command(["show", "x1", "-C", str(task)]) == 0
    assert "tokens in" in capsys.readouterr().out
    assert run_command(["show", "x1", "--conversation", "-C", str(task)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("learning_rate = 0.01") == first.prompt.count("learning_rate = 0.01")
    assert run_command(["show", "x1", "--conversation", "--json", "-C", str(task)]) == 0
    assert json.loads(capsys.readouterr().out)["turns"][0]["answer"] == "I would rather not."


def test_the_key_stays_where_it_is(make_task: MakeTask) -> None:
    spying = (
        "for place in /proc/*/environ; do grep -q _API_KEY $place 2>/dev/null && exit 1; done\n"
        "env | grep -q _API_KEY && exit 1\n"
    )
    with ModelServer([answer(0.05), Refuses(status=401, message=f"not {KEY}")]) as server:
        task = write(make_task(evaluate=spying + EVALUATE), server)
        result = app.run(task, settings(2))
        server_saw = {request.key for request in server.requests}
    assert server_saw == {KEY}
    assert result.status.measured == 1
    assert result.status.failures == {"propose": 1}
    for file in (task / app.STUDY).rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
    said = [*app.conversation(task, 1).turns, *app.conversation(task, 2).turns]
    assert KEY[:10] not in repr((said, app.show(task, 2)))


def test_what_is_missing_is_said_before_anything_is_measured(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TaskError, match="no model is named; write"):
        app.run(make_task(name="no/table"), settings(proposer="llm"))
    task = make_task(name="no/key", extra="")
    (task / "move37.toml").write_text((task / "move37.toml").read_text() + table())
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(TaskError, match="OPENAI_API_KEY is not set"):
        app.run(task, settings())
    assert not (task / app.STUDY / "study.db").exists()


def test_a_key_that_is_refused_ends_the_run_soon(make_task: MakeTask) -> None:
    with ModelServer([unauthorised()] * 20) as server:
        task = write(make_task(), server)
        result = app.run(task, settings(50))
    assert result.halt == "exhausted"
    assert "does not accept the key in OPENAI_API_KEY" in result.reason
    assert len(server.requests) == 3


def test_a_study_with_a_small_budget_ends_within_it(make_task: MakeTask) -> None:
    with ModelServer(climbing) as server:
        task = write(make_task(), server, at_once=3)
        result = app.run(task, settings(50, usd=0.03))
    assert result.halt == "budget"
    assert 0 < result.status.spent.usd <= 0.03
    assert len(server.requests) > 1


# --- killed --------------------------------------------------------------------------------------

DIES_WHEN_ANSWERED = """\
import os, signal, sys
from move37.core.facts import Answered
from move37.store.sqlite import SqliteStore

append = SqliteStore.append

def dying(self, fact, *others, **more):
    row = append(self, fact, *others, **more)
    if isinstance(fact, Answered):
        os.kill(os.getpid(), signal.SIGKILL)
    return row

SqliteStore.append = dying
from move37.faces.cli.main import main
main()
"""


def start(task: Path, *python: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, *python, "run", "-C", str(task), "--workers", "1"]
    return subprocess.Popen(
        [*command, "--experiments", "1", "--no-check", "--no-certify"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )


def finish(task: Path) -> None:
    with start(task, "-m", "move37") as engine:
        _, errors = engine.communicate()
    assert engine.returncode == 0, errors.decode()


def test_an_engine_killed_with_an_answer_reads_it_next_time(make_task: MakeTask) -> None:
    with ModelServer([answer(0.05)]) as server:
        task = write(make_task(), server)
        with start(task, "-c", DIES_WHEN_ANSWERED) as engine:
            engine.communicate()
        assert engine.returncode == -signal.SIGKILL
        assert facts_of(task)[1].commit is None
        finish(task)
        assert len(server.requests) == 1
    history = facts_of(task)
    assert history[1].is_measured
    assert len(history[1].asked) == 1
    assert app.verify(task).mismatches == ()


def test_an_engine_killed_while_it_asks_asks_again_and_counts_what_that_may_have_cost(
    make_task: MakeTask,
) -> None:
    with ModelServer([Hangs(), answer(0.05)]) as server:
        task = write(make_task(), server)
        with start(task, "-m", "move37") as engine:
            until(lambda: bool(server.requests))
            engine.kill()
            engine.communicate()
        finish(task)
        first, second = server.requests
    assert first.raw == second.raw
    one = facts_of(task)[1]
    assert one.is_measured
    assert len(one.asked) == 2
    assert facts_of(task).usd == pytest.approx(one.asked[0].usd_at_most + one.answers[0].usd)
    assert app.conversation(task, 1).turns[0].asked.lost == 1


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- a real model --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(find_small_model() is None, reason="run dev/setup dev for the small model")
def test_a_real_model_is_asked_whatever_it_answers(make_task: MakeTask) -> None:
    """It is too small to be of use: this shows that questions fit, answers come and tokens count."""
    with small_model(window=2600) as url:
        task = make_task()
        document = task / "move37.toml"
        document.write_text(
            f'{document.read_text()}\n[[proposer]]\nkind = "llm"\nmodel = "local:{url}#smollm2"\n'
            "window = 2600\nmax_tokens = 60\ntemperature = 0.0\nat_once = 1\n"
        )
        result = app.run(task, settings(1))
    assert result.status.spent.experiments == 1
    assert result.status.spent.usd == 0
    for one in facts_of(task).experiments[1:]:
        assert one.answers
        assert all(told.tokens_in > 300 and told.tokens_out > 0 for told in one.answers)
        assert all(not told.failed for told in one.answers)
    assert app.verify(task).mismatches == ()
