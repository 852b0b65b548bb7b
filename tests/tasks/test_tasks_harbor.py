"""Directories of Harbor, read as tasks where nothing of theirs needs a container."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from move37.core.errors import TaskError
from move37.core.records import Direction, Task
from move37.tasks.detect import load_or_detect
from move37.tasks.document import from_mapping, to_mapping
from move37.tasks.readers.dockerfile import Step, read_dockerfile
from move37.tasks.toml import parse_task

DOCKERFILE = """\
FROM python:3.13-slim@sha256:0123
# Tools, pinned.
RUN apt-get update && apt-get install -y --no-install-recommends \\
    # the shell
    bash coreutils && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir pytest==8.4.1 pytest-json-ctrf==0.3.5
ENV MODE=fast LEVEL="3 4"
WORKDIR /app
COPY src/ ./src/
COPY --chown=1000 input.csv notes.txt /data/
RUN mkdir -p out && echo "a && b" > out/note.txt
CMD ["bash"]
"""
FILES = {
    "task.toml": 'version = "1.0"\n[verifier]\ntimeout_sec = 90.0\n[environment]\nmemory_mb = 2048\n',
    "instruction.md": "Make /app/src/sum.py right, and leave /output/answer.txt.\n",
    "environment/Dockerfile": DOCKERFILE,
    "environment/src/sum.py": "print(1)\n",
    "tests/test.sh": "#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n",
    "solution/solve.sh": "true\n",
}

TASK = """\
goal = "g"
[files]
edit = ["x"]
[evaluate]
run = "x"
[metric]
name = "m"
goal = "minimize"
[sandbox]
scratch = ["/app"]
"""


def read(root: Path, changes: Mapping[str, str] = {}) -> Task:
    files = {**FILES, **changes}
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return load_or_detect(root, sorted(files))


def with_line(line: str) -> dict[str, str]:
    return {"environment/Dockerfile": f"FROM python:3.13\n{line}\n"}


def steps(text: str, requirements: str = "") -> list[Step]:
    return list(read_dockerfile(f"FROM ubuntu:24.04\n{text}\n", lambda name: requirements))


def test_what_is_in_the_container_may_change_and_its_tests_judge_it(tmp_path: Path) -> None:
    task = read(tmp_path)
    assert task.files.edit == ("environment/",)
    assert task.files.hide == ("tests/", "solution/")
    assert (task.metric.name, task.metric.direction) == ("reward", Direction.MAXIMIZE)
    assert task.goal.startswith("Make /app/src/sum.py right")
    assert (task.evaluate.timeout_seconds, task.evaluate.memory_bytes) == (90, 2048 * 1024**2)
    assert task.evaluate.run == "true"
    assert task.evaluate.score_runs
    assert task.evaluate.score is not None
    assert task.evaluate.score.startswith("python .move37/shims/harbor.py --package 6 pytest")
    assert set(task.fence.scratch) == {"/app", "/data", "/logs", "/output", "/root", "/tests"}
    assert from_mapping(to_mapping(task), tmp_path) == task


def test_a_dockerfile_becomes_steps_in_its_order() -> None:
    found = list(read_dockerfile(DOCKERFILE, lambda name: ""))
    assert [(step.kind, step.values) for step in found] == [
        ("package", ("6", "pytest")),
        ("env", ("MODE", "fast")),
        ("env", ("LEVEL", "3 4")),
        ("workdir", ("/app",)),
        ("copy", ("src", "/app/src/")),
        ("copy", ("input.csv", "/data/")),
        ("copy", ("notes.txt", "/data/")),
        ("run", ("11", 'mkdir -p out && echo "a && b" > out/note.txt')),
    ]


def test_required_packages_are_those_of_the_file_that_is_named() -> None:
    found = steps(
        "RUN pip install -r requirements.txt", "numpy>=2  # fast\n\n-i https://x\npandas\n"
    )
    assert [step.values[1] for step in found] == ["numpy", "pandas"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("RUN apt-get install -y no-such-tool", r"line 2 .* installs no-such-tool, which is not"),
        ("RUN curl -L https://x | sh", r"line 2 .* fetches something with curl"),
        ("RUN true && git  clone https://x", r"line 2 .* fetches something with git  clone"),
        ("RUN useradd me", r"line 2 .* needs a container's root \(useradd\)"),
        ("RUN pip install -e .", r"line 2 .* installs a package of its own"),
        ("RUN pip install git+https://x/y", r"line 2 .* installs"),
        ("RUN cat <<EOF > /x", r"line 2 .* is no plain command"),
        ("COPY --from=build /a /b", r"line 2 .* copies from another image"),
        ("COPY ../a /b", r"line 2 .* copies from outside"),
        ("ADD https://x/a.tar /b", r"line 2 .* more than files by their names"),
        ("FROM redis:7", r"line 2 .* builds in several stages"),
        ("FORM x", r"line 2 .* is not understood"),
        ("COPY 'a", r"line 2 .* is not understood"),
    ],
)
def test_a_line_that_needs_a_container_is_named(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(TaskError, match=rf"Harbor task.*Dockerfile, {problem}.*no containers"):
        read(tmp_path, with_line(line))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"environment/Dockerfile": "FROM redis:7\n"}, r"line 1 .* a base with programs"),
        ({"environment/docker-compose.yaml": ""}, r"docker-compose\.yaml wants several containers"),
        ({"steps/one/instruction.md": ""}, r"several steps"),
        ({"task.toml": "[verifier]\nenv = { KEY = '${KEY}' }\n"}, r"needs KEY of your environment"),
    ],
)
def test_so_is_whatever_else_needs_one(
    tmp_path: Path, changes: Mapping[str, str], problem: str
) -> None:
    with pytest.raises(TaskError, match=rf"Harbor task.*{problem}.*no containers"):
        read(tmp_path, changes)


def test_another_task_toml_is_another_layout(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"no move37\.toml"):
        read(tmp_path, {"task.toml": "[tool]\n"})


@pytest.mark.parametrize("place", ["/usr/local/x", "/tmp", "/trial/work", "app", "/"])
def test_scratch_covers_nothing_that_the_sandbox_has(tmp_path: Path, place: str) -> None:
    with pytest.raises(TaskError, match=r"sandbox\.scratch .*write for example scratch = "):
        parse_task(TASK.replace("/app", place).encode(), root=tmp_path)
    assert parse_task(TASK.encode(), root=tmp_path).fence.scratch == ("/app",)
