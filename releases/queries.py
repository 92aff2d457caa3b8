"""What a page of waiting releases needs to know."""

import uuid
from collections.abc import Iterable

from compliance.policies_in_force import load_policy_terms
from workflows.models import Execution


def count_required_sign_offs(executions: Iterable[Execution]) -> dict[uuid.UUID, int]:
    """Return, by execution, the most sign-offs that a policy of its lineage asks for. One query for all of them."""
    rows = list(executions)
    terms = load_policy_terms({digest for row in rows for digest in row.lineage_policies})
    return {
        row.id: max((terms[digest].sign_offs_required for digest in row.lineage_policies), default=0) for row in rows
    }
