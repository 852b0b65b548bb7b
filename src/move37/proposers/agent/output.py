"""What a coding agent prints while it works, read into one form whoever it is: its last message, turns,
tokens and dollars. Lines that mean nothing are passed over; nothing here raises for what is printed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

Format = Literal["text", "claude", "codex", "opencode", "gemini", "pi"]

_LONGEST_LINE: Final = 4 * 1024 * 1024
_MOST_TEXT: Final = 200_000

Event = Mapping[str, Any]


@dataclass(slots=True)
class Heard:
    """What is known of a run so far."""

    message: str = ""
    """The latest thing that it said; at the end, its final message."""
    turns: int = 0
    usd: float | None = None
    """`None`: it does not tell."""
    tokens_in: int = 0
    tokens_out: int = 0
    error: str = ""
    """What it complained of, if anything; empty when it recovered."""
    parts: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Tokens by message, where a message is told of more than once."""


class Listener:
    """Takes what a client prints, in pieces of any size."""

    def __init__(self, format: Format) -> None:
        self.heard = Heard()
        self._format: Format = format
        self._rest = bytearray()
        self._is_skipping = False

    def hear(self, data: bytes) -> None:
        if self._format == "text":
            self._rest += data
            del self._rest[:-_MOST_TEXT]
            return
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._rest += line[: _LONGEST_LINE + 1]
            self._read_line()
        if len(self._rest) <= _LONGEST_LINE:
            self._rest += rest
        else:
            self._is_skipping = True

    def close(self) -> Heard:
        """No more will come."""
        if self._format == "text":
            self.heard.message = self._rest.decode(errors="replace").strip()
        else:
            self._read_line()
        return self.heard

    def _read_line(self) -> None:
        line, self._rest = bytes(self._rest), bytearray()
        is_whole, self._is_skipping = not self._is_skipping, False
        if not is_whole or len(line) > _LONGEST_LINE or not line.lstrip().startswith(b"{"):
            return
        try:
            event: object = json.loads(line)
            if isinstance(event, dict):
                _READERS[self._format](self.heard, cast("dict[str, Any]", event))
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return  # a later version may print what we do not know


# --- one reader for each format ------------------------------------------------------------------


def _read_claude(heard: Heard, event: Event) -> None:
    match event.get("type"):
        case "assistant":
            message = _table(event["message"])
            usage = _table(message.get("usage"))
            heard.parts[str(message.get("id"))] = (
                _sum(
                    usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"
                ),
                _sum(usage, "output_tokens"),
            )
            heard.turns = len(heard.parts)
            heard.tokens_in = sum(part for part, _ in heard.parts.values())
            heard.tokens_out = sum(part for _, part in heard.parts.values())
            _say(heard, _texts(message.get("content")))
        case "result":
            usage = _table(event.get("usage"))
            heard.tokens_in = _sum(
                usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"
            )
            heard.tokens_out = _sum(usage, "output_tokens")
            heard.turns = int(event.get("num_turns", heard.turns))
            heard.usd = _number(event.get("total_cost_usd"))
            _say(heard, str(event.get("result") or ""))
            subtype = str(event.get("subtype", ""))
            if event.get("is_error") or subtype.startswith("error"):
                heard.error = str(event.get("result") or subtype)
        case _:
            pass


def _read_codex(heard: Heard, event: Event) -> None:
    match event.get("type"):
        case "item.completed":
            item = _table(event["item"])
            if item.get("type") == "agent_message":
                _say(heard, str(item["text"]))
            heard.turns += item.get("type") not in ("error", "reasoning", "todo_list")
        case "turn.completed":
            usage = _table(event["usage"])
            heard.tokens_in += _sum(usage, "input_tokens")
            heard.tokens_out += _sum(usage, "output_tokens")
            heard.error = ""
        case "turn.failed":
            heard.error = str(_table(event["error"])["message"])
        case "error":
            heard.error = str(event["message"])
        case _:
            pass


def _read_opencode(heard: Heard, event: Event) -> None:
    part = _table(event.get("part"))
    match event.get("type"):
        case "text":
            _say(heard, str(part["text"]))
        case "step_finish":
            tokens = _table(part["tokens"])
            cache = _table(tokens.get("cache"))
            heard.turns += 1
            heard.tokens_in += _sum(tokens, "input") + _sum(cache, "read", "write")
            heard.tokens_out += _sum(tokens, "output", "reasoning")
            heard.usd = (heard.usd or 0.0) + (_number(part.get("cost")) or 0.0)
            heard.error = ""
        case "error":
            error = _table(event["error"])
            heard.error = str(_table(error.get("data")).get("message") or error.get("name"))
        case _:
            pass


def _read_gemini(heard: Heard, event: Event) -> None:
    match event.get("type"):
        case "message" if event.get("role") == "assistant":
            text = str(event["content"])
            # Its message comes in pieces; the first one after a tool was used begins a new message.
            is_more = event.get("delta") and heard.parts.get("open")
            _say(heard, heard.message + text if is_more else text)
            heard.parts["open"] = (1, 1)
        case "tool_use":
            heard.turns += 1
            heard.parts.pop("open", None)
        case "error" if event.get("severity", "error") == "error":
            heard.error = str(event["message"])
        case "result":
            stats = _table(event.get("stats"))
            heard.tokens_in = _sum(stats, "input_tokens")
            heard.tokens_out = _sum(stats, "output_tokens")
            heard.error = ""
            if event.get("status") == "error":
                heard.error = str(_table(event.get("error")).get("message") or "error")
        case _:
            pass


def _read_pi(heard: Heard, event: Event) -> None:
    message = _table(event.get("message"))
    if event.get("type") != "message_end" or message.get("role") != "assistant":
        return
    usage = _table(message.get("usage"))
    heard.turns += 1
    heard.tokens_in += _sum(usage, "input", "cacheRead", "cacheWrite")
    heard.tokens_out += _sum(usage, "output")
    heard.usd = (heard.usd or 0.0) + (_number(_table(usage.get("cost")).get("total")) or 0.0)
    heard.error = ""
    if message.get("stopReason") == "error":
        heard.error = str(message.get("errorMessage") or "error")
    _say(heard, _texts(message.get("content")))


_READERS: Final[Mapping[str, Callable[[Heard, Event], None]]] = {
    "claude": _read_claude,
    "codex": _read_codex,
    "opencode": _read_opencode,
    "gemini": _read_gemini,
    "pi": _read_pi,
}


def _say(heard: Heard, text: str) -> None:
    if text.strip():
        heard.message = text[-_MOST_TEXT:]


def _texts(content: object) -> str:
    if not isinstance(content, list):
        return ""
    blocks = [_table(each) for each in cast("list[object]", content)]
    return "\n".join(str(each["text"]) for each in blocks if each.get("type") == "text")


def _table(value: object) -> Event:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _sum(usage: Mapping[str, Any], *names: str) -> int:
    return sum(int(_number(usage.get(name)) or 0) for name in names)


def _number(value: object) -> float | None:
    """A number that can be counted with: finite, and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e12 else None
