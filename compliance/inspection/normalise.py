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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import unescape
from html.entities import html5
from itertools import accumulate, chain, compress, repeat
from operator import add

_UPPER_LETTER = "\u00de"  # Þ: a letter to every pattern, and the accented form of none
_LOWER_LETTER = "\u00fe"  # þ
_OTHER = "\u001a"  # the control character "substitute": part of no pattern

# Anything else is either dropped or replaced.
_PLAIN_CHARACTERS = frozenset("\t\n\r") | frozenset(map(chr, range(0x20, 0x7F)))
_ASCII_CONTROLS = bytes(code for code in range(128) if chr(code) not in _PLAIN_CHARACTERS)

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


# Past so many kinds of unusual characters one walk over the text is cheaper than a search for each.
_FEW_KINDS = 12

# Of a character that is dropped and goes with the one before it; no other becomes so many.
_MARK = "\x80"
_MARK_BYTE = b"\x80"
_DROPPED = re.compile(rb"[\x00\x80]+")

Offsets = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True)
class NormalisedText:
    """`data[i]` stands for the original's characters from `starts[i]` up to `ends[i]`; all three are equally long.

    Where each byte comes from is worked out when it is first asked for: in most texts nothing is found.
    """

    data: bytes
    measure: Callable[[], Offsets] | None = None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Turn a non-empty span of `data` into one of the original text."""
        if self.measure is None:
            return start, end
        starts, ends = self._offsets
        return starts[start], ends[end - 1]

    @property
    def starts(self) -> Sequence[int]:
        return self._offsets[0]

    @property
    def ends(self) -> Sequence[int]:
        return self._offsets[1]

    @cached_property
    def _offsets(self) -> Offsets:
        if self.measure is None:
            return range(len(self.data)), range(1, len(self.data) + 1)
        return self.measure()


def normalise(text: str) -> NormalisedText:
    """Normalise a text of any content. Linear in its length; raises nothing."""
    references = list(_find_references(text)) if "&" in text else []
    if not references:
        return _project_text(text)
    projected = _project_text(_resolve(text, references))

    def measure() -> Offsets:
        starts, ends = _measure_resolved(references, len(text))
        return (
            array("I", map(starts.__getitem__, projected.starts)),
            array("I", (ends[end - 1] for end in projected.ends)),
        )

    return NormalisedText(projected.data, measure)


def _find_references(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and meaning of each character reference (HTML, section 13.5)."""
    known: dict[str, str | None] = {}
    for match in _CHARACTER_REFERENCE.finditer(text):
        written = match.group()
        if written not in known:
            known[written] = unescape(written) if written[1] == "#" else html5.get(written[1:])
        meant = known[written]
        if meant is not None:
            yield match.start(), match.end(), meant


def _resolve(text: str, references: Sequence[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, meant in references:
        pieces += (text[position:start], meant)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _measure_resolved(references: Sequence[tuple[int, int, str]], length: int) -> Offsets:
    """Return where each character of the resolved text comes from. What a reference means comes from all of it."""
    starts, ends, position = array("I"), array("I"), 0
    for start, end, meant in references:
        starts.extend(range(position, start))
        ends.extend(range(position + 1, start + 1))
        starts.extend((start,) * len(meant))
        ends.extend((end,) * len(meant))
        position = end
    starts.extend(range(position, length))
    ends.extend(range(position + 1, length + 1))
    return starts, ends


def _project_text(text: str) -> NormalisedText:
    if text.isascii():
        data = text.encode("ascii")
        if len(data.translate(None, _ASCII_CONTROLS)) == len(data):
            return NormalisedText(data)
    replacements = {character: _stand_in(character) or _replace(character) for character in _unusual(text)}
    data = _substitute(text, replacements).encode("latin-1")
    if all(len(replacement) == 1 for replacement in replacements.values()):
        return NormalisedText(data)
    return NormalisedText(data, lambda: _measure(text, replacements))


def _substitute(text: str, replacements: Mapping[str, str]) -> str:
    if len(replacements) <= _FEW_KINDS:
        # In order, as the stand-ins of what is beyond Latin-1 would else be replaced in their turn.
        for character in sorted(replacements):
            text = text.replace(character, replacements[character])
        return text
    # A character without an entry costs ten times as much.
    return text.translate({ord(character): character for character in _PLAIN_CHARACTERS} | _by_number(replacements))


def _measure(text: str, replacements: Mapping[str, str]) -> Offsets:
    """Return where each byte comes from, where some characters became none or several."""
    codes = dict.fromkeys(_PLAIN_CHARACTERS, "\1") | {
        character: chr(len(replacement)) if replacement or unicodedata.category(character)[0] != "M" else _MARK
        for character, replacement in replacements.items()
    }
    coded = text.translate(_by_number(codes)).encode("latin-1")
    counts = coded.replace(_MARK_BYTE, b"\0")
    if max(counts) == 1:
        starts = array("I", compress(range(len(text)), counts))
    else:
        starts = array("I", chain.from_iterable(map(repeat, range(len(text)), counts)))
    ends = array("I", map(add, starts, repeat(1)))
    if _MARK_BYTE in coded:
        _stretch_to_marks(ends, coded, array("I", accumulate(counts)))
    return starts, ends


def _stretch_to_marks(ends: array[int], coded: bytes, until: Sequence[int]) -> None:
    """Let an accent go with the letter it sits on, or taking the letter out would leave it behind."""
    for match in _DROPPED.finditer(coded):
        start, end = match.span()
        last = coded.rfind(_MARK_BYTE, start, end)
        if last >= 0 and until[start]:
            ends[until[start] - 1] = last + 1


def _by_number(table: Mapping[str, str]) -> dict[int, str]:
    return {ord(character): replacement for character, replacement in table.items()}


def _unusual(text: str) -> set[str]:
    return set(text) - _PLAIN_CHARACTERS


def _stand_in(character: str) -> str:
    """Return what stands for a character of the great blocks that no compatibility form is in; else nothing."""
    if "\u4e00" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3":
        return _LOWER_LETTER
    if "\ud800" <= character <= "\uf8ff" or character >= "\U0001f000":
        category = unicodedata.category(character)
        if category in ("Cn", "Co", "Cs"):
            return _OTHER
    return ""


@lru_cache(maxsize=8192)
def _replace(character: str) -> str:
    """Return what of Latin-1 stands for a character; nothing for one that shows nothing."""
    expanded = unicodedata.normalize("NFKC", character.translate(_LOOK_ALIKES))
    if len(expanded) > _LONGEST_EXPANSION:
        return _OTHER
    return "".join(_project(part) for part in expanded.translate(_LOOK_ALIKES))


def _project(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "L" and character > "\u00ff":
        # Latin letters with accents that Latin-1 does not have: the letter is what a pattern knows.
        base = unicodedata.normalize("NFD", character)[0].translate(_LOOK_ALIKES)
        if base.isascii():
            return base
    if category in ("Cf", "Mn", "Me", "Mc") or character in _INVISIBLE_LETTERS:
        return ""
    if category == "Cc":
        # Form feeds and the like part words; the rest (NUL, DEL, ...) shows nothing.
        return " " if character.isspace() else ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in ("Zs", "Zl", "Zp") or character == "\u2800":
        return "\n" if category in ("Zl", "Zp") else " "
    if category == "Pd":
        return "-"
    if category == "Lu" and character > "\u00ff":
        return _UPPER_LETTER
    if category[0] == "L" and character > "\u00ff":
        return _LOWER_LETTER
    return character if character <= "\u00ff" else _OTHER
