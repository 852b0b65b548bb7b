"""A model that says what you tell it to, behind the APIs of OpenAI, Anthropic and Google.

A real server on loopback, for tests of whatever talks to models: the official clients, and coding
agents that can be pointed at another address. It knows nothing and checks no key.
"""

import gzip
import json
import re
import socket
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from move37.testing.model_script import (
    Api,
    Hangs,
    ModelAnswer,
    ModelRequest,
    Refuses,
    Says,
    Script,
    Sends,
)
from move37.testing.model_wire import CREATED, failure, pieces, refused, tokens, whole

_SCRIPTED: frozenset[Api] = frozenset(("chat", "responses", "messages", "gemini"))
_ENDINGS: Mapping[str, Api] = {
    "/chat/completions": "chat",
    "/responses": "responses",
    "/messages": "messages",
    ":generateContent": "gemini",
    ":streamGenerateContent": "gemini",
}


class ModelServer:
    """Serves a script, from entering the context to leaving it.

    Requests for the lists of models and for the count of tokens are answered without the script.
    When a sequence is at its end, a request is refused with 400, which no client tries again. What a
    script raises cuts the connection, and is raised again when the context is left.
    """

    def __init__(self, script: Script, *, models: Sequence[str] = ("scripted",)) -> None:
        self.models = models
        self._script = script
        self._lock = threading.Lock()
        self._requests: list[ModelRequest] = []
        self._answered = 0
        self._stopping = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()
        if error is None and self._server.errors:
            raise self._server.errors[0]

    @property
    def url(self) -> str:
        """Where Anthropic's and Google's clients are pointed at."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """Where OpenAI's clients are pointed at."""
        return f"{self.url}/v1"

    @property
    def requests(self) -> Sequence[ModelRequest]:
        """All requests that the script answered, in the order in which they came."""
        with self._lock:
            return [request for request in self._requests if request.index >= 0]

    @property
    def others(self) -> Sequence[ModelRequest]:
        """All other requests: for lists of models, and those that nobody understood."""
        with self._lock:
            return [request for request in self._requests if request.index < 0]

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the server is closed, which is `True`."""
        return self._stopping.wait(seconds)

    def hang(self) -> None:
        """Wait until the server is closed."""
        self._stopping.wait()

    def take(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> tuple[ModelRequest, ModelAnswer | None]:
        """Note a request; return what the script answers, `None` where it has no say."""
        api = _api(method, urlsplit(path).path)
        with self._lock:
            index = self._answered if api in _SCRIPTED else -1
            self._answered += api in _SCRIPTED
            request = ModelRequest(
                index=index,
                api=api,
                method=method,
                path=path,
                headers=headers,
                key=_key(path, headers),
                body=_parsed(raw),
                raw=raw,
            )
            self._requests.append(request)
        return request, self._answer(request) if index >= 0 else None

    def _answer(self, request: ModelRequest) -> ModelAnswer:
        if callable(self._script):
            answer = self._script(request)
        elif request.index < len(self._script):
            answer = self._script[request.index]
        else:
            count = len(self._script)
            answer = Refuses(status=400, message=f"the script has only {count} answers")
        return Says(text=answer) if isinstance(answer, str) else answer


def _api(method: str, path: str) -> Api:
    path = path.rstrip("/")
    if method == "GET" and re.search(r"/models(?:/[^/]+)*$", path):
        return "models"
    if method != "POST":
        return "unknown"
    if path.endswith(("/messages/count_tokens", ":countTokens")):
        return "count_tokens"
    found: list[Api] = [api for ending, api in _ENDINGS.items() if path.endswith(ending)]
    return found[0] if found else "unknown"


def _key(path: str, headers: Mapping[str, str]) -> str | None:
    bearer = headers.get("authorization", "")
    if bearer.lower().startswith("bearer "):
        return bearer[len("bearer ") :]
    for name in ("x-api-key", "x-goog-api-key"):
        if name in headers:
            return headers[name]
    return next(iter(parse_qs(urlsplit(path).query).get("key", [])), None)


def _parsed(raw: bytes) -> Mapping[str, Any]:
    try:
        body: object = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that none is left when it closes."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: ModelServer) -> None:
        self.owner = owner
        self.errors: list[BaseException] = []
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no news; what a script raises is kept."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.errors.append(error)

    def hang_up(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection: any number of requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at the requests themselves."""

    @property
    def _owner(self) -> ModelServer:
        return cast(_Server, self.server).owner

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request, answer = self._owner.take(self.command, self.path, headers, self._body(headers))
        match answer:
            case None:
                self._serve_aside(request)
            case Says():
                self._say(request, answer)
            case Refuses():
                extra = {"Retry-After": answer.retry_after} if answer.retry_after else {}
                self._reply(answer.status, refused(request.api, answer), extra)
            case Sends():
                self._send(answer.status, answer.body, answer.content_type)
            case Hangs():
                self._owner.hang()
                self.close_connection = True

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            raw = b"".join(iter(self._chunk, b""))
        else:
            raw = self.rfile.read(int(headers.get("content-length", 0)))
        return gzip.decompress(raw) if headers.get("content-encoding") == "gzip" else raw

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().partition(b";")[0], 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _serve_aside(self, request: ModelRequest) -> None:
        match request.api:
            case "count_tokens":
                count = tokens(request.prompt)
                self._reply(200, {"input_tokens": count, "totalTokens": count})
            case "models":
                self._reply(200, self._list_models())
            case _ if request.method == "HEAD":
                self._send(200, b"", "text/plain")
            case _:
                path = f"no such path: {request.path}"
                self._reply(404, refused("unknown", Refuses(status=404, message=path)))

    def _list_models(self) -> Mapping[str, Any]:
        name = unquote(urlsplit(self.path).path.partition("/models/")[2])
        listed = [
            {"id": id, "object": "model", "created": CREATED, "owned_by": "move37"}
            for id in ([name] if name else self._owner.models)
        ]
        return listed[0] if name else {"object": "list", "data": listed}

    def _say(self, request: ModelRequest, answer: Says) -> None:
        if request.is_streaming:
            self._stream(request, answer)
        elif answer.pause_seconds and self._owner.wait(answer.pause_seconds):
            self.close_connection = True
        else:
            self._say_whole(request, answer)

    def _say_whole(self, request: ModelRequest, answer: Says) -> None:
        body = json.dumps(whole(request, answer)).encode()
        half = body[: len(body) // 2]
        match answer.ending:
            case "whole":
                self._send(200, body, "application/json")
            case "garbled":
                self._send(200, half, "application/json")
            case "failing":
                self._reply(500, refused(request.api, Refuses(status=500, message="failed")))
            case "dropped" | "hanging":
                self._head(200, "application/json", {"Content-Length": str(len(body))})
                self.wfile.write(half)
                self._break_off(answer)

    def _stream(self, request: ModelRequest, answer: Says) -> None:
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for number, piece in enumerate(pieces(request, answer)):
            if answer.pause_seconds and self._owner.wait(answer.pause_seconds):
                self.close_connection = True
                return
            if answer.ending != "whole" and number == answer.ends_after_chunks:
                if answer.ending in ("dropped", "hanging"):
                    self._break_off(answer)
                    return
                if answer.ending == "failing":
                    self._put(failure(request.api))
                    break
                piece = piece[:-12] + b"\n\n"  # a piece of JSON that ends too early
            self._put(piece)
        self.wfile.write(b"0\r\n\r\n")

    def _put(self, piece: bytes) -> None:
        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def _break_off(self, answer: Says) -> None:
        self.close_connection = True
        if answer.ending == "hanging":
            self._owner.hang()

    def _reply(self, status: int, body: Mapping[str, Any], extra: Mapping[str, str] = {}) -> None:
        self._send(status, json.dumps(body).encode(), "application/json", extra)

    def _send(
        self, status: int, body: bytes, content_type: str, extra: Mapping[str, str] = {}
    ) -> None:
        self._head(status, content_type, {"Content-Length": str(len(body)), **extra})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, content_type: str, extra: Mapping[str, str]) -> None:
        self.send_response(status)
        headers: Iterable[tuple[str, str]] = {"Content-Type": content_type, **extra}.items()
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
