"""`ablate`: which edits of the champion matter, and the program that has no others."""

from collections.abc import Sequence
from pathlib import Path

from move37.app.ablation import ABLATE, Ablation
from move37.app.answering import at_work
from move37.app.engine import Engine, Watch, silent
from move37.app.settings import RunSettings
from move37.app.study import Study, find_root, read_study
from move37.core.errors import StudyError
from move37.core.events import Stop
from move37.core.facts import Ablated, AblationOpened, Opened
from move37.core.protocols import Inquiry
from move37.core.records import Job
from move37.core.seeds import derive_seed
from move37.referee.ablate import Certify, Measure, Try, open_ablation
from move37.report.ablation import AblationView, ablation_view


def ablate(
    root: Path,
    experiment: int | None = None,
    *,
    trials: int | None = None,
    settings: RunSettings | None = None,
    watch: Watch = silent,
    stop: Stop | None = None,
) -> AblationView | None:
    """Take out each edit of an experiment (the champion), and drop those that do nothing.

    trials: at most so many, certification apart; see `open_ablation`.
    An ablation that was stopped goes on; one of the champion that was done is shown again. Returns
    `None` when stopped before the end. Raises `StudyError` when there is nothing to take out.
    """
    root, stop = find_root(root), stop or Stop()
    with read_study(root) as study:
        chosen = study.program(experiment)
        if chosen.is_baseline:
            raise StudyError(f"x{chosen.id} is the baseline itself: there is nothing to take out")
        done = None if experiment is not None else _done(study, chosen.id)
        if done is not None and Ablation(study).unfinished() is None:
            return _view(study, done)
    with at_work(root, settings or RunSettings(), watch=watch, stop=stop, begin=False) as engine:
        ablation = Ablation(engine.study)
        left_over = ablation.unfinished()
        ablated = None if left_over is None else _conclude(engine, ablation, left_over, stop)
        is_asked = left_over is not None and experiment in (None, left_over.experiment)
        if not is_asked and (left_over is None or ablated is not None):
            opened = _open(engine, ablation, chosen.id, trials)
            ablated = _conclude(engine, ablation, opened, stop)
        if ablated is None:
            engine.end("stopped before the ablation was done")
            return None
        engine.end(ablated.reason)
        return _view(engine.study, ablated)


def _done(study: Study, champion: int) -> Ablated | None:
    """What is known already of this program's edits."""
    found = [
        ablated
        for _, ablated in sorted(study.history.ablated.items())
        if champion in (ablated.experiment, ablated.pruned)
    ]
    return found[-1] if found else None


def _open(
    engine: Engine, ablation: Ablation, experiment: int, trials: int | None
) -> AblationOpened:
    study = engine.study
    edits = len(ablation.edits(experiment).edits)
    opened = open_ablation(
        study.history, study.believer, study.task.metric, experiment, edits, trials
    )
    study.journal.record(opened)
    return opened


def _conclude(
    engine: Engine, ablation: Ablation, opened: AblationOpened, stop: Stop
) -> Ablated | None:
    """Go on to the end. `None`: stopped before it."""
    while not stop.soft:
        match action := ablation.next(opened):
            case Try():
                _try(engine, opened)
            case Measure():
                done = engine.work_off("ablate", lambda: _jobs(ablation, opened))
                if not done:
                    return None
            case Certify(experiment=pruned, pairs=pairs):
                against, margin = opened.experiment, opened.margin
                if not engine.certify(pruned, against=against, margin=margin, pairs=pairs):
                    return None
            case Ablated():
                engine.journal.record(action)
                return action
    return None


def _jobs(ablation: Ablation, opened: AblationOpened) -> Sequence[Job]:
    action = ablation.next(opened)
    return action.jobs if isinstance(action, Measure) else ()


def _try(engine: Engine, opened: AblationOpened) -> None:
    """Open the next program, or propose one that was opened before a kill."""
    history = engine.study.history
    waiting = [one for one in history.running() if one.proposer == ABLATE and one.commit is None]
    if not waiting:
        id = len(history)
        engine.journal.record(
            Opened(
                experiment=id,
                epoch=history.epoch.epoch,
                parents=(opened.experiment,),
                proposer=ABLATE,
                seed=derive_seed(history.epoch.seed, id),
            )
        )
        waiting = [history[id]]
    step = engine.propose(waiting[0])
    assert not isinstance(step, Inquiry), "an ablation asks nobody"
    engine.journal.record(step)
    if (rejected := history[waiting[0].id].rejected) is not None:
        raise StudyError(f"the ablation of x{opened.experiment} cannot go on: {rejected.reason}")


def _view(study: Study, ablated: Ablated) -> AblationView:
    opened = study.history.ablations[ablated.ablation]
    return ablation_view(study.task, study.history, opened, ablated)
