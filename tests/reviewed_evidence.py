"""Evidence of one review whose release is still to be asked about."""

from typing import Any

from compliance.gate import Allow, Refuse, Wait
from compliance.statements import StageFacts
from tests.evidence_builder import EvidenceBuilder

TEXT = "The cafeteria opens at eight."


def build_review(**policy: Any) -> tuple[EvidenceBuilder, StageFacts]:
    """A workflow whose reviewer has approved TEXT, and whose release is still to be asked about."""
    builder = EvidenceBuilder()
    facts = builder.add_policy(**policy)
    review = builder.add_stage("review", "reviewer", policy=facts, document=TEXT)
    release = builder.add_stage("release", "release", policy=facts, upstreams=["review"])
    builder.run(review)
    return builder, release


def refusal(decision: Allow | Wait | Refuse) -> str:
    assert isinstance(decision, Refuse), decision
    return decision.code


def count_sign_offs(builder: EvidenceBuilder, release: StageFacts) -> int:
    """How many sign-offs a release waits for."""
    decision = builder.ask(release)
    return decision.required if isinstance(decision, Wait) else 0
