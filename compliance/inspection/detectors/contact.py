"""E-mail addresses, phone numbers, web and network addresses (45 CFR 164.514(b)(2)(i)(D), (E), (F), (N), (O))."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import phonenumbers

from compliance.inspection.detectors.context import (
    REFERENCE_LABEL,
    VERSION_LABEL,
    digits_of,
    is_inside_number,
    is_inside_word,
    label_ends,
)
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span


class EmailDetector:
    """Addresses of the form local@domain.tld (RFC 5321), without the rarer characters and forms of local parts."""

    name = "email"
    types = frozenset({"email_address"})

    _address = Pattern(
        r"[A-Za-z0-9_À-ÿ](?:[A-Za-z0-9_.%+'À-ÿ-]*[A-Za-z0-9_%+À-ÿ-])?"
        r"@[A-Za-z0-9À-ÿ-]+(?:\.[A-Za-z0-9À-ÿ-]+)*\.[A-Za-zÀ-ÿ]{2,}"
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the addresses."""
        if b"@" not in text.data:
            return
        for match in self._address.find(text.data):
            start, end = match.span()
            # In scheme://user:password@host the password is no mailbox.
            if text.data[start - 1 : start] != b":" or b"://" not in text.data[max(0, start - 64) : start]:
                yield Span("email_address", start, end, 0.99)


class PhoneDetector:
    """Phone and fax numbers: North American by their form, international by their +, any other after a label."""

    name = "phone"
    types = frozenset({"phone_number"})

    _north_american = Pattern(
        r"(?:\+?1[ .-]{0,2})?(?:\([2-9][0-9]{2}\)[ .-]{0,2}|[2-9][0-9]{2}[.-]|[2-9][0-9]{2} )"
        r"[0-9]{3}[ .-][0-9]{4}(?:,? ?(?:ext\.?|extension|x) ?[0-9]{1,6})?"
    )
    _international = Pattern(r"\+[1-9][0-9]{0,2}(?:[ .()-]{0,2}[0-9]){6,13}")
    _labelled = Pattern(
        r"\b(?:phone|telephone|tel|cell|cellphone|mobile|fax|pager|(call|contact))"
        r"(?:[ \t]*(?:number|no|nr|num|#))?[ \t]*(?:is|at|on|me at|us at|him at|her at)?"
        r"[ \t.:#=\"']{1,4}"
        r"([+(]?[0-9](?:[ .()/-]{0,2}[0-9]){6,14})",
        ignore_case=True,
    )
    # Past this many different numbers in one text the form alone decides: the library takes some 50 µs for each.
    _most_validated = 2000

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        data = text.data
        references = label_ends(REFERENCE_LABEL, data)
        for match in self._north_american.find(data):
            start, end = match.span()
            if start in references or is_inside_number(data, start, end):
                continue
            # Three groups with only spaces between them are as well a row of a table.
            spaced = data[start:end].replace(b" ", b"").isdigit()
            yield Span("phone_number", start, end, 0.6 if spaced else 0.9)
        known: dict[bytes, bool] = {}
        for match in self._international.find(data):
            start, end = match.span()
            if not is_inside_word(data, start, end) and self._is_possible(data[start:end], None, known):
                yield Span("phone_number", start, end, 0.9)
        for match in self._labelled.find(data):
            start, end = match.span(2)
            if is_inside_word(data, start, end):
                continue
            # "Call" is said before much else; after the other labels any number will do.
            if match.span(1)[0] < 0 or self._is_possible(data[start:end], "US", known):
                yield Span("phone_number", start, end, 0.95)

    def _is_possible(self, value: bytes, region: str | None, known: dict[bytes, bool]) -> bool:
        verdict = known.get(value)
        if verdict is None:
            verdict = len(known) >= self._most_validated or _may_be_dialled(value, region)
            known[value] = verdict
        return verdict


def _may_be_dialled(value: bytes, region: str | None) -> bool:
    if len(set(digits_of(value))) == 1:
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(value.decode("latin-1"), region))
    except phonenumbers.NumberParseException:
        return False


class NetworkAddressDetector:
    """URLs, IP addresses (not loopback, not masks) and hardware addresses."""

    name = "network_address"
    types = frozenset({"url", "ip_address", "device_id"})

    _url = Pattern(
        r"\b(?:https?|ftps?|sftp)://[^\s<>\"'`{}|\\^\x1a]+|\bwww\.[a-z0-9-]+\.[^\s<>\"'`{}|\\^\x1a]+",
        ignore_case=True,
    )
    _local_host = Pattern(r"://(?:localhost|127\.[0-9.]+|0\.0\.0\.0|\[::1\])(?:[:/]|$)", ignore_case=True)
    _ip_v4 = Pattern(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
    _ip_v6 = Pattern(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}")
    _hardware = Pattern(r"\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b|\b(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}\b")

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the addresses."""
        data = text.data
        if b"://" in data or b"www." in data.lower():
            yield from self._find_urls(data)
        versions = label_ends(VERSION_LABEL, data)
        for match in self._ip_v4.find(data):
            start, end = match.span()
            if start in versions or is_inside_number(data, start, end):
                continue
            if _is_host_v4(data[start:end]):
                yield Span("ip_address", start, end, 0.9)
        if b":" in data:
            for match in self._ip_v6.find(data):
                start, end = match.span()
                if not is_inside_number(data, start, end, b":.") and _is_host_v6(data[start:end]):
                    yield Span("ip_address", start, end, 0.9)
        for match in self._hardware.find(data):
            start, end = match.span()
            if not is_inside_number(data, start, end, b":-"):
                yield Span("device_id", start, end, 0.9)

    def _find_urls(self, data: bytes) -> Iterator[Span]:
        for match in self._url.find(data):
            start, end = match.span()
            value = data[start:end].rstrip(b".,;:!?*_")
            if value.endswith(b")") and value.count(b"(") < value.count(b")"):
                value = value[:-1]
            if not self._local_host.is_in(value, 0, min(len(value), 80)):
                yield Span("url", start, start + len(value), 0.95)


def _is_host_v4(value: bytes) -> bool:
    octets = value.split(b".")
    if any(int(octet) > 255 or (len(octet) > 1 and octet.startswith(b"0")) for octet in octets):
        return False
    return octets[0] not in (b"0", b"127", b"255")


def _is_host_v6(value: bytes) -> bool:
    digits = value.replace(b":", b"")
    if len(digits) < 6 or digits.isalpha():
        return False
    try:
        return not ipaddress.IPv6Address(value.decode("ascii")).is_loopback
    except ValueError:
        return False
