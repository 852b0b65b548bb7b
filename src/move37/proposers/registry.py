"""Which proposers there are."""

from move37.core.errors import TaskError
from move37.core.protocols import Asker, Proposer
from move37.core.records import ProposerSpec
from move37.proposers.place import Place

KINDS = ("tune", "queue", "scripted")


def make_proposer(spec: ProposerSpec, place: Place | None = None) -> Proposer | Asker:
    """The proposer that a `[[proposer]]` table asks for. Raises `TaskError` for an unknown kind.

    place: needed by those that ask somebody outside.
    """
    del place  # nobody needs it yet
    match spec.kind:
        case "tune":
            from move37.proposers.tune import Tune, TuneSettings

            return Tune(TuneSettings.parse(spec.options))
        case "queue":
            from move37.proposers.queue import Queue, QueueSettings

            return Queue(QueueSettings.parse(spec.options))
        case "scripted":
            from move37.proposers.scripted import read_script

            return read_script(spec.options)
        case other:
            raise TaskError(f"unknown proposer {other!r}; the known ones are {', '.join(KINDS)}")
