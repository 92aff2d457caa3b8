"""The keyed hash by which one can tell that two findings hold the same value, and nothing else about it.

HMAC-SHA256 (RFC 2104), because identity numbers are few enough to try them all against a bare digest.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Callable

from compliance.inspection.normalise import NormalisedText

# Stand-ins for letters and signs that the normalised text does not tell apart: there the original has to.
_STAND_INS = (b"\xde", b"\xfe", b"\x1a")
_LATIN_1 = bytes(range(256)).decode("latin-1")
_SIGNS = bytes(byte for byte in range(256) if not _LATIN_1[byte].isalnum())
# Two letters of Latin-1 have no capital in it; they stay.
_CAPITALS = bytes(
    ord(letter.upper()) if len(letter.upper()) == 1 and letter.upper() <= "\xff" else ord(letter) for letter in _LATIN_1
)


def make_hasher(key: bytes, text: str, normalised: NormalisedText) -> Callable[[int, int, str], str]:
    """Return a function from a span of the normalised text and its category to the hash of what stands there, in hex.

    What is hashed: the value as it was normalised, of which the letters and digits in capitals, so that a number
    hashes alike with and without separators, in full width and spaced. A secret keeps its case and its signs, as
    they belong to it. What holds characters beyond Latin-1 is taken from the text itself, by NFKC.
    """
    known: dict[tuple[bytes, bool], str] = {}

    def hash_span(start: int, end: int, category: str) -> str:
        written = normalised.data[start:end]
        verbatim = category == "secret"
        if any(byte in written for byte in _STAND_INS):
            original_start, original_end = normalised.original_span(start, end)
            return _compute(key, _fold(text[original_start:original_end], verbatim=verbatim))
        digest = known.get((written, verbatim))
        if digest is None:
            folded = written.strip() if verbatim else written.translate(_CAPITALS, _SIGNS)
            digest = known[written, verbatim] = _compute(key, (folded or written).decode("latin-1"))
        return digest

    return hash_span


def _fold(value: str, *, verbatim: bool) -> str:
    compatible = unicodedata.normalize("NFKC", value)
    if verbatim:
        return compatible.strip()
    return "".join(character for character in compatible.upper() if character.isalnum()) or compatible


def _compute(key: bytes, value: str) -> str:
    return hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256").hex()
