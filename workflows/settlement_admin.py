"""The page on which a person settles a tool call of unknown outcome. The rules are in `workflows.settlement`."""

import json
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from rest_framework.exceptions import ParseError

from compliance import roles
from compliance.api.parsers import parse_json
from compliance.desk import OwnRecordsAdmin, address_of, person_of, plain_text
from compliance.policies_in_force import load_policy_documents
from workflows.models import Execution, Stage
from workflows.redaction import redact_text
from workflows.requests import Conflict, NotAllowed, RequestRefused
from workflows.settlement import (
    MAX_REASON_CHARACTERS,
    MAX_RESULT_BYTES,
    OUTCOMES,
    UnknownCall,
    find_unknown_call,
    settle_execution,
    waits_for_settlement,
)


class SettlementForm(forms.Form):
    """What a person decides, about the call that they were shown: `call` is the number of its event in the journal.

    The result is asked for as JSON, for that is what the agent is told.
    """

    call = forms.IntegerField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(choices=OUTCOMES, widget=forms.RadioSelect)
    result = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_RESULT_BYTES,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text="Only where it happened: what the agent is told, a JSON object such as {}.",
    )
    reason = forms.CharField(
        max_length=MAX_REASON_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="It stands in the evidence of the stage.",
    )

    def clean_result(self) -> Any:
        text = self.cleaned_data["result"]
        if not text.strip():
            return None
        try:
            result = parse_json(text.encode())
        except ParseError as error:
            raise forms.ValidationError(f"This is no JSON object that can be stored. {error.detail}") from None
        if not isinstance(result, dict):
            raise forms.ValidationError("This is no JSON object.")
        return result


class SettlingAdmin(OwnRecordsAdmin):
    """Executions, with a link to the settlement page on those that wait for one."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.settle_view)
        return [path("<uuid:execution_id>/settle/", view, name="workflows_execution_settle"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        execution = self.get_object(request, object_id)
        if execution is not None and waits_for_settlement(execution) and roles.may_settle(person_of(request)):
            context["settle_address"] = reverse("admin:workflows_execution_settle", args=[execution.id])
        return super().change_view(request, object_id, form_url, context)

    def settle_view(self, request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
        """Show the call of unknown outcome, and take one person's decision about it."""
        execution: Execution | None = self.get_queryset(request).filter(id=execution_id).first()
        if execution is None:
            raise Http404
        if not roles.may_settle(person_of(request)):
            raise PermissionDenied("Settling an unknown outcome takes the role approver or admin.")
        call = find_unknown_call(execution) if waits_for_settlement(execution) else None
        form, status = SettlementForm(request.POST or None, initial={"call": call and call.event.sequence}), 200
        if request.method == "POST":
            status = 400
            if form.is_valid():
                try:
                    return self._settle(request, execution, form)
                except (NotAllowed, Conflict) as error:
                    self.message_user(request, f"Not settled: {error}.", messages.ERROR)
                    return redirect(reverse("admin:workflows_execution_change", args=[execution.id]))
                except RequestRefused as error:
                    for field, problems in error.errors.items():
                        form.add_error(field, problems)
        if call is None:
            self.message_user(request, "This execution waits for no call to be settled.", messages.ERROR)
            return redirect(reverse("admin:workflows_execution_change", args=[execution.id]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Settle: {execution.stage.workflow.name}",
            "opts": self.opts,
            "execution": execution,
            "call": call,
            "arguments": _show_arguments(execution, call),
            "form": form,
        }
        return render(request, "admin/settle.html", context, status=status)

    def _settle(self, request: HttpRequest, execution: Execution, form: SettlementForm) -> HttpResponse:
        fields = dict(form.cleaned_data)
        settled = settle_execution(
            execution_id=execution.id,
            actor=person_of(request),
            address=address_of(request),
            call_sequence=fields.pop("call"),
            **fields,
        )
        self.message_user(request, f"Settled: the execution is {settled.get_status_display().lower()}.")
        return redirect(reverse("admin:workflows_execution_change", args=[execution.id]))


def _show_arguments(execution: Execution, call: UnknownCall) -> SafeString:
    """Show a call's arguments, redacted as exports are: under every policy of the workflow."""
    if call.arguments is None:
        return plain_text(None, absent="erased")
    workflow = Stage.objects.filter(workflow_id=execution.stage.workflow_id)
    digests = set(workflow.values_list("policy__digest", flat=True))
    text = json.dumps(call.arguments, ensure_ascii=False, indent=2)
    return plain_text(redact_text(text, load_policy_documents(digests).values()))
