"""Which proposers there are."""

from move37.core.errors import TaskError
from move37.core.protocols import Proposer
from move37.core.records import ProposerSpec

KINDS = ("tune", "scripted")


def make_proposer(spec: ProposerSpec) -> Proposer:
    """The proposer that a `[[proposer]]` table asks for. Raises `TaskError` for an unknown kind."""
    match spec.kind:
        case "tune":
            from move37.proposers.tune import Tune, TuneSettings

            return Tune(TuneSettings.parse(spec.options))
        case "scripted":
            from move37.proposers.scripted import read_script

            return read_script(spec.options)
        case other:
            raise TaskError(f"unknown proposer {other!r}; the known ones are {', '.join(KINDS)}")
