"""`move37 board` and what belongs to it: posts about a study."""

import sys
from typing import TYPE_CHECKING, Any

import click

from move37.faces.cli.options import DONE, NO, Where, common, parse_experiment

if TYPE_CHECKING:
    from move37.report.board import Noted

_KINDS = ("hypothesis", "finding", "lesson", "question", "answer", "idea")
_MOST_READ = 1_000_000
"""Characters of standard input; a post has far fewer."""


def parse_post(text: str) -> int:
    """A post's number, as `3` or `p3`."""
    digits = text.removeprefix("p")
    if not (digits.isascii() and digits.isdigit()):
        raise click.BadParameter(f"{text!r} is no post; write it as `p3` or `3`")
    return int(digits)


post_argument = click.argument("post", type=parse_post, metavar="POST")
author_option = click.option("--author", metavar="NAME", help="Who. Default: your user name.")
limit_option = click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="At most N of them.",
)  # fmt: skip


@click.group(invoke_without_command=True)
@click.option("--kind", type=click.Choice(_KINDS), help="Only posts of this kind.")
@click.option("--about", type=parse_experiment, metavar="ID", help="Only posts about `x12`.")
@click.option(
    "--newest", "order", flag_value="newest", help="Last posted first, instead of by evidence."
)
@limit_option
@click.option("--retracted", is_flag=True, help="Those as well that were taken back.")
@common
def board(where: Where, *, order: str | None, **options: Any) -> None:
    """Read what was posted about the study, or post.

    What is borne out by the study's own measurements comes first, what they contradict last. Numbers of an
    experiment that a post names, such as `x12`, are filled in as believed now; any other number in a post is marked as
    claimed.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from move37 import app
    from move37.report.board import board_text

    view = app.board(where.root, order=order or "evidence", **options)  # pyright: ignore[reportArgumentType]
    screen = where.screen
    screen.answer(view, board_text(view, width=screen.width, paint=screen.paint))


@board.command("post")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("text")
@click.option("--to", "reply_to", type=parse_post, metavar="POST", help="The post it replies to.")
@click.option(
    "--about",
    type=parse_experiment,
    multiple=True,
    metavar="ID",
    help="An experiment that it is about, besides those that the text names. May be given several times.",
)
@click.option(
    "--effect",
    type=float,
    metavar="NUMBER",
    help="What a hypothesis predicts, or a finding states, of the metric, in its own unit: below 0 where it falls.",
)
@author_option
@click.option(
    "--role",
    type=click.Choice(("person", "agent")),
    default="person",
    show_default=True,
    help="Who writes.",
)
@click.option(
    "--taint",
    type=click.Choice(("person", "model", "output")),
    help="Whose words they are; `output`: what a candidate printed. Default: by --role.",
)
@common
def post(where: Where, *, text: str, **said: Any) -> int:
    """Post TEXT, of some KIND.

    A `hypothesis` may be claimed by whoever tests it. A `finding` says what experiments showed, a `lesson` what to do
    or to leave; `question` and `answer` are what they say, an `idea` is not worked out yet. TEXT `-` is read from standard
    input. At most 4,000 characters.

    The engine at work takes it in; if none is, it is stored at once. Exit code 1: it could not be taken.
    """
    from move37 import app

    if text == "-":
        text = sys.stdin.read(_MOST_READ)
    return _answer(where, app.post(where.root, text=text, **said))


@board.command("show")
@click.argument("post", metavar="POST|TICKET")
@common
def show_post(where: Where, *, post: str) -> None:
    """Show a post, what is known of it, and all that replies to it."""
    from move37 import app
    from move37.report.board import thread_text

    view = app.thread(where.root, post)
    screen = where.screen
    screen.answer(view, thread_text(view, width=screen.width, paint=screen.paint))


@board.command("search")
@click.argument("words", nargs=-1, required=True)
@limit_option
@common
def search(where: Where, *, words: tuple[str, ...], limit: int) -> None:
    """Find the posts that have most to do with some WORDS."""
    from move37 import app
    from move37.report.board import board_text

    view = app.search_board(where.root, " ".join(words), limit=limit)
    screen = where.screen
    screen.answer(view, board_text(view, width=screen.width, paint=screen.paint))


@board.command("claim")
@post_argument
@click.option("--release", is_flag=True, help="You do so no more.")
@author_option
@common
def claim(where: Where, **said: Any) -> int:
    """Say that you work on a hypothesis, so that nobody does the same."""
    from move37 import app

    return _answer(where, app.claim(where.root, **said))


@board.command("retract")
@post_argument
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@author_option
@common
def retract(where: Where, **said: Any) -> int:
    """Take a post back.

    It stays stored, as all facts do, and is told to nobody who does not ask for it.
    """
    from move37 import app

    return _answer(where, app.retract(where.root, **said))


def _answer(where: Where, noted: "Noted") -> int:
    from move37.report.board import noted_text

    screen = where.screen
    screen.answer(noted, noted_text(noted, width=screen.width, paint=screen.paint))
    return NO if noted.state == "refused" else DONE
