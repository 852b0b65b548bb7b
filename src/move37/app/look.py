"""`status`, `list`, `show`, `diff`, `best`: the commands that only look."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from move37.app.cheats import cheats_of
from move37.app.steering import standing_of
from move37.app.study import Read, Study, find_root, is_working, read_study
from move37.core.records import Answer, Question, Verdict
from move37.report.asked import AskedView, Conversation, Turn, asked_views
from move37.report.results import Diff, Results
from move37.report.surprises import Surprise
from move37.report.views import (
    Detail,
    Judge,
    Listing,
    Order,
    Status,
    detail,
    listing,
    status_view,
)
from move37.worker import decode_record


def status(root: Path, *, read: Read = read_study) -> Status:
    """Where the study stands. Raises `StudyError` when there is none."""
    with read(find_root(root)) as study:
        shown = status_of(study, is_working=is_working(study.root))
        return replace(shown, waiting=shown.waiting + _in_letter_box(study))


def list_experiments(
    root: Path,
    *,
    order: Order = "id",
    limit: int | None = None,
    failed: bool | None = None,
    read: Read = read_study,
) -> Listing:
    """The experiments of the current epoch; see `report.views.listing`."""
    with read(find_root(root)) as study:
        return listing(
            study.task,
            study.history,
            study.believer,
            study.champion,
            judge=judge_of(study),
            order=order,
            limit=limit,
            failed=failed,
        )


def results(root: Path) -> Results:
    """The experiments of the current epoch as a `results.tsv`."""
    from move37.report.tsv import results_tsv

    with read_study(find_root(root)) as study:
        listed = listing(
            study.task, study.history, study.believer, study.champion, judge=judge_of(study)
        )
        text = results_tsv(study.task.metric.name, study.history, listed.rows)
        return Results(text=text, rows=text.count("\n"))


def show(root: Path, experiment: int) -> Detail:
    """All about one experiment. Raises `StudyError` when there is no such one."""
    with read_study(find_root(root)) as study:
        return detail_of(study, experiment)


def conversation(root: Path, experiment: int) -> Conversation:
    """What was asked for an experiment, and answered, word for word. Raises `StudyError`."""
    with read_study(find_root(root)) as study:
        return conversation_of(study, experiment)


def _turn(study: Study, experiment: int, asked: AskedView) -> Turn:
    key = f"x{experiment}-ask-{asked.round}"
    question, answer = (study.store.attachment(f"{key}/{what}") for what in ("question", "answer"))
    told = Answer() if answer is None else decode_record(answer, Answer)
    return Turn(
        asked=asked,
        prompt="" if question is None else decode_record(question, Question).prompt,
        answer=told.text,
        changed=tuple(sorted(told.changes or ())),
    )


def best(root: Path, *, read: Read = read_study) -> Detail:
    """All about the champion. Raises `StudyError` when there is none yet."""
    with read(find_root(root)) as study:
        return detail_of(study, study.program(None).id)


def diff(
    root: Path,
    experiment: int | None = None,
    other: int | None = None,
    *,
    read: Read = read_study,
) -> Diff:
    """What an experiment (the champion) changes in another (the baseline of its epoch)."""
    with read(find_root(root)) as study:
        return diff_of(study, experiment, other)


# --- the same for a study that is open already ---------------------------------------------------


def judge_of(study: Study) -> Judge:
    """The referee's verdict on an experiment of this study against its baseline, and why."""
    from move37.referee.judge import judge

    def decide(experiment: int) -> tuple[Verdict, str]:
        judgement = judge(study.history, study.believer, study.task, experiment)
        return judgement.verdict, judgement.reason

    return decide


def status_of(study: Study, *, is_working: bool) -> Status:
    session = study.history.session
    # What may be spent is what was ordered last, whatever the task said when the study was opened.
    budget = study.task.budget if session is None else study.history.budget
    shown = status_view(
        replace(study.task, budget=budget),
        study.history,
        study.believer,
        study.champion,
        judge=judge_of(study),
        sandbox=None if session is None else session.sandbox,
        is_working=is_working,
        ledger=study.ledger,
    )
    return replace(shown, orders=standing_of(study))


def detail_of(
    study: Study,
    experiment: int,
    *,
    champion: Callable[[], int | None] | None = None,
    moves: Mapping[int, Surprise] | None = None,
) -> Detail:
    """champion, moves: where they are known already; they are dear in a long study."""
    shown = detail(
        study.task,
        study.history,
        study.believer,
        study.champion if champion is None else champion(),
        experiment,
        judge=judge_of(study),
        moves=moves,
    )
    return replace(
        shown, cheats=cheats_of(study, experiment), noted=tuple(_noted(study, experiment))
    )


def _noted(study: Study, experiment: int) -> Iterator[str]:
    """What an agent is known to have done besides its proposal, as stored with its answers."""
    from move37.worker import decode_record

    for told in study.history[experiment].answers:
        data = study.store.attachment(f"x{experiment}-ask-{told.round}/answer")
        if data is None:
            continue
        detail = decode_record(data, Answer).detail
        if evaluations := detail.get("evaluations"):
            times = "once" if evaluations == 1 else f"{evaluations} times"
            yield f"ran the evaluation {times} on its own copy"
        yield from map(str, detail.get("notes", ()))


def conversation_of(study: Study, experiment: int) -> Conversation:
    one = study.history[experiment]
    turns = tuple(_turn(study, experiment, asked) for asked in asked_views(one))
    return Conversation(experiment=experiment, turns=turns)


def diff_of(study: Study, experiment: int | None, other: int | None) -> Diff:
    new = study.program(experiment)
    old = study.program(baseline_of(study, new.epoch) if other is None else other)
    assert new.commit is not None
    assert old.commit is not None
    text = study.store.code.diff(old.commit, new.commit)
    return Diff(experiment=new.id, other=old.id, text=text)


def baseline_of(study: Study, epoch: int) -> int:
    return study.history.epochs[epoch].baseline


def _in_letter_box(study: Study) -> int:
    """How many changes no engine has taken in yet."""
    from move37.app.inbox import spool_of

    return sum(ticket not in study.history.submitted for ticket in spool_of(study.root).tickets())
