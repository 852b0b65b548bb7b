"""One question to a model, with all that servers and networks do."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from move37.proposers.llm.calling import CUT_OFF, CUT_SHORT, REFUSED, TOO_LONG, Call, Caller, Clock
from move37.proposers.llm.models import Message, Wish, scrub
from move37.proposers.llm.refusals import wait_seconds
from move37.proposers.llm.settings import LlmSettings, resolve
from move37.proposers.llm.sse import events
from move37.testing.model_script import (
    Hangs,
    ModelAnswer,
    Refuses,
    Says,
    Sends,
    Usage,
    broken_down,
    gigantic,
    out_of_quota,
    overloaded,
    rate_limited,
    refuses_parameter,
    too_long,
    truncated,
    unauthorised,
)
from move37.testing.model_server import ModelServer

KEY = "sk-secret-0123456789"
MESSAGES: Sequence[Message] = (
    {"role": "system", "content": "You help."},
    {"role": "user", "content": "Help me."},
)
NEVER = Clock(chance=lambda: 0.0)
"""Nobody waits longer than he is told to."""


def ask(
    server: ModelServer,
    kind: str,
    *,
    stop: Callable[[], bool] = lambda: False,
    timeout: float = 30.0,
    patience: float = 30.0,
    temperature: float | None = 0.5,
    times: int = 1,
) -> Call:
    """What the last of so many questions brings."""
    options: dict[str, object] = {"model": f"local:{server.openai_url}#m"}
    if kind != "local":
        url = server.url if kind == "anthropic" else server.openai_url
        options = {"model": f"{kind}:m", "base_url": url}
    keys = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    endpoint = resolve(LlmSettings.parse(options), keys, usd=None)
    caller = Caller(endpoint, timeout_seconds=timeout, patience_seconds=patience, clock=NEVER)
    wish = Wish(max_tokens=100, temperature=temperature)
    calls = [caller.call(MESSAGES, wish, stop) for _ in range(times)]
    return calls[-1]


each_kind = pytest.mark.parametrize("kind", ["openai", "anthropic", "local"])


@each_kind
def test_an_answer_is_heard_with_what_it_cost(kind: str) -> None:
    said = Says(text="Here you are.", usage=Usage(input_tokens=70, output_tokens=30))
    with ModelServer([said]) as server:
        call = ask(server, kind)
    assert call.heard.text == "Here you are."
    assert (call.heard.tokens_in, call.heard.tokens_out) == (70, 30)
    assert not call.failed
    assert not call.cut
    assert server.requests[0].is_streaming
    assert server.requests[0].texts == ["You help.", "Help me."]


@each_kind
def test_what_the_cache_gave_counts_as_read(kind: str) -> None:
    usage = Usage(input_tokens=70, output_tokens=30, cached_tokens=50)
    with ModelServer([Says(text="yes", usage=usage)]) as server:
        assert ask(server, kind).heard.tokens_in == 70


@each_kind
@pytest.mark.parametrize("first", [rate_limited("0.05"), rate_limited(None), overloaded()])
def test_a_busy_model_is_waited_for(kind: str, first: ModelAnswer) -> None:
    with ModelServer([first, first, "at last"]) as server:
        call = ask(server, kind)
    assert call.heard.text == "at last"
    assert call.attempts == 3


def test_patience_ends() -> None:
    with ModelServer([rate_limited("3600")]) as server:
        call = ask(server, "openai", patience=5.0)
    assert "has no time for us" in call.failed
    assert not call.began


def test_who_waits_can_be_stopped() -> None:
    stopped = threading.Event()
    with ModelServer([rate_limited("3600")]) as server:
        threading.Timer(0.3, stopped.set).start()
        call = ask(server, "openai", stop=stopped.is_set, patience=1e6)
    assert call.failed == "stopped"


@each_kind
def test_who_hears_nothing_can_be_stopped(kind: str) -> None:
    stopped = threading.Event()
    with ModelServer([Hangs()]) as server:
        threading.Timer(0.3, stopped.set).start()
        assert ask(server, kind, stop=stopped.is_set).failed == "stopped"


@each_kind
def test_a_server_that_breaks_down_is_asked_again_but_not_for_ever(kind: str) -> None:
    with ModelServer([broken_down(), broken_down(), "well"]) as server:
        assert ask(server, kind).heard.text == "well"
    with ModelServer([broken_down()] * 20) as server:
        call = ask(server, kind)
    assert "failed 6 times, at last: HTTP 500" in call.failed


def test_where_no_server_is_the_failure_says_so() -> None:
    with ModelServer([]) as server:
        pass
    call = ask(server, "local")
    assert "failed 6 times" in call.failed
    assert "refused" in call.failed.lower()


@each_kind
@pytest.mark.parametrize("answer", [unauthorised(), out_of_quota()])
def test_what_no_waiting_mends_is_not_waited_for(kind: str, answer: ModelAnswer) -> None:
    with ModelServer([answer]) as server:
        call = ask(server, kind)
    assert call.failed.startswith(REFUSED)
    assert call.attempts == 1


@each_kind
def test_a_question_that_is_too_long_is_known_as_one(kind: str) -> None:
    with ModelServer([too_long(4096)]) as server:
        assert ask(server, kind).failed.startswith(TOO_LONG)


def test_what_a_server_does_not_take_is_left_out_from_then_on() -> None:
    script = [
        *(refuses_parameter("temperature"), refuses_parameter("max_tokens")),
        *(refuses_parameter("stream_options"), "first", "second"),
    ]
    with ModelServer(script) as server:
        assert ask(server, "openai", times=2).heard.text == "second"
    *_, first, second = (request.body for request in server.requests)
    assert first == second
    assert first["max_completion_tokens"] == 100
    assert not {"max_tokens", "temperature", "stream_options"} & first.keys()


def test_a_model_that_knows_no_system_is_told_all_in_the_first_question() -> None:
    refusal = Refuses(status=400, message="System role not supported")
    with ModelServer([refusal, "fine"]) as server:
        assert ask(server, "local").heard.text == "fine"
    assert server.requests[1].body["messages"] == [
        {"role": "user", "content": "You help.\n\nHelp me."}
    ]


def test_a_refusal_that_names_nothing_is_met_with_the_least_that_can_be_asked() -> None:
    with ModelServer([Refuses(status=422, message="Unprocessable"), "fine"]) as server:
        assert ask(server, "local").heard.text == "fine"
    assert server.requests[1].body.keys() == {"model", "messages", "stream", "max_tokens"}


@each_kind
def test_an_answer_that_reached_its_limit_is_known_as_cut(kind: str) -> None:
    with ModelServer([truncated("half of")]) as server:
        call = ask(server, kind)
    assert (call.heard.text, call.cut) == ("half of", CUT_SHORT)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("ending", ["dropped", "garbled", "failing", "hanging"])
def test_an_answer_that_was_begun_is_not_paid_for_again(kind: str, ending: str) -> None:
    said = Says(text="some words " * 20, ending=ending, ends_after_chunks=6)  # pyright: ignore[reportArgumentType]
    with ModelServer([said, "another"]) as server:
        call = ask(server, kind, timeout=2.0)
        assert len(server.requests) == 1
    assert call.cut == CUT_OFF
    assert call.began
    assert call.heard.text.startswith("some words")


def test_what_costs_nothing_is_asked_again() -> None:
    said = Says(text="some words " * 20, ending="dropped", ends_after_chunks=6)
    with ModelServer([said, "another"]) as server:
        assert ask(server, "local").heard.text == "another"


@each_kind
def test_a_model_has_only_so_much_time(kind: str) -> None:
    with ModelServer([Hangs()]) as server:
        call = ask(server, kind, timeout=1.0)
    assert "did not finish its answer within 1 s" in call.failed
    assert call.began, "nobody knows what it has cost"


@each_kind
def test_an_answer_without_end_is_not_kept(kind: str) -> None:
    with ModelServer([gigantic()]) as server:
        call = ask(server, kind)
    assert "more than an answer can be" in call.failed
    assert call.heard.size < 2_000_000


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize(
    "body",
    [
        b"<html>a login page</html>",
        b"",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b"data: {\n\ndata: 5\n\n",
        b'{"choices": [{"message": 7}], "usage": {"prompt_tokens": -1}}',
        b"\xff\xfe\x00",
    ],
)
def test_bytes_that_are_no_answer_are_a_failure(kind: str, body: bytes) -> None:
    with ModelServer([Sends(body=body)]) as server:
        call = ask(server, kind)
    assert call.failed or not call.heard.text


def test_an_answer_that_does_not_stream_is_heard_too() -> None:
    body = b'{"choices": [{"message": {"content": "all at once"}, "finish_reason": "stop"}]}'
    with ModelServer([Sends(body=body)]) as server:
        assert ask(server, "local").heard.text == "all at once"


def test_an_error_page_is_not_read_without_end() -> None:
    with ModelServer([Sends(body=b"x" * 20_000_000, status=500), "fine"]) as server:
        assert ask(server, "openai").heard.text == "fine"


@each_kind
def test_thoughts_are_counted_and_not_kept(kind: str) -> None:
    said = Says(text="so", reasoning="hm " * 50, reports_usage=False)
    with ModelServer([said]) as server:
        call = ask(server, kind)
    assert call.heard.text == "so"
    assert call.heard.thought == 150


def test_a_server_that_repeats_the_key_is_not_quoted() -> None:
    echoes = [
        Refuses(status=status, message=f"Wrong key: {KEY[:14]}***") for status in (400, 401, 418)
    ]
    for echo in echoes:
        with ModelServer([echo] * 3) as server:
            call = ask(server, "openai")
        assert call.failed
        assert KEY[:8] not in call.failed


def test_a_server_of_ones_own_is_told_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, f"{name}-secret")
    with ModelServer(["hello"]) as server:
        ask(server, "local")
    assert "secret" not in str(server.requests[0].headers)


def test_redirects_are_not_followed() -> None:
    with ModelServer(["elsewhere"]) as other, ModelServer([Sends(body=b"", status=302)]) as server:
        assert ask(server, "openai").failed
        assert not other.requests


# --- the pieces ----------------------------------------------------------------------------------

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Mon, 30 Nov 2026 12:01:00 GMT"}, 60.0),
        ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "20ms"}, 360.0),
        (
            {
                "x-ratelimit-reset-requests": "6m0s",
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-tokens": "1.5s",
                "x-ratelimit-remaining-tokens": "0",
            },
            1.5,
        ),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-30T12:00:30Z"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_says_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_seconds(headers, now=NOW) == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "x-ratelimit-reset"]), st.text()))
def test_odd_headers_are_no_trouble(headers: dict[str, str]) -> None:
    seconds = wait_seconds(headers, now=NOW)
    assert seconds is None or seconds >= 0


@given(st.text(), st.integers(0, 12), st.text())
def test_no_piece_of_a_key_is_left(before: str, skipped: int, after: str) -> None:
    shown = scrub(before + KEY[skipped:] + after, KEY)
    assert KEY[skipped:] not in shown
    assert scrub("nothing of it", KEY) == "nothing of it"


@given(st.lists(st.text(alphabet="ab c", min_size=1)), st.lists(st.integers(1, 9)))
def test_events_are_the_same_however_the_bytes_are_cut(said: list[str], cuts: list[int]) -> None:
    data = b"".join(f"event: x\r\ndata: {text}\r\n\r\n".encode() for text in said)
    chunks: list[bytes] = []
    for cut in cuts:
        chunks.append(data[:cut])
        data = data[cut:]
    assert list(events([*chunks, data])) == said
