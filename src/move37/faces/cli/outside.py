"""The commands for whoever proposes from outside: people, and agents that they drive."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from move37.faces.cli.options import (
    DONE,
    NO,
    STOPPED,
    Where,
    common,
    parse_experiment,
)

if TYPE_CHECKING:
    from move37.app import Change, RunSettings
    from move37.report.results import Awaited


def _parse_base(text: str) -> Any:
    return text if text == "best" else parse_experiment(text)


def _measuring_options(command: Any) -> Any:
    for option in (
        click.option(
            "--timeout",
            type=click.FloatRange(min=0),
            metavar="S",
            help="Wait at most S seconds. Default: as long as it takes.",
        ),
        click.option(
            "--sandbox",
            type=click.Choice(("auto", "root", "user", "plain")),
            help="How strongly programs are fenced in, if it is measured here.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.option(
    "--patch",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    metavar="F",
    help="A patch, as of `git diff` or `diff -u`; `-` reads it from standard input.",
)
@click.option(
    "--program",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="D",
    help="A directory with the whole program, changed; what it lacks is deleted.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="PATH=F",
    help="New content of one file; without F it is deleted. May be given several times.",
)
@click.option("--hypothesis", required=True, metavar="TEXT", help="Why it should help; a sentence.")
@click.option(
    "--base",
    type=_parse_base,
    metavar="ID",
    help="The program that is changed: `x12`, or `best`. Default: the baseline, your files as they were.",
)
@click.option(
    "--effect",
    type=float,
    metavar="NUMBER",
    help="How much the metric will change, in its own unit: below 0 where it should fall.",
)
@click.option("--author", metavar="NAME", help="Who proposes. Default: your user name.")
@click.option(
    "--wait/--no-wait",
    "wait",
    default=None,
    help="Wait for the outcome, or only hand it in. Default: wait if it is measured here.",
)
@_measuring_options
@common
def propose(
    where: Where,
    *,
    patch: Path | None,
    program: Path | None,
    files: tuple[str, ...],
    wait: bool | None,
    timeout: float | None,
    sandbox: str | None,
    **said: Any,
) -> int:
    """Hand in a change of your own.

    It is measured before anything that the search would like. The engine at work takes it in; if
    none is, it is measured here, at once, whatever the budget. Prints a ticket for `move37 wait`.

    Exit code 1: it failed, or could not be taken; 3: not measured yet when time was up.
    """
    from move37 import app
    from move37.report.queued import handed_in_text

    change, stop, settings = _change(patch, program, files), _stop(), _settings(sandbox)
    with _watching(where, stop) as watch:
        done = app.propose(
            where.root,
            change,
            measure=wait is not False,
            wait=wait is True,
            timeout_seconds=timeout,
            settings=settings,
            watch=watch,
            stop=stop,
            **said,
        )
    screen = where.screen
    screen.answer(done, handed_in_text(done, width=screen.width, paint=screen.paint))
    handed_in_only = not done.awaited.is_done and wait is not True and not _ended(stop, timeout)
    return DONE if handed_in_only else _code(done.awaited)


@click.command()
@click.argument("what", metavar="ID|TICKET")
@_measuring_options
@common
def wait(where: Where, *, what: str, timeout: float | None, sandbox: str | None) -> int:
    """Wait until an experiment has an outcome.

    Takes an experiment's ID, such as `x12`, or the ticket that `move37 propose` printed. Then shows all about
    it, verdict and belief included. What was handed in is measured here if nobody works on the study.

    Exit code 1: it failed, or could not be taken; 3: no outcome yet when time was up.
    """
    from move37 import app
    from move37.report.queued import awaited_text

    stop = _stop()
    with _watching(where, stop) as watch:
        view = app.wait(
            where.root,
            what,
            timeout_seconds=timeout,
            settings=_settings(sandbox),
            watch=watch,
            stop=stop,
        )
    screen = where.screen
    screen.answer(view, awaited_text(view, width=screen.width, paint=screen.paint))
    return _code(view)


@click.command()
@click.option(
    "--tokens",
    type=click.IntRange(min=200),
    default=4000,
    show_default=True,
    metavar="N",
    help="At most so many, counted as one for every three bytes.",
)
@common
def brief(where: Where, *, tokens: int) -> None:
    """Tell a fresh agent all it needs.

    Goal, rules, state, the champion's lineage with its effects, failures, what to try, how to propose: for
    an agent that begins, or whose context was cleared.
    """
    from move37 import app

    done = app.brief(where.root, limit=tokens)
    where.screen.answer(done, done.text.rstrip("\n"))


@click.command()
@click.option(
    "--http", is_flag=True, help="Streamable HTTP on the loopback interface, with a token."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8037,
    show_default=True,
    metavar="N",
    help="Where --http listens; 0 takes a free one.",
)
@click.option(
    "--sandbox",
    type=click.Choice(("auto", "root", "user", "plain")),
    help="How strongly programs are fenced in, if they are measured here.",
)
@common
def mcp(where: Where, *, http: bool, port: int, sandbox: str | None) -> None:
    """Serve the study to agents, by MCP.

    Over standard input and output, for a client that starts it; or --http, for clients on this machine that send the
    token (in `.move37/mcp-token`, or what MOVE37_MCP_TOKEN is set to). What agents propose is measured in the
    background if no engine is at work.
    """
    import os
    import sys

    # A program of its own, as no face knows another. -P: the current directory holds no modules of ours.
    command = [sys.executable, "-P", "-m", "move37.faces.mcp", "--root", str(where.root.resolve())]
    command += ["--http", "--port", str(port)] if http else []
    command += ["--sandbox", sandbox] if sandbox else []
    os.execv(command[0], command)


@click.command()
@common
def watch(where: Where) -> None:
    """Watch the study on this terminal, live.

    Status, chart, list, every experiment with its change, lineage, referee, proposers, board and log. Keys are at the
    foot. It works over ssh, at 80x24, with NO_COLOR and where only ASCII is shown.
    """
    import os
    import sys

    # A program of its own, as no face knows another. -P: the current directory holds no modules of ours.
    command = [sys.executable, "-P", "-m", "move37.faces.tui", "--root", str(where.root.resolve())]
    os.execv(command[0], command)


@click.command()
@click.option("--test", is_flag=True, help="Send one to every address, and say what came of it.")
@common
def notify(where: Where, *, test: bool) -> int:
    """Show who is notified of what while a study runs, or try it.

    Addresses are Apprise's (desktop, e-mail, Slack, Discord and others), in MOVE37_NOTIFY_URLS, or in notify.toml in your
    configuration (`~/.config/move37/`), of mode 600:

    \b
      urls = ["mailto://user:password@example.org", "discord://ID/TOKEN"]
      on = ["claim", "stagnation", "failures", "end"]
      every_minutes = 10
    """
    import os

    from move37 import app

    settings = app.read_notify(os.environ)
    if not test:
        told = ", ".join(settings.services) or "nobody"
        text = f"notified: {told}\nof: {', '.join(sorted(settings.on))}\nat most one of a kind in "
        record = {"services": settings.services, "on": sorted(settings.on)}
        where.screen.answer(record, f"{text}{settings.every_minutes:g} min; `--test` sends one")
        return DONE
    sent = app.try_notify(settings)
    lines = [
        f"{one.service}: {f'not sent: {one.failure}' if one.failure else 'sent'}" for one in sent
    ]
    where.screen.answer({"sent": sent}, "\n".join(lines))
    return NO if any(one.failure for one in sent) else DONE


@click.command()
@click.argument("action", type=click.Choice(("install", "show")))
@click.option(
    "--for",
    "client",
    type=click.Choice(("claude", "codex", "opencode", "gemini", "all")),
    default="all",
    show_default=True,
    help="Which agent shall learn it.",
)
@click.option(
    "--user/--project", default=False, help="For all your projects, or for this one only."
)
@click.option("--force", is_flag=True, help="Also over a SKILL.md that is not ours.")
@common
def skill(where: Where, *, action: str, client: str, user: bool, force: bool) -> None:
    """Teach a coding agent to run the loop.

    `install` writes SKILL.md where Claude Code, Codex, OpenCode and Gemini CLI look for it; `show` prints it.
    """
    from move37 import app

    if action == "show":
        text = app.skill_text()
        where.screen.answer({"text": text}, text.rstrip("\n"))
        return
    done = app.install_skill(where.root, client, user=user, force=force)
    lines = [f"{'Wrote' if path in done.written else 'Found'} {path}" for path in done.files]
    where.screen.answer(done, "\n".join(lines))


def _code(view: "Awaited") -> int:
    if not view.is_done:
        return STOPPED
    return NO if view.state in ("failed", "refused") else DONE


def _ended(stop: Any, timeout: float | None) -> bool:
    return bool(stop.soft) or timeout is not None


def _change(patch: Path | None, program: Path | None, files: tuple[str, ...]) -> "Change":
    from move37.app import Change

    if (patch is not None) + (program is not None) + bool(files) != 1:
        raise click.UsageError("say what changes with one of --patch, --program or --file")
    if patch is not None:
        with click.open_file(str(patch), "rb") as file:
            return Change(patch=file.read())
    if program is not None:
        return Change(directory=program)
    return Change(files=dict(map(_file, files)))


def _file(text: str) -> tuple[str, bytes | None]:
    path, _, source = text.partition("=")
    if not path:
        raise click.BadParameter(f"{text!r} names no file; write it as `train.py=new.py`")
    return path, Path(source).read_bytes() if source else None


def _settings(sandbox: str | None) -> "RunSettings":
    from move37.app import RunSettings

    return RunSettings(sandbox=sandbox)


def _stop() -> Any:
    from move37.core.events import Stop

    return Stop()


def _watching(where: Where, stop: Any) -> Any:
    """Progress goes where the answer does not."""
    import sys

    from move37.faces.cli.live import watching

    return watching(stop, stream=sys.stderr, lines=where.screen.json)


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3737,
    show_default=True,
    metavar="N",
    help="Where it listens; 0 takes a free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="NAME",
    help="On which address. Another one than this machine's own needs --on-network.",
)
@click.option(
    "--on-network", is_flag=True, help="Others may reach it: what they read is not encrypted."
)
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
@common
def web(where: Where, *, port: int, host: str, on_network: bool, no_open: bool) -> None:
    """Show all your studies in a browser, live.

    The study here and those that were run on this machine by you. For this machine alone, and for whoever has the
    token in the address that is printed: once, then the browser keeps a cookie.
    """
    import os
    import sys

    # A program of its own, as no face knows another. -P: the current directory holds no modules of ours.
    command = [sys.executable, "-P", "-m", "move37.faces.web", "--root", str(where.root.resolve())]
    command += ["--port", str(port), "--host", host]
    command += ["--on-network"] if on_network else []
    command += ["--no-open"] if no_open else []
    os.execv(command[0], command)
