"""Text as detectors see it: one byte a character, with a way back to the original offsets.

What only hides a value from a pattern is undone: compatibility forms (NFKC: full-width digits, ligatures, circled
numbers), other scripts' digits, invisible characters, combining marks, the several dashes, quotes and spaces, and
letters of other scripts that look like Latin ones. A character beyond Latin-1 that remains becomes one stand-in
byte of its kind. Since each character is one byte, a match's offsets are the text's offsets, and no pattern meets
an encoding error, not even at half of a surrogate pair.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

_UPPER_LETTER = 0xC0  # À
_LOWER_LETTER = 0xE0  # à
_OTHER = 0x1A  # the control character "substitute": part of no pattern

# Anything else is either dropped or replaced.
_PLAIN = r"\t\n\r\x20-\x7e"
_NOT_PLAIN = re.compile(f"[^{_PLAIN}]+")

# A single character that expands to more (U+FDFA: to 18) would let a text grow under our hands.
_LONGEST_EXPANSION = 3

# Letters, as the Unicode database has it, that show nothing.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5")

_LOOK_ALIKES = str.maketrans(
    # Cyrillic, Greek, then dashes, quotes and the like that NFKC keeps apart.
    "АВЕЅІЈКМНОРСТУХаеіјорѕсухѵԁһ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧνορ" "‐‑‒–—―−⁃﹘‘’‚‛ʼ′`“”„‟«»⁄∕․•·",
    "ABESIJKMHOPCTYXaeijopscyxvdh" "ABEZHIKMNOPTYXvop" "--------" "-" "''''''" "'" '""""""' "//" "." "**",
)  # fmt: skip


@dataclass(frozen=True)
class NormalisedText:
    """`data[i]` stands for the original's characters from `starts[i]` up to `ends[i]`; all three are equally long."""

    data: bytes
    starts: Sequence[int]
    ends: Sequence[int]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Turn a non-empty span of `data` into one of the original text."""
        return self.starts[start], self.ends[end - 1]


def normalise(text: str) -> NormalisedText:
    """Normalise a text of any content. Linear in its length; raises nothing."""
    if _NOT_PLAIN.search(text) is None:
        return NormalisedText(text.encode("ascii"), range(len(text)), range(1, len(text) + 1))
    projection = _Projection()
    position = 0
    for match in _NOT_PLAIN.finditer(text):
        projection.add_plain(text, position, match.start())
        projection.add(text, match.start(), match.end())
        position = match.end()
    projection.add_plain(text, position, len(text))
    return NormalisedText(bytes(projection.data), projection.starts, projection.ends)


class _Projection:
    """The normalised text as it grows, and what each character met so far was replaced by."""

    # From here on it pays to look whether a run can be replaced at once.
    _long_run = 16

    def __init__(self) -> None:
        self.data = bytearray()
        self.starts, self.ends = array("q"), array("q")
        self._replacements: dict[int, str] = {}

    def add_plain(self, text: str, start: int, end: int) -> None:
        """Append characters that stand for themselves."""
        self._add_in_step(text[start:end], start)

    def add(self, text: str, start: int, end: int) -> None:
        """Append characters of any kind."""
        replacements = self._replacements
        for character in text[start:end] if end - start < self._long_run else set(text[start:end]):
            if ord(character) not in replacements:
                replacements[ord(character)] = _replace(character).decode("latin-1")
        if end - start >= self._long_run:
            replaced = text[start:end].translate(replacements)
            if len(replaced) == end - start and all(replacements[ord(each)] for each in set(text[start:end])):
                self._add_in_step(replaced, start)
                return
        for index in range(start, end):
            character = text[index]
            replacement = replacements[ord(character)]
            if replacement:
                self.data += replacement.encode("latin-1")
                self.starts.extend((index,) * len(replacement))
                self.ends.extend((index + 1,) * len(replacement))
            elif self.ends and unicodedata.category(character)[0] == "M":
                # The accent goes with the letter it sits on, or taking the letter out would leave it behind.
                self.ends[-1] = index + 1

    def _add_in_step(self, replaced: str, start: int) -> None:
        self.data += replaced.encode("latin-1")
        self.starts.extend(range(start, start + len(replaced)))
        self.ends.extend(range(start + 1, start + len(replaced) + 1))


def _replace(character: str) -> bytes:
    """Return the bytes that stand for a character; none for one that shows nothing."""
    expanded = unicodedata.normalize("NFKC", character.translate(_LOOK_ALIKES))
    if len(expanded) > _LONGEST_EXPANSION:
        return bytes([_OTHER])
    return b"".join(_project(part) for part in expanded.translate(_LOOK_ALIKES))


def _project(character: str) -> bytes:
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me", "Mc") or character in _INVISIBLE_LETTERS:
        return b""
    if category == "Cc":
        # Form feeds and the like part words; the rest (NUL, DEL, ...) shows nothing.
        return b" " if character.isspace() else b""
    if category == "Nd":
        return str(unicodedata.decimal(character)).encode()
    if category in ("Zs", "Zl", "Zp") or character == "\u2800":
        return b"\n" if category in ("Zl", "Zp") else b" "
    if category == "Pd":
        return b"-"
    if category == "Lu" and character > "\u00ff":
        return bytes([_UPPER_LETTER])
    if category[0] == "L" and character > "\u00ff":
        return bytes([_LOWER_LETTER])
    return character.encode("latin-1") if character <= "\u00ff" else bytes([_OTHER])
