"""The admin's page on what a policy would have done to past executions. It only reads, and so it is a GET form.

The rules are in `workflows.policy_replay`; this page shows what it answers.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from compliance import roles
from compliance.desk import bullet_list, person_of, record_link
from compliance.models import Policy
from compliance.policies_in_force import UnknownPolicy, published_policies, read_policy_document
from compliance.policy_versions import list_policy_versions
from workflows.models import Execution
from workflows.policy_replay import replay_policy
from workflows.replay_records import PolicyReplay
from workflows.replay_report import describe_outcome

MAX_EXECUTIONS = 500
_DEFAULT_DAYS = 30


class ReplayForm(forms.Form):
    """From which day on, in UTC, and in whose place the policy would have stood."""

    since = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}),
        label="Ended since",
        help_text=f"The {MAX_EXECUTIONS} newest of them are looked at.",
    )
    in_place_of = forms.ChoiceField()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        names = published_policies().order_by("name").values_list("name", flat=True).distinct()
        self.fields["in_place_of"] = forms.ChoiceField(
            label="In place of",
            choices=[(name, name) for name in names],
            help_text="The policy whose versions it would have replaced.",
        )


@require_GET
def replay_view(request: HttpRequest, policy_digest: str) -> HttpResponse:
    """Show every verdict that a draft, or a published version, would have changed, and why."""
    person = person_of(request)
    if not roles.may_see_drafts(person):
        raise PermissionDenied("What a policy would have done is shown to policy authors, approvers, auditors, admins.")
    policy = list_policy_versions(person).filter(digest=policy_digest).first()
    if policy is None:
        raise Http404
    form = _fill_form(request, policy)
    context = {
        **admin.site.each_context(request),
        "title": f"What would {policy} have done?",
        "policy": policy,
        "policy_link": record_link(policy),
        "form": form,
        **(_run(policy, form, may_read=roles.may_read_everything(person)) if form.is_valid() else {}),
    }
    return render(request, "admin/workflows/policy_replay.html", context, status=400 if form.errors else 200)


def _fill_form(request: HttpRequest, policy: Policy) -> ReplayForm:
    """Return what is asked for: at first the last days, where anything can have run under the policy's name."""
    if "since" in request.GET:
        return ReplayForm(request.GET)
    since: date = (timezone.now() - timedelta(days=_DEFAULT_DAYS)).date()
    defaults = {"since": since.isoformat(), "in_place_of": policy.name}
    known = published_policies().filter(name=policy.name).exists()
    return ReplayForm(defaults) if known else ReplayForm(initial=defaults)


def _run(policy: Policy, form: ReplayForm, *, may_read: bool) -> dict[str, Any]:
    since = datetime.combine(form.cleaned_data["since"], time.min, tzinfo=UTC)
    try:
        replay = replay_policy(
            read_policy_document(policy),
            since=since,
            limit=MAX_EXECUTIONS,
            in_place_of=form.cleaned_data["in_place_of"],
        )
    except UnknownPolicy as error:
        return {"problem": str(error)}
    return {"replay": replay, **_describe_rows(replay, may_read)}


def _describe_rows(replay: PolicyReplay, may_read: bool) -> dict[str, Any]:
    return {
        "changes": [
            {
                "ended_at": change.ended_at,
                "execution": _link(change.execution_id, change.stage_id, may_read),
                "policy": change.policy,
                "was": describe_outcome(change.was),
                "would_be": describe_outcome(change.would_be),
                "reasons": bullet_list(change.reasons),
            }
            for change in replay.changes
        ],
        "unevaluable": [
            {
                "ended_at": missing.ended_at,
                "execution": _link(missing.execution_id, missing.stage_id, may_read),
                "detail": missing.detail,
            }
            for missing in replay.not_evaluable
        ],
    }


def _link(execution_id: Any, stage_id: str, may_read: bool) -> SafeString | str:
    """Link to an execution for those who may read all of them; a policy's author sees what it is called alone."""
    return record_link(Execution(pk=execution_id), stage_id) if may_read else f"{stage_id} ({execution_id})"
