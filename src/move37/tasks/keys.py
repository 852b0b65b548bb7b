"""Every key that `move37.toml` knows: how it is read, an example, and what it is for.

The reference in `docs/task.md` is checked against this page by a test.
"""

import math
import os.path
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

from move37.core.records import MOST_STAGES, PAIRS_LIMIT, Direction
from move37.tasks.globs import BadGlob, compile_glob
from move37.tasks.units import NotAQuantity, parse_duration, parse_size

T = TypeVar("T")

Level = Literal["auto", "root", "user", "plain"]

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make text look different from what it is ("Trojan Source", Boucher & Anderson 2021)."""


class Wrong(ValueError):
    """A value cannot be used; the message is the end of a sentence that begins with its key."""


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


# --- values --------------------------------------------------------------------------------------


def describe(value: object) -> str:
    """Say in plain words what TOML gave us."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {_shorten(value)!r}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case datetime() | date() | time():
            return "a date or time"
        case _:
            return f"a {type(value).__name__}"


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def text(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong(f"must be text in quotes, not {describe(value)}")
    if not value.strip():
        raise Wrong("is empty")
    return value


def plain_text(value: object) -> str:
    """Text that is what it looks like: no NUL, nothing that reorders what a person sees."""
    found = text(value)
    for character in found:
        if character in _BIDI or (character < " " and character not in "\t\n\r"):
            raise Wrong(f"contains the invisible character U+{ord(character):04X}; remove it")
    return found


def name(value: object) -> str:
    found = plain_text(value)
    if found != found.strip() or any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in found):
        raise Wrong(f"is {_shorten(found)!r}; a name is one line without spaces around it")
    return found


def metric_name(value: object) -> str:
    found = name(value)
    if ":" in found or "=" in found:
        raise Wrong(f"is {found!r}, but `:` and `=` end a metric's name where it is printed")
    return found


def word(value: object) -> str:
    found = text(value)
    if not re.fullmatch(r"[A-Za-z][\w.-]*", found, re.ASCII):
        raise Wrong(f"is {_shorten(found)!r}; it is one word of letters, digits, `_`, `-` and `.`")
    return found


def optional_command(value: object) -> str | None:
    return None if isinstance(value, str) and not value.strip() else plain_text(value)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"must be true or false, not {describe(value)}")
    return value


def number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"must be a number, not {describe(value)}")
    try:
        found = float(value)
    except OverflowError:
        raise Wrong("is too large a number") from None
    if not math.isfinite(found):
        raise Wrong(f"is {found}; it must be finite")
    return found


def at_least_zero(value: object) -> float:
    if (found := number(value)) < 0:
        raise Wrong(f"is {found:g}; it cannot be negative")
    return found


def positive(value: object) -> float:
    if (found := number(value)) <= 0:
        raise Wrong(f"is {found:g}; it must be more than 0")
    return found


def share(value: object) -> float:
    if not 0 < (found := number(value)) <= 1:
        raise Wrong(f"is {found:g}; it must be more than 0 and at most 1")
    return found


def rare(value: object) -> float:
    if not 0 < (found := number(value)) <= 0.5:
        raise Wrong(f"is {found:g}; it must be more than 0 and at most 0.5")
    return found


def tables(value: object) -> tuple[dict[str, object], ...]:
    given = cast("list[object]", value) if isinstance(value, list) else None
    if given is None or not all(isinstance(table, dict) for table in given):
        raise Wrong(f"must be tables in double brackets, not {describe(cast('object', value))}")
    if len(given) > MOST_STAGES:
        raise Wrong(f"has {len(given)} tables; {MOST_STAGES} are the most")
    return tuple(cast("list[dict[str, object]]", given))


def count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(f"must be a whole number, not {describe(value)}")
    if value < 1:
        raise Wrong(f"is {value}; it must be at least 1")
    if value > 10**12:
        raise Wrong("is too large a number")
    return value


def pairs(value: object) -> int:
    if (found := count(value)) > PAIRS_LIMIT:
        raise Wrong(f"is {found}; {PAIRS_LIMIT} are the most")
    return found


def duration(value: object) -> float:
    """Seconds, from a number or text such as `"2m"`."""
    if not isinstance(value, str):
        return positive(value)
    try:
        return positive(parse_duration(value))
    except NotAQuantity as error:
        raise Wrong(str(error)) from error


def size(value: object) -> int:
    """Bytes. A bare number is refused: nobody who writes `memory = 4` means four bytes."""
    if not isinstance(value, str):
        raise Wrong(f"must be a size with its unit in quotes, not {describe(value)}")
    try:
        found = parse_size(value)
    except NotAQuantity as error:
        raise Wrong(str(error)) from error
    if not 1024**2 <= found < 2**60:
        raise Wrong(f"is {value!r}; it must be at least 1MiB and less than 1024^2 TiB")
    return found


def regex(value: object) -> str:
    pattern = text(value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise Wrong(f"is {_shorten(pattern)!r}, which is no regular expression: {error}") from error
    if not groups:
        raise Wrong(f"is {_shorten(pattern)!r}, which has no group; put the number in parentheses")
    return pattern


def direction(value: object) -> Direction:
    found = text(value)
    if found not in list(Direction):
        raise Wrong(f"is {_shorten(found)!r}; it must be 'minimize' or 'maximize'")
    return Direction(found)


def level(value: object) -> Level:
    found = text(value)
    if found in ("auto", "root", "user", "plain"):
        return found
    raise Wrong(f"is {_shorten(found)!r}; it must be 'auto', 'root', 'user' or 'plain'")


def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Wrong(f"must be a list of texts in brackets, not {describe(value)}")
    return tuple(plain_text(item) for item in cast("list[object]", value))


def globs(value: object) -> tuple[str, ...]:
    patterns = texts(value)
    for pattern in patterns:
        try:
            compile_glob(pattern)
        except BadGlob as error:
            raise Wrong(f"has {_shorten(pattern)!r}, which {error}") from error
    return patterns


def some_globs(value: object) -> tuple[str, ...]:
    patterns = globs(value)
    if not patterns:
        raise Wrong("is empty, so that nothing may change")
    return patterns


def absolute_paths(value: object) -> tuple[str, ...]:
    found: list[str] = []
    for given in texts(value):
        try:
            path = os.path.normpath(Path(given).expanduser())
        except RuntimeError:  # `~somebody` who is not known here
            path = ""
        if not path.startswith("/"):
            raise Wrong(f"has {_shorten(given)!r}, which is no absolute path")
        if path.strip("/") == "":
            raise Wrong(f"has {given!r}, the whole machine; name the directories that are needed")
        found.append(path)
    return tuple(found)


def variable_names(value: object) -> tuple[str, ...]:
    names = texts(value)
    for given in names:
        if not re.fullmatch(r"[A-Za-z_]\w*", given, re.ASCII):
            raise Wrong(f"has {_shorten(given)!r}, which is no name of an environment variable")
        if given.startswith("MOVE37_"):
            raise Wrong(f"has {given!r}; the names that begin with MOVE37_ are set by move37")
    return names


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
TIMEOUT = Key("timeout", duration, '"60s"', "Wall clock for one trial.", '"10m"')
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

EARLY_STOP = Key(
    "early_stop",
    flag,
    "true",
    "Whether a trial is ended whose printed learning curve is hopeless against the champion's.",
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
ENV = Key("env", variable_names, '["HOME"]', "Environment variables to pass through.", "[]")

KIND = Key("kind", word, '"tune"', "Who proposes; other keys of its table are its own options.")

SECTIONS: Mapping[str, tuple[Key[Any], ...]] = {
    "": (NAME, GOAL, SEARCH),
    "files": (EDIT, LINK, HIDE),
    "evaluate": (RUN, SCORE, TIMEOUT, MEMORY, CPUS, PAIR, EARLY_STOP, STAGE),
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
    "sandbox": (LEVEL, READ, ENV),
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
