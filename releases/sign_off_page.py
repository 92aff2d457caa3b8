"""The page on which a person signs off one release: what it rests on, and the form. One execution at a time.

The rules are in `releases.services`; this page shows what they answer.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest

from compliance.content import ContentError
from compliance.desk import address_of, bullet_list, person_of, plain_text, record_link
from compliance.inspection import inspect
from compliance.inspection.person_model_state import describe_person_model
from compliance.policies_in_force import load_policy_documents
from compliance.policy import PolicyDocument
from releases.api.throttles import SignOffThrottle
from releases.models import SignOff, SignOffDecision
from releases.queries import count_required_sign_offs
from releases.services import MAX_REASON_CHARACTERS, read_waiting_artifact, sign_off
from workflows.models import Execution
from workflows.requests import Conflict, NotAllowed, RequestRefused

MEANINGS = ("Approval for release", "Refusal of release", "Review", "Responsibility")


class SignOffForm(forms.Form):
    """`artifact_sha256` is the digest of what the page showed: if another artifact waits by then, nothing is signed."""

    decision = forms.ChoiceField(choices=SignOffDecision.choices, widget=forms.RadioSelect)
    meaning = forms.ChoiceField(choices=[(meaning, meaning) for meaning in MEANINGS])
    reason = forms.CharField(
        max_length=MAX_REASON_CHARACTERS, strip=False, widget=forms.Textarea(attrs={"rows": 4, "cols": 60})
    )
    password = forms.CharField(
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Your own, once more: it makes this your signature.",
    )
    artifact_sha256 = forms.CharField(widget=forms.HiddenInput)


@dataclass(frozen=True)
class Attempt:
    """What came of a posted form. `problem` is empty when the sign-off was given."""

    record: SignOff | None
    problem: str = ""
    status: int = 200


def try_to_sign(request: HttpRequest, execution: Execution, form: SignOffForm) -> Attempt:
    """Give the sign-off that a valid form asks for, as whoever is signed in."""
    throttle = SignOffThrottle()
    if not throttle.allow_request(request, None):  # type: ignore[arg-type]  # it reads the user of either request
        return Attempt(None, f"Too many attempts to sign; wait {int(throttle.wait() or 0) + 1} s.", 429)
    try:
        record = sign_off(
            execution_id=execution.id,
            actor=person_of(request),
            address=address_of(request),
            **form.cleaned_data,
        )
    except NotAllowed as error:
        return Attempt(None, f"Not signed: {error}.", 403)
    except Conflict as error:
        return Attempt(None, f"Not signed: {error}.", 409)
    except RequestRefused as error:
        return Attempt(None, f"Not signed: {error}.", 400)
    throttle.forget(request)
    return Attempt(record)


def describe_waiting_release(execution: Execution) -> dict[str, Any]:
    """Return what the template shows above the form. `artifact` is None when its text cannot be read."""
    policies = load_policy_documents(set(execution.lineage_policies)).values()
    try:
        text = read_waiting_artifact(execution)
    except (ContentError, Conflict) as error:
        return {"execution": execution, "artifact": None, "artifact_problem": str(error)}
    return {
        "execution": execution,
        "artifact": plain_text(text),
        "artifact_size": len(text.encode()),
        "policies": bullet_list(_describe_policy(policy) for policy in policies),
        "findings": bullet_list(_describe_findings(text, policies)),
        "reviewers": bullet_list(_describe_reviewers(execution)),
        "required": count_required_sign_offs([execution])[execution.id],
        "present": execution.sign_offs.filter(decision=SignOffDecision.APPROVE).count(),
    }


def _describe_policy(policy: PolicyDocument) -> str:
    count = policy.sign_offs.required
    return f"{policy.title} v{policy.version}: asks for {count} sign-off{'' if count == 1 else 's'}"


def _describe_findings(text: str, policies: Any) -> list[str]:
    """Count what the inspection finds under any of the policies, by type; the most that one policy finds.

    The last line says whether names in running prose were looked for at all.
    """
    counts: Counter[str] = Counter()
    for policy in policies:
        counts |= Counter(f"{finding.category}: {finding.type}" for finding in inspect(text, policy))
    found = [f"{name} × {count}" for name, count in sorted(counts.items())] or ["nothing found"]
    looked = any(describe_person_model(policy) == "ran" for policy in policies)
    return [*found, f"names in running prose: {'looked for' if looked else 'not looked for'} by a language model"]


def _describe_reviewers(execution: Execution) -> list[str]:
    stage = execution.stage
    reviews = Execution.objects.filter(
        stage__workflow_id=stage.workflow_id, stage__role="reviewer", stage__stage_id__in=stage.upstream_stage_ids
    )
    return [
        record_link(review, f"{review.stage.stage_id}: {review.agent_decision}, {review.get_verdict_display()}")
        for review in reviews.select_related("stage").order_by("stage__position")
    ]
