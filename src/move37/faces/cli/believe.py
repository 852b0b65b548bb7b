"""The commands that tell whether to believe a result."""

from typing import TYPE_CHECKING, Any

import click

from move37.faces.cli.options import (
    DONE,
    NO,
    STOPPED,
    Where,
    common,
    experiment_argument,
)

if TYPE_CHECKING:
    from move37.report.evaluator import EvaluatorView


@click.command()
@click.option(
    "--at-least",
    "least",
    type=click.Choice(("A", "B", "C", "D", "E", "F"), case_sensitive=False),
    default="C",
    show_default=True,
    help="The grade that is good enough.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Trials at once.")
@click.option(
    "--sandbox",
    type=click.Choice(("auto", "root", "user", "plain")),
    help="How strongly programs are fenced in. Default: as the task says.",
)
@click.option("--plain", is_flag=True, help="Plain lines, even on a terminal.")
@common
def check(
    where: Where, *, least: Any, workers: int | None, sandbox: str | None, plain: bool
) -> int:
    """Find out what the evaluation would believe.

    Measures the baseline, adds a comment to it, and tries cheats on the evaluation: false metrics,
    forged files, hidden files, the network and more. Exits with 1 when its grade is too low.
    """
    from move37.report.evaluator import evaluator_text

    view = examine(where, least=least, workers=workers, sandbox=sandbox, plain=plain)
    screen = where.screen
    if view is None:
        screen.answer({"grade": None}, "Stopped early; `move37 check` goes on from here.")
        return STOPPED
    screen.answer(view, evaluator_text(view, width=screen.width, paint=screen.paint))
    return DONE if view.fit else NO


def examine(
    where: Where,
    *,
    least: Any = "C",
    workers: int | None = None,
    sandbox: str | None = None,
    plain: bool = False,
) -> "EvaluatorView | None":
    """Issue the certificate, while it is watched."""
    from move37 import app
    from move37.core.events import Stop
    from move37.faces.cli.live import progress_stream, watching

    stop, settings = Stop(), app.RunSettings(workers=workers, sandbox=sandbox)
    stream = progress_stream(json=where.screen.json)
    with watching(stop, stream=stream, lines=plain) as watch:
        return app.check(where.root, settings, least=least, watch=watch, stop=stop)


@click.command()
@experiment_argument
@click.option(
    "--pairs",
    type=click.IntRange(min=1, max=1000),
    metavar="N",
    help="At most N pairs of trials, but as many as a claim needs.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Trials at once.")
@click.option("--plain", is_flag=True, help="Plain lines, even on a terminal.")
@common
def certify(
    where: Where, *, experiment: int | None, pairs: int | None, workers: int | None, plain: bool
) -> int:
    """Compare with the baseline on fresh seeds.

    EXPERIMENT is the champion, unless you name one. The seeds were never used before. Champion and
    baseline take turns until it is decided, or is not going to be. Exits with 1 when no improvement can be claimed.
    """
    from move37 import app
    from move37.core.events import Stop
    from move37.faces.cli.live import progress_stream, watching
    from move37.report.text import certificate_text

    stop, settings = Stop(), app.RunSettings(workers=workers)
    stream = progress_stream(json=where.screen.json)
    with watching(stop, stream=stream, lines=plain) as watch:
        view = app.certify(
            where.root, experiment, pairs=pairs, settings=settings, watch=watch, stop=stop
        )
    screen = where.screen
    if view is None:
        screen.answer({"certified": None}, "Stopped early; `move37 certify` goes on from here.")
        return STOPPED
    metric = app.status(where.root).metric
    screen.answer(view, certificate_text(view, metric, width=screen.width, paint=screen.paint))
    return DONE if view.claim else NO


@click.command()
@experiment_argument
@click.option(
    "--trials", type=click.IntRange(min=6), metavar="N", help="At most N trials for the edits."
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Trials at once.")
@click.option("--plain", is_flag=True, help="Plain lines, even on a terminal.")
@common
def ablate(
    where: Where, *, experiment: int | None, trials: int | None, workers: int | None, plain: bool
) -> int:
    """Find out which edits matter, and drop the others.

    EXPERIMENT is the champion, unless you name one. Each of its edits is taken out and measured;
    what does nothing is dropped, and the rest is certified not to be worse.
    """
    from move37 import app
    from move37.core.events import Stop
    from move37.faces.cli.live import progress_stream, watching
    from move37.report.ablation import ablation_text

    stop, settings = Stop(), app.RunSettings(workers=workers)
    stream = progress_stream(json=where.screen.json)
    with watching(stop, stream=stream, lines=plain) as watch:
        view = app.ablate(
            where.root, experiment, trials=trials, settings=settings, watch=watch, stop=stop
        )
    screen = where.screen
    if view is None:
        screen.answer({"ablated": None}, "Stopped early; `move37 ablate` goes on from here.")
        return STOPPED
    screen.answer(view, ablation_text(view, width=screen.width, paint=screen.paint))
    return DONE


@click.command()
@common
def verify(where: Where) -> int:
    """Compute every derived figure again.

    From the stored facts, and compare with what was recorded. Exits with 1 when one differs.
    """
    from move37 import app
    from move37.report.text import verified_text

    view = app.verify(where.root)
    where.screen.answer(view, verified_text(view, paint=where.screen.paint))
    return DONE if view.ok else NO
