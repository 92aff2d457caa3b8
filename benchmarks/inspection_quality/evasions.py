"""Disguises that leave a value legible to a person and hide it from a pattern.

Each is applied only to values in which it changes something and that it leaves legible.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from benchmarks.inspection_quality.documents import Document, Segment, Value

_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"

# Latin letters, and dashes, that another script or block has in nearly the same shape.
_HOMOGLYPHS = str.maketrans(
    "ABCEHIKMNOPTXYSJZ" "aceiopxysjhdqwvgl-",
    "\u0410\u0412\u0421\u0415\u041d\u0406\u039a\u041c\u039d\u041e\u0420\u0422\u0425\u03a5\u0405\u0408\u0396"
    "\u0430\u0441\u0435\u0456\u043e\u0440\u0445\u0443\u0455\u0458\u04bb\u0501\u051b\u051d\u03bd\u0261\u04cf\u2011",
)  # fmt: skip

# What a person reads digit by digit. A date or an address spaced out is no longer what a person takes for one.
_DIGIT_TYPES = frozenset(
    {"us_ssn", "us_itin", "national_id", "card_number", "phone_number", "account_number", "medical_record_number",
     "health_plan_number"}
)  # fmt: skip

# First letters of mathematical alphabets that have all capitals and small letters, and of digits in their styles.
_MATHEMATICAL = (0x1D400, 0x1D5A0, 0x1D5D4, 0x1D670)
_MATHEMATICAL_DIGITS = (0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)


def _widen(value: Value, random: Random) -> str:
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in value.text)


def _insert_zero_width(value: Value, random: Random) -> str:
    characters = list(value.text)
    for _ in range(min(3, len(characters) - 1)):
        characters.insert(random.randrange(1, len(characters)), random.choice(_ZERO_WIDTH))
    return "".join(characters)


def _space_digits(value: Value, random: Random) -> str:
    """A space between any two characters, and none more where the value has one."""
    if value.type not in _DIGIT_TYPES or not all(character in "0123456789- " for character in value.text):
        return value.text
    return " ".join(value.text.replace(" ", ""))


def _swap_homoglyphs(value: Value, random: Random) -> str:
    return value.text.translate(_HOMOGLYPHS)


def _use_compatibility_forms(value: Value, random: Random) -> str:
    """Letters and digits of a mathematical alphabet, circled ones, or superscript digits."""
    style = random.choice(("mathematical", "mathematical", "circled", "superscript"))
    letters, digits = random.choice(_MATHEMATICAL), random.choice(_MATHEMATICAL_DIGITS)
    return "".join(_to_compatibility_form(character, style, letters, digits) for character in value.text)


def _to_compatibility_form(character: str, style: str, letters: int, digits: int) -> str:
    if not character.isascii() or not character.isalnum():
        return character
    if character.isdigit():
        number = int(character)
        circled = chr(0x2460 + number - 1) if number else "\u24ea"
        return {"mathematical": chr(digits + number), "circled": circled}.get(style, "⁰¹²³⁴⁵⁶⁷⁸⁹"[number])
    offset = ord(character.upper()) - ord("A") + (26 if character.islower() else 0)
    return chr(0x24B6 + offset) if style == "circled" else chr(letters + offset)


EVASIONS: Mapping[str, Callable[[Value, Random], str]] = {
    "full-width characters": _widen,
    "zero-width characters": _insert_zero_width,
    "spaced digits": _space_digits,
    "homoglyphs": _swap_homoglyphs,
    "compatibility forms": _use_compatibility_forms,
}


def disguise(document: Document, evasion: str, seed: int) -> Document:
    """Return the document with every counted value disguised, and the labels where they then are.

    A value that the evasion does not apply to stays as it is.
    """
    random = Random(f"{evasion} {document.genre} {document.number} {seed}")  # noqa: S311 (test data)
    change = EVASIONS[evasion]

    def change_segment(segment: Segment) -> Segment:
        if isinstance(segment, str) or not segment.type or not segment.counted:
            return segment
        return replace(segment, text=change(segment, random))

    return replace(document, segments=tuple(change_segment(segment) for segment in document.segments))


def is_legible(plain: str, disguised: str) -> bool:
    """Whether the disguised text is the plain one under compatibility forms, but for what shows nothing and spaces."""
    folded = unicodedata.normalize("NFKC", disguised)
    shown = "".join(character for character in folded if unicodedata.category(character) != "Cf")
    return shown.replace(" ", "") == plain.replace(" ", "")
