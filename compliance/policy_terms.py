"""What the gate reads of a policy's document. Standard library only."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compliance.envelope import load_strict_json
from compliance.predicates import POLICY_DOCUMENT


@dataclass(frozen=True)
class PolicyTerms:
    """What the gate and the verifier need of a policy document. `redacts`: exports mask some of its texts."""

    digest: str
    name: str
    version: int
    ceiling: tuple[str, ...]
    forbidden: tuple[str, ...]
    required_proofs: tuple[str, ...]
    sign_offs_required: int
    requester_may_sign: bool
    retention_days: int
    redacts: bool


@dataclass(frozen=True)
class SignOffTerms:
    """What all policies of a lineage ask for together: the most sign-offs, and the requester only if none minds."""

    required: int
    requester_may_sign: bool


def combine_sign_off_terms(policies: Iterable[PolicyTerms]) -> SignOffTerms:
    """Combine the policies of a lineage. Those that ask for no sign-off have no say in who may sign."""
    asking = [terms for terms in policies if terms.sign_offs_required]
    return SignOffTerms(
        required=max((terms.sign_offs_required for terms in asking), default=0),
        requester_may_sign=all(terms.requester_may_sign for terms in asking),
    )


def read_policy_terms(document: bytes | str) -> PolicyTerms:
    """Read the terms out of a policy's canonical document. Raises ValueError for anything else."""
    encoded = document.encode() if isinstance(document, str) else document
    members: Any = load_strict_json(encoded)
    problem = POLICY_DOCUMENT(members, "policy")
    if problem is not None:
        raise ValueError(problem)
    capabilities, sign_offs = members["capabilities"], members["sign_offs"]
    return PolicyTerms(
        digest=hashlib.sha256(encoded).hexdigest(),
        name=members["name"],
        version=members["version"],
        ceiling=tuple(capabilities["ceiling"]),
        forbidden=tuple(capabilities["forbidden"]),
        required_proofs=tuple(members["required_proofs"]),
        sign_offs_required=sign_offs["required"],
        requester_may_sign=not sign_offs["not_requester"],
        retention_days=members["retention_days"],
        redacts=any(rule["action"] == "redact" for rule in members["content"]),
    )
