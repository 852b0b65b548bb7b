"""Every key that `move37.toml` knows: how it is read, an example, and what it is for.

The reference in `docs/task.md` is checked against this page by a test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from move37.tasks.values import (
    absolute_paths,
    at_least_zero,
    count,
    direction,
    duration,
    flag,
    globs,
    level,
    marks,
    metric_name,
    name,
    optional_command,
    own_places,
    pairs,
    plain_text,
    positive,
    rare,
    regex,
    share,
    size,
    some_globs,
    tables,
    text,
    variable_names,
    word,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One key of one table."""

    name: str
    parse: Callable[[object], T]
    """Raises `Wrong`."""
    example: str
    """A value in TOML, shown when the one given is wrong."""
    doc: str
    default: str = ""
    """In TOML, for the reference; empty when there is none."""


# --- keys ----------------------------------------------------------------------------------------

NAME = Key("name", name, '"my-model"', "What the task is called.", "the directory's name")
GOAL = Key(
    "goal",
    text,
    '"Lower the validation loss."',
    "What to improve, in a sentence, for proposers and reports. Longer: write it in `program.md`.",
    "the first line of program.md",
)
SEARCH = Key(
    "search", word, '"lineage"', "The strategy that chooses what to build on.", '"lineage"'
)

EDIT = Key(
    "edit",
    some_globs,
    '["train.py"]',
    "Files that may change, as globs. Everything else is restored for each trial and read-only.",
)
LINK = Key(
    "link",
    globs,
    '["data/"]',
    "Large inputs: mounted read-only, never copied. May be ignored by git.",
    "[]",
)
HIDE = Key(
    "hide",
    globs,
    '["holdout/"]',
    "Visible to `score` and `certify` only; no proposer and no `run` ever sees it.",
    "[]",
)

BETWEEN = Key(
    "between",
    marks,
    '["EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"]',
    "Two marks, each in a comment on a line of its own: a file that has them may change between these lines only.",
    "the whole file",
)

RUN = Key(
    "run",
    plain_text,
    '"python train.py"',
    "Shell command that runs a candidate: sandboxed, without network, in a fresh workspace.",
)
SCORE = Key(
    "score",
    optional_command,
    '"python score.py"',
    "Trusted shell command that reads what `run` left in `$MOVE37_OUT` and prints the metrics.",
    '""',
)
TIMEOUT = Key(
    "timeout",
    duration,
    '"60s"',
    "Wall clock for one trial.",
    "the baseline's slowest trial 20 times, from 30 s to ten minutes",
)
MEMORY = Key(
    "memory", size, '"4GB"', "Memory for one trial. GB is 10⁹ bytes, GiB is 2³⁰.", '"4GiB"'
)
CPUS = Key("cpus", count, "1", "Processor cores, and threads, for one trial.", "1")
PAIR = Key(
    "pair",
    flag,
    "true",
    "Whether the baseline runs back to back with each trial, so that drift can be taken out.",
    "false",
)

EXCLUSIVE = Key(
    "exclusive",
    flag,
    "true",
    "Whether each trial has cores that no other trial of the study runs on meanwhile: for timings "
    "([parallel](parallel.md)).",
    "false",
)

EARLY_STOP = Key(
    "early_stop",
    flag,
    "true",
    "Whether a trial is ended whose printed learning curve is hopeless against the champion's.",
    "false",
)
SCORE_RUNS = Key(
    "score_runs",
    flag,
    "true",
    "Whether `score` runs the candidate's program, which could then forge the verdict: the grade is C at best.",
    "false",
)
STAGE = Key(
    "stage",
    tables,
    '[{run = "python train.py --steps 100"}]',
    "Cheaper evaluations, run first: only what may still matter goes on.",
)

STAGE_NAME = Key("name", word, '"short"', "What the stage is called.", "the stage's number")
STAGE_RUN = Key("run", plain_text, '"python train.py --steps 100"', "Like that of `[evaluate]`.")
STAGE_SCORE = Key("score", optional_command, '"python score.py"', "Likewise.", '""')
STAGE_TIMEOUT = Key("timeout", duration, '"10s"', "Wall clock for it.", "the evaluation's")
STAGE_METRIC = Key(
    "metric", metric_name, '"val_loss"', "Its metric as printed.", "the task's metric"
)
STAGE_GOAL = Key("goal", direction, '"minimize"', "`minimize` or `maximize`.", "the task's")
STAGE_KEEP = Key(
    "keep",
    share,
    "0.25",
    "At least this share goes on; more does while the stage says little of the final score.",
    "0.1",
)

METRIC_NAME = Key(
    "name",
    metric_name,
    '"val_bpb"',
    "The metric as printed: `val_bpb: 0.98`, `METRIC val_bpb=0.98`, or JSON on the last line.",
)
METRIC_GOAL = Key("goal", direction, '"minimize"', "`minimize` or `maximize`.")
MIN_EFFECT = Key(
    "min_effect",
    at_least_zero,
    "0.001",
    "Smaller differences, in the metric's unit, are not worth a change.",
    "0.0",
)
REGEX = Key(
    "regex",
    regex,
    r"'loss=(\d+\.\d+)'",
    "Finds the number when it is printed in no known way; its first group is the number.",
)

CHECK_RUN = Key("run", plain_text, '"pytest -q"', "The command, which must exit with 0.")
CHECK_TIMEOUT = Key(
    "timeout",
    duration,
    '"2m"',
    "Wall clock for it.",
    "ten minutes, or the evaluation's if that is longer",
)

EXPERIMENTS = Key(
    "experiments",
    count,
    "100",
    "Stop after so many experiments. A repeat counts as one; at most a tenth are repeats "
    "([search](search.md)).",
)
HOURS = Key("hours", positive, "8", "Stop after so many hours of work.")
USD = Key("usd", at_least_zero, "5.0", "Stop when models have cost so many dollars.")

PAIRS = Key(
    "pairs",
    pairs,
    "20",
    "Pairs of fresh trials at the most; otherwise planned from what the search believes.",
)
ALPHA = Key(
    "alpha",
    rare,
    "0.05",
    "How probable a false claim may be, in a whole study, however often it certifies.",
    "0.05",
)

USE = Key(
    "use",
    flag,
    "true",
    "Whether the policy lets hopeless changes go before they are measured ([policy](policy.md)).",
    "false",
)
REMEMBER = Key(
    "remember",
    flag,
    "false",
    "Where it is used: whether it learns from your other studies, and they from this one.",
    "true",
)

LEVEL = Key(
    "level",
    level,
    '"auto"',
    "`auto` takes the strongest that works here; `root`, `user` or `plain` insist on one.",
    '"auto"',
)
READ = Key(
    "read",
    absolute_paths,
    '["/opt/compiler"]',
    "More absolute paths that the evaluation reads; `~` is your home directory.",
    "[]",
)
SCRATCH = Key(
    "scratch",
    own_places,
    '["/app"]',
    "Absolute paths where a command finds an empty directory of its own to write in; gone afterwards.",
    "[]",
)
ENV = Key("env", variable_names, '["HOME"]', "Environment variables to pass through.", "[]")

KIND = Key("kind", word, '"tune"', "Who proposes; other keys of its table are its own options.")

SECTIONS: Mapping[str, tuple[Key[Any], ...]] = {
    "": (NAME, GOAL, SEARCH),
    "files": (EDIT, LINK, HIDE, BETWEEN),
    "evaluate": (RUN, SCORE, TIMEOUT, MEMORY, CPUS, PAIR, EXCLUSIVE, EARLY_STOP, SCORE_RUNS, STAGE),
    "stage": (
        STAGE_NAME,
        STAGE_RUN,
        STAGE_SCORE,
        STAGE_TIMEOUT,
        STAGE_METRIC,
        STAGE_GOAL,
        STAGE_KEEP,
    ),
    "metric": (METRIC_NAME, METRIC_GOAL, MIN_EFFECT, REGEX),
    "checks": (),
    "check": (CHECK_RUN, CHECK_TIMEOUT),
    "limits": (),
    "also": (),
    "budget": (EXPERIMENTS, HOURS, USD),
    "certify": (PAIRS, ALPHA),
    "policy": (USE, REMEMBER),
    "sandbox": (LEVEL, READ, SCRATCH, ENV),
    "proposer": (KIND,),
}
"""By table; "" is the top of the file, `stage` is `[[evaluate.stage]]`, `check` a table in `[checks]`.
`checks`, `limits` and `also` take any name, `proposer` any option."""

_INNER = ("stage", "check")
"""Tables within tables."""

SYNONYMS: Mapping[str, str] = {
    "command": "run",
    "cmd": "run",
    "direction": "goal",
    "mode": "goal",
    "objective": "goal",
    "editable": "edit",
    "hidden": "hide",
    "holdout": "hide",
    "threads": "cpus",
    "cores": "cpus",
    "mem": "memory",
    "ram": "memory",
    "time_limit": "timeout",
    "pattern": "regex",
    "cost": "usd",
    "dollars": "usd",
    "proposers": "proposer",
    "constraints": "limits",
    "evaluation": "evaluate",
    "eval": "evaluate",
    "fence": "sandbox",
}
"""What other tools call it."""


def advice_on_unknown(section: str, unknown: str) -> str:
    """Name the nearest known key, or the table where this one belongs; empty when there is none."""
    known = known_keys(section)
    synonym = SYNONYMS.get(unknown.lower())
    if synonym in known:
        return f"did you mean `{synonym}`?"
    if near := get_close_matches(unknown.lower(), known, n=1, cutoff=0.6):
        return f"did you mean `{near[0]}`?"
    for other, keys in SECTIONS.items():
        if other not in (section, "proposer", *_INNER) and unknown in [key.name for key in keys]:
            return f"`{unknown}` belongs {f'in [{other}]' if other else 'at the top'}"
    return ""


def known_keys(section: str) -> list[str]:
    own = [key.name for key in SECTIONS[section]]
    return own if section else [*own, *(name for name in SECTIONS if name not in ("", *_INNER))]
