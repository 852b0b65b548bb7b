"""One trial, one check: run it fenced in, and say what came of it.

Runs in a worker process. Trusts nothing that the program leaves behind, and raises nothing that the
program does: whatever it is, it becomes a record.
"""

import re
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from move37.core.facts import Checked
from move37.core.protocols import Attachments, Sandbox
from move37.core.records import (
    CheckJob,
    Exit,
    Failed,
    Launch,
    Limit,
    Measured,
    Metric,
    Mount,
    Stage,
    Task,
    Trial,
    TrialJob,
)
from move37.referee.artefacts import why_no_data
from move37.referee.curves import Listener, dump_curves
from move37.referee.metrics import clean, parse_metrics, read_metric
from move37.referee.units import UNITS_NAME, dump_units, forget_units, mean_error, read_units

METRICS_KEPT = 200
"""A trial keeps so many of the metrics that it printed: those that are needed, then the latest."""
CHECK_SECONDS = 600.0
"""A check may take at least so long: a test suite is often slower than a trial."""

_OUTPUT_LINES = 20
_OUTPUT_CHARACTERS = 4000
_LINE_CHARACTERS = 200
_MB = 1024**2
_GB = 1024**3


def measure(
    task: Task,
    *,
    job: TrialJob,
    workspace: Path,
    out: Path,
    fresh_workspace: Callable[[], Path],
    sandbox: Sandbox,
    candidate: Path | None = None,
    protect: Sequence[str] = (),
    mounts: Sequence[Mount] = (),
    hidden_mounts: Sequence[Mount] = (),
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Trial, Attachments] | None:
    """Run the evaluation once; `None` when it was stopped before it ended.

    workspace: holds the candidate's program and the task's fixed files, and nothing hidden.
    out: an empty directory; becomes `$MOVE37_OUT`, for `run` and then for `score`.
    fresh_workspace: makes the workspace of `score`: the task's fixed files, and nothing of the
        candidate's, so that no import and no path in it ever leads to what is being judged.
    candidate: a directory with the candidate's files; becomes `$MOVE37_CANDIDATE`, for `score` alone.
    protect: the task's fixed files.
    hidden_mounts: what `score` may see; and a self-reporting `run`, while it is being certified.

    Attachments: `stdout` and `stderr` of `run`, `score-stdout` and `score-stderr`, `units` when
    the evaluation left any, and `curves` with `early_stop`; each under `<job id>/`. Raises `SandboxError`, and nothing else.
    """
    scored = task.evaluate.score is not None
    run = Launch(
        command=task.evaluate.run,
        workspace=workspace,
        out=out,
        protect=tuple(protect),
        mounts=(*mounts, *(hidden_mounts if _sees_holdout(job) and not scored else ())),
        env=_environment(job, prints=not scored),
        timeout_seconds=limit_of(task, job),
        memory_bytes=task.evaluate.memory_bytes,
        cpus=task.evaluate.cpus,
    )
    listens = task.evaluate.early_stop and job.purpose == "search"
    heard = Listener(task.metric, job.curve) if listens else None
    ran = sandbox.run(
        run,
        stop=stop if heard is None else lambda: stop() or heard.is_hopeless,
        tell=None if heard is None else heard.hear,
    )
    if heard is not None and heard.is_hopeless and ran.ending == "stopped":
        return _ended_early(job, ran, heard)
    exits, failed = [ran], _why_broken("run", ran, run)
    if failed is not None and ran.ending == "timeout" and job.timeout_seconds is not None:
        failed = replace(failed, reason=f"{failed.reason} ({_UNWRITTEN})")
    if failed is None and task.evaluate.score is not None:
        failed = _why_unfit(out)
        if failed is None:
            score = replace(
                run,
                command=judging(task.evaluate.score, protect),
                timeout_seconds=task.evaluate.timeout_seconds,
                workspace=fresh_workspace(),
                candidate=candidate,
                mounts=(*mounts, *hidden_mounts),
                env={**_environment(job, prints=True), **_TRUSTED_PYTHON},
            )
            exits.append(sandbox.run(score, stop=stop))
            failed = _why_not_judged(task, candidate, exits[-1], score)
    if exits[-1].ending == "stopped":
        return None
    trial, kept = _close(task, job, out, exits, failed)
    if heard is not None and (curves := heard.curves.found()):
        kept = {**kept, f"{job.id}/curves": dump_curves(curves)}
    return trial, kept


_UNWRITTEN = "many times what the baseline took; write [evaluate] timeout to allow more"


def limit_of(task: Task, job: TrialJob) -> float:
    """How long `run` may take, in seconds."""
    most = task.evaluate.timeout_seconds
    return most if job.timeout_seconds is None else min(most, job.timeout_seconds)


def _why_not_judged(
    task: Task, candidate: Path | None, ended: Exit, score: Launch
) -> Failed | None:
    """Why `score` did not judge; says so when it needs a file that candidates may change."""
    failed = _why_broken("score", ended, score)
    if failed is None or not (mine := _candidates_own(task, candidate, ended)):
        return failed
    return replace(
        failed,
        reason=f"{failed.reason} (it needs {mine!r}, which [files] edit lets candidates "
        "change, and so is not there: take it out of edit, or read it as data in "
        "$MOVE37_CANDIDATE)",
    )


def _ended_early(job: TrialJob, ran: Exit, heard: Listener) -> tuple[Trial, Attachments]:
    """A trial whose curve was hopeless. What `run` left is no result, and nothing scores it."""
    trial = Trial(purpose=job.purpose, index=job.index, seed=job.seed, outcome=heard.screened(ran))
    return trial, {f"{job.id}/stdout": ran.stdout, f"{job.id}/stderr": ran.stderr}


def _why_unfit(out: Path) -> Failed | None:
    """Why what `run` left cannot be judged. Takes away a `units.json`: only `score` may write one."""
    if not forget_units(out):
        return Failed(stage="run", reason=f"`run` left a {UNITS_NAME} that will not go away")
    unfit = why_no_data(out)
    return None if unfit is None else Failed(stage="run", reason=f"`run` left {unfit}")


def _candidates_own(task: Task, candidate: Path | None, ended: Exit) -> str | None:
    """A file that `score` names or imports as its own, and that is the candidate's."""
    if candidate is None or task.evaluate.score is None:
        return None
    words = [PurePosixPath(word) for word in _words(task.evaluate.score)]
    if missing := _NO_MODULE.findall(_text(ended.stderr)):
        words.append(PurePosixPath(missing[-1].replace(".", "/") + ".py"))
    relative = (word for word in words if word.parts and not word.is_absolute())
    return next((str(word) for word in relative if (candidate / word).is_file()), None)


_NO_MODULE = re.compile(r"No module named '([\w.]+)'")


def _words(command: str) -> Sequence[str]:
    try:
        return shlex.split(command)
    except ValueError:  # what only a shell understands
        return command.split()


_TRUSTED_PYTHON = {"PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}
"""Wherever the judge goes, it imports nothing from there: not from `$MOVE37_OUT`, for one."""


def judging(score: str, fixed: Sequence[str]) -> str:
    """The command of `score`, with the directories of the scripts that it names to import from.

    Python would take those by itself, but for `PYTHONSAFEPATH`; they hold fixed files alone. Where it
    names none, as in `python -m judge`, the workspace stands in.
    """
    scripts = [PurePosixPath(word) for word in _words(score) if word.endswith(".py")]
    homes = [str(script.parent) for script in scripts if str(script) in fixed] or ["."]
    inside = [
        '"$PWD"' if home == "." else f'"$PWD"/{shlex.quote(home)}' for home in dict.fromkeys(homes)
    ]
    return f'export PYTHONPATH={":".join(inside)}"${{PYTHONPATH:+:$PYTHONPATH}}"\n{score}'


def _close(
    task: Task, job: TrialJob, out: Path, exits: Sequence[Exit], failed: Failed | None
) -> tuple[Trial, Attachments]:
    """Make a trial of how `run`, and `score` if it came to that, ended."""
    kept: dict[str, bytes] = {}
    for prefix, exit in zip(("", "score-"), exits, strict=False):
        kept[f"{job.id}/{prefix}stdout"] = exit.stdout
        kept[f"{job.id}/{prefix}stderr"] = exit.stderr
    outcome = failed or read_outcome(task.metric, task.limits, ran=exits[0], printed=exits[-1])
    if isinstance(outcome, Measured):
        units = read_units(out)
        if isinstance(units, Failed):
            outcome = units
        elif units is not None:
            kept[f"{job.id}/units"] = dump_units(units)
            outcome = replace(outcome, unit_error=mean_error(list(units.values())))
    if isinstance(outcome, Failed):
        seconds = sum(exit.seconds for exit in exits)
        outcome = replace(outcome, output=last_lines(exits[-1]), seconds=seconds)
    return Trial(purpose=job.purpose, index=job.index, seed=job.seed, outcome=outcome), kept


def check(
    task: Task,
    *,
    job: CheckJob,
    workspace: Path,
    out: Path,
    sandbox: Sandbox,
    protect: Sequence[str] = (),
    mounts: Sequence[Mount] = (),
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Checked, Attachments] | None:
    """Run one of the task's checks on a program; `None` when it was stopped before it ended.

    It sees what `run` sees, and `MOVE37_SEED` is 0. Arguments, attachments and errors are those of
    `measure`.
    """
    launch = Launch(
        command=job.check.command,
        workspace=workspace,
        out=out,
        protect=tuple(protect),
        mounts=tuple(mounts),
        env={"MOVE37_SEED": "0", "MOVE37_SPLIT": "0"},
        timeout_seconds=job.check.timeout_seconds
        or max(task.evaluate.timeout_seconds, CHECK_SECONDS),
        memory_bytes=task.evaluate.memory_bytes,
        cpus=task.evaluate.cpus,
    )
    exit = sandbox.run(launch, stop=stop)
    if exit.ending == "stopped":
        return None
    failed = _why_broken("check", exit, launch)
    checked = Checked(
        experiment=job.experiment,
        check=job.check.name,
        passed=failed is None,
        reason="" if failed is None else failed.reason,
        output="" if failed is None else last_lines(exit),
        seconds=exit.seconds,
    )
    return checked, {f"{job.id}/stdout": exit.stdout, f"{job.id}/stderr": exit.stderr}


def read_outcome(
    metric: Metric, limits: Sequence[Limit], *, ran: Exit, printed: Exit
) -> Measured | Failed:
    """What an evaluation that ended well says.

    ran: how `run` ended. Seconds, CPU seconds and memory are its own, without those of `score`.
    printed: whose stdout is believed: that of `score`, or of `run` where there is none.
    """
    stdout = _text(printed.stdout)
    value = read_metric(metric, stdout)
    if isinstance(value, Failed):
        if isinstance(read_metric(metric, _text(printed.stderr)), float):
            return replace(value, reason=f"{value.reason} (it is on stderr; print it to stdout)")
        return value
    needed = [f"holdout_{metric.name}", *(limit.metric for limit in limits)]
    measured = Measured(
        score=metric.score(value),
        metrics={**_bounded(parse_metrics(stdout), needed), metric.name: value},
        seconds=ran.seconds,
        cpu_seconds=ran.cpu_seconds,
        peak_memory_mb=ran.peak_memory_bytes / _MB,
    )
    return violated_limit(limits, measured) or measured


def violated_limit(limits: Sequence[Limit], measured: Measured) -> Failed | None:
    """The first limit that a trial breaks, or that cannot be checked.

    Whether one relative to the baseline is broken is not known here; see `referee.limits`.
    """
    values = limited_values(measured)
    for limit in limits:
        if limit.metric not in values:
            return Failed(
                stage="limit",
                reason=f"the limit `{limit}` cannot be checked: the evaluation prints no finite "
                f"{limit.metric!r}; print it, or remove the limit",
            )
        if not limit.of_baseline and not limit.holds(values[limit.metric]):
            return Failed(
                stage="limit",
                reason=f"{limit.metric} is {values[limit.metric]!r}, against the limit `{limit}`",
            )
    return None


def limited_values(measured: Measured) -> Mapping[str, float]:
    """What limits may speak of: the printed metrics, and the sandbox's own figures above them."""
    return {
        **measured.metrics,
        "seconds": measured.seconds,
        "cpu_seconds": measured.cpu_seconds,
        "peak_memory_mb": measured.peak_memory_mb,
    }


def last_lines(exit: Exit) -> str:
    """The end of what a program printed, for whoever proposes next."""
    errors = _lines(exit.stderr)[-_OUTPUT_LINES:]
    room = _OUTPUT_LINES - len(errors)
    printed = _lines(exit.stdout)[-room:] if room else []
    return "\n".join([*printed, *errors])[-_OUTPUT_CHARACTERS:]


def _why_broken(stage: Stage, exit: Exit, launch: Launch) -> Failed | None:
    """Why a program did not end well; `None` when it did."""
    match exit.ending:
        case "exited" if exit.code == 0:
            return None
        case "exited":
            how = f"exited with status {exit.code}"
        case "signalled":
            how = f"was killed by {_signal_name(exit.code)}"
        case "timeout":
            how = f"ran over its {launch.timeout_seconds:g} s"
        case "memory":
            how = f"needed more than its {_size(launch.memory_bytes)} of memory"
        case "disk":
            how = f"wrote more than its {_size(launch.disk_bytes)} of files"
        case "stopped":
            how = "was stopped"
    lines = _lines(exit.stderr) or _lines(exit.stdout)
    said = f": {_shorten(lines[-1].strip())}" if lines else ", and printed nothing"
    what = "it" if stage == "check" else f"`{stage}`"
    return Failed(stage=stage, reason=f"{what} {how}{said}")


def _environment(job: TrialJob, *, prints: bool) -> Mapping[str, str]:
    """prints: whether this is the launch whose metrics are believed."""
    holdout = {"MOVE37_HOLDOUT": "1"} if prints and _sees_holdout(job) else {}
    return {"MOVE37_SEED": str(job.seed), "MOVE37_SPLIT": str(job.split), **holdout}


def _sees_holdout(job: TrialJob) -> bool:
    return job.purpose == "certify" and job.holdout


def _bounded(metrics: Mapping[str, float], needed: Sequence[str]) -> Mapping[str, float]:
    """The needed metrics and the latest others, so that no program can swell the study's facts."""
    others = [name for name in metrics if name not in needed]
    kept = {*others[max(0, len(others) - METRICS_KEPT) :], *needed}
    return {name: value for name, value in metrics.items() if name in kept}


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _size(number: int) -> str:
    unit, name = (_GB, "GB") if number >= _GB else (_MB, "MB")
    return f"{number / unit:.3g} {name}"


def _text(stream: bytes) -> str:
    return stream.decode(errors="replace")


def _lines(stream: bytes) -> list[str]:
    lines = clean(_text(stream)).splitlines()
    return [_shorten(_visible(line.rstrip())) for line in lines if line.strip()]


def _visible(line: str) -> str:
    """Without control characters: reasons are shown on terminals, and programs are not trusted."""
    return "".join(each if each.isprintable() else "�" for each in line.expandtabs(4))


def _shorten(line: str) -> str:
    return line if len(line) <= _LINE_CHARACTERS else line[: _LINE_CHARACTERS - 3] + "..."
