"""Whose key a request carries, and that it is left nowhere."""

import json
import logging
import traceback

import pytest

from tests.stub_models import Answer, BrokenOff, HttpError, Text, ToolCall
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import STAGE_KEY, make_work, run
from workflows.agents.scrubbing import Scrubber

VARIABLES = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
SERVER_KEY = "sk-canary-of-the-server-0815"


@pytest.fixture(autouse=True)
def _server_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, SERVER_KEY)


def test_a_stage_key_reaches_the_provider_and_the_servers_does_not(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", SERVER_KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-server")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-server")
    with provider.serving([Text("done")]) as server:
        run(make_work(provider.name))
    [request] = server.requests
    assert request.headers["authorization"] == f"Bearer {STAGE_KEY}"
    assert SERVER_KEY not in repr(request)
    assert "of-the-server" not in repr(request.headers)


def test_without_a_stage_key_the_servers_is_used(provider: Provider) -> None:
    with provider.serving([Text("done")]) as server:
        run(make_work(provider.name, api_key=None))
    assert server.requests[0].api_key == SERVER_KEY


def test_without_any_key_nothing_is_sent(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLES[provider.name])
    with provider.serving([Text("done")]) as server:
        ran = run(make_work(provider.name, api_key=None))
    assert ran.code == "provider_not_configured"
    assert server.requests == ()


def test_two_stages_with_their_own_keys_do_not_mix_them_up(provider: Provider) -> None:
    with provider.serving(lambda request: Text("done")) as server:
        for key in ("sk-first-key", "sk-second-key", "sk-first-key"):
            run(make_work(provider.name, api_key=key))
    assert [request.api_key for request in server.requests] == ["sk-first-key", "sk-second-key", "sk-first-key"]


@pytest.mark.parametrize(
    "script",
    [
        [HttpError(401, f"Incorrect API key provided: {STAGE_KEY}")],
        [HttpError(500, STAGE_KEY)] * 5,
        [BrokenOff(STAGE_KEY), Text("done")],
        [Text(f"Your key is {STAGE_KEY}")],
        [HttpError(400, f"{SERVER_KEY} {STAGE_KEY}", headers={"x-echo": STAGE_KEY})],
    ],
    ids=["auth", "server error", "broken off", "echoed in the answer", "both keys"],
)
def test_no_key_is_left_in_journal_failure_or_log(
    provider: Provider, script: list[Step], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with provider.serving(script):
        ran = run(make_work(provider.name, document="what nobody may log"))
    assert "what nobody may log" not in caplog.text
    left = [json.dumps([event.payload for event in ran.journal.events]), repr(ran), caplog.text]
    if ran.failure is not None:
        left += traceback.format_exception(ran.failure)
        left.append(repr(vars(ran.failure)))
    for key in (STAGE_KEY, SERVER_KEY):
        assert key not in "\n".join(left)


def test_a_failure_leads_to_no_exception_of_the_provider(provider: Provider) -> None:
    with provider.serving([HttpError(401)]):
        ran = run(make_work(provider.name))
    assert ran.failure is not None
    assert ran.failure.__cause__ is None
    assert ran.failure.__context__ is None


def test_an_answer_that_repeats_the_key_is_not_used(provider: Provider) -> None:
    with provider.serving([Text(f"Your key is {STAGE_KEY}")]):
        ran = run(make_work(provider.name))
    assert ran.code == "provider_error"
    assert "[key removed]" in repr(ran.journal.events[-1].payload)


@pytest.mark.parametrize("key", ['sk-odd"key', "sk-odd\\key", "sk-odd/key", "sk-oddékey", 'sk-\\"odd/"\\'])
def test_a_key_is_removed_as_json_spells_it(key: str) -> None:
    scrubber = Scrubber([key])
    once = json.dumps({"text": key}, ensure_ascii=False)
    twice = json.dumps({"text": once})
    slashes = once.replace("/", "\\/")
    for text in (key, once, json.dumps(key), twice, slashes):
        assert scrubber.finds_in([text])
        assert "odd" not in scrubber.text(text)
        assert "odd" not in json.dumps(scrubber.value({"arguments": text}))
    assert json.loads(scrubber.text(once)) == {"text": "[key removed]"}


def test_a_key_with_a_quote_is_left_in_no_arguments(provider: Provider) -> None:
    key = 'sk-canary"of\\the-stage'
    call = ToolCall("document_write", json.dumps({"name": "x", "text": f"<{key}>"}))
    with provider.serving([Answer(tool_calls=(call,)), Text("done")]):
        ran = run(make_work(provider.name, api_key=key))
    assert ran.code == "provider_error"
    assert ran.documents.texts == {}
    assert "canary" not in json.dumps([event.payload for event in ran.journal.events])


def test_the_work_does_not_show_its_key() -> None:
    assert STAGE_KEY not in repr(make_work())
