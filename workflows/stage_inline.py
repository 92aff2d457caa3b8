"""The stages of a workflow as its admin page lists them."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from compliance.desk import TabularInline, describe_agent, record_link
from workflows.models import Stage


class StageInline(TabularInline):
    """The stages of a workflow, in order, each with a link to its page."""

    model = Stage
    extra = 0
    can_delete = False
    show_change_link = False
    ordering = ("position",)
    fields = readonly_fields = (
        "position",
        "link",
        "role",
        "policy",
        "upstreams",
        "agent",
        "status",
        "verdict",
        "reason_code",
    )

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True  # whoever sees the workflow sees its stages

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stage]:
        rows = super().get_queryset(request).select_related("policy").defer("sealed_api_key")
        return rows.prefetch_related("executions")

    @admin.display(description="stage")
    def link(self, stage: Stage) -> str:
        return record_link(stage, stage.stage_id)

    @admin.display(description="after")
    def upstreams(self, stage: Stage) -> str:
        """The stages that it names; in sequence it also comes after all before it."""
        return ", ".join(stage.upstream_stage_ids) or "–"

    @admin.display(description="agent")
    def agent(self, stage: Stage) -> str:
        return describe_agent(stage.provider, stage.model)

    @admin.display(description="verdict")
    def verdict(self, stage: Stage) -> str:
        return ", ".join(execution.get_verdict_display() or "–" for execution in stage.executions.all()) or "–"
