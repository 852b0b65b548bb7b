"""Every command and option that a page names is one that there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from move37.app.benches import benches
from move37.faces.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "AGENTS.md"])
CODE = re.compile(r"^```(?:sh|shell|console)\n(.*?)^```$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)


def named(page: str) -> Iterator[list[str]]:
    """The words of each command line of ours, up to where another begins or a comment."""
    for found in CODE.finditer(page):
        for line in (found[1] or found[2]).splitlines():
            plain = line.split(" #")[0].split("|")[0].removeprefix("$ ")
            if plain.startswith("move37 "):
                yield plain.split()[1:]


def complaint(words: list[str]) -> str | None:
    command: click.Command = cli
    for word in words:
        if word.startswith("--"):
            known = [
                option for each in command.params for option in each.opts + each.secondary_opts
            ]
            if word.split("=")[0] not in [*known, "--help", "--version"]:
                return f"{command.name} has no option {word}"
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z]+", word):
            if word not in command.commands:
                return f"{command.name} has no command {word}"
            command = command.commands[word]
        elif command.name == "bench" and re.fullmatch(r"[a-z]+", word) and word not in benches():
            return f"there is no benchmark {word}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    lines = list(named(page.read_text(encoding="utf-8")))
    assert [(line, told) for line in lines if (told := complaint(line))] == []
