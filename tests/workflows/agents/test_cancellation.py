"""A run that is cancelled stops at once, and so does its request."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.stub_models import Answer, Hang, HttpError, Text, ToolCall
from tests.stub_models.script import Step
from tests.workflows.agents.conftest import Provider
from tests.workflows.agents.fakes import MemoryDocuments, MemoryJournal, make_work
from workflows.agents.http_clients import close_shared_client, shared_client
from workflows.agents.runner import run_agent
from workflows.agents.settings import AgentSettings
from workflows.agents.types import JsonScalar


@pytest.mark.parametrize("fault", [Hang(), Hang(started=True)], ids=repr)
def test_cancelling_a_run_closes_its_request(provider: Provider, fault: Step) -> None:
    journal = MemoryJournal()
    with provider.serving([fault]) as server:

        async def cancel_during_the_request() -> None:
            task = asyncio.create_task(run_agent(make_work(provider.name), journal, MemoryDocuments()))
            await asyncio.to_thread(server.wait_for_request)
            task.cancel()
            async with asyncio.timeout(2):
                with pytest.raises(asyncio.CancelledError):
                    await task
            await asyncio.to_thread(server.wait_for_close)

        asyncio.run(cancel_during_the_request())
    assert journal.kinds == ["model_request"]


def test_cancelling_a_run_ends_its_wait_before_the_next_attempt(provider: Provider) -> None:
    waiting = asyncio.Event()

    async def wait_forever(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def cancel_during_the_wait() -> None:
        settings = AgentSettings(sleep=wait_forever)
        task = asyncio.create_task(run_agent(make_work(provider.name), MemoryJournal(), MemoryDocuments(), settings))
        await waiting.wait()
        task.cancel()
        async with asyncio.timeout(2):
            with pytest.raises(asyncio.CancelledError):
                await task

    with provider.serving([HttpError(500)]) as server:
        asyncio.run(cancel_during_the_wait())
    assert len(server.requests) == 1


def test_one_cancelled_run_leaves_the_others_alone(provider: Provider) -> None:
    def answer(request: object) -> Step:
        return Hang() if "never answer me" in repr(request) else Text("done")

    async def run_three() -> list[object]:
        works = [make_work(provider.name, task=task) for task in ("go", "never answer me", "go")]
        tasks = [asyncio.create_task(run_agent(work, MemoryJournal(), MemoryDocuments())) for work in works]
        for _ in works:
            await asyncio.to_thread(server.wait_for_request)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with provider.serving(answer) as server:
        first, second, third = asyncio.run(run_three())
    assert isinstance(second, asyncio.CancelledError)
    assert first == third


class LostLeaseError(Exception):
    """What the engine's side raises when the execution is no longer this worker's."""


class LosingJournal(MemoryJournal):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    async def record(self, kind: str, facts: Mapping[str, JsonScalar], payload: object) -> None:
        if kind == self._kind:
            raise LostLeaseError
        await super().record(kind, facts, payload)


@pytest.mark.parametrize("kind", ["model_request", "model_retry", "model_response", "tool_call", "tool_result"])
def test_a_journal_that_cannot_be_written_ends_the_run_with_its_own_error(provider: Provider, kind: str) -> None:
    journal = LosingJournal(kind)
    call = ToolCall("document_write", {"name": "reports", "text": "x"})
    documents = MemoryDocuments()

    async def no_time(seconds: float) -> None:
        return

    settings = AgentSettings(sleep=no_time)
    with provider.serving([HttpError(500), Answer(tool_calls=(call,)), Text("done")]), pytest.raises(LostLeaseError):
        asyncio.run(run_agent(make_work(provider.name), journal, documents, settings))
    assert documents.texts == ({"reports": "x"} if kind == "tool_result" else {})


def test_runs_with_different_keys_share_one_client(provider: Provider) -> None:
    async def run_two() -> None:
        client = shared_client(10)
        for key in ("sk-first-key", "sk-second-key"):
            await run_agent(make_work(provider.name, api_key=key), MemoryJournal(), MemoryDocuments())
            assert shared_client(10) is client
            assert not client.is_closed
        await close_shared_client()
        assert client.is_closed
        assert shared_client(10) is not client

    with provider.serving([Text("one"), Text("two")]):
        asyncio.run(run_two())
