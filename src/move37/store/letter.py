"""What is handed in: letters, which hold a change, notes for the board, and commands to the study.

Who wrote one is not trusted: what cannot be taken is refused, in words for whoever wrote it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

from move37.core.errors import Refused
from move37.core.records import Order, PostKind, Role, Taint

LETTER_BYTES = 16 * 1024**2
"""A larger file is set aside unread."""
FILES = 1000
TEXT = 4000
"""Characters of a hypothesis, or of a post."""
NAME = 80
"""Characters of an author's name."""
LINKS = 20
"""Experiments that a post may be about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A change that somebody hands in."""

    author: str
    hypothesis: str
    base: int | None
    """The experiment that it changes. `None`: the baseline."""
    predicted_effect: float | None
    """On the score."""
    changes: Mapping[str, bytes | None]
    """New content of each changed file; `None` deletes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What somebody has to say on the board."""

    does: Literal["post", "retract", "claim", "release"]
    author: str
    role: Role = "person"
    taint: Taint = "person"
    kind: PostKind = "lesson"
    """Of a post."""
    text: str = ""
    """The post, or why one is retracted."""
    post: int | None = None
    """The post that is replied to, retracted or claimed."""
    about: tuple[int, ...] = ()
    """Experiments that it is about, besides those that its text names."""
    effect: float | None = None
    """On the score."""
    queued: bool = False
    """Of an idea: it is to be tried by whoever proposes in words."""
    is_guests: bool = False
    """Whether another user of the machine wrote it. Known from the file, whatever that says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """An order, on its way to the study."""

    author: str
    order: Order
    is_guests: bool = False
    """As of a note."""


Handed = Letter | Note | Command


def parse(data: bytes, of: type[Handed]) -> Handed:
    """Read one. Raises `Refused`."""
    import msgspec

    try:
        handed = msgspec.json.decode(data, type=of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"it is no letter: {error}") from error
    if (reason := unfit(handed)) is not None:
        raise Refused(reason)
    return handed if isinstance(handed, Letter) else replace(handed, is_guests=False)


def from_guest(handed: Handed, user: str) -> Handed:
    """What another user hands in carries the name that the system knows them by."""
    author = f"{handed.author} ({user})" if handed.author not in ("", user) else user
    if isinstance(handed, Letter):
        return replace(handed, author=author)
    return replace(handed, author=author, is_guests=True)


def unfit(handed: Handed) -> str | None:
    """Why it cannot be taken whatever the study, if so."""
    if len(handed.author) > NAME:
        return f"its author's name is longer than {NAME} characters"
    match handed:
        case Letter():
            return _unfit_letter(handed)
        case Note():
            return _unfit_note(handed)
        case Command():
            return _unfit_order(handed.order)


def _unfit_letter(letter: Letter) -> str | None:
    if not letter.changes:
        return "it changes no file"
    if len(letter.changes) > FILES:
        return f"it changes {len(letter.changes):,} files, of {FILES:,} allowed at once"
    if not letter.hypothesis.strip():
        return "it has no hypothesis; say in a sentence why the change should help"
    if len(letter.hypothesis) > TEXT:
        return f"its hypothesis is longer than {TEXT:,} characters"
    if letter.base is not None and letter.base < 0:
        return f"it changes x{letter.base}, which is no experiment"
    return None


def _unfit_note(note: Note) -> str | None:
    if len(note.text) > TEXT:
        return (
            f"its text has {len(note.text):,} characters, of {TEXT:,} allowed; say what matters, "
            "and name experiments for the rest"
        )
    if note.does == "post" and not note.text.strip():
        return "it says nothing; write what others should know"
    if note.does != "post" and note.post is None:
        return "it names no post; write it as `p3`"
    if len(note.about) > LINKS:
        return f"it is about {len(note.about)} experiments, of {LINKS} allowed"
    if note.effect is not None and not isfinite(note.effect):
        return f"its effect is {note.effect}; write a finite number"
    if note.does == "post" and note.kind == "answer" and note.post is None:
        return "an answer replies to a post; name it, as in `--to p3`"
    if note.queued and (note.does, note.kind) != ("post", "idea"):
        return "only an idea waits to be tried"
    return None


def _unfit_order(order: Order) -> str | None:
    """Why nobody could obey it, whatever the study."""
    if len(order.reason) > TEXT:
        return f"its reason is longer than {TEXT:,} characters"
    if len(order.name) > TEXT:
        return f"its name is longer than {TEXT:,} characters"
    if order.does in ("pin", "unpin", "veto", "unveto") and order.experiment is None:
        return "it names no experiment; write it as `x12`"
    if order.does in ("hold", "release") and (order.way is None or not order.name):
        return "it names no direction; write one as `proposer tune`, `move tune.number` or `file train.py`"
    if order.does == "budget":
        return _unfit_budget(order)
    return None


def _unfit_budget(order: Order) -> str | None:
    if order.resource is None:
        return "it says not of what; write `experiments`, `hours` or `usd`"
    if order.amount is None:
        return None
    if not isfinite(order.amount) or order.amount < 0:
        return f"a budget of {order.amount:g} is none; write a number from 0 on, or `none` for no limit"
    if order.resource == "experiments" and order.amount != int(order.amount):
        return f"{order.amount:g} experiments are no whole number"
    return None
