"""How a scripted answer looks on the wire, in each API: whole, or in pieces of a stream. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from move37.testing.model_script import Api, ModelRequest, Refuses, Says, ToolCall, Usage

Json = Mapping[str, Any]

CREATED = 1_700_000_000
"""The time that all answers carry: what is said does not hang on when."""


def whole(request: ModelRequest, answer: Says) -> Json:
    """The body of an answer that is not streamed."""
    match request.api:
        case "chat":
            return _chat(request, answer)
        case "responses":
            return _response(request, answer, _items(request, answer), _status(answer))
        case "messages":
            return _message(request, answer)
        case "gemini":
            return _gemini(answer, _parts(answer), is_last=True, prompt=request.prompt)
        case _:
            raise AssertionError(f"nothing is said to {request.api}")


def pieces(request: ModelRequest, answer: Says) -> Iterator[bytes]:
    """The events of a stream; what comes before the first chunk of text is part of its piece."""
    match request.api:
        case "chat":
            yield from map(_data, _chat_chunks(request, answer))
            yield b"data: [DONE]\n\n"
        case "responses":
            for number, event in enumerate(_response_events(request, answer)):
                yield _named({**event, "sequence_number": number})
        case "messages":
            yield from map(_named, _message_events(request, answer))
        case "gemini":
            yield from map(_data, _gemini_chunks(request, answer))
        case _:
            raise AssertionError(f"nothing is said to {request.api}")


def refused(api: Api, answer: Refuses) -> Json:
    match api:
        case "messages" | "count_tokens":
            return {"type": "error", "error": {"type": answer.type, "message": answer.message}}
        case "gemini":
            said = {"code": answer.status, "message": answer.message, "status": answer.type.upper()}
            return {"error": said}
        case _:
            return {
                "error": {
                    "message": answer.message,
                    "type": answer.type,
                    "param": answer.parameter,
                    "code": answer.type,
                }
            }


def failure(api: Api) -> bytes:
    """An error that is told in the middle of a stream, after HTTP said that all is well."""
    told = Refuses(status=529, message="Overloaded", type="overloaded_error")
    error = refused(api, told)
    match api:
        case "messages":
            return _named(error)
        case "responses":
            return _named({"type": "error", "code": told.type, "message": told.message})
        case _:
            return _data(error)


def tokens(text: str) -> int:
    return len(text) // 4 + 1


# --- what the APIs have in common ----------------------------------------------------------------


def _data(event: Json) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


def _named(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _chunks(text: str, characters: int) -> Iterator[str]:
    for start in range(0, len(text), characters):
        yield text[start : start + characters]


def _usage(answer: Says, prompt: str) -> Usage:
    if answer.usage is not None:
        return answer.usage
    said = answer.text + answer.reasoning + "".join(map(_arguments, answer.tools))
    return Usage(input_tokens=tokens(prompt), output_tokens=tokens(said))


def _arguments(call: ToolCall) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def _object(call: ToolCall) -> object:
    """Arguments as an object, for an API that sends them as one; a broken text stays a text."""
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def _id(request: ModelRequest, kind: str, number: int = 0) -> str:
    return f"{kind}_{request.index:04d}{number:04d}"


# --- OpenAI: chat completions --------------------------------------------------------------------


def _chat(request: ModelRequest, answer: Says) -> Json:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tools:
        message["tool_calls"] = [_chat_call(request, n, c) for n, c in enumerate(answer.tools)]
    choice = {"index": 0, "message": message, "finish_reason": _finish(answer)}
    body = {**_chat_head(request, "chat.completion"), "choices": [choice]}
    return {**body, "usage": _chat_usage(request, answer)} if answer.reports_usage else body


def _chat_chunks(request: ModelRequest, answer: Says) -> Iterator[Json]:
    head = _chat_head(request, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> Json:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for text in _chunks(answer.reasoning, answer.chunk_characters):
        yield chunk({"reasoning_content": text})
    for text in _chunks(answer.text, answer.chunk_characters):
        yield chunk({"content": text})
    for number, call in enumerate(answer.tools):
        opened = _chat_call(request, number, ToolCall(name=call.name, arguments=""))
        yield chunk({"tool_calls": [{"index": number, **opened}]})
        for text in _chunks(_arguments(call), answer.chunk_characters):
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": text}}]})
    yield chunk({}, _finish(answer))
    options: object = request.body.get("stream_options")
    wants = isinstance(options, dict) and cast("Json", options).get("include_usage") is True
    if wants and answer.reports_usage:
        yield {**head, "choices": [], "usage": _chat_usage(request, answer)}


def _chat_head(request: ModelRequest, kind: str) -> Json:
    id = _id(request, "chatcmpl")
    return {"id": id, "object": kind, "created": CREATED, "model": request.model}


def _chat_call(request: ModelRequest, number: int, call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": _arguments(call)}
    return {"id": _id(request, "call", number), "type": "function", "function": function}


def _chat_usage(request: ModelRequest, answer: Says) -> Json:
    used = _usage(answer, request.prompt)
    return {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": used.output_tokens,
        "total_tokens": used.input_tokens + used.output_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens},
    }


def _finish(answer: Says) -> str:
    if answer.is_truncated:
        return "length"
    return "tool_calls" if answer.tools else "stop"


# --- OpenAI: responses ---------------------------------------------------------------------------


def _response(request: ModelRequest, answer: Says, items: Sequence[Json], status: str) -> Json:
    used = _usage(answer, request.prompt)
    usage = {
        "input_tokens": used.input_tokens,
        "input_tokens_details": {"cached_tokens": used.cached_tokens},
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.input_tokens + used.output_tokens,
    }
    is_open = status == "in_progress"
    return {
        "id": _id(request, "resp"),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "model": request.model,
        "output": list(items),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None if is_open or not answer.reports_usage else usage,
    }


def _status(answer: Says) -> str:
    return "incomplete" if answer.is_truncated else "completed"


def _items(request: ModelRequest, answer: Says) -> Sequence[Json]:
    items: list[Json] = []
    if answer.reasoning:
        summary = {"type": "summary_text", "text": answer.reasoning}
        items.append({"type": "reasoning", "id": _id(request, "rs"), "summary": [summary]})
    if answer.text or not answer.tools:
        items.append(
            {
                "type": "message",
                "id": _id(request, "msg"),
                "status": _status(answer),
                "role": "assistant",
                "content": [_output_text(answer.text)],
            }
        )
    items.extend(_response_call(request, n, call) for n, call in enumerate(answer.tools))
    return items


def _output_text(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": []}


def _response_call(request: ModelRequest, number: int, call: ToolCall) -> Json:
    """A tool that takes no JSON is declared as `custom`, and gets its text as it is."""
    tools = cast("list[Json]", request.body.get("tools") or [])
    kinds = {str(tool.get("name")): tool.get("type") for tool in tools}
    ids = {"id": _id(request, "fc", number), "call_id": _id(request, "call", number)}
    named = {**ids, "name": call.name, "status": "completed"}
    if kinds.get(call.name) == "custom":
        return {"type": "custom_tool_call", **named, "input": _arguments(call)}
    return {"type": "function_call", **named, "arguments": _arguments(call)}


def _response_events(request: ModelRequest, answer: Says) -> Iterator[Json]:
    opened = _response(request, answer, [], "in_progress")
    yield {"type": "response.created", "response": opened}
    yield {"type": "response.in_progress", "response": opened}
    items = _items(request, answer)
    for number, item in enumerate(items):
        yield from _item_events(item, number, answer.chunk_characters)
    status = _status(answer)
    closed = _response(request, answer, items, status)
    yield {"type": f"response.{status}", "response": closed}


def _item_events(item: Json, number: int, characters: int) -> Iterator[Json]:
    place = {"output_index": number, "item_id": item["id"]}
    begun: Json = {**item, **_UNSAID[item["type"]], "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": number, "item": begun}
    match item["type"]:
        case "message":
            text = item["content"][0]["text"]
            place = {**place, "content_index": 0}
            added = "response.content_part.added"
            yield {"type": added, **place, "part": _output_text("")}
            for chunk in _chunks(text, characters):
                delta = "response.output_text.delta"
                yield {"type": delta, **place, "delta": chunk, "logprobs": []}
            yield {"type": "response.output_text.done", **place, "text": text, "logprobs": []}
            yield {"type": "response.content_part.done", **place, "part": _output_text(text)}
        case "function_call":
            kind = "response.function_call_arguments"
            for chunk in _chunks(item["arguments"], characters):
                yield {"type": f"{kind}.delta", **place, "delta": chunk}
            done = {"arguments": item["arguments"], "name": item["name"]}
            yield {"type": f"{kind}.done", **place, **done}
        case "custom_tool_call":
            kind = "response.custom_tool_call_input"
            yield {"type": f"{kind}.delta", **place, "delta": item["input"]}
            yield {"type": f"{kind}.done", **place, "input": item["input"]}
        case _:
            pass
    yield {"type": "response.output_item.done", "output_index": number, "item": item}


_UNSAID: Mapping[str, Json] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
    "reasoning": {"summary": []},
}


# --- Anthropic: messages -------------------------------------------------------------------------


def _message(request: ModelRequest, answer: Says) -> Json:
    blocks = _blocks(request, answer)
    return {**_message_head(request, answer), "content": blocks, "stop_reason": _reason(answer)}


def _message_head(request: ModelRequest, answer: Says) -> Json:
    return {
        "id": _id(request, "msg"),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _message_usage(request, answer),
    }


def _message_usage(request: ModelRequest, answer: Says) -> Json:
    """Anthropic's API always says; a stand-in that counts nothing says 0."""
    if not answer.reports_usage:
        return {"input_tokens": 0, "output_tokens": 0}
    used = _usage(answer, request.prompt)
    return {
        "input_tokens": used.input_tokens - used.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": used.cached_tokens,
        "output_tokens": used.output_tokens,
    }


def _blocks(request: ModelRequest, answer: Says) -> list[Json]:
    blocks: list[Json] = []
    if answer.reasoning:
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": "c2ln"})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    for number, call in enumerate(answer.tools):
        id = _id(request, "toolu", number)
        blocks.append({"type": "tool_use", "id": id, "name": call.name, "input": _object(call)})
    return blocks


def _reason(answer: Says) -> str:
    if answer.is_truncated:
        return "max_tokens"
    return "tool_use" if answer.tools else "end_turn"


def _message_events(request: ModelRequest, answer: Says) -> Iterator[Json]:
    usage = _message_usage(request, answer)
    begun = {**_message_head(request, answer), "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    calls = iter(answer.tools)
    for index, block in enumerate(_blocks(request, answer)):
        place = {"index": index}
        yield {"type": "content_block_start", **place, "content_block": _emptied(block)}
        text = _arguments(next(calls)) if block["type"] == "tool_use" else block[block["type"]]
        kind, name = _DELTAS[block["type"]]
        for chunk in _chunks(text, answer.chunk_characters):
            yield {"type": "content_block_delta", **place, "delta": {"type": kind, name: chunk}}
        yield {"type": "content_block_stop", **place}
    delta = {"stop_reason": _reason(answer), "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": usage}
    yield {"type": "message_stop"}


_DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


def _emptied(block: Json) -> Json:
    return {**block, "input": {}} if block["type"] == "tool_use" else {**block, block["type"]: ""}


# --- Google: generateContent ---------------------------------------------------------------------


def _parts(answer: Says) -> list[Json]:
    parts: list[Json] = []
    if answer.reasoning:
        parts.append({"text": answer.reasoning, "thought": True})
    if answer.text:
        parts.append({"text": answer.text})
    calls = [{"name": call.name, "args": _object(call)} for call in answer.tools]
    return [*parts, *({"functionCall": call} for call in calls)]


def _gemini(answer: Says, parts: Sequence[Json], *, is_last: bool, prompt: str) -> Json:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    body: dict[str, Any] = {"candidates": [candidate]}
    if is_last:
        candidate["finishReason"] = "MAX_TOKENS" if answer.is_truncated else "STOP"
        if answer.reports_usage:
            used = _usage(answer, prompt)
            body["usageMetadata"] = {
                "promptTokenCount": used.input_tokens,
                "candidatesTokenCount": used.output_tokens,
                "cachedContentTokenCount": used.cached_tokens,
                "totalTokenCount": used.input_tokens + used.output_tokens,
            }
    return body


def _gemini_chunks(request: ModelRequest, answer: Says) -> Iterator[Json]:
    parts: list[Json] = []
    for part in _parts(answer):
        texts = _chunks(part["text"], answer.chunk_characters) if "text" in part else ()
        parts.extend({**part, "text": text} for text in texts)
        if "text" not in part:
            parts.append(part)
    last = max(0, len(parts) - 1)
    for number, part in enumerate(parts or [{"text": ""}]):
        yield _gemini(answer, [part], is_last=number == last, prompt=request.prompt)
