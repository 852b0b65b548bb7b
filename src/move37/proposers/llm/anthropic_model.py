"""Anthropic's messages, through the official client."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from move37.proposers.llm.models import (
    Heard,
    Message,
    Wish,
    http_client,
    patience,
    translated,
)
from move37.proposers.llm.refusals import refusal
from move37.proposers.llm.settings import Endpoint


class AnthropicApi:
    """Implements `move37.proposers.llm.models.Api`."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float) -> None:
        import anthropic

        self._sdk: Any = anthropic
        self._name = endpoint.name
        self._key = endpoint.key
        self._client: Any = anthropic.Anthropic(
            api_key=endpoint.key,
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=patience(anthropic, timeout_seconds),
            http_client=http_client(anthropic, endpoint.base_url),
        )

    @contextmanager
    def send(
        self, messages: Sequence[Message], wish: Wish
    ) -> Generator[tuple[Mapping[str, str], Iterator[bytes]], None, None]:
        system = [each["content"] for each in messages if each["role"] == "system"]
        more: dict[str, Any] = {}
        if system:
            more["system"] = "\n\n".join(system)
        if wish.temperature is not None and "temperature" not in wish.without:
            more["temperature"] = min(wish.temperature, 1.0)
        with (
            translated(self._sdk, self._key),
            self._client.messages.with_streaming_response.create(
                model=self._name,
                messages=[dict(each) for each in messages if each["role"] != "system"],
                max_tokens=wish.max_tokens,
                stream=True,
                extra_body=more,
            ) as response,
        ):
            yield response.headers, response.iter_bytes()

    def take(self, said: Mapping[str, Any], heard: Heard) -> None:
        match said.get("type"):
            case "error":
                raise refusal(said)
            case "message_start":
                self.take(_inner(said, "message"), heard)
            case "message":  # the beginning of one, or a whole one
                heard.model = str(said.get("model") or "")
                _count(said, heard)
                blocks = said.get("content")
                for block in cast("list[object]", blocks if isinstance(blocks, list) else []):
                    _hear(block, heard)
                _end(said, heard)
            case "content_block_start":
                _hear(said.get("content_block"), heard)
            case "content_block_delta":
                _hear(said.get("delta"), heard)
            case "message_delta":
                _count(said, heard)
                _end(_inner(said, "delta"), heard)
            case "message_stop":
                heard.done = True
            case _:
                if said.get("error"):
                    raise refusal(said)

    def close(self) -> None:
        self._client.close()


def _inner(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = said.get(name)
    return cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else {}


def _hear(block: object, heard: Heard) -> None:
    if isinstance(block, Mapping):
        said = cast("Mapping[str, Any]", block)
        heard.add(said.get("text"))
        heard.think(said.get("thinking"))


def _end(said: Mapping[str, Any], heard: Heard) -> None:
    if isinstance(said.get("stop_reason"), str):
        heard.finish = said["stop_reason"]


def _count(said: Mapping[str, Any], heard: Heard) -> None:
    """Usage is told at the beginning and again at the end, each time in all."""
    usage = _inner(said, "usage")
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    parts = [usage.get(name) for name in names]
    if isinstance(parts[0], int):
        heard.tokens_in = sum(part for part in parts if isinstance(part, int) and part > 0)
    written = usage.get("output_tokens")
    if isinstance(written, int) and written >= 0:
        heard.tokens_out = written
