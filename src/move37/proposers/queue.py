"""The proposer of what people and agents outside hand in: it says what they said.

It never looks for anything by itself: the loop opens an experiment for each change that waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

from move37.core.errors import NothingToPropose, ProposalFailed, TaskError
from move37.core.facts import Fact
from move37.core.protocols import Request
from move37.core.records import QUEUE, Proposal

Share = Literal["owner", "group", "all"]

Changes = Mapping[str, bytes | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueSettings:
    """What a `[[proposer]]` table of kind `queue` may say."""

    share: Share = "owner"
    """Who may hand in changes besides the study's owner: nobody, its group, or every user of the machine."""

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> "QueueSettings":
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(options) - set(known)):
            raise TaskError(
                f"proposer 'queue': unknown key {unknown[0]!r}; the keys are {', '.join(known)}"
            )
        share = options.get("share", "owner")
        if share not in get_args(Share):
            raise TaskError(f"proposer 'queue': share is {share!r}; write owner, group or all")
        return cls(share=cast(Share, share))


class Queue:
    """Implements `core.protocols.Proposer`. Remembers nothing that the study does not."""

    def __init__(self, settings: QueueSettings | None = None) -> None:
        self.settings = settings or QueueSettings()

    def add(self, fact: Fact) -> None:
        """Remembers nothing."""

    def propose(self, request: Request) -> Proposal:
        ticket = request.experiment.ticket
        submitted = None if ticket is None else request.history.submitted.get(ticket)
        if submitted is None:
            raise NothingToPropose("nobody has handed in a change; see `move37 propose --help`")
        data = request.library.attachment(changes_key(submitted.ticket))
        if data is None:
            raise ProposalFailed(f"what was handed in as {submitted.ticket} is not in the study")
        return Proposal(
            changes=decode_changes(data),
            move=QUEUE,
            hypothesis=submitted.hypothesis,
            predicted_effect=submitted.predicted_effect,
            detail={"author": submitted.author, "ticket": submitted.ticket},
        )


def changes_key(ticket: str) -> str:
    """Where the changes that were handed in are kept, beside their fact."""
    return f"queue-{ticket}/changes"


def encode_changes(changes: Changes) -> bytes:
    import msgspec

    return msgspec.json.encode(changes)


def decode_changes(data: bytes) -> Changes:
    """The inverse of `encode_changes`."""
    import msgspec

    return msgspec.json.decode(data, type=dict[str, bytes | None])
