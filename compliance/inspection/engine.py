"""Runs a policy's detectors over a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from compliance.inspection.custom_patterns import compile_custom_pattern
from compliance.inspection.findings import CATEGORY_OF, Finding
from compliance.inspection.normalise import NormalisedText, normalise
from compliance.inspection.registry import Detector, Span, load_detector
from compliance.inspection.repetition import find_repeated, find_repetition
from compliance.inspection.settling import Consequences, Found, settle
from compliance.inspection.spaced_digits import join_spaced_digits
from compliance.inspection.value_hashes import make_hasher

if TYPE_CHECKING:
    from compliance.policy import CustomPattern, PolicyDocument

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
        "national_ids.NationalIdDetector",
        "payment.CardDetector",
        "payment.IbanDetector",
        "secrets.SecretDetector",
        "markers.InsideInformationDetector",
        "markers.PrivilegeDetector",
    )
)

# The name under which the patterns of a policy's own report what they find. They are exact by what their author meant.
PATTERN_DETECTOR = "pattern"
_PATTERN_CONFIDENCE = 1.0

# Types that are known by words, not by a row of digits.
_WITHOUT_DIGITS = frozenset(
    name
    for name, category in CATEGORY_OF.items()
    if category in ("mnpi", "privilege", "secret") or name in ("person_name", "email_address", "url")
)

# Without a policy nothing gives way to what means another thing altogether.
_WITHOUT_POLICY: Mapping[str, Consequences] = {
    name: frozenset({"identifier" if category in ("phi", "pii") else category})
    for name, category in CATEGORY_OF.items()
}


def inspect(text: str, policy: PolicyDocument | None = None, *, hash_key: bytes | None = None) -> tuple[Finding, ...]:
    """Return what the policy's detectors and patterns find in the text and its rules name, in the order of the text.

    Without a policy: what any built-in detector finds. Of findings that overlap the longest stays, and what the
    others hold beyond it. A finding gives way only to one that has all its consequences under the policy, so that
    none which would block or mask is lost to one which would not (without a policy: only to one of its kind).
    Findings that differ in this may overlap, and `redact` copes.
    With a key every finding has its `value_hash`, see `value_hashes.make_hasher`.
    Any text will do: empty, binary, of any script, with halves of surrogate pairs.
    """
    normalised = normalise(text)
    categories = _categories(policy)
    found = list(_find(normalised, policy))
    hash_span = None if hash_key is None else make_hasher(hash_key, text, normalised)
    findings = []
    for (kind, start, end, confidence), detector in settle(found, _consequences(policy, categories), normalised.data):
        value_hash = "" if hash_span is None else hash_span(start, end, categories[kind])
        original_start, original_end = normalised.original_span(start, end)
        findings.append(Finding(kind, categories[kind], original_start, original_end, confidence, detector, value_hash))
    return tuple(findings)


class _PatternDetector:
    """A pattern of a policy's own, as a detector."""

    name = PATTERN_DETECTOR

    def __init__(self, custom: CustomPattern) -> None:
        self.types = frozenset({custom.type})
        self._type = custom.type
        self._pattern = compile_custom_pattern(custom.pattern)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the matches."""
        for match in self._pattern.find(text.data):
            yield Span(self._type, *match.span(), _PATTERN_CONFIDENCE)


def _find(text: NormalisedText, policy: PolicyDocument | None) -> Iterator[Found]:
    """Yield what every detector and pattern sees, also where digits are spaced."""
    detectors = [load_detector(path) for path in (BUILTIN_DETECTORS if policy is None else policy.detectors)]
    if policy is not None:
        detectors += [_PatternDetector(custom) for custom in policy.patterns]
    yield from _find_by(detectors, text)
    joined = join_spaced_digits(text.data)
    if joined is not None:
        of_numbers = [detector for detector in detectors if not detector.types <= _WITHOUT_DIGITS]
        for found in _find_by(of_numbers, joined.as_text()):
            span = joined.locate(found.span)
            if span is not None:
                yield Found(span, found.detector)


def _find_by(detectors: Iterable[Detector], text: NormalisedText) -> Iterator[Found]:
    repetition = find_repetition(text.data)
    for detector in detectors:
        for span in detector.find(text) if repetition is None else find_repeated(detector, repetition):
            if span[2] > span[1]:
                yield Found(span, detector.name)


def _categories(policy: PolicyDocument | None) -> Mapping[str, str]:
    """By finding type, those of the policy's own included."""
    if policy is None or not policy.patterns:
        return CATEGORY_OF
    return {**CATEGORY_OF, **{custom.type: custom.category for custom in policy.patterns}}


def _consequences(policy: PolicyDocument | None, categories: Mapping[str, str]) -> Mapping[str, Consequences]:
    """By finding type. A type that no rule names has no entry."""
    if policy is None:
        return _WITHOUT_POLICY
    table: dict[str, set[str]] = {}
    for rule in policy.content:
        for name, category in categories.items():
            if name in rule.types or category in rule.types:
                table.setdefault(name, set()).add(rule.action)
    return {name: frozenset(actions) for name, actions in table.items()}
