"""The floor of a stage: its agent's run without the product. `python -m benchmarks.bare_loop --provider openai`.

Against the same stub as the product, over one shared HTTP client, it measures a pydantic-ai run with the product's own
prompts and answer schemas, the bare call of the provider's SDK, and the product's own run with a journal that keeps
nothing. A third each are workers, reviewers and releases, as in the workflows of the benchmark. Prints CPU and
wall-clock milliseconds per run; `--json` gives them alone.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.model_stub import ModelStub
from benchmarks.requests import TEXT, workflow_body

if TYPE_CHECKING:
    from workflows.agents.types import AgentWork, Entry, Need, Reservation, Settlement

WARM_UP = 30
ROLES = ("worker", "reviewer", "release")
_MODELS = {"anthropic": "claude-haiku-4-5", "openai": "gpt-5-mini"}

Run = Callable[[int], Awaitable[object]]


@dataclass(frozen=True)
class Floor:
    """Milliseconds per run: of this process's CPU, and of wall-clock time over all runs."""

    name: str
    cpu: float
    wall: float


async def measure(provider: str, base_url: str, runs: int, concurrency: int, only_agents: bool = False) -> list[Floor]:
    """Measure `runs` runs of each kind, `concurrency` at one time, against the stub at that URL.

    `only_agents`: pydantic-ai with agents made once, and nothing else.
    """
    import httpx2

    works = _build_works(provider)
    prompts = _build_prompts(works)
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx2.AsyncClient(limits=limits, trust_env=False) as client:
        sdk, model = _make_model(provider, base_url, client)
        kinds = {"pydantic-ai, agents made once": _run_agents(model, prompts, made_once=True)}
        if not only_agents:
            kinds |= {
                "pydantic-ai, an agent made for each run": _run_agents(model, prompts, made_once=False),
                "the SDK alone": _call_sdk(provider, sdk, prompts),
                "the product's run, with a journal of nothing": _run_product(works, base_url),
            }
        return [await _measure(name, run, runs, concurrency) for name, run in kinds.items()]


async def _measure(name: str, run: Run, runs: int, concurrency: int) -> Floor:
    await _run_many(run, WARM_UP, concurrency)
    cpu, wall = time.process_time(), time.perf_counter()
    await _run_many(run, runs, concurrency)
    return Floor(name, (time.process_time() - cpu) * 1000 / runs, (time.perf_counter() - wall) * 1000 / runs)


async def _run_many(run: Run, runs: int, concurrency: int) -> None:
    numbers = iter(range(runs))

    async def work() -> None:
        for number in numbers:
            await run(number)

    await asyncio.gather(*(work() for _ in range(concurrency)))


def _build_works(provider: str) -> "list[AgentWork]":
    """Return the work of a worker, of a reviewer and of a release."""
    from compliance.capabilities import Grant
    from compliance.policy import builtin_policies
    from workflows.agents.types import AgentWork

    policy = next(policy for policy in builtin_policies() if policy.name == "default")
    works = []
    for stage in workflow_body(provider)["stages"]:
        role = stage.get("stage_role", "worker")
        work = AgentWork(
            execution_id="",
            role=role,
            task=stage["task"],
            document=stage.get("document"),
            inputs=(),
            subject=None if role == "worker" else TEXT,
            policy=policy,
            lineage_policies=(policy,),
            provider=provider,
            model=_MODELS[provider],
            budget_cents=1500,
            grant=Grant((), ()),
            finding_key=bytes(32),
        )
        works.append(work)
    return works


def _build_prompts(works: "list[AgentWork]") -> list[Any]:
    """Return the prompts of these works, as the product lays them out."""
    from workflows.agents.prompts import build_prompt

    return [build_prompt(work, "0123456789abcdef01234567", tools=False) for work in works]


def _make_model(provider: str, base_url: str, client: Any) -> tuple[Any, Any]:
    """Return the provider's SDK client and pydantic-ai's model over it."""
    if provider == "anthropic":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        anthropic = AsyncAnthropic(api_key="sk-benchmark", base_url=base_url, http_client=client)
        return anthropic, AnthropicModel(_MODELS[provider], provider=AnthropicProvider(anthropic_client=anthropic))
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    openai = AsyncOpenAI(api_key="sk-benchmark", base_url=base_url, http_client=client)
    return openai, OpenAIChatModel(_MODELS[provider], provider=OpenAIProvider(openai_client=openai))


def _run_agents(model: Any, prompts: list[Any], *, made_once: bool) -> Run:
    from pydantic_ai import Agent
    from pydantic_ai.output import ToolOutput

    from workflows.agents.answers import ReleaseOut, ReviewOut

    outputs: list[Any] = [str, ToolOutput(ReviewOut, name="answer"), ToolOutput(ReleaseOut, name="answer")]

    def make_agent(kind: int) -> Any:
        return Agent(model, output_type=outputs[kind], instructions=prompts[kind].instructions)

    agents = [make_agent(kind) for kind in range(len(ROLES))]

    async def run(number: int) -> object:
        kind = number % len(ROLES)
        agent = agents[kind] if made_once else make_agent(kind)
        return await agent.run(prompts[kind].material)

    return run


def _call_sdk(provider: str, sdk: Any, prompts: list[Any]) -> Run:
    name = _MODELS[provider]

    async def call_anthropic(number: int) -> object:
        prompt = prompts[number % len(ROLES)]
        said = [{"role": "user", "content": prompt.material}]
        stream = await sdk.messages.create(
            model=name, max_tokens=4096, system=prompt.instructions, messages=said, stream=True
        )
        return [event async for event in stream]

    async def call_openai(number: int) -> object:
        prompt = prompts[number % len(ROLES)]
        said = [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": prompt.material},
        ]
        return await sdk.chat.completions.create(model=name, messages=said)

    return call_anthropic if provider == "anthropic" else call_openai


class _NoJournal:
    """Takes everything down nowhere: what a journal costs is not the agent's."""

    async def record(self, kind: str, facts: Mapping[str, Any], payload: object) -> None:
        return

    async def reserve(
        self, need: "Need", entry: "Entry", settlement: "Settlement | None" = None
    ) -> "Reservation | None":
        from workflows.agents.types import Reservation

        return Reservation(need.worst(need.longest), need.longest)

    async def settle(self, settlement: "Settlement", entry: "Entry") -> int:
        return 0


class _NoDocuments:
    async def read(self, name: str) -> str | None:
        return None

    async def write(self, name: str, text: str) -> str:
        raise AssertionError("no stage of the benchmark writes a document")

    async def names(self) -> tuple[str, ...]:
        return ()


def _run_product(works: "list[AgentWork]", base_url: str) -> Run:
    import logging

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    # The product's own level for it, for every kind of run: a line for each request would be measured too.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    from workflows.agents.runner import run_agent

    provider = works[0].provider.upper()
    os.environ |= {f"{provider}_BASE_URL": base_url, f"{provider}_API_KEY": "sk-benchmark"}

    async def run(number: int) -> object:
        return await run_agent(works[number % len(works)], _NoJournal(), _NoDocuments())

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description="What the bare agent loop costs.")
    parser.add_argument("--provider", choices=sorted(_MODELS), default="openai")
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--base-url", help="a stub's that runs already; else one is started")
    parser.add_argument("--only-agents", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with nullcontext() if options.base_url else ModelStub() as stub:
        url = options.base_url or stub.base_url(options.provider)
        floors = asyncio.run(measure(options.provider, url, options.runs, options.concurrency, options.only_agents))
    if options.json:
        json.dump([asdict(floor) for floor in floors], sys.stdout)
        return
    print(f"{options.provider}, {options.runs} runs, {options.concurrency} at one time")
    for floor in floors:
        print(f"  {floor.name:<46}{floor.cpu:7.2f} ms CPU  {floor.wall:7.2f} ms wall, per run")


if __name__ == "__main__":
    main()
