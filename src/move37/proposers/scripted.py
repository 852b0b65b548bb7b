"""A proposer that says what it was told to say: for tests, and for playing a study again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from move37.core.errors import NothingToPropose, ProposalFailed, TaskError, Unreadable
from move37.core.facts import Asked, EpochStarted, Fact, Proposed, Rejected
from move37.core.protocols import Request
from move37.core.records import Answer, Proposal, Question


class Scripted:
    """Plays its script, one entry for each experiment that was filled, then has nothing left.

    Where it stands is folded from the facts, so it goes on where it was after a restart.
    """

    def __init__(self, script: Sequence[Proposal | str]) -> None:
        """script: what to propose; a string is a proposal that fails for this reason."""
        self._script = tuple(script)
        self._played = 0

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._played = 0
            case Proposed() | Rejected():
                self._played += 1
            case _:
                pass

    def propose(self, request: Request) -> Proposal:
        if self._played >= len(self._script):
            raise NothingToPropose(f"the script of {len(self._script)} proposals is played out")
        said = self._script[self._played]
        if isinstance(said, str):
            raise ProposalFailed(said)
        if request.is_known(said.changes):
            raise ProposalFailed("the script proposes a program that the study already has")
        return said


class ScriptedAsker:
    """The same for one that has to be asked: what the script says is the answer, in another thread.

    The question is the number of the step, so that an answer does not hang on when it was asked.
    """

    at_once = 2

    def __init__(self, script: Sequence[Proposal | str]) -> None:
        """script: what to answer; a string is an answer that cannot be used, for this reason."""
        self._script = tuple(script)
        self._steps: dict[int, int] = {}
        """By experiment."""

    def add(self, fact: Fact) -> None:
        match fact:
            case EpochStarted():
                self._steps.clear()
            case Asked():
                self._steps.setdefault(fact.experiment, len(self._steps))
            case _:
                pass

    def question(self, request: Request, rounds: Sequence[Answer]) -> Question:
        step = self._steps.get(request.experiment.id, len(self._steps))
        if step >= len(self._script):
            raise NothingToPropose(f"the script of {len(self._script)} answers is played out")
        return Question(prompt=f"step {step}", model="script", detail={"step": step})

    def ask(self, question: Question, *, stop: Callable[[], bool]) -> Answer:
        step: int = question.detail["step"]
        said = self._script[step]
        if isinstance(said, str):
            return Answer(text=said)
        return Answer(text=said.hypothesis, changes=said.changes)

    def read(self, request: Request, rounds: Sequence[Answer]) -> Proposal:
        latest = rounds[-1]
        if latest.changes is None:
            raise Unreadable(latest.text)
        return Proposal(changes=latest.changes, move="scripted", hypothesis=latest.text)


def read_script(options: Mapping[str, Any]) -> Scripted | ScriptedAsker:
    """A script from a task: `steps`, a list of tables `{path = new text, …}` or of reasons to fail;
    with `ask = true` they are asked for.

    Raises `TaskError` when it is anything else.
    """
    unknown = sorted(set(options) - {"steps", "ask"})
    if unknown:
        raise TaskError(f"proposer 'scripted': unknown key {unknown[0]!r}; the keys are steps, ask")
    steps: Any = options.get("steps", [])
    if not isinstance(steps, list | tuple):
        raise TaskError(f"proposer 'scripted': steps must be a list, not {steps!r}")
    script = [_step(step) for step in steps]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return ScriptedAsker(script) if options.get("ask") is True else Scripted(script)


def _step(step: object) -> Proposal | str:
    if isinstance(step, str):
        return step
    if not isinstance(step, Mapping):
        raise TaskError(f"proposer 'scripted': a step is a table of files or a text, not {step!r}")
    changes: dict[str, bytes | None] = {}
    for path, content in step.items():  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(path, str) or not isinstance(content, str):
            raise TaskError(f"proposer 'scripted': a step maps paths to texts, not {step!r}")
        changes[path] = content.encode()
    return Proposal(changes=changes, move="scripted", hypothesis="as the script says")
