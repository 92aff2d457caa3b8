"""What an inspection finds, and how it is taken out of a text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

CATEGORIES = frozenset({"phi", "pii", "secret", "mnpi", "privilege"})

# Each type belongs to one category. `pii` identifies a person wherever it stands; `phi` holds what identifies a
# patient only together with health data (the rest of 45 CFR 164.514(b)(2)), so that a date in a contract is not
# taken for personal data. A policy on health data names both.
_TYPES_OF_CATEGORY: Mapping[str, tuple[str, ...]] = {
    "pii": (
        "account_number",
        "card_number",
        "date_of_birth",
        "email_address",
        "iban",
        "ip_address",
        "licence_number",
        "national_id",
        "passport_number",
        "person_name",
        "phone_number",
        "street_address",
        "us_itin",
        "us_ssn",
        "vehicle_id",
    ),
    "phi": (
        "age_over_89",
        "biometric_id",
        "date",
        "device_id",
        "health_plan_number",
        "medical_record_number",
        "url",
        "zip_code",
    ),
    "secret": ("access_token", "api_key", "password", "private_key"),
    "mnpi": ("inside_information", "unannounced_deal", "unreleased_results"),
    "privilege": ("attorney_client", "legal_advice", "work_product"),
}

CATEGORY_OF: Mapping[str, str] = MappingProxyType(
    {name: category for category, names in _TYPES_OF_CATEGORY.items() for name in names}
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `start` and `end` index the inspected text itself, as `text[start:end]` does.

    Never the value: a finding is stored, logged and shown where the text may not be. `confidence` is between 0
    and 1; `detector` is the name of the detector. `value_hash` is the value's HMAC-SHA256 in hex (see
    `value_hashes.make_hasher`), empty where no key was given.
    """

    type: str
    category: str
    start: int
    end: int
    confidence: float
    detector: str
    value_hash: str = ""


def matches(finding: Finding, names: Collection[str]) -> bool:
    """Whether the finding's type or its category is among `names`."""
    return finding.type in names or finding.category in names


def redact(text: str, findings: Iterable[Finding], types: frozenset[str] | None = None) -> str:
    """Return the text with each finding replaced by its type in brackets, as in `[US_SSN]`; the rest as it was.

    `types` names the types or categories to replace; None replaces all. Findings that overlap are replaced
    together, by the type of the longest.
    """
    chosen = sorted(
        (finding for finding in findings if types is None or matches(finding, types)),
        key=lambda finding: (finding.start, -finding.end),
    )
    pieces: list[str] = []
    position = index = 0
    while index < len(chosen):
        longest = chosen[index]
        start, end = longest.start, longest.end
        while index < len(chosen) and (chosen[index].start < end or chosen[index].start == start):
            if chosen[index].end - chosen[index].start > longest.end - longest.start:
                longest = chosen[index]
            end = max(end, chosen[index].end)
            index += 1
        pieces += (text[position:start], f"[{longest.type.upper()}]")
        position = end
    pieces.append(text[position:])
    return "".join(pieces)
