"""Which proposers there are."""

from move37.core.errors import TaskError
from move37.core.protocols import Asker, Proposer
from move37.core.records import ProposerSpec
from move37.proposers.place import Place

KINDS = ("tune", "llm", "agent", "queue", "scripted")


def make_proposer(spec: ProposerSpec, place: Place | None = None) -> Proposer | Asker:
    """The proposer that a `[[proposer]]` table asks for. Raises `TaskError` for an unknown kind.

    place: needed by those that ask somebody outside.
    """
    match spec.kind:
        case "tune":
            from move37.proposers.tune.tune import Tune, TuneSettings

            return Tune(TuneSettings.parse(spec.options))
        case "llm":
            from move37.proposers.llm.llm import make_llm

            return make_llm(spec.options, _needed(place, spec.kind))
        case "queue":
            from move37.proposers.queue import Queue, QueueSettings

            return Queue(QueueSettings.parse(spec.options))
        case "agent":
            from move37.proposers.agent.agent import Agent
            from move37.proposers.agent.settings import AgentSettings

            return Agent(AgentSettings.parse(spec.options), _needed(place, spec.kind))
        case "scripted":
            from move37.proposers.scripted import read_script

            return read_script(spec.options)
        case other:
            raise TaskError(f"unknown proposer {other!r}; the known ones are {', '.join(KINDS)}")


def _needed(place: Place | None, kind: str) -> Place:
    assert place is not None, f"the proposer {kind!r} needs to know where it works"
    return place
