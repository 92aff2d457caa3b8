"""Failed requests: what is repeated, after how long, and what a run that gives up says."""

from typing import Any

import pytest

from tests.stub_models import (
    Answer,
    BrokenOff,
    Hang,
    HttpError,
    Raw,
    StreamError,
    Text,
)
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import STAGE_KEY, make_work, run
from workflows.agents.http_clients import LONGEST_ANSWER_BYTES
from workflows.agents.settings import RetryPolicy
from workflows.agents.types import RetryLater

SHORT: dict[str, Any] = {"silence_timeout": 0.2, "answer_timeout": 0.2}


def test_a_rate_limit_waits_as_long_as_the_provider_asks(provider: Provider) -> None:
    script: list[Step] = [
        HttpError(429, headers={"retry-after": "7"}),
        HttpError(429),
        HttpError(429, headers={"retry-after": "10"}),
        Text("done"),
    ]
    with provider.serving(script):
        ran = run(make_work(provider.name))
    assert ran.answer.text == "done"
    assert ran.slept == [7.0, 2.0, 10.0]
    retries = ran.journal.facts("model_retry")
    assert [facts["delay_ms"] for facts in retries] == [7000, 2000, 10000]
    assert {facts["code"] for facts in retries} == {"provider_rate_limited"}
    assert {facts["status"] for facts in retries} == {429}


def test_a_long_wait_is_not_sat_out_but_gives_the_place_back(provider: Provider) -> None:
    with provider.serving([HttpError(429, headers={"retry-after": "100000"})]), pytest.raises(RetryLater) as later:
        run(make_work(provider.name))
    assert later.value.seconds == 3600


@pytest.mark.parametrize(
    "fault",
    [
        HttpError(500),
        HttpError(500, None),
        HttpError(502),
        HttpError(503),
        HttpError(529),
        HttpError(408),
        StreamError(),
        StreamError("api_error", "Internal server error"),
        StreamError("of_no_known_type", "?"),
        BrokenOff(),
        BrokenOff(cleanly=True),
        Raw(b"<html>try again later</html>", content_type="text/html"),
        Raw(b""),
    ],
    ids=repr,
)
def test_a_passing_fault_is_repeated(provider: Provider, fault: Step) -> None:
    with provider.serving([fault, fault, Text("done")]) as server:
        ran = run(make_work(provider.name))
    assert ran.answer.text == "done"
    assert ran.slept == [1.0, 2.0]
    assert [facts["attempt"] for facts in ran.journal.facts("model_retry")] == [1, 2]
    assert ran.journal.facts("model_response")[0]["attempt"] == 3
    assert len({request.api_key for request in server.requests}) == 1


@pytest.mark.parametrize("fault", [Hang(), Hang(started=True)], ids=repr)
def test_a_silent_provider_times_out_and_is_asked_again(provider: Provider, fault: Step) -> None:
    with provider.serving([fault, Text("done")]) as server:
        ran = run(make_work(provider.name), **SHORT)
        server.wait_for_close()
    assert ran.answer.text == "done"
    assert [facts["code"] for facts in ran.journal.facts("model_retry")] == ["provider_timeout"]


def test_an_attempt_ends_at_its_deadline(anthropic: Provider) -> None:
    with anthropic.serving(lambda request: Hang(started=True)):
        ran = run(make_work("anthropic"), request_timeout=0.2, retry=RetryPolicy(attempts=2))
    assert ran.code == "provider_timeout"
    assert ran.failure is not None
    assert ran.failure.usage.input_tokens == 200


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (HttpError(500), "provider_error"),
        (HttpError(529), "provider_error"),
        (HttpError(429), "provider_rate_limited"),
        (BrokenOff(), "provider_error"),
    ],
    ids=repr,
)
def test_the_attempts_are_limited(provider: Provider, fault: Step, code: str) -> None:
    with provider.serving(lambda request: fault) as server:
        ran = run(make_work(provider.name))
    assert ran.code == code
    assert ran.failure is not None
    assert ran.failure.status == "failed"
    assert "after 5 attempts" in ran.failure.detail
    assert ran.failure.model == server.requests[0].body["model"]
    assert len(server.requests) == 5
    assert ran.slept == [1.0, 2.0, 4.0, 8.0]


def test_an_unreachable_provider_fails(provider: Provider) -> None:
    with provider.serving([]):
        pass  # the address is free again, and nobody listens
    ran = run(make_work(provider.name), retry=RetryPolicy(attempts=2))
    assert ran.code == "provider_error"
    assert ran.slept == [1.0]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (HttpError(401), "provider_auth_failed"),
        (HttpError(403), "provider_auth_failed"),
        (HttpError(400), "provider_error"),
        (HttpError(404), "provider_error"),
        (HttpError(413), "provider_error"),
        (HttpError(402), "provider_error"),
        (HttpError(500, headers={"x-should-retry": "false"}), "provider_error"),
    ],
    ids=repr,
)
def test_a_rejected_request_is_not_repeated(provider: Provider, fault: HttpError, code: str) -> None:
    with provider.serving([fault]) as server:
        ran = run(make_work(provider.name))
    assert ran.code == code
    assert ran.failure is not None
    assert ran.failure.detail.endswith(f"({fault.status}); the journal has its message")
    assert "told to fail" not in ran.failure.detail, "the provider's words belong to the journal alone"
    assert [event.payload["message"] for event in ran.journal.events if event.kind == "model_error"] == [fault.message]
    assert len(server.requests) == 1
    assert ran.slept == []


def test_a_used_up_quota_is_no_rate_limit(openai: Provider) -> None:
    with openai.serving([HttpError(429, type="insufficient_quota", code="insufficient_quota")]):
        ran = run(make_work("openai"))
    assert ran.code == "provider_error"
    assert ran.failure is not None
    assert "quota" in ran.failure.detail


def test_a_redirect_is_not_followed_with_the_key(provider: Provider) -> None:
    elsewhere = provider.serving([Text("stolen")])
    with elsewhere, provider.serving([HttpError(307, headers={"location": elsewhere.base_url})] * 5):
        ran = run(make_work(provider.name))
    assert ran.failure is not None
    assert elsewhere.requests == ()


@pytest.mark.parametrize(
    "refusal",
    [Answer(finish="refusal", refusal="I will not repeat Jane Roe's number."), Answer(text="So", finish="refusal")],
    ids=["explained", "filtered"],
)
def test_a_refusal_says_so_without_the_models_words(provider: Provider, refusal: Answer) -> None:
    with provider.serving([refusal]):
        ran = run(make_work(provider.name))
    assert ran.code == "provider_refused"
    assert ran.failure is not None
    assert "Jane" not in ran.failure.detail
    assert ran.failure.usage.requests == 1
    assert ran.journal.kinds == ["model_request", "model_response"]


def test_an_endless_answer_is_given_up(provider: Provider) -> None:
    with provider.serving([Raw(b"x" * (LONGEST_ANSWER_BYTES + 1))] * 2):
        ran = run(make_work(provider.name))
    assert ran.code == "provider_error"
    assert ran.slept == []


def test_what_broke_off_is_paid_for(anthropic: Provider) -> None:
    with anthropic.serving([BrokenOff(), Text("done")]):
        ran = run(make_work("anthropic"))
    assert ran.result is not None
    assert (ran.result.usage.requests, ran.result.usage.input_tokens) == (2, 200)


def test_the_delay_doubles_up_to_its_limit_less_the_jitter() -> None:
    policy = RetryPolicy(first_delay=2.0, longest_delay=10.0, jitter=0.5)
    assert [policy.delay(attempt, None, lambda: 0.0) for attempt in range(1, 5)] == [2.0, 4.0, 8.0, 10.0]
    assert policy.delay(1, None, lambda: 1.0) == 1.0
    assert policy.delay(1, 30.0, lambda: 1.0) == 30.0


def test_the_error_of_a_provider_that_repeats_the_key_is_scrubbed(provider: Provider) -> None:
    with provider.serving([HttpError(500, f"oops {STAGE_KEY}"), HttpError(401, f"bad key {STAGE_KEY}")]):
        ran = run(make_work(provider.name))
    assert ran.failure is not None
    assert ran.failure.detail.endswith(
        "(401) (after 2 attempts; those before: provider_error 500); the journal has its message"
    )
    assert ran.journal.events[-1].payload["message"] == "bad key [key removed]"
    assert STAGE_KEY not in repr(ran.journal.events)
