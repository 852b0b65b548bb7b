"""The cheat report of an experiment: its change against the baseline, and what its trials show."""

from collections.abc import Mapping

from move37.app.study import Study
from move37.core.records import Belief, CheatReport


def cheats_of(study: Study, experiment: int) -> CheatReport | None:
    """What is to be remarked on a program that was measured; `None` for a baseline, or no program.

    Raises `StudyError` when its program cannot be read.
    """
    from move37.referee.cheat_evidence import evidence
    from move37.referee.cheat_signals import Surroundings
    from move37.referee.cheats import Change, cheat_report
    from move37.tasks.files import may_edit

    history, code, task = study.history, study.store.code, study.task
    one = history[experiment]
    start = history[history.epochs[one.epoch].baseline].commit
    if one.is_baseline or one.commit is None or start is None:
        return None
    editable = may_edit(task)
    paths = code.paths(start)
    changes = [
        Change(path=path, old=code.read(start, path) if path in paths else None, new=new)
        for path, new in code.changed(start, one.commit).items()
    ]
    around = Surroundings(
        metric=task.metric,
        is_scored=task.evaluate.score is not None,
        editable=editable,
        own=frozenset(path for path in paths if editable(path)),
        fixed=frozenset(path for path in paths if not editable(path)),
        hidden=frozenset(task.files.hide),
    )
    shown = evidence(
        history,
        experiment,
        task.metric,
        study.store.attachment,
        only_tests=_only_tests(study, {change.path: change.new for change in changes}),
    )
    return cheat_report(experiment, changes, around, shown)


def _only_tests(study: Study, changes: Mapping[str, bytes | None]) -> Belief | None:
    """What is believed of the test-like files of a change alone, if anybody has tried them."""
    from move37.referee.cheats import is_test_like

    like = {path: new for path, new in changes.items() if is_test_like(path)}
    if not like or len(like) == len(changes):
        return None
    history = study.history
    twin = history.same_program(identity_with(study, history.epoch.baseline, like))
    return None if twin is None else study.believer.difference(twin, history.epoch.baseline)


def identity_with(study: Study, experiment: int, changes: Mapping[str, bytes | None]) -> str:
    """The identity of an experiment's program with these changes."""
    from move37.proposers.source.normalise import Normaliser
    from move37.tasks.files import may_edit
    from move37.worker import changed

    code, commit, editable = (
        study.store.code,
        study.program(experiment).commit,
        may_edit(study.task),
    )
    assert commit is not None
    files = {path: code.read(commit, path) for path in code.paths(commit) if editable(path)}
    return Normaliser().identity(changed(files, changes))
