"""Only what stands between the marks may change, whoever changes it."""

import json
from pathlib import Path

import pytest
from app_tasks import MakeTask

from move37 import app
from move37.app.brief import brief
from move37.app.study import read_study
from move37.core.errors import Refused, TaskError
from move37.core.records import Failed
from move37.tasks.toml import load_task
from move37.tasks.write import render_task
from move37.testing.model_script import ModelRequest
from move37.testing.model_server import ModelServer

PROGRAM = """\
width = 64
# EVOLVE-BLOCK-START
learning_rate = 0.01
# EVOLVE-BLOCK-END
momentum = 0.5
"""
RULE = "program.py may change only between its lines EVOLVE-BLOCK-START and EVOLVE-BLOCK-END"
AGENT = '[[proposer]]\nkind = "agent"\ncommand = "sh agent.sh"\ntimeout = "60s"\n'


@pytest.fixture
def task(make_task: MakeTask) -> Path:
    task = make_task(program=PROGRAM)
    document = task / "move37.toml"
    marks = 'between = ["EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"]\n'
    document.write_text(document.read_text().replace("[evaluate]", f"{marks}\n[evaluate]"))
    return task


def run(task: Path, experiments: int = 3) -> None:
    app.run(task, app.RunSettings(experiments=experiments, workers=1, certify=False, check=False))


def reason(task: Path, experiment: int) -> str:
    with read_study(task) as study:
        outcome = study.history[experiment].outcome
        assert isinstance(outcome, Failed)
        return outcome.reason


def test_the_marks_are_written_and_read_back(task: Path) -> None:
    read = load_task(task)
    assert read.files.between == ("EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END")
    (task / "move37.toml").write_text(render_task(read))
    assert load_task(task) == read


@pytest.mark.parametrize("marks", ['["A"]', '["A", "A"]', '["", "B"]', '["A b", "B"]'])
def test_marks_that_are_no_two_words_are_an_error(task: Path, marks: str) -> None:
    text = (task / "move37.toml").read_text()
    begin = text.index("between")
    end = text.index("\n", begin)
    (task / "move37.toml").write_text(f"{text[:begin]}between = {marks}{text[end:]}")
    with pytest.raises(
        TaskError, match=r"files\.between .*; write for example between = \[\"EVOLVE"
    ):
        load_task(task)


def test_tune_turns_what_stands_inside_and_nothing_else(task: Path) -> None:
    run(task, 8)
    with read_study(task) as study:
        code = study.store.code
        for experiment in study.history.experiments[1:]:
            assert experiment.commit is not None, experiment.outcome
            program = code.read(experiment.commit, "program.py").decode()
            assert program.startswith("width = 64\n# EVOLVE-BLOCK-START\n")
            assert program.endswith("# EVOLVE-BLOCK-END\nmomentum = 0.5\n")


def test_what_is_handed_in_is_refused_with_the_line(task: Path) -> None:
    run(task, 0)
    for new, line in (("width = 65", 1), ("momentum = 0.9", 5)):
        old = "width = 64" if line == 1 else "momentum = 0.5"
        change = app.Change(files={"program.py": PROGRAM.replace(old, new).encode()})
        with pytest.raises(Refused, match=f"{RULE}, and the change touches line {line} "):
            app.propose(task, change, hypothesis="wider")
    patch = "--- a/program.py\n+++ b/program.py\n@@ -5 +5 @@\n-momentum = 0.5\n+momentum = 0.9\n"
    with pytest.raises(Refused, match=RULE):
        app.propose(task, app.Change(patch=patch.encode()), hypothesis="a patch")
    inside = app.Change(files={"program.py": PROGRAM.replace("0.01", "0.1").encode()})
    assert app.propose(task, inside, hypothesis="faster").awaited.state == "measured"


def test_an_edit_by_hand_inside_is_an_experiment_and_one_outside_is_another_task(
    task: Path,
) -> None:
    run(task, 0)
    (task / "program.py").write_text(PROGRAM.replace("0.01", "0.1"))
    run(task, 1)
    with read_study(task) as study:
        assert (len(study.history.epochs), study.history[1].proposer) == (1, "yours")
        assert study.history[1].is_measured
    (task / "program.py").write_text(PROGRAM.replace("momentum = 0.5", "momentum = 0.9"))
    run(task, 0)
    with read_study(task) as study:
        assert len(study.history.epochs) == 2


def test_an_agent_that_goes_beyond_is_refused(task: Path) -> None:
    (task / "agent.sh").write_text(
        "cat > brief\nsed -i 's/momentum.*/momentum = 0.9/' program.py\n"
        "grep -q 'what stands between these lines' brief && echo 'HYPOTHESIS: told'\n"
    )
    with (task / "move37.toml").open("a") as file:
        file.write(AGENT)
    run(task, 1)
    assert RULE in reason(task, 1)


def test_a_model_that_goes_beyond_is_told_and_mends_it(
    task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")

    def say(request: ModelRequest) -> str:
        old, new = (
            ("0.01", "0.1") if "touches line 5" in json.dumps(request.body) else ("= 0.5", "= 0.9")
        )
        body = PROGRAM.replace(old, new)
        return (
            f"HYPOTHESIS: x\nPREDICTED EFFECT: ?\n\nWHOLE FILE: program.py\n```python\n{body}```\n"
        )

    with ModelServer(say) as server:
        with (task / "move37.toml").open("a") as file:
            file.write(
                '[[proposer]]\nkind = "llm"\nmodel = "openai:m"\nprice_in = 0\nprice_out = 0\n'
                f'polish = 0\nbase_url = "{server.openai_url}"\n'
            )
        run(task, 1)
        asked = [json.dumps(request.body) for request in server.requests]
    assert "only what stands between these lines may change" in asked[0]
    assert RULE in asked[1]
    with read_study(task) as study:
        assert study.history[1].is_measured


def test_the_brief_for_agents_outside_says_so(task: Path) -> None:
    run(task, 0)
    assert "only what stands between them" in brief(task).text
