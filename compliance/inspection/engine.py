"""Runs a policy's detectors over a text and settles which of overlapping findings stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from compliance.inspection.findings import CATEGORY_OF, Finding
from compliance.inspection.normalise import NormalisedText, normalise
from compliance.inspection.registry import Span, load_detector

if TYPE_CHECKING:
    from compliance.policy import PolicyDocument

BUILTIN_DETECTORS = tuple(
    f"compliance.inspection.detectors.{path}"
    for path in (
        "contact.EmailDetector",
        "contact.PhoneDetector",
        "contact.NetworkAddressDetector",
        "people.NameDetector",
        "people.AgeDetector",
        "dates.DateDetector",
        "places.AddressDetector",
        "numbers.TaxpayerNumberDetector",
        "numbers.LabelledNumberDetector",
        "numbers.VehicleNumberDetector",
        "payment.CardDetector",
        "payment.IbanDetector",
        "secrets.SecretDetector",
        "markers.InsideInformationDetector",
        "markers.PrivilegeDetector",
    )
)

# What a policy does about a finding: the actions of its rules that name the finding's type or category.
_Consequences = frozenset[str]

# Without a policy nothing gives way to what means another thing altogether.
_WITHOUT_POLICY: dict[str, _Consequences] = {
    name: frozenset({"identifier" if category in ("phi", "pii") else category})
    for name, category in CATEGORY_OF.items()
}


def inspect(text: str, policy: PolicyDocument | None = None) -> tuple[Finding, ...]:
    """Return what the policy's detectors find in the text and its rules name, in the order of the text.

    Without a policy: what any built-in detector finds. Of findings that overlap the longest stays, and what the
    others hold beyond it. A finding gives way only to one that has all its consequences under the policy, so that
    none which would block or mask is lost to one which would not (without a policy: only to one of its kind).
    Findings that differ in this may overlap, and `redact` copes.
    Any text will do: empty, binary, of any script, with halves of surrogate pairs.
    """
    normalised = normalise(text)
    found: list[tuple[Span, str]] = []
    for path in BUILTIN_DETECTORS if policy is None else policy.detectors:
        detector = load_detector(path)
        found += ((span, detector.name) for span in detector.find(normalised) if span.end > span.start)
    consequences = _consequences(policy)
    settled = _settle(found, consequences, normalised)
    return tuple(sorted(settled, key=lambda finding: (finding.start, finding.end, finding.type)))


def _consequences(policy: PolicyDocument | None) -> dict[str, _Consequences]:
    """By finding type. A type that no rule names has no entry."""
    if policy is None:
        return _WITHOUT_POLICY
    table: dict[str, set[str]] = {}
    for rule in policy.content:
        for name, category in CATEGORY_OF.items():
            if name in rule.types or category in rule.types:
                table.setdefault(name, set()).add(rule.action)
    return {name: frozenset(actions) for name, actions in table.items()}


def _settle(
    found: Sequence[tuple[Span, str]], consequences: dict[str, _Consequences], text: NormalisedText
) -> Iterator[Finding]:
    """Longest first; each takes what is left of it. Linear in the lengths of the spans."""
    ruled = [(span, detector) for span, detector in found if span.type in consequences]
    ruled.sort(key=lambda entry: (entry[0].start - entry[0].end, -entry[0].confidence, entry[0]))
    kinds = {consequences[kind] for kind in {span.type for span, _ in ruled}}
    taken = {kind: bytearray(len(text.data)) for kind in kinds}
    for span, detector in ruled:
        own = consequences[span.type]
        for start, end in _free(taken[own], span.start, span.end):
            if not text.data[start:end].strip(b" \t\r\n.,;:-'\"()"):
                continue
            original_start, original_end = text.original_span(start, end)
            yield Finding(
                type=span.type,
                category=CATEGORY_OF[span.type],
                start=original_start,
                end=original_end,
                confidence=span.confidence,
                detector=detector,
            )
        for others, mask in taken.items():
            if others <= own:
                mask[span.start : span.end] = b"\1" * (span.end - span.start)


def _free(mask: bytearray, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        start = mask.find(0, start, end)
        if start < 0:
            return
        stop = mask.find(1, start, end)
        stop = end if stop < 0 else stop
        yield start, stop
        start = stop
