"""What the commands have in common: where they work, how their options are spelt."""

from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from move37.faces.cli.screen import Screen

if TYPE_CHECKING:
    from move37.app import RunSettings

DONE, NO, WRONG, STOPPED = 0, 1, 2, 3
"""Exit codes: done; the study says no; wrong usage or a broken task; stopped early."""

Command = TypeVar("Command", bound=Callable[..., Any])


def parse_experiment(text: str) -> int:
    """An experiment's number, as `12` or `x12`."""
    digits = text.removeprefix("x")
    if not (digits.isascii() and digits.isdigit()):
        raise click.BadParameter(f"{text!r} is no experiment; write it as `x12` or `12`")
    return int(digits)


class Commands(click.Group):
    """A group that knows what a misspelt command was meant to be."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a study's life, not of the alphabet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.commands, n=1)
            hint = f"did you mean `move37 {near[0]}`?" if near else "see `move37 --help`"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}", ctx) from error


class Where:
    """What all commands know: the directory, and who is asking."""

    def __init__(self, directory: Path | None, *, json: bool) -> None:
        self.root = directory or Path.cwd()
        self.screen = Screen(json=json)


def common(command: Command) -> Command:
    """Add `--json` and `-C`, and hand the command its `Where`."""

    def with_where(*args: Any, as_json: bool, directory: Path | None, **options: Any) -> Any:
        # Both may stand before the command's name as well, and before the one of its group.
        context = click.get_current_context().parent
        while context is not None:
            directory = directory or context.params.get("directory")
            as_json = as_json or bool(context.params.get("as_json"))
            context = context.parent
        return command(Where(directory, json=as_json), *args, **options)

    return cast(Command, json_option(directory_option(update_wrapper(with_where, command))))


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, for programs."
)
directory_option = click.option(
    "-C",
    "--dir",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The task's directory, instead of the current one.",
)
experiment_argument = click.argument("experiment", type=parse_experiment, required=False)


def run_options(command: Command) -> Command:
    for option in reversed(
        (
            click.option(
                "-n",
                "--experiments",
                type=click.IntRange(min=0),
                metavar="N",
                help="Stop after N experiments in all, those of earlier runs included.",
            ),
            click.option(
                "--hours",
                type=click.FloatRange(min=0),
                metavar="H",
                help="Stop after H hours of work in all, those of earlier runs included.",
            ),
            click.option(
                "--workers",
                type=click.IntRange(min=1),
                metavar="N",
                help="Trials at once. Default: as many as this machine has processors for.",
            ),
            click.option(
                "--proposer", metavar="KIND", help="Who proposes changes, such as `tune`."
            ),
            click.option(
                "--search",
                metavar="NAME",
                help="How to choose what to build on: `lineage`, `puct`, `islands`, `beam`, `greedy`, `best_of_n`, `portfolio`.",
            ),
            click.option(
                "--seed",
                type=click.IntRange(min=0),
                default=0,
                show_default=True,
                metavar="N",
                help="Of a study that begins; one that goes on keeps its own.",
            ),
            click.option(
                "--sandbox",
                type=click.Choice(("auto", "root", "user", "plain")),
                help="How strongly programs are fenced in. Default: as the task says.",
            ),
            click.option(
                "--no-certify",
                is_flag=True,
                help="Do not certify the champion at the end.",
            ),
            click.option(
                "--no-check",
                is_flag=True,
                help="Do not try cheats on the evaluation before the first experiment.",
            ),
            click.option("--plain", is_flag=True, help="Plain lines, even on a terminal."),
        )
    ):
        command = option(command)
    return command


def settings_from(options: dict[str, Any]) -> "RunSettings":
    from move37.app import RunSettings

    certify, check = not options.pop("no_certify"), not options.pop("no_check")
    return RunSettings(certify=certify, check=check, **options)
