"""The command line: every command is one function of `move37.app`, asked and shown.

Nothing heavy is imported before a command is chosen: `--help` answers at once.
"""

import os
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import move37
from move37.core.errors import Move37Error
from move37.faces.cli.begin import init
from move37.faces.cli.believe import ablate, bundle, certify, check, reproduce, verify
from move37.faces.cli.board import board
from move37.faces.cli.home import apply, branch, export, patch, print_program
from move37.faces.cli.options import (
    DONE,
    STOPPED,
    WRONG,
    Commands,
    Where,
    common,
    directory_option,
    experiment_argument,
    json_option,
    parse_experiment,
    run_options,
    settings_from,
)
from move37.faces.cli.outside import brief, mcp, notify, propose, skill, wait, watch, web
from move37.faces.cli.screen import Closed, Screen, leave_quietly, write
from move37.faces.cli.steering import pause, pin, resume, steer, stop, veto

if TYPE_CHECKING:
    from move37.report.results import DemoResult, RunResult

# --- the commands --------------------------------------------------------------------------------


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@directory_option
@json_option
@click.version_option(move37.__version__, "-V", "--version", message="move37 %(version)s")
@click.pass_context
def cli(context: click.Context, directory: Path | None, as_json: bool) -> None:
    """Runs your research while you sleep, and you can believe what it says in the morning.

    Point it at a directory with a program that prints a number. It changes the program, measures
    it in a sandbox, learns from what comes of it, and goes on until the budget is spent. Without a
    command it shows the state of the study here, or how to begin.

    Three words are kept apart: measured (what trials printed, luck included), believed (what all
    trials of the study say together) and certified (fresh evidence, with its interval). Only what
    is certified is called an improvement.

    Exit codes: 0 done, 1 the study says no, 2 wrong usage or a broken task, 3 stopped early.
    """
    if context.invoked_subcommand is None:
        _show_or_begin(Where(directory, json=as_json))


def _show_or_begin(where: Where) -> None:
    from move37 import app

    root = app.find_root(where.root)
    if (root / app.STUDY).is_dir():
        _print_status(where)
        return
    first = "`move37 run`" if app.has_task(root) else "`move37 init`, then `move37 run`"
    text = (
        f"There is no study in {root} yet.\n\n"
        f"  To begin here    {first}\n"
        "  To see one work  `move37 demo`\n"
        "  All commands     `move37 --help`"
    )
    where.screen.answer({"study": None, "root": str(root), "next": first.replace("`", "")}, text)


cli.add_command(init)
cli.add_command(check)


@cli.command()
@click.argument(
    "path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@run_options
@common
def run(where: Where, *, path: Path | None, plain: bool, **options: Any) -> int:
    """Start a study here, or in PATH, or go on with it.

    A directory of another tool that move37 knows is a task as it is. Goes on until the budget is spent, then certifies the champion. Ctrl-C finishes what runs and stops; a second one stops now. Either way nothing is lost, and
    the next run goes on from there.
    """
    from move37 import app
    from move37.core.events import Stop
    from move37.faces.cli.live import progress_stream, watching
    from move37.report.text import next_text

    stop, settings = Stop(), settings_from(options)
    stream = progress_stream(json=where.screen.json)
    notify = app.read_notify(os.environ)
    with watching(stop, stream=stream, lines=plain) as watch:
        result = app.run(
            where.root / (path or "."), settings, watch=watch, stop=stop, notify=notify
        )
    parts = (_run_text(where.screen, result), next_text(result, "move37"))
    where.screen.answer(result, "\n\n".join(filter(None, parts)))
    return _run_code(result)


def _run_code(result: "RunResult") -> int:
    if result.stopped_early:
        return STOPPED
    return WRONG if result.halt == "baseline" else DONE


def _run_text(screen: Screen, result: "RunResult") -> str:
    from move37.report.text import certificate_text, status_text
    from move37.report.words import clean

    width, paint = screen.width, screen.paint
    parts = [f"The run ended: {clean(result.reason)}."]
    parts.append(status_text(result.status, width=width, paint=paint))
    if result.certified is not None:
        metric = result.status.metric
        parts.append(certificate_text(result.certified, metric, width=width, paint=paint))
    return "\n\n".join(parts)


@cli.command()
@common
def status(where: Where) -> None:
    """Show where the study stands.

    Champion, baseline, budget, noise, failures and the latest certificate.
    """
    _print_status(where)


def _print_status(where: Where) -> None:
    from move37 import app
    from move37.report.text import status_text

    view = app.status(where.root)
    screen = where.screen
    screen.answer(view, status_text(view, width=screen.width, paint=screen.paint))


@cli.command("list")
@click.option("--best", "order", flag_value="best", help="By belief, best first.")
@click.option("--newest", "order", flag_value="newest", help="Last opened first.")
@click.option(
    "--pareto", "order", flag_value="pareto", help="Those that no other beats in all metrics."
)
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="At most N of them.")
@click.option(
    "--failed/--no-failed", default=None, help="Only those that failed, or only those that did not."
)
@click.option(
    "--tsv",
    is_flag=True,
    help="All of them as karpathy/autoresearch's results.tsv, to be redirected.",
)
@common
def list_(where: Where, *, order: Any, limit: int | None, failed: bool | None, tsv: bool) -> None:
    """List the experiments, a line each.

    Those of the current epoch, oldest first.
    """
    from move37 import app
    from move37.report.text import listing_text

    if tsv:
        found = app.results(where.root)
        where.screen.answer(found, found.text)
        return
    view = app.list_experiments(where.root, order=order or "id", limit=limit, failed=failed)
    screen = where.screen
    screen.answer(view, listing_text(view, width=screen.width, paint=screen.paint))


@cli.command()
@click.argument("experiment", type=parse_experiment)
@click.option(
    "--conversation", is_flag=True, help="What a model or an agent was asked, and answered."
)
@common
def show(where: Where, *, experiment: int, conversation: bool) -> None:
    """Show all about one experiment.

    Its change, belief, trials, verdict, failures and certificates.
    """
    from move37 import app
    from move37.report.asked import conversation_text

    if not conversation:
        _print_detail(where, app.show(where.root, experiment))
        return
    view, screen = app.conversation(where.root, experiment), where.screen
    screen.answer(view, conversation_text(view, width=screen.width, paint=screen.paint))


@cli.command()
@experiment_argument
@click.argument("other", type=parse_experiment, required=False)
@common
def diff(where: Where, *, experiment: int | None, other: int | None) -> None:
    """Show what an experiment changes.

    EXPERIMENT is the champion and OTHER the baseline, unless you name them. Into a pipe or a file
    the diff is byte for byte.
    """
    from move37 import app

    view = app.diff(where.root, experiment, other)
    print_program(where, view, view.text)


@cli.command()
@common
def best(where: Where) -> None:
    """Show all about the champion.

    The experiment with the best belief that passes all checks.
    """
    from move37 import app

    _print_detail(where, app.best(where.root))


def _print_detail(where: Where, view: Any) -> None:
    from move37.report.text import detail_text

    screen = where.screen
    screen.answer(view, detail_text(view, width=screen.width, paint=screen.paint))


for command in (certify, ablate, verify, bundle, reproduce, apply, branch, patch, export):
    cli.add_command(command)


@cli.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to write. Default: .move37/ in the task.",
)
@common
def report(where: Where, *, out: Path | None) -> None:
    """Write what was learned: report.html, report.md and progress.png.

    What is claimed and why, the champion edit by edit, what was tried and failed, the cost, what the study cannot
    say. The HTML is one file that needs no network and nothing beside it. Move 37s are told here as well.
    """
    from move37 import app
    from move37.report.surprises import surprises_text

    done = app.report(where.root, out)
    told = filter(None, (done.headline, surprises_text(done.move37s, done.surprises)))
    wrote = [f"Wrote {path}" for path in done.files]
    left = [f"No progress.png: {done.left_out}"] if done.left_out else []
    where.screen.answer(done, "\n\n".join([*told, "\n".join([*wrote, *left])]))


for command in (watch, web, propose, wait, brief, board):
    cli.add_command(command)
for command in (pause, resume, stop, pin, veto, steer, notify, mcp, skill):
    cli.add_command(command)


@cli.command()
@click.argument("name", required=False)
@click.option(
    "--list", "listed", is_flag=True, help="Show what there is, and how far each has come."
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A directory to make. Default: demo/NAME.",
)
@run_options
@common
def demo(
    where: Where,
    *,
    name: str | None,
    listed: bool,
    into: Path | None,
    plain: bool,
    **options: Any,
) -> int:
    """See it work on a program that ships with it: NAME, or `bpb`.

    In a fresh directory, without a network, an account or a model. Ends with a chart, the champion's diff and a certified effect.
    """
    if listed:
        if name is not None:
            raise click.UsageError(f"`--list` shows all demos; leave out {name!r}")
        return _list_demos(where.screen)
    from move37 import app
    from move37.core.events import Stop
    from move37.faces.cli.live import progress_stream, watching

    stop, settings, name = Stop(), settings_from(options), name or app.demos()[0].name
    directory = where.root / (into or Path("demo") / name)
    stream = progress_stream(json=where.screen.json)
    with watching(stop, stream=stream, lines=plain) as watch:
        result = app.demo(name, directory, settings, watch=watch, stop=stop)
    where.screen.answer(result, _demo_text(where.screen, result))
    return _run_code(result.run)


def _list_demos(screen: Screen) -> int:
    from move37 import app
    from move37.report.demos import demos_text

    demos = app.demos()
    screen.answer({"demos": demos}, demos_text(demos))
    return DONE


def _demo_text(screen: Screen, result: "DemoResult") -> str:
    from move37.report.text import diff_text, next_text

    parts: list[str] = []
    if result.diff:
        parts.append(diff_text(result.diff, paint=screen.paint).rstrip())
    parts.append(_run_text(screen, result.run))
    chart = "none: it needs matplotlib" if result.chart is None else str(result.chart)
    parts.append(f"  chart      {chart}\n  study      {result.directory}")
    command = f"{_called()} -C {shlex.quote(os.path.relpath(result.directory))}"
    parts.append(next_text(result.run, command))
    return "\n\n".join(filter(None, parts))


def _called() -> str:
    """How this person calls us: by name where the shell finds it, else by path."""
    return "move37" if shutil.which("move37") else os.path.relpath(sys.argv[0])


@cli.command()
@click.argument("name", required=False)
@click.option("--quick", is_flag=True, help="Within a minute, and less exactly.")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where its picture goes. Default: no picture.",
)
@common
def bench(where: Where, *, name: str | None, quick: bool, out: Path | None) -> None:
    """Measure what move37 promises of itself. Without a NAME, list what can be measured."""
    from move37 import app
    from move37.report.text import bench_text

    if name is None:
        names = app.benches()
        where.screen.answer(
            {"benches": names}, "\n".join(f"{name:<12}{told}" for name, told in names.items())
        )
        return
    result = app.bench(name, quick=quick, out=out)
    where.screen.answer(result, bench_text(result))


# --- the way in ----------------------------------------------------------------------------------


def main() -> None:
    """Run the command line, and exit with its code."""
    # Our matrices are small: threads would spin longer than they compute, beside busy workers.
    for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    sys.exit(run_command(sys.argv[1:]))


def run_command(args: list[str]) -> int:
    """One command line, from its words to its exit code; no exception of ours leaves it."""
    json = "--json" in args
    try:
        with cli.make_context("move37", args) as context:
            code = cli.invoke(context)
            sys.stdout.flush()
            return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as leaving:  # --help and --version
        return leaving.exit_code
    except click.ClickException as error:
        return _complain(error.format_message(), json=json)
    except Move37Error as error:
        return _complain(str(error), json=json)
    except (click.Abort, KeyboardInterrupt):
        return _complain("stopped", json=json, code=STOPPED)
    except (Closed, BrokenPipeError):
        leave_quietly()
        return DONE
    except OSError as error:  # a file or a disk that says no, where nobody knew more to say
        return _complain(_what_the_system_says(error), json=json)


def _what_the_system_says(error: OSError) -> str:
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)} cannot be used: "
    return f"{where}{error.strerror or error}; see to it, then run the same command again"


def _complain(message: str, *, json: bool, code: int = WRONG) -> int:
    """One sentence for a person, and an object for a program that waits for one."""
    from move37.report.words import clean

    with suppress(Closed):
        write(sys.stderr, f"move37: {clean(message, keep=os.linesep)}")
    if json:
        Screen(json=True).answer({"error": message}, "")
    return code


if __name__ == "__main__":
    main()
