"""Looks at the study in a thread of its own, so that no key waits for it."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Condition, Thread

from move37.app.following import Following
from move37.core.errors import Move37Error
from move37.faces.tui.dress import Dress
from move37.faces.tui.pages import Shown, Wanted, make_page

LOOK_SECONDS = 1.0
_SHARE = 5.0
"""It rests so many times as long as it looked: a large study is looked at less often."""


class Reader:
    """Makes the page that is wanted, again when there is news. A context manager."""

    def __init__(
        self,
        root: Path,
        dress: Dress,
        *,
        show: Callable[[Shown], None],
        complain: Callable[[str], None],
    ) -> None:
        """show, complain: called in the reader's thread."""
        self._root, self._dress = root, dress
        self._show, self._complain = show, complain
        self._wanted: Wanted | None = None
        self._is_new = False
        self._is_over = False
        self._rest = LOOK_SECONDS
        self._change = Condition()
        self._thread = Thread(target=self._work, daemon=True, name="reader")

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._is_over = True
            self._change.notify()
        self._thread.join(timeout=2.0)  # the first reading of a large study ends with the process

    def want(self, wanted: Wanted) -> None:
        """From any thread. Only what is wanted last is made."""
        with self._change:
            self._is_new = self._is_new or wanted != self._wanted
            self._wanted = wanted
            self._change.notify()

    def _work(self) -> None:
        last: Shown | None = None
        with Following(keep=1) as following:
            while (wanted := self._next(0.0 if last is None else self._rest)) is not None:
                began = time.monotonic()
                try:
                    with following.look(self._root) as followed:
                        is_old = last is not None and (last.seq, last.wanted) == (
                            followed.seq,
                            wanted,
                        )
                        if not is_old or (last is not None and last.is_timed):
                            last = make_page(followed, wanted, self._dress, following.read)
                            self._show(last)
                except Move37Error as error:
                    self._complain(str(error))
                    last = Shown(wanted=replace(wanted, top=-1), seq=-1, title="")
                self._rest = max(LOOK_SECONDS, _SHARE * (time.monotonic() - began))

    def _next(self, patience_seconds: float) -> Wanted | None:
        """What is wanted, as soon as that changes, or after a while. `None`: nobody wants anything more."""
        with self._change:
            self._change.wait_for(
                lambda: self._is_over or self._is_new, timeout=patience_seconds or None
            )
            self._is_new = False
            return None if self._is_over else self._wanted
