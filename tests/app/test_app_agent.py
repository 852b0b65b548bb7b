"""A real study whose proposer is an agent: here a script, for the clients see test_proposers_clients.py."""

from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.look import show
from move37.app.study import read_study
from move37.core.errors import TaskError
from move37.report.results import RunResult
from move37.report.text import detail_text

AGENT = """
[[proposer]]
kind = "agent"
command = "sh agent.sh"
timeout = "60s"
"""
SCRIPT = """\
cat > /dev/null
rate=$(awk '/learning_rate/ { print $3 * 2 }' program.py)
sed -i "s/learning_rate = .*/learning_rate = $rate/" program.py
./evaluate | head -1
echo "echo loss: 0" > evaluate.sh
echo "HYPOTHESIS: a rate of $rate"
"""


def work(task: Path, script: str, *, experiments: int = 3, extra: str = AGENT) -> RunResult:
    (task / "agent.sh").write_text(script)
    with (task / "move37.toml").open("a") as file:
        file.write(extra)
    settings = app.RunSettings(experiments=experiments, workers=1, certify=False, check=False)
    return app.run(task, settings)


def test_an_agent_improves_a_program_and_what_it_did_besides_is_shown(make_task: MakeTask) -> None:
    task = make_task()
    assert work(task, SCRIPT).halt == "budget"
    with read_study(task) as study:
        one = study.history[1]
        assert (one.move, one.hypothesis) == ("agent.sh", "a rate of 0.02")
        assert one.is_measured
        assert [told.failed for told in one.answers] == [""]
        assert study.champion in (2, 3)
    shown = show(task, 1)
    assert shown.noted == (
        "ran the evaluation once on its own copy",
        "changed 'evaluate.sh', which [files] edit does not name: discarded",
    )
    assert "ran the evaluation once on its own copy" in detail_text(shown)
    assert app.verify(task).mismatches == ()
    assert not list((task / ".move37" / "scratch").glob("*/agent/*"))


def test_an_agent_that_never_gets_to_work_ends_the_study_with_its_words(
    make_task: MakeTask,
) -> None:
    result = work(make_task(), "echo 'invalid key' >&2; exit 1", experiments=50)
    assert result.halt == "exhausted"
    assert "5 times in a row" in result.reason
    assert "invalid key" in result.reason


def test_a_client_that_is_missing_is_said_before_anything_is_measured(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    task = make_task()
    missing = '[[proposer]]\nkind = "agent"\nclient = "claude"\n'
    with pytest.raises(TaskError, match="there is no 'claude' on the PATH; install Claude Code"):
        work(task, "", extra=missing)
    with read_study(task) as study:
        assert not study.history.baseline.trials
