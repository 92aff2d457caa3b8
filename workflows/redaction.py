"""What of a text may be shown: on pages masked, and in an export whole, masked, or not at all."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from compliance.inspection import inspect, matches, redact
from compliance.policy import PolicyDocument
from workflows.agents.call_content import collect_passages


@dataclass(frozen=True)
class TextExporter:
    """The readable texts of one workflow by digest, and its policies.

    Every policy of the workflow redacts every text of it: one that a lax stage handled may be the same as, or made
    from, one that a strict stage handled. An erased text is not among `texts`.
    """

    texts: Mapping[str, str]
    policies: Collection[PolicyDocument]

    def export(self, digest: str) -> dict[str, Any] | None:
        """Return `{"text", "sha256", "redacted"}`; None for an empty digest, which stands for no text."""
        if not digest:
            return None
        whole = self.texts.get(digest)
        if whole is None:
            return {"text": None, "sha256": digest, "redacted": True}
        shown = redact_text(whole, self.policies)
        return {"text": shown, "sha256": digest, "redacted": shown != whole}

    def export_answer(self, digest: str) -> dict[str, Any] | None:
        """The same for an agent's answer, a text in JSON: whole, or withheld if anything in it would be masked."""
        if not digest:
            return None
        whole = self.texts.get(digest)
        shown = None if whole is None or self._holds_redactable(json.loads(whole)) else whole
        return {"text": shown, "sha256": digest, "redacted": shown is None}

    def export_payload(self, digest: str) -> str | None:
        """Return the payload of a journal event, a text in JSON; None where it was erased or would be masked."""
        whole = self.texts.get(digest)
        return None if whole is None or self._holds_redactable(json.loads(whole)["payload"]) else whole

    def _holds_redactable(self, value: Any) -> bool:
        if not any(policy.redacted_types for policy in self.policies):
            return False
        texts = (passage.text for passage in collect_passages(value, ""))
        return any(redact_text(text, self.policies) != text for text in texts)


def redact_text(text: str, policies: Iterable[PolicyDocument]) -> str:
    """Return the text with what any of the policies redacts in views, journals and exports replaced by its type."""
    findings = [
        finding
        for policy in policies
        if policy.redacted_types
        for finding in inspect(text, policy)
        if matches(finding, policy.redacted_types)
    ]
    return redact(text, findings) if findings else text
