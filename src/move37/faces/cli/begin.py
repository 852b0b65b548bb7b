"""The command that writes a task: what it asks, and how a draft is shown."""

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from move37.faces.cli.believe import examine
from move37.faces.cli.options import DONE, NO, STOPPED, Where, common
from move37.faces.cli.screen import Screen

if TYPE_CHECKING:
    from move37.report.results import Drafted, Initialised, Question


@click.command()
@click.argument("goal", nargs=-1)
@click.option(
    "--model",
    metavar="MODEL",
    help="Who drafts the task: `openai:NAME`, `anthropic:NAME` or `local:URL#NAME`; `none` for nobody. "
    "Default: the one in MOVE37_MODEL.",
)
@click.option(
    "--from",
    "layout",
    metavar="LAYOUT|DIR",
    help="Of which tool the directory is, such as `openevolve`; or another directory, to read and write there.",
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
@click.option(
    "--check/--no-check",
    default=None,
    help="Whether to measure the task and try cheats on it then. Default: when a model drafted it.",
)
@common
def init(
    where: Where,
    *,
    goal: tuple[str, ...],
    model: str | None,
    layout: str | None,
    yes: bool,
    check: bool | None,
) -> int:
    """Write move37.toml from what is found here.

    GOAL is what you want, in your words, such as "make my tests faster". Asks only what cannot be
    found; with --yes it asks nothing, and what cannot be found is an error. With a model, the model
    reads the directory, drafts the task and asks; you agree, or say what to change, before anything
    is written.
    """
    from move37 import app

    screen = where.screen
    done = app.init(
        where.root,
        yes=yes,
        ask=partial(_ask, screen),
        goal=" ".join(goal),
        layout=layout,
        model=model,
        confirm=partial(_confirm, screen),
    )
    if not done.written:
        screen.answer(done, "Nothing was written.")
        return NO
    if not (done.is_drafted if check is None else check):
        screen.answer(done, f"{_told(done)}\n\nNext: `move37 run`")
        return DONE
    return _checked(where, done)


def _checked(where: Where, done: "Initialised") -> int:
    from move37.report.evaluator import evaluator_text

    screen = where.screen
    screen.say(f"{_told(done)}\n")
    view = examine(where)
    record: dict[str, Any] = {"init": done, "check": view}
    if view is None:
        screen.answer(record, "Stopped early; `move37 check` goes on from here.")
        return STOPPED
    text = evaluator_text(view, width=screen.width, paint=screen.paint)
    screen.answer(record, f"{text}\n\nNext: `move37 run`")
    return DONE if view.fit else NO


def _told(done: "Initialised") -> str:
    from move37.report.words import clean

    lines = [f"Wrote {done.path} ({clean(done.layout)})."]
    return "\n".join([*lines, *(f"  {clean(note)}" for note in done.notes)])


def _ask(screen: Screen, question: "Question") -> str:
    """Ask on standard error when standard output is for programs."""
    closed = question.key == "metric.goal"
    offered = "" if closed or not question.choices else f" ({', '.join(question.choices)})"
    return str(
        click.prompt(
            question.text + offered,
            default=question.suggestion,
            type=click.Choice(question.choices) if closed else None,
            prompt_suffix=" ",
            err=screen.json,
        )
    )


def _confirm(screen: Screen, drafted: "Drafted") -> str:
    """Show a draft; empty to agree, `no`, or what to change."""
    from move37.report.words import clean

    parts = [drafted.text.rstrip()]
    if drafted.plan:
        parts.append("program.md:\n" + "\n".join(f"  {line}" for line in drafted.plan.splitlines()))
    parts.append("\n".join(f"- {clean(note)}" for note in drafted.notes))
    screen.say("\n" + "\n\n".join(parts) + "\n")
    asked = "Write it? Enter for yes, `no`, or what to change:"
    return str(
        click.prompt(asked, default="", show_default=False, prompt_suffix=" ", err=screen.json)
    )
