"""The commands that take a result home."""

import sys
from typing import Any

import click

from move37.faces.cli.options import Where, common, experiment_argument
from move37.faces.cli.screen import write_exactly


@click.command()
@experiment_argument
@common
def apply(where: Where, *, experiment: int | None) -> None:
    """Write a result into your files.

    EXPERIMENT is the champion, unless you name one. Your own changes are never overwritten.
    """
    from move37 import app
    from move37.report.words import clean

    done = app.apply(where.root, experiment)
    files = "\n".join(f"  {clean(path)}" for path in done.files)
    already = f"Your files have all that x{done.experiment} changes already."
    text = f"Applied x{done.experiment}:\n{files}" if files else already
    where.screen.answer(done, text)


@click.command()
@click.argument("name")
@experiment_argument
@common
def branch(where: Where, *, name: str, experiment: int | None) -> None:
    """Make a git branch that holds a result.

    EXPERIMENT is the champion, unless you name one. Your files and your index stay as they are.
    """
    from move37 import app

    done = app.branch(where.root, name, experiment)
    where.screen.answer(
        done, f"Branch {done.branch} holds x{done.experiment} ({done.commit[:12]})."
    )


@click.command()
@experiment_argument
@common
def patch(where: Where, *, experiment: int | None) -> None:
    """Print a result, for `git apply`.

    EXPERIMENT is the champion, unless you name one.
    """
    from move37 import app

    view = app.patch(where.root, experiment)
    print_program(where, view, view.text)


def print_program(where: Where, record: Any, text: str) -> None:
    """A diff byte for byte where a program reads it; harmless where a person does."""
    if where.screen.json:
        where.screen.answer(record, "")
    elif sys.stdout.isatty():
        from move37.report.text import diff_text

        where.screen.say(diff_text(text, paint=where.screen.paint))
    else:
        write_exactly(text)
