"""Admin pages of policies: reading a version, what it changes, drafting a new one, publishing and retiring.

The rules are in `compliance.policy_versions`; these pages show what they answer.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance import roles
from compliance.desk import (
    OwnRecordsAdmin,
    ReadOnlyAdmin,
    address_of,
    bullet_list,
    person_of,
    plain_text,
    record_link,
    short_digest,
)
from compliance.models import Policy, PolicyPublication, PolicyRetirement, PolicyStatus
from compliance.policies_in_force import UnknownPolicy, published_policies, read_policy_document
from compliance.policy import PolicyDocument, PolicyError, load_policy_yaml
from compliance.policy_text import compare_policies, render_policy_yaml
from compliance.policy_versions import (
    MAX_REASON_LENGTH,
    STATUS_CONDITIONS,
    PolicyConflict,
    PolicyNotAllowed,
    draft_policy,
    list_policy_versions,
    publish_policy,
    retire_policy,
)
from compliance.strict_yaml import MAX_BYTES


class DraftForm(forms.Form):
    """A policy document in YAML, kept exactly as it was typed."""

    document = forms.CharField(
        max_length=MAX_BYTES,
        strip=False,
        label="Document, in YAML",
        widget=forms.Textarea(attrs={"rows": 36, "class": "countersign-document", "spellcheck": "false"}),
    )

    policy: PolicyDocument

    def clean_document(self) -> str:
        text: str = self.cleaned_data["document"]
        try:
            self.policy = load_policy_yaml(text)
        except PolicyError as error:
            raise forms.ValidationError([str(problem) for problem in error.problems]) from error
        return text


class RetireForm(forms.Form):
    reason = forms.CharField(max_length=MAX_REASON_LENGTH, widget=forms.TextInput(attrs={"size": 80}))


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("in_force", "In force"), *((status.value, str(status.label)) for status in PolicyStatus)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Policy]) -> QuerySet[Policy]:
        return queryset.filter({**STATUS_CONDITIONS, "in_force": Q(found_in_force=True)}.get(self.value() or "", Q()))


@admin.register(Policy)
class PolicyAdmin(OwnRecordsAdmin):
    """Everybody who may sign in reads what is published; drafts are for those who work on policies."""

    list_display = ("name", "version", "status_shown", "digest_shown", "drafted_by_shown", "published_by", "created_at")
    list_filter = (StatusFilter, "name")
    search_fields = ("name", "digest")
    fields = readonly_fields = (
        "name",
        "version",
        "status_shown",
        "digest",
        "drafted_by_shown",
        "created_at",
        "published_by",
        "published_at",
        "retirement_shown",
        "changes_shown",
        "document_shown",
    )

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        return list_policy_versions(request.user)

    def get_urls(self) -> list[URLPattern]:
        def at(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"compliance_policy_{name}")

        return [
            at("draft/", self.draft_view, "draft"),
            at("<int:policy_id>/publish/", self.publish_view, "publish"),
            at("<int:policy_id>/retire/", self.retire_view, "retire"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(
            request, {**(extra_context or {}), "may_draft": roles.may_draft_policy(request.user)}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        policy = self.get_object(request, object_id)
        context = {**(extra_context or {}), **(_describe_actions(request, policy) if policy else {})}
        return super().change_view(request, object_id, form_url, context)

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        """Take a document, check it, and store it as a draft. `from` names the version that it starts from."""
        if not roles.may_draft_policy(person_of(request)):
            raise PermissionDenied("Drafting a policy takes the role policy_author.")
        form = DraftForm(request.POST or None, initial={"document": self._find_start(request)})
        checked, status = None, 200
        if request.method == "POST":
            status = 400
            if form.is_valid() and "check" in request.POST:
                checked, status = form.policy, 200
            elif form.is_valid():
                try:
                    draft = draft_policy(author=person_of(request), document=form.policy, address=address_of(request))
                    self.message_user(request, f"Drafted: {draft}. Another person may publish it.", messages.SUCCESS)
                    return redirect(_page_of(draft))
                except PolicyConflict as error:
                    form.add_error("document", f"Not drafted: {error}.")
                    status = 409
        context = {
            **self.admin_site.each_context(request),
            "title": "Draft a policy",
            "opts": self.opts,
            "form": form,
            "checked": checked,
            "changes": _show_changes(checked) if checked else "",
        }
        return render(request, "admin/compliance/policy/draft.html", context, status=status)

    def publish_view(self, request: HttpRequest, policy_id: int) -> HttpResponse:
        """Publish a draft, as whoever is signed in."""
        policy = self._find(request, policy_id)

        def publish() -> str:
            publish_policy(approver=person_of(request), policy=policy, address=address_of(request))
            return f"Published: {policy}. Workflows that are created from now on run under it."

        return self._act(request, policy, publish)

    def retire_view(self, request: HttpRequest, policy_id: int) -> HttpResponse:
        """Retire a version or withdraw a draft, as whoever is signed in."""
        policy = self._find(request, policy_id)
        was_draft = policy.status == PolicyStatus.DRAFT

        def retire() -> str:
            form = RetireForm(request.POST)
            reason = form.cleaned_data["reason"] if form.is_valid() else ""
            retire_policy(person=person_of(request), policy=policy, reason=reason, address=address_of(request))
            if was_draft:
                return f"Withdrawn: {policy}. It can no longer be published."
            return f"Retired: {policy}. It takes no new workflow; what runs under it ends under it."

        return self._act(request, policy, retire)

    @admin.display(description="status")
    def status_shown(self, policy: Policy) -> str:
        return f"{policy.status.label}, in force" if policy.in_force else str(policy.status.label)

    @admin.display(description="digest")
    def digest_shown(self, policy: Policy) -> str:
        return short_digest(policy.digest)

    @admin.display(description="drafted by")
    def drafted_by_shown(self, policy: Policy) -> str:
        return policy.drafted_by.get_username() if policy.drafted_by else "with the product"

    @admin.display(description="published by")
    def published_by(self, policy: Policy) -> str:
        if not hasattr(policy, "publication"):
            return "–"
        person = policy.publication.published_by
        return person.get_username() if person else "with the product"

    @admin.display(description="published at")
    def published_at(self, policy: Policy) -> str:
        return localize(policy.publication.published_at) if hasattr(policy, "publication") else "–"

    @admin.display(description="retired")
    def retirement_shown(self, policy: Policy) -> str:
        if not hasattr(policy, "retirement"):
            return "–"
        end = policy.retirement
        return format_html("{} by {}: {}", localize(end.retired_at), end.retired_by, end.reason)

    @admin.display(description="changes")
    def changes_shown(self, policy: Policy) -> SafeString | str:
        try:
            return _show_changes(read_policy_document(policy))
        except UnknownPolicy as error:
            return f"Not compared: {error}."

    @admin.display(description="document")
    def document_shown(self, policy: Policy) -> str:
        try:
            return plain_text(render_policy_yaml(read_policy_document(policy)))
        except UnknownPolicy as error:
            return plain_text(f"Not shown: {error}.")

    def _find(self, request: HttpRequest, policy_id: int) -> Policy:
        policy = self.get_queryset(request).filter(pk=policy_id).first()
        if policy is None:
            raise Http404
        return policy

    def _find_start(self, request: HttpRequest) -> str:
        """Return the document that a new draft starts from, its version raised."""
        digest = request.GET.get("from", "")
        start = self.get_queryset(request).filter(digest=digest).first() if digest.isalnum() else None
        if start is None:
            return ""
        try:
            document = read_policy_document(start)
        except UnknownPolicy:
            return ""
        newest = published_policies().filter(name=document.name).order_by("-version").first()
        version = max(document.version, newest.version if newest else 0) + 1
        return render_policy_yaml(document.model_copy(update={"version": version}))

    def _act(self, request: HttpRequest, policy: Policy, act: Callable[[], str]) -> HttpResponse:
        if request.method == "POST":
            try:
                self.message_user(request, act(), messages.SUCCESS)
            except (PolicyConflict, PolicyNotAllowed, ValueError) as error:
                self.message_user(request, f"Not done: {error}.", messages.ERROR)
        return redirect(_page_of(policy))


@admin.register(PolicyPublication)
class PolicyPublicationAdmin(OwnRecordsAdmin):
    list_display = ("name", "version", "published_by", "published_at")
    list_select_related = ("published_by",)
    search_fields = ("name",)
    fields = readonly_fields = ("policy", "name", "version", "published_by", "published_at")

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ()


@admin.register(PolicyRetirement)
class PolicyRetirementAdmin(ReadOnlyAdmin):
    list_display = ("policy", "retired_by", "retired_at", "reason")
    list_select_related = ("policy", "retired_by")
    search_fields = ("policy__name", "reason")
    fields = readonly_fields = ("policy", "retired_by", "retired_at", "reason")

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ()


def _show_changes(document: PolicyDocument) -> SafeString | str:
    """Say what a document changes against the newest published version before it, of the same name."""
    rows = published_policies().filter(name=document.name, version__lt=document.version)
    before = rows.order_by("-version").first()
    if before is None:
        return "There is no version before it."
    try:
        changes = compare_policies(read_policy_document(before), document)
    except UnknownPolicy as error:
        return f"Not compared: {error}."
    return format_html("Against {}: {}", record_link(before), bullet_list(changes) if changes else "nothing")


def _page_of(policy: Policy) -> str:
    return reverse("admin:compliance_policy_change", args=[policy.pk])


def _describe_actions(request: HttpRequest, policy: Policy) -> dict[str, Any]:
    """Return what the page offers: the services decide again when it is asked for."""
    person, status = person_of(request), policy.status
    own = policy.drafted_by_id == person.pk
    is_open = status in (PolicyStatus.DRAFT, PolicyStatus.PUBLISHED)
    may_end = roles.may_publish_policy(person) or (status == PolicyStatus.DRAFT and own)
    return {
        "may_draft": roles.may_draft_policy(person),
        "may_publish": status == PolicyStatus.DRAFT and roles.may_publish_policy(person) and not own,
        "retire_form": RetireForm() if is_open and may_end else None,
        "retire_words": "Withdraw the draft" if status == PolicyStatus.DRAFT else "Retire this version",
        "replay_address": _find_replay_page(policy) if roles.may_see_drafts(person) else "",
    }


def _find_replay_page(policy: Policy) -> str:
    """Return the page that tells what the policy would have done, which what runs workflows adds to the desk."""
    try:
        return reverse("admin:policy-replay", args=[policy.digest])
    except NoReverseMatch:
        return ""
