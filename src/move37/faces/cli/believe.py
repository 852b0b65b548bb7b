"""The commands that tell whether to believe a result."""

import os
from collections.abc import Sequence
from pathlib import Path
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
    stream, notify = progress_stream(json=where.screen.json), app.read_notify(os.environ)
    with watching(stop, stream=stream, lines=plain) as watch:
        view = app.certify(
            where.root,
            experiment,
            pairs=pairs,
            settings=settings,
            watch=watch,
            stop=stop,
            notify=notify,
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
@click.argument(
    "bundle",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@common
def verify(where: Where, *, bundle: Path | None) -> int:
    """Compute every derived figure again.

    From the stored facts, and compare with what was recorded. With BUNDLE: of what somebody sent; nothing of it is
    run. Exits with 1 when a figure differs.
    """
    from move37 import app
    from move37.report.text import verified_text

    view = app.verify(where.root) if bundle is None else app.verify_bundle(bundle)
    where.screen.answer(view, verified_text(view, paint=where.screen.paint))
    return DONE if view.ok else NO


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--without-data", is_flag=True, help="Leave out the linked and the hidden files of the task."
)
@common
def bundle(where: Where, *, file: Path, without_data: bool) -> None:
    """Write a study into one file that others can check and run again.

    Task, seeds, facts, the code that the claims rest on, versions and the report. With the linked and hidden files,
    as every trial needs them. Paths of your own directories are taken out.
    """
    from move37 import app
    from move37.report.words import count

    done = app.bundle(where.root, file, data=not without_data)
    lines = [
        f"Wrote {done.path}: {done.size_bytes / 1024:,.0f} kB, {count(done.facts, 'fact')}, "
        f"{count(done.programs, 'program')}."
    ]
    if done.data:
        lines.append(f"It holds the task's data, hidden files included: {_few(done.data)}.")
    if done.left_out:
        lines.append(f"Nobody can run it again without {_few(done.left_out)}, which it lacks.")
    where.screen.answer(done, "\n".join(lines))


def _few(names: Sequence[str]) -> str:
    from move37.report.words import clean

    shown = ", ".join(map(clean, names[:4]))
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


@click.command()
@click.argument(
    "file", metavar="BUNDLE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--pairs", type=click.IntRange(min=2, max=1000), metavar="N", help="N pairs of trials."
)
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="Of all seeds. Default: drawn."
)
@click.option(
    "--sandbox",
    type=click.Choice(("auto", "root", "user", "plain")),
    help="How strongly its programs are fenced in. Default: as strongly as can be.",
)
@click.option(
    "--grant", is_flag=True, help="Let them read and be told what the task asks for besides."
)
@common
def reproduce(where: Where, *, file: Path, **options: Any) -> int:
    """Run a bundle's champion and baseline again, on fresh seeds.

    In the sandbox, in turn, and compare the effect with what the bundle claims. Exits with 1 unless they agree.
    """
    from move37 import app
    from move37.core.events import Stop
    from move37.faces.cli.live import progress_stream, watching
    from move37.report.text import reproduced_text

    stop, stream = Stop(), progress_stream(json=where.screen.json)
    with watching(stop, stream=stream, lines=True):
        view = app.reproduce(
            file, stop=stop, told=lambda line: print(line, file=stream, flush=True), **options
        )
    if view is None:
        where.screen.answer({"reproduced": None}, "Stopped early; nothing was kept.")
        return STOPPED
    where.screen.answer(view, reproduced_text(view, paint=where.screen.paint))
    return DONE if view.verdict == "agrees" else NO
