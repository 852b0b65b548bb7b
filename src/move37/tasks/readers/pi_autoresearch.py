"""pi-autoresearch: `.auto/measure.sh` prints `METRIC name=value`, `.auto/prompt.md` says what it is about.

Sessions before that folder had the same files side by side, as `autoresearch.sh` and so on. What was
tried there is read by proposers as a reference (`tasks/references.py`), and is no measurement of ours.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from move37.core.errors import TaskError
from move37.core.records import Direction
from move37.tasks.draft import Draft
from move37.tasks.found import Found, draft_found
from move37.tasks.look import EVALUATORS, Look
from move37.tasks.metrics import Guess
from move37.tasks.readers.reader import Reader


@dataclass(frozen=True, slots=True)
class _Session:
    """Where the files of a session are."""

    measure: str
    prompt: str
    log: str
    checks: str
    config: str


_CURRENT = _Session(
    ".auto/measure.sh", ".auto/prompt.md", ".auto/log.jsonl", ".auto/checks.sh", ".auto/config.json"
)
_FLAT = _Session(
    "autoresearch.sh",
    "autoresearch.md",
    "autoresearch.jsonl",
    "autoresearch.checks.sh",
    "autoresearch.config.json",
)
_DIRECTIONS = {"lower": Direction.MINIMIZE, "higher": Direction.MAXIMIZE}


def _read(look: Look) -> Draft | None:
    session = _session(look)
    if session is None:
        return None
    prompt = look.text(session.prompt)
    edit, judging = _scope(look, session, prompt)
    checks = {"checks": {"run": f"bash {session.checks}", "timeout": "5m"}}
    return draft_found(
        look,
        Found(
            layout=PI_AUTORESEARCH.title,
            why=f"{session.measure} is pi-autoresearch's",
            run=f"bash {session.measure}",
            edit=edit or look.named_in(session.measure),
            printers=(session.measure, *look.files_in(look.text(session.measure))),
            metric=_logged(look.text(session.log)) or _primary(prompt),
            goal=_goal(prompt),
            checks=checks if look.has(session.checks) else {},
            budget=_budget(look, session.config),
            warnings=tuple(_warnings(session, prompt)),
            notes=tuple(_notes(look, session, judging)),
        ),
    )


def _session(look: Look) -> _Session | None:
    if look.has(_CURRENT.measure):
        return _CURRENT
    is_flat = look.has(_FLAT.measure) and (look.has(_FLAT.prompt) or look.has(_FLAT.log))
    return _FLAT if is_flat else None


def _logged(log: str) -> Guess | None:
    """What the latest session was told to improve."""
    for line in reversed(log.splitlines()):
        entry = _object(line)
        name, better = entry.get("metricName"), entry.get("bestDirection")
        if entry.get("type") == "config" and isinstance(name, str) and name.strip():
            return Guess.of(name.strip(), _DIRECTIONS.get(str(better)))
    return None


def _primary(prompt: str) -> Guess | None:
    """`- **Primary**: total_us (µs, lower is better)`."""
    found = re.search(r"\*\*Primary[^*]*\*\*:?\s*`?([A-Za-z_][\w./@-]*)`?(.*)", prompt)
    if found is None:
        return None
    better = re.search(r"\b(lower|higher)\b", found[2], re.IGNORECASE)
    return Guess.of(found[1], _DIRECTIONS[better[1].lower()] if better else None)


def _goal(prompt: str) -> str:
    """The title says it; the rest is for proposers to read."""
    title = re.search(r"^#\s+(?:Autoresearch:\s*)?(.+)$", prompt, re.MULTILINE)
    return title[1].strip() if title else ""


def _scope(look: Look, session: _Session, prompt: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the prompt allows to change, and what it names there that judges."""
    limits = set(_named(look, _section(prompt, "Off Limits")))
    named = [
        path for path in _named(look, _section(prompt, "Files in Scope")) if path not in limits
    ]
    own = (session.measure, session.prompt, session.log, session.checks, session.config)
    named = [path for path in named if path not in own and not path.startswith(".auto/")]
    judging = tuple(path for path in named if EVALUATORS.search(path))
    return tuple(path for path in named if path not in judging), judging


def _section(prompt: str, title: str) -> str:
    found = re.search(
        rf"^##+\s*{title}\b[^\n]*\n(.*?)(?=^##?\s|\Z)",
        prompt,
        re.MULTILINE | re.DOTALL | re.IGNORECASE,
    )
    return found[1] if found else ""


def _named(look: Look, section: str) -> Iterator[str]:
    """Files and directories at the beginning of a bullet: what comes behind the dash explains."""
    seen: set[str] = set()
    for line in section.splitlines():
        head = re.split(r"\s[-\u2013\u2014:]+\s|:\s", line.strip().lstrip("-*\u2022 "), maxsplit=1)[
            0
        ]
        for word in re.findall(r"[\w./@+*-]+", head):
            path = word.removeprefix("./").removesuffix("/**").removesuffix("/*").rstrip("/")
            if look.has(path):
                shown = path
            elif path and any(one.startswith(f"{path}/") for one in look.paths):
                shown = f"{path}/"
            else:
                continue
            if shown not in seen:
                seen.add(shown)
                yield shown


def _budget(look: Look, path: str) -> Mapping[str, Any]:
    config = _object(look.text(path))
    place = config.get("workingDir")
    if isinstance(place, str) and (look.root / place).resolve() != look.root:
        raise TaskError(
            f"{look.root / path} has its files in another directory, workingDir {place!r}; "
            "run move37 in that one"
        )
    most = config.get("maxIterations")
    is_count = isinstance(most, int) and not isinstance(most, bool) and most > 0
    return {"experiments": most} if is_count else {}


def _warnings(session: _Session, prompt: str) -> Iterator[str]:
    if not _goal(prompt):
        yield (
            f"no {session.prompt} says what it is about: write there `# Autoresearch: ` and the goal, for "
            "models and agents to know it"
        )


def _notes(look: Look, session: _Session, judging: tuple[str, ...]) -> Iterator[str]:
    if judging:
        yield f"{', '.join(judging)} is in scope there, but judges, so that it stays as it is"
    if look.has(session.log):
        yield f"{session.log} is shown to proposers as what was reported before; nothing in it counts as measured"


def _object(text: str) -> dict[str, Any]:
    try:
        found: object = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


PI_AUTORESEARCH = Reader(
    name="pi-autoresearch",
    title="pi-autoresearch",
    needs=".auto/measure.sh, or autoresearch.sh and autoresearch.md",
    read=_read,
)
