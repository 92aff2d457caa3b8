"""A policy by what a person types: a file, a name, a name with a version, or a digest."""

import sys
from pathlib import Path

from django.db import DatabaseError

from compliance.models import Policy
from compliance.policies_in_force import (
    UnknownPolicy,
    find_alias,
    find_policy,
    published_policies,
    read_policy_document,
)
from compliance.policy import PolicyDocument, PolicyError, PolicyProblem, builtin_policies, load_policy_yaml
from compliance.policy_versions import find_policy_version
from compliance.strict_yaml import MAX_BYTES


def read_policy_file(path: str) -> PolicyDocument:
    """Return the policy in a file of YAML or JSON; `-` stands for standard input.

    Raises PolicyError with path and line of every problem, OSError for a file that cannot be read.
    """
    # One byte more than may be, so that a file of any size is refused and not read.
    if path == "-":
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    return load_policy_yaml(_decode(content))


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        # What was read of a file that is too long may end within a character: its length is what is wrong.
        if len(content) > MAX_BYTES:
            return content.decode("utf-8", "replace")
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyError([PolicyProblem("", "the text is not UTF-8; save it as UTF-8", line)]) from error


def resolve_policy(reference: str) -> PolicyDocument:
    """Return the policy that is meant by a file, `NAME`, `NAME@VERSION`, or a digest (12 characters or more).

    Without a database, the policies that come with the product are known by their names. Raises UnknownPolicy,
    PolicyError, OSError.
    """
    if _names_file(reference):
        return read_policy_file(reference)
    try:
        return read_policy_document(_find_stored(reference))
    except DatabaseError:
        for document in builtin_policies():
            if reference in (document.name, *document.aliases):
                return document
        raise UnknownPolicy(f"no policy named {reference} comes with the product, and the database is away") from None


def find_stored_policy(reference: str) -> Policy:
    """Return the stored version that is meant by a digest, `NAME@VERSION`, `NAME` or a file with the same document.

    Raises UnknownPolicy, PolicyError, OSError.
    """
    if _names_file(reference):
        document = read_policy_file(reference)
        stored = find_policy_version(document.digest)
        if stored is None:
            raise UnknownPolicy(f"this document is not stored (digest {document.digest[:12]}): draft it first")
        return stored
    return _find_stored(reference)


def _names_file(reference: str) -> bool:
    """Whether a file is meant: a name has neither dot nor slash, so that no file takes a policy's place by chance."""
    return reference == "-" or "/" in reference or "." in reference


def _find_stored(reference: str) -> Policy:
    name, separator, version = reference.partition("@")
    if separator:
        if not (version.isascii() and version.isdigit() and len(version) < 10):
            raise UnknownPolicy(f"{reference!r}: give a version as NAME@NUMBER")
        row = published_policies().filter(name=find_alias(name) or name, version=int(version)).first()
        if row is None:
            raise UnknownPolicy(f"no version {version} of policy {name} is published; a draft is named by its digest")
        return row
    if not set(reference) - set("0123456789abcdef"):
        row = find_policy_version(reference)
        if row is not None:
            return row
    return find_policy(reference)
