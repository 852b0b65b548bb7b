"""What is handed in from outside on its way into the study: from the letter box to facts."""

from collections.abc import Iterator
from pathlib import Path

from move37.app import obeying, posting
from move37.app.study import STUDY
from move37.core.errors import Refused
from move37.core.facts import Fact, Submitted
from move37.core.history import History
from move37.core.protocols import Attachments, Believer
from move37.proposers.queue import changes_key, encode_changes
from move37.store.letter import Command, Handed, Letter, Note
from move37.store.spool import Spool


def spool_of(root: Path) -> Spool:
    return Spool(root / STUDY / "inbox")


class Inbox:
    """The engine's side of the letter box."""

    def __init__(
        self, spool: Spool, history: History, beliefs: Believer, *, is_live: bool = True
    ) -> None:
        """is_live: whether an engine works on the study, which the letters are for."""
        self._is_live = is_live
        self._spool = spool
        self._history = history
        self._beliefs = beliefs

    def has_mail(self) -> bool:
        return self._spool.has_letters()

    def take(self) -> Iterator[tuple[Fact, Attachments]]:
        """Everything new, the oldest first.

        A letter is taken out when the next is asked for: by then its fact is stored. One that was
        stored by an engine which died before it could take it out is known by its ticket.
        """
        return self._facts(self._spool.all())

    def has_orders(self) -> bool:
        """Quick, as it is asked several times a second."""
        return self._spool.has_commands()

    def take_orders(self) -> Iterator[tuple[Fact, Attachments]]:
        """Likewise orders, and nothing else."""
        return self._facts(self._spool.some(Command))

    def take_words(self) -> Iterator[tuple[Fact, Attachments]]:
        """Likewise what has to be recorded only: orders, and what is for the board."""
        return self._facts(self._spool.some(Note, Command))

    def _facts(self, handed: Iterator[tuple[str, Handed]]) -> Iterator[tuple[Fact, Attachments]]:
        for ticket, one in handed:
            if not self._is_known(ticket):
                try:
                    fact, attachments = self._fact(ticket, one)
                except Refused as refused:
                    self._spool.set_aside(ticket, str(refused))
                    continue
                yield fact, attachments
            self._spool.done(ticket)

    def _is_known(self, ticket: str) -> bool:
        history = self._history
        return (
            ticket in history.submitted or history.board.has(ticket) or history.steering.has(ticket)
        )

    def _fact(self, ticket: str, handed: Handed) -> tuple[Fact, Attachments]:
        match handed:
            case Note():
                return posting.fact_of(ticket, handed, self._history, self._beliefs), {}
            case Command():
                return obeying.fact_of(ticket, handed, self._history, is_live=self._is_live), {}
            case Letter():
                attachments = {changes_key(ticket): encode_changes(handed.changes)}
                return self._submitted(ticket, handed), attachments

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
