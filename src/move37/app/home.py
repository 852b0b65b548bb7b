"""`init`, `apply`, `branch`, `patch`: the only commands that write in the user's own files."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from move37.app.look import baseline_of, diff_of
from move37.app.study import Study, find_root, is_recognised, read_study
from move37.core.history import Experiment
from move37.report.results import Applied, Branched, Drafted, Initialised, Patched, Question

if TYPE_CHECKING:
    from move37.tasks.draft import Question as Open


def init(
    root: Path,
    *,
    yes: bool,
    ask: Callable[[Question], str],
    goal: str = "",
    layout: str | None = None,
    model: str | None = None,
    confirm: Callable[[Drafted], str] = lambda drafted: "",
) -> Initialised:
    """Write `move37.toml` from what is found, asking only what cannot be found.

    yes: ask nothing; what cannot be found is a `TaskError`. A file that is there is left alone.
    goal: what to improve, in a person's words. layout: of which tool, or the directory to read instead
    of `root`; `None`: whichever is recognised. model: who drafts it, such as `openai:gpt-5`; `None`:
    the one in MOVE37_MODEL, if any; `none`: nobody.
    confirm: asked before a model's draft is written; empty to agree, `no`, or what to change.
    """
    from move37.store.snapshot import list_files
    from move37.tasks.detect import plan_init
    from move37.tasks.draft import write_task

    if layout is not None and _is_directory(root / layout, layout):
        root, layout = root / layout, None
    root = root.resolve()
    paths = list_files(root)
    found = plan_init(root, paths, layout=layout)
    chosen = model or os.environ.get("MOVE37_MODEL", "").strip() or "none"
    if chosen != "none":
        from move37.app.conversing import init_by_talk

        return init_by_talk(
            found,
            paths,
            model=chosen,
            goal=goal,
            ask=None if yes else partial(_ask, ask),
            confirm=(lambda drafted: "") if yes else confirm,
        )
    draft = found.answer("goal", goal) if goal else found
    draft = draft.with_defaults() if yes else draft
    while draft.questions:
        draft = draft.answer(draft.questions[0].key, _ask(ask, draft.questions[0]))
    return Initialised(path=write_task(draft), written=True, layout=draft.layout, notes=draft.found)


def _is_directory(place: Path, layout: str) -> bool:
    """Whether what `--from` names is a directory, and no layout."""
    from move37.tasks.readers import READERS

    return place.is_dir() and layout not in {reader.name for reader in READERS}


def _ask(ask: Callable[[Question], str], question: "Open") -> str:
    shown = Question(
        key=question.key,
        text=question.text,
        suggestion=question.default,
        choices=question.choices,
    )
    return ask(shown)


def has_task(root: Path) -> bool:
    """Whether `move37 run` can do without `move37 init` here: written down, or known by heart."""
    from move37.tasks.toml import TASK_FILE

    return (root / TASK_FILE).is_file() or is_recognised(root)


def apply(root: Path, experiment: int | None = None) -> Applied:
    """Write the changes of an experiment (the champion) into the user's files.

    Raises `HomeError` when that would overwrite what the user has changed since.
    """
    from move37.store import home

    with read_study(find_root(root)) as study:
        program, baseline, commit = _programs(study, experiment)
        files = home.apply(study.root, study.store.code, baseline=baseline, commit=commit)
        return Applied(experiment=program.id, files=tuple(files))


def branch(root: Path, name: str, experiment: int | None = None) -> Branched:
    """Make a branch with the changes in the user's repository; work tree and index stay as they are.

    A commit for each edit that survived `ablate`, with what it was measured to bring; else one for all.
    Raises `HomeError` when there is no repository, or the branch exists.
    """
    from move37.app.commits import stages_of
    from move37.store import home

    with read_study(find_root(root)) as study:
        program, baseline, commit = _programs(study, experiment)
        stages = stages_of(study, program, study.store.code.changed(baseline, commit))
        made = home.branch(
            study.root,
            study.store.code,
            baseline=baseline,
            commit=commit,
            name=name,
            message="",
            stages=stages,
        )
        subjects = tuple(stage.message.partition("\n")[0] for stage in stages)
        return Branched(
            experiment=program.id, branch=name, commit=made[-1], commits=made, subjects=subjects
        )


def patch(root: Path, experiment: int | None = None) -> Patched:
    """The changes of an experiment (the champion) against the task as it was, for `git apply`."""
    with read_study(find_root(root)) as study:
        changes = diff_of(study, experiment, None)
        return Patched(experiment=changes.experiment, text=changes.text)


def _programs(study: Study, experiment: int | None) -> tuple[Experiment, str, str]:
    program = study.program(experiment)
    baseline = study.history[baseline_of(study, program.epoch)]
    assert program.commit is not None
    assert baseline.commit is not None
    return program, baseline.commit, program.commit
