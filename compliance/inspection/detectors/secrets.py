"""Credentials: private keys, the tokens of well-known services, and passwords where a text calls them that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from compliance.inspection.detectors.context import before, judge_matches
from compliance.inspection.detectors.secret_forms import BY_FORM
from compliance.inspection.detectors.secret_values import (
    holds_digit_or_symbol,
    is_key,
    is_password,
    is_placeholder,
    is_worn_placeholder,
)
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Match, Pattern, any_of
from compliance.inspection.registry import Span

# Words for a secret, by the type of finding. What may stand before them in a name (`db_`, `stripe`) is read apart.
_NAMES = {
    "password": r"pass(?:word|wd|phrase|code)?|pwd|pw|passwort|kennwort|contrase[nñ]a|mot de passe|senha|"
    r"pin(?:[ _-]?(?:code|number))?",
    "api_key": (
        r"(?:aws[ _.-]?)?(?:secret[ _.-]?)?access[ _.-]?key|(?:secret|api|private|encryption|signing|master|"
        r"account|storage|shared|"
        r"auth|app|application|service|consumer|deploy|subscription|hmac|crypto|client|functions?|admin|webhook|"
        r"integration)"
        r"[ _.-]?(?:secret[ _-]?)?(?:access[ _-]?)?key|apikey|api[ _.-]?secret|(?:aws|app|consumer|signing|"
        r"shared|webhook)[ _.-]?secret"
    ),
    "access_token": (
        r"(?:client|oauth)[ _.-]?secret|(?:access|auth|api|bearer|refresh|session|id|private|deploy|bot|"
        r"personal access)[ _.-]?token|"
        r"secret|token|sig|(?:php|j)sessid|sessionid|session[ _-]key"
    ),
}
_KINDS = tuple((kind, Pattern(f"^(?:{words})$", ignore_case=True)) for kind, words in _NAMES.items())
# Read on in another word these mean something else: bypass, compass, spin, signature.
_SHORT = frozenset({b"pass", b"pw", b"pwd", b"pin", b"sig", b"secret", b"token"})
_LINE_END = Pattern(r"^[.!\"']?[ \t\r]*(?:[\n<]|$)")
_OTHER_TOKENS = Pattern(
    r"(?:next|page|prev(?:ious)?|cursor|sync|continuation|pagination|eos|bos|pad|unk|mask|stop|design|"
    r"cancellation|public|"
    r"no|per|max|min|each|input|output|first|last|lexer|csrf)[ _-]?$",
    ignore_case=True,
)


class SecretDetector:
    """Secrets by their form, in URLs and headers, and as the value that follows a word for them."""

    name = "secret"
    types = frozenset({"private_key", "api_key", "access_token", "password"})

    _form = Pattern(BY_FORM)
    # Group 1 the word; groups 2 and 3 what joins it to the value, and the value, in its quotes if it has any; groups 4
    # and 5 the same where nothing but a blank joins them.
    _assignment = Pattern(
        rf"({any_of(list(_NAMES.values()))})(?:[ _-]?(?:base|value|prod(?:uction)?|dev|staging|live|test|main|[0-9]))?"
        r"(?:[ \t]+(?:for|to|of|on|at)(?:[ \t]+[A-Za-z0-9@'._/-]{1,24}){1,4}?)??"
        r"(?:([\"'],?\s{1,40}[\"']?value[\"']?[ \t]*[:=][ \t]*|(?:\\?[\"'`*\])]){0,3}"
        r"(?:[ \t]{0,8}(?::[ \t]*(?:str|string|text|&str|Optional\[str\]|SecretStr)[ \t]*)?(?::=|=>|={1,3}|[:=,|>]|->)"
        r"|\s{1,4}(?:is|was|to)(?:[ \t]+(?:now|set to|still|just))?[\s:]|[ \t]-[ \t]|\()[ \t*]{0,8})"
        r"((?:[bru]?\\?\"[^\"\n]{4,200}\"|[bru]?'[^'\n]{4,200}'|`[^`\n]{4,200}`|[^\s\"'`<>{}\[\],;]{4,}))"
        r"|([ \t]\r?\n?|\r?\n)([A-Za-z!@#$%^&*_.+-]{0,40}[0-9][^\s\"'`<>{}()\[\],;]*|\"[^\"\n]{4,200}\"|"
        r"'[^'\n]{4,200}'))",
        ignore_case=True,
    )
    # Passwords in URLs and on command lines (groups 1 to 4), credentials in headers (5 and 6).
    _elsewhere = Pattern(
        r"://[^\s:@/\"'<>]{0,80}:([^\s/\"'<>]{3,200})@[A-Za-z0-9.\[_-]"
        r"|[ \t](?:-u|--user|--proxy-user)[ \t=]+[\"']?[A-Za-z0-9_.@-]{1,64}:([^\s\"':]{4,})"
        r"|(?:\bidentified by|\b(?:using|with) password)[ \t]*[\"']([^\"'\n]{4,})[\"']"
        r"|\b(?:sshpass[ \t]+-p[ \t]?|(?:mysql[a-z]*|mariadb[a-z-]*)\b[^\n|;&]{0,80}[ \t]-p)[\"']?([^\s\"']{4,})"
        r"|\bauthorization(?:\\?[\"'])?[ \t]*[:=,][ \t]*(?:\\?[\"'])?(?:bearer|basic|token|apikey|bot|"
        r"key)[ \t]+([A-Za-z0-9._~+/=-]{8,})"
        r"|\bbearer[ \t]+([A-Za-z0-9._~+/=-]{20,})",
        ignore_case=True,
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the secrets, without the words that announce them."""
        data = text.data
        yield from _find_private_keys(data)
        yield from judge_matches(self._form, data, _judge_form, reach=0, ahead=0)
        yield from judge_matches(self._elsewhere, data, _judge_elsewhere, reach=0, ahead=0)
        yield from judge_matches(self._assignment, data, self._judge_assignment, reach=24, ahead=8)

    def _judge_assignment(self, data: bytes, match: Match) -> tuple[Span, ...]:
        by_sign = 2 if match.span(2)[0] >= 0 else 4
        (origin, _), word, joint = match.span(), match.group(1), match.group(by_sign)
        if not _is_word_of_its_own(before(data, origin, 24), word):
            return ()
        start, end, quoted = _unquote(data, *match.span(by_sign + 1))
        if not quoted:
            end = start + _length_before_bracket(data[start:end])
            stops = b".,?:" if data[end : end + 1] in (b"", b" ", b"\n", b"\r") else b",:"
            end = start + len(data[start:end].rstrip(stops))
        sign = joint.strip(b" \t\r\n\"'`*)]\\")
        found = _Assignment(word, joint, sign, data[start:end], quoted, before(data, origin, 16), data[end : end + 8])
        kind = _kind_of(word.lower())
        if _may_join(found) and (_is_password(found) if kind == "password" else _is_key(found, kind)):
            return (Span(kind, start - origin, end - origin, 0.85),)
        return ()


def _judge_form(_: bytes, match: Match) -> tuple[Span, ...]:
    value = match.group()
    if is_worn_placeholder(value):
        return ()
    return (Span("api_key" if match.span(1)[0] >= 0 else "access_token", 0, len(value), 0.97),)


def _judge_elsewhere(_: bytes, match: Match) -> tuple[Span, ...]:
    (origin, _end), group = match.span(), next(group for group in range(1, 7) if match.span(group)[0] >= 0)
    value, (start, end) = match.group(group), match.span(group)
    if is_placeholder(value) or (group == 2 and value.rstrip(b",;)").isdigit()) or (group > 4 and not _is_drawn(value)):
        return ()
    kind, confidence = ("password", 0.9) if group <= 4 else ("access_token", 0.95)
    return (Span(kind, start - origin, end - origin, confidence),)


class _Assignment(NamedTuple):
    """A word for a secret, what joins it to a value, and what stands around them."""

    word: bytes
    joint: bytes
    sign: bytes
    value: bytes
    quoted: bool
    preceding: bytes
    following: bytes

    @property
    def assigned(self) -> bool:
        """Whether a sign and no verb joins the two."""
        return bool(self.sign) and not self.sign[-1:].isalpha()

    @property
    def called(self) -> bool:
        """Whether the value is a function or a table that something is taken from."""
        return self.following[:1] in (b"(", b"[", b"{")


def _is_password(found: _Assignment) -> bool:
    word, value = found.word, found.value
    if word[:3].lower() == b"pin":
        return bool(found.sign) and value.isdigit() and 4 <= len(value) <= 6 and (word[:3] == b"PIN" or len(word) > 3)
    if not found.sign:
        # "use password X", `--password X`. People pass other things.
        named = word.lower() != b"pass" and len(value) >= 6 and b"=" not in value
        return named and is_password(value, assigned=False, quoted=False, ends_line=False, called=found.called)
    if found.sign[-2:].lower() == b"to" and (word.lower() == b"pass" or not holds_digit_or_symbol(value)):
        return False
    if word.lower() == b"passphrase" and found.quoted and value.islower() and value.count(b" ") > 2:
        return True
    ends_line = found.assigned and _LINE_END.is_in(found.following) and not _is_name_in_code(found)
    return is_password(value, assigned=found.assigned, quoted=found.quoted, ends_line=ends_line, called=found.called)


_NAME_OF_CALLED = re.compile(rb"[A-Za-z_][A-Za-z0-9_.:>-]*$")


def _length_before_bracket(value: bytes) -> int:
    """Return how much of an unquoted value is the value: a call's or a sentence's brackets are no part of it."""
    index = next((index for index, byte in enumerate(value) if byte in b"()"), -1)
    if index < 0:
        return len(value)
    inside, closes = value[index + 1 :], value[index : index + 1] == b")"
    if closes:
        return len(value) if inside[:1].isalnum() else index
    if value.endswith(b")") or not holds_digit_or_symbol(value) or _NAME_OF_CALLED.match(value[:index]):
        return index
    return len(value)


def _is_drawn_key(value: bytes) -> bool:
    """Whether a value that nothing but a blank parts from its word is as long and mixed as keys are."""
    return len(value) >= 32 and value.upper() != value != value.lower() and any(48 <= byte <= 57 for byte in value)


def _is_key(found: _Assignment, kind: str) -> bool:
    if not found.sign and not _is_drawn_key(found.value):
        return False
    if kind == "access_token" and _OTHER_TOKENS.is_in(found.preceding):
        return False
    return is_key(found.value, assigned=found.assigned, quoted=found.quoted, called=found.called)


def _may_join(found: _Assignment) -> bool:
    """Whether what stands between the word and the value joins them in this place."""
    if found.sign in (b",", b"("):
        # Arguments and lists hold names as well: of those, what looks chosen.
        in_place = found.sign == b"(" or (found.joint[:1] in (b'"', b"'") and not found.preceding[-1:].isalnum())
        return found.quoted and in_place and holds_digit_or_symbol(found.value)
    if found.sign == b"|":
        return found.joint[:1] == b" "
    if found.sign == b">":
        previous = found.preceding[-1:]
        return found.value[:1] != b"@" and (previous in (b"<", b":", b"_", b"-") or bool(previous.isalpha()))
    return True


def _is_name_in_code(found: _Assignment) -> bool:
    """Whether a bare word after a spaced equals sign is a variable: `password = entered`."""
    return b"=" in found.joint and found.joint[:1] in b" \t" and found.value.replace(b"_", b"").isalpha()


def _is_drawn(value: bytes) -> bool:
    """Whether what a header sends along is more than a word about it."""
    return any(48 <= byte <= 57 for byte in value) or (len(value) >= 20 and not value.islower())


@lru_cache(maxsize=256)
def _kind_of(word: bytes) -> str:
    return next(kind for kind, pattern in _KINDS if pattern.is_in(word))


def _is_word_of_its_own(context: bytes, word: bytes) -> bool:
    """Whether the word stands alone or as the part of a name: `dbPassword`, `db_pass`, not `bypass`."""
    last = context[-1:]
    if not last.isalnum():
        return True
    if word[:1].isupper() and last.islower():
        return True
    return word.lower() not in _SHORT and last.isupper() == word[:1].isupper()


def _unquote(data: bytes, start: int, end: int) -> tuple[int, int, bool]:
    """Return the value without its quotes, and whether it had any."""
    if data[start : start + 1] in (b"b", b"r", b"u", b"B", b"R", b"U") and data[start + 1 : start + 2] in (b'"', b"'"):
        start += 1
    if data[start : start + 2] == b'\\"' and data[end - 1 : end] == b'"':
        return start + 2, end - 1 - (data[end - 2 : end - 1] == b"\\"), True
    if data[start : start + 1] in (b'"', b"'", b"`") and end - start > 2:
        return start + 1, end - 1, True
    return start, end, False


_PRIVATE_HEADER = Pattern(r"^-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_PRIVATE_BODY = Pattern(r"^(?:\s*[A-Za-z-]{3,20}: [^\n]{0,120}\n){0,4}[A-Za-z0-9+/=\s\\]*")
_LONGEST_KEY = 1 << 15
_FEWEST_KEY_CHARACTERS = 8


def _find_private_keys(data: bytes) -> Iterator[Span]:
    """Yield whole blocks (RFC 7468, RFC 4880); without an end, what of the key is there."""
    position, closing = data.find(b"-----BEGIN "), -1
    while position >= 0:
        following = data.find(b"-----BEGIN ", position + 11)
        header = next(_PRIVATE_HEADER.find(data[position : position + 80]), None)
        if header is not None:
            start = position + header.span()[1]
            if closing < start:
                # Looked for once, however many headers stand before it.
                closing = data.find(b"-----END ", start)
                closing = closing if closing >= 0 else len(data)
            limit = min(following if following >= 0 else len(data), start + _LONGEST_KEY)
            if closing < limit:
                tail = data.find(b"-----", closing + 9, closing + 64)
                end, body = (tail + 5 if tail >= 0 else closing + 9), data[start:closing]
            else:
                body = next(_PRIVATE_BODY.find(data[start:limit])).group().rstrip()
                end = start + len(body)
            if len(body.translate(None, b" \r\n\\")) >= _FEWEST_KEY_CHARACTERS and b"..." not in body:
                yield Span("private_key", position, end, 0.99)
        position = following
