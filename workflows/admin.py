"""Admin pages of workflows, stages, executions and their evidence. Statuses change through the services alone."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from compliance import roles
from compliance.content import load_readable_texts
from compliance.desk import (
    OwnRecordsAdmin,
    ReadOnlyAdmin,
    address_of,
    bullet_list,
    describe_agent,
    list_link,
    person_of,
    plain_text,
    reading_scope,
    record_link,
    short_digest,
)
from compliance.models import Certificate
from compliance.policies_in_force import load_policy_documents
from workflows import evidence_admin, price_admin  # noqa: F401  (register their pages)
from workflows.export import EvidenceDamaged, build_workflow_package, encode_package
from workflows.models import Execution, ExecutionEvent, Stage, StageDocument, WorkerHeartbeat, Workflow
from workflows.queries import visible_executions, visible_stages, visible_workflows
from workflows.redaction import redact_text
from workflows.replay_admin import replay_view
from workflows.requests import NotAllowed
from workflows.services import cancel_workflow
from workflows.settlement_admin import SettlingAdmin
from workflows.stage_inline import StageInline
from workflows.transitions import WORKFLOW_ENDS

_ERASED = "erased, or never there"
# By how many workflows their stages and executions are found: a search across all three tables would take minutes.
_MOST_FOUND = 500
_DIGEST_START = re.compile(r"[0-9a-f]{6,64}")
_SEARCH_HELP = "A whole id, the beginning of an artifact's digest, or words of the workflow's name."

# The queue's rows are wake-ups and no record; its schedules would run any function that is named in them.
for _queue_model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(_queue_model):
        admin.site.unregister(_queue_model)


@admin.register(Workflow)
class WorkflowAdmin(OwnRecordsAdmin):
    list_display = ("name", "status", "verdict", "owner", "mode", "stage_count", "created_at", "completed_at")
    list_filter = ("status", "verdict", "mode")
    list_select_related = ("owner",)
    search_fields = ("name", "description", "owner__username")
    fields = readonly_fields = (
        "id",
        "name",
        "description",
        "owner_shown",
        "mode",
        "status",
        "verdict",
        "reason_code",
        "reason_detail",
        "created_at",
        "updated_at",
        "completed_at",
        "evidence",
    )
    inlines = (StageInline,)
    actions = ("cancel_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        return visible_workflows(person_of(request), reading_scope(request)).select_related("owner")

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Callable[..., HttpResponse], str]] = [
            ("<uuid:workflow_id>/export/", self.export_view, "workflows_workflow_export"),
            ("<uuid:workflow_id>/cancel/", self.cancel_view, "workflows_workflow_cancel"),
            ("policy-replay/<str:policy_digest>/", replay_view, "policy-replay"),
        ]
        own = [path(route, self.admin_site.admin_view(view), name=name) for route, view, name in pages]
        return own + super().get_urls()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        workflow = self.get_object(request, object_id)
        may_cancel = (
            workflow is not None
            and workflow.status not in WORKFLOW_ENDS
            and roles.may_cancel(request.user, workflow.owner_id)
        )
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "may_cancel": may_cancel})

    @admin.display(description="owner")
    def owner_shown(self, workflow: Workflow) -> str:
        return workflow.owner.get_username()

    @admin.display(description="certificates")
    def evidence(self, workflow: Workflow) -> str:
        return list_link(Certificate, "chain of certificates", chain__id__exact=workflow.id)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Say whether the action is offered; for each workflow the service decides."""
        return roles.may_create_workflow(request.user)

    @admin.action(description="Cancel selected workflows", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Workflow]) -> None:
        for workflow in queryset:
            self._cancel(request, workflow)

    def cancel_view(self, request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
        """Cancel one workflow, from the button on its page."""
        return require_POST(self._cancel_and_return)(request, workflow_id)

    def export_view(self, request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
        """Hand out the audit package as a file, the same as the API's."""
        return require_GET(self._export)(request, workflow_id)

    def _cancel_and_return(self, request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
        workflow = self._find(request, workflow_id)
        self._cancel(request, workflow)
        return redirect(reverse("admin:workflows_workflow_change", args=[workflow.id]))

    def _cancel(self, request: HttpRequest, workflow: Workflow) -> None:
        try:
            ended = cancel_workflow(workflow_id=workflow.id, actor=person_of(request), address=address_of(request))
        except NotAllowed as error:
            self.message_user(request, f"Workflow “{workflow.name}”: {error}.", messages.ERROR)
            return
        self.message_user(
            request, f"Workflow “{workflow.name}” is {ended.get_status_display().lower()}.", messages.SUCCESS
        )

    def _export(self, request: HttpRequest, workflow_id: uuid.UUID) -> HttpResponse:
        workflow = self._find(request, workflow_id)
        try:
            package = encode_package(build_workflow_package(workflow))
        except EvidenceDamaged as error:
            self.message_user(request, f"The stored evidence does not hold together: {error}.", messages.ERROR)
            return redirect(reverse("admin:workflows_workflow_change", args=[workflow.id]))
        disposition = f'attachment; filename="workflow-{workflow.id}.json"'
        return HttpResponse(package, content_type="application/json", headers={"Content-Disposition": disposition})

    def _find(self, request: HttpRequest, workflow_id: uuid.UUID) -> Workflow:
        if not self.has_view_permission(request):
            raise PermissionDenied
        workflow = self.get_queryset(request).filter(id=workflow_id).first()
        if workflow is None:
            raise Http404
        return workflow


@admin.register(Stage)
class StageAdmin(OwnRecordsAdmin):
    list_display = ("stage_id", "workflow", "role", "policy", "status", "agent", "budget_cents", "started_at")
    list_filter = ("status", "role", "policy__name")
    list_select_related = ("workflow", "policy")
    search_fields = ("workflow__name",)
    search_help_text = "A whole id, or words of the workflow's name."
    fields = readonly_fields = (
        "uid",
        "workflow",
        "position",
        "stage_id",
        "name",
        "role",
        "policy",
        "agent",
        "budget_cents",
        "upstreams",
        "requested_permissions",
        "granted_permissions",
        "denials",
        "status",
        "reason_code",
        "reason_detail",
        "started_at",
        "completed_at",
        "runs",
        "task",
        "document",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        rows = visible_stages(person_of(request), reading_scope(request)).select_related("workflow", "policy")
        return rows.defer("sealed_api_key").order_by("-workflow__created_at", "-workflow_id", "position")

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("pk", "workflow_id")

    def find_by_words(self, request: HttpRequest, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        return queryset.filter(workflow__in=_find_workflows(request, words))

    @admin.display(description="agent")
    def agent(self, stage: Stage) -> str:
        return describe_agent(stage.provider, stage.model)

    @admin.display(description="upstream stages")
    def upstreams(self, stage: Stage) -> str:
        return bullet_list(stage.upstream_stage_ids)

    @admin.display(description="denied permissions")
    def denials(self, stage: Stage) -> str:
        return bullet_list(f"{denial['permission']}: {denial['detail']}" for denial in stage.denied_permissions)

    @admin.display(description="executions")
    def runs(self, stage: Stage) -> str:
        return bullet_list(record_link(execution) for execution in stage.executions.all())

    @admin.display(description="task")
    def task(self, stage: Stage) -> str:
        return _show_text(stage, stage.task_digest, [stage.policy.digest])

    @admin.display(description="document")
    def document(self, stage: Stage) -> str:
        return _show_text(stage, stage.document_digest, [stage.policy.digest])


@admin.register(Execution)
class ExecutionAdmin(SettlingAdmin):
    list_display = ("id", "stage_shown", "workflow", "status", "verdict", "reason_code", "cost_cents", "created_at")
    list_filter = ("status", "verdict", "stage__role", "stage__policy__name")
    list_select_related = ("stage__workflow", "stage__policy")
    search_fields = ("stage__workflow__name", "artifact_digest")
    search_help_text = _SEARCH_HELP
    fields = readonly_fields = (
        "id",
        "workflow",
        "stage_shown",
        "policy",
        "status",
        "verdict",
        "reason_code",
        "reason_detail",
        "agent",
        "agent_decision",
        "granted",
        "checks_shown",
        "artifact_digest",
        "subject_digest",
        "request_count",
        "input_tokens",
        "output_tokens",
        "cost_cents",
        "attempts",
        "created_at",
        "started_at",
        "completed_at",
        "evidence",
        "journal",
        "output",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Execution]:
        rows = visible_executions(person_of(request), reading_scope(request))
        return rows.select_related("stage__workflow", "stage__policy").defer("stage__sealed_api_key")

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("pk", "stage_id", "stage__workflow_id")

    def find_by_words(self, request: HttpRequest, queryset: QuerySet[Any], words: str) -> QuerySet[Any]:
        if _DIGEST_START.fullmatch(words):
            return queryset.filter(artifact_digest__startswith=words)
        return queryset.filter(stage__workflow__in=_find_workflows(request, words))

    @admin.display(description="stage", ordering="stage__stage_id")
    def stage_shown(self, execution: Execution) -> str:
        return record_link(execution.stage)

    @admin.display(description="workflow", ordering="stage__workflow__name")
    def workflow(self, execution: Execution) -> str:
        return record_link(execution.stage.workflow)

    @admin.display(description="policy")
    def policy(self, execution: Execution) -> str:
        return record_link(execution.stage.policy)

    @admin.display(description="agent")
    def agent(self, execution: Execution) -> str:
        return describe_agent(execution.provider or execution.stage.provider, execution.model)

    @admin.display(description="checks")
    def checks_shown(self, execution: Execution) -> str:
        return bullet_list(
            f"{'passed' if check['passed'] else 'NOT PASSED'}: {check['name']} ({check['detail']})"
            for check in execution.checks
        )

    @admin.display(description="granted permissions")
    def granted(self, execution: Execution) -> str:
        return bullet_list(execution.stage.granted_permissions)

    @admin.display(description="certificates")
    def evidence(self, execution: Execution) -> str:
        return list_link(Certificate, "certificates of this execution", execution_id__exact=execution.id)

    @admin.display(description="journal")
    def journal(self, execution: Execution) -> str:
        return list_link(ExecutionEvent, f"{execution.event_count} events", execution__id__exact=execution.id)

    @admin.display(description="output, redacted as the policies say")
    def output(self, execution: Execution) -> str:
        return _show_text(execution.stage, execution.artifact_digest, execution.lineage_policies)


@admin.register(ExecutionEvent)
class ExecutionEventAdmin(OwnRecordsAdmin):
    """The journal: what happened and how it was decided. Payloads are texts and stay in the content store."""

    list_display = ("created_at", "execution_id", "sequence", "kind", "facts", "digest_shown")
    list_filter = ("kind",)
    search_fields = ("kind", "digest")
    fields = readonly_fields = ("execution", "sequence", "kind", "facts", "digest", "created_at")
    list_select_related = ("execution",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExecutionEvent]:
        return _of_visible_executions(request, super().get_queryset(request))

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("execution_id",)

    @admin.display(description="digest")
    def digest_shown(self, event: ExecutionEvent) -> str:
        return short_digest(event.digest)


@admin.register(StageDocument)
class StageDocumentAdmin(OwnRecordsAdmin):
    list_display = ("name", "execution_id", "digest_shown", "created_at")
    search_fields = ("name", "digest")
    fields = readonly_fields = ("execution", "name", "digest", "created_at")
    list_select_related = ("execution",)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StageDocument]:
        return _of_visible_executions(request, super().get_queryset(request))

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("execution_id",)

    @admin.display(description="digest")
    def digest_shown(self, document: StageDocument) -> str:
        return short_digest(document.digest)


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "process_count", "started_at", "seen_at")
    fields = readonly_fields = ("name", "process_count", "started_at", "seen_at")
    search_fields = ("name",)
    ordering = ("-seen_at",)


def _find_workflows(request: HttpRequest, words: str) -> list[uuid.UUID]:
    """Return the newest workflows that the person may see and whose name holds those words."""
    rows = visible_workflows(person_of(request), reading_scope(request)).filter(name__icontains=words)
    return list(rows.values_list("id", flat=True)[:_MOST_FOUND])


def _of_visible_executions(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    scope = reading_scope(request)
    return rows if scope == "all" else rows.filter(execution__in=visible_executions(person_of(request), scope))


def _show_text(stage: Stage, digest: str, policy_digests: list[str]) -> str:
    """Show a text of the stage's workflow, redacted under those policies."""
    if not digest:
        return "–"
    pair = (stage.workflow_id, digest)
    text = load_readable_texts([pair]).get(pair)
    if text is not None:
        text = redact_text(text, load_policy_documents(set(policy_digests)).values())
    return plain_text(text, absent=_ERASED)
