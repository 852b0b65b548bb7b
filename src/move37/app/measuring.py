"""`run`, `certify` and `demo`: the commands that measure."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from move37.app.answering import at_work
from move37.app.cheats import cheats_of
from move37.app.checking import examine_if_new
from move37.app.engine import Engine, Watch, silent
from move37.app.look import detail_of, diff_of, status_of
from move37.app.notify import NotifySettings
from move37.app.notifying import notifying
from move37.app.settings import RunSettings
from move37.app.studies import remember_study
from move37.app.study import Study, find_root, read_study
from move37.core.errors import Move37Error, StudyError
from move37.core.events import Stop
from move37.core.records import Failed
from move37.loop import EXHAUSTED_AFTER, Halt
from move37.report.certificates import CertificateView, certificates
from move37.report.results import DemoResult, RunResult

if TYPE_CHECKING:
    from move37.gallery import GalleryEntry

_CERTIFICATIONS = 3
"""So many at the end of a run at the most."""


def run(
    root: Path,
    settings: RunSettings | None = None,
    *,
    watch: Watch = silent,
    stop: Stop | None = None,
    notify: NotifySettings | None = None,
) -> RunResult:
    """Start or go on, until the budget is spent; then certify the champion.

    notify: who is to be told of what, besides whoever watches. Raises a `Move37Error` when the task, the study or the sandbox cannot be used.
    """
    settings, stop = settings or RunSettings(), stop or Stop()
    with (
        notifying(notify, watch) as notice,
        at_work(find_root(root), settings, watch=watch, stop=stop) as engine,
    ):
        notice(engine.study)
        engine.prepare()
        remember_study(engine.study.root)
        if settings.check:
            examine_if_new(engine)
        halt = engine.explore()
        certified = None
        if halt in ("budget", "exhausted"):
            engine.answer()
            if settings.certify:
                certified = _certify_contender(engine)
                engine.answer()  # what was handed in while fresh trials ran
        if stop.soft:
            halt = "stopped"
        reason = _explain(engine, halt)
        engine.end(reason)
        return RunResult(
            halt=halt,
            reason=reason,
            status=status_of(engine.study, is_working=False),
            certified=certified,
        )


def certify(
    root: Path,
    experiment: int | None = None,
    *,
    pairs: int | None = None,
    settings: RunSettings | None = None,
    watch: Watch = silent,
    stop: Stop | None = None,
    notify: NotifySettings | None = None,
) -> CertificateView | None:
    """Compare an experiment (the champion) with the baseline on fresh seeds.

    pairs: of fresh trials at the most; otherwise as the task says, or as planned.
    Returns `None` when stopped before the end; the next `certify` or `run` goes on from there.
    Raises `StudyError` when there is nothing to certify.
    """
    root, stop = find_root(root), stop or Stop()
    with read_study(root) as study:  # a study is not begun, nor an epoch, by asking for proof
        chosen = study.program(experiment)
        if chosen.is_baseline:
            raise StudyError("the champion is the baseline itself: there is nothing to certify")
        if not chosen.is_measured or chosen.epoch != study.history.epoch.epoch:
            raise StudyError(
                f"x{chosen.id} was not measured in the current epoch; choose one of `move37 list`"
            )
        if (veto := study.history.steering.vetoes.get(chosen.id)) is not None:
            raise StudyError(
                f"x{chosen.id} was vetoed by {veto.steered.author!r}; `move37 veto x{chosen.id} --off` "
                "takes that back"
            )
    settings = settings or RunSettings()
    with (
        notifying(notify, watch) as notice,
        at_work(root, settings, watch=watch, stop=stop, begin=False) as engine,
    ):
        notice(engine.study)
        if not engine.certify(chosen.id, pairs=pairs):
            engine.end("stopped before the certification was done")
            return None
        engine.end(f"x{chosen.id} was compared with the baseline on fresh seeds")
        view = certificates(engine.study.task, engine.study.history, chosen.id)[-1]
        return replace(view, cheats=cheats_of(engine.study, chosen.id))


def demo(
    name: str,
    directory: Path | None = None,
    settings: RunSettings | None = None,
    *,
    watch: Watch = silent,
    stop: Stop | None = None,
) -> DemoResult:
    """Install a gallery task in a fresh directory, run it, certify and draw what came of it."""
    from move37 import gallery

    entry = gallery.describe(name)
    directory = (directory or Path("demo") / name).absolute()
    gallery.install(name, directory)
    settings = settings or RunSettings()
    if settings.experiments is None and settings.hours is None:
        settings = replace(settings, experiments=entry.experiments, hours=entry.hours)
    result = run(directory, settings, watch=watch, stop=stop)
    with read_study(directory) as study:
        shown = study.champion if result.certified is None else result.certified.experiment
        has_change = shown is not None and not study.history[shown].is_baseline
        return DemoResult(
            demo=name,
            directory=directory,
            run=result,
            champion=detail_of(study, shown) if shown is not None else None,
            diff=diff_of(study, shown, None).text if has_change else "",
            chart=_chart(study, directory / "progress.png"),
            certified=result.certified,
        )


def demos() -> "tuple[GalleryEntry, ...]":
    """The tasks that `demo` knows, the one to begin with first."""
    from move37 import gallery

    return gallery.entries()


def _chart(study: Study, path: Path) -> Path | None:
    from move37.report.progress import draw_progress

    try:
        draw_progress(study.task, study.history, study.believer, study.champion, path)
    except Move37Error:  # no matplotlib: the numbers are what counts
        return None
    return path


def _certify_contender(engine: Engine) -> CertificateView | None:
    """Certify the contender. Return the champion's certificate; `None`: there is none, or stopped.

    Fresh trials are evidence too: they may show that another one is the best after all, which is
    certified in its turn; the level of each claim accounts for it. All of this is decided from the
    facts, so that a run that was killed in between certifies what it would have certified anyway.
    """
    study = engine.study
    done = engine.finish()
    while done and (target := _due(study)) is not None:
        done = engine.certify(target)
    if not done:
        return None
    return _latest(study)


def _due(study: Study) -> int | None:
    """The contender, when it should be certified now.

    A certificate stands until something new was tried: asking again would only spend alpha.
    """
    history, contender = study.history, study.contender
    if contender is None or history[contender].is_baseline:
        return None
    if history.certificate_of(contender) is not None:
        return None
    if history.certified_lately:
        claimed = history.certificates[history.certifications[-1].certification].claim
        if claimed or history.certified_lately >= _CERTIFICATIONS:
            return None
    return contender


def _latest(study: Study) -> CertificateView | None:
    """The champion's certificate, or else the latest; `None` while one is begun and not concluded."""
    history = study.history
    if len(history.certifications) > len(history.certificates):
        return None
    views = certificates(study.task, history, study.champion) or certificates(study.task, history)
    return replace(views[-1], cheats=cheats_of(study, views[-1].experiment)) if views else None


def _explain(engine: Engine, halt: Halt) -> str:
    """Why a run ended, in a sentence."""
    match halt:
        case "stopped":
            return "stopped on request; the same command goes on from here"
        case "budget":
            return "the budget is spent"
        case "baseline":
            outcome = engine.study.history.baseline.outcome
            assert isinstance(outcome, Failed)
            return f"the task itself could not be measured: {outcome.reason}"
        case "exhausted":
            held = bool(engine.study.history.steering.held)
            why = (
                "what is left to try may be of a direction that is held; `move37 steer` shows which"
                if held
                else "there seems to be nothing left to try"
            )
            return engine.complaint or (
                f"{EXHAUSTED_AFTER} proposals in a row came to nothing: {why}"
            )
