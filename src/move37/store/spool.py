"""A letter box: what people and agents hand in while an engine works, or while none does. Letters, which
hold changes, notes for the board, and commands to the study.

inbox/
├── tmp/      being written
├── new/      handed in, a file for each: written whole, synced, then renamed into place
└── aside/    what could not be taken, each with the reason beside it

Whoever may write there is not trusted: a file may be a link, a pipe, huge, or no letter at all. Such a
one is set aside, with a reason; nothing that it holds can raise or block. The name of a file is its
ticket, so that a letter that is read twice is known to be the same.
"""

import contextlib
import errno
import os
import pwd
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Literal

from move37.core.errors import Refused, Unwritable
from move37.store.letter import (
    LETTER_BYTES,
    Command,
    Handed,
    Letter,
    Note,
    from_guest,
    parse,
    unfit,
)

Share = Literal["owner", "group", "all"]
"""Who may hand in changes, besides the owner of the study and root."""

_AT_ONCE = 100
_LOOKED_AT = 1000
_STALE_SECONDS = 24 * 3600.0
_ASIDE_KEPT = 200
_TICKET = re.compile(r"[qbs][0-9a-f]{11}-[0-9a-f]{6}")
_INITIALS: Mapping[type[Handed], str] = {Letter: "q", Note: "b", Command: "s"}
_KINDS: Mapping[str, type[Handed]] = {initial: kind for kind, initial in _INITIALS.items()}
_SETTLED_SECONDS = 1.0
"""So old, the time of a directory's last change tells whether anything came since it was looked into: clocks
of file systems are coarse."""
_MODES: Mapping[Share, tuple[int, int, int]] = {
    # Of the directories that are written to, of the one to read reasons in, of a letter. Sticky: nobody
    # but the owner takes out what others put in.
    "owner": (0o700, 0o700, 0o600),
    "group": (0o3770, 0o2750, 0o640),
    "all": (0o1733, 0o755, 0o644),
}


def new_ticket(of: type[Handed] = Letter) -> str:
    """Tickets of a kind sort by when they were made."""
    return f"{_INITIALS[of]}{time.time_ns() // 1_000_000:011x}-{secrets.token_hex(3)}"


def is_ticket(text: str) -> bool:
    return _TICKET.fullmatch(text) is not None


def ticket_seconds(ticket: str) -> float:
    """When it was made, in seconds since 1970."""
    return int(ticket[1:].partition("-")[0], 16) / 1000


class Spool:
    """The letter box of one study, by convention `.move37/inbox`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._ignored: set[str] = set()
        """Files that can neither be taken nor moved away."""
        self._quiet_since = -1
        """The directory's last change when there were no commands in it, in nanoseconds."""

    @property
    def _new(self) -> Path:
        return self.directory / "new"

    @property
    def _aside(self) -> Path:
        return self.directory / "aside"

    # --- handing in ------------------------------------------------------------------------------

    def put(self, letter: Handed) -> str:
        """Hand something in; on return no power cut can take it. Returns its ticket.

        Raises `Refused` for one that would be set aside, `Unwritable` when the box cannot be written.
        """
        import msgspec

        try:
            data = msgspec.json.encode(letter)
        except UnicodeEncodeError as error:
            raise Refused(
                "a name or a text in it is no valid Unicode; write only what is, in files' names, too"
            ) from error
        if len(data) > LETTER_BYTES:
            raise Refused(
                f"what is handed in is {len(data):,} bytes long; hand in at most {LETTER_BYTES:,}"
            )
        if (reason := unfit(letter)) is not None:
            raise Refused(reason)
        self.make()
        ticket = new_ticket(type(letter))
        temporary, final = self.directory / "tmp" / ticket, self._new / f"{ticket}.json"
        try:
            _write(temporary, data, self._mode())
            temporary.rename(final)
            _sync(self._new)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise Unwritable(
                f"{self.directory} cannot be written ({error.strerror}); free some space, or ask the "
                "study's owner to share its queue: `share` in its [[proposer]] table of kind `queue`"
            ) from error
        return ticket

    def make(self, share: Share | None = None) -> None:
        """Make the directories. share: who may hand in from now on; `None`: as it is."""
        wide, readable, _ = _MODES[share or "owner"]
        modes = {self.directory: readable}
        modes |= {self.directory / "tmp": wide, self._new: wide, self._aside: readable}
        try:
            for path, mode in modes.items():
                is_new = not path.is_dir()
                path.mkdir(parents=True, exist_ok=True)
                if is_new or share is not None:
                    path.chmod(mode)
        except OSError as error:
            raise Unwritable(
                f"{error.filename or self.directory} cannot be made ({error.strerror}); "
                "check the owner and permissions of the study"
            ) from error

    def _mode(self) -> int:
        """Of a letter: the owner of a shared box has to be able to read it."""
        wide = stat.S_IMODE(self._new.stat().st_mode)
        share: Share = "all" if wide & 0o002 else "group" if wide & 0o020 else "owner"
        return _MODES[share][2]

    # --- taking in -------------------------------------------------------------------------------

    def tickets(self, of: type[Handed] = Letter) -> list[str]:
        """Of what nobody has taken yet, the oldest first. of: of letters, or of notes."""
        return [name.removesuffix(".json") for name in self._names() if name[0] == _INITIALS[of]]

    @property
    def is_closed_to_us(self) -> bool:
        """Whether we may put letters in and not look into the box, as other users in a shared one."""
        return self._new.is_dir() and not os.access(self._new, os.R_OK)

    def has_letters(self) -> bool:
        return any(self._names())

    def has_commands(self) -> bool:
        """Quick, as it is asked several times a second whatever else there is to do."""
        try:
            changed = os.stat(self._new).st_mtime_ns  # noqa: PTH116 quick
        except OSError:
            return False
        if changed == self._quiet_since:
            return False
        if any(name[0] == _INITIALS[Command] for name in self._names()):
            return True
        if time.time_ns() - changed > _SETTLED_SECONDS * 1e9:
            self._quiet_since = changed
        return False

    def letters(self) -> Iterator[tuple[str, Letter]]:
        """Letters and their tickets, the oldest first; `done` takes one out.

        What cannot be taken is set aside on the way.
        """
        return ((ticket, one) for ticket, one in self.all() if isinstance(one, Letter))

    def some(self, *kinds: type[Handed]) -> Iterator[tuple[str, Handed]]:
        """Likewise only what is of these kinds. All else stays untouched."""
        initials = {_INITIALS[kind] for kind in kinds}
        return self._take(name for name in self._names() if name[0] in initials)

    def all(self) -> Iterator[tuple[str, Handed]]:
        """Likewise whatever there is, in the order in which they were handed in."""
        return self._take(self._names())

    def _take(self, names: Iterable[str]) -> Iterator[tuple[str, Handed]]:
        for name in islice(names, _AT_ONCE):
            try:
                ticket, letter = _ticket_of(name), self._read(name)
            except FileNotFoundError:
                continue
            except Refused as refused:
                self._move_aside(name, str(refused))
            except OSError as error:
                self._move_aside(name, f"it cannot be read ({error.strerror})")
            else:
                yield ticket, letter

    def done(self, ticket: str) -> None:
        """Take a letter out, after what it says is stored."""
        try:
            (self._new / f"{ticket}.json").unlink(missing_ok=True)
        except OSError:
            self._ignored.add(f"{ticket}.json")

    def set_aside(self, ticket: str, reason: str) -> None:
        """Move a letter out of the way and say why."""
        self._move_aside(f"{ticket}.json", reason)

    def _move_aside(self, name: str, reason: str) -> None:
        is_ours = is_ticket(name.removesuffix(".json"))
        kept = name if is_ours else f"{secrets.token_hex(3)}-{name[-100:]}"
        try:
            (self._new / name).rename(self._aside / kept)
        except OSError:
            # Such as a directory of another user's: nobody may move it, so it is passed over.
            self._ignored.add(name)
        with contextlib.suppress(OSError):
            (self._aside / f"{kept}.why").write_text(reason + "\n", encoding="utf-8")
            self._tidy_aside()

    def refusal(self, ticket: str) -> str | None:
        """Why a letter was set aside; `None` when it was not."""
        if not is_ticket(ticket):
            return None
        try:
            return (self._aside / f"{ticket}.json.why").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None

    def tidy(self) -> None:
        """Remove what died while it was being written."""
        with contextlib.suppress(OSError):
            for path in islice((self.directory / "tmp").iterdir(), _LOOKED_AT):
                if time.time() - path.lstat().st_mtime > _STALE_SECONDS:
                    path.unlink()

    def _names(self) -> list[str]:
        try:
            with os.scandir(self._new) as entries:
                names = [entry.name for entry in islice(entries, _LOOKED_AT)]
        except OSError:
            return []
        # Tickets begin with a letter for their kind, and then with the time.
        return sorted((name for name in names if name not in self._ignored), key=lambda n: n[1:])

    def _read(self, name: str) -> Handed:
        """Raises `Refused`, or `OSError`; never waits, follows no link."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._new / name, flags)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise Refused("it is no ordinary file") from error
            raise
        with open(descriptor, "rb") as file:  # noqa: PTH123 a descriptor
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Refused("it is no ordinary file")
            if status.st_size > LETTER_BYTES:
                raise Refused(f"it is {status.st_size:,} bytes long, of {LETTER_BYTES:,} allowed")
            data = file.read(LETTER_BYTES + 1)
        letter = parse(data, _KINDS[name[0]])
        is_ours = status.st_uid == os.geteuid()
        return letter if is_ours else from_guest(letter, _name_of(status.st_uid))

    def _tidy_aside(self) -> None:
        """Nobody fills the disk with what is set aside."""
        found = sorted((path.lstat().st_mtime, path) for path in self._aside.iterdir())
        for _, path in found[: -2 * _ASIDE_KEPT]:
            with contextlib.suppress(OSError):
                path.unlink()


def _ticket_of(name: str) -> str:
    ticket = name.removesuffix(".json")
    if name == ticket or not is_ticket(ticket):
        raise Refused("its name is no ticket; hand in with `move37 propose`, `board` or `steer`")
    return ticket


def _name_of(uid: int) -> str:
    """The name that the system knows a user by."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _write(path: Path, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 a descriptor
        os.fchmod(descriptor, mode)  # whatever the umask
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # a box that one may put letters in and not look into
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
