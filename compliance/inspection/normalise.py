"""Text as detectors see it: one byte a character, with a way back to the original offsets.

What only hides a value from a pattern is undone: compatibility forms (NFKC: full-width digits, ligatures, circled
numbers), other scripts' digits, invisible characters, combining marks, the several dashes, quotes and spaces,
character references of HTML (`&#109;`, `&nbsp;`; once, not what they spell in turn), and letters that look like
plain Latin ones: of Greek, Cyrillic and Armenian, small capitals, and Latin ones with strokes and accents. Those of
rarer scripts (Cherokee, Lisu, Coptic) are not known. A character beyond Latin-1 that remains becomes one stand-in
byte of its kind. Since each character is one byte, a match's offsets are the text's offsets, and no pattern meets
an encoding error, not even at half of a surrogate pair.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from html.entities import html5

_UPPER_LETTER = 0xDE  # Þ: a letter to every pattern, and the accented form of none
_LOWER_LETTER = 0xFE  # þ
_OTHER = 0x1A  # the control character "substitute": part of no pattern

# Anything else is either dropped or replaced.
_PLAIN = r"\t\n\r\x20-\x7e"
_NOT_PLAIN = re.compile(f"[^{_PLAIN}]+")

# A single character that expands to more (U+FDFA: to 18) would let a text grow under our hands.
_LONGEST_EXPANSION = 3

# Letters, as the Unicode database has it, that show nothing.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5")

_LOOK_ALIKES = str.maketrans(
    # Cyrillic, Greek, Armenian, small capitals, Latin letters without a dot or with a stroke; then dashes, quotes and
    # the like that NFKC keeps apart.
    "АВЕЅІЈКМНОРСТУХҮԚԜӀ" "авгекмнопрстухѕіјһԁѵүԛԝӏ"
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ" "αγεηικνορτυχωϲϳ"
    "ՍՕՏ" "զհյոռսցօ"
    "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ" "ıɩȷɑɡɾʋłđħŧŁĐĦŦ"
    "‐‑‒–—―−⁃﹘‘’‚‛ʼ′`“”„‟«»⁄∕․•·",
    "ABESIJKMHOPCTYXYQWI" "abrekmhonpctyxsijhdvyqwl"
    "ABEZHIKMNOPTYXC" "ayenikvoptuxwcj"
    "UOS" "qhjnnugo"
    "abcdefghijklmnopqrstuvwyz" "iijagrvldhtLDHT"
    "--------" "-" "''''''" "'" '""""""' "//" "." "**",
)  # fmt: skip

# As browsers read them: without its semicolon where it is a number.
_CHARACTER_REFERENCE = re.compile(r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};)")


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
    references = list(_find_references(text)) if "&" in text else []
    if not references and _NOT_PLAIN.search(text) is None:
        return NormalisedText(text.encode("ascii"), range(len(text)), range(1, len(text) + 1))
    projection = _Projection()
    position = 0
    for start, end, meant in references:
        projection.add_text(text, position, start)
        for character in meant:
            projection.add_one(character, start, end)
        position = end
    projection.add_text(text, position, len(text))
    return NormalisedText(bytes(projection.data), projection.starts, projection.ends)


def _find_references(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and meaning of each character reference (HTML, section 13.5)."""
    for match in _CHARACTER_REFERENCE.finditer(text):
        written = match.group()
        meant = unescape(written) if written[1] == "#" else html5.get(written[1:])
        if meant is not None:
            yield match.start(), match.end(), meant


class _Projection:
    """The normalised text as it grows, and what each character met so far was replaced by."""

    # From here on it pays to look whether a run can be replaced at once.
    _long_run = 16

    def __init__(self) -> None:
        self.data = bytearray()
        self.starts, self.ends = array("q"), array("q")
        self._replacements: dict[int, str] = {}

    def add_text(self, text: str, start: int, end: int) -> None:
        """Append a stretch of the text, in which every character stands for itself alone."""
        for match in _NOT_PLAIN.finditer(text, start, end):
            self._add_in_step(text[start : match.start()], start)
            self._add_unusual(text, match.start(), match.end())
            start = match.end()
        self._add_in_step(text[start:end], start)

    def add_one(self, character: str, start: int, end: int) -> None:
        """Append a character that the text from start to end stands for."""
        replacement = self._look_up(character)
        if replacement:
            self.data += replacement.encode("latin-1")
            self.starts.extend((start,) * len(replacement))
            self.ends.extend((end,) * len(replacement))
        elif self.ends and unicodedata.category(character)[0] == "M":
            # The accent goes with the letter it sits on, or taking the letter out would leave it behind.
            self.ends[-1] = end

    def _add_unusual(self, text: str, start: int, end: int) -> None:
        if end - start >= self._long_run:
            kinds = set(text[start:end])
            lengths = {len(self._look_up(character)) for character in kinds}
            if lengths == {1}:
                self._add_in_step(text[start:end].translate(self._replacements), start)
                return
        for index in range(start, end):
            self.add_one(text[index], index, index + 1)

    def _look_up(self, character: str) -> str:
        replacement = self._replacements.get(ord(character))
        if replacement is None:
            replacement = _replace(character).decode("latin-1")
            self._replacements[ord(character)] = replacement
        return replacement

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
    if category[0] == "L" and character > "\u00ff":
        # Latin letters with accents that Latin-1 does not have: the letter is what a pattern knows.
        base = unicodedata.normalize("NFD", character)[0].translate(_LOOK_ALIKES)
        if base.isascii():
            return base.encode()
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
