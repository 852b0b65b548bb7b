"""`brief`, and the program of an experiment: what somebody outside reads before they propose."""

from collections.abc import Sequence
from pathlib import Path

from move37.app.library import library_of
from move37.app.look import diff_of, judge_of
from move37.app.study import Read, Study, find_root, is_working, read_study
from move37.core.errors import StudyError
from move37.report.results import Brief, Program

TOKENS = 4000


def brief(root: Path, *, limit: int = TOKENS, read: Read = read_study) -> Brief:
    """Everything that a fresh agent needs to go on, within so many tokens. Raises `StudyError`."""
    from move37.report.brief import LEAST
    from move37.report.brief import brief as write

    if limit < LEAST:
        raise StudyError(f"a brief needs {LEAST} tokens at least, not {limit}")
    with read(find_root(root)) as study:
        champion = study.champion
        has_change = champion is not None and not study.history[champion].is_baseline
        return write(
            study.task,
            study.history,
            study.believer,
            champion,
            judge=judge_of(study),
            limit=limit,
            is_working=is_working(study.root),
            steering=library_of(study).steering(),
            diff=diff_of(study, champion, None).text if has_change else "",
            posts=_posts(study, champion),
        )


def _posts(study: Study, champion: int | None) -> Sequence[str]:
    """The few posts that bear on the champion."""
    from move37.board.pick import Picker
    from move37.report.board import brief_lines

    history, beliefs = study.history, study.believer
    start = history.baseline.id if champion is None else champion
    picked = Picker(study.edits).pick(
        history, beliefs, [start], paths=study.task.files.edit, goal=study.task.goal
    )
    return brief_lines([(history.board[id], found) for id, found in picked], history, beliefs)


def program(root: Path, experiment: int | None = None, *, read: Read = read_study) -> Program:
    """The editable files of an experiment (the champion). Raises `StudyError`."""
    with read(find_root(root)) as study:
        one = study.program(experiment)
        files: dict[str, str] = {}
        binary: list[str] = []
        for path, content in library_of(study).program(one.id).items():
            try:
                files[path] = content.decode()
            except UnicodeDecodeError:
                binary.append(path)
        return Program(experiment=one.id, files=files, binary=tuple(binary))
