"""What a scripted model answers, and what it was asked: the words in which `ModelServer` is told.

Any API that the server speaks is told the same way: `Says` is a good answer, or one that breaks off
in the way its `ending` names; `Refuses` is an HTTP error; `Sends` is whatever bytes you like; `Hangs`
is no answer at all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Api = Literal["chat", "responses", "messages", "gemini", "count_tokens", "models", "unknown"]
"""OpenAI's two, Anthropic's, Google's, and what is asked beside them."""

Ending = Literal["whole", "dropped", "garbled", "failing", "hanging"]
"""How an answer ends: as it should; the connection is cut; a piece is no JSON; the server reports an
error in the middle; nothing more comes until the server is closed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """One request, as it came."""

    index: int
    """Of those that a script answers, from 0; -1 for all others."""
    api: Api
    method: str
    path: str
    """With the query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    key: str | None
    """The API key that came with it, wherever this API puts it; `None` when there was none."""
    body: Mapping[str, Any]
    """Empty when it was no JSON object."""
    raw: bytes

    @property
    def model(self) -> str:
        if self.api == "gemini":
            return self.path.partition("/models/")[2].partition(":")[0]
        return str(self.body.get("model", ""))

    @property
    def is_streaming(self) -> bool:
        return self.body.get("stream") is True or ":streamGenerateContent" in self.path

    @property
    def texts(self) -> Sequence[str]:
        """All that was said so far, by whomever, in order; results of tools among it."""
        said = (
            "system",
            "instructions",
            "systemInstruction",
            "system_instruction",
            "messages",
            "input",
            "contents",
        )
        return [text for name in said for text in _texts(self.body.get(name))]

    @property
    def prompt(self) -> str:
        return "\n".join(self.texts)

    @property
    def tools(self) -> Sequence[str]:
        """Names of the tools that the model may call."""
        return list(_tool_names(self.body.get("tools")))

    @property
    def is_after_tool(self) -> bool:
        """Whether what came last is the result of a tool."""
        names = ("messages", "input", "contents")
        said: object = next((self.body[name] for name in names if name in self.body), None)
        if not isinstance(said, list) or not said:
            return False
        last = str(cast("list[object]", said)[-1])
        marks = ("'tool_result'", "'role': 'tool'", "call_output'", "'functionResponse'")
        return any(mark in last for mark in marks)


def _texts(said: object) -> Iterator[str]:
    match said:
        case str():
            yield said
        case list():
            for part in cast("list[object]", said):
                yield from _texts(part)
        case dict():
            inner = cast("dict[str, object]", said)
            for name in ("content", "text", "parts", "output", "functionResponse", "response"):
                yield from _texts(inner.get(name))
        case _:
            pass


def _tool_names(tools: object) -> Iterator[str]:
    if not isinstance(tools, list):
        return
    for tool in cast("list[object]", tools):
        if isinstance(tool, dict):
            declared = cast("dict[str, Any]", tool)
            yield from _tool_names(declared.get("functionDeclarations"))
            named: object = declared.get("function", declared)
            if isinstance(named, dict) and "name" in named:
                yield str(cast("dict[str, Any]", named)["name"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens that an answer is said to have cost."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    """Of the input: read from the provider's cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """The model wants a tool to be used."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict[str, Any])
    """A text is sent as it is: broken JSON, or the input of a tool that takes no JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Says:
    """An answer."""

    text: str = ""
    tools: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    """Thoughts, said before the text where the API has room for them."""
    is_truncated: bool = False
    """It ends because the limit of tokens is reached."""
    reports_usage: bool = True
    usage: Usage | None = None
    """`None`: counted, a token for every four characters."""
    chunk_characters: int = 40
    """In one piece of a stream."""
    pause_seconds: float = 0.0
    """Before each piece."""
    ending: Ending = "whole"
    ends_after_chunks: int = 1
    """Pieces that arrive before an ending that is not `whole`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refuses:
    """An HTTP error in the words of the API."""

    status: int
    message: str
    type: str = "invalid_request_error"
    parameter: str | None = None
    retry_after: str | None = None
    """The header: seconds, or a date."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sends:
    """Any bytes at all."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hangs:
    """The request is taken, and nothing comes until the server is closed."""


ModelAnswer = Says | Refuses | Sends | Hangs

Script = Sequence[ModelAnswer | str] | Callable[[ModelRequest], ModelAnswer | str]
"""Answers in order, the same for every client; or what to answer to what. A text is `Says`."""


def says(text: str) -> Says:
    return Says(text=text)


def calls(name: str, /, **arguments: Any) -> Says:
    """One call of a tool."""
    return Says(tools=(ToolCall(name=name, arguments=arguments),))


def truncated(text: str) -> Says:
    return Says(text=text, is_truncated=True)


def rate_limited(retry_after: str | None = "0") -> Refuses:
    return Refuses(
        status=429,
        message="Rate limit reached for requests",
        type="rate_limit_error",
        retry_after=retry_after,
    )


def overloaded() -> Refuses:
    return Refuses(status=529, message="Overloaded", type="overloaded_error")


def broken_down() -> Refuses:
    return Refuses(status=500, message="Internal server error", type="api_error")


def unauthorised() -> Refuses:
    return Refuses(status=401, message="Incorrect API key provided", type="authentication_error")


def out_of_quota() -> Refuses:
    """Looks like a rate limit and will not pass by waiting."""
    return Refuses(status=429, message="You exceeded your current quota", type="insufficient_quota")


def too_long(window_tokens: int) -> Refuses:
    """The prompt does not fit into the model's window."""
    return Refuses(
        status=400,
        message=f"This model's maximum context length is {window_tokens} tokens",
        type="context_length_exceeded",
        parameter="messages",
    )


def refuses_parameter(name: str) -> Refuses:
    return Refuses(
        status=400,
        message=f"Unsupported parameter: '{name}' is not supported with this model.",
        type="unsupported_parameter",
        parameter=name,
    )


def gigantic(characters: int = 50_000_000) -> Says:
    """An answer that never seems to end, in large pieces."""
    return Says(text="spam " * (characters // 5), chunk_characters=1_000_000)
