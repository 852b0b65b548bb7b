"""`move37 pause`, `resume`, `stop`, `pin`, `veto` and `steer`: what a person wants a study to do."""

from typing import TYPE_CHECKING, Any

import click

from move37.faces.cli.options import DONE, NO, Where, common, parse_experiment

if TYPE_CHECKING:
    from move37.report.steering import Ordered

_WAYS = ("proposer", "move", "file")

author_option = click.option("--author", metavar="NAME", help="Who. Default: your user name.")
reason_option = click.option("--reason", default="", metavar="TEXT", help="Why, for the record.")
experiment = click.argument("experiment", type=parse_experiment)
off_option = click.option("--off", is_flag=True, help="Take it back.")


def _parse_amount(text: str) -> float | str:
    if text == "none":
        return text
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no number; write one, or `none` for no limit"
        ) from None


@click.command()
@reason_option
@author_option
@common
def pause(where: Where, **said: Any) -> int:
    """Begin nothing new until `move37 resume`.

    What runs is finished. The run that is at work waits, and its time does not count.
    """
    from move37 import app

    return _answer(where, app.pause(where.root, **said))


@click.command()
@author_option
@common
def resume(where: Where, **said: Any) -> int:
    """Go on after a pause."""
    from move37 import app

    return _answer(where, app.resume(where.root, **said))


@click.command()
@author_option
@common
def stop(where: Where, **said: Any) -> int:
    """End the run that is at work, as Ctrl-C does.

    What runs is finished; `move37 run` goes on from there.
    """
    from move37 import app

    return _answer(where, app.stop(where.root, **said))


@click.command()
@experiment
@off_option
@reason_option
@author_option
@common
def pin(where: Where, *, experiment: int, **said: Any) -> int:
    """Build on this experiment, whatever the search would choose.

    Until it is taken `--off`. Several take turns. Who proposes stays the search's choice.
    """
    from move37 import app

    return _answer(where, app.pin(where.root, experiment, **said))


@click.command()
@experiment
@off_option
@reason_option
@author_option
@common
def veto(where: Where, *, experiment: int, **said: Any) -> int:
    """Never build on this experiment, and never call it the best.

    Its trials stay evidence; what descends from it stays, and says so.
    """
    from move37 import app

    return _answer(where, app.veto(where.root, experiment, **said))


@click.group(invoke_without_command=True)
@common
def steer(where: Where) -> None:
    """Show what people have ordered of the study, or order something.

    Every order is a fact of the study, with its author and time. The engine at work takes it in at its next
    turn; if none is, it is recorded at once, for the next run.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from move37 import app
    from move37.report.steering import steering_text

    view, screen = app.steering(where.root), where.screen
    screen.answer(view, steering_text(view, width=screen.width, paint=screen.paint))


@steer.command("hold")
@click.argument("way", type=click.Choice(_WAYS))
@click.argument("name")
@reason_option
@author_option
@common
def hold(where: Where, *, way: Any, name: str, **said: Any) -> int:
    """Pause one direction: nothing of it is proposed or tried.

    A `proposer` by its name, such as `tune`; a kind of `move`, such as `tune.number`, or `tune` for all of
    them; or a `file`.
    """
    from move37 import app

    return _answer(where, app.hold(where.root, way, name, **said))


@steer.command("release")
@click.argument("way", type=click.Choice(_WAYS))
@click.argument("name")
@author_option
@common
def release(where: Where, *, way: Any, name: str, **said: Any) -> int:
    """Go on with a direction that was held."""
    from move37 import app

    return _answer(where, app.hold(where.root, way, name, release=True, **said))


@steer.command("budget")
@click.argument("resource", type=click.Choice(("experiments", "hours", "usd")))
@click.argument("amount", type=_parse_amount)
@author_option
@common
def budget(where: Where, *, resource: Any, amount: float | str, **said: Any) -> int:
    """Let the study spend AMOUNT of a RESOURCE in all, or `none` for no limit.

    Holds instead of what the task and the command line say, until they say something else than now.
    """
    from move37 import app

    limit = None if isinstance(amount, str) else amount
    return _answer(where, app.set_budget(where.root, resource, limit, **said))


@steer.command("idea")
@click.argument("text")
@author_option
@common
def idea(where: Where, *, text: str, **said: Any) -> int:
    """Queue an idea in words, for the next proposer that is told in words: `llm` or `agent`.

    It is a post on the board as well; `move37 board retract` takes it back.
    """
    from move37 import app
    from move37.report.board import noted_text

    noted, screen = app.queue_idea(where.root, text, **said), where.screen
    screen.answer(noted, noted_text(noted, width=screen.width, paint=screen.paint))
    return NO if noted.state == "refused" else DONE


def _answer(where: Where, ordered: "Ordered") -> int:
    from move37.report.steering import ordered_text

    screen = where.screen
    screen.answer(ordered, ordered_text(ordered, paint=screen.paint))
    return NO if ordered.state == "refused" else DONE
