"""Finds out what there is to improve in a directory: for `init`, and for layouts that need no file.

Reads files, runs nothing, writes nothing. What is not certain becomes a question.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from move37.core.errors import TaskError
from move37.core.records import Task
from move37.tasks.draft import Draft, already_there
from move37.tasks.files import OWN_FILES, Read, disk_reader
from move37.tasks.found import Found, draft_found
from move37.tasks.look import EVALUATORS, Look
from move37.tasks.readers import READERS
from move37.tasks.readers.reader import choose, read_as
from move37.tasks.toml import TASK_FILE, load_task, no_task


def load_or_detect(root: Path, paths: Sequence[str]) -> Task:
    """Return the task of this directory, whether it is written down or of a layout known by heart.

    `paths` are its files. Raises `TaskError`, also when there is no task here.
    """
    draft = recognise(root, paths)
    return load_task(root) if draft is None else draft.task()


def recognise(root: Path, paths: Sequence[str]) -> Draft | None:
    """Return what another tool's layout says of the task here; `None` where a `move37.toml` says it.

    Raises `TaskError` where there is neither, or several layouts.
    """
    if (root / TASK_FILE).exists() or not root.is_dir():
        return None
    draft = choose(READERS, Look(root.resolve(), paths, disk_reader(root)))
    if draft is None:
        raise no_task(root)
    return draft


def is_known_layout(root: Path, paths: Sequence[str]) -> bool:
    """Whether another tool's layout says what the task here is; also where several do, or one is broken."""
    try:
        return choose(READERS, Look(root.resolve(), paths, disk_reader(root))) is not None
    except TaskError:
        return True


def plan_init(root: Path, paths: Sequence[str], *, layout: str | None = None) -> Draft:
    """Return what a `move37.toml` for this directory would say.

    layout: the reader to trust, by its name; `None`: whatever is recognised.
    Raises `TaskError` when there is one already, or nothing to improve.
    """
    if (root / TASK_FILE).exists():
        raise already_there(root)
    if not root.is_dir():
        load_task(root)  # says what is wrong with the directory
    if layout is not None:
        return read_as(READERS, layout, Look(root.resolve(), paths, disk_reader(root)))
    return detect(root, paths, disk_reader(root))


def detect(root: Path, paths: Sequence[str], read: Read) -> Draft:
    """Return what can be found out about a directory.

    Raises `TaskError` when it is empty, or of several layouts.
    """
    look = Look(root.resolve(), paths, read)
    if not [path for path in look.paths if path not in OWN_FILES]:
        raise TaskError(
            f"there is nothing here to improve: {look.root} has no files; "
            "write a program and its evaluation, then run `move37 init`"
        )
    if (draft := choose(READERS, look)) is not None:
        return draft
    for guess in _GUESSES:
        found = guess(look)
        if found is not None:
            return draft_found(look, found)
    return draft_found(look, Found(layout="nothing known", why="no evaluation was recognised"))


# --- guesses at what is nobody's layout, the surest first ------------------------------------------


def _scored(look: Look) -> Found | None:
    """A program leaves its answer, a scorer judges it: the kind of evaluation that cannot be fooled."""
    program = look.first(*_PROGRAMS) or look.leaving()
    scorer = look.first("score.py", "score.sh")
    if program is None or scorer is None or "MOVE37_OUT" not in look.text(scorer):
        return None
    run, score = look.launch(program), look.launch(scorer)
    return Found(
        layout="program and scorer",
        why=f"{scorer} judges what {program} leaves in $MOVE37_OUT",
        run=run.command,
        score=score.command,
        edit=(program, *look.imported(program)),
        printers=(scorer,),
        sandbox=run.sandbox,
    )


def _evaluation_script(look: Look) -> Found | None:
    script = look.first(*_EVALUATION_SCRIPTS) or look.benchmark()
    if script is None:
        return None
    launch = look.launch(script)
    edit = (
        look.prompts(script)
        or look.named_in(script)
        or look.imported(script)
        or look.settings(script)
        or look.tested_source()
    )
    return Found(
        layout="evaluation script",
        why=f"{script} measures",
        run=launch.command,
        edit=edit,
        printers=(script, *edit),
        sandbox=launch.sandbox,
    )


def _package_json(look: Look) -> Found | None:
    for name, command in look.npm_scripts().items():
        if name in ("bench", "benchmark", "eval", "perf", "measure"):
            scripts = look.files_in(command)
            return Found(
                layout="npm script",
                why=f"package.json has the script {name!r}",
                run=f"npm run --silent {name}",
                edit=look.tested_source(),
                printers=scripts,
            )
    return None


def _makefile(look: Look) -> Found | None:
    targets = look.make_targets()
    measuring = ("bench", "benchmark", "eval", "evaluate", "measure", "perf", "train")
    known = [target for target in targets if target in measuring]
    target = next(iter(known), "run" if "run" in targets else None)
    if target is None:
        return None
    scripts = look.behind_target(target)
    edit = tuple(p for p in scripts if not EVALUATORS.search(p)) or look.tested_source()
    return Found(
        layout="make target",
        why=f"the Makefile has the target {target!r}",
        run=f"make --silent {target}",
        edit=edit,
        printers=(*scripts, "Makefile", *edit),
    )


def _program(look: Look) -> Found | None:
    """One program that prints its own number: the weakest kind, since it judges itself."""
    program = look.first(*_PROGRAMS) or look.only_script()
    if program is None:
        return None
    launch = look.launch(program)
    used = (*look.imported(program), *look.settings(program))
    edit = (program, *(path for path in used if not EVALUATORS.search(path)))
    return Found(
        layout="program that prints its own number",
        why=f"{program} looks like the program",
        run=launch.command,
        edit=edit,
        printers=(program, *look.imported(program)),
        sandbox=launch.sandbox,
    )


_PROGRAMS = ("train.py", "solve.py", "solution.py", "main.py", "run.py", "experiment.py")
_EVALUATION_SCRIPTS = (
    "eval.sh",
    "measure.sh",
    "evaluate.sh",
    "benchmark.sh",
    "bench.sh",
    "score.sh",
    "evaluator.py",
    "evaluate.py",
    "score.py",
    "eval.py",
    "measure.py",
    "benchmark.py",
    "bench.py",
    "bench.js",
    "bench.mjs",
    "benchmark.js",
    "benchmark.mjs",
)

_GUESSES: tuple[Callable[[Look], Found | None], ...] = (
    _scored,
    _evaluation_script,
    _package_json,
    _makefile,
    _program,
)
