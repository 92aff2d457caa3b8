"""Which version of a policy is in force, and the immutable rows that workflows are bound to."""

import hashlib
import hmac
from functools import lru_cache
from typing import Any

import structlog

from compliance.gate import PolicyTerms, read_policy_terms
from compliance.models import Policy
from compliance.policy import PolicyDocument, builtin_policies, parse_policy_bytes

log = structlog.get_logger(__name__)


class UnknownPolicy(LookupError):
    """No policy of that name is published."""


def publish_builtin_policies() -> None:
    """Store each built-in policy's present version, once. An edited document needs a new version number."""
    for document in builtin_policies():
        canonical = document.canonical_bytes()
        row, _ = Policy.objects.get_or_create(
            name=document.name,
            version=document.version,
            defaults={"digest": document.digest, "document": canonical.decode()},
        )
        if row.digest != document.digest:
            raise ValueError(
                f"policy {document.name} v{document.version} was published with other contents: raise its version"
            )


def publish_after_migrate(**_: Any) -> None:
    """Receiver of `post_migrate`."""
    publish_builtin_policies()


def find_policy(name: str) -> Policy:
    """Return the newest published version under that name or alias. Raises UnknownPolicy."""
    row = Policy.objects.filter(name=_canonical_name(name)).order_by("-version").first()
    if row is None or not _is_intact(row):
        raise UnknownPolicy(f"no policy named {name} is published")
    return row


def read_policy_document(policy: Policy) -> PolicyDocument:
    """Return the document of a stored version. Raises UnknownPolicy when it was changed after its publication."""
    if not _is_intact(policy):
        raise UnknownPolicy(f"the document of policy {policy} does not match its digest")
    return _parse_document(policy.document)


def load_policy_terms(digests: set[str] | None = None) -> dict[str, PolicyTerms]:
    """Return what the gate needs of every published version, by digest; a document that was changed is not known."""
    rows = Policy.objects.all() if digests is None else Policy.objects.filter(digest__in=digests)
    return {row.digest: _parse_terms(row.document) for row in rows if _is_intact(row)}


def load_policy_documents(digests: set[str]) -> dict[str, PolicyDocument]:
    """Return the documents of those versions, by digest; a document that was changed is not known."""
    rows = Policy.objects.filter(digest__in=digests)
    return {row.digest: _parse_document(row.document) for row in rows if _is_intact(row)}


def _is_intact(policy: Policy) -> bool:
    """Say whether the stored document is the one that the version is named by."""
    intact = hmac.compare_digest(_compute_digest(policy.document), policy.digest)
    if not intact:
        log.error("policy_changed", name=policy.name, version=policy.version, digest=policy.digest)
    return intact


@lru_cache(maxsize=256)
def _compute_digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def _canonical_name(name: str) -> str:
    for document in builtin_policies():
        if name == document.name or name in document.aliases:
            return document.name
    return name


@lru_cache(maxsize=256)
def _parse_document(document: str) -> PolicyDocument:
    return parse_policy_bytes(document.encode())


@lru_cache(maxsize=256)
def _parse_terms(document: str) -> PolicyTerms:
    return read_policy_terms(document)
