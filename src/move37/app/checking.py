"""`check`: the evaluator certificate. What would this evaluation believe, and how noisy is it?"""

from collections.abc import Callable
from pathlib import Path

from move37.app.answering import at_work
from move37.app.engine import Engine, Watch, silent
from move37.app.settings import RunSettings
from move37.app.study import Study, find_root
from move37.core.errors import StudyError
from move37.core.events import Stop
from move37.core.facts import EvaluatorChecked
from move37.core.records import Failed, Grade, Measured
from move37.referee.evaluator import FIT, Means, forged, issue, wanted_probes
from move37.referee.inject import is_data
from move37.report.evaluator import EvaluatorView, evaluator_view

_LEAST_SECONDS = 30.0
_SHARE = 0.02
"""Of the budget's hours: so much a run may spend, at the least, on cheats as long as a trial."""


def check(
    root: Path,
    settings: RunSettings | None = None,
    *,
    least: Grade = FIT,
    watch: Watch = silent,
    stop: Stop | None = None,
) -> EvaluatorView | None:
    """Issue the evaluator certificate, whatever time it takes. `None` when stopped before the end.

    What was tried already in this sandbox is not tried again. least: the grade that is fit.
    Raises `StudyError` when the task itself cannot be measured.
    """
    settings, stop = settings or RunSettings(), stop or Stop()
    with at_work(find_root(root), settings, watch=watch, stop=stop) as engine:
        certificate = examine(engine, seconds=None)
        outcome = engine.study.history.baseline.outcome
        if isinstance(outcome, Failed):
            engine.end("the task itself could not be measured")
            raise StudyError(f"the task itself could not be measured: {outcome.reason}")
        if certificate is None:
            engine.end("stopped before the evaluation was checked")
            return None
        engine.end(f"the evaluation was checked: grade {certificate.grade}")
        return evaluator_view(certificate, engine.study.task, least)


def examine_if_new(engine: Engine) -> None:
    """What `run` does by itself: once for each epoch and sandbox, and with cheats that it can afford."""
    known = engine.study.history.evaluator
    if known is not None and known.sandbox == engine.sandbox:
        return
    hours = engine.study.history.budget.hours or 0.0
    examine(engine, seconds=max(_LEAST_SECONDS, _SHARE * 3600 * hours))


def examine(engine: Engine, *, seconds: float | None) -> EvaluatorChecked | None:
    """Try what is still to be tried, and issue the certificate.

    `None` when stopped before the end, or when the baseline fails. seconds: see `Means`.
    """
    study = engine.study
    history = study.history
    baseline_done = engine.work_off("baseline", lambda: engine.referee.wants(history))
    if not baseline_done or not history.baseline.scores("search"):
        return None
    means = _means(engine, seconds)
    printed = _printed(study)
    if not engine.work_off("check", lambda: wanted_probes(history, study.task, means, printed)):
        return None
    certificate = issue(history, study.task, means)
    if certificate != history.evaluator:
        study.journal.record(certificate)
    return certificate


def _means(engine: Engine, seconds: float | None) -> Means:
    files = engine.study.files
    assert files is not None, "an engine's study is opened to be written"
    return Means(
        has_python=any(path.endswith(".py") for path in files.editable),
        hides=bool(files.hidden),
        only_data=all(is_data(path) for path in files.editable),
        sandbox=engine.sandbox,
        seconds=seconds,
    )


def _printed(study: Study) -> Callable[[float], str]:
    """How the evaluation prints its metric, learned from the first trial of the baseline."""
    baseline, metric = study.history.baseline, study.task.metric
    first = next(
        trial
        for trial in baseline.trials
        if trial.purpose == "search" and isinstance(trial.outcome, Measured)
    )
    assert isinstance(first.outcome, Measured)
    stream = "stdout" if study.task.evaluate.score is None else "score-stdout"
    said = study.store.attachment(f"x{baseline.id}-search-{first.index}/{stream}") or b""
    limited = {limit.metric for limit in study.task.limits}
    needed = {name: value for name, value in first.outcome.metrics.items() if name in limited}
    return forged(metric, said.decode(errors="replace"), needed)
