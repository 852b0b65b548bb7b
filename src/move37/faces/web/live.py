"""News to open pages, by server-sent events: that there are new facts, and which experiments they are about.

One look at a study now and then serves all pages that wait for it; with none left, nobody looks.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from move37.app import Following, is_working
from move37.core.errors import Move37Error
from move37.report.encode import as_json

LOOK_SECONDS = 1.0
_QUIET_SECONDS = 15.0
"""After so long without news a comment is sent, so that a page that is gone is noticed."""


class Live:
    """The streams of one server. `close` ends them all."""

    def __init__(self, following: Following, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._following = following
        self._look_seconds = look_seconds
        self._looks: dict[Path, _Look] = {}
        self._closed = False

    def close(self) -> None:
        """Streams end at their next look. From any thread, and from a signal's handler."""
        self._closed = True

    @property
    def watched(self) -> int:
        """How many studies somebody waits for."""
        return len(self._looks)

    async def stream(self, root: Path, after: int | None = None) -> AsyncIterator[str]:
        """Events of one study; `after`: the fact that the page knows already."""
        look = self._looks.setdefault(root, _Look())
        look.waiting += 1
        told, state, quiet = after, "", 0.0
        try:
            yield "retry: 2000\n\n"
            while not self._closed:
                now = await look.fresh(self._look_seconds, lambda: self._state(root))
                if isinstance(now, str):
                    yield _event("gone", {"reason": now})
                    return
                seq, working = now
                if told is None:
                    told = seq
                new_state = f"{working}"
                if seq != told or new_state != state:
                    try:
                        news = await run_in_threadpool(self._following.news, root, told)
                    except Move37Error:
                        continue  # the next look says what is wrong
                    yield _event("news", {"news": news, "working": working}, news.seq)
                    told, state, quiet = news.seq, new_state, 0.0
                elif quiet >= _QUIET_SECONDS:
                    yield ": quiet\n\n"
                    quiet = 0.0
                await asyncio.sleep(self._look_seconds)
                quiet += self._look_seconds
        finally:
            look.waiting -= 1
            if not look.waiting:
                self._looks.pop(root, None)

    def _state(self, root: Path) -> tuple[int, bool] | str:
        try:
            with self._following.look(root) as followed:
                return followed.seq, is_working(root)
        except Move37Error as error:
            return str(error)


class _Look:
    """The latest look at a study, shared by all who wait for it."""

    def __init__(self) -> None:
        self.waiting = 0
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._found: tuple[int, bool] | str = ""

    async def fresh(
        self, most_seconds: float, look: Callable[[], tuple[int, bool] | str]
    ) -> tuple[int, bool] | str:
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._at >= 0.9 * most_seconds:
                self._found = await run_in_threadpool(look)
                self._at = asyncio.get_running_loop().time()
            return self._found


def _event(name: str, data: object, id: int | None = None) -> str:
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {name}\ndata: {as_json(data)}\n\n"
