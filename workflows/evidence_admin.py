"""Admin pages of certificates and their chains. They lie in compliance; whose they are only workflows knows."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from compliance.desk import OwnRecordsAdmin, person_of, plain_text, reading_scope, short_digest
from compliance.desk_lists import offer_values
from compliance.envelope import parse_envelope
from compliance.models import Certificate, EvidenceChain
from compliance.policies_in_force import list_published_names
from workflows.api.certificates import OUTCOMES
from workflows.models import Role, Verdict
from workflows.queries import visible_certificates, visible_workflows


@admin.register(EvidenceChain)
class EvidenceChainAdmin(OwnRecordsAdmin):
    list_display = ("id", "length", "head_shown", "closed_at")
    list_filter = (("closed_at", admin.EmptyFieldListFilter),)
    search_fields = ("head_digest",)
    fields = readonly_fields = ("id", "length", "head_digest", "closed_at")
    ordering = ("-closed_at", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvidenceChain]:
        rows, scope = super().get_queryset(request), reading_scope(request)
        return rows if scope == "all" else rows.filter(id__in=visible_workflows(person_of(request), scope).values("id"))

    @admin.display(description="head")
    def head_shown(self, chain: EvidenceChain) -> str:
        return short_digest(chain.head_digest)


@admin.register(Certificate)
class CertificateAdmin(OwnRecordsAdmin):
    list_display = ("kind", "chain_id", "sequence", "stage_id", "outcome", "verdict", "subject_shown", "issued_at")
    list_filter = (
        "kind",
        offer_values("outcome", lambda: OUTCOMES),
        offer_values("verdict", lambda: Verdict.values),
        offer_values("role", lambda: Role.values),
        offer_values("policy_name", list_published_names),
    )
    search_fields = ("digest", "subject_digest", "stage_id")
    fields = readonly_fields = (
        "id",
        "chain",
        "sequence",
        "kind",
        "digest",
        "key",
        "execution_id",
        "stage_id",
        "role",
        "policy_name",
        "outcome",
        "verdict",
        "subject_digest",
        "issued_at",
        "statement",
        "envelope_shown",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Certificate]:
        return visible_certificates(person_of(request), reading_scope(request)).defer("envelope")

    def uuid_fields(self, queryset: QuerySet[Any]) -> tuple[str, ...]:
        return ("pk", "chain_id", "execution_id")

    @admin.display(description="subject")
    def subject_shown(self, certificate: Certificate) -> str:
        return short_digest(certificate.subject_digest)

    @admin.display(description="statement")
    def statement(self, certificate: Certificate) -> str:
        """Show the signed bytes, laid out to be read."""
        payload = parse_envelope(bytes(certificate.envelope)).payload
        return plain_text(json.dumps(json.loads(payload), indent=2, ensure_ascii=False))

    @admin.display(description="envelope")
    def envelope_shown(self, certificate: Certificate) -> str:
        return format_html('<pre class="countersign-text">{}</pre>', bytes(certificate.envelope).decode())
