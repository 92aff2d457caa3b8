"""Keeps provider keys out of everything that a run leaves behind."""

import json
from collections.abc import Iterable
from typing import Any

REPLACEMENT = "[key removed]"


class Scrubber:
    """Replaces known secrets in texts and JSON-able values, and makes every text storable as UTF-8.

    A secret is also known as JSON spells it: a call's arguments are a text that is JSON, whose members may again be.
    """

    def __init__(self, secrets: Iterable[str | None]) -> None:
        spelled = {spelling for secret in secrets if secret for spelling in _spell(secret)}
        self._secrets = tuple(sorted(spelled, key=len, reverse=True))
        # As each of them stands in a text's JSON, which escapes character by character.
        self._encoded = frozenset(json.dumps(secret, ensure_ascii=False)[1:-1] for secret in spelled)

    def text(self, text: str) -> str:
        """Return the text without secrets; lone surrogates become U+FFFD."""
        for secret in self._secrets:
            text = text.replace(secret, REPLACEMENT)
        return text if text.isascii() else text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")

    def value(self, value: Any) -> Any:
        """Return a JSON-able value with every text in it scrubbed, keys of objects included."""
        return value if self._is_clean(value) else self._scrub(value)

    def finds_in(self, value: Any) -> bool:
        """Return whether a JSON-able value holds a secret in any of its texts."""
        return not self._is_clean(value) and self._search(value)

    def _is_clean(self, value: Any) -> bool:
        """Say whether scrubbing would change nothing, by the value's JSON: one pass in C, where walking it is slow."""
        try:
            encoded = json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            return False
        return _is_storable(encoded) and not any(secret in encoded for secret in self._encoded)

    def _scrub(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._scrub(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self._scrub(member) for member in value]
        return value

    def _search(self, value: Any) -> bool:
        if isinstance(value, str):
            return any(secret in value for secret in self._secrets)
        if isinstance(value, dict):
            return any(self._search(part) for member in value.items() for part in member)
        return isinstance(value, list | tuple) and any(self._search(member) for member in value)


def _is_storable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _spell(secret: str) -> set[str]:
    """Return the secret as it is, and inside of JSON, once and twice over; some encoders escape the slash as well."""
    spelled = {secret}
    for _ in range(2):
        encoded = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in spelled for ascii_only in (True, False)}
        spelled |= encoded | {text.replace("/", "\\/") for text in encoded}
    return spelled
