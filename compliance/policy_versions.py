"""The life of a policy's version: drafted by one person, published by another, retired.

API, admin and commands call these three functions alike. Each writes a row that is never changed and an event in the
audit trail. Nothing that is bound to a version loses it: workflows created under one that is retired end under it.
"""

from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from compliance import roles
from compliance.models import Policy, PolicyPublication, PolicyRetirement, PolicyStatus
from compliance.policies_in_force import UnknownPolicy, find_alias, published_policies, read_policy_document
from compliance.policy import PolicyDocument
from compliance.services import record_audit_event

MAX_REASON_LENGTH = 400
# Which rows stand how: `Policy.status`, as conditions of a query.
STATUS_CONDITIONS: Mapping[str, Q] = {
    PolicyStatus.DRAFT: Q(publication__isnull=True, retirement__isnull=True),
    PolicyStatus.PUBLISHED: Q(publication__isnull=False, retirement__isnull=True),
    PolicyStatus.RETIRED: Q(publication__isnull=False, retirement__isnull=False),
    PolicyStatus.WITHDRAWN: Q(publication__isnull=True, retirement__isnull=False),
}
# Of what is published, the newest of each name; nothing takes the place of one that is retired.
IN_FORCE = STATUS_CONDITIONS[PolicyStatus.PUBLISHED] & ~Exists(
    PolicyPublication.objects.filter(name=OuterRef("name"), version__gt=OuterRef("version"))
)


class PolicyNotAllowed(PermissionError):
    """The person may see the policy, but not do this with it; the message says what it takes."""


class PolicyConflict(ValueError):
    """What is stored stands in the way; the message says what, and what to do."""


def draft_policy(*, author: User, document: PolicyDocument, address: str | None = None) -> Policy:
    """Store a new version as a draft. To change a draft, draft another: each is named by its digest.

    Raises PolicyNotAllowed, PolicyConflict.
    """
    if not roles.may_draft_policy(author):
        raise PolicyNotAllowed("drafting a policy takes the role policy_author")
    _refuse_taken_names(document)
    existing = find_policy_version(document.digest)
    if existing is not None:
        raise PolicyConflict(f"this very document is stored already, as {existing.status}: {existing.digest}")
    try:
        with transaction.atomic():
            policy = Policy.objects.create(
                name=document.name,
                version=document.version,
                digest=document.digest,
                document=document.canonical_bytes().decode(),
                drafted_by=author,
            )
            _record(author, "policy.draft", policy, address)
    except IntegrityError as error:
        raise PolicyConflict("this very document was stored a moment ago by somebody else") from error
    return policy


def publish_policy(*, approver: User, policy: Policy, address: str | None = None) -> PolicyPublication:
    """Put a draft in force. Whoever drafted it may not; its version must be above all that were published.

    Raises PolicyNotAllowed, PolicyConflict.
    """
    if not roles.may_publish_policy(approver):
        raise PolicyNotAllowed("publishing a policy takes the role approver")
    if policy.drafted_by_id == approver.pk:
        raise PolicyNotAllowed("whoever drafted a policy may not publish it: a second person has to")
    try:
        with transaction.atomic():
            # One publication at a time: that no two take one name or alias is more than a constraint can say.
            Policy.objects.select_for_update().order_by("pk").first()
            policy = _lock(policy)
            if policy.status != PolicyStatus.DRAFT:
                raise PolicyConflict(f"{policy} ({policy.digest[:12]}) is {policy.status}; only a draft is published")
            _refuse_taken_names(_read_intact(policy))
            publication = PolicyPublication.objects.create(
                policy=policy, name=policy.name, version=policy.version, published_by=approver
            )
            _record(approver, "policy.publish", policy, address)
    except IntegrityError as error:
        raise PolicyConflict(f"{policy} was published a moment ago by somebody else") from error
    return publication


def retire_policy(*, person: User, policy: Policy, reason: str, address: str | None = None) -> PolicyRetirement:
    """Retire a published version, or withdraw a draft. `reason` has 1 to 400 characters.

    Retiring takes the role approver; a draft may also be withdrawn by whoever drafted it. What runs under a retired
    version ends under it. Raises PolicyNotAllowed, PolicyConflict, ValueError for the reason.
    """
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON_LENGTH:
        raise ValueError(f"give a reason of 1 to {MAX_REASON_LENGTH} characters")
    with transaction.atomic():
        policy = _lock(policy)
        own_draft = policy.status == PolicyStatus.DRAFT and policy.drafted_by_id == person.pk
        if not roles.may_publish_policy(person) and not (own_draft and roles.may_draft_policy(person)):
            raise PolicyNotAllowed("retiring a policy takes the role approver; a draft, its author may withdraw")
        if policy.status not in (PolicyStatus.DRAFT, PolicyStatus.PUBLISHED):
            raise PolicyConflict(f"{policy} ({policy.digest[:12]}) is {policy.status} already")
        action = "policy.withdraw" if policy.status == PolicyStatus.DRAFT else "policy.retire"
        retirement = PolicyRetirement.objects.create(policy=policy, retired_by=person, reason=reason)
        _record(person, action, policy, address)
    return retirement


def find_policy_version(digest: str) -> Policy | None:
    """Return the version of that digest with how it stands, or None. A prefix of 12 characters or more will do."""
    if len(digest) < 12:
        return None
    rows = list(_versions().filter(digest__startswith=digest)[:2])
    return rows[0] if len(rows) == 1 else None


def list_policy_versions(user: roles.Actor) -> QuerySet[Policy]:
    """Return the versions that the person may see: what was published, and drafts for those who work on policies.

    Each says of itself whether it is `in_force`.
    """
    rows = _versions().annotate(found_in_force=ExpressionWrapper(IN_FORCE, output_field=BooleanField()))
    return rows if roles.may_see_drafts(user) else rows.filter(publication__isnull=False)


def _versions() -> QuerySet[Policy]:
    return Policy.objects.select_related("drafted_by", "publication__published_by", "retirement__retired_by")


def _lock(policy: Policy) -> Policy:
    """Read the policy again for deciding, so that of two persons who act at once the second sees what the first did."""
    Policy.objects.select_for_update().get(pk=policy.pk)
    return _versions().get(pk=policy.pk)


def _read_intact(policy: Policy) -> PolicyDocument:
    try:
        return read_policy_document(policy)
    except UnknownPolicy as error:
        raise PolicyConflict(f"{error}; draft it anew") from error


def _refuse_taken_names(document: PolicyDocument) -> None:
    """Raise where a name or a version number is taken by what is published."""
    newest = published_policies().filter(name=document.name).order_by("-version").first()
    if newest is not None and document.version <= newest.version:
        raise PolicyConflict(
            f"version {document.version} of {document.name} is not above {newest.version}, the newest one published: "
            f"number it {newest.version + 1}"
        )
    for name in (document.name, *document.aliases):
        owner = find_alias(name)
        if owner is not None and owner != document.name:
            raise PolicyConflict(f"{name!r} is an alias of policy {owner}: choose another name")
    for alias in document.aliases:
        if published_policies().filter(name=alias).exists():
            raise PolicyConflict(f"alias {alias!r} is the name of another policy: choose another")


def _record(actor: User, action: str, policy: Policy, address: str | None) -> None:
    record_audit_event(
        actor=actor,
        action=action,
        target_type="policy",
        target_id=policy.digest,
        address=address,
        detail={"name": policy.name, "version": policy.version},
    )
