"""Finds out what there is to improve in a directory: for `init`, and for layouts that need no file.

Reads files, runs nothing, writes nothing. What is not certain becomes a question.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from move37.core.errors import TaskError
from move37.core.records import Direction, Task
from move37.tasks.checks import propose_checks
from move37.tasks.draft import Draft, Question, already_there
from move37.tasks.files import OWN_FILES, Read, disk_reader
from move37.tasks.look import EVALUATORS, Look
from move37.tasks.metrics import Guess, guess_metrics
from move37.tasks.toml import TASK_FILE, load_task, no_task

AUTORESEARCH = "karpathy/autoresearch"
AUTORESEARCH_FILES = ("prepare.py", "train.py", "program.md")


def load_or_detect(root: Path, paths: Sequence[str]) -> Task:
    """Return the task of this directory, whether it is written down or of a layout known by heart.

    `paths` are its files. Raises `TaskError`, also when there is no task here.
    """
    if (root / TASK_FILE).exists() or not root.is_dir():
        return load_task(root)
    look = Look(root.resolve(), paths, disk_reader(root))
    found = _autoresearch(look)
    if found is None:
        raise no_task(root)
    return _draft(look, found).task()


def plan_init(root: Path, paths: Sequence[str]) -> Draft:
    """Return what a `move37.toml` for this directory would say.

    Raises `TaskError` when there is one already, or nothing to improve.
    """
    if (root / TASK_FILE).exists():
        raise already_there(root)
    if not root.is_dir():
        load_task(root)  # says what is wrong with the directory
    return detect(root, paths, disk_reader(root))


def detect(root: Path, paths: Sequence[str], read: Read) -> Draft:
    """Return what can be found out about a directory. Raises `TaskError` when it is empty."""
    look = Look(root.resolve(), paths, read)
    if not [path for path in look.paths if path not in OWN_FILES]:
        raise TaskError(
            f"there is nothing here to improve: {look.root} has no files; "
            "write a program and its evaluation, then run `move37 init`"
        )
    for layout in _LAYOUTS:
        found = layout(look)
        if found is not None:
            return _draft(look, found)
    return _draft(look, Found(layout="nothing known", why="no evaluation was recognised"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One layout, recognised."""

    layout: str
    why: str
    """A sentence for the person who checks it."""
    run: str | None = None
    score: str | None = None
    edit: tuple[str, ...] = ()
    """Empty: unknown."""
    printers: tuple[str, ...] = ()
    """Files whose text tells which metric is printed."""
    metric: Guess | None = None
    """Where the layout itself says so."""
    evaluate: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sandbox: Mapping[str, Any] = field(default_factory=dict[str, Any])


# --- layouts, the surest first -------------------------------------------------------------------


def _autoresearch(look: Look) -> Found | None:
    """`prepare.py` is fixed, `train.py` may change, `program.md` tells the agent what to do."""
    if not all(map(look.has, AUTORESEARCH_FILES)):
        return None
    caches = sorted(set(look.home_caches("prepare.py", "train.py")))
    python = look.python("train.py")
    sandbox: dict[str, Any] = {}
    if caches:
        sandbox = {"read": caches, "env": ["HOME"]}
    memory = {"memory": "64GiB"} if "cuda" in look.text("train.py") else {}
    return Found(
        layout=AUTORESEARCH,
        why="prepare.py, train.py and program.md are karpathy/autoresearch's",
        run=python.command,
        edit=("train.py",),
        printers=("train.py", "program.md"),
        metric=_metric_of_program(look.text("program.md"), look.text("train.py")),
        evaluate={"timeout": "10m", **memory},
        sandbox=_merged(sandbox, python.sandbox),
    )


def _metric_of_program(program: str, train: str) -> Guess:
    """Forks have other metrics: the program says which line of the log is the result."""
    named = re.search(r"grep\s+[\"']\^([A-Za-z_]\w*):", program)
    name = named[1] if named else "val_bpb"
    if not named and "val_bpb" not in program + train:
        for guess in guess_metrics(train):
            name = guess.name
            break
    said = re.search(rf"\b(lowest|highest)\s+`?{re.escape(name)}\b", program, re.IGNORECASE)
    if said is None:
        return Guess.of(name)
    is_low = said[1].lower() == "lowest"
    return Guess.of(name, Direction.MINIMIZE if is_low else Direction.MAXIMIZE)


def _pi_autoresearch(look: Look) -> Found | None:
    if not look.has(".auto/measure.sh"):
        return None
    return Found(
        layout="pi-autoresearch",
        why=".auto/measure.sh is pi-autoresearch's",
        run="bash .auto/measure.sh",
        edit=look.named_in(".auto/measure.sh"),
        printers=(".auto/measure.sh", *look.named_in(".auto/measure.sh")),
    )


def _evaluator_function(look: Look) -> Found | None:
    """OpenEvolve, SkyDiscover: `evaluate(program_path)` returns the metrics."""
    program = look.first("initial_program.py", "initial.py", "program.py") or look.marked()
    for module in ("evaluator", "evaluate"):
        script = f"{module}.py"
        if (
            program
            and _PLAIN_PATH.fullmatch(program)
            and re.search(r"^def evaluate\(\s*\w+", look.text(script), re.MULTILINE)
        ):
            code = (
                f"import json, {module}; r = {module}.evaluate({program!r}); "
                "print(json.dumps(getattr(r, 'metrics', r)))"
            )
            python = look.python(f'-c "{code}"')
            return Found(
                layout="OpenEvolve",
                why=f"{script} has evaluate(program_path), and {program} is the program",
                run=python.command,
                edit=(program,),
                printers=(script,),
                sandbox=python.sandbox,
            )
    return None


def _scored(look: Look) -> Found | None:
    """A program leaves its answer, a scorer judges it: the kind of evaluation that cannot be fooled."""
    program = look.first(*_PROGRAMS)
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
        look.named_in(script)
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
    scripts = look.files_in(targets[target])
    edit = tuple(p for p in scripts if not EVALUATORS.search(p)) or look.tested_source()
    return Found(
        layout="make target",
        why=f"the Makefile has the target {target!r}",
        run=f"make --silent {target}",
        edit=edit,
        printers=("Makefile", *scripts, *edit),
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


_PLAIN_PATH = re.compile(r"[\w./-]+", re.ASCII)
"""Needs no quoting inside quotes."""

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

_LAYOUTS: tuple[Callable[[Look], Found | None], ...] = (
    _autoresearch,
    _pi_autoresearch,
    _evaluator_function,
    _scored,
    _evaluation_script,
    _package_json,
    _makefile,
    _program,
)


# --- from what was found to a draft --------------------------------------------------------------


def _draft(look: Look, found: Found) -> Draft:
    guesses = [found.metric] if found.metric else _guesses(look, found.printers)
    metric, metric_questions = _metric(guesses)
    questions = [*_open(look, found), *metric_questions]
    checks = propose_checks(look)
    linked = [f"{name}/" for name in look.inputs() if f"{name}/" not in found.edit]
    hidden = [
        f"{name}/" for name in ("holdout", "hidden") if found.score and look.is_directory(name)
    ]
    document: dict[str, Any] = {
        "files": _given(edit=list(found.edit), link=linked, hide=hidden),
        "evaluate": {**_given(run=found.run, score=found.score), **found.evaluate},
        "metric": metric,
        "checks": checks,
        "sandbox": dict(found.sandbox),
    }
    if found.layout == AUTORESEARCH and "goal" in metric:
        # Its program.md begins with the project's name, not with a goal.
        verb = "Lower" if metric["goal"] == "minimize" else "Raise"
        document["goal"] = f"{verb} {metric['name']}."
    return Draft(
        root=look.root,
        layout=found.layout,
        document={table: content for table, content in document.items() if content},
        questions=tuple(questions),
        found=tuple(_sentences(found, metric, checks, linked, _own_judge(look, found))),
        regexes={guess.name: guess.regex for guess in guesses if guess.regex},
    )


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value}


def _open(look: Look, found: Found) -> Iterator[Question]:
    if found.run is None:
        yield Question(
            key="evaluate.run",
            text="Which command measures the program and prints a number?",
            choices=look.commands(),
        )
    if not found.edit:
        sources = look.sources() or look.data()
        yield Question(
            key="files.edit",
            text="Which files may change (several with commas)?",
            choices=sources[:20],
            default=sources[0] if len(sources) == 1 else None,
        )


def _guesses(look: Look, printers: Iterable[str]) -> list[Guess]:
    """What the first of these files that prints anything prints."""
    for path in printers:
        if guesses := guess_metrics(look.text(path)):
            return list(guesses[:10])
    return []


def _own_judge(look: Look, found: Found) -> str | None:
    """The file that may change and prints its own number, where nothing else judges it."""
    if found.score or found.layout == AUTORESEARCH:
        return None
    printing = (path for path in found.printers if guess_metrics(look.text(path)))
    judge = next(printing, None)
    return judge if judge in found.edit else None


def _metric(guesses: Sequence[Guess]) -> tuple[dict[str, Any], list[Question]]:
    """The metric as far as it is clear, and what to ask about it."""
    which = "Which way is better?"
    goals = ("minimize", "maximize")
    if not guesses:
        return {}, [
            Question(key="metric.name", text="What is the metric called where it is printed?"),
            Question(key="metric.goal", text=which, choices=goals),
        ]
    best, *others = guesses
    rivals = [guess for guess in others if guess.weight > best.weight - 1.0]
    if rivals:
        return {}, [
            Question(
                key="metric.name",
                text="Which of the printed numbers is the one to improve?",
                choices=tuple(guess.name for guess in guesses),
                default=best.name,
            ),
            Question(key="metric.goal", text=which, choices=goals),
        ]
    metric: dict[str, Any] = {"name": best.name, **_given(regex=best.regex)}
    if best.direction is None:
        return metric, [Question(key="metric.goal", text=which, choices=goals)]
    return {**metric, "goal": best.direction.value}, []


def _sentences(
    found: Found,
    metric: Mapping[str, Any],
    checks: Mapping[str, str],
    linked: Sequence[str],
    own_judge: str | None,
) -> Iterator[str]:
    yield found.why
    if found.edit:
        yield f"{', '.join(found.edit)} may change"
    if "goal" in metric:
        better = "lower" if metric["goal"] == "minimize" else "higher"
        yield f"the metric is {metric['name']}, and {better} is better"
    if own_judge:
        yield (
            f"{own_judge} prints its own number, so a change may cheat (a smaller problem, an easier "
            "test): mark such lines `# move37: off`, or let a `score` command judge"
        )
    for command in checks.values():
        yield f"`{command}` must pass"
    if linked:
        yield f"{', '.join(linked)} is mounted, not copied"


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return {key: sorted({*first.get(key, []), *second.get(key, [])}) for key in {**first, **second}}
