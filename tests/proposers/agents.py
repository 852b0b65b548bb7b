"""A place where agents can be put to work for real: a task, its programs, sandboxes, no study."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from move37.app.workshop import EngineWorkshop
from move37.core.records import Answer, Mount, Question, Strength, Task
from move37.proposers.agent.agent import Agent
from move37.proposers.agent.settings import AgentSettings
from move37.proposers.place import Place
from move37.store.git import GitCode
from move37.tasks.document import from_mapping
from move37.worker import Workplace

FILES: Mapping[str, bytes] = {
    "program.py": b"rate = 0.01\nwidth = 64\n",
    "notes.py": b"# may be changed, too\n",
    "evaluate.sh": b"grep rate program.py\nawk '/rate/ { print \"loss: \" 1 - $3 }' program.py\n",
    ".claude/settings.json": b'{"hooks": {}}',
    "sub/.mcp.json": b"{}",
}
EDITABLE = ("program.py", "notes.py", "new/*.py", "train.py")
LEVELS: Mapping[str, Literal["A", "B", "E"]] = {"root": "A", "user": "B", "plain": "E"}


class Desk:
    """Asks an agent about one program, as the engine's desk would."""

    def __init__(
        self,
        root: Path,
        *,
        level: str,
        environment: Mapping[str, str],
        files: Mapping[str, bytes] = FILES,
        edit: Sequence[str] = EDITABLE,
    ) -> None:
        self.root = root / "task"
        self.study = self.root / ".move37"
        self.study.mkdir(parents=True)
        (self.study / "study.db").write_bytes(b"the store")
        for path, data in {**files, "secret/answers.csv": b"the hidden answers\n"}.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_bytes(data)
        self.task = self._task(level, edit)
        code = GitCode(self.study / "code.git", write=True)
        self.commit = code.snapshot(self.root, sorted(files))
        workplace = Workplace(
            task=self.task,
            code=self.study / "code.git",
            baseline=self.commit,
            scratch=self.study / "scratch",
            links=(),
            hides=(Mount(source=self.root / "secret", target="secret"),),
        )
        strength = Strength(level=LEVELS[level], name=level, holds=(), lacks=())
        self.workshop = EngineWorkshop(workplace, strength, first_slot=7)
        self.environment = environment
        self.code = code

    def _task(self, level: str, edit: Sequence[str]) -> Task:
        written: dict[str, Any] = {
            "goal": "Lower the loss.",
            "files": {"edit": list(edit), "hide": ["secret/"]},
            "evaluate": {"run": "sh evaluate.sh", "timeout": "30s", "memory": "256MB"},
            "metric": {"name": "loss", "goal": "minimize"},
        }
        task = from_mapping(written, self.root)
        return replace(task, fence=replace(task.fence, level=level))  # pyright: ignore[reportArgumentType]

    def agent(self, **options: object) -> Agent:
        place = Place(
            task=self.task,
            environment=self.environment,
            scratch=self.study / "scratch",
            write=lambda commit, directory: self.code.write(self.commit, directory),
            workshop=lambda: self.workshop,
        )
        return Agent(AgentSettings.parse({"timeout": "60s", **options}), place)

    def question(self, prompt: str = "Lower the loss.\n", *, usd: float = 0.0) -> Question:
        detail = {"commit": self.commit, "seed": 5, "own": ["MOVE37.md", "evaluate"]}
        return Question(prompt=prompt, model="test", usd_at_most=usd, detail=detail)

    def ask(self, script: str, **options: object) -> Answer:
        """Have a shell script work as the agent."""
        agent = self.agent(command=script, **options)
        return agent.ask(self.question(), stop=lambda: False)


def levels() -> Sequence[object]:
    """For a fixture: the strongest level that may be had here, and the other one for long runs."""
    if os.geteuid():
        return ("user",)
    return ("root", pytest.param("user", marks=pytest.mark.slow))


def make_desk(
    root: Path,
    level: str,
    environment: Mapping[str, str],
    files: Mapping[str, bytes] = FILES,
    edit: Sequence[str] = EDITABLE,
) -> Desk:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    return Desk(root, level=level, environment=environment, files=files, edit=edit)
