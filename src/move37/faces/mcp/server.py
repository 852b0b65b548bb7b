"""The MCP server: the study of one directory as tools, over stdio or over HTTP on this machine alone."""

import hmac
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import move37
from move37.core.errors import Move37Error, TaskError
from move37.faces.mcp.tools import Tools, spoken

if TYPE_CHECKING:
    from mcp.server import MCPServer

HOST = "127.0.0.1"
PATH = "/mcp"

INSTRUCTIONS = """\
move37 changes a program by experiments whose verdicts can be believed. Call get_brief first, and again after \
your context was cleared. Then, one hypothesis at a time: propose, get_experiment until it has an outcome, \
learn from the verdict, go on. Trust the verdict, not a single number. Never try to change the evaluation.\
"""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def make_server(root: Path, *, sandbox: str | None = None) -> "MCPServer[Any]":
    """The server with its tools. Raises `Move37Error` without the extra `mcp`."""
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
        from mcp.types import ToolAnnotations
    except ImportError as error:
        raise Move37Error(
            "the MCP server needs the package `mcp`, version 2; install `move37[mcp]`"
        ) from error
    tools = Tools(root, sandbox=sandbox)
    server: MCPServer[Any] = MCPServer(
        "move37", version=move37.__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    for tool in tools.readers():
        about = ToolAnnotations(read_only_hint=True, open_world_hint=False)
        server.add_tool(spoken(tool, ToolError), annotations=about, structured_output=False)
    about = ToolAnnotations(
        read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    )
    for tool in tools.writers():
        server.add_tool(spoken(tool, ToolError), annotations=about, structured_output=False)
    return server


def serve_stdio(server: "MCPServer[Any]") -> None:
    """Until standard input ends. Standard output carries the protocol and nothing else."""
    server.run("stdio")


def serve_http(server: "MCPServer[Any]", *, port: int, token: str, path_of_token: str) -> None:
    """On the loopback interface, until it is interrupted.

    port: 0 takes a free one. Whoever asks has to send the token, to name this machine as the host, and, from a
    browser, to come from it. Raises `TaskError` when the port is taken.
    """
    import uvicorn

    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise TaskError(
            f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with --port"
        ) from error
    with listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}{PATH}"
        sys.stderr.write(f"move37: MCP at {address}; the token is in {path_of_token}\n")
        sys.stderr.flush()
        guarded = Guarded(server.streamable_http_app(streamable_http_path=PATH, host=HOST), token)
        config = uvicorn.Config(guarded, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


class Guarded:
    """Lets nobody in without the token."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_known(scope):
            await self._app(scope, receive, send)
            return
        headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"the token is missing or wrong\n"})

    def _is_known(self, scope: Scope) -> bool:
        if scope["type"] != "http":
            return False
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)
