"""Admin pages of sign-offs, and the page on which one is given."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse

from compliance import roles
from compliance.desk import OwnRecordsAdmin, person_of, reading_scope, short_digest
from releases.models import SignOff
from releases.services import pending_sign_offs
from releases.sign_off_page import SignOffForm, describe_waiting_release, try_to_sign
from workflows.admin import ExecutionAdmin
from workflows.models import Execution
from workflows.queries import visible_executions

admin.site.unregister(Execution)


@admin.register(Execution)
class SignableExecutionAdmin(ExecutionAdmin):
    """Executions, with a link to the sign-off page on those that wait for one."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.sign_off_view)
        return [path("<uuid:execution_id>/sign-off/", view, name="workflows_execution_sign_off"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        execution = self.get_object(request, object_id)
        if execution is not None and self._waits_for(request, execution):
            context["sign_off_address"] = reverse("admin:workflows_execution_sign_off", args=[execution.id])
        return super().change_view(request, object_id, form_url, context)

    def sign_off_view(self, request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
        """Show what waits, and take one person's decision about it."""
        execution = self.get_queryset(request).filter(id=execution_id).first()
        if execution is None:
            raise Http404
        if not roles.may_sign_off(person_of(request)):
            raise PermissionDenied("Signing off takes the role approver.")
        problem, status = "", 200
        form = SignOffForm(request.POST or None, initial={"artifact_sha256": execution.subject_digest})
        if request.method == "POST":
            status = 400
            if form.is_valid():
                attempt = try_to_sign(request, execution, form)
                if attempt.record is not None:
                    return self._confirm(request, attempt.record)
                problem, status = attempt.problem, attempt.status
                execution = self.get_queryset(request).get(id=execution_id)
        if not self._waits_for(request, execution):
            self.message_user(request, problem or "This execution does not wait for a sign-off.", messages.ERROR)
            return redirect(reverse("admin:workflows_execution_change", args=[execution.id]))
        return self._show(request, execution, form, problem, status)

    def _show(
        self, request: HttpRequest, execution: Execution, form: SignOffForm, problem: str, status: int
    ) -> HttpResponse:
        if status == 409:  # the digest in the form is stale: it is offered anew, for the artifact that is shown now
            form = SignOffForm(initial={"artifact_sha256": execution.subject_digest})
        context = {
            **self.admin_site.each_context(request),
            **describe_waiting_release(execution),
            "title": f"Sign off: {execution.stage.workflow.name}",
            "opts": self.opts,
            "form": form,
            "problem": problem,
        }
        return render(request, "admin/sign_off.html", context, status=status)

    def _confirm(self, request: HttpRequest, record: SignOff) -> HttpResponse:
        words = f"Signed: {record.get_decision_display().lower()} of {record.artifact_digest}, certificate "
        self.message_user(request, words + str(record.certificate_id), messages.SUCCESS)
        return redirect(reverse("admin:releases_signoff_change", args=[record.id]))

    def _waits_for(self, request: HttpRequest, execution: Execution) -> bool:
        person = person_of(request)
        return roles.may_sign_off(person) and pending_sign_offs(person).filter(id=execution.id).exists()


@admin.register(SignOff)
class SignOffAdmin(OwnRecordsAdmin):
    list_display = ("created_at", "signer", "decision", "artifact_shown", "execution_id", "certificate_id")
    list_filter = ("decision",)
    list_select_related = ("signer",)
    search_fields = ("artifact_digest", "signer__username")
    fields = readonly_fields = (
        "id",
        "execution",
        "signer_shown",
        "decision",
        "artifact_digest",
        "certificate",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignOff]:
        rows, scope = super().get_queryset(request).select_related("execution", "certificate"), reading_scope(request)
        return rows if scope == "all" else rows.filter(execution__in=visible_executions(person_of(request), scope))

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("pk", "execution_id", "certificate_id")

    @admin.display(description="signer")
    def signer_shown(self, record: SignOff) -> str:
        return record.signer.get_username()

    @admin.display(description="artifact")
    def artifact_shown(self, record: SignOff) -> str:
        return short_digest(record.artifact_digest)
