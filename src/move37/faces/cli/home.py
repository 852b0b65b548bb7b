"""The commands that take a result home."""

import sys
from pathlib import Path
from typing import Any

import click

from move37.faces.cli.options import Where, common, experiment_argument
from move37.faces.cli.screen import write_exactly

FORMATS = ("csv", "parquet", "tsv", "tensorboard", "mlflow", "wandb")


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

    EXPERIMENT is the champion, unless you name one. After `move37 ablate`, each edit that survived is a commit of
    its own, whose message says what it was measured to bring. Your files and your index stay as they are.
    """
    from move37 import app
    from move37.report.words import clean

    done = app.branch(where.root, name, experiment)
    lines = [f"Branch {done.branch} holds x{done.experiment}:"]
    for commit, subject in zip(done.commits, done.subjects, strict=True):
        lines.append(f"  {commit[:12]}  {clean(subject)}")
    if len(done.commits) == 1:
        lines.append("One commit: `move37 ablate` measures its edits one by one.")
    where.screen.answer(done, "\n".join(lines))


@click.command()
@experiment_argument
@click.option(
    "--pr", "pull_request", is_flag=True, help="Print a pull request's title and text instead."
)
@common
def patch(where: Where, *, experiment: int | None, pull_request: bool) -> None:
    """Print a result, for `git apply`.

    EXPERIMENT is the champion, unless you name one. With --pr: a title, an empty line, and Markdown that says what
    is claimed and how it can be checked, or that nothing is certified.
    """
    from move37 import app

    if pull_request:
        drafted = app.pull_request(where.root, experiment)
        where.screen.answer(drafted, f"{drafted.title}\n\n{drafted.body.rstrip()}")
        return
    view = app.patch(where.root, experiment)
    print_program(where, view, view.text)


@click.command()
@click.argument("kind", metavar="FORMAT", type=click.Choice(FORMATS))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A directory to make. Default: .move37/exports/FORMAT in the task.",
)
@click.option("--force", is_flag=True, help="Replace an earlier export there.")
@common
def export(where: Where, *, kind: str, out: Path | None, force: bool) -> None:
    """Write all experiments and trials for another tool.

    FORMAT is csv, parquet, tsv (the results.tsv of karpathy/autoresearch), tensorboard, mlflow or wandb (both offline). Values are
    in the metric's own unit; only what is `certified` is an improvement.
    """
    from move37 import app

    done = app.export(where.root, kind, out, replace=force)
    told = f"Wrote {done.experiments} experiments and {done.trials} trials into {done.path}:"
    where.screen.answer(done, "\n".join([told, *(f"  {name}" for name in done.files)]))


def print_program(where: Where, record: Any, text: str) -> None:
    """A diff byte for byte where a program reads it; harmless where a person does."""
    if where.screen.json:
        where.screen.answer(record, "")
    elif sys.stdout.isatty():
        from move37.report.text import diff_text

        where.screen.say(diff_text(text, paint=where.screen.paint))
    else:
        write_exactly(text)
