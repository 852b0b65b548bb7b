"""`brief`, and the program of an experiment: what somebody outside reads before they propose."""

from pathlib import Path

from move37.app.look import diff_of, judge_of
from move37.app.study import STUDY, find_root, read_study
from move37.core.errors import StudyError
from move37.report.results import Brief, Program

TOKENS = 4000
_STEERING_BYTES = 20_000


def brief(root: Path, *, limit: int = TOKENS) -> Brief:
    """Everything that a fresh agent needs to go on, within so many tokens. Raises `StudyError`."""
    from move37.report.brief import LEAST
    from move37.report.brief import brief as write
    from move37.store.lock import owner

    if limit < LEAST:
        raise StudyError(f"a brief needs {LEAST} tokens at least, not {limit}")
    with read_study(find_root(root)) as study:
        champion = study.champion
        has_change = champion is not None and not study.history[champion].is_baseline
        return write(
            study.task,
            study.history,
            study.believer,
            champion,
            judge=judge_of(study),
            limit=limit,
            is_working=owner(study.root / STUDY / "lock") is not None,
            steering=_steering(study.root),
            diff=diff_of(study, champion, None).text if has_change else "",
        )


def program(root: Path, experiment: int | None = None) -> Program:
    """The editable files of an experiment (the champion). Raises `StudyError`."""
    from move37.tasks.files import may_edit

    with read_study(find_root(root)) as study:
        one = study.program(experiment)
        code, editable, commit = study.store.code, may_edit(study.task), one.commit
        assert commit is not None
        files: dict[str, str] = {}
        binary: list[str] = []
        for path in code.paths(commit):
            if editable(path):
                try:
                    files[path] = code.read(commit, path).decode()
                except UnicodeDecodeError:
                    binary.append(path)
        return Program(experiment=one.id, files=files, binary=tuple(binary))


def _steering(root: Path) -> str:
    try:
        with (root / "program.md").open("rb") as file:
            return file.read(_STEERING_BYTES).decode(errors="replace")
    except OSError:
        return ""
