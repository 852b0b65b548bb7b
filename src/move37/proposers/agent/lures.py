"""A private key that is none, in an agent's private home: whoever opens it is seen.

The fence keeps real keys out of sight; this only says that somebody looked. Linux only (inotify).
"""

import ctypes
import os
from pathlib import Path
from typing import Final

LURE: Final = ".ssh/id_ed25519"
_IN_OPEN: Final = 0x20
_NONBLOCKING: Final = os.O_NONBLOCK | os.O_CLOEXEC


class Lure:
    """Lies in a home, and knows whether it was opened since it was laid. A context manager."""

    def __init__(self, home: Path) -> None:
        place = home / LURE
        place.parent.mkdir(parents=True)
        place.write_text("There is nothing here. The keys of this machine's user are not shown.\n")
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = int(libc.inotify_init1(_NONBLOCKING))
        if self._events >= 0:
            libc.inotify_add_watch(self._events, os.fsencode(place), _IN_OPEN)

    def __enter__(self) -> "Lure":
        return self

    def __exit__(self, *_: object) -> None:
        if self._events >= 0:
            os.close(self._events)
            self._events = -1

    def was_opened(self) -> bool:
        """`False`, too, where the kernel gives no more watches."""
        try:
            return self._events >= 0 and bool(os.read(self._events, 4096))
        except BlockingIOError:
            return False
