"""Being the engine for what was handed in, where no other is at work."""

import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Timer

from move37.app.board import deliver
from move37.app.engine import Engine, Watch
from move37.app.inbox import spool_of
from move37.app.settings import RunSettings
from move37.app.study import read_study
from move37.core.errors import Move37Error, StudyError, StudyLocked
from move37.core.events import Stop
from move37.core.records import Failed
from move37.store.letter import Command, Note


@contextmanager
def at_work(
    root: Path, settings: RunSettings, *, watch: Watch, stop: Stop, begin: bool = True
) -> Generator[Engine]:
    """An engine for as long as the block lasts; see `Engine`. Then, what was handed in too late for it.

    Whoever hands in a change beside an engine is told that it will be taken in. One that came after the
    engine's last look into the letter box is answered here, once nobody holds the study.
    """
    with Engine(root, settings, watch=watch, stop=stop, begin=begin) as engine:
        yield engine
        is_left = bool(engine.study.history.waiting)
    answer_late(root, settings, watch, stop, is_left=is_left)


def answer_late(
    root: Path,
    settings: RunSettings,
    watch: Watch,
    stop: Stop,
    *,
    is_left: bool,
    deadline: float | None = None,
) -> None:
    """Look into the letter box once more, after the study was let go of.

    is_left: whether a change waits that has left the box already.
    """
    with suppress(Move37Error):
        if spool_of(root).tickets(Note) or spool_of(root).tickets(Command):
            deliver(root)
    if stop.soft or not (is_left or spool_of(root).has_letters()):
        return
    # What ended before has its result: that the task has changed since, say, takes nothing from it, and
    # tells whoever waits for the change.
    with suppress(Move37Error):
        answer(root, settings, watch, stop, deadline=deadline)


def answer(
    root: Path, settings: RunSettings, watch: Watch, stop: Stop, *, deadline: float | None = None
) -> bool:
    """Be the engine for what was handed in, and then for what came meanwhile.

    deadline: on the monotonic clock; then what runs is finished. Returns whether a change still waits
    that was taken in too late. Raises `StudyError` when the task itself cannot be measured.
    """
    try:
        engine = Engine(root, _as_before(root, settings), watch=watch, stop=stop, begin=False)
    except StudyLocked:
        return False  # somebody was quicker, and measures it
    with engine:
        timer = None
        if deadline is not None:
            timer = Timer(max(0.0, deadline - time.monotonic()), stop.request)
            timer.daemon = True
            timer.start()
        try:
            halt = engine.answer()
            if halt == "exhausted":
                halt = engine.answer()
        finally:
            if timer is not None:
                timer.cancel()
        outcome = engine.study.history.baseline.outcome
        if halt == "baseline" and isinstance(outcome, Failed):
            engine.end("the task itself could not be measured")
            raise StudyError(f"the task itself could not be measured: {outcome.reason}")
        engine.end("what was handed in is measured" if halt == "exhausted" else "stopped")
        return bool(engine.study.history.waiting)


def _as_before(root: Path, settings: RunSettings) -> RunSettings:
    """With the budget of the latest session, which is what the study's status shows."""
    with read_study(root) as study:
        session = study.history.session
    if session is None:
        return settings
    # Without what was ordered since, which stands as long as the same is asked for.
    budget = session.asked or session.budget
    return replace(settings, experiments=budget.experiments, hours=budget.hours, usd=budget.usd)
