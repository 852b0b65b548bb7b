"""Whole directories of Harbor: laid out in the sandbox, and judged there by their own tests."""

from pathlib import Path

import pytest

from move37 import app
from move37.app.study import read_study
from move37.core.records import Failed, Measured

FILES = {
    "task.toml": 'version = "1.0"\n[verifier]\ntimeout_sec = 60.0\n[environment]\ncpus = 1\n',
    "instruction.md": "Write the sum of /data/numbers.txt to /app/sum.txt.\n",
    "environment/Dockerfile": "FROM ubuntu:24.04\nWORKDIR /app\nENV WHAT=numbers\nCOPY tool.sh /app/\n"
    "RUN mkdir /data && printf '3\\n4\\n' > /data/$WHAT.txt\n",
    "environment/tool.sh": "echo 6 > /app/sum.txt\n",
    "tests/test.sh": "#!/bin/bash\ncat /tests/wanted.txt\nsh tool.sh\n"
    'cmp sum.txt /tests/wanted.txt && echo 1 > /logs/verifier/reward.txt || echo 0 > "/logs/verifier/reward.txt"\n',
    "tests/wanted.txt": "7\n",
    "solution/solve.sh": "true\n",
}


def outcome(root: Path, changes: dict[str, str] | None = None) -> Measured | Failed:
    for path, content in {**FILES, **(changes or {})}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    settings = app.RunSettings(experiments=0, workers=1, certify=False, check=False)
    app.run(root, settings)
    with read_study(root) as study:
        found = study.history.baseline.outcome
    assert isinstance(found, Measured | Failed)
    return found


def metrics(root: Path, changes: dict[str, str]) -> dict[str, float]:
    found = outcome(root, changes)
    assert isinstance(found, Measured), found
    return dict(found.metrics)


def reason(root: Path, changes: dict[str, str]) -> str:
    found = outcome(root, changes)
    assert isinstance(found, Failed), found
    return found.reason


def test_the_container_of_the_task_is_judged_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    assert metrics(tmp_path, {}) == {"reward": 0.0}
    assert not Path("/app/sum.txt").exists()
    assert not Path("/data/numbers.txt").exists()


def test_a_new_file_lies_where_its_path_says(tmp_path: Path) -> None:
    added = {
        "environment/container/app/sum.txt": "7\n",
        "environment/tool.sh": "true\n",
    }
    assert metrics(tmp_path, added) == {"reward": 1.0}


def test_a_candidate_brings_no_tests_and_no_reward_of_its_own(tmp_path: Path) -> None:
    forged = {
        "environment/container/logs/verifier/reward.json": '{"reward": 9}',
        "environment/container/tests/conftest.py": "x",
        "tests/test.sh": "ls /tests\n[ -e /tests/conftest.py ] && echo 5 > /logs/verifier/reward.txt\n"
        "[ -e /logs/verifier/reward.txt ] || echo 0.5 > /logs/verifier/reward.txt\n",
    }
    assert metrics(tmp_path, forged) == {"reward": 0.5}


@pytest.mark.slow
def test_several_rewards_are_metrics_beside_the_one(tmp_path: Path) -> None:
    script = """echo '{"reward": 0.25, "speed": 3, "note": "x"}' > /logs/verifier/reward.json\n"""
    assert metrics(tmp_path, {"tests/test.sh": script}) == {"reward": 0.25, "speed": 3.0}


def test_what_is_usually_fetched_is_there_or_is_named(tmp_path: Path) -> None:
    fetched = """#!/bin/bash
apt-get update && apt-get install -y curl || exit 1
curl -LsSf https://astral.sh/uv/0.9.7/install.sh | sh
source $HOME/.local/bin/env
uvx -p 3.13 -w no-such-package==1 pytest /tests
echo $? > /dev/null
echo 0 > /logs/verifier/reward.txt
"""
    said = reason(tmp_path, {"tests/test.sh": fetched})
    assert "tests/test.sh installs no-such-package" in said
    assert "does not have; install it there" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tests/test.sh": "exit 3\n"}, "left no reward in /logs/verifier (it ended with 3)"),
        ({"tests/test.sh": "echo fine > /logs/verifier/reward.txt\n"}, "holds no number: fine"),
        (
            {"environment/Dockerfile": "FROM ubuntu\nWORKDIR /app\nRUN touch /usr/x\n"},
            "environment/Dockerfile, line 3: `touch /usr/x` does not work without a container",
        ),
        (
            {"environment/Dockerfile": "FROM python\nRUN pip install no-such-package\n"},
            "environment/Dockerfile, line 2: installs the Python package no-such-package",
        ),
    ],
)
def test_a_failure_says_what_it_is_in_a_sentence(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    assert said in reason(tmp_path, changes)
