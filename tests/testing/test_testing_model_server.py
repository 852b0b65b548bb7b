"""The scripted model, asked by the official clients, and by hand where they do not go."""

import gzip
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from move37.testing.model_script import (
    Hangs,
    ModelRequest,
    Says,
    Sends,
    ToolCall,
    Usage,
    calls,
    gigantic,
    overloaded,
    rate_limited,
    refuses_parameter,
    truncated,
    unauthorised,
)
from move37.testing.model_server import ModelServer

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

ASKED: Any = [{"role": "user", "content": "What now?"}]
TOOL: Any = {"type": "object", "properties": {"path": {"type": "string"}}}
LONG = "A long answer, in many pieces. " * 5


def to_openai(server: ModelServer, **options: Any) -> Any:
    return openai.OpenAI(base_url=server.openai_url, api_key="k-1", max_retries=0, **options)


def to_anthropic(server: ModelServer, **options: Any) -> Any:
    return anthropic.Anthropic(base_url=server.url, api_key="k-2", max_retries=0, **options)


def ask_chat(client: Any, **options: Any) -> Any:
    return client.chat.completions.create(model="m", messages=ASKED, **options)


def ask_claude(client: Any, **options: Any) -> Any:
    return client.messages.create(model="m", max_tokens=9, messages=ASKED, **options)


def post(server: ModelServer, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


# --- OpenAI --------------------------------------------------------------------------------------


def test_chat_answers_in_one_piece_and_keeps_what_it_was_asked() -> None:
    with ModelServer(["Hello."]) as server, to_openai(server) as client:
        answer = ask_chat(client, temperature=0.5)
        [request] = server.requests
    assert answer.choices[0].message.content == "Hello."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens == 2
    assert (request.api, request.key, request.model) == ("chat", "k-1", "m")
    assert request.prompt == "What now?"
    assert request.body["temperature"] == 0.5


@pytest.mark.parametrize("wants_usage", [True, False])
def test_chat_streams_and_says_what_it_cost_only_when_asked(wants_usage: bool) -> None:
    with ModelServer([Says(text=LONG)]) as server, to_openai(server) as client:
        chunks = list(ask_chat(client, stream=True, stream_options={"include_usage": wants_usage}))
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == LONG
    assert len(texts) > 3
    used = [chunk.usage.completion_tokens for chunk in chunks if chunk.usage]
    assert used == ([len(LONG) // 4 + 1] if wants_usage else [])


@pytest.mark.parametrize("is_streaming", [True, False])
def test_chat_calls_tools(is_streaming: bool) -> None:
    with ModelServer([calls("read", path="a.py")]) as server, to_openai(server) as client:
        tools = [{"type": "function", "function": {"name": "read", "parameters": TOOL}}]
        answer = ask_chat(client, tools=tools, stream=is_streaming)
        if is_streaming:
            deltas = [chunk.choices[0].delta for chunk in answer]
            found = [call for delta in deltas for call in delta.tool_calls or ()]
        else:
            found = answer.choices[0].message.tool_calls
        assert server.requests[0].tools == ["read"]
    assert found[0].function.name == "read"
    assert json.loads("".join(call.function.arguments for call in found)) == {"path": "a.py"}


def test_a_server_may_keep_its_usage_to_itself_or_say_what_it_likes() -> None:
    dear = Says(text="x", usage=Usage(input_tokens=7, output_tokens=8, cached_tokens=5))
    script = [Says(text="x", reports_usage=False), dear]
    with ModelServer(script) as server, to_openai(server) as client:
        assert ask_chat(client).usage is None
        usage = ask_chat(client).usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (7, 5)


def test_responses_in_one_piece_and_streamed() -> None:
    script = [Says(text=LONG), Says(text=LONG), truncated("so f")]
    with ModelServer(script) as server, to_openai(server) as client:
        ask = client.responses.create
        assert ask(model="m", input="Hi").output_text == LONG
        events = list(ask(model="m", input="Hi", stream=True))
        cut = ask(model="m", input="Hi")
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == events[-1].response.output_text == LONG
    assert events[-1].type == "response.completed"
    assert events[-1].response.usage.output_tokens > 1
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert cut.incomplete_details.reason == "max_output_tokens"


def test_responses_call_tools_with_json_or_with_plain_text() -> None:
    patch = ToolCall(name="patch", arguments="*** Begin Patch")
    answer = Says(tools=(ToolCall(name="read", arguments={"path": "a"}), patch))
    tools = [{"type": "function", "name": "read"}, {"type": "custom", "name": "patch"}]
    with ModelServer([answer, answer]) as server, to_openai(server) as client:
        whole = client.responses.create(model="m", input="Hi", tools=tools)
        *_, last = client.responses.create(model="m", input="Hi", tools=tools, stream=True)
    for items in (whole.output, last.response.output):
        assert [item.type for item in items] == ["function_call", "custom_tool_call"]
        assert json.loads(items[0].arguments) == {"path": "a"}
        assert items[1].input == "*** Begin Patch"


# --- Anthropic -----------------------------------------------------------------------------------


def test_messages_in_one_piece() -> None:
    used = Usage(input_tokens=9, output_tokens=4, cached_tokens=3)
    with ModelServer([Says(text="Hello.", usage=used)]) as server, to_anthropic(server) as client:
        answer = ask_claude(client, system="Be brief.")
        [request] = server.requests
    assert answer.content[0].text == "Hello."
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (6, 3)
    assert (request.api, request.key) == ("messages", "k-2")
    assert request.texts == ["Be brief.", "What now?"]


def test_messages_stream_thoughts_text_and_tools() -> None:
    call = ToolCall(name="read", arguments={"path": "a.py"})
    script = [Says(reasoning="Hm.", text=LONG, tools=(call,))]
    with (
        ModelServer(script) as server,
        to_anthropic(server) as client,
        client.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream,
    ):
        texts = list(stream.text_stream)
        answer = stream.get_final_message()
    assert "".join(texts) == LONG
    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use"]
    assert answer.content[2].input == {"path": "a.py"}
    assert answer.stop_reason == "tool_use"
    assert answer.usage.output_tokens > 1


def test_tokens_are_counted_and_models_listed_without_the_script() -> None:
    with (
        ModelServer([], models=("a", "b")) as server,
        to_anthropic(server) as claude,
        to_openai(server) as client,
    ):
        counted = claude.messages.count_tokens(model="m", messages=ASKED)
        assert counted.input_tokens == len("What now?") // 4 + 1
        assert [model.id for model in client.models.list()] == ["a", "b"]
        assert client.models.retrieve("some/name").id == "some/name"
        assert server.requests == []
        assert [request.api for request in server.others] == ["count_tokens", "models", "models"]


# --- Google --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_streaming", [True, False])
def test_gemini_is_answered(is_streaming: bool) -> None:
    verb = "streamGenerateContent?alt=sse&key=k-3" if is_streaming else "generateContent?key=k-3"
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    call = ToolCall(name="read", arguments={"path": "a"})
    with ModelServer([Says(text="Hello.", tools=(call,))]) as server:
        status, said = post(server, f"/v1beta/models/g-1:{verb}", json.dumps(body).encode())
        [request] = server.requests
    assert status == 200
    assert (request.model, request.key, request.prompt) == ("g-1", "k-3", "Hi")
    events = said.decode().split("\n\n")[:-1] if is_streaming else [said.decode()]
    answers = [json.loads(event.removeprefix("data: ")) for event in events]
    parts = [p for answer in answers for p in answer["candidates"][0]["content"]["parts"]]
    assert parts == [{"text": "Hello."}, {"functionCall": {"name": "read", "args": {"path": "a"}}}]
    assert answers[-1]["candidates"][0]["finishReason"] == "STOP"


# --- what goes wrong -----------------------------------------------------------------------------


def test_errors_are_those_that_the_clients_know() -> None:
    script = [unauthorised(), rate_limited("2"), refuses_parameter("temperature")]
    with ModelServer(script) as server, to_openai(server) as client:
        with pytest.raises(openai.AuthenticationError):
            ask_chat(client)
        with pytest.raises(openai.RateLimitError) as limited:
            ask_chat(client)
        with pytest.raises(openai.BadRequestError) as refused:
            ask_chat(client)
    assert limited.value.response.headers["retry-after"] == "2"
    assert refused.value.param == "temperature"
    with (
        ModelServer([overloaded()]) as server,
        to_anthropic(server) as client,
        pytest.raises(anthropic.APIStatusError, match="Overloaded") as over,
    ):
        ask_claude(client)
    assert over.value.status_code == 529


def test_a_client_that_tries_again_gets_the_next_answer() -> None:
    with ModelServer([rate_limited(), "Better."]) as server:
        with to_openai(server).with_options(max_retries=1) as client:
            assert ask_chat(client).choices[0].message.content == "Better."
        assert [request.index for request in server.requests] == [0, 1]


@pytest.mark.parametrize("ending", ["dropped", "garbled", "failing"])
@pytest.mark.parametrize("ask", [ask_chat, ask_claude])
def test_a_stream_may_break(ending: Any, ask: Any) -> None:
    answer = Says(text=LONG, ending=ending, ends_after_chunks=3)
    connect = to_openai if ask is ask_chat else to_anthropic
    with ModelServer([answer]) as server, connect(server) as client:
        stream = ask(client, stream=True)
        seen, problem = _drain(stream)
    assert seen >= 1
    assert problem is not None


def _drain(stream: Any) -> tuple[int, Exception | None]:
    """How many events came, and what stopped them: the clients pass on what their parts raise."""
    seen = 0
    events = iter(stream)
    while True:
        try:
            next(events)
        except StopIteration:
            return seen, None
        except Exception as error:  # noqa: BLE001 - any kind of it
            return seen, error
        seen += 1


@pytest.mark.parametrize("answer", [Hangs(), Says(text=LONG, ending="hanging")])
def test_a_peer_that_hangs_does_so_until_the_server_is_closed(answer: Any) -> None:
    with (
        ModelServer([answer]) as server,
        to_openai(server, timeout=0.2) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        ask_chat(client)


@pytest.mark.parametrize("answer", [Says(text=LONG, ending="dropped"), Sends(body=b"\xff<html>")])
def test_what_is_not_streamed_may_break_as_well(answer: Any) -> None:
    with (
        ModelServer([answer]) as server,
        to_openai(server) as client,
        pytest.raises((openai.APIError, ValueError)),
    ):
        ask_chat(client)


def test_a_slow_answer_is_cut_short_by_the_end_of_the_server() -> None:
    with (
        ModelServer([Says(text=LONG, pause_seconds=3600)]) as server,
        to_openai(server, timeout=0.2) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        list(ask_chat(client, stream=True))


def test_a_gigantic_answer_arrives_in_pieces() -> None:
    with ModelServer([gigantic(5_000_000)]) as server, to_openai(server) as client:
        sizes = [
            len(chunk.choices[0].delta.content or "") for chunk in ask_chat(client, stream=True)
        ]
    assert sum(sizes) == 5_000_000
    assert len(sizes) > 4


# --- scripts -------------------------------------------------------------------------------------


def test_a_script_may_look_at_what_it_is_asked() -> None:
    def script(request: ModelRequest) -> Says | str:
        return "I see." if request.is_after_tool else calls("read", path="a")

    with ModelServer(script) as server, to_anthropic(server) as client:
        first = ask_claude(client)
        result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "x = 1"}
        later = [
            *ASKED,
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result]},
        ]
        second = client.messages.create(model="m", max_tokens=9, messages=later)
        assert "x = 1" in server.requests[1].prompt
    assert second.content[0].text == "I see."


def test_a_script_at_its_end_says_so_in_a_way_that_is_not_tried_again() -> None:
    with ModelServer([]) as server:
        client = to_openai(server).with_options(max_retries=2)
        with client, pytest.raises(openai.BadRequestError, match="has only 0 answers"):
            ask_chat(client)
        assert len(server.requests) == 1


def test_what_a_script_raises_reaches_the_test() -> None:
    def script(request: ModelRequest) -> str:
        raise ValueError("not like this")

    server = ModelServer(script).__enter__()
    with to_openai(server) as client, pytest.raises(openai.APIConnectionError):
        ask_chat(client)
    with pytest.raises(ValueError, match="not like this"):
        server.__exit__(None, None, None)


def test_odd_requests_are_noted_and_hurt_nobody() -> None:
    def in_chunks() -> Iterator[bytes]:
        yield b'{"model": '
        yield b'"m"}'

    deep = b"[" * 100_000
    with ModelServer(["x"] * 4) as server:
        assert post(server, "/nowhere", b"\xff")[0] == 404
        assert post(server, "/v1/chat/completions", deep)[0] == 200
        assert post(server, "/v1/chat/completions", b"[1]")[0] == 200
        packed = gzip.compress(b'{"model": "z"}')
        post(server, "/v1/chat/completions", packed, **{"Content-Encoding": "gzip"})
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        connection.request("POST", "/v1/messages", in_chunks(), encode_chunked=True)
        connection.close()
        with to_openai(server) as client, pytest.raises(openai.BadRequestError):
            ask_chat(client)
        assert [request.model for request in server.requests[:3]] == ["", "", "z"]
        assert [request.api for request in server.others] == ["unknown"]
        assert server.requests[0].key is None
