"""Harbor: an agent works in a container, and `tests/test.sh` judges that container from inside.

Where the Dockerfile needs nothing that only a container has, a sandbox stands in for it: the shim lays
its files out at their absolute paths and runs the tests there, as `score`. Every other task is refused in
a sentence that names the line. `tests/` and `solution/` are hidden.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, cast

from move37.core.errors import TaskError
from move37.core.records import Direction
from move37.tasks.draft import Draft
from move37.tasks.found import Found, draft_found
from move37.tasks.look import Look
from move37.tasks.metrics import Guess
from move37.tasks.readers.dockerfile import Cannot, Step, read_dockerfile
from move37.tasks.readers.reader import Reader
from move37.tasks.shims import SHIMS
from move37.tasks.toml import decode_toml
from move37.tasks.values import SYSTEM_DIRECTORIES

_DOCKERFILE = "environment/Dockerfile"
_NEW = "environment/container"
_SECONDS = 600
"""What Harbor allows a verifier by default."""
_KNOWN_PLACES = (
    "app code data home input inputs mnt opt output outputs repo results root solution srv src testbed "
    "var work workspace"
)
"""Directories at the root that instructions and tests speak of."""


def _read(look: Look) -> Draft | None:
    if not all(map(look.has, ("task.toml", "instruction.md", "tests/test.sh"))):
        return None
    said = decode_toml(look.text("task.toml").encode(), str(look.root / "task.toml"))
    if not {"verifier", "environment"} & said.keys():
        return None
    steps = _steps(look, said)
    call = " ".join(
        (f"{SHIMS}/harbor.py", *(shlex.join((f"--{step.kind}", *step.values)) for step in steps))
    )
    python = look.python(call)
    hidden = tuple(f"{name}/" for name in ("tests", "solution") if look.is_directory(name))
    return draft_found(
        look,
        Found(
            layout=HARBOR.title,
            why=f"{_DOCKERFILE} is laid out in the sandbox, and tests/test.sh judges it there",
            run="true",
            score=python.command,
            edit=("environment/",),
            hide=hidden,
            metric=Guess.of("reward", Direction.MAXIMIZE),
            goal=look.text("instruction.md").strip(),
            evaluate={"score_runs": True, **_limits(said)},
            sandbox={**python.sandbox, "scratch": list(_places(look, steps))},
            checks={},
            notes=tuple(_notes(steps)),
        ),
    )


def _steps(look: Look, said: Mapping[str, Any]) -> Sequence[Step]:
    if composed := look.first("environment/docker-compose.yaml", "environment/docker-compose.yml"):
        _refuse(look, f"{composed} wants several containers")
    if "steps" in said or any(path.startswith("steps/") for path in look.paths):
        _refuse(look, "it has several steps, each with an agent of its own")
    if not look.has(_DOCKERFILE):
        _refuse(look, f"its image is made elsewhere, and there is no {_DOCKERFILE}")
    if _table(said, "verifier").get("environment_mode") == "separate":
        _refuse(look, "its verifier has a container of its own")
    try:
        steps = list(
            read_dockerfile(look.text(_DOCKERFILE), lambda name: look.text(f"environment/{name}"))
        )
    except Cannot as error:
        _refuse(look, f"{_DOCKERFILE}, {error}")
    given = _table(_table(said, "verifier"), "env")
    if wanted := next((name for name, value in given.items() if "$" in str(value)), None):
        _refuse(look, f"its verifier needs {wanted} of your environment")
    return [*steps, *(Step("env", (name, str(value))) for name, value in given.items())]


def _refuse(look: Look, because: str) -> NoReturn:
    raise TaskError(
        f"{look.root} is a Harbor task that needs a container: {because}, and move37 runs no "
        "containers; run it with Harbor, or write move37.toml with a command that measures here"
    )


def _places(look: Look, steps: Sequence[Step]) -> Iterator[str]:
    """Absolute paths that the container has, and a sandbox has not."""
    named = " ".join(value for step in steps for value in step.values)
    tops = re.findall(r"(?<![\w.$}/-])/([A-Za-z][\w.-]*)", named)
    told = " ".join(map(look.text, ("instruction.md", "tests/test.sh")))
    known = (name for name in _KNOWN_PLACES.split() if re.search(rf"(?<![\w.-])/{name}\b", told))
    places = dict.fromkeys(("app", "logs", "root", "tests", *tops, *known))
    return (f"/{name}" for name in places if name not in SYSTEM_DIRECTORIES)


def _limits(said: Mapping[str, Any]) -> dict[str, Any]:
    environment = _table(said, "environment")
    seconds: object = _table(said, "verifier").get("timeout_sec")
    memory, size = environment.get("memory_mb"), environment.get("memory")
    cpus: object = environment.get("cpus")
    is_time = isinstance(seconds, int | float) and seconds > 0
    found: dict[str, Any] = {"timeout": f"{seconds if is_time else _SECONDS:g}s"}
    if isinstance(memory, int) and memory > 0:
        found["memory"] = f"{memory}MiB"
    elif isinstance(size, str) and re.fullmatch(r"\d+[MG]i?B?", size):
        found["memory"] = f"{size.rstrip('iB')}iB"
    if isinstance(cpus, int) and cpus > 1:
        found["cpus"] = cpus
    return found


def _notes(steps: Sequence[Step]) -> Iterator[str]:
    copies = [step.values for step in steps if step.kind == "copy"]
    shown = ", ".join(f"environment/{source} as {place}" for source, place in copies)
    yield (
        f"{shown or 'no file'} is in the container; a new file anywhere in it, such as /app/x, is "
        f"{_NEW}/app/x"
    )
    yield "the tests run the program where its reward is written, as in Harbor: read the cheat report"


def _table(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


HARBOR = Reader(
    name="harbor",
    title="Harbor",
    needs="task.toml, instruction.md and tests/test.sh",
    read=_read,
)
