"""What people have ordered of a study, as views and as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from move37.core.history import History
from move37.core.records import Budget, Deed, Order, Way
from move37.core.steering import Given
from move37.report.words import Paint, clean, count, cut, number, plain, wrap

_LOG_SHOWN = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderView:
    """An order that somebody gave."""

    does: Deed
    told: str
    """In words, without their reason."""
    author: str
    at: float
    """Seconds since 1970."""
    reason: str
    stands: bool
    """Whether it holds now."""
    experiment: int | None
    way: Way | None
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class IdeaView:
    """An idea that was queued."""

    post: int
    text: str
    author: str
    at: float
    waits: bool
    tried: tuple[int, ...]
    """The experiments that were opened for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingOrders:
    """What holds now."""

    paused: OrderView | None
    pins: tuple[OrderView, ...]
    vetoes: tuple[OrderView, ...]
    held: tuple[OrderView, ...]
    limits: tuple[OrderView, ...]
    """Of the budget, where they are not the task's."""
    ideas: tuple[IdeaView, ...]
    """Those that wait, the next one first."""
    can_try: bool
    """Whether a proposer of the task can be told of an idea."""

    @property
    def is_any(self) -> bool:
        return bool(
            self.paused or self.pins or self.vetoes or self.held or self.limits or self.ideas
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SteeringView:
    """All that was ordered of a study, and what it could be ordered of."""

    standing: StandingOrders
    ideas: tuple[IdeaView, ...]
    """All that were ever queued and not taken back, the latest first."""
    log: tuple[OrderView, ...]
    """All orders, the latest first."""
    budget: Budget
    """What may be spent."""
    is_working: bool
    """Whether an engine is at work, which takes orders in."""
    proposers: tuple[str, ...]
    moves: tuple[str, ...]
    """The kinds of change there were so far."""
    files: tuple[str, ...]
    """Globs of those that may change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ordered:
    """What came of an order."""

    ticket: str
    state: Literal["taken", "waiting", "refused"]
    """`taken`: it is recorded, and the study goes by it."""
    told: str
    """The order, in words."""
    author: str
    reason: str
    """Why it was refused, or waits; empty when it is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramView:
    """`program.md`, as it can be edited."""

    text: str
    mark: str
    """Of the file as it was read; saving asks whether it still is."""
    is_there: bool
    diff: str = ""
    """What was saved just now, against the file before; empty where nothing was."""


def standing_orders(history: History, *, can_try: bool) -> StandingOrders:
    """can_try: whether a proposer of the task can be told of an idea."""
    steering = history.steering
    ideas = tuple(_idea(history, post) for post in steering.ideas)
    latest = {given.steered.order.resource: given for given in steering.log}
    return StandingOrders(
        paused=None if steering.paused is None else _view(steering.paused, stands=True),
        pins=tuple(_view(given, stands=True) for given in steering.pins.values()),
        vetoes=tuple(_view(given, stands=True) for given in steering.vetoes.values()),
        held=tuple(_view(given, stands=True) for given in steering.held.values()),
        limits=tuple(_view(latest[resource], stands=True) for resource in steering.limits),
        ideas=ideas,
        can_try=can_try,
    )


def order_log(history: History) -> tuple[OrderView, ...]:
    """All orders, the latest first."""
    steering = history.steering
    latest = {given.steered.order.resource: given for given in steering.log}
    standing = [
        steering.paused,
        steering.text_given,
        *steering.pins.values(),
        *steering.vetoes.values(),
        *steering.held.values(),
        *(latest[resource] for resource in steering.limits),
    ]
    ids = {id(given) for given in standing}
    return tuple(_view(given, stands=id(given) in ids) for given in reversed(steering.log))


def ideas_of(history: History) -> tuple[IdeaView, ...]:
    """All ideas that were queued and not taken back, the latest first."""
    posts = reversed(history.board.posts)
    return tuple(
        _idea(history, post.id) for post in posts if post.posted.queued and post.retracted is None
    )


def vetoed_above(history: History, experiment: int) -> int | None:
    """The latest program that it descends from and that was vetoed."""
    vetoes = history.steering.vetoes
    if not vetoes:
        return None
    first, seen = min(vetoes), set[int]()
    left = [parent for parent in history[experiment].parents if parent >= first]
    while left:
        here = max(left)
        left.remove(here)
        if here in vetoes:
            return here
        above = [one for one in history[here].parents if one >= first and one not in seen]
        seen.update(above)
        left += above
    return None


def _view(given: Given, *, stands: bool) -> OrderView:
    steered, order = given.steered, given.steered.order
    return OrderView(
        does=order.does,
        told=order_words(order),
        author=steered.author,
        at=given.at,
        reason=order.reason,
        stands=stands,
        experiment=order.experiment,
        way=order.way,
        name=order.name,
    )


def _idea(history: History, post: int) -> IdeaView:
    one = history.board[post]
    return IdeaView(
        post=post,
        text=one.posted.text,
        author=one.posted.author,
        at=one.at,
        waits=post in history.steering.ideas,
        tried=tuple(history.steering.tried(post)),
    )


# --- words ---------------------------------------------------------------------------------------


def order_words(order: Order) -> str:
    """An order as people say it."""
    match order.does:
        case "pause":
            return "pause"
        case "resume":
            return "resume"
        case "stop":
            return "stop"
        case "pin" | "unpin" | "veto" | "unveto":
            return f"{order.does} x{order.experiment}"
        case "hold" | "release":
            return f"{order.does} the {order.way} {order.name}"
        case "budget":
            limit = "no limit" if order.amount is None else number(order.amount)
            return f"budget: {limit} {'of ' if order.amount is None else ''}{order.resource}"
        case "text":
            told = f"{count(len(order.text), 'character')}" if order.text else "empty now"
            return f"program.md: {told}"


def ordered_text(view: Ordered, *, paint: Paint = plain) -> str:
    """What the commands say that give an order."""
    told = clean(view.told)
    match view.state:
        case "refused":
            return paint("bad", f"Not taken: {clean(view.reason)}.")
        case "waiting":
            return f"Handed in: {told}. {clean(view.reason).capitalize()}."
        case "taken":
            return f"Ordered: {told}."


def steering_text(view: SteeringView, *, width: int | None = 80, paint: Paint = plain) -> str:
    """What `move37 steer` shows."""
    standing = view.standing
    lines = [paint("title", "What people ordered")]
    lines += [f"  {wrap(line, width, '    ')}" for line in standing_lines(standing)]
    if not standing.is_any:
        lines.append("  Nothing stands: the study goes its own way.")
    if view.log:
        lines += ["", paint("title", "Latest")]
        lines += [cut(f"  {when(one.at)}  {_said(one)}", width) for one in view.log[:_LOG_SHOWN]]
        if len(view.log) > _LOG_SHOWN:
            lines.append(paint("dim", f"  and {len(view.log) - _LOG_SHOWN:,} before"))
    return "\n".join(lines)


def standing_lines(standing: StandingOrders) -> Sequence[str]:
    """What holds now, a line each."""
    lines: list[str] = []
    if standing.paused is not None:
        lines.append(f"paused since {when(standing.paused.at)}, {_by(standing.paused)}")
    lines += [f"x{one.experiment} pinned, {_by(one)}" for one in standing.pins]
    lines += [f"x{one.experiment} vetoed, {_by(one)}" for one in standing.vetoes]
    lines += [f"the {one.way} {clean(one.name)} held, {_by(one)}" for one in standing.held]
    lines += [f"{clean(one.told)}, {_by(one)}" for one in standing.limits]
    nobody = "" if standing.can_try else "; nobody here proposes in words (`llm` or `agent`)"
    lines += [
        f"idea p{one.post} waits, by {clean(one.author)}{nobody}: {clean(one.text)}"
        for one in standing.ideas
    ]
    return lines


def _said(one: OrderView) -> str:
    reason = f": {clean(one.reason)}" if one.reason else ""
    return f"{clean(one.told)}, by {clean(one.author)}{reason}"


def _by(one: OrderView) -> str:
    reason = f": {clean(one.reason)}" if one.reason else ""
    return f"by {clean(one.author)}{reason}"


def when(at: float) -> str:
    """A time of day, where this runs."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
