"""Anthropic's Messages API: `POST /v1/messages`, streamed as server-sent events when asked, else as JSON."""

import json
from typing import Any

from tests.stub_models.script import Answer, HttpError, StreamError, ToolCall
from tests.stub_models.server import Received, StubServer

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}


class AnthropicStub(StubServer):
    """See https://docs.anthropic.com/en/docs/build-with-claude/streaming for the order of events."""

    environment_variable = "ANTHROPIC_BASE_URL"

    def is_path(self, path: str) -> bool:
        return path == "/v1/messages"

    def answer(self, answer: Answer, request: Received) -> tuple[str, list[bytes]]:
        if not request.body.get("stream"):
            return "application/json", [json.dumps(_message(answer, request)).encode()]
        events = [_start(answer, request), ("ping", {})]
        for index, block in enumerate(_blocks(answer)):
            events += _block_events(index, block)
        events += [_message_delta(answer), ("message_stop", {})]
        return "text/event-stream", [_encode(name, data) for name, data in events]

    def error(self, error: HttpError) -> dict[str, Any]:
        kind = error.type or _TYPES.get(error.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": error.message}, "request_id": "req_stub"}

    def stream_error(self, error: StreamError, request: Received) -> tuple[str, list[bytes]] | HttpError:
        started = _start(Answer(text=""), request)
        report = ("error", {"error": {"type": error.type, "message": error.message}})
        return "text/event-stream", [_encode(*started), _encode(*report)]


def _start(answer: Answer, request: Received) -> tuple[str, dict[str, Any]]:
    message = _message(answer, request) | {"content": [], "stop_reason": None}
    message["usage"] = message["usage"] | {"output_tokens": 1 if answer.reports_usage else 0}
    return "message_start", {"message": message}


def _message(answer: Answer, request: Received) -> dict[str, Any]:
    return {
        "id": "msg_stub",
        "type": "message",
        "role": "assistant",
        "model": request.body["model"],
        "content": _blocks(answer),
        "stop_reason": _stop_reason(answer),
        "stop_sequence": None,
        "usage": {
            "input_tokens": answer.input_tokens if answer.reports_usage else 0,
            "output_tokens": answer.output_tokens if answer.reports_usage else 0,
        },
    }


def _blocks(answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.text is not None:
        blocks.append({"type": "text", "text": answer.text})
    for number, call in enumerate(answer.tool_calls):
        blocks.append(
            {
                "type": "tool_use",
                "id": call.id or f"toolu_{number}_{call.name}",
                "name": call.name,
                "input": _written(call),
            }
        )
    return blocks


def _written(call: ToolCall) -> Any:
    return call.arguments if isinstance(call.arguments, str) else dict(call.arguments)


def _block_events(index: int, block: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if block["type"] == "text":
        opening: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
    else:
        opening = block | {"input": {}}
        written = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *_pieces(written)]]
    events = [("content_block_start", {"index": index, "content_block": opening})]
    events += [("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
    return [*events, ("content_block_stop", {"index": index})]


def _pieces(text: str) -> list[str]:
    size = max(1, len(text) // 3)
    return [text[start : start + size] for start in range(0, len(text), size)]


def _message_delta(answer: Answer) -> tuple[str, dict[str, Any]]:
    delta: dict[str, Any] = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
    if answer.finish == "refusal":
        delta["stop_details"] = {"type": "refusal", "category": "cyber", "explanation": answer.refusal}
    tokens = answer.output_tokens if answer.reports_usage else 0
    return "message_delta", {"delta": delta, "usage": {"output_tokens": tokens}}


def _stop_reason(answer: Answer) -> str:
    if answer.tool_calls and answer.finish == "stop":
        return "tool_use"
    return _STOP_REASONS[answer.finish]


def _encode(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n".encode()
