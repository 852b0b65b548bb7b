"""OpenAI's chat completions, as spoken by OpenAI and by every local server, through the official client."""

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


class OpenAiApi:
    """Implements `move37.proposers.llm.models.Api`."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float) -> None:
        import openai

        self._sdk: Any = openai
        self._name = endpoint.name
        self._key = endpoint.key
        # OpenAI's newer models know the new name alone, older servers the old one alone; a server that
        # ignores the name it does not know would never stop.
        self._names = ("max_completion_tokens", "max_tokens")
        if not endpoint.is_usual:
            self._names = self._names[::-1]
        self._client: Any = openai.OpenAI(
            api_key=endpoint.key or "none",
            base_url=endpoint.base_url,
            max_retries=0,
            timeout=patience(openai, timeout_seconds),
            http_client=http_client(openai, endpoint.base_url),
        )
        if endpoint.provider == "local":
            # What the environment says of an account is none of another server's business.
            self._client.organization = self._client.project = None

    @contextmanager
    def send(
        self, messages: Sequence[Message], wish: Wish
    ) -> Generator[tuple[Mapping[str, str], Iterator[bytes]], None, None]:
        more: dict[str, Any] = {self._names["max_tokens" in wish.without]: wish.max_tokens}
        if "stream_options" not in wish.without:
            more["stream_options"] = {"include_usage": True}
        if wish.temperature is not None and "temperature" not in wish.without:
            more["temperature"] = wish.temperature
        if "system" in wish.without:
            messages = _without_system(messages)
        with (
            translated(self._sdk, self._key),
            self._client.chat.completions.with_streaming_response.create(
                model=self._name,
                messages=[dict(each) for each in messages],
                stream=True,
                extra_body=more,
            ) as response,
        ):
            yield response.headers, response.iter_bytes()

    def take(self, said: Mapping[str, Any], heard: Heard) -> None:
        if said.get("error"):
            raise refusal(said)
        if isinstance(said.get("model"), str):
            heard.model = said["model"]
        _count(said.get("usage"), heard)
        choices = said.get("choices")
        listed = cast("list[object]", choices if isinstance(choices, list) else [])
        choice = next(iter(listed), None)
        if not isinstance(choice, Mapping):
            return
        chosen = cast("Mapping[str, Any]", choice)
        if isinstance(chosen.get("finish_reason"), str):
            heard.finish = chosen["finish_reason"]
        spoken: object = chosen.get("delta") or chosen.get("message")
        if isinstance(spoken, Mapping):
            _hear(cast("Mapping[str, Any]", spoken), heard)

    def close(self) -> None:
        self._client.close()


def _hear(spoken: Mapping[str, Any], heard: Heard) -> None:
    content = spoken.get("content")
    if isinstance(content, list):
        for part in cast("list[object]", content):
            if isinstance(part, Mapping):
                heard.add(cast("Mapping[str, Any]", part).get("text"))
    else:
        heard.add(content)
    heard.think(spoken.get("reasoning_content") or spoken.get("reasoning"))


def _count(usage: object, heard: Heard) -> None:
    if not isinstance(usage, Mapping):
        return
    told = cast("Mapping[str, Any]", usage)
    sent, written = told.get("prompt_tokens"), told.get("completion_tokens")
    if isinstance(sent, int) and isinstance(written, int) and sent >= 0 and written >= 0:
        total = told.get("total_tokens")
        # Some servers count reasoning in the total alone.
        hidden = total - sent if isinstance(total, int) else 0
        heard.tokens_in, heard.tokens_out = sent, max(written, hidden)


def _without_system(messages: Sequence[Message]) -> Sequence[Message]:
    """The first words as part of the first question, for models that know no others."""
    if len(messages) < 2 or messages[0]["role"] != "system":
        return messages
    system, first, *rest = messages
    joined = {"role": first["role"], "content": f"{system['content']}\n\n{first['content']}"}
    return [joined, *rest]
