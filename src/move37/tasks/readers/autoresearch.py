"""karpathy/autoresearch: `prepare.py` is fixed, `train.py` may change, `program.md` tells the agent what to do."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from move37.core.records import Direction
from move37.tasks.draft import Draft
from move37.tasks.found import Found, draft_found
from move37.tasks.look import Look
from move37.tasks.metrics import Guess, guess_metrics
from move37.tasks.readers.reader import Reader

_LIMITS = {"peak_vram_mb": "<= 2x baseline"}
"""Some more is fine for a better result, it says, but it should not blow up."""
_FILES = ("prepare.py", "train.py", "program.md")


def _read(look: Look) -> Draft | None:
    if not all(map(look.has, _FILES)):
        return None
    caches = sorted(set(look.home_caches("prepare.py", "train.py")))
    python = look.python("train.py")
    sandbox = {"read": caches, "env": ["HOME"]} if caches else {}
    memory = {"memory": "64GiB"} if "cuda" in look.text("train.py") else {}
    has_memory = re.search(r"\bpeak_vram_mb\s*:", look.text("train.py")) is not None
    metric = _metric_of_program(look.text("program.md"), look.text("train.py"))
    return draft_found(
        look,
        Found(
            layout=AUTORESEARCH.title,
            why="prepare.py, train.py and program.md are karpathy/autoresearch's",
            run=python.command,
            edit=("train.py",),
            printers=("train.py", "program.md"),
            metric=metric,
            goal=_goal(metric),
            evaluate={"timeout": "10m", **memory},
            sandbox=_merged(sandbox, python.sandbox),
            limits=_LIMITS if has_memory and _sees_gpu() else {},
            also={"peak_vram_mb": "minimize"} if has_memory else {},
            notes=tuple(_notes(look, has_memory)),
        ),
    )


def _sees_gpu() -> bool:
    """Whether there is one here: without, that number is 0, of which no multiple bounds anything."""
    return Path("/dev/nvidiactl").exists()


def _notes(look: Look, has_memory: bool) -> Iterator[str]:
    if has_memory and _sees_gpu():
        yield "peak_vram_mb may grow to twice the baseline's: its program.md calls memory a soft limit"
    if look.has("results.tsv"):
        yield "results.tsv is shown to proposers as what was reported before; nothing in it counts as measured"


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


def _goal(metric: Guess) -> str:
    """Its program.md begins with the project's name, not with a goal."""
    if metric.direction is None:
        return ""
    verb = "Lower" if metric.direction is Direction.MINIMIZE else "Raise"
    return f"{verb} {metric.name}."


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return {key: sorted({*first.get(key, []), *second.get(key, [])}) for key in {**first, **second}}


AUTORESEARCH = Reader(
    name="autoresearch",
    title="karpathy/autoresearch",
    needs="prepare.py, train.py and program.md",
    read=_read,
)
