"""Credentials: private keys, the tokens of well-known services, and passwords where a text calls them that."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

# The issuers' documented prefixes; the lengths are lower bounds, as several have grown over the years.
_BY_FORM = (
    (
        "private_key",
        r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:\s*[A-Za-z-]{3,20}: [^\n]{0,120}\n){0,4}[A-Za-z0-9+/=\s\\]*"
        r"(?:-----END [A-Z0-9 ]{0,40}-----)?",
    ),
    ("api_key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ("access_token", r"\bgh[pousr]_[A-Za-z0-9]{30,}"),
    ("access_token", r"\bgithub_pat_[A-Za-z0-9_]{22,}"),
    ("access_token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("access_token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("access_token", r"\bxapp-[0-9]-[A-Za-z0-9-]{10,}"),
    ("access_token", r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
    ("api_key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}"),
    ("api_key", r"\bwhsec_[A-Za-z0-9+/=]{16,}"),
    ("api_key", r"\bsk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{16,}"),
    ("api_key", r"\bsk-[A-Za-z0-9]{20,}"),
    ("api_key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("api_key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("api_key", r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|hf_[A-Za-z0-9]{30,}|dop_v1_[a-f0-9]{64})"),
    ("access_token", r"\bya29\.[A-Za-z0-9_-]{20,}"),
    ("access_token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
)

_KINDS = {
    "password": r"pass(?:word|wd|phrase|code)?|pwd|pw|kennwort|passwort",
    "api_key": r"(?:aws[ _-])?(?:secret[ _-])?access[ _-]key|(?:secret|api|private|encryption|signing)[ _-]?key|apikey",
    "access_token": r"(?:access|auth|api|bearer|refresh|session|id)[ _-]?token|client[ _-]?secret|secret|token",
}
_DIGITS_AND_SYMBOLS = frozenset(b"0123456789!@#$%^&*+=?~|")


class SecretDetector:
    """Secrets by their form, in URLs and headers, and as the value that follows a word for them."""

    name = "secret"
    types = frozenset({"private_key", "api_key", "access_token", "password"})

    _forms = tuple((kind, Pattern(expression)) for kind, expression in _BY_FORM)
    _assignments = tuple(
        (
            kind,
            Pattern(
                rf"(?:^|[^A-Za-z0-9])(?:[A-Za-z0-9]+[_.-])*(?:{words})[\"']?[ \t]*"
                r"(?:(:=|=>|[:=])|(?:is|was|to)[ \t]|->)[ \t]*"
                r"(?:\"([^\"\n]{4,200})\"|'([^'\n]{4,200})'|([^\s\"'<>{}(),;]{4,}))",
                ignore_case=True,
            ),
        )
        for kind, words in _KINDS.items()
    )
    _in_url = Pattern(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:@/\"'<>]*:([^\s:@/\"'<>]{3,})@", ignore_case=True)
    _header = Pattern(
        r"\bauthorization[\"']?[ \t]*[:=][ \t]*[\"']?(?:bearer|basic|token)[ \t]+([A-Za-z0-9._~+/=-]{8,})",
        ignore_case=True,
    )
    _line_end = Pattern(r"^[.!\"']?[ \t\r]*(?:[\n<]|$)")
    _placeholder = Pattern(
        r"^(?:[\[<{$%(].*|x{3,}|\*{2,}.*|\.{3,}|_+|-+|null|none|true|false|undefined|string|str|text|required|optional"
        r"|redacted|hidden|masked|changed?|changeme!?|your[_-].*|my[_-]?(?:password|secret|key|token)|example.*|"
        r"password|passwd|secret|placeholder|empty|missing|invalid|incorrect|wrong|expired|weak|strong|reset|process\.env.*|os\.environ.*|"
        r"os\.getenv.*|env\..*|config\..*|settings\..*|self\..*|request\..*|get_.*|getpass.*)$",
        ignore_case=True,
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the secrets, without the words that announce them."""
        data = text.data
        for kind, pattern in self._forms:
            for match in pattern.find(data):
                yield Span(kind, match.span()[0], match.span()[0] + len(match.group().rstrip()), 0.97)
        for kind, pattern in self._assignments:
            for match in pattern.find(data):
                number = next(number for number in (2, 3, 4) if match.span(number)[0] >= 0)
                start, end = match.span(number)
                if number == 4:
                    end = start + len(data[start:end].rstrip(b".,!?"))
                value = data[start:end]
                if len(value) < 4 or self._placeholder.is_in(value[:80]):
                    continue
                if match.span(1)[0] < 0:
                    found = _stands_out(value)
                elif number != 4:
                    found = not _is_phrase(value)
                else:
                    found = _looks_chosen(value) or (kind == "password" and self._line_end.is_in(data[end : end + 8]))
                if found and (kind != "access_token" or len(value) >= 8):
                    yield Span(kind, start, end, 0.85)
        for match in self._in_url.find(data):
            if not self._placeholder.is_in(match.group(1)[:80]):
                yield Span("password", *match.span(1), 0.9)
        for match in self._header.find(data):
            yield Span("access_token", *match.span(1), 0.95)


def _is_phrase(value: bytes) -> bool:
    """Whether a quoted value is a label or a message rather than a secret."""
    return value.count(b" ") > 3 or (b" " in value and value.replace(b" ", b"").isalpha())


def _looks_chosen(value: bytes) -> bool:
    """Whether a value after a colon is no plain word of a sentence."""
    if any(byte in _DIGITS_AND_SYMBOLS for byte in value):
        return True
    # NAMES_LIKE_THIS are constants that hold the secret elsewhere.
    return len(value) >= 8 and not value.islower() and not value.istitle() and not value.isupper()


def _stands_out(value: bytes) -> bool:
    """Whether a value without a colon before it ("the password is ...") is none of a sentence's words."""
    has_digit = any(byte in b"0123456789" for byte in value)
    return has_digit and not value.replace(b".", b"").replace(b",", b"").isdigit()
