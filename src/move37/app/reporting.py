"""`report`: what was learned, as files to read and to send."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import move37
from move37.app.ablation import Ablation
from move37.app.cheats import cheats_of
from move37.app.look import diff_of, judge_of
from move37.app.study import STUDY, Study, find_root, is_working, read_study
from move37.core.errors import Move37Error, StudyError, Unwritable
from move37.core.facts import Ablated, SessionStarted
from move37.report.ablation import AblationView, ablation_view
from move37.report.morning import EditStory, Morning, Program, morning
from move37.report.results import PullRequest, Reported


def report(root: Path, out: Path | None = None) -> Reported:
    """Write `report.html`, `report.md` and `progress.png`, into `out` or the task's study.

    Without matplotlib there is no `progress.png`; the HTML has its own chart. Raises `StudyError` when the
    study has not begun, `Unwritable` where the files cannot be written.
    """
    from move37.report.chapters import document
    from move37.report.html import html_page
    from move37.report.markdown import markdown
    from move37.report.progress import draw_progress

    with read_study(find_root(root)) as study:
        told = morning_of(study)
        written = document(told)
        directory = out or study.root / STUDY
        page, plain, chart = (
            directory / name for name in ("report.html", "report.md", "progress.png")
        )
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _write(page, html_page(written))
            _write(plain, markdown(written))
        except OSError as error:
            raise Unwritable(
                f"{error.filename or directory} cannot be used: {error.strerror}; name another directory with `--out`"
            ) from error
        files, left_out = (page, plain, chart), ""
        try:
            draw_progress(study.task, study.history, study.believer, study.champion, chart)
        except Unwritable:
            raise
        except Move37Error as error:  # without matplotlib, the HTML's own chart has to do
            files, left_out = (page, plain), str(error)
    return Reported(
        files=files,
        move37s=told.move37s,
        surprises=told.surprises,
        headline=told.headline,
        left_out=left_out,
    )


def _write(path: Path, text: str) -> None:
    """Whole, or not at all: whoever has the old one open keeps it."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def pull_request(root: Path, experiment: int | None = None) -> PullRequest:
    """The title and the text of a pull request with the changes of an experiment (the champion), in Markdown.

    What is not certified is said to be so. Raises `StudyError` when there is nothing to tell of.
    """
    from move37.report.pull_request import pull_request_text

    with read_study(find_root(root)) as study:
        chosen = study.program(experiment)
        if chosen.is_baseline:
            raise StudyError("the champion is the baseline itself: there is nothing to propose")
        title, body = pull_request_text(morning_of(study, chosen.id))
        return PullRequest(experiment=chosen.id, title=title, body=body)


def morning_of(study: Study, shown: int | None = None) -> Morning:
    """The whole report of an open study, as a record. shown: whose program it tells of."""
    session = study.history.session
    return morning(
        study.task,
        study.history,
        study.believer,
        study.champion,
        judge=judge_of(study),
        version=move37.__version__,
        program=lambda experiment: _program(study, experiment),
        sandbox=None if session is None else session.sandbox,
        sessions=_sessions(study),
        is_working=is_working(study.root),
        ledger=study.ledger,
        shown=shown,
    )


def _sessions(study: Study) -> int:
    return sum(isinstance(row.fact, SessionStarted) for row in study.store.rows())


def _program(study: Study, experiment: int) -> Program:
    ablated = ablation_of(study, experiment)
    return Program(
        diff=diff_of(study, experiment, None).text,
        edits=tuple(edit_stories(study, experiment)),
        cheats=cheats_of(study, experiment),
        ablation=None if ablated is None else _view(study, ablated),
    )


def _view(study: Study, ablated: Ablated) -> AblationView:
    opened = study.history.ablations[ablated.ablation]
    return ablation_view(study.task, study.history, opened, ablated)


def ablation_of(study: Study, experiment: int) -> Ablated | None:
    """The latest ablation of this program, or of the one that it was pruned from."""
    found = [
        ablated
        for _, ablated in sorted(study.history.ablated.items())
        if experiment in (ablated.experiment, ablated.pruned)
    ]
    return found[-1] if found else None


def edit_stories(study: Study, experiment: int) -> Iterator[EditStory]:
    """The edits of a program against its baseline, with what its ablation said of each.

    Empty where the program was never ablated, or was cut differently by another version of move37.
    """
    ablated = ablation_of(study, experiment)
    if ablated is None:
        return
    try:
        edits = Ablation(study).edits(ablated.experiment)
    except StudyError:  # a program of the lineage is damaged: `verify` says so
        return
    if len(edits.edits) != len(ablated.effects):
        return
    for edit, told in zip(edits.edits, ablated.effects, strict=True):
        pieces = [edits.pieces[number] for number in sorted(edit.pieces)]
        yield EditStory(
            label=told.label,
            places=told.places,
            old="\n".join(_line(piece.old) for piece in pieces if piece.old),
            new="\n".join(_line(piece.new) for piece in pieces if piece.new),
            steps=told.steps,
            tried=told.experiment,
            # It is what taking it out does, turned: positive where the edit helps.
            effect=None if told.effect is None else -told.effect.effect,
            interval=None if told.effect is None else (-told.effect.high, -told.effect.low),
            level=None if told.effect is None else told.effect.level,
            pairs=0 if told.effect is None else told.effect.pairs,
            kept=told.kept,
            reason=told.reason,
        )


def _line(text: str) -> str:
    """Bytes that are no UTF-8 came as surrogates, which no file takes."""
    return text.rstrip("\n").encode("utf-8", "replace").decode("utf-8")
