"""What one seed asks for: workflows with what their models will say, and how each has to end. Pure functions of it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from workflows.requests import StageRequest, WorkflowRequest

SIGNED_POLICY = "legal_privilege"
STAGE_KEY = "sk-chaos-stage-key"
EFFECT_TOOL = "effect_apply"
MOST_FAULTS = 2

Fault = Literal[
    "429",
    "429_retry_after",
    "429_retry_long",
    "500",
    "529",
    "529_retry_after",
    "stall",
    "stall_begun",
    "half",
    "broken",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
_RARE: Mapping[Fault, float] = {"429_retry_long": 0.3}


@dataclass(frozen=True)
class Call:
    """One call of a tool that the model asks for. `reference` names it among all of the run."""

    tool: str
    arguments: Mapping[str, str]
    reference: str


@dataclass(frozen=True)
class Stage:
    """A stage, and its model's answers: first the `turns` with calls, then the answer of its role."""

    key: str
    stage_id: str
    role: Literal["intake", "worker", "reviewer", "release"]
    provider: str
    upstream: tuple[str, ...] = ()
    policy: str = "default"
    document: str | None = None
    has_own_key: bool = False
    decision: str = ""
    turns: tuple[tuple[Call, ...], ...] = ()


@dataclass(frozen=True)
class Workflow:
    """`person` is what the signer of its release does; None where none is asked. `end` is how it has to end."""

    name: str
    number: int
    parallel: bool
    stages: tuple[Stage, ...]
    person: Literal["approve", "reject", "never"] | None
    end: str


def plan_workflows(seed: int, count: int) -> tuple[Workflow, ...]:
    """Return the seed's workflows; the first ones are the same whatever the count."""
    return tuple(_plan_workflow(number, random.Random(f"{seed}:workflow:{number}")) for number in range(count))


def plan_faults(seed: int, key: str, request: int) -> tuple[Fault, ...]:
    """Return how a model fails, in turn, before it answers a stage's request of that number (1 for the first)."""
    draw = random.Random(f"{seed}:faults:{key}:{request}")
    if draw.random() > 0.22:
        return ()
    weights = [_RARE.get(fault, 1.0) for fault in FAULTS]
    return tuple(draw.choices(FAULTS, weights, k=draw.randint(1, MOST_FAULTS)))


def plan_delay(seed: int, key: str, request: int, arrival: int) -> float:
    """Return the seconds that a model thinks about a request that arrives for that time (0 for the first)."""
    draw = random.Random(f"{seed}:delay:{key}:{request}:{arrival}")
    return draw.choice((0.0, 0.05, 0.2, 0.5, 1.0)) * (0.5 + draw.random())


def build_request(workflow: Workflow, *, parallel: bool) -> WorkflowRequest:
    """Return the workflow as it is asked for; `parallel` says whether the product can do that."""
    return WorkflowRequest(
        name=workflow.name,
        mode="parallel" if parallel and workflow.parallel else "sequential",
        stages=tuple(
            StageRequest(
                id=stage.stage_id,
                name=stage.stage_id,
                task=f"This is {stage.key}. Do what your role asks for.",
                stage_role=stage.role,
                provider=stage.provider,
                api_key=STAGE_KEY if stage.has_own_key else None,
                compliance_policy=stage.policy,
                upstream_stage_ids=stage.upstream,
                document=stage.document,
            )
            for stage in workflow.stages
        ),
    )


def _plan_workflow(number: int, draw: random.Random) -> Workflow:
    size = draw.choices((2, 3, 4, 5), (2, 4, 4, 3))[0]
    parallel = size >= 4 and draw.random() < 0.5
    stages = _build_stages(number, size, parallel, draw)
    rejected = any(stage.decision == "rejected" for stage in stages)
    person, end = None, "completed"
    if stages[-1].policy == SIGNED_POLICY:
        person = draw.choices(("approve", "reject", "never"), (6, 1, 1))[0]
    if rejected:
        person, end = None, "blocked"
    elif person == "reject":
        end = "blocked"
    elif person == "never":
        end = "awaiting_sign_off"
    return Workflow(f"chaos-{number}", number, parallel, stages, person, end)


def _build_stages(number: int, size: int, parallel: bool, draw: random.Random) -> tuple[Stage, ...]:
    """Two stages review a document and release it; before a review of what was made stand an intake and workers."""
    stages: list[Stage] = []
    for position in range(size - 2):
        role: Literal["intake", "worker"] = "intake" if position == 0 and size > 3 else "worker"
        if parallel and position > 0:
            upstream: tuple[str, ...] = (stages[0].stage_id,)
        else:
            upstream = (stages[-1].stage_id,) if stages else ()
        stages.append(_make(number, len(stages), role, upstream, draw))
    reviewed = (stages[-1].stage_id,) if stages else ()
    stages.append(_make(number, len(stages), "reviewer", reviewed, draw))
    stages.append(_make(number, len(stages), "release", (stages[-1].stage_id,), draw))
    return tuple(stages)


def _make(
    number: int,
    position: int,
    role: Literal["intake", "worker", "reviewer", "release"],
    upstream: tuple[str, ...],
    draw: random.Random,
) -> Stage:
    key = f"chaos-{number}-s{position}"
    provider = draw.choices(("anthropic", "openai", "embedded"), (6, 5, 1))[0]
    decision = ""
    if role == "reviewer":
        decision = "rejected" if provider != "embedded" and draw.random() < 0.04 else "approved"
    elif role == "release":
        decision = "release"
    return Stage(
        key=key,
        stage_id=f"s{position}",
        role=role,
        provider=provider,
        upstream=upstream,
        policy=SIGNED_POLICY if role == "release" and draw.random() < 0.2 else "default",
        document=_text(key) if role != "release" and not upstream else None,
        has_own_key=provider != "embedded" and draw.random() < 0.3,
        decision=decision,
        turns=_plan_turns(key, role, upstream, draw) if provider != "embedded" else (),
    )


def _plan_turns(key: str, role: str, upstream: tuple[str, ...], draw: random.Random) -> tuple[tuple[Call, ...], ...]:
    """Return the calls of each answer before the last; an answer may ask for several at once."""
    turns: list[tuple[Call, ...]] = []
    if role in {"worker", "reviewer"} and upstream and draw.random() < 0.5:
        turns.append((Call("document_read", {"name": f"notes-{upstream[0]}"}, f"{key}-read"),))
    if role == "worker" and draw.random() < 0.7:
        wanted = range(draw.randint(1, 3))
        turns.append(tuple(_effect(f"{key}-effect{part}") for part in wanted))
    if role in {"intake", "worker"}:
        write = Call("document_write", {"name": f"notes-{key.rpartition('-')[2]}", "text": _text(key)}, f"{key}-write")
        last = (_effect(f"{key}-last"),) if role == "worker" and draw.random() < 0.3 else ()
        turns.append((write, *last))
    return tuple(turns)


def _effect(reference: str) -> Call:
    return Call(EFFECT_TOOL, {"reference": reference}, reference)


def _text(key: str) -> str:
    group = key.removeprefix("chaos-").replace("-s", " of part ")
    return f"The workshop of group {group} opens its doors in spring. Visitors are welcome when the gates stand open."


def answer_text(stage: Stage) -> str:
    """Return what a stage that makes an artifact answers."""
    return f"Result. {_text(stage.key)}"
