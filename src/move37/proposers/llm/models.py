"""What every API of models has in common: what is sent, what is heard, and how it can go wrong.

The two APIs that are spoken here are `openai_model.py` and `anthropic_model.py`; each is a thin layer
over the official client, which knows addresses, headers and errors. Our own are the reading of streams,
with bounds, and the deciding of what an error means. The clients' own retries are off.
"""

import importlib
import re
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from move37.proposers.llm.refusals import Refused, refusal, shortened

Message = Mapping[str, str]
"""`role` and `content`. The first may be that of the `system`."""

_CONNECT_SECONDS = 20.0
_GRACE_SECONDS = 5.0
"""After the end of a call's time: whoever waits for it has left by then."""
_ERROR_BYTES = 64_000
_PIECE = 8
"""Of a key: an error that repeats so many characters of it gives it away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """How an answer should be."""

    max_tokens: int
    temperature: float | None = None
    without: frozenset[str] = frozenset()
    """What the endpoint has refused, and is spared: `temperature`, `stream_options`, `system`,
    `max_tokens` under its usual name."""


@dataclass(kw_only=True, slots=True)
class Heard:
    """What has come so far."""

    pieces: list[str] = field(default_factory=list[str])
    size: int = 0
    """Characters of the text."""
    thought: int = 0
    """Characters of reasoning, which are paid for and not kept."""
    model: str = ""
    finish: str = ""
    """Why the model ended, in its own words; empty while it has not."""
    done: bool = False
    """The server has said that this is all."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    """`None`: nobody has told."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def add(self, text: object) -> None:
        if isinstance(text, str) and text:
            self.pieces.append(text)
            self.size += len(text)

    def think(self, text: object) -> None:
        if isinstance(text, str):
            self.thought += len(text)


class Unreachable(Exception):
    """There was no answer, or it broke off."""


class Response(Protocol):
    """What the official clients hand out."""

    @property
    def headers(self) -> Any: ...

    def iter_bytes(self) -> Iterator[bytes]: ...


class Api(Protocol):
    """One way to talk to models, at one endpoint."""

    def send(
        self, messages: Sequence[Message], wish: Wish
    ) -> AbstractContextManager[tuple[Mapping[str, str], Iterator[bytes]]]:
        """Ask; the headers and the bytes of the answer. Raises `Refused` and `Unreachable`."""
        ...

    def take(self, said: Mapping[str, Any], heard: Heard) -> None:
        """Take in one event of a stream, or a whole answer. Raises `Refused` for an error in it."""
        ...

    def close(self) -> None: ...


# --- keeping secrets -----------------------------------------------------------------------------


def scrub(text: str, key: str) -> str:
    """The text without the key, whole or in recognisable pieces."""
    if len(key) < _PIECE:
        return text.replace(key, "[key]") if key else text
    hidden = bytearray(len(text))
    for start in range(len(key) - _PIECE + 1):
        piece, at = key[start : start + _PIECE], -1
        while (at := text.find(piece, at + 1)) >= 0:
            hidden[at : at + _PIECE] = b"\1" * _PIECE
    if not any(hidden):
        return text
    shown = "".join("\0" if hide else letter for letter, hide in zip(text, hidden, strict=True))
    return re.sub("\0+", "[key]", shown)


# --- what the official clients have in common ----------------------------------------------------


def patience(sdk: Any, timeout_seconds: float) -> Any:
    """The time limits of an official client; `calling.py` keeps the one of the whole call."""
    return sdk.Timeout(timeout_seconds + _GRACE_SECONDS, connect=_CONNECT_SECONDS)


def http_client(sdk: Any, base_url: str) -> Any:
    """The HTTP client of an official client, with bounds. It follows no proxy to this machine."""
    host = urlsplit(base_url).hostname or ""
    is_here = host in ("localhost", "::1") or host.startswith("127.")
    limits = cast("Any", type(sdk.DEFAULT_CONNECTION_LIMITS))
    return sdk.DefaultHttpxClient(
        # A question takes so long that a new connection costs nothing, and an old one may be dead.
        limits=limits(max_connections=100, max_keepalive_connections=0),
        trust_env=not is_here,
        follow_redirects=False,
        event_hooks={"response": [_limit_errors]},
    )


def _limit_errors(response: Any) -> None:
    """An error page is read whole, so that it must not be larger than errors are."""
    if response.status_code >= 300:
        library = importlib.import_module(type(response).__module__.partition(".")[0])
        response.stream = _bounded(library, response.stream)


def _bounded(library: Any, stream: Any) -> Any:
    class Bounded(library.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            left = _ERROR_BYTES
            for chunk in stream:
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    return

        def close(self) -> None:
            stream.close()

    return Bounded()


@contextmanager
def translated(sdk: Any, key: str) -> Generator[None, None, None]:
    """Turn what an official client raises into our own words, without the key."""
    try:
        yield
    except sdk.APIStatusError as error:
        raise _refusal(error, key) from None
    except (sdk.APIConnectionError, *_http_errors(), OSError) as error:
        cause: BaseException = error.__cause__ or error
        what = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
        raise Unreachable(scrub(what, key)) from None


def _http_errors() -> tuple[type[Exception], ...]:
    """What may be raised while a stream is read. The clients have changed their HTTP library."""
    loaded = [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]
    return tuple(
        cast("type[Exception]", getattr(library, name))
        for library in loaded
        for name in ("HTTPError", "StreamError")
    )


def _refusal(error: Any, key: str) -> Refused:
    body: object = error.body
    refused = refusal(
        cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else dict[str, Any](),
        status=error.status_code,
    )
    message = refused.message or str(error.message)
    return Refused(
        error.status_code,
        scrub(shortened(message), key),
        headers={str(name).lower(): str(value) for name, value in error.response.headers.items()},
        code=refused.code,
        parameter=refused.parameter,
    )
