"""What the small model is asked and what it answers: text in, pieces of text out. No network."""

import codecs
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from move37.testing.small_network import Memory, Network, build_network, generate
from move37.testing.small_tokens import Tokens

_REFUSED = ("tools", "functions", "response_format", "logprobs")
"""Parameters whose promise could not be kept."""


class Unanswerable(ValueError):
    """The request cannot be answered; the message is for who sent it."""

    def __init__(self, message: str, *, parameter: str, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.parameter = parameter
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request for a chat completion, read and checked."""

    messages: tuple[tuple[str, str], ...]
    """Roles and texts."""
    most_tokens: int
    temperature: float
    top_p: float
    seed: int
    stops: tuple[str, ...]
    is_streamed: bool
    counts: bool
    """Whether a stream ends with what it cost."""


@dataclass(kw_only=True, slots=True)
class Told:
    """What is known of an answer when its last piece has been told."""

    prompt_tokens: int
    tokens: int = 0
    finish: Literal["stop", "length"] = "length"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """All that it takes to talk."""

    network: Network
    tokens: Tokens
    memory: Memory = field(repr=False)


def load_model(path: Path, *, window: int) -> Model:
    """From a GGUF file of a model of the llama family with a tokenizer of GPT-2's kind."""
    import gguf
    import numpy as np

    reader: Any = gguf.GGUFReader(str(path))
    fields = {name: field.contents() for name, field in reader.fields.items()}
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def values(name: str) -> Any:
        """A copy, so that the file can be closed."""
        found = tensors[name]
        plain: Any = gguf.dequantize(found.data, found.tensor_type)
        return np.array(plain, np.float32, order="C")

    network = build_network(values, fields)
    window = min(window, int(fields["llama.context_length"]))
    return Model(network=network, tokens=Tokens(fields), memory=Memory(network, window))


def parse_request(body: Mapping[str, Any]) -> Asked:
    """Raises `Unanswerable`, naming the parameter."""
    for name in _REFUSED:
        if body.get(name):
            raise Unanswerable(f"{name!r} is not supported by this model", parameter=name)
    if body.get("n", 1) != 1:
        raise Unanswerable("only n = 1 is supported", parameter="n")
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    seed, stop = body.get("seed"), body.get("stop")
    options = body.get("stream_options")
    counts = isinstance(options, dict) and bool(
        cast("Mapping[str, Any]", options).get("include_usage")
    )
    return Asked(
        messages=_messages(body.get("messages")),
        most_tokens=512 if limit is None else int(_number("max_tokens", limit, least=1, most=1e6)),
        temperature=_number("temperature", body.get("temperature"), least=0, most=2, default=0.7),
        top_p=_number("top_p", body.get("top_p"), least=0, most=1, default=1.0),
        seed=int(_number("seed", seed, least=0, most=2**63, default=0)),
        stops=_stops(stop),
        is_streamed=body.get("stream") is True,
        counts=counts,
    )


def _number(name: str, value: object, *, least: float, most: float, default: float = 0.0) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Unanswerable(f"{name} must be a number from {least} to {most}", parameter=name)
    return value


def _stops(stop: object) -> tuple[str, ...]:
    found: object = [stop] if isinstance(stop, str) else stop or []
    if isinstance(found, list):
        listed = cast("list[object]", found)
        texts = tuple(text for text in listed if isinstance(text, str) and text)
        if len(texts) == len(listed):
            return texts
    raise Unanswerable("stop must be a text, or a list of texts", parameter="stop")


def _messages(messages: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(messages, list) or not messages:
        raise Unanswerable("messages must be a list of messages", parameter="messages")
    return tuple(map(_message, cast("list[object]", messages)))


def _message(message: object) -> tuple[str, str]:
    if isinstance(message, dict):
        said = cast("Mapping[str, object]", message)
        role, content = said.get("role"), said.get("content")
        if isinstance(content, list):
            parts = [
                cast("Mapping[str, object]", part).get("text")
                for part in cast("list[object]", content)
                if isinstance(part, dict)
            ]
            content = "\n".join(part for part in parts if isinstance(part, str))
        if role in ("system", "developer", "user", "assistant") and isinstance(content, str):
            return ("system" if role == "developer" else str(role), content)
    raise Unanswerable("each message must have a role and a text", parameter="messages")


def answer(model: Model, asked: Asked) -> tuple[Told, Generator[str]]:
    """The pieces of the answer, and what is known of it once they have all been taken.

    Raises `Unanswerable` when the prompt leaves no room in the window.
    """
    prompt = model.tokens.chat(asked.messages)
    window = model.memory.window
    if len(prompt) >= window:
        raise Unanswerable(
            f"This model's maximum context length is {window} tokens; "
            f"your messages have {len(prompt)}",
            parameter="messages",
            code="context_length_exceeded",
        )
    told = Told(prompt_tokens=len(prompt))
    return told, _until_stop(_texts(model, asked, prompt, told), asked.stops, told)


def _texts(model: Model, asked: Asked, prompt: Sequence[int], told: Told) -> Generator[str]:
    """The text of each token; a character that takes several comes with the last of them."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    found = generate(
        model.network,
        model.memory,
        prompt,
        temperature=asked.temperature,
        top_p=asked.top_p,
        seed=asked.seed,
    )
    with closing(found):
        for token in found:
            if token == model.tokens.end:
                told.finish = "stop"
                break
            told.tokens += 1
            yield decoder.decode(model.tokens.decode([token]))
            if told.tokens == asked.most_tokens:
                break
    yield decoder.decode(b"", final=True)


def _until_stop(texts: Generator[str], stops: Sequence[str], told: Told) -> Generator[str]:
    """Up to the first stop text; what might be the beginning of one is held back."""
    held = ""
    with closing(texts):
        for text in texts:
            held += text
            ends = [at for stop in stops if (at := held.find(stop)) >= 0]
            if ends:
                told.finish = "stop"
                yield held[: min(ends)]
                return
            safe = len(held) - max((_overlap(held, stop) for stop in stops), default=0)
            yield held[:safe]  # empty or not: between two of them, one may ask for an end
            held = held[safe:]
    yield held


def _overlap(text: str, stop: str) -> int:
    """How much of the end of the text is the beginning of the stop."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
