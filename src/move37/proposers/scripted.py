"""A proposer that says what it was told to say: for tests, and for playing a study again."""

from collections.abc import Mapping, Sequence
from typing import Any

from move37.core.errors import NothingToPropose, ProposalFailed, TaskError
from move37.core.facts import EpochStarted, Fact, Proposed, Rejected
from move37.core.protocols import Request
from move37.core.records import Proposal


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


def read_script(options: Mapping[str, Any]) -> Scripted:
    """A script from a task: `steps`, a list of tables `{path = new text, …}` or of reasons to fail.

    Raises `TaskError` when it is anything else.
    """
    unknown = sorted(set(options) - {"steps"})
    if unknown:
        raise TaskError(f"proposer 'scripted': unknown key {unknown[0]!r}; the keys are steps")
    steps: Any = options.get("steps", [])
    if not isinstance(steps, list | tuple):
        raise TaskError(f"proposer 'scripted': steps must be a list, not {steps!r}")
    return Scripted([_step(step) for step in steps])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


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
