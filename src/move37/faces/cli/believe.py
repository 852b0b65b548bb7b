"""The commands that tell whether to believe a result."""

import click

from move37.faces.cli.options import (
    DONE,
    NO,
    STOPPED,
    Where,
    common,
    experiment_argument,
)


@click.command()
@experiment_argument
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Trials at once.")
@click.option("--plain", is_flag=True, help="Plain lines, even on a terminal.")
@common
def certify(where: Where, *, experiment: int | None, workers: int | None, plain: bool) -> int:
    """Compare with the baseline on fresh seeds.

    EXPERIMENT is the champion, unless you name one. The seeds were never used before. Exits with 1 when no improvement can be claimed.
    """
    from move37 import app
    from move37.core.events import Stop
    from move37.faces.cli.live import progress_stream, watching
    from move37.report.text import certificate_text

    stop, settings = Stop(), app.RunSettings(workers=workers)
    stream = progress_stream(json=where.screen.json)
    with watching(stop, stream=stream, lines=plain) as watch:
        view = app.certify(where.root, experiment, settings=settings, watch=watch, stop=stop)
    screen = where.screen
    if view is None:
        screen.answer({"certified": None}, "Stopped early; `move37 certify` goes on from here.")
        return STOPPED
    metric = app.status(where.root).metric
    screen.answer(view, certificate_text(view, metric, width=screen.width, paint=screen.paint))
    return DONE if view.claim else NO


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
