"""The reference of the command line, from its own help.

`python -m move37.faces.cli.docs` writes it into `docs/cli.md` of the current directory.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from move37.faces.cli.main import cli

HEAD = """# The command line

Written by `python -m move37.faces.cli.docs` from the commands' own help; a test keeps it so.

Every command takes `--json`: then standard output holds one JSON object and nothing else, at full
precision, and progress goes to standard error. When a command fails it is `{"error": "…"}`. In
JSON every `effect` is in the metric's unit with a plus for better, whichever way the metric goes;
every `value` is as the evaluation printed it. The object of `move37 certify`, which is also the
`certified` of `run` and `demo`, holds `claim`, `reason`, `effect`, `interval`, `level`,
`relative_gain` (a share of the baseline's fresh mean), `pairs`, `trials` (two for each pair), and
the same for the hold-out where the evaluation has one; `estimate` with `estimate_interval` (the likeliest
effect, 90 %), and `shrinkage` and `overfit` (how much of what was believed was luck).

| exit code | means |
|---|---|
| 0 | done |
| 1 | the study says no: the claim is not supported, or a figure does not check |
| 2 | wrong usage, or a task or study that cannot be used |
| 3 | stopped early |
"""


def render() -> str:
    """The whole page, in Markdown."""
    context = cli.make_context("move37", [], resilient_parsing=True, terminal_width=88)
    parts = [HEAD, _block("move37", cli.get_help(context))]
    parts += _commands(cli, context, "move37")
    return "\n".join(parts)


def _commands(group: click.Group, context: click.Context, called: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.commands[name]
        inner = command.make_context(
            name, [], parent=context, resilient_parsing=True, terminal_width=88
        )
        yield _block(f"{called} {name}", command.get_help(inner))
        if isinstance(command, click.Group):
            yield from _commands(command, inner, f"{called} {name}")


def _block(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.rstrip()}\n```\n"


if __name__ == "__main__":
    Path("docs", "cli.md").write_text(render(), encoding="utf-8")
