"""Steering: what a person wants a study to do, handed in as orders; and the text of `program.md`.

An order goes into the study's letter box, synced. The engine that works on the study takes it from there;
where none does, whoever gave it records it. Nothing here decides: see `core/steering.py` for what stands.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import replace
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path
from typing import Final

from move37.app.board import post, see_to
from move37.app.inbox import spool_of
from move37.app.letters import user_name
from move37.app.library import STEERING, STEERING_BYTES
from move37.app.obeying import ProgramText, known_proposers, refuse
from move37.app.polishing import WRITERS
from move37.app.study import STUDY, Read, Study, find_root, is_working, read_study
from move37.core.errors import Refused, StudyLocked, Unwritable
from move37.core.journal import Journal
from move37.core.records import Order, Resource, Way
from move37.report.board import Noted
from move37.report.steering import (
    Ordered,
    ProgramView,
    StandingOrders,
    SteeringView,
    ideas_of,
    order_log,
    order_words,
    standing_orders,
)
from move37.store.letter import Command, unfit

_PATIENCE_SECONDS: Final = 2.0
"""An engine that has nothing better to do takes an order in within this time."""


def pause(root: Path, *, reason: str = "", author: str | None = None) -> Ordered:
    """Begin nothing new until `resume`; what runs is finished."""
    return order(root, Order(does="pause", reason=reason), author=author)


def resume(root: Path, *, author: str | None = None) -> Ordered:
    """Go on after a `pause`."""
    return order(root, Order(does="resume"), author=author)


def stop(root: Path, *, author: str | None = None) -> Ordered:
    """End the run as Ctrl-C does: what runs is finished, and the next run goes on from there."""
    return order(root, Order(does="stop"), author=author)


def pin(
    root: Path, experiment: int, *, off: bool = False, reason: str = "", author: str | None = None
) -> Ordered:
    """Build on this experiment, until it is taken `off`. Several take turns."""
    does = "unpin" if off else "pin"
    return order(root, Order(does=does, experiment=experiment, reason=reason), author=author)


def veto(
    root: Path, experiment: int, *, off: bool = False, reason: str = "", author: str | None = None
) -> Ordered:
    """Never build on this experiment, and never call it the best, unless that is taken `off`."""
    does = "unveto" if off else "veto"
    return order(root, Order(does=does, experiment=experiment, reason=reason), author=author)


def hold(
    root: Path,
    way: Way,
    name: str,
    *,
    release: bool = False,
    reason: str = "",
    author: str | None = None,
) -> Ordered:
    """Pause one direction, or `release` it: a proposer, a kind of move, or a file."""
    does = "release" if release else "hold"
    return order(root, Order(does=does, way=way, name=name, reason=reason), author=author)


def set_budget(
    root: Path, resource: Resource, amount: float | None, *, author: str | None = None
) -> Ordered:
    """Let the study spend so much in all. amount: `None` is no limit."""
    return order(root, Order(does="budget", resource=resource, amount=amount), author=author)


def queue_idea(root: Path, text: str, *, author: str | None = None) -> Noted:
    """Post an idea that whoever proposes in words shall try next."""
    return post(root, "idea", text, author=author, queued=True)


def order(
    root: Path,
    wanted: Order,
    *,
    author: str | None = None,
    patience_seconds: float = _PATIENCE_SECONDS,
) -> Ordered:
    """Give an order. author: the user when nobody is named.

    Raises `Refused` for one that cannot be obeyed, with the reason, and `StudyError` where there is no study.
    """
    root = find_root(root)
    command = Command(author=(author or user_name()).strip(), order=wanted)
    if (reason := unfit(command)) is not None:
        raise Refused(reason)
    with read_study(root) as study:
        refuse(wanted, study.history, is_live=is_working(root))
    spool = spool_of(root)
    ticket = spool.put(command)
    see_to(root, spool, ticket, patience_seconds)
    told = Ordered(
        ticket=ticket, state="taken", told=order_words(wanted), author=command.author, reason=""
    )
    with read_study(root) as study:
        if study.history.steering.has(ticket):
            return told
    if (reason := spool.refusal(ticket)) is not None:
        return replace(told, state="refused", reason=reason)
    waits = (
        "whoever works on the study takes it in at its next turn"
        if is_working(root)
        else "it waits in the letter box: the next `move37 run` takes it in"
    )
    return replace(told, state="waiting", reason=waits)


# --- looking -------------------------------------------------------------------------------------


def steering(root: Path, *, read: Read = read_study) -> SteeringView:
    """What was ordered of a study, and what stands. Raises `StudyError` where there is none."""
    with read(find_root(root)) as study:
        history = study.history
        return SteeringView(
            standing=standing_of(study),
            ideas=ideas_of(history),
            log=order_log(history),
            budget=history.budget if history.session is not None else study.task.budget,
            is_working=is_working(study.root),
            proposers=tuple(known_proposers(history)),
            moves=tuple(dict.fromkeys(one.move for one in history.experiments if one.move)),
            files=study.task.files.edit,
        )


def standing_of(study: Study) -> StandingOrders:
    """What stands, of a study that is open."""
    can_try = any(spec.kind in WRITERS for spec in study.task.proposers)
    return standing_orders(study.history, can_try=can_try)


# --- the text of program.md ----------------------------------------------------------------------


def program_text(root: Path) -> ProgramView:
    """`program.md` as it is now. Raises `Refused` for one that cannot be edited here."""
    path = find_root(root) / STEERING
    data = _read(path)
    return ProgramView(text=_decoded(data or b""), mark=_mark(data), is_there=data is not None)


def save_program(root: Path, text: str, mark: str) -> ProgramView:
    """Write `program.md`, if it is still what its `mark` was taken of.

    It is the user's own file, written on their behalf and nowhere else. The engine at work reads it at its next
    turn; where none is, the new text is recorded here. Raises `Refused`, and `Unwritable`.
    """
    root = find_root(root)
    now = program_text(root)
    if now.mark != mark:
        raise Refused("program.md has changed since it was shown; look at it again, then save")
    text = _as_written(text, now.text)
    _write(root / STEERING, _encoded(text))
    if (root / STUDY / "study.db").exists() and not is_working(root):
        with suppress(StudyLocked):  # an engine has begun, and reads it
            _record(root)
    return replace(program_text(root), diff=_diff(now.text, text))


def _record(root: Path) -> None:
    from move37.store.sqlite import SqliteStore

    with SqliteStore.open(root / STUDY, write=True) as store:
        journal = Journal(store)
        for fact, attachments in ProgramText(root, journal.history).look(is_live=False):
            journal.record(fact, attachments)


def _read(path: Path) -> bytes | None:
    if path.is_symlink():
        raise Refused(f"{path} is a link; edit it where it lies")
    try:
        with path.open("rb") as file:
            data = file.read(STEERING_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(
            f"{path} cannot be read ({error.strerror}); see to it, then try again"
        ) from error
    if len(data) > STEERING_BYTES:
        raise Refused(
            f"{path} is longer than the {STEERING_BYTES:,} bytes that are told to anybody"
        )
    return data


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused(
            f"program.md is no UTF-8 from byte {error.start} on; mend it in an editor"
        ) from error


def _encoded(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise Refused("the text is no valid Unicode; write only what is") from error
    if len(data) > STEERING_BYTES:
        raise Refused(
            f"the text has {len(data):,} bytes, of {STEERING_BYTES:,} that are told to anybody"
        )
    return data


def _as_written(text: str, before: str) -> str:
    """With the line ends of the file: a form in a browser has its own."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\n", "\r\n") if "\r\n" in before else text


def _mark(data: bytes | None) -> str:
    return "none" if data is None else sha256(data, usedforsecurity=False).hexdigest()


def _diff(before: str, after: str) -> str:
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    lines = unified_diff(old, new, "program.md", "program.md, as edited")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _write(path: Path, data: bytes) -> None:
    """As a whole or not at all, with the permissions that it had."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o644
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 a descriptor
            file.write(data)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise Unwritable(
            f"{path} cannot be written ({error.strerror}); see to it, then save again"
        ) from error
