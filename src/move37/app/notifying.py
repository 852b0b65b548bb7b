"""Sending notices, off the path of the engine: a thread of its own, which a dead network keeps from nothing."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Full, Queue
from threading import Thread
from typing import Any

from move37.app.engine import Watch
from move37.app.notify import NotifySettings
from move37.app.study import Study
from move37.core.errors import Move37Error
from move37.core.events import Remarked
from move37.core.history import History
from move37.core.protocols import Believer, Fold
from move37.core.records import Task
from move37.report.notices import Notice, NoticeKind, Notices

LEAVE_SECONDS = 10.0
"""At the end, what was said last may take so long to leave."""
_WAITING = 100

Remark = Callable[[str], None]
Send = Callable[[str, Notice], str]
"""Sends a notice to an address. Returns why not; empty: it is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What came of a notice at one address."""

    service: str
    failure: str
    """Empty: it was sent."""


class Notifier:
    """Sends notices in a thread. A context manager: leaving it waits a little for the last ones."""

    def __init__(
        self,
        settings: NotifySettings,
        remark: Remark,
        *,
        send: Send | None = None,
        clock: Callable[[], float] = time.monotonic,
        leave_seconds: float = LEAVE_SECONDS,
    ) -> None:
        """remark: is told what was sent and what was not, from the thread; never an address."""
        self._settings, self._remark = settings, remark
        self._send, self._clock, self._leave_seconds = send or send_by_apprise, clock, leave_seconds
        self._queue: Queue[Notice | None] = Queue(_WAITING)
        self._last: dict[NoticeKind, float] = {}
        self._kept_back: dict[NoticeKind, int] = {}
        self._thread = Thread(target=self._work, daemon=True, name="notifier")

    def __enter__(self) -> "Notifier":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._queue.put_nowait(None)
        except Full:
            return
        self._thread.join(self._leave_seconds)
        if self._thread.is_alive():
            self._remark(f"notifications did not leave within {self._leave_seconds:g} s")

    def fold(self, task: Task, history: History, beliefs: Believer) -> Fold:
        """What tells it, to follow a study's journal."""
        return Notices(task, history, beliefs, kinds=self._settings.on, tell=self.tell)

    def tell(self, notice: Notice) -> None:
        """Never waits, never raises."""
        kind, now = notice.kind, self._clock()
        last = self._last.get(kind)
        is_soon = last is not None and now - last < 60 * self._settings.every_minutes
        if is_soon and kind != "end":
            self._kept_back[kind] = self._kept_back.get(kind, 0) + 1
            return
        self._last[kind] = now
        if more := self._kept_back.pop(kind, 0):
            text = f"{notice.text}\n({more:,} more of this kind since the one before)"
            notice = Notice(kind=kind, title=notice.title, text=text)
        try:
            self._queue.put_nowait(notice)
        except Full:
            self._kept_back[kind] = self._kept_back.get(kind, 0) + 1

    def _work(self) -> None:
        while (notice := self._queue.get()) is not None:
            for sent in deliver(self._settings, notice, self._send):
                told = f"not sent: {sent.failure}" if sent.failure else "sent"
                self._remark(f"notification ({notice.kind}) by {sent.service} {told}")


@contextmanager
def notifying(settings: NotifySettings | None, watch: Watch) -> Generator[Callable[[Study], None]]:
    """While the block runs, whoever is to be notified is. Yields what is to be told of the study at work."""
    if settings is None or not settings.urls:
        yield lambda study: None
        return
    with Notifier(settings, lambda text: watch(Remarked(text=text))) as notifier:
        yield lambda study: study.journal.follow(
            notifier.fold(study.task, study.history, study.believer)
        )


def deliver(settings: NotifySettings, notice: Notice, send: Send | None = None) -> tuple[Sent, ...]:
    """To every address, one after the other."""
    return tuple(
        Sent(service=service, failure=(send or send_by_apprise)(url, notice))
        for url, service in zip(settings.urls, settings.services, strict=True)
    )


def send_by_apprise(url: str, notice: Notice) -> str:
    """To one address. Returns why not, without the address; empty when it is sent."""
    try:
        from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat
    except ImportError:
        return "Apprise is not installed; `pip install 'move37[notify]'`"
    # It logs addresses, if only their beginnings, and errors that quote them.
    logging.getLogger("apprise").disabled = True
    asset = AppriseAsset(app_id="move37", app_desc="move37", app_url="", async_mode=False)
    try:
        knows: Any = Apprise  # it is typed in part only
        service: NotifyBase | None = knows.instantiate(url, asset=asset)
        if service is None:
            return "its address is none that Apprise knows"
        done = service.notify(body=notice.text, title=notice.title, body_format=NotifyFormat.TEXT)
    except (OSError, ValueError, TypeError) as error:
        return f"{type(error).__name__}"
    return "" if done else "it did not answer, or said no"


def try_notify(settings: NotifySettings) -> tuple[Sent, ...]:
    """Send one to every address, now. Raises a `Move37Error` where there is none."""
    if not settings.urls:
        raise Move37Error(
            "nobody is to be notified: put addresses into notify.toml or MOVE37_NOTIFY_URLS; "
            "`move37 notify --help` says how"
        )
    text = "A test: notifications of move37 arrive here. Nothing was measured."
    return deliver(settings, Notice(kind="end", title="move37: a test", text=text))
