"""What is handed in from outside on its way into the study: from the letter box to facts."""

from collections.abc import Iterator
from pathlib import Path

from move37.app.study import STUDY
from move37.core.errors import Refused
from move37.core.facts import Submitted
from move37.core.history import History
from move37.core.protocols import Attachments
from move37.proposers.queue import changes_key, encode_changes
from move37.store.spool import Letter, Spool


def spool_of(root: Path) -> Spool:
    return Spool(root / STUDY / "inbox")


class Inbox:
    """The engine's side of the letter box."""

    def __init__(self, spool: Spool, history: History) -> None:
        self._spool = spool
        self._history = history

    def has_mail(self) -> bool:
        return self._spool.has_letters()

    def take(self) -> Iterator[tuple[Submitted, Attachments]]:
        """Everything new, the oldest first.

        A letter is taken out when the next is asked for: by then its fact is stored. One that was
        stored by an engine which died before it could take it out is known by its ticket.
        """
        for ticket, letter in self._spool.letters():
            if ticket not in self._history.submitted:
                try:
                    submitted = self._submitted(ticket, letter)
                except Refused as refused:
                    self._spool.set_aside(ticket, str(refused))
                    continue
                yield submitted, {changes_key(ticket): encode_changes(letter.changes)}
            self._spool.done(ticket)

    def _submitted(self, ticket: str, letter: Letter) -> Submitted:
        history = self._history
        base = history.epoch.baseline if letter.base is None else letter.base
        if base >= len(history) or history[base].commit is None:
            raise Refused(f"it changes x{base}, which has no program in this study")
        return Submitted(
            ticket=ticket,
            author=letter.author,
            base=base,
            hypothesis=letter.hypothesis,
            predicted_effect=letter.predicted_effect,
        )
