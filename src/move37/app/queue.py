"""`propose` and `wait`: what people and agents outside hand in, and what comes of it.

A change is put into the study's letter box. The engine that works on the study takes it from there; where
none does, whoever waits for the answer becomes the engine, for just what was handed in.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

from move37.app.answering import answer, answer_late
from move37.app.engine import Watch, silent
from move37.app.inbox import spool_of
from move37.app.letters import Base, Change, letter_of
from move37.app.look import detail_of
from move37.app.lookout import Lookout
from move37.app.settings import RunSettings
from move37.app.study import (
    STUDY,
    Read,
    Study,
    find_root,
    is_working,
    read_store,
    read_study,
    write_study,
)
from move37.core.errors import StudyError, StudyLocked
from move37.core.events import Stop
from move37.core.facts import EpochStarted
from move37.core.history import Experiment, History
from move37.core.records import Failed, Measured, Screened
from move37.report.results import Awaited, HandedIn
from move37.store.spool import Spool, is_ticket

_LOOK_SECONDS = 0.2
_BEGIN_SECONDS = 60.0
"""Whoever begins a study needs as long as its files take to be stored; one that needs longer is stuck."""


def propose(
    root: Path,
    change: Change,
    *,
    hypothesis: str,
    base: Base = None,
    effect: float | None = None,
    author: str | None = None,
    measure: bool = True,
    wait: bool = False,
    timeout_seconds: float | None = None,
    settings: RunSettings | None = None,
    watch: Watch = silent,
    stop: Stop | None = None,
    read: Read = read_study,
) -> HandedIn:
    """Hand in a change, to be measured before anything that the search would like.

    base: what it changes; the baseline unless said otherwise, as that is what the user's files are.
    effect: how much the metric should change, in its own unit: below 0 where it should fall.
    measure: where no engine works on the study, measure it here and now.
    wait: return when it has an outcome, also where another process measures it.
    Raises `Refused` for a change that cannot be taken, with the reason, and `StudyLocked` where another
    process holds a study that does not begin.
    """
    root, settings, stop = find_root(root), settings or RunSettings(), stop or Stop()
    _begin_if_new(root, settings, stop, timeout_seconds)
    with read(root) as study:
        letter = letter_of(study, change, base, hypothesis, effect, author)
    spool = spool_of(root)
    measure = measure and _may_measure(root)
    if measure and not is_working(root):
        _refuse_changed_task(root, settings)
    ticket = spool.put(letter)
    working = is_working(root)  # now: one that has ended meanwhile did not see the letter
    if wait or (measure and not working):
        awaited = _wait(root, ticket, timeout_seconds, settings=settings, watch=watch, stop=stop)
    else:
        told = (
            "whoever works on the study takes it in" if working else "nobody works on the study now"
        )
        awaited = Awaited(ticket=ticket, experiment=None, state="waiting", reason=told)
    assert letter.base is not None
    return HandedIn(
        ticket=ticket,
        author=letter.author,
        base=letter.base,
        files=tuple(sorted(letter.changes)),
        hypothesis=letter.hypothesis,
        predicted_effect=letter.predicted_effect,
        awaited=awaited,
    )


def wait(
    root: Path,
    what: str,
    *,
    timeout_seconds: float | None = None,
    settings: RunSettings | None = None,
    watch: Watch = silent,
    stop: Stop | None = None,
) -> Awaited:
    """Wait until an experiment (`x12`) or a change that was handed in (its ticket) has an outcome.

    Where nobody works on the study, what was handed in is measured here. timeout_seconds: `None` waits as
    long as it takes; after that, the answer says how far it is. Raises `StudyError` for what is not known.
    """
    stop, settings = stop or Stop(), settings or RunSettings()
    root = find_root(root)
    return _wait(root, what, timeout_seconds, settings=settings, watch=watch, stop=stop)


def come_of(
    root: Path, what: str, *, patience_seconds: float = 0.0, read: Read = read_study
) -> Awaited:
    """What has come so far of an experiment, or of a ticket; measures nothing.

    patience_seconds: wait so long for an outcome, with the `read` of a `Lookout`. Raises `StudyError` for
    what is not known.
    """
    root, deadline = find_root(root), time.monotonic() + patience_seconds
    while not (awaited := _look(root, what, read)).is_done and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return awaited


# --- waiting for what comes of it ----------------------------------------------------------------


def _wait(
    root: Path,
    what: str,
    timeout_seconds: float | None,
    *,
    settings: RunSettings,
    watch: Watch,
    stop: Stop,
) -> Awaited:
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    with Lookout() as lookout:
        while True:
            awaited = _look(root, what, lookout.read)
            if awaited.is_done or stop.soft:
                return awaited
            if deadline is not None and time.monotonic() >= deadline:
                return awaited
            if is_working(root) or not _may_measure(root):
                time.sleep(_LOOK_SECONDS)
                continue
            if awaited.state == "waiting" and _is_paused(lookout.read, root):
                paused = "the study is paused; it is measured after `move37 resume`"
                return replace(awaited, reason=paused)
            if awaited.ticket is None:
                raise StudyError(
                    f"x{awaited.experiment} has no outcome yet, and nobody works on the study; "
                    "`move37 run` goes on with it"
                )
            left = answer(root, settings, watch, stop, deadline=deadline)
            answer_late(root, settings, watch, stop, is_left=left, deadline=deadline)


def _is_paused(read: Read, root: Path) -> bool:
    with read(root) as study:
        return study.history.steering.paused is not None


def _refuse_changed_task(root: Path, settings: RunSettings) -> None:
    """Raise `StudyError` when the task is not what the study measured any more."""
    try:
        write_study(root, adjust=settings.applied, begin=False).store.close()
    except StudyLocked:
        return  # an engine has begun to work on it, and knows


def _begin_if_new(
    root: Path, settings: RunSettings, stop: Stop, timeout_seconds: float | None
) -> None:
    """Begin a study where there is none yet; whoever else is about to do so is waited for."""
    patience = _BEGIN_SECONDS if timeout_seconds is None else min(timeout_seconds, _BEGIN_SECONDS)
    deadline = time.monotonic() + patience
    while not _has_begun(root):
        try:
            write_study(root, seed=settings.seed, adjust=settings.applied).store.close()
        except StudyLocked:
            if stop.soft or time.monotonic() >= deadline:
                raise
            time.sleep(_LOOK_SECONDS)


def _has_begun(root: Path) -> bool:
    try:
        store = read_store(root)
    except StudyError:
        # None, or one that is being made; if it is damaged, opening it to write says so.
        return False
    try:
        return any(isinstance(row.fact, EpochStarted) for row in store.rows())
    finally:
        store.close()


def _may_measure(root: Path) -> bool:
    """Whether the study is ours to work on; another user can only hand in."""
    return os.access(root / STUDY, os.W_OK)


def _look(root: Path, what: str, read: Read) -> Awaited:
    spool = spool_of(root)
    in_box = what in spool.tickets()  # first: what has left it by then is in the facts
    with read(root) as study:
        return _complete(study, _come_of(study.history, spool, what, in_box=in_box))


def _come_of(history: History, spool: Spool, what: str, *, in_box: bool) -> Awaited:
    """How far it is, without the detail."""
    if not is_ticket(what):
        return _standing(history, history[_number(what)])
    if (opened := history.opened_for(what)) is not None:
        return _standing(history, history[opened])
    if (reason := spool.refusal(what)) is not None:
        return Awaited(ticket=what, experiment=None, state="refused", reason=reason)
    if what not in history.submitted and not in_box and not spool.is_closed_to_us:
        raise StudyError(f"there is no ticket {what!r} in this study; `move37 propose` prints them")
    return Awaited(ticket=what, experiment=None, state="waiting", reason="it waits for its turn")


def _number(what: str) -> int:
    digits = what.removeprefix("x")
    if not (digits.isascii() and digits.isdigit()):
        raise StudyError(f"{what!r} is neither an experiment, such as `x12`, nor a ticket")
    return int(digits)


def _standing(history: History, one: Experiment) -> Awaited:
    match one.outcome:
        case None:
            if one.epoch != history.epoch.epoch:
                raise StudyError(
                    f"x{one.id} was left unfinished when the task changed; nobody will measure it"
                )
            state, reason = "running", "it is being measured, or about to be"
        case Measured():
            state, reason = "measured", ""
        case Screened(reason=told):
            state, reason = "screened", told
        case Failed(reason=told):
            state, reason = "failed", told
    return Awaited(ticket=one.ticket, experiment=one.id, state=state, reason=reason)


def _complete(study: Study, awaited: Awaited) -> Awaited:
    if awaited.experiment is None or not awaited.is_done:
        return awaited
    detail = detail_of(study, awaited.experiment)
    return replace(awaited, reason=awaited.reason or detail.reason, detail=detail)
