"""E-mail addresses, phone numbers, web and network addresses (45 CFR 164.514(b)(2)(i)(D), (E), (F), (N), (O))."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import phonenumbers

from compliance.inspection.detectors.candidates import (
    compile_scout,
    find_passages,
    is_part_of_number,
    judge_candidates,
    last_line,
)
from compliance.inspection.detectors.context import digits_of
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span


class EmailDetector:
    """Addresses of the form local@domain.tld (RFC 5321), without the rarer characters and forms of local parts.

    Also with the at sign and the dots in brackets and words, as in jane [at] example [dot] org.
    """

    name = "email"
    types = frozenset({"email_address"})

    _address = Pattern(
        r"[A-Za-z0-9_À-ÿ](?:[A-Za-z0-9_.%+'&À-ÿ-]*[A-Za-z0-9_%+À-ÿ-])?"
        r"@[A-Za-z0-9À-ÿ-]+(?:\.[A-Za-z0-9À-ÿ-]+)*\.[A-Za-zÀ-ÿ](?:[A-Za-zÀ-ÿ]|[A-Za-z0-9-]*[A-Za-z0-9]){1,24}"
    )
    _spelt = Pattern(
        r"\b[a-z0-9_][a-z0-9_.+-]* ?[\[({] ?at ?[\])}] ?[a-z0-9-]+"
        r"(?:(?: ?[\[({] ?dot ?[\])}] ?|\.| dot )[a-z0-9-]+){1,4}",
        ignore_case=True,
    )
    # A picture for a screen of twice the density, a package at a version, a member of an object.
    _no_domain = Pattern(
        r"(?i:\.(?:png|jpe?g|gif|svg|webp|ico|js|mjs|ts|tsx|css|py|md|json|ya?ml|toml|lock|tgz|zip|exe|dll|so)$)"
        r"|@(?:self|this|cls|super|[0-9]+(?:\.[0-9x]+)+)\b"
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the addresses."""
        if b"@" in text.data:
            yield from judge_candidates(self._address, text.data, self._judge, before=64, after=8)
        if b"at]" in text.data or b"at)" in text.data or b"at ]" in text.data or b"AT]" in text.data:
            for match in self._spelt.find(text.data):
                yield Span("email_address", *match.span(), 0.9)

    _in_url = Pattern(r"://[^\s/@:]{0,64}:[^\s/]{0,64}$")

    def _judge(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        # In scheme://user:password@host the password is no mailbox, nor is its end.
        if self._in_url.is_in(before):
            return None
        # git@host:path names a repository; a bracket after it makes it a call.
        if after[:1] == b"(" or (value.startswith(b"git@") and after[:1] in (b":", b"/")):
            return None
        return None if self._no_domain.is_in(value) else Span("email_address", 0, len(value), 0.99)


# A number introduced like this is no phone number, whatever its shape.
_OTHER_NUMBER = Pattern(
    r"(?:^|[^a-z0-9])(?:order|invoice|ticket|p\.?o|purchase order|part|sku|item|tracking|isbn|model|build|version|ver"
    r"|release|revision|rev|section|bug|issue|ref|reference|catalog(?:ue)?|batch|lot|case|claim|policy|account"
    r"|acct|mrn"
    r"|serial|s/?n|p/?n|confirmation|docket|matter|file|form|member|group|licen[cs]e|passport|npi|dea|ndc|badge|cusip"
    r"|ein|ssn|tin|fig(?:ure)?|table|row|line|page|protocol|study|accession|specimen|rx|prescription|chart|booking"
    r"|registration|certificate|transaction|receipt|contract|product|asset|port|pid|iban|nhs|tfn|abn|sin|nino"
    r"|bsn|aadhaar|pesel|curp|cpf|cnpj|vat|siret|siren|national|hospital|insurance|beneficiary|subscriber"
    r"|barcode|upc|udi|device"
    r"|patent|application|customer|employee|user|record|shipment|package|quote|sample|chapter|routing|aba|id|nr|no)s?"
    r"[ \t_]*(?:number|num|no|nr|id|code|#)?[ \t]*[.:#=-]*[ \t]*(?:(?:is|was|of)[ \t]+)?[\"'(#]*$|[#$]$",
    ignore_case=True,
)
# Who speaks, in a conversation: "customer: (555) 555-0123".
_SPEAKER = Pattern(r"^[ \t]*(?:customer|user|employee|member)[ \t]*:[ \t]*$", ignore_case=True)
# Written right after the number too, as in 555-0123x45.
_EXTENSION = r"(?:(?:,? ?(?i:ext\.?|extension)|,? ?x|,? #) ?:?[0-9]{1,6}\b|\b)"
_NORTH_AMERICAN = (
    r"(?:\+?1[ .-]{0,2})?(?:\([2-9][0-9]{2}\)[ .-]{0,2}|[2-9][0-9]{2}(?:[./-]| - ?)"
    r"|[2-9][0-9]{2} )[0-9]{3}(?:[ .-]| - ?)[0-9]{4}"
    r"|\([0-9]{3}\)[ .-]?[0-9]{3}[.-][0-9]{4}"
)
# National forms whose shape alone says what they are: British, French, Swiss, German, Dutch, Australian, Brazilian.
_NATIONAL = (
    r"(?:\(?02[0-9]\)?[ -][0-9]{4}[ -][0-9]{4}|\(?01[0-9]{2}\)?[ -][0-9]{3}[ -][0-9]{4}"
    r"|\(?01[0-9]{3}\)?[ -](?:[0-9]{5,6}|[0-9]{3} [0-9]{3})|07[0-9]{3}[ -](?:[0-9]{6}|[0-9]{3}[ -][0-9]{3})"
    r"|0[38][0-9]{2}[ -][0-9]{3}[ -][0-9]{3,4}"
    r"|0[1-9](?:(?: [0-9]{2}){4}|(?:\.[0-9]{2}){4}|(?:-[0-9]{2}){4})"
    r"|0[1-9][0-9] [0-9]{3} [0-9]{2} [0-9]{2}"
    r"|\(0[1-9][0-9]{1,4}\) ?[0-9]{3,4}(?:[ -]?[0-9]{2,4}){0,3}"
    r"|0[1-9][0-9]{1,4} ?/ ?[0-9]{3,4}(?:[ -]?[0-9]{2,4}){1,3}"
    r"|0[1-9][0-9]{1,3}[ -][0-9]{6,8}|0[1-9][0-9]{1,3} [0-9]{3,4} [0-9]{3,4}"
    r"|04[0-9]{2} [0-9]{3} [0-9]{3}|\(0[2378]\) ?[0-9]{4} ?[0-9]{4}"
    r"|\([1-9][0-9]\) ?9?[0-9]{4}-[0-9]{4})"
)
_GROUPS = r"[+(]?[0-9](?:(?:[ .-]|\)[ .-]?| ?[(/] ?)?[0-9]){6,14}"
_LABEL_TAIL = (
    r"(?:[ _-]?(?:number|no|nr|num|line)\b\.?|[ \t]?#)?[\"']?(?:[ \t]*\([a-z]{1,12}\))?"
    r"(?:[ \t]+(?:is|are|was|at|on|me|us|him|her|them|back|number|file|via|by)\b|[ \t]+-){0,4}"
    r"[ \t.:#=\"'>|-]{0,6}(?:\n[ \t]*|\?[ \t]*\n[ \t]*(?:[a-z][a-z0-9 ._-]{0,24}:[ \t]*)?)?"
)


class PhoneDetector:
    """Phone and fax numbers: those of North America and several countries by form, international by +, any by label."""

    name = "phone"
    types = frozenset({"phone_number"})

    _formed = Pattern(rf"(?:{_NORTH_AMERICAN}){_EXTENSION}")
    _national = Pattern(rf"{_NATIONAL}{_EXTENSION}")
    _international = Pattern(
        r"(?:\+1[ .-]?\(?[2-9][0-9]{2}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4}"
        r"|(?:\+|\b00)[1-9][0-9]{0,2}(?:[ .-]?\(0?[0-9]{0,4}\))?(?:[ ./-]{0,3}[0-9]){6,13})"
        rf"{_EXTENSION}"
    )
    _labelled = Pattern(
        r"(?:(?:phone|telefon[eo]?|t[eé]l[eé](?:phone|fono)|cellphone|telefax|facsimile|landline|hotline|helpline|voicemail"
        r"|whatsapp|pager|beeper|(?:\b|_)(?:fax|tel|cell|mobile?|mob|handy|portable|m[oó]vil|ph|phn))s?"
        rf"{_LABEL_TAIL}|\b(?:call|contact|reach(?:ed)?|text(?:ed)?|dial(?:ed)?|sms|ring|callback|home|work|office"
        r"|direct|main|desk|switchboard|emergency|(?:my|his|her|our|their|same|new|best) number"
        rf"|[tfmpchwo][.:])({_LABEL_TAIL}))"
        rf"((?:{_NORTH_AMERICAN}|{_NATIONAL}|[0-9]{{3}}[.-][0-9]{{4}}|[0-9]{{7,15}}|{_GROUPS}){_EXTENSION})",
        ignore_case=True,
    )
    # Ten digits together, where what is said before on the line makes them a number to call.
    _bare = Pattern(r"\b(?:[2-9][0-9]{2}[2-9][0-9]{6}|0[1-9][0-9]{8,9}|0[1-9][0-9]{3,4} [0-9]{5,8})\b")
    # The line of an address or a mailbox before or after it.
    _card_before = Pattern(r"(?:[ ,][0-9]{5}(?:-[0-9]{4})?|@[A-Za-z0-9-]+\.[A-Za-z.]+)[ \t]*\r?\n$")
    _card_after = Pattern(r"^[ \t]*\r?\n[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+\.")
    _bare_cue = Pattern(
        r"\b(?:call|contact|reach(?:ed)?|phone|text|emergency|follow[- ]?up (?:with|at))\b"
        r".{0,70}(?:\b(?:at|on|or) |\),? )$",
        ignore_case=True,
    )
    _date = Pattern(r"^(?:[0-9]{1,2}[./ -][0-9]{1,2}[./ -][0-9]{4}|[0-9]{4}[./ -][0-9]{1,2}[./ -][0-9]{1,2})$")

    _scout = compile_scout(_formed, _national, _international, _labelled, _bare)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers."""
        data = text.data
        passages = find_passages(self._scout, data)
        if not passages.spans:
            return
        yield from judge_candidates(self._formed, data, self._judge_formed, before=40, passages=passages)
        yield from judge_candidates(self._national, data, self._judge_formed, before=40, passages=passages)
        yield from judge_candidates(self._international, data, self._judge_international, passages=passages)
        yield from judge_candidates(self._bare, data, self._judge_bare, before=96, after=64, passages=passages)
        yield from judge_candidates(self._labelled, data, self._judge_labelled, group=2, before=40, passages=passages)

    def _judge_bare(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        line = last_line(before)
        if is_part_of_number(before, after) or _is_other_number(line):
            return None
        on_card = before[-1:] == b"\n" and (self._card_before.is_in(before) or self._card_after.is_in(after))
        if not on_card and not self._bare_cue.is_in(line):
            return None
        return Span("phone_number", 0, len(value), 0.7)

    def _judge_formed(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        if is_part_of_number(before, after) or after[:2] in (b"--", b"-)") or _is_other_number(last_line(before)):
            return None
        # Joined to a letter on either side it is a part number.
        if after[:1] in (b"-", b"/") and after[1:2].isalnum():
            return None
        # Three groups with only spaces between them are as well a row of a table.
        spaced = value.replace(b" ", b"").isdigit()
        if spaced and (
            (before[-1:] != b"," and before[-2:-1].isdigit()) or (after[:1] != b"," and after[1:2].isdigit())
        ):
            return None
        return Span("phone_number", 0, len(value), 0.6 if spaced else 0.9)

    def _judge_international(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        if is_part_of_number(before, after, b"") or _is_other_number(last_line(before)):
            return None
        if value.startswith(b"00"):
            if value.isdigit() or is_part_of_number(before, after):
                return None
            return Span("phone_number", 0, len(value), 0.8) if _may_be_dialled(b"+" + value[2:], None) else None
        # Groups that no longer belong to the number may follow it.
        while value:
            if _may_be_dialled(value, None):
                return Span("phone_number", 0, len(value), 0.9)
            value = value[: value.rfind(b" ")] if b" " in value else b""
        return None

    def _judge_labelled(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        if is_part_of_number(before, after, b"") or self._date.is_in(value):
            return None
        if _is_other_number(last_line(before)) and not _CALLED.is_in(last_line(before)):
            return None
        # "Call" and "home" are said before much else; after the other labels any number will do.
        if not _CALLED.is_in(last_line(before)) and not _may_be_dialled(value, "GB" if value[:1] == b"0" else "US"):
            return None
        return Span("phone_number", 0, len(value), 0.95)


_CALLED = Pattern(
    r"(?:phone|telefon[eo]?|t[eé]l[eé](?:phone|fono)|telefax|facsimile|landline|hotline|helpline|voicemail|whatsapp|pager"
    r"|beeper"
    rf"|(?:\b|_)(?:fax|tel|cell|mobile?|mob|handy|portable|m[oó]vil|ph|phn))s?{_LABEL_TAIL}$",
    ignore_case=True,
)


def _is_other_number(line: bytes) -> bool:
    """Whether what stands before a number on its line makes another thing of it than a phone number."""
    return _OTHER_NUMBER.is_in(line) and not _SPEAKER.is_in(line)


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
        r"\b(?:https?|ftps?|sftp|wss?)://[^\s<>\"'`{}|\\^\x1a]+|\bwww[0-9]?\.[a-z0-9-]+\.[^\s<>\"'`{}|\\^\x1a]+"
        r"|\b(?:[a-z0-9-]+\.){1,4}(?:com|org|net|edu|gov|health|example|co\.uk|de|fr|eu"
        r"|ca)/[a-z0-9_~%#?/][^\s<>\"'`{}|\\^\x1a]*",
        ignore_case=True,
    )
    _local_host = Pattern(
        r"^[a-z]+://(?:[^/@]*@)?(?:localhost|127\.[0-9.]+|0\.0\.0\.0|\[::1?\])(?:[:/]|$)", ignore_case=True
    )
    # Names of a host inside a company, without a path to anything.
    _internal_host = Pattern(
        r"^[a-z]+://(?:[^/@]*@)?[a-z0-9.-]+\.(?:internal|local|localdomain|lan)(?::[0-9]+)?/?$", ignore_case=True
    )
    # A module of Go, an image of a container.
    _package = Pattern(
        r"(?:\b(?:import|require|module|replace|go (?:get|install)|pull|push|image|FROM|uses|run)\b[ :]*|=> )$"
    )
    _namespace = Pattern(r"(?i:xmlns(?::[a-z0-9]+)?|schemaLocation|DOCTYPE[^>]{0,60}|\$schema\"?)[ :=]*[\"']$")
    _ip_v4 = Pattern(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
    _software = Pattern(
        r"(?i:\b(?:versions?|ver|release[ds]?|builds?|firmware|revision|rev|section|sec|chapter|clause|article"
        r"|rfc|tag"
        r"|kernel|python|node|upgraded?|updated?|downgraded?|patch(?:ed)?|drivers?|sdk|library|package|installed"
        r"|installer|software|app|plugin|module|v)\b|\bv[0-9]|[=~<>^]=)"
    )
    _hosts = Pattern(
        r"(?i:\b(?:ips?|ipv4|addresse?s?|addr|hosts?|servers?|clients?|gateway|login|logged|ping|ssh|subnet|dns"
        r"|proxy|peer|remote|workstation|router|connect(?:ed|ion)?)\b|ip[_-]?addr|_ip\b)"
    )
    _heading = Pattern(r"^(?:[0-9]{1,2}\.){3}[0-9]{1,2}$")
    _ip_v6 = Pattern(
        r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}"
        r"|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?"
    )
    _hardware = Pattern(
        r"\b(?:(?:[0-9A-Fa-f]{2}:){5}(?:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}:)?[0-9A-Fa-f]{2}"
        r"|(?:[0-9A-Fa-f]{2}-){5}(?:[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-)?[0-9A-Fa-f]{2}"
        r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})\b"
    )
    _bare_hardware = Pattern(
        r"\b(?:MAC|hardware|ethernet|wi-?fi|bluetooth|BD_ADDR)(?:[ _-]addr(?:ess)?)?[\"']?[ \t]*(?:is"
        r"|[:=#])?[ \t]*[\"']?"
        r"([0-9a-f]{12})\b",
        ignore_case=True,
    )

    _before_v4 = 56
    _scout = compile_scout(_url, _ip_v4, _ip_v6, _hardware, _bare_hardware)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the addresses."""
        data = text.data
        passages = find_passages(self._scout, data)
        if not passages.spans:
            return
        # No address of these has blanks in it, so that lines are taken as they stand.
        passages = passages._replace(data=data)
        yield from judge_candidates(self._url, data, self._judge_url, before=72, after=1, passages=passages)
        yield from judge_candidates(
            self._ip_v4, data, self._judge_v4, before=self._before_v4, after=8, passages=passages
        )
        yield from judge_candidates(self._ip_v6, data, self._judge_v6, before=2, after=2, passages=passages)
        yield from judge_candidates(self._hardware, data, self._judge_hardware, before=2, after=2, passages=passages)
        for match in passages.find(self._bare_hardware):
            yield Span("device_id", *match.span(1), 0.9)

    def _judge_url(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        bare = b"://" not in value[:8] and not value.lower().startswith(b"www")
        # Without a scheme: in a path, a name of a package or a mailbox it is none.
        if bare and ((before[-1:] and before[-1] in b"/@.-_\"'`\\=") or self._package.is_in(last_line(before))):
            return None
        for _ in range(3):
            value = value.rstrip(b".,;:!?*_")
            for opening, closing in ((b"(", b")"), (b"[", b"]")):
                if value.endswith(closing) and value.count(opening) < value.count(closing):
                    value = value[:-1]
        if b"](" in value:
            value = value[: value.index(b"](")]
        if self._local_host.is_in(value[:80]) or self._internal_host.is_in(value) or self._namespace.is_in(before):
            return None
        return Span("url", 0, len(value), 0.95) if value[-3:] != b"://" else None

    def _judge_v4(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        if is_part_of_number(before, after, b".") or not _is_host_v4(value):
            return None
        if len(before) > 1 and before[-1:] in (b"-", b"/") and before[-2:-1].isalpha():
            return None
        line = last_line(before)
        if len(line) == self._before_v4:
            # The end of a word that is cut off reads as another word.
            line = line.partition(b" ")[2]
        host, software = (
            max((match.span()[1] for match in cue.find(line)), default=0) for cue in (self._hosts, self._software)
        )
        if host <= software:
            if software:
                return None
            # The number of a heading or a clause.
            if not line.strip() and after[:1] == b" " and self._heading.is_in(value):
                return None
        return Span("ip_address", 0, len(value), 0.9)

    def _judge_v6(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        # After all eight groups a colon only parts a port from them.
        whole = value.count(b":") == 7 and b"::" not in value
        if is_part_of_number(before, b"" if whole and after[:1] == b":" else after, b":.") or not _is_host_v6(value):
            return None
        return Span("ip_address", 0, len(value), 0.9)

    def _judge_hardware(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        digits = set(value.lower()) - set(b":-.")
        if (
            is_part_of_number(before, after, b":-.")
            or len(digits) < 2
            or (b"." in value and value[:1] == b"0" == after)
        ):
            return None
        if after[:1] in (b":", b"-") and after[1:2].isalnum():
            return None
        # Twelve figures in threes of four are an amount or an order as well.
        if b"." in value and value.replace(b".", b"").isdigit():
            return None
        return Span("device_id", 0, len(value), 0.9)


def _is_host_v4(value: bytes) -> bool:
    octets = value.split(b".")
    if any(int(octet) > 255 or (len(octet) > 1 and octet.startswith(b"0")) for octet in octets):
        return False
    return octets[0] not in (b"0", b"127", b"255")


def _is_host_v6(value: bytes) -> bool:
    groups = value.split(b":")
    filled = [group for group in groups if group]
    if b"." not in value and b"::" in value:
        # In source code :: parts names, some of which are spelt with a to f.
        first = next(iter(filled), b"")
        if len(first) < 3 or not any(48 <= byte < 58 for byte in first):
            return False
    elif len(groups) == 8 and all(len(group) == 2 for group in groups):
        return False
    try:
        return not ipaddress.IPv6Address(value.decode("ascii")).is_loopback
    except ValueError:
        return False
