"""The MCP server as its clients meet it: the official client, over stdio and over HTTP; the inspector."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from move37 import app
from move37.app.secrets import mcp_token
from move37.core.errors import TaskError

TOML = """
goal = "Lower the loss."
[files]
edit = ["train.py"]
[evaluate]
run = "python3 measure.py"
timeout = "20s"
[metric]
name = "val_loss"
goal = "minimize"
"""
MEASURE = """
import os, random
from train import rate, width
noise = random.Random(int(os.environ["MOVE37_SEED"])).gauss(0, 0.01)
print("val_loss:", 3 + (rate - 0.1) ** 2 + (width - 64) ** 2 / 5000 + noise)
"""
TOOLS = {
    "get_brief", "study_status", "get_program", "propose", "get_experiment", "list_experiments",
    "diff", "best", "board_read", "board_post",
}  # fmt: skip
TOKEN = "a-token-of-the-tests-0123456789"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("task")
    (root / "move37.toml").write_text(TOML)
    (root / "measure.py").write_text(MEASURE)
    (root / "train.py").write_text("rate = 0.01\nwidth = 16\n")
    # What lies in the task must not be taken for a module of the server's.
    (root / "mcp.py").write_text("raise SystemExit('shadowed')\n")
    change = app.Change(files={"train.py": b"rate = 0.01\nwidth = 32\n"})
    app.propose(root, change, hypothesis="wider", settings=app.RunSettings(workers=2))
    return root


def command(*more: str) -> list[str]:
    return [sys.executable, "-m", "move37.faces.cli.main", *more]


@asynccontextmanager
async def over_stdio(root: Path) -> AsyncGenerator[Client]:
    program, *args = command("-C", str(root), "mcp")
    env = {name: os.environ[name] for name in ("PYTHONPATH", "PATH") if name in os.environ}
    server = StdioServerParameters(command=program, args=args, env=env, cwd=str(root.parent))
    async with Client(stdio_client(server)) as client:
        yield client


@pytest.fixture(scope="module")
def address(study: Path) -> Generator[str]:
    """A server over HTTP."""
    server = subprocess.Popen(
        command("-C", str(study), "mcp", "--http", "--port", "0"),
        env={**os.environ, "MOVE37_MCP_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    told = server.stderr.readline()
    try:
        assert "MCP at http://127.0.0.1:" in told, told + server.stderr.read()
        assert TOKEN not in told
        yield told.split("MCP at ")[1].split(";")[0]
    finally:
        server.terminate()
        out, _ = server.communicate(timeout=30)
        assert out == ""


@asynccontextmanager
async def over_http(address: str) -> AsyncGenerator[Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    [content] = result.content
    text = cast(Any, content).text
    if result.is_error:
        raise AssertionError(text)
    return str(text)


async def tell_all(client: Client) -> None:
    """What every client can do with every server."""
    listed = (await client.list_tools()).tools
    assert {tool.name for tool in listed} == TOOLS
    assert all(tool.description for tool in listed)
    assert sum(len(tool.model_dump_json()) for tool in listed) < 12_000
    assert "Lower the loss." in await call(client, "get_brief")
    assert len((await call(client, "get_brief", tokens=250)).encode()) <= 750
    assert json.loads(await call(client, "study_status"))["metric"]["name"] == "val_loss"
    program = json.loads(await call(client, "get_program", experiment="baseline"))
    assert program["files"]["train.py"].startswith("rate = 0.01\nwidth = 16")
    assert "x1" in await call(client, "list_experiments", order="best", limit=3)
    assert "+width = 32" in await call(client, "diff", experiment="x1")
    assert json.loads(await call(client, "get_experiment", experiment="x1"))["state"] == "measured"
    assert json.loads(await call(client, "best"))["summary"]["state"] == "measured"


def run(act: Callable[[Client], Awaitable[None]], connect: Callable[[], Any]) -> None:
    async def main() -> None:
        with anyio.fail_after(120):
            async with connect() as client:
                await act(client)

    anyio.run(main)


def test_over_stdio_all_tools_answer(study: Path) -> None:
    run(tell_all, lambda: over_stdio(study))


def test_over_http_all_tools_answer(address: str) -> None:
    run(tell_all, lambda: over_http(address))


def proposing(width: int) -> Callable[[Client], Awaitable[None]]:
    async def act(client: Client) -> None:
        done = json.loads(
            await call(
                client,
                "propose",
                hypothesis=f"width größer: {width}",
                files={"train.py": f"rate = 0.01\nwidth = {width}\n"},
                predicted_effect=-0.2,
            )
        )
        assert done["awaited"]["state"] == "waiting"
        assert done["predicted_effect"] == 0.2
        state = done["awaited"]
        while state["state"] in ("waiting", "running"):
            asked = {"experiment": done["ticket"], "wait_seconds": 50}
            state = json.loads(await call(client, "get_experiment", **asked))
        assert state["state"] == "measured", state
        assert state["detail"]["summary"]["verdict"] == "better"

    return act


def test_over_stdio_a_proposal_is_measured_though_no_engine_was_at_work(study: Path) -> None:
    run(proposing(48), lambda: over_stdio(study))


def test_over_http_a_proposal_is_measured_though_no_engine_was_at_work(address: str) -> None:
    run(proposing(56), lambda: over_http(address))


def test_an_agent_posts_and_reads_and_the_engine_fills_in_the_numbers(address: str) -> None:
    async def act(client: Client) -> None:
        best = f"x{json.loads(await call(client, 'best'))['summary']['experiment']}"
        said = {
            "kind": "finding",
            "text": f"{best} gained 7: größer",
            "effect": -0.2,
            "author": "bot",
        }
        done = json.loads(await call(client, "board_post", **said))
        assert (done["state"], done["post"]["role"], done["post"]["taint"]) == (
            "stored",
            "agent",
            "model",
        )
        post = f"p{done['post']['post']}"
        reply = {"kind": "answer", "text": "no", "reply_to": post, "quotes_output": True}
        assert json.loads(await call(client, "board_post", **reply))["post"]["taint"] == "output"
        for asked in ({"post": post}, {"search": "größer"}, {"about": best}, {"kind": "finding"}):
            first = json.loads(await call(client, "board_read", **asked))["posts"][0]
            assert first["text"] == said["text"]
            assert first["claimed"] == ["7"]
            assert first["links"][0]["state"] == "measured"
        assert "gained 7 [claimed]" in await call(client, "get_brief")

    run(act, lambda: over_http(address))


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("board_post", {"kind": "lesson", "text": " "}, "says nothing"),
        ("board_post", {"kind": "lesson", "text": "x" * 100_000}, "of 4,000 allowed"),
        ("board_post", {"kind": "lesson", "text": "x", "about": ["x99"]}, "no experiment"),
        ("board_post", {"kind": "answer", "text": "x", "reply_to": "x1"}, "'x1' is no post"),
        ("board_read", {"post": "p99"}, "there is no post p99"),
        ("board_read", {"about": "p1"}, "'p1' is no experiment"),
        ("get_experiment", {"experiment": "x99"}, "there is no experiment x99"),
        ("get_experiment", {"experiment": "../x"}, "neither an experiment"),
        ("get_program", {"experiment": "first"}, "'first' is no experiment"),
        ("get_brief", {"tokens": 3}, "needs 200 tokens"),
        ("propose", {"hypothesis": "x"}, "one of files and patch"),
        ("propose", {"hypothesis": "x", "files": {"measure.py": "print('val_loss: 0')"}}, "[files] edit"),
        ("propose", {"hypothesis": "x", "patch": "--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-no\n+yes\n"},
         "does not fit"),
        ("propose", {"hypothesis": " ", "files": {"train.py": "rate = 3\nwidth = 3\n"}}, "no hypothesis"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(
    address: str, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async def act(client: Client) -> None:
        result = await client.call_tool(tool, arguments)
        text = cast(Any, result.content[0]).text
        assert result.is_error
        assert said in text
        assert "\n" not in text
        assert "Traceback" not in text

    run(act, lambda: over_http(address))


HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {},
               "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip
ACCEPT = {"Accept": "application/json, text/event-stream"}
GOOD = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({**GOOD, "Host": "evil.example"}, 421),
        ({**GOOD, "Host": "evil.example:80"}, 421),
        ({**GOOD, "Origin": "https://evil.example"}, 403),
        (GOOD, 200),
        ({**GOOD, "Origin": "http://localhost:3000"}, 200),
    ],
)
def test_http_lets_in_whoever_has_the_token_and_is_on_this_machine(
    address: str, headers: dict[str, str], status: int
) -> None:
    got = httpx2.post(address, json=HELLO, headers={**ACCEPT, **headers}, trust_env=False)
    assert got.status_code == status


def test_http_listens_on_this_machine_alone(address: str) -> None:
    port = int(address.split(":")[2].split("/")[0])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    [local] = [line.split()[1] for line in lines if line.split()[1].endswith(f":{port:04X}")
               and line.split()[3] == "0A"]  # fmt: skip
    assert local.startswith("0100007F:")


def test_a_port_that_is_taken_is_a_sentence(study: Path, address: str) -> None:
    port = address.split(":")[2].split("/")[0]
    done = subprocess.run(
        command("-C", str(study), "mcp", "--http", "--port", port),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"move37: port {port} of 127.0.0.1 cannot be used")


def test_without_a_study_every_tool_says_how_to_begin(tmp_path: Path) -> None:
    async def act(client: Client) -> None:
        for tool in ("get_brief", "study_status", "best"):
            result = await client.call_tool(tool, {})
            assert result.is_error
            assert "there is no study" in cast(Any, result.content[0]).text

    run(act, lambda: over_stdio(tmp_path))


def test_the_token_stays_and_is_for_the_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOVE37_MCP_TOKEN", raising=False)
    token = mcp_token(tmp_path)
    path = tmp_path / ".move37" / "mcp-token"
    assert mcp_token(tmp_path) == token == path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    assert mcp_token(tmp_path) != token
    monkeypatch.setenv("MOVE37_MCP_TOKEN", "short")
    with pytest.raises(TaskError, match="no token"):
        mcp_token(tmp_path)


@pytest.mark.slow
def test_the_inspector_lists_and_calls_the_tools(study: Path, tmp_path: Path) -> None:
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("npx is not installed")
    inspector = [npx, "--yes", "@modelcontextprotocol/inspector", "--cli"]
    try:
        known = subprocess.run(
            [*inspector, "--help"], capture_output=True, check=False, timeout=300, cwd=tmp_path
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the inspector could not be fetched in time")
    if known.returncode:
        pytest.skip(f"the inspector is not to be had: {known.stderr[-200:]!r}")
    server = command("-C", str(study), "mcp")

    def inspect(*asked: str) -> Any:
        done = subprocess.run(
            [*inspector, *server, "--method", *asked],
            capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert {tool["name"] for tool in inspect("tools/list")["tools"]} == TOOLS
    found = inspect("tools/call", "--tool-name", "get_experiment", "--tool-arg", "experiment=x1")
    assert json.loads(found["content"][0]["text"])["state"] == "measured"
