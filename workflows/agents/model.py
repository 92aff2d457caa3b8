"""Stands between the agent loop and a provider's model: budget, retries, journal, refusals.

Every request of a run, whatever in the loop asks for it, passes `GovernedModel.request`.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from workflows.agents.budget import Charge, Meter
from workflows.agents.failures import AnswerCutOff, Trouble, diagnose
from workflows.agents.run_journal import RunJournal
from workflows.agents.scrubbing import Scrubber
from workflows.agents.settings import AgentSettings
from workflows.agents.types import AgentFailure, FailureCode, JsonScalar

_CATEGORY = re.compile(r"[a-z0-9_-]{1,40}")


@dataclass(frozen=True)
class ModelContext:
    """What belongs to one run and its model."""

    provider: str
    model_name: str
    streams: bool
    meter: Meter
    journal: RunJournal
    scrubber: Scrubber
    settings: AgentSettings


@dataclass(frozen=True)
class _Answered:
    response: ModelResponse
    attempt: int
    duration_ms: int


class GovernedModel(WrapperModel):
    """A model whose requests are metered, journalled and repeated.

    Raises AgentFailure, and keeps it in `failure`, whatever becomes of it on its way up.
    """

    def __init__(self, wrapped: Model, context: ModelContext) -> None:
        super().__init__(wrapped)
        self.failure: AgentFailure | None = None
        self._context = context
        self._requests = 0
        self._partial: RequestUsage | None = None

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        limit = self._context.settings.max_requests
        if self._requests >= limit:
            raise self._fail("step_limit", f"no answer within {limit} requests to the model")
        self._requests += 1
        input_bytes = len(ModelMessagesTypeAdapter.dump_json(messages))
        allowance = self._allow(input_bytes)
        await self._context.journal.record(
            "model_request",
            {
                "provider": self._context.provider,
                "model": self._context.model_name,
                "request": self._requests,
                "max_tokens": allowance,
            },
            {"messages": _dump(_unanswered(messages)), "tools": _tool_names(model_request_parameters)},
        )
        limited: ModelSettings = {**(model_settings or {}), "max_tokens": allowance}
        answered = await self._ask(messages, limited, model_request_parameters, input_bytes)
        await self._take_down(answered, input_bytes)
        self._check_ending(answered.response, allowance)
        return answered.response

    async def _ask(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings,
        parameters: ModelRequestParameters,
        input_bytes: int,
    ) -> _Answered:
        """Send the request until it is answered or may not be repeated any more."""
        context, settings = self._context, self._context.settings
        attempt = 0
        while True:
            attempt += 1
            started = settings.clock()
            self._partial = None
            try:
                async with asyncio.timeout(settings.request_timeout):
                    response = await self._send(messages, model_settings, parameters)
                return _Answered(response, attempt, round((settings.clock() - started) * 1000))
            except Exception as error:
                trouble = diagnose(error, context.provider)
            charge = self._charge_partial(input_bytes)
            if charge is not None and not charge.plausible:
                trouble = Trouble("provider_error", self._impossible_usage(), False)
            if not trouble.retried or attempt >= settings.retry.attempts:
                raise await self._give_up(attempt, trouble, charge)
            try:
                self._allow(input_bytes)
            except AgentFailure:
                await self._note_error(attempt, trouble, charge)
                raise
            await self._wait(attempt, trouble, charge)

    def _charge_partial(self, input_bytes: int) -> Charge | None:
        """Charge what broke off after it began: it is billed all the same."""
        if self._partial is None or not self._partial.input_tokens:
            return None
        return self._context.meter.charge(self._partial, input_bytes=input_bytes, output_bytes=0)

    def _impossible_usage(self) -> str:
        return f"{self._context.provider} reports impossible usage; its answer is not used"

    async def _give_up(self, attempt: int, trouble: Trouble, charge: Charge | None) -> AgentFailure:
        """Journal the last error, and return the failure in our words."""
        await self._note_error(attempt, trouble, charge)
        tries = f" (after {attempt} attempts)" if attempt > 1 else ""
        hint = "; the journal has its message" if trouble.message else ""
        return self._fail(trouble.code, f"{trouble.detail}{tries}{hint}")

    async def _note_error(self, attempt: int, trouble: Trouble, charge: Charge | None) -> None:
        """Journal an error after which nothing more is asked, with the provider's own message."""
        context = self._context
        await context.journal.record(
            "model_error",
            {
                "provider": context.provider,
                "request": self._requests,
                "attempt": attempt,
                "code": trouble.code,
                "status": trouble.status,
                **_charged(charge),
            },
            {"detail": trouble.detail, "message": trouble.message},
        )

    async def _wait(self, attempt: int, trouble: Trouble, charge: Charge | None) -> None:
        context, settings = self._context, self._context.settings
        delay = settings.retry.delay(attempt, trouble.retry_after, settings.draw)
        await context.journal.record(
            "model_retry",
            {
                "provider": context.provider,
                "request": self._requests,
                "attempt": attempt,
                "code": trouble.code,
                "status": trouble.status,
                "delay_ms": round(delay * 1000),
                **_charged(charge),
            },
            {"detail": trouble.detail, "message": trouble.message},
        )
        await settings.sleep(delay)

    async def _send(
        self, messages: list[ModelMessage], model_settings: ModelSettings, parameters: ModelRequestParameters
    ) -> ModelResponse:
        if not self._context.streams:
            return await self.wrapped.request(messages, model_settings, parameters)
        async with self.wrapped.request_stream(messages, model_settings, parameters) as stream:
            try:
                async for _ in stream:
                    pass
            finally:
                self._partial = stream.usage
            response = stream.get()
        if response.finish_reason is None:
            # A stream that merely ends looks complete to the SDK: only the stop reason tells that it is.
            raise AnswerCutOff
        return response

    async def _take_down(self, answered: _Answered, input_bytes: int) -> None:
        """Charge the answer and journal it. An answer that repeats the key goes no further."""
        context, response = self._context, answered.response
        [message] = _dump([response])
        written = json.dumps(message["parts"], ensure_ascii=False).encode("utf-8", "surrogatepass")
        charge = context.meter.charge(response.usage, input_bytes=input_bytes, output_bytes=len(written))
        await context.journal.record(
            "model_response",
            {
                "provider": context.provider,
                "model": (response.model_name or "")[:100],
                "request": self._requests,
                "attempt": answered.attempt,
                "finish_reason": response.finish_reason,
                "duration_ms": answered.duration_ms,
                **charge.facts(),
            },
            {"message": message},
        )
        if not charge.plausible:
            raise self._fail("provider_error", self._impossible_usage())
        if context.scrubber.finds_in(message):
            raise self._fail("provider_error", f"{context.provider}'s answer repeats the API key; it is not used")
        if not _is_utf8(written):
            raise self._fail("malformed_answer", "the answer is not valid Unicode: it holds a lone surrogate")

    def _check_ending(self, response: ModelResponse, allowance: int) -> None:
        """Raise where the answer ended otherwise than by being complete."""
        provider = self._context.provider
        if response.finish_reason == "content_filter":
            details = response.provider_details or {}
            category = str(details.get("refusal_category") or details.get("finish_reason") or "refusal")
            named = category if _CATEGORY.fullmatch(category) else "unnamed category"
            raise self._fail("provider_refused", f"{provider} refuses to answer ({named})")
        if response.finish_reason == "length":
            if allowance < self._context.settings.max_output_tokens:
                raise self._fail(
                    "budget_exhausted",
                    f"the answer was cut off at {allowance} tokens, which is all that the budget buys",
                )
            raise self._fail("malformed_answer", f"the answer was cut off at its limit of {allowance} tokens")
        if response.finish_reason == "error" or response.state == "suspended":
            raise self._fail("provider_error", f"{provider} ended its answer without completing it")

    def _allow(self, input_bytes: int) -> int:
        settings = self._context.settings
        try:
            return self._context.meter.output_allowance(
                input_bytes, settings.max_output_tokens, settings.min_output_tokens
            )
        except AgentFailure as failure:
            self.failure = failure
            raise

    def _fail(self, code: FailureCode, detail: str) -> AgentFailure:
        self.failure = self._context.meter.failure(code, self._context.scrubber.text(detail))
        return self.failure


def _charged(charge: Charge | None) -> dict[str, JsonScalar]:
    return {} if charge is None else charge.facts()


def _unanswered(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """Return what was added since the last answer: the rest is in the journal already."""
    start = 0
    for position, message in enumerate(messages, start=1):
        if isinstance(message, ModelResponse):
            start = position
    return list(messages[start:])


def _dump(messages: list[ModelMessage]) -> list[dict[str, Any]]:
    dumped: list[dict[str, Any]] = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
    return dumped


def _is_utf8(encoded: bytes) -> bool:
    try:
        encoded.decode()
    except UnicodeDecodeError:
        return False
    return True


def _tool_names(parameters: ModelRequestParameters) -> list[str]:
    return [tool.name for tool in (*parameters.function_tools, *parameters.output_tools)]
