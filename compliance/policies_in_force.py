"""Which version of a policy is in force, and the immutable rows that workflows are bound to.

In force under a name is the published version with the highest number, unless that one is retired: then none is,
since falling back to an older one could silently loosen the rules.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

import structlog
from django.db import connections, transaction
from django.db.models import QuerySet

from compliance.gate import PolicyTerms, read_policy_terms
from compliance.models import Policy, PolicyPublication, PolicyRetirement, PolicyStatus
from compliance.policy import PolicyDocument, PolicyError, builtin_policies, parse_policy_bytes

log = structlog.get_logger(__name__)

Read = TypeVar("Read")


class UnknownPolicy(LookupError):
    """No policy of that name is published. The message is for whoever named it."""


class RetiredPolicy(UnknownPolicy):
    """There is a policy of that name, but its newest version is retired."""


def publish_builtin_policies() -> None:
    """Publish the present version of each policy that comes with the product, once.

    A policy of which persons have published a version, or retired the newest, is theirs: the product's stays out of
    its way. An edited document of ours needs a new version number.
    """
    for document in builtin_policies():
        publications = PolicyPublication.objects.filter(name=document.name)
        if publications.filter(policy__digest=document.digest).exists():
            continue
        if publications.filter(published_by__isnull=False).exists() or _is_retired(publications):
            log.info("builtin_policy_superseded", name=document.name, version=document.version)
            continue
        if PolicyRetirement.objects.filter(policy__digest=document.digest).exists():
            # Somebody drafted this very document and withdrew it: published, it would count as retired.
            log.warning("builtin_policy_withdrawn", name=document.name, version=document.version)
            continue
        if publications.filter(version__gte=document.version).exists():
            raise ValueError(
                f"policy {document.name} v{document.version} was published with other contents: raise its version"
            )
        with transaction.atomic():
            policy, _ = Policy.objects.get_or_create(
                digest=document.digest,
                defaults={
                    "name": document.name,
                    "version": document.version,
                    "document": document.canonical_bytes().decode(),
                },
            )
            PolicyPublication.objects.create(policy=policy, name=document.name, version=document.version)


def publish_after_migrate(using: str, **_: Any) -> None:
    """Receiver of `post_migrate`; after a migration backwards the table may be gone."""
    if PolicyPublication._meta.db_table in connections[using].introspection.table_names():
        publish_builtin_policies()


def published_policies() -> QuerySet[Policy]:
    """Return every version that was ever published, retired ones included: those that evidence may name."""
    return Policy.objects.filter(publication__isnull=False)


def list_published_names() -> list[str]:
    """Return the names under which policies were ever published."""
    return list(PolicyPublication.objects.order_by("name").values_list("name", flat=True).distinct())


def find_policy(name: str) -> Policy:
    """Return the version in force under that name or alias. Raises UnknownPolicy, RetiredPolicy among it."""
    row = _find_newest(name)
    if row is None:
        canonical = find_alias(name)
        row = _find_newest(canonical) if canonical else None
    if row is None or _read_document(row) is None:
        raise UnknownPolicy(f"no policy named {name} is published")
    if row.status == PolicyStatus.RETIRED:
        raise RetiredPolicy(f"policy {row} is retired, and no newer version is published")
    return row


def find_alias(alias: str) -> str | None:
    """Return the name of the policy whose newest published version has that alias; None where none has."""
    for row in _newest_versions():
        document = _read_document(row)
        if document is not None and alias in document.aliases:
            return row.name
    return None


def list_policies_in_force() -> list[PolicyDocument]:
    """Return the document in force under each name: those that come with the product first, then by name."""
    order = [document.name for document in builtin_policies()]
    read = [_read_document(row) for row in _newest_versions() if row.status == PolicyStatus.PUBLISHED]
    documents = [document for document in read if document is not None]
    return sorted(documents, key=lambda each: (order.index(each.name) if each.name in order else len(order), each.name))


def read_policy_document(policy: Policy) -> PolicyDocument:
    """Return the document of a stored version.

    Raises UnknownPolicy when it was changed after it was drafted, or is not one that this version of ours takes.
    """
    document = _read_document(policy)
    if document is None:
        raise UnknownPolicy(f"the document of policy {policy} does not match its digest, or is no longer valid")
    return document


def load_policy_terms(digests: set[str] | None = None) -> dict[str, PolicyTerms]:
    """Return what the gate needs of published versions, by digest: of those named, of all where `digests` is None.

    A document that was changed, or that this version of ours does not take, is not known.
    """
    return _read_known(_select_published(digests), _read_terms)


def load_policies(digests: set[str] | None = None) -> tuple[dict[str, PolicyTerms], dict[str, PolicyDocument]]:
    """Return of published versions what the gate needs and the document, both by digest, in one query.

    `digests` and what is not known are as for `load_policy_terms`.
    """
    rows = list(_select_published(digests))
    return _read_known(rows, _read_terms), _read_known(rows, _read_document)


def load_policy_documents(digests: set[str]) -> dict[str, PolicyDocument]:
    """Return the documents of those versions, by digest; a document that was changed is not known."""
    return _read_known(_select_published(digests), _read_document)


def _select_published(digests: set[str] | None) -> QuerySet[Policy]:
    rows = published_policies()
    return rows if digests is None else rows.filter(digest__in=digests)


def _read_known(rows: Iterable[Policy], read: Callable[[Policy], Read | None]) -> dict[str, Read]:
    found = {row.digest: read(row) for row in rows}
    return {digest: known for digest, known in found.items() if known is not None}


def _find_newest(name: str) -> Policy | None:
    return (
        published_policies().select_related("publication", "retirement").filter(name=name).order_by("-version").first()
    )


def _newest_versions() -> list[Policy]:
    newest: dict[str, Policy] = {}
    for row in published_policies().select_related("publication", "retirement").order_by("version"):
        newest[row.name] = row
    return list(newest.values())


def _is_retired(publications: QuerySet[PolicyPublication]) -> bool:
    """Whether the newest of these versions is retired."""
    newest = publications.order_by("-version").first()
    return newest is not None and PolicyRetirement.objects.filter(policy=newest.policy_id).exists()


def _read_document(policy: Policy) -> PolicyDocument | None:
    """Return the document of a stored version; None, and an entry in the log, for one that cannot be relied on."""
    if not _is_intact(policy):
        return None
    try:
        return _parse_document(policy.document)
    except PolicyError as error:
        _log_invalid(policy, error)
        return None


def _read_terms(policy: Policy) -> PolicyTerms | None:
    """Return what the gate needs of a stored version; None as above: one row must not keep all stages from running."""
    if not _is_intact(policy):
        return None
    try:
        return _parse_terms(policy.document)
    except ValueError as error:
        _log_invalid(policy, error)
        return None


def _log_invalid(policy: Policy, error: ValueError) -> None:
    log.error("policy_invalid", name=policy.name, version=policy.version, problem=str(error)[:200])


def _is_intact(policy: Policy) -> bool:
    """Say whether the stored document is the one that the version is named by."""
    intact = hmac.compare_digest(_compute_digest(policy.document), policy.digest)
    if not intact:
        log.error("policy_changed", name=policy.name, version=policy.version, digest=policy.digest)
    return intact


@lru_cache(maxsize=256)
def _compute_digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


@lru_cache(maxsize=256)
def _parse_document(document: str) -> PolicyDocument:
    return parse_policy_bytes(document.encode())


@lru_cache(maxsize=256)
def _parse_terms(document: str) -> PolicyTerms:
    return read_policy_terms(document)
