"""What a page of waiting releases needs to know."""

import uuid
from collections.abc import Iterable

from compliance.policies_in_force import load_policy_terms
from compliance.policy_terms import combine_sign_off_terms
from workflows.models import Execution


def count_required_sign_offs(executions: Iterable[Execution]) -> dict[uuid.UUID, int]:
    """Return, by execution, the most sign-offs that a policy of its lineage asks for. One query for all of them."""
    rows = list(executions)
    terms = load_policy_terms({digest for row in rows for digest in row.lineage_policies})
    # A document that was changed is not among the terms: the gate refuses such a release, whoever signs it.
    return {
        row.id: combine_sign_off_terms(terms[digest] for digest in row.lineage_policies if digest in terms).required
        for row in rows
    }
