"""Stands between the agent loop and a provider's model: budget, retries, journal, refusals.

Every request of a run, whatever in the loop asks for it, passes `GovernedModel.request`.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse, TextPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from workflows.agents.budget import Charge, Meter, settle
from workflows.agents.call_rules import ModelCallRules
from workflows.agents.failures import AnswerCutOff, Trouble, diagnose
from workflows.agents.history import RunHistory, describe_trouble, read_payload
from workflows.agents.input_bound import FRAMING_TOKENS, bound_input_tokens
from workflows.agents.run_journal import RunJournal
from workflows.agents.scrubbing import Scrubber
from workflows.agents.settings import AgentSettings
from workflows.agents.types import (
    AgentFailure,
    Entry,
    FailureCode,
    JsonScalar,
    Need,
    PastEvent,
    Reservation,
    RetryLater,
)

# What keeps an answer from being used that came whole; the journal has the name, for a run that goes on from it.
_PROBLEMS = {
    "impossible_usage": "reports impossible usage; its answer is not used",
    "repeats_key": "repeats the API key in its answer; it is not used",
    "not_unicode": "gave an answer that is not valid Unicode: it holds a lone surrogate",
}
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
    rules: ModelCallRules
    history: RunHistory


@dataclass
class _Exchange:
    """One request through all its attempts. `reservation` is the running attempt's; `partial` what it has reported
    of an answer that began; `failures` say how the attempts before it ended."""

    number: int
    input_bytes: int
    need: Need
    reservation: Reservation
    failures: list[str]
    partial: RequestUsage | None = None

    @property
    def attempt(self) -> int:
        """The number of the running attempt, 1 for the first; those of earlier runs count."""
        return len(self.failures) + 1


class GovernedModel(WrapperModel):
    """A model whose requests are paid for before they are sent, journalled and repeated.

    Raises AgentFailure, and keeps it in `failure`, whatever becomes of it on its way up. Requests may run at once.
    """

    def __init__(self, wrapped: Model, context: ModelContext) -> None:
        super().__init__(wrapped)
        self.failure: AgentFailure | None = None
        self._context = context
        self._requests = 0
        self._last_text: str | None = None

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
        past = self._context.history.responses.get(self._requests)
        if past is not None:
            return self._replay(past, messages)
        given_up = self._context.history.errors.get(self._requests)
        if given_up is not None:
            raise self._give_up_again(given_up)
        blocked = await self._context.rules.find_problem(self._requests, _unanswered(messages))
        if blocked is not None:
            raise self._fail("content_blocked", blocked)
        exchange = await self._open(self._requests, messages, model_request_parameters)
        response = await self._ask(exchange, messages, model_settings, model_request_parameters)
        self._check_ending(response, exchange.reservation.max_tokens)
        return response

    @property
    def answers(self) -> int:
        """How many answers the model was asked for."""
        return self._requests

    def _replay(self, past: PastEvent, messages: list[ModelMessage]) -> ModelResponse:
        """Return an answer that an earlier attempt was given, held against what it was held against then."""
        context = self._context
        context.rules.note(_unanswered(messages))
        message = read_payload(past, "message")
        try:
            [response] = ModelMessagesTypeAdapter.validate_python([message])
        except ValidationError:
            raise self._fail(
                "content_erased", f"event {past.sequence} of the journal holds no answer of a model that can be read"
            ) from None
        problem = past.facts.get("problem")
        if problem is not None or not isinstance(response, ModelResponse):
            raise self._fail("provider_error", _PROBLEMS.get(str(problem), "its answer is not used"))
        self._note_text(response)
        if not context.history.has_passed(self._requests) and context.history.is_overdrawn(context.meter.budget):
            raise self._exhaust(f"{context.provider} reports more usage than it was allowed, which is charged")
        self._check_ending(response, int(past.facts.get("max_tokens") or context.settings.max_output_tokens))
        return response

    def _give_up_again(self, past: PastEvent) -> AgentFailure:
        """Return the failure of a request that an earlier attempt gave up, and whose worker died before the end."""
        if past.facts.get("exhausted"):
            return self._exhaust()
        detail = str(read_payload(past, "detail"))
        failures = ", ".join(self._context.history.retries.get(self._requests, ()))
        code: Any = past.facts.get("code")
        return self._fail(code, f"{detail} (attempts before: {failures})" if failures else detail)

    async def _open(self, number: int, messages: list[ModelMessage], parameters: ModelRequestParameters) -> _Exchange:
        """Reserve what the request may cost at most, and journal it."""
        context, settings = self._context, self._context.settings
        bound = bound_input_tokens(messages, parameters)
        need = context.meter.need(bound, settings.max_output_tokens, settings.min_output_tokens)
        facts: dict[str, JsonScalar] = {
            "provider": context.provider,
            "model": context.model_name,
            "request": number,
        }
        payload = {"messages": _dump(_unanswered(messages)), "tools": _tool_names(parameters)}
        reservation = await context.journal.reserve(need, Entry("model_request", facts, payload))
        if reservation is None:
            raise self._exhaust()
        failures = list(context.history.retries.get(number, ()))
        return _Exchange(number, bound - FRAMING_TOKENS, need, reservation, failures)

    async def _ask(
        self,
        exchange: _Exchange,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Send the request until it is answered or may not be repeated any more."""
        settings = self._context.settings
        while True:
            limited: ModelSettings = {**(model_settings or {}), "max_tokens": exchange.reservation.max_tokens}
            started = settings.clock()
            exchange.partial = None
            try:
                async with asyncio.timeout(settings.request_timeout):
                    response = await self._send(exchange, messages, limited, parameters)
            except Exception as error:
                trouble = diagnose(error, self._context.provider)
            else:
                await self._take_down(exchange, response, round((settings.clock() - started) * 1000))
                return response
            await self._recover(exchange, trouble)

    async def _recover(self, exchange: _Exchange, trouble: Trouble) -> None:
        """Settle an attempt that failed, and wait for the next one, which is paid for first; or raise."""
        context, settings = self._context, self._context.settings
        charge = self._charge_failed(exchange, trouble)
        if charge is not None and not charge.plausible:
            trouble = Trouble("provider_error", f"{context.provider} {_PROBLEMS['impossible_usage']}", False)
        if not trouble.retried or exchange.attempt >= settings.retry.attempts:
            await context.journal.settle(
                settle(exchange.reservation, charge), self._describe("model_error", exchange, trouble, charge)
            )
            earlier = ", ".join(exchange.failures)
            tries = f" (after {exchange.attempt} attempts; those before: {earlier})" if earlier else ""
            hint = "; the journal has its message" if trouble.message else ""
            raise self._fail(trouble.code, f"{trouble.detail}{tries}{hint}")
        delay = settings.retry.delay(exchange.attempt, trouble.retry_after, settings.draw)
        retry = self._describe("model_retry", exchange, trouble, charge, {"delay_ms": round(delay * 1000)})
        settlement = settle(exchange.reservation, charge)
        if delay > settings.retry.longest_held:
            await context.journal.settle(settlement, retry)
            raise RetryLater(delay, trouble.detail)
        reservation = await context.journal.reserve(exchange.need, retry, settlement)
        if reservation is None:
            exhausted = self._describe("model_error", exchange, trouble, charge, {"exhausted": True})
            await context.journal.settle(settlement, exhausted)
            raise self._exhaust()
        exchange.reservation = reservation
        exchange.failures.append(describe_trouble(retry.facts))
        await settings.sleep(delay)

    def _charge_failed(self, exchange: _Exchange, trouble: Trouble) -> Charge | None:
        """Charge what broke off after it began, or after it was sent: it may be billed all the same."""
        if exchange.partial is None and not trouble.billed:
            return None
        return self._context.meter.charge(
            exchange.partial or RequestUsage(),
            exchange.reservation,
            input_bytes=exchange.input_bytes,
            output_bytes=0,
            ended=False,
        )

    def _describe(
        self,
        kind: str,
        exchange: _Exchange,
        trouble: Trouble,
        charge: Charge | None,
        more: Mapping[str, JsonScalar] | None = None,
    ) -> Entry:
        """Return an error as an event, with the provider's own message."""
        facts: dict[str, JsonScalar] = {
            "provider": self._context.provider,
            "request": exchange.number,
            "attempt": exchange.attempt,
            "code": trouble.code,
            "status": trouble.status,
            **({} if charge is None else charge.facts()),
            **(more or {}),
        }
        return Entry(kind, facts, {"detail": trouble.detail, "message": trouble.message})

    async def _send(
        self,
        exchange: _Exchange,
        messages: list[ModelMessage],
        model_settings: ModelSettings,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        if not self._context.streams:
            return await self.wrapped.request(messages, model_settings, parameters)
        async with self.wrapped.request_stream(messages, model_settings, parameters) as stream:
            try:
                async for _ in stream:
                    pass
            finally:
                exchange.partial = stream.usage
            response = stream.get()
        if response.finish_reason is None:
            # A stream that merely ends looks complete to the SDK: only the stop reason tells that it is.
            raise AnswerCutOff
        return response

    async def _take_down(self, exchange: _Exchange, response: ModelResponse, duration_ms: int) -> None:
        """Charge the answer and journal it. An answer that repeats the key goes no further."""
        context = self._context
        [message] = _dump([response])
        written = json.dumps(message["parts"], ensure_ascii=False).encode("utf-8", "surrogatepass")
        charge = context.meter.charge(
            response.usage, exchange.reservation, input_bytes=exchange.input_bytes, output_bytes=len(written)
        )
        facts: dict[str, JsonScalar] = {
            "provider": context.provider,
            "model": (response.model_name or "")[:100],
            "request": exchange.number,
            "attempt": exchange.attempt,
            "finish_reason": response.finish_reason,
            "duration_ms": duration_ms,
            "max_tokens": exchange.reservation.max_tokens,
            **charge.facts(),
        }
        problem = self._find_problem(charge, message, written)
        if problem is not None:
            facts["problem"] = problem
        left = await context.journal.settle(
            settle(exchange.reservation, charge), Entry("model_response", facts, {"message": message})
        )
        if problem is not None:
            code: FailureCode = "malformed_answer" if problem == "not_unicode" else "provider_error"
            raise self._fail(code, f"{context.provider} {_PROBLEMS[problem]}")
        self._note_text(response)
        if left < 0:
            raise self._exhaust(f"{context.provider} reports more usage than it was allowed, which is charged")

    def _find_problem(self, charge: Charge, message: Mapping[str, Any], written: bytes) -> str | None:
        """Return why an answer is not used, by its name in `_PROBLEMS`; None where it is."""
        if not charge.plausible:
            return "impossible_usage"
        if self._context.scrubber.finds_in(message):
            return "repeats_key"
        return None if _is_utf8(written) else "not_unicode"

    def _note_text(self, response: ModelResponse) -> None:
        text = "\n\n".join(part.content for part in response.parts if isinstance(part, TextPart))
        self._last_text = text or self._last_text

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
                raise self._exhaust(f"the answer was cut off at {allowance} tokens, which is all that it buys")
            raise self._fail("malformed_answer", f"the answer was cut off at its limit of {allowance} tokens")
        if response.finish_reason == "error" or response.state == "suspended":
            raise self._fail("provider_error", f"{provider} ended its answer without completing it")

    def _exhaust(self, why: str = "") -> AgentFailure:
        shortest = self._context.settings.min_output_tokens
        why = why or f"what is left buys fewer than {shortest} tokens of answer, at the most that this can cost"
        self.failure = self._context.meter.exhausted(why, self._last_text)
        return self.failure

    def _fail(self, code: FailureCode, detail: str) -> AgentFailure:
        self.failure = self._context.meter.failure(code, self._context.scrubber.text(detail))
        return self.failure


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
