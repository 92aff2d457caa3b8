"""Text as detectors see it: one byte a character, with a way back to the original offsets.

What only hides a value from a pattern is undone: compatibility forms (NFKC: full-width digits, ligatures, circled
numbers), other scripts' digits, invisible characters, combining marks, the several dashes, quotes and spaces,
character references of HTML (`&#109;`, `&nbsp;`) and escapes of JSON (`\\u006d`, and `\\n` or `\\t` right before a
word), once, not what they spell in turn, and letters that look like plain Latin ones: of Greek, Cyrillic and
Armenian, small capitals, and Latin ones with strokes and accents. Those of rarer scripts (Cherokee, Lisu, Coptic)
are not known. A character beyond Latin-1 that remains becomes one stand-in byte of its kind. Since each character is
one byte, a match's offsets are the text's offsets, and no pattern meets an encoding error, not even at half of a
surrogate pair.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from html import unescape
from html.entities import html5

from compliance.inspection.wording import Wording, read_wordings

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


# As JSON and most languages write them. A line's end or a tab counts where it would else be one word with what
# follows; two blanks stand for it, so that offsets stay.
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")
_ESCAPED_BLANK = re.compile(r"\\[nrt](?=[\w\\])")
_BLANKS = " \n"

# Past so many kinds of unusual characters one walk over the text is cheaper than a search for each.
_FEW_KINDS = 12

Replaced = tuple[int, int, int, int]


@dataclass(frozen=True)
class NormalisedText:
    """`data[i]` stands for the original's characters from `starts[i]` up to `ends[i]`; all three are equally long.

    Where a byte comes from is worked out when it is first asked for: in most texts nothing is found.
    """

    data: bytes
    measures: Sequence[Callable[[], Iterable[Replaced]]] = ()

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Turn a non-empty span of `data` into one of the original text."""
        for offsets in self._offsets:
            start, end = offsets.locate(start)[0], offsets.locate(end - 1)[1]
        return start, end

    @property
    def starts(self) -> Sequence[int]:
        return [self.original_span(index, index + 1)[0] for index in range(len(self.data))]

    @property
    def ends(self) -> Sequence[int]:
        return [self.original_span(index, index + 1)[1] for index in range(len(self.data))]

    @cached_property
    def wordings(self) -> tuple[Wording, ...]:
        """How the text reads, without marks and markup: made once for all detectors of phrases."""
        return tuple(read_wordings(self.data))

    @cached_property
    def _offsets(self) -> list[_Offsets]:
        return [_Offsets(measure()) for measure in self.measures]


class _Offsets:
    """Where the characters of a text come from that was made of another by replacing some stretches of it.

    Built of where each begins and ends, of how many characters it became, and up to where what became none goes with
    the character before it (0: it does not).
    """

    def __init__(self, replaced: Iterable[Replaced]) -> None:
        # Piece by piece: where it begins in the new text and in the old one, and where the old one ends if all of it
        # stands for each character; 0 where the two go in step.
        self._starts, self._origins, self._ends = array("I", [0]), array("I", [0]), array("I", [0])
        self._stretched: dict[int, int] = {}
        length = position = 0
        for start, end, count, stretch in replaced:
            length += start - position
            if stretch and length:
                self._stretched[length - 1] = stretch
            if count:
                self._add(length, start, end)
                length += count
            self._add(length, end, 0)
            position = end

    def _add(self, start: int, origin: int, end: int) -> None:
        self._starts.append(start)
        self._origins.append(origin)
        self._ends.append(end)

    def locate(self, index: int) -> tuple[int, int]:
        """Return start and end of what the character stands for."""
        piece = bisect_right(self._starts, index) - 1
        start, end = self._origins[piece], self._ends[piece]
        if not end:
            start += index - self._starts[piece]
            end = start + 1
        return start, self._stretched.get(index, end)


def normalise(text: str) -> NormalisedText:
    """Normalise a text of any content. Linear in its length; raises nothing."""
    references = [*_find_references(text)] if "&" in text else []
    if "\\" in text:
        text = _ESCAPED_BLANK.sub(_BLANKS, text)
        references = sorted((*references, *_find_escapes(text)))
    if not references:
        return _project_text(text)
    projected = _project_text(_resolve(text, references))
    measure = partial(map, _measure_reference, references)
    return NormalisedText(projected.data, (*projected.measures, measure))


def _measure_reference(reference: tuple[int, int, str]) -> Replaced:
    start, end, meant = reference
    return start, end, len(meant), 0


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


def _find_escapes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and meaning of each character that is written by its number (RFC 8259, section 7)."""
    for match in _ESCAPE.finditer(text):
        yield match.start(), match.end(), chr(int(match.group()[2:], 16))


def _resolve(text: str, references: Sequence[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, meant in references:
        pieces += (text[position:start], meant)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _project_text(text: str) -> NormalisedText:
    if text.isascii():
        data = text.encode("ascii")
        if len(data.translate(None, _ASCII_CONTROLS)) == len(data):
            return NormalisedText(data)
    replacements = {character: _stand_in(character) or _replace(character) for character in _unusual(text)}
    data = _substitute(text, replacements).encode("latin-1")
    if all(len(replacement) == 1 for replacement in replacements.values()):
        return NormalisedText(data)
    return NormalisedText(data, (partial(_measure, text, replacements),))


def _substitute(text: str, replacements: Mapping[str, str]) -> str:
    if len(replacements) <= _FEW_KINDS:
        # In order, as the stand-ins of what is beyond Latin-1 would else be replaced in their turn.
        for character in sorted(replacements):
            text = text.replace(character, replacements[character])
        return text
    # A character without an entry costs ten times as much.
    return text.translate({ord(character): character for character in _PLAIN_CHARACTERS} | _by_number(replacements))


def _measure(text: str, replacements: Mapping[str, str]) -> Iterator[Replaced]:
    """Yield what became of the characters that became none or several."""
    dropped = [character for character, replacement in replacements.items() if not replacement]
    expanded = [character for character, replacement in replacements.items() if len(replacement) > 1]
    # The accent goes with the letter it sits on, or taking the letter out would leave it behind.
    no_marks = "".join(character for character in dropped if unicodedata.category(character)[0] != "M")
    classes = (_class_of(dropped) + "+" if dropped else "", _class_of(expanded) if expanded else "")
    for match in re.finditer("|".join(filter(None, classes)), text):
        start, end = match.span()
        count = len(replacements[text[start]])
        marked = 0 if count else len(match.group().rstrip(no_marks)) if no_marks else end - start
        yield start, end, count, start + marked if marked else 0


def _class_of(characters: Iterable[str]) -> str:
    return f"[{''.join(map(re.escape, characters))}]"


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
