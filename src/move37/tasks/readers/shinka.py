"""ShinkaEvolve: `evaluate.py` with `--program_path` and `--results_dir` judges `initial.*`.

`run_evo.py`, where there is one, is read for goal, time and budget, and never run. Private metrics stay
in the sandbox: the shim prints the score and what is public.
"""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from move37.core.records import Direction
from move37.core.regions import has_regions
from move37.tasks.draft import Draft
from move37.tasks.found import Found, draft_found
from move37.tasks.look import Look
from move37.tasks.metrics import Guess
from move37.tasks.readers.openevolve import MARKS
from move37.tasks.readers.reader import IN_PROCESS, Reader
from move37.tasks.shims import SHIMS

_EVALUATOR = "evaluate.py"
_SETTINGS = "run_evo.py"


def _read(look: Look) -> Draft | None:
    program, evaluator = _program(look), look.text(_EVALUATOR)
    if program is None or "--program_path" not in evaluator or "--results_dir" not in evaluator:
        return None
    python = look.python(f"{SHIMS}/shinka.py {_EVALUATOR} {shlex.quote(program)}")
    said = dict(_said(look.text(_SETTINGS)))
    generations = said.get("num_generations")
    return draft_found(
        look,
        Found(
            layout=SHINKA.title,
            why=f"{_EVALUATOR} takes --program_path and --results_dir, and {program} is the program",
            run=python.command,
            edit=(program,),
            between=MARKS if has_regions(look.text(program).encode(), MARKS) else None,
            metric=Guess.of("combined_score", Direction.MAXIMIZE),
            goal=str(said.get("task_sys_msg", "")).strip(),
            evaluate=_timeout(said),
            sandbox=python.sandbox,
            budget={"experiments": generations}
            if isinstance(generations, int) and generations > 0
            else {},
            notes=("private metrics are not recorded: nobody here ever sees them", IN_PROCESS),
        ),
    )


def _program(look: Look) -> str | None:
    named = [path for path in look.paths if re.fullmatch(r"initial\.\w+", path)]
    return named[0] if len(named) == 1 else None


def _timeout(said: Mapping[str, Any]) -> dict[str, str]:
    """`time="00:10:00"` of a job."""
    clock = re.fullmatch(r"(\d+):(\d\d):(\d\d)", str(said.get("time", "")))
    if clock is None:
        return {}
    hours, minutes, seconds = map(int, clock.groups())
    whole = hours * 3600 + minutes * 60 + seconds
    return {"timeout": f"{whole}s"} if whole else {}


def _said(source: str) -> Iterator[tuple[str, Any]]:
    """The keyword arguments of a script that are constants, or names of constants."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in (
            "task_sys_msg",
            "num_generations",
            "time",
        ):
            if isinstance(node.value, ast.Constant):
                yield node.arg, node.value.value
            elif isinstance(node.value, ast.Name) and node.value.id in constants:
                yield node.arg, constants[node.value.id]


SHINKA = Reader(
    name="shinka",
    title="ShinkaEvolve",
    needs="evaluate.py with --program_path and --results_dir, and one initial.*",
    read=_read,
)
