from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """\
learning_rate = 0.01
width = 64
momentum = 0.5
"""

EVALUATE = """\
awk -v seed="$MOVE37_SEED" -F ' = ' '
  /learning_rate/ { loss += (log($2) + 2) ^ 2 }
  /width/         { loss += (log($2) - 5) ^ 2 }
  /momentum/      { loss += 4 * ($2 - 0.9) ^ 2 }
  END             { printf "loss: %.6f\\n", loss + (seed % 1000) / 10000 }
' program.py
"""

MakeTask = Callable[..., Path]


@pytest.fixture
def make_task(tmp_path: Path) -> MakeTask:
    """Return a function that writes a task: a program with three constants, and its evaluation."""

    def make(*, name: str = "task", **others: Any) -> Path:
        return write_task(tmp_path / name, **others)

    return make


def write_task(
    directory: Path,
    *,
    run: str = "sh evaluate.sh",
    evaluate: str = EVALUATE,
    program: str | bytes = PROGRAM,
    extra: str = "",
    timeout: str = "30s",
) -> Path:
    directory.mkdir(parents=True)
    content = program if isinstance(program, bytes) else program.encode()
    (directory / "program.py").write_bytes(content)
    (directory / "evaluate.sh").write_text(evaluate)
    (directory / "move37.toml").write_text(
        f'goal = "Lower the loss."\n{extra}\n[files]\nedit = ["program.py"]\n\n'
        f'[evaluate]\nrun = "{run}"\ntimeout = "{timeout}"\nmemory = "512MB"\n\n'
        '[metric]\nname = "loss"\ngoal = "minimize"\n'
    )
    return directory
