"""One answer from a model, whatever the network does: streams, deadlines, retries, waits.

Each attempt is made in a thread of its own, which is left to itself when nobody waits for it any more: that
way a server that says nothing holds nobody up. A question that began to be answered is never asked again
at the user's expense.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Any, cast

from move37.proposers.llm.clients import make_api
from move37.proposers.llm.models import Api, Heard, Message, Unreachable, Wish, scrub
from move37.proposers.llm.refusals import Refused, meaning, to_spare, wait_seconds
from move37.proposers.llm.settings import Endpoint
from move37.proposers.llm.sse import events

REFUSED = "refused: "
"""How the failure begins that no other question would escape: a wrong key, an empty account."""
TOO_LONG = "too long: "
"""How the failure begins that a shorter question would escape."""
CUT_SHORT, CUT_OFF = "it reached max_tokens", "the connection broke off"
"""Why a text is not whole."""

_TRIES = 6
_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 1.0, 60.0
_JITTER_SECONDS, _MOST_JITTER_SECONDS = 0.05, 10.0
_AFTERWARDS_SECONDS = 10.0
"""Once the model has ended, so long may the server take to tell the usage."""
_POLL_SECONDS = 0.1
_QUEUED = 64
_LENGTHS = ("length", "max_tokens", "model_context_window_exceeded")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What came of a question."""

    heard: Heard
    failed: str = ""
    cut: str = ""
    """Why the text is not whole; empty when it is."""
    began: bool = False
    """Whether an answer was begun, so that it has cost something."""
    attempts: int = 1
    waited_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """Time and chance, handed in so that tests need neither."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class _StoppedError(Exception):
    """Nobody waits for the answer any more."""


class _LateError(Exception):
    """The call has taken all its time."""


class _LargeError(Exception):
    """More has come than an answer can be."""


_Trouble = _StoppedError | _LateError | _LargeError | Refused | Unreachable


class Caller:
    """Asks one endpoint, from several threads at a time."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_seconds: float,
        patience_seconds: float,
        connect: Callable[[Endpoint, float], Api] = make_api,
        clock: Clock | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._timeout = timeout_seconds
        self._patience = patience_seconds
        self._connect = connect
        self._clock = clock or Clock()
        self._lock = Lock()
        self._api: Api | None = None
        self._without: frozenset[str] = frozenset()
        self._free_at = 0.0
        """When the endpoint has time again, as it told any of us."""

    def call(self, messages: Sequence[Message], wish: Wish, stop: Callable[[], bool]) -> Call:
        """Ask, and wait for the answer. Nothing is raised that a server or a network does."""
        course = _Course()
        while True:
            course.waited += self._wait_for_turn(stop)
            if stop():
                return Call(heard=Heard(), failed="stopped", attempts=course.attempts)
            spared = Wish(
                max_tokens=wish.max_tokens, temperature=wish.temperature, without=self._without
            )
            course.attempts += 1
            attempt = _Attempt(self._client(), messages, spared, self._clock, self._timeout, stop)
            trouble = attempt.run()
            if trouble is None:
                return course.ended(attempt)
            failed = self._after(trouble, attempt, course, spared, stop)
            if failed is not None:
                return course.ended(attempt, failed=failed)

    def _client(self) -> Api:
        with self._lock:
            if self._api is None:
                self._api = self._connect(self._endpoint, self._timeout)
            return self._api

    def _after(
        self,
        trouble: _Trouble,
        attempt: "_Attempt",
        course: "_Course",
        wish: Wish,
        stop: Callable[[], bool],
    ) -> str | None:
        """Why the question has failed; `None` when it is to be asked again, which is due now."""
        model = self._endpoint.model
        match trouble:
            case _StoppedError():
                return "stopped"
            case _LateError():
                return f"{model} did not finish its answer within {self._timeout:g} s"
            case _LargeError():
                return f"{model} sent more than an answer can be"
            case _ if attempt.began and not self._is_free:
                return self._scrub(f"{model} broke off: {trouble}")
            case Refused():
                return self._after_refusal(trouble, course, wish, stop)
            case Unreachable():
                return self._try_again(f"no answer came: {trouble}", course, stop)

    @property
    def _is_free(self) -> bool:
        return self._endpoint.price is not None and self._endpoint.price.is_free

    def _after_refusal(
        self, refused: Refused, course: "_Course", wish: Wish, stop: Callable[[], bool]
    ) -> str | None:
        model, said = self._endpoint.model, self._scrub(self._told(refused))
        match meaning(refused):
            case "wait":
                return self._wait(refused, course, said)
            case "again":
                return self._try_again(said, course, stop)
            case "spare":
                if spared := to_spare(refused, wish.without):
                    with self._lock:
                        self._without |= spared
                    return None
                return f"{model} does not take the question: {said}"
            case "long":
                return f"{TOO_LONG}{model} says {said}; write a smaller window in its table"
            case "refused" if refused.status in (401, 403):
                # What a server says of a key may repeat it.
                name = self._endpoint.key_name
                whose = f"the key in {name}" if name else "us, as it wants a key: name it in `key`"
                return f"{REFUSED}{model} does not accept {whose} (HTTP {refused.status})"
            case "refused":
                return f"{REFUSED}{model} will not answer: {said}"
            case "broken":
                return f"{model} answered with an error: {said}"

    def _told(self, refused: Refused) -> str:
        status = f"HTTP {refused.status}" if refused.status else "an error"
        return f"{status}: {refused.message}" if refused.message else status

    def _wait(self, refused: Refused, course: "_Course", said: str) -> str | None:
        """The endpoint has no time: everyone who asks it waits."""
        clock = self._clock
        told = wait_seconds(refused.headers, now=datetime.now(UTC))
        jitter = _doubled(_JITTER_SECONDS, course.waits, most=_MOST_JITTER_SECONDS)
        backoff = _doubled(_BACKOFF_SECONDS, course.waits, most=_LONGEST_BACKOFF_SECONDS)
        seconds = clock.chance() * backoff if told is None else told + clock.chance() * jitter
        course.waits += 1
        if course.waited + seconds > self._patience:
            return (
                f"{self._endpoint.model} has no time for us: {said}; it was waited for "
                f"{course.waited:.0f} s, of a patience of {self._patience:g} s"
            )
        with self._lock:
            self._free_at = max(self._free_at, clock.now() + seconds)
        return None

    def _wait_for_turn(self, stop: Callable[[], bool]) -> float:
        """Wait until the endpoint has time, as far as it has told us. Returns for how long."""
        clock, began = self._clock, self._clock.now()
        while (left := self._free_at - clock.now()) > 0 and not stop():
            clock.pause(min(left, _POLL_SECONDS))
        return max(0.0, clock.now() - began)

    def _try_again(self, why: str, course: "_Course", stop: Callable[[], bool]) -> str | None:
        course.failures += 1
        if course.failures >= _TRIES:
            model = self._endpoint.model
            return self._scrub(f"{model} failed {course.failures} times, at last: {why}")
        most = _doubled(_BACKOFF_SECONDS, course.failures - 1, most=_LONGEST_BACKOFF_SECONDS)
        clock = self._clock
        until = clock.now() + clock.chance() * most
        while (left := until - clock.now()) > 0 and not stop():
            clock.pause(min(left, _POLL_SECONDS))
        return None

    def _scrub(self, text: str) -> str:
        return scrub(text, self._endpoint.key)


def _doubled(seconds: float, times: int, *, most: float) -> float:
    # A patience of hours is room for more doublings than a float has.
    return min(most, seconds * 2.0 ** min(times, 30))


@dataclass(kw_only=True, slots=True)
class _Course:
    """How a question has fared so far."""

    attempts: int = 0
    failures: int = 0
    waits: int = 0
    waited: float = 0.0

    def ended(self, attempt: "_Attempt", *, failed: str = "") -> Call:
        heard, cut = attempt.heard, ""
        if failed and failed != "stopped" and heard.size and not attempt.is_large:
            # What came is read as far as it goes: whoever reads it may ask for the rest.
            failed, cut = "", CUT_OFF
        elif heard.finish in _LENGTHS:
            cut = CUT_SHORT
        return Call(
            heard=heard,
            failed=failed,
            cut=cut,
            began=attempt.began,
            attempts=self.attempts,
            waited_seconds=self.waited,
        )


@dataclass(slots=True)
class _Attempt:
    """One request, and what is heard of its answer."""

    api: Api
    messages: Sequence[Message]
    wish: Wish
    clock: Clock
    timeout: float
    stop: Callable[[], bool]
    heard: Heard = field(default_factory=Heard)
    began: bool = False
    is_large: bool = False
    _gone: Event = field(default_factory=Event)
    _queue: "Queue[bytes | Exception | None]" = field(
        default_factory=lambda: Queue[bytes | Exception | None](_QUEUED)
    )
    _deadline: float = 0.0

    def run(self) -> _Trouble | None:
        """Ask. What went wrong is returned; `None` when there is a whole answer.

        What neither we nor a client foresee is raised: at the desk it ends this attempt, with its traceback.
        """
        self._deadline = self.clock.now() + self.timeout
        Thread(target=self._listen, name="ask-model", daemon=True).start()
        try:
            self._read(self._bounded())
        except _LateError as error:
            if self._is_whole:
                return None
            self.began = True  # as far as anybody knows
            return error
        except (_StoppedError, _LargeError) as error:
            self.is_large = isinstance(error, _LargeError)
            return error
        except Refused as error:
            # An error in place of an answer costs nothing, whatever the status of the response was.
            self.began = self.began and self.heard.size + self.heard.thought > 0
            return error
        except Unreachable as error:
            return None if self._is_whole else error
        finally:
            self._gone.set()
        return None if self._is_whole else Unreachable("the answer ended in the middle")

    @property
    def _is_whole(self) -> bool:
        return self.heard.done or bool(self.heard.finish)

    def _listen(self) -> None:
        """In a thread of its own: hand on what comes, and what is raised, which is then raised there."""
        try:
            with self.api.send(self.messages, self.wish) as (_, chunks):
                self._hand_on(b"")
                for chunk in chunks:
                    if self._gone.is_set():
                        return
                    self._hand_on(chunk)
            self._hand_on(None)
        except Exception as error:  # noqa: BLE001 - kept back here, it would let who waits wait on
            self._hand_on(error)

    def _hand_on(self, what: bytes | Exception | None) -> None:
        while not self._gone.is_set():
            try:
                return self._queue.put(what, timeout=_POLL_SECONDS)
            except Full:
                continue
        return None

    def _chunks(self) -> Iterator[bytes]:
        """What comes, for as long as somebody waits and there is time."""
        while True:
            if self.stop():
                raise _StoppedError
            if self.clock.now() >= self._deadline:
                raise _LateError
            try:
                what = self._queue.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
            if what is None:
                return
            if isinstance(what, Exception):
                raise what
            self.began = True
            yield what

    def _bounded(self) -> Iterator[bytes]:
        left = 4_000_000 + 1_000 * self.wish.max_tokens
        for chunk in self._chunks():
            left -= len(chunk)
            if left < 0:
                raise _LargeError
            yield chunk

    def _read(self, chunks: Iterator[bytes]) -> None:
        first = b""
        while not first.strip():
            chunk = next(chunks, None)
            if chunk is None:
                return
            first += chunk
        rest = chain((first,), chunks)
        if first.lstrip().startswith(b"{"):
            # A server that does not stream.
            self._take(b"".join(rest).decode(errors="replace"))
            self.heard.done = True
            return
        for data in events(rest):
            if data.strip() == "[DONE]":
                self.heard.done = True
            else:
                self._take(data)
            if self.heard.done:
                return
            if self.heard.finish:
                late = self.clock.now() + _AFTERWARDS_SECONDS
                self._deadline = min(self._deadline, late)

    def _take(self, data: str) -> None:
        try:
            said: object = json.loads(data)
            if isinstance(said, Mapping):
                self.api.take(cast("Mapping[str, Any]", said), self.heard)
        except (ValueError, RecursionError):
            raise Unreachable("what came is not what the API says") from None
        if self.heard.size + self.heard.thought > 100_000 + 64 * self.wish.max_tokens:
            raise _LargeError
