"""What people have ordered, and what of it stands: folded from the facts. Reads nothing, writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from move37.core.facts import Posted, SessionStarted, Steered
from move37.core.records import Budget, Resource, Way

IDEA_TRIES = 3
"""An idea is given away so often, at most, where nothing comes of the proposals."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """An order, and when it was given."""

    steered: Steered
    at: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class _Limit:
    amount: float | None
    instead_of: float | None
    """What the task or the command line said when it was ordered."""
    is_early: bool
    """Whether no session had said anything then."""


class Steering:
    """The orders of a study. Only `History` adds to it."""

    def __init__(self) -> None:
        self._log: list[Given] = []
        self._tickets: set[str] = set()
        self._paused: Given | None = None
        self._pins: dict[int, Given] = {}
        self._vetoes: dict[int, Given] = {}
        self._held: dict[tuple[Way, str], Given] = {}
        self._limits: dict[Resource, _Limit] = {}
        self._asked: Budget | None = None
        self._text: Given | None = None
        self._ideas: dict[int, int] = {}
        """Those that wait, the next one first, and how often each was given away."""
        self._given: dict[int, tuple[int, int]] = {}
        """By experiment: its idea, and how often that was given away before."""
        self._tried: dict[int, list[int]] = {}

    # --- what stands ---------------------------------------------------------------------------------

    @property
    def log(self) -> Sequence[Given]:
        """All orders ever, in order. Do not modify."""
        return self._log

    def has(self, ticket: str) -> bool:
        """Whether the order of this letter is here already."""
        return ticket in self._tickets

    @property
    def paused(self) -> Given | None:
        """The order to pause. `None`: the study is not paused."""
        return self._paused

    @property
    def pins(self) -> Mapping[int, Given]:
        """The experiments that are built on, in the order in which they were pinned. Do not modify."""
        return self._pins

    @property
    def vetoes(self) -> Mapping[int, Given]:
        """The experiments that nothing is built on, and that are no champion. Do not modify."""
        return self._vetoes

    @property
    def held(self) -> Mapping[tuple[Way, str], Given]:
        """The directions that are paused. Do not modify."""
        return self._held

    def holds(self, way: Way, name: str) -> bool:
        """Whether a direction is paused. A kind of move is, too, by the first of its words."""
        if not self._held:
            return False
        return (way, name) in self._held or (
            way == "move" and (way, name.partition(".")[0]) in self._held
        )

    @property
    def text(self) -> str:
        """Of `program.md`, as proposers are told it."""
        return "" if self._text is None else self._text.steered.order.text

    @property
    def text_given(self) -> Given | None:
        """Who changed it last, and when."""
        return self._text

    @property
    def ideas(self) -> Sequence[int]:
        """The posts whose ideas wait to be tried, the next one first."""
        return list(self._ideas)

    def next_idea(self) -> int | None:
        return next(iter(self._ideas), None)

    def tried(self, post: int) -> Sequence[int]:
        """The experiments that were opened for an idea. Do not modify."""
        return self._tried.get(post, ())

    @property
    def limits(self) -> Mapping[Resource, float | None]:
        """What was ordered of the budget, and still holds."""
        return {resource: limit.amount for resource, limit in self._limits.items()}

    def budget(self, asked: Budget) -> Budget:
        """What may be spent, where the task or the command line asks for so much.

        An order holds until they ask for something else than what it was given instead of.
        """
        for resource, limit in self._limits.items():
            if limit.is_early or limit.instead_of == getattr(asked, resource):
                asked = limited(asked, resource, limit.amount)
        return asked

    # --- taking facts ----------------------------------------------------------------------------------

    def add(self, fact: Steered, at: float) -> None:
        given, order = Given(steered=fact, at=at), fact.order
        self._log.append(given)
        if fact.ticket:
            self._tickets.add(fact.ticket)
        match order.does:
            case "pause":
                self._paused = given
            case "resume":
                self._paused = None
            case "pin" if order.experiment is not None:
                self._pins[order.experiment] = given
            case "unpin" if order.experiment is not None:
                self._pins.pop(order.experiment, None)
            case "veto" if order.experiment is not None:
                self._vetoes[order.experiment] = given
                self._pins.pop(order.experiment, None)
            case "unveto" if order.experiment is not None:
                self._vetoes.pop(order.experiment, None)
            case "hold" if order.way is not None:
                self._held[order.way, order.name] = given
            case "release" if order.way is not None:
                self._held.pop((order.way, order.name), None)
            case "budget" if order.resource is not None:
                was = None if self._asked is None else getattr(self._asked, order.resource)
                self._limits[order.resource] = _Limit(order.amount, was, self._asked is None)
            case "text":
                self._text = given
            case _:
                pass

    def begin_session(self, fact: SessionStarted) -> None:
        """Orders that the command line has overruled end."""
        self._asked = asked = fact.asked or fact.budget
        for resource, limit in list(self._limits.items()):
            now = getattr(asked, resource)
            if limit.is_early:
                self._limits[resource] = replace(limit, instead_of=now, is_early=False)
            elif limit.instead_of != now:
                del self._limits[resource]

    def begin_epoch(self) -> None:
        """What was pinned belongs to an earlier one; ideas that were under way wait again."""
        self._pins.clear()
        for experiment in list(self._given):
            self.came_to_nothing(experiment)

    def queue(self, fact: Posted) -> None:
        self._ideas[fact.post] = 0

    def drop(self, post: int) -> None:
        """Its post was retracted."""
        self._ideas.pop(post, None)

    def give(self, post: int, experiment: int) -> None:
        """An experiment was opened for an idea."""
        before = self._ideas.pop(post, 0)
        self._given[experiment] = post, before
        self._tried.setdefault(post, []).append(experiment)

    def came_to_nothing(self, experiment: int) -> None:
        """There was no program to run: its idea, if it had one, waits again, before all others."""
        post, before = self._given.pop(experiment, (0, IDEA_TRIES))
        if before + 1 < IDEA_TRIES:
            self._ideas = {post: before + 1, **self._ideas}

    def came_to_a_program(self, experiment: int) -> None:
        self._given.pop(experiment, None)


def limited(budget: Budget, resource: Resource, amount: float | None) -> Budget:
    """The budget with another limit on one resource."""
    match resource:
        case "experiments":
            return replace(budget, experiments=None if amount is None else int(amount))
        case "hours":
            return replace(budget, hours=amount)
        case "usd":
            return replace(budget, usd=amount)
