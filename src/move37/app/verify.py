"""`verify`: compute every derived figure again from the stored facts, and compare."""

from collections.abc import Iterator, Set
from pathlib import Path

from move37.app.study import Study, find_root, read_study
from move37.core.errors import StudyError
from move37.core.facts import Fact
from move37.core.history import History
from move37.core.protocols import Store
from move37.core.records import Answer, Question
from move37.report.results import Verified
from move37.worker import is_record


def verify(root: Path) -> Verified:
    """Check the facts, the programs, the scores, the certificates and the beliefs of a study.

    Raises `StudyError` when there is no study, or nothing of it can be read.
    """
    return verify_study(find_root(root))


def verify_study(root: Path, programs: Set[int] | None = None) -> Verified:
    """The same for exactly this directory. programs: the experiments whose programs are there; `None`: all.

    Where not all are, what was asked and answered is not there either.
    """
    from move37.referee.audit import audit as audit_verdicts
    from move37.search.audit import audit as audit_beliefs
    from move37.store.sqlite import SqliteStore
    from move37.tasks.document import from_mapping

    with read_study(root) as study:
        store = study.store
        assert isinstance(store, SqliteStore)
        mismatches = [
            *store.audit(None if programs is None else _commits(study, programs)),
            *_audit_programs(study, programs),
            *audit_verdicts(
                study.history,
                lambda epoch: from_mapping(epoch.task, study.root),
                store.attachment,
            ),
            *_audit_limits(study),
            *(_audit_asking(study) if programs is None else ()),
            *audit_beliefs(study.history, study.believer),
        ]
        trials = sum(len(experiment.trials) for experiment in study.history.experiments)
        return Verified(
            facts=sum(1 for _ in store.rows()),
            # A digest for each fact is counted as a fact; here: a program and a belief for each
            # experiment, a score for each trial, and the certificates.
            figures=2 * len(study.history) + trials + len(study.history.certificates),
            mismatches=tuple(mismatches),
        )


def _audit_limits(study: Study) -> Iterator[str]:
    """Limits relative to the baseline are judged by what was known when a trial ended."""
    from move37.referee.limits import audit_limits
    from move37.tasks.document import from_mapping

    tasks = [from_mapping(epoch.task, study.root) for epoch in study.history.epochs]
    if any(limit.of_baseline for task in tasks for limit in task.limits):
        yield from audit_limits(tasks, _replayed(study.store))


def _replayed(store: Store) -> Iterator[tuple[Fact, History]]:
    """Each fact, with the history of those before it."""
    history = History()
    for row in store.rows():
        yield row.fact, history
        history.add(row)


def _audit_asking(study: Study) -> Iterator[str]:
    """Whether all that was asked, answered and handed in is there to be read."""
    history, attachment = study.history, study.store.attachment
    for one in history.experiments:
        rounds = {asked.round for asked in one.asked}
        kinds: list[tuple[int, str, type[Question] | type[Answer]]] = [
            *((round, "question", Question) for round in sorted(rounds)),
            *((told.round, "answer", Answer) for told in one.answers),
        ]
        for round, kind, record in kinds:
            data = attachment(f"x{one.id}-ask-{round}/{kind}")
            if data is None or not is_record(data, record):
                yield f"{kind} {round} of x{one.id} is missing or cannot be read"
    for ticket in history.submitted:
        if attachment(f"queue-{ticket}/changes") is None:
            yield f"the change that was handed in as {ticket} is missing"


def _commits(study: Study, programs: Set[int]) -> frozenset[str]:
    found = (study.history[each].commit for each in programs)
    return frozenset(commit for commit in found if commit is not None)


def _audit_programs(study: Study, programs: Set[int] | None) -> Iterator[str]:
    """Whether every program is what its facts say, and changes only what it may."""
    from move37.proposers.source.normalise import Normaliser
    from move37.tasks.document import from_mapping
    from move37.tasks.files import may_edit

    code, normaliser = study.store.code, Normaliser()
    editable = [may_edit(from_mapping(epoch.task, study.root)) for epoch in study.history.epochs]

    for experiment in study.history.experiments:
        if experiment.commit is None or (programs is not None and experiment.id not in programs):
            continue
        may_change = editable[experiment.epoch]
        parent = study.history[experiment.parents[0]].commit if experiment.parents else None
        try:
            files = {
                path: code.read(experiment.commit, path)
                for path in code.paths(experiment.commit)
                if may_change(path)
            }
            changed = code.changed(parent or experiment.commit, experiment.commit)
        except StudyError as error:
            yield f"the program of x{experiment.id} cannot be read: {error}"
            continue
        for path in changed:
            if not may_change(path):
                yield f"x{experiment.id} changes {path}, which files.edit does not name"
        if normaliser.identity(files) != experiment.identity:
            yield f"the program of x{experiment.id} is not the one that was proposed"
