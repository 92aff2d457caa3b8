"""OpenAI's Chat Completions: `POST /v1/chat/completions`, answered as one JSON object."""

import json
from typing import Any

from tests.stub_models.script import Answer, HttpError, StreamError, ToolCall
from tests.stub_models.server import Received, StubServer

_FINISH_REASONS = {"stop": "stop", "length": "length", "refusal": "content_filter"}


class OpenAIStub(StubServer):
    """See https://platform.openai.com/docs/api-reference/chat/object for the form of an answer."""

    environment_variable = "OPENAI_BASE_URL"

    @property
    def base_url(self) -> str:
        return f"{super().base_url}/v1"

    def is_path(self, path: str) -> bool:
        return path == "/v1/chat/completions"

    def answer(self, answer: Answer, request: Received) -> tuple[str, list[bytes]]:
        return "application/json", [json.dumps(_completion(answer, request)).encode()]

    def error(self, error: HttpError) -> dict[str, Any]:
        kind = error.type or ("server_error" if error.status >= 500 else "invalid_request_error")
        return {"error": {"message": error.message, "type": kind, "param": None, "code": error.code}}

    def stream_error(self, error: StreamError, request: Received) -> tuple[str, list[bytes]] | HttpError:
        return HttpError(500, error.message)


def _completion(answer: Answer, request: Received) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": answer.refusal}
    if answer.tool_calls:
        message["tool_calls"] = [_call(number, call) for number, call in enumerate(answer.tool_calls)]
    finish = _FINISH_REASONS[answer.finish]
    if answer.tool_calls and answer.finish == "stop":
        finish = "tool_calls"
    if answer.refusal is not None:
        finish = "stop"
    completion: dict[str, Any] = {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": request.body["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
    }
    if answer.reports_usage:
        completion["usage"] = {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
        }
    return completion


def _call(number: int, call: ToolCall) -> dict[str, Any]:
    written = call.arguments if isinstance(call.arguments, str) else json.dumps(dict(call.arguments))
    return {
        "id": call.id or f"call_{number}_{call.name}",
        "type": "function",
        "function": {"name": call.name, "arguments": written},
    }
