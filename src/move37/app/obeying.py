"""Orders, read into facts; refused where they cannot be obeyed. And what the engine does at once on one."""

import os
import pwd
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from move37.app.library import STEERING, read_text
from move37.app.polishing import plan_polishing, proposer_names
from move37.app.study import OWN_EDIT
from move37.core.errors import Refused
from move37.core.events import Stop
from move37.core.facts import Fact, Steered
from move37.core.history import History
from move37.core.protocols import Attachments
from move37.core.records import MERGE, QUEUE, Failed, Order, Task
from move37.store.letter import Command
from move37.store.spool import ticket_seconds

_SHOWN: Final = 8


def fact_of(ticket: str, command: Command, history: History, *, is_live: bool) -> Steered:
    """What a command comes to, as things stand. Raises `Refused`, with the reason."""
    if command.is_guests:
        raise Refused(
            "only the study's owner steers it; `move37 propose` and `move37 board post` are open to you"
        )
    refuse(command.order, history, is_live=is_live)
    return Steered(ticket=ticket, author=command.author, order=command.order, is_live=is_live)


def refuse(order: Order, history: History, *, is_live: bool) -> None:
    """Raise `Refused` where an order cannot be obeyed, with the reason."""
    steering = history.steering
    match order.does:
        case "pause" if steering.paused is not None:
            by = steering.paused.steered.author
            raise Refused(f"the study is paused already, by {by!r}; `move37 resume` lets it go on")
        case "resume" if steering.paused is None:
            raise Refused("the study is not paused, so there is nothing to resume")
        case "stop" if not is_live:
            raise Refused("nobody works on the study now, so there is nothing to stop")
        case "pin" | "unpin" | "veto" | "unveto":
            assert order.experiment is not None, "a letter without one is unfit"
            _refuse_experiment(order, order.experiment, history)
        case "hold" | "release":
            _refuse_direction(order, history)
        case "budget":
            _refuse_budget(order, history)
        case "text":
            raise Refused("program.md is changed in its file, which the engine looks at")
        case _:
            pass


def _refuse_experiment(order: Order, experiment: int, history: History) -> None:
    if not 0 <= experiment < len(history):
        known = f"this study has x0 to x{len(history) - 1}" if len(history) else "it is empty"
        raise Refused(f"there is no experiment x{experiment}; {known}")
    name, one, steering = f"x{experiment}", history[experiment], history.steering
    if order.does in ("unpin", "unveto"):
        stands = steering.pins if order.does == "unpin" else steering.vetoes
        if experiment not in stands:
            raise Refused(f"{name} is not {_PAST[order.does]}, so there is nothing to take back")
        return
    if one.epoch != history.epoch.epoch:
        raise Refused(f"{name} belongs to an earlier epoch, on which nothing is built any more")
    if isinstance(one.outcome, Failed):
        raise Refused(f"{name} failed, so nothing is built on it anyway: {one.outcome.reason}")
    if order.does == "veto":
        if one.is_baseline:
            raise Refused(
                f"{name} is the task as it is, which all others are compared with; it cannot be vetoed"
            )
        if experiment in steering.vetoes:
            by = steering.vetoes[experiment].steered.author
            raise Refused(f"{name} is vetoed already, by {by!r}")
        return
    if not one.is_measured:
        raise Refused(f"{name} has not been measured, and nothing is built on what is not")
    if experiment in steering.vetoes:
        raise Refused(f"{name} is vetoed; `move37 veto {name} --off` takes that back")
    if experiment in steering.pins:
        raise Refused(f"{name} is pinned already, by {steering.pins[experiment].steered.author!r}")


_PAST = {"unpin": "pinned", "unveto": "vetoed"}


def _refuse_direction(order: Order, history: History) -> None:
    assert order.way is not None, "a letter without one is unfit"
    what = f"the {order.way} {order.name!r}"
    is_held = (order.way, order.name) in history.steering.held
    if order.does == "release":
        if not is_held:
            raise Refused(f"{what} is not held, so there is nothing to release")
        return
    if is_held:
        raise Refused(f"{what} is held already")
    match order.way:
        case "proposer":
            _refuse_proposer(order.name, history)
        case "move":
            moves = list(dict.fromkeys(one.move for one in history.experiments if one.move))
            if not any(order.name in (move, move.partition(".")[0]) for move in moves):
                raise Refused(
                    f"no change of this study is of the kind {order.name!r}; {_known(moves)}"
                )
        case "file":
            from move37.tasks.files import may_edit

            if not may_edit(_task(history))(order.name):
                allowed = ", ".join(_task(history).files.edit)
                raise Refused(f"{order.name!r} is not changed anyway: [files] edit is {allowed}")


def _refuse_proposer(name: str, history: History) -> None:
    if name == QUEUE:
        raise Refused("what people hand in is always measured; `move37 pause` makes it wait")
    known = known_proposers(history)
    if name not in known:
        raise Refused(f"there is no proposer {name!r} in this study; {_known(known)}")
    held = {held for way, held in history.steering.held if way == "proposer"}
    if not set(known) - held - {name, MERGE}:
        raise Refused(
            f"{name!r} is the last proposer that is not held; `move37 pause` pauses the whole study"
        )


def known_proposers(history: History) -> Sequence[str]:
    """Those that can be held: of the task, and others that have proposed."""
    named = proposer_names(plan_polishing(_task(history).proposers).specs)
    seen = (one.proposer for one in history.experiments if one.proposer and one.ticket is None)
    return [one for one in dict.fromkeys((*named, *seen, MERGE)) if one not in (QUEUE, OWN_EDIT)]


def _known(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"there are {', '.join(names[:_SHOWN])}{more}" if names else "there is none yet"


def _refuse_budget(order: Order, history: History) -> None:
    now = history.budget if history.session is not None else _task(history).budget
    assert order.resource is not None, "a letter without one is unfit"
    if order.resource == "usd" and now.usd is None and order.amount is not None:
        # What a question may cost is only known where prices were looked up before the first.
        raise Refused(
            "this study counts no money; write `usd = …` under [budget] in the task, then run it"
        )
    if getattr(now, order.resource) == order.amount:
        raise Refused(f"the budget of {order.resource} is that already")
    spent = {
        "experiments": float(history.spent()) if history.epochs else 0.0,
        "hours": history.seconds_worked / 3600,
        "usd": history.usd,
    }[order.resource]
    if order.amount is not None and order.amount < spent:
        raise Refused(
            f"{order.amount:g} {order.resource} are less than the {spent:.4g} that are spent already; "
            "`move37 stop` ends the run"
        )


def _task(history: History) -> Task:
    from move37.tasks.document import from_mapping

    return from_mapping(history.epoch.task, Path())


class Helm:
    """What the engine itself does on an order: it stops, and counts no time while it is paused. A fold."""

    def __init__(self, stop: Stop, history: History, *, began_at: float) -> None:
        """began_at: seconds since 1970; an order to stop from before then was for another engine."""
        self._stop = stop
        self._began_at = began_at
        self._seconds_before = history.seconds_worked
        self._running_since = None if history.steering.paused else time.monotonic()

    @property
    def seconds_worked(self) -> float:
        """Of all sessions so far, without what they were paused."""
        if self._running_since is None:
            return self._seconds_before
        return self._seconds_before + time.monotonic() - self._running_since

    def add(self, fact: Fact) -> None:
        if not isinstance(fact, Steered):
            return
        match fact.order.does:
            case "pause":
                self._seconds_before, self._running_since = self.seconds_worked, None
            case "resume" if self._running_since is None:
                self._running_since = time.monotonic()
            case "stop" if ticket_seconds(fact.ticket) >= self._began_at:
                if not self._stop.soft:
                    self._stop.request()
            case _:
                pass


class ProgramText:
    """Watches `program.md`. The file is the truth; what proposers are told is what was recorded of it."""

    def __init__(self, root: Path, history: History) -> None:
        self._path = root / STEERING
        self._history = history
        self._seen: tuple[int, int, int] | None = None

    def look(self, *, is_live: bool = True) -> Iterator[tuple[Steered, Attachments]]:
        """A fact, if the text has changed. Costs one `stat`, mostly."""
        try:
            status = os.stat(self._path)  # noqa: PTH116 quick
            seen, uid = (status.st_mtime_ns, status.st_size, status.st_ino), status.st_uid
        except OSError:
            seen, uid = (0, 0, 0), os.geteuid()
        if seen == self._seen:
            return
        # Clocks of file systems are coarse: what was changed just now may be changed again at the same time.
        self._seen = None if time.time_ns() - seen[0] < 1e9 else seen
        text = read_text(self._path)
        if text != self._history.steering.text:
            order = Order(does="text", text=text)
            yield Steered(ticket="", author=_name_of(uid), order=order, is_live=is_live), {}


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
