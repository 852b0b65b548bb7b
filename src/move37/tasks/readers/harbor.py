"""Harbor: an agent works in a container, and `tests/test.sh` judges that container from inside.

Such a task is recognised and refused in a sentence: the program to improve exists only once the
container is built, and its tests look for it under absolute paths there.
"""

import re
from typing import NoReturn

from move37.core.errors import TaskError
from move37.tasks.draft import Draft
from move37.tasks.look import Look
from move37.tasks.readers.reader import Reader

_IN_CONTAINER = re.compile(
    r"(?<![\w./$}\"'])[\"']?(/(?:app|tests|logs|workspace|solution)\b)|\b(apt-get|apk|uvx|pip install|curl)\b"
)


def _read(look: Look) -> Draft | None:
    if not all(map(look.has, ("task.toml", "instruction.md", "tests/test.sh"))):
        return None
    if not re.search(r"^\[(?:verifier|environment)\b", look.text("task.toml"), re.MULTILINE):
        return None
    _refuse(look)


def _refuse(look: Look) -> NoReturn:
    needs = _IN_CONTAINER.search(look.text("tests/test.sh"))
    because = f" (tests/test.sh needs {needs[1] or needs[2]})" if needs else ""
    raise TaskError(
        f"{look.root} is a Harbor task, which is judged inside the container that its environment/ "
        f"builds{because}, and move37 runs no containers; run it with Harbor, or write move37.toml with "
        "a command that measures here"
    )


HARBOR = Reader(
    name="harbor",
    title="Harbor",
    needs="task.toml, instruction.md and tests/test.sh",
    read=_read,
)
