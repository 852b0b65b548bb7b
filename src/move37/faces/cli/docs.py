"""The references of the command line, from its own help, and of all settings, from the code that reads them.

`python -m move37.faces.cli.docs` writes them into `docs/cli.md` and `docs/settings.md` of the current directory.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from move37.faces.cli.main import cli

if TYPE_CHECKING:
    from move37.app.reference import Setting, SettingTable

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


SETTINGS_HEAD = """# All settings

Written by `python -m move37.faces.cli.docs` from the code that reads them; a test keeps it so.

A task's settings are in its `move37.toml`; [the task](task.md) says what they mean together, with examples. What a command line says
differently is in [the command line](cli.md). An unknown key, a wrong type and an odd value are errors that name
what is known. Where no default is given, the key is needed, or its absence means none.

A duration is `"250ms"`, `"60s"`, `"2m"`, `"1h30m"` or a number of seconds; a size is `"512MB"`, `"4GB"` or, binary, `"4GiB"`.
"""

PROPOSERS_HEAD = """## Proposers

Options of a `[[proposer]]` table, by its `kind`: [tune](tune.md), [llm](llm.md), [agent](agents.md), [queue](queue.md).
"""

ENVIRONMENT_HEAD = """## The environment

Of whoever calls `move37`. What an evaluation finds in its own environment is in [metrics](metrics.md) and [sandbox](sandbox.md).
"""


def render_settings() -> str:
    """The page of all settings, in Markdown."""
    from move37.app.reference import ENVIRONMENT, proposer_tables, task_tables

    parts = [SETTINGS_HEAD, "## `move37.toml`\n"]
    parts += map(_table_of, task_tables())
    parts += [PROPOSERS_HEAD, *map(_table_of, proposer_tables())]
    parts += [ENVIRONMENT_HEAD, _rows(ENVIRONMENT)]
    return "\n".join(parts)


def _table_of(table: "SettingTable") -> str:
    return f"### {table.title}\n\n{_rows(table.settings)}" if table.settings else ""


def _rows(settings: "Sequence[Setting]") -> str:
    has_examples = any(each.example for each in settings)
    lines = [
        "| key | default | example | meaning |" if has_examples else "| key | default | meaning |"
    ]
    lines.append("|---|---|---|---|" if has_examples else "|---|---|---|")
    for each in settings:
        example = f" {_code(each.example)} |" if has_examples else ""
        names = ", ".join(f"`{name}`" for name in each.name.split(", "))
        lines.append(f"| {names} | {_default(each.default)} |{example} {each.doc} |")
    return "\n".join(lines).replace("|  |", "| |") + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _default(text: str) -> str:
    """A value as code; words as they are."""
    is_value = text[:1] in ('"', "[", "~") or text in ("true", "false") or text[:1].isdigit()
    return _code(text) if is_value else text


if __name__ == "__main__":
    Path("docs", "cli.md").write_text(render(), encoding="utf-8")
    Path("docs", "settings.md").write_text(render_settings(), encoding="utf-8")
