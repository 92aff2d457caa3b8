"""What stands just before or after a candidate. All looks reach a bounded number of bytes."""

from __future__ import annotations

from compliance.inspection.patterns import Pattern

_WORD_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") | frozenset(
    range(0xC0, 0x100)
)
_DIGITS = frozenset(b"0123456789")

# A number introduced like this is a business reference, whatever its shape.
_REFERENCE_BEFORE = Pattern(
    r"\b(?:order|invoice|ticket|po|purchase order|part|sku|item|tracking|isbn|model|build|version|ver|release|"
    r"revision|rev|section|bug|issue|ref|reference|catalog(?:ue)?|batch|lot)"
    r"[ \t]*(?:number|num|no|nr|id|code)?[ \t]*[.:#=-]*[ \t]*$",
    ignore_case=True,
)
_VERSION_BEFORE = Pattern(
    r"\b(?:v|version|ver|release|build|firmware|revision|rev|section|sec|chapter|rfc|tag|kernel|python|node)"
    r"[ \t]*[.:#=]?[ \t]*[\"']?$",
    ignore_case=True,
)
_REACH = 32


def before(data: bytes, start: int, reach: int = _REACH) -> bytes:
    """Return up to `reach` bytes before `start`."""
    return data[max(0, start - reach) : start]


def after(data: bytes, end: int, reach: int = _REACH) -> bytes:
    """Return up to `reach` bytes from `end`."""
    return data[end : end + reach]


def is_reference(data: bytes, start: int) -> bool:
    """Whether the words before `start` announce an order, part, ticket or version number."""
    return _REFERENCE_BEFORE.is_in(before(data, start))


def is_version(data: bytes, start: int) -> bool:
    """Whether the words before `start` announce a version or a section."""
    return _VERSION_BEFORE.is_in(before(data, start))


def is_inside_word(data: bytes, start: int, end: int) -> bool:
    """Whether a letter, digit or underscore touches the span."""
    return (start > 0 and data[start - 1] in _WORD_BYTES) or (end < len(data) and data[end] in _WORD_BYTES)


def is_inside_number(data: bytes, start: int, end: int, joiners: bytes = b"-./") -> bool:
    """Whether the span is part of a longer run of digits, or of digits joined by one of `joiners`."""
    if is_inside_word(data, start, end):
        return True
    joined_before = start > 1 and data[start - 1] in joiners and data[start - 2] in _WORD_BYTES
    joined_after = end + 1 < len(data) and data[end] in joiners and data[end + 1] in _DIGITS
    return joined_before or joined_after


def digits_of(value: bytes) -> str:
    """Return the digits of a value, without what separates them."""
    return "".join(chr(byte) for byte in value if byte in _DIGITS)
