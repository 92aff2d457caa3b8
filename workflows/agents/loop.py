"""The agent loop of the language-model providers, over pydantic_ai, one node at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_ai import Agent, ModelRetry, RunContext
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.output import ToolOutput
from pydantic_ai.usage import UsageLimits
from pydantic_graph import End

from workflows.agents.answers import answer_format
from workflows.agents.budget import Meter
from workflows.agents.call_rules import ModelCallRules
from workflows.agents.history import read_history
from workflows.agents.model import GovernedModel, ModelContext
from workflows.agents.prompts import Prompt, build_prompt, choose_marker
from workflows.agents.run_journal import RunJournal
from workflows.agents.scrubbing import Scrubber
from workflows.agents.settings import AgentSettings
from workflows.agents.tools import TOOLS
from workflows.agents.tools.dispatch import Dispatcher, arguments_as_json
from workflows.agents.toolset import GovernedToolset
from workflows.agents.types import AgentFailure, AgentResult, AgentWork, Documents, FailureCode, Ledger, Role

ANSWER_TOOL = "answer"


@dataclass(frozen=True)
class _RunArguments:
    """What one run gives its role's agent."""

    work: AgentWork
    model: GovernedModel
    prompt: Prompt
    toolset: GovernedToolset


@dataclass
class _Outcome:
    """How far a run came: whether it gave a structured answer at all, and its output once it has one."""

    tried_to_answer: bool = False
    output: Any = None


async def run_language_model(
    work: AgentWork,
    *,
    model: Model,
    model_name: str,
    streams: bool,
    journal: Ledger,
    documents: Documents,
    scrubber: Scrubber,
    settings: AgentSettings,
) -> AgentResult:
    """Run the work on a language model, on from its history. Raises AgentFailure, OutcomeUnknown or RetryLater."""
    meter = Meter(work, model_name)
    run_journal = RunJournal(journal, scrubber)
    history = read_history(work.history)
    dispatcher = Dispatcher(work, TOOLS, run_journal, documents, settings, history)
    how = answer_format(work.role)
    prompt = build_prompt(work, choose_marker(work) or settings.marker(), tools=bool(dispatcher.offered))
    rules = ModelCallRules(work, prompt, run_journal, model_name)
    governed = GovernedModel(
        model,
        ModelContext(work.provider, model_name, streams, meter, run_journal, scrubber, settings, rules, history),
    )
    run = _RunArguments(work, governed, prompt, GovernedToolset(dispatcher, max_retries=settings.max_requests))
    outcome = _Outcome()
    try:
        await _drive(_agent_of(work.role, settings.max_requests), run, dispatcher, outcome)
    except AgentRunError:
        raise governed.failure or _no_answer(work, meter, outcome) from None
    return AgentResult(
        answer=how.convert(work, outcome.output),
        provider=work.provider,
        model=model_name,
        usage=meter.usage,
    )


@cache
def _agent_of(role: Role, max_requests: int) -> Agent[Any, Any]:
    """Return the agent of a role: what it is made of costs more than a request, and no run changes it."""
    how = answer_format(role)
    agent: Agent[Any, Any] = Agent(
        output_type=str if how.schema is None else ToolOutput(how.schema, name=ANSWER_TOOL),
        retries={"tools": max_requests, "output": 1},
        # With its answer an agent is done: what it asks to be called along with it is not called.
        end_strategy="early",
    )

    @agent.output_validator
    def check(context: RunContext[Any], output: Any) -> Any:
        problem = how.problem(context.deps, output)
        if problem is not None:
            raise ModelRetry(problem)
        return output

    return agent


async def _drive(agent: Agent[Any, Any], arguments: _RunArguments, dispatcher: Dispatcher, outcome: _Outcome) -> None:
    model = arguments.model
    async with agent.iter(
        arguments.prompt.material,
        model=model,
        deps=arguments.work,
        instructions=arguments.prompt.instructions,
        toolsets=[arguments.toolset] if dispatcher.offered else None,
        usage_limits=UsageLimits(request_limit=None),
    ) as run:
        node: Any = run.next_node
        while not isinstance(node, End):
            calls: Sequence[ToolCallPart] = ()
            dispatcher.begin_step(model.answers)
            if Agent.is_call_tools_node(node):
                calls = node.model_response.tool_calls
                outcome.tried_to_answer |= any(call.tool_name == ANSWER_TOOL for call in calls)
            try:
                node = await run.next(node)
            except AgentRunError:
                await _note_skipped(calls, dispatcher)
                raise
            await _note_skipped(calls, dispatcher)
    outcome.output = node.data.output


async def _note_skipped(calls: Sequence[ToolCallPart], dispatcher: Dispatcher) -> None:
    """Journal the calls that pydantic_ai did not pass on, so that each one asked for has its decision."""
    offered = {declaration.name for declaration in dispatcher.offered}
    for call in calls:
        if call.tool_name == ANSWER_TOOL:
            continue
        known = call.tool_name in offered
        await dispatcher.note_skipped(
            call.tool_name,
            call.tool_call_id,
            "answer_given" if known else "unknown_tool",
            "the agent answered in the same breath" if known else "no such tool is offered",
            arguments_as_json(call.args),
        )


def _no_answer(work: AgentWork, meter: Meter, outcome: _Outcome) -> AgentFailure:
    """Return the reason of a run whose model was served, but that ended without a usable answer."""
    code: FailureCode = "malformed_answer"
    detail = "the answer is not of the form that was asked for, nor was the second one"
    if work.role == "reviewer" and not outcome.tried_to_answer:
        code, detail = "no_verdict", "the reviewer gave no structured verdict, although it was asked twice"
    return meter.failure(code, detail)
