"""Creating a workflow: everything that can be known at the request is refused here, with the field and the reason."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from compliance.capabilities import CapabilityError, Grant, resolve
from compliance.content import SealedText, create_content_key, insert_sealed, seal_secret, seal_text
from compliance.known_relations import set_known_related
from compliance.models import Policy
from compliance.policies_in_force import RetiredPolicy, UnknownPolicy, find_policy, read_policy_document
from compliance.roles import may_create_workflow
from compliance.services import open_chain, record_audit_event
from workflows.agents.runner import FALLBACK_PROVIDER, model_problem, provider_problem, resolve_provider
from workflows.agents.types import TokenPrice
from workflows.facts import describe_request
from workflows.model_prices import load_own_prices
from workflows.models import Execution, Mode, Role, Stage, Workflow
from workflows.requests import (
    IdempotencyConflict,
    NotAllowed,
    PermissionsRefused,
    RequestRefused,
    StageRequest,
    WorkflowRequest,
)
from workflows.starting import start_stages

MAX_STAGES = 12


@dataclass(frozen=True)
class _PlannedStage:
    """A stage that may be written: what was asked for, resolved."""

    stage_id: str
    request: StageRequest
    policy: Policy
    provider: str
    grant: Grant


@dataclass(frozen=True)
class _Terms:
    """Where a request's policies and its providers' own prices are looked up."""

    find_policy: Callable[[str], Policy]
    find_prices: Callable[[str], Mapping[str, TokenPrice]]


def create_workflow(
    *, owner: User, request: WorkflowRequest, idempotency_key: str | None, address: str | None
) -> tuple[Workflow, bool]:
    """Create a workflow with its stages, first execution and wake-up in one transaction.

    Returns the workflow and whether it is new: the same idempotency key with the same request gives the same
    workflow. Raises NotAllowed, RequestRefused, PermissionsRefused or IdempotencyConflict.
    """
    if not may_create_workflow(owner):
        raise NotAllowed("creating a workflow takes the role operator or admin")
    request_digest = _digest_request(request) if idempotency_key else ""
    earlier = _find_earlier(owner, idempotency_key, request_digest)
    if earlier is not None:
        return earlier, False
    planned = _plan_stages(request)
    try:
        with transaction.atomic():
            return _write_workflow(owner, request, planned, idempotency_key, request_digest, address), True
    except IntegrityError:
        # Another request with the same key was faster; its workflow is the answer.
        earlier = _find_earlier(owner, idempotency_key, request_digest)
        if earlier is None:
            raise
        return earlier, False


def _find_earlier(owner: User, idempotency_key: str | None, request_digest: str) -> Workflow | None:
    if not idempotency_key:
        return None
    earlier = Workflow.objects.filter(owner=owner, idempotency_key=idempotency_key).first()
    if earlier is not None and not hmac.compare_digest(earlier.request_digest, request_digest):
        raise IdempotencyConflict(
            f"Idempotency-Key was used before with another body, for workflow {earlier.id}: send a new key"
        )
    return earlier


def _digest_request(request: WorkflowRequest) -> str:
    """Digest the whole request, provider keys included, under the server's secret, so that it gives no key away."""
    canonical = json.dumps(asdict(request), sort_keys=True).encode()
    return hmac.new(settings.SECRET_KEY.encode(), canonical, hashlib.sha256).hexdigest()


def _plan_stages(request: WorkflowRequest) -> list[_PlannedStage]:
    errors: dict[str, list[str]] = {}
    if request.mode not in Mode.values:
        errors["mode"] = [f"'{request.mode}' is not a mode; modes are {', '.join(Mode.values)}."]
    if request.webhook_url is not None:
        errors["webhook_url"] = ["Webhooks are not available yet: leave the field out."]
    if not 1 <= len(request.stages) <= MAX_STAGES:
        errors["stages"] = [f"A workflow has 1 to {MAX_STAGES} stages."]
    if errors:
        raise RequestRefused(errors)
    stage_ids = _assign_stage_ids(request, errors)
    planned = []
    # Looked up once for a request, which also means that all its stages see the same policies and prices.
    terms = _Terms(cache(find_policy), cache(load_own_prices))
    for position, stage in enumerate(request.stages):
        report = _reporter(errors, position)
        _check_upstreams(stage, stage_ids, position, request, report)
        result = _resolve_stage(stage, stage_ids[position], terms, report)
        if result is not None:
            planned.append(result)
    if errors:
        raise RequestRefused(errors)
    _refuse_empty_grants(planned)
    return planned


def _reporter(errors: dict[str, list[str]], position: int) -> Callable[[str, str], None]:
    def report(field: str, message: str) -> None:
        errors.setdefault(f"stages.{position}.{field}", []).append(message)

    return report


def _assign_stage_ids(request: WorkflowRequest, errors: dict[str, list[str]]) -> list[str]:
    """Return each stage's id, made where absent; report the ones that are used twice."""
    given = {stage.id for stage in request.stages if stage.id is not None}
    stage_ids: list[str] = []
    for position, stage in enumerate(request.stages):
        stage_id = stage.id
        if stage_id is None:
            stage_id = f"stage-{position + 1}"
            while stage_id in given:
                stage_id = f"stage-{uuid.uuid4().hex[:8]}"
        elif stage_id in stage_ids:
            _reporter(errors, position)("id", f"Stage id '{stage_id}' is used twice; ids are unique in a workflow.")
        stage_ids.append(stage_id)
    return stage_ids


def _check_upstreams(
    stage: StageRequest,
    stage_ids: list[str],
    position: int,
    request: WorkflowRequest,
    report: Callable[[str, str], None],
) -> None:
    earlier = stage_ids[:position]
    for upstream in stage.upstream_stage_ids:
        if upstream == stage_ids[position]:
            report("upstream_stage_ids", f"'{upstream}' is the stage itself; name an earlier stage.")
        elif upstream in stage_ids[position + 1 :] and upstream not in earlier:
            report("upstream_stage_ids", f"'{upstream}' is a later stage; name an earlier stage.")
        elif upstream not in earlier:
            report("upstream_stage_ids", f"No stage has the id '{upstream}'.")
    if len(set(stage.upstream_stage_ids)) != len(stage.upstream_stage_ids):
        report("upstream_stage_ids", "A stage is named twice.")
    roles = {request.stages[earlier.index(name)].stage_role for name in stage.upstream_stage_ids if name in earlier}
    if stage.stage_role == Role.RELEASE:
        if Role.REVIEWER not in roles:
            report("upstream_stage_ids", "A release stage must name at least one reviewer stage upstream.")
        if stage.document is not None:
            report("document", "A release stage takes no document: it releases what its reviewers approved.")
    if stage.stage_role == Role.REVIEWER and stage.document is not None and stage.upstream_stage_ids:
        report("document", "A reviewer reviews one text: give it a document or name stages upstream, not both.")


def _resolve_stage(
    stage: StageRequest, stage_id: str, terms: _Terms, report: Callable[[str, str], None]
) -> _PlannedStage | None:
    if stage.stage_role not in Role.values:
        report("stage_role", f"'{stage.stage_role}' is not a role; roles are {', '.join(Role.values)}.")
        return None
    provider = resolve_provider(stage.provider)
    if stage.api_key is not None and stage.provider is None:
        report("provider", "Name the provider that the stage's api_key is for.")
    elif stage.api_key is not None and provider == FALLBACK_PROVIDER:
        report("api_key", f"The {provider} agent has no language model and takes no key: leave the field out.")
    elif problem := provider_problem(provider, has_stage_key=stage.api_key is not None):
        report("provider", problem)
    elif stage.model is not None and (problem := model_problem(provider, stage.model, terms.find_prices(provider))):
        report("model", f"model_unpriced: {problem}.")
    try:
        policy = terms.find_policy(stage.compliance_policy)
    except RetiredPolicy as error:
        report("compliance_policy", f"The {error}; name one that is in force.")
        return None
    except UnknownPolicy:
        report("compliance_policy", f"No policy named '{stage.compliance_policy}' is published.")
        return None
    capabilities = read_policy_document(policy).capabilities
    try:
        grant = resolve(
            stage.permissions, capabilities.ceiling, capabilities.forbidden, capabilities.default, stage.stage_role
        )
    except CapabilityError as error:
        report("permissions", str(error))
        return None
    return _PlannedStage(stage_id, stage, policy, provider, grant)


def _refuse_empty_grants(planned: list[_PlannedStage]) -> None:
    """Refuse a stage whose requested permissions all fall outside its ceiling: it could do nothing it was made for."""
    for position, stage in enumerate(planned):
        if stage.request.permissions and not stage.grant.effective:
            raise PermissionsRefused(
                f"stages.{position}.permissions: stage '{stage.stage_id}' asks only for permissions that policy "
                f"'{stage.policy.name}' does not give it",
                [asdict(denial) for denial in stage.grant.denied],
            )


def _write_workflow(
    owner: User,
    request: WorkflowRequest,
    planned: list[_PlannedStage],
    idempotency_key: str | None,
    request_digest: str,
    address: str | None,
) -> Workflow:
    workflow = Workflow.objects.create(
        owner=owner,
        name=request.name,
        description=request.description,
        mode=request.mode,
        stage_count=len(planned),
        idempotency_key=idempotency_key,
        request_digest=request_digest,
    )
    key = create_content_key(workflow.id)
    texts = {text: seal_text(key, text) for stage in planned for text in _texts_of(stage.request)}
    insert_sealed(workflow.id, texts.values())
    stages = Stage.objects.bulk_create(
        [_build_stage(workflow, position, stage, texts) for position, stage in enumerate(planned)]
    )
    asked = describe_request(workflow, stages)
    open_chain(workflow.id, workflow=asked.workflow, stages=asked.stages)
    record_audit_event(
        actor=owner,
        action="workflow.create",
        target_type="workflow",
        target_id=str(workflow.id),
        address=address,
        detail=_describe_for_audit(planned),
    )
    _remember(workflow, stages, start_stages(workflow, stages, begun=()))
    return workflow


def _remember(workflow: Workflow, stages: Sequence[Stage], executions: Sequence[Execution]) -> None:
    """Let whoever answers with the new workflow find its stages and executions without reading them."""
    for stage in stages:
        set_known_related(stage, "executions", [run for run in executions if run.stage_id == stage.pk])
    set_known_related(workflow, "stages", stages)


def _texts_of(stage: StageRequest) -> tuple[str, ...]:
    return (stage.task,) if stage.document is None else (stage.task, stage.document)


def _build_stage(workflow: Workflow, position: int, planned: _PlannedStage, texts: Mapping[str, SealedText]) -> Stage:
    request = planned.request
    stage = Stage(
        workflow=workflow,
        position=position,
        stage_id=planned.stage_id,
        name=request.name,
        role=request.stage_role,
        task_digest=texts[request.task].digest,
        document_digest="" if request.document is None else texts[request.document].digest,
        policy=planned.policy,
        budget_cents=request.budget_cents,
        provider=planned.provider,
        model=request.model or "",
        requested_permissions=None if request.permissions is None else list(request.permissions),
        granted_permissions=list(planned.grant.effective),
        denied_permissions=[asdict(denial) for denial in planned.grant.denied],
        upstream_stage_ids=list(request.upstream_stage_ids),
    )
    if request.api_key is not None:
        stage.sealed_api_key = seal_secret(request.api_key, f"stage:{stage.uid}")
    return stage


def _describe_for_audit(planned: list[_PlannedStage]) -> Mapping[str, Any]:
    return {
        "stages": [
            {"id": stage.stage_id, "role": stage.request.stage_role, "policy": stage.policy.digest} for stage in planned
        ]
    }
