"""The tutorial is run as it stands, by a person who only copies what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
FENCE = re.compile(
    r"^```(?P<lang>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$", re.M | re.S
)


def type_in(directory: Path) -> None:
    """Make the files that the page shows under their names."""
    for found in FENCE.finditer(PAGE):
        if found["title"]:
            (directory / found["title"]).write_text(found["body"], encoding="utf-8")


def put_on_path(directory: Path) -> dict[str, str]:
    directory.mkdir()
    command = directory / "move37"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m move37 "$@"\n')
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}"}


def labels(text: str) -> set[str]:
    """What figures are called: the small words that begin a line. Names of constants depend on the run."""
    first = (line.split()[0] for line in text.splitlines() if line.strip())
    return {word for word in first if word.isalpha() and word.islower()}


@pytest.mark.slow
def test_every_command_of_the_tutorial_works_and_ends_in_a_claim(tmp_path: Path) -> None:
    environment, task = put_on_path(tmp_path / "bin"), tmp_path / "task"
    task.mkdir()
    type_in(task)
    before = (task / "train.py").read_text()
    told = ""
    for found in FENCE.finditer(PAGE):
        if found["lang"] == "sh":
            done = subprocess.run(
                ["sh", "-e", "-c", found["body"]],
                cwd=task,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == 0, f"{found['body']}\n{done.stdout}"
            told += done.stdout
        elif found["lang"] == "text":
            shown = labels(found["body"])
            assert shown <= labels(told), f"no longer said: {shown - labels(told)}"
    assert "grade A" in told
    assert "claimed, an improvement" in told
    assert (task / "train.py").read_text() != before
