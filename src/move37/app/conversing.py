"""`init` with a model: it drafts, we check, a person answers and confirms. Writes nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from move37.core.errors import TaskError

if TYPE_CHECKING:
    from move37.tasks.converse import Offer, Reply, Said
    from move37.tasks.draft import Draft, Question

Speak = Callable[[Sequence["Said"]], "Reply"]
"""Asks the model. Raises `TaskError` where no answer is to be had."""

_REPAIRS = 2
_ROUNDS = 4
"""Of questions: whoever asks more often than that asks for ever."""


class Conversation:
    """One draft in the making, by a model that is asked as often as it takes."""

    def __init__(
        self,
        speak: Speak,
        *,
        found: "Draft",
        paths: Sequence[str],
        ask: Callable[["Question"], str] | None,
    ) -> None:
        """ask: `None` when nobody is there to be asked."""
        self._speak = speak
        self._found = found
        self._paths = paths
        self._ask = ask
        self._said: list[Said] = []

    def open(self, survey: str, goal: str) -> "Offer":
        """The first draft. Raises `TaskError` when none can be had."""
        from move37.tasks.converse import opening

        self._said = list(opening(survey, goal))
        return self._until_offer()

    def change(self, wish: str) -> "Offer":
        """Another draft, after a person has said what is wrong with the last one."""
        from move37.tasks.converse import to_change

        self._said.append(to_change(wish))
        return self._until_offer()

    def _until_offer(self) -> "Offer":
        from move37.tasks.converse import Offer, to_answer

        for _ in range(_ROUNDS + 1):
            read = self._usable()
            if isinstance(read, Offer):
                return read
            if self._ask is None:
                asked = " ".join(question.text for question in read)
                raise TaskError(
                    f"the model has to know more: {asked:.500}; run `move37 init` without --yes"
                )
            self._said.append(to_answer(read, [self._ask(question) for question in read]))
        raise TaskError(
            f"the model still asks after {_ROUNDS} rounds of answers; say more in the goal, or "
            "run `move37 init` without a model"
        )

    def _usable(self) -> "Offer | tuple[Question, ...]":
        """The next reply that can be used, after repairs where it takes them.

        Replies that could not be used are forgotten: they would fill a small window.
        """
        from move37.tasks.converse import Said, read_reply, to_mend

        aside: list[Said] = []
        for repairs in range(_REPAIRS + 1):
            reply = self._speak([*self._said, *aside])
            said = Said(role="assistant", text=reply.text)
            try:
                read = read_reply(reply, paths=self._paths, found=self._found)
            except TaskError as error:
                if repairs == _REPAIRS:
                    raise TaskError(
                        f"the model's draft cannot be used, after {repairs} repairs: {error}; try "
                        "again, name another model, or run `move37 init` without one"
                    ) from error
                aside = [said, to_mend(str(error))]
            else:
                self._said.append(said)
                return read
        raise AssertionError("the last repair returns or raises")


def write_plan(root: Path, plan: str) -> Path | None:
    """Write `program.md`, unless there is one. Returns its path when it was written."""
    from move37.tasks.toml import STEERING_FILE

    path = root / STEERING_FILE
    if not plan:
        return None
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"{plan}\n")
    except FileExistsError:
        return None
    except OSError as error:
        raise TaskError(
            f"{path} cannot be written ({error.strerror}); make room, or make {root} writable"
        ) from error
    return path
