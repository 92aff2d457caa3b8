"""The words of a text as its reader takes them in, whatever punctuation and markup stands between and around them."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from compliance.inspection.patterns import Pattern

# What only adorns or encloses words reads as a blank: Markdown's marks, brackets, quotes, snake_case, symbols.
_ADORNMENTS = (
    b'*_~`|#^+="[]{}()<>\\\x1a'
    + bytes(byte for byte in range(0xA1, 0xC0) if byte not in (0xAA, 0xB5, 0xBA))
    + b"\xd7\xf7"
)
# Letters of Latin-1 read as the ones below their accents. Þ and þ stand for letters of any script.
_ACCENTED = "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöøùúûüýÿ".encode("latin-1")
_PLAIN = b"AAAAAACEEEEIIIINOOOOOOUUUUYaaaaaaceeeeiiiinoooooouuuuyy"
_READ_AS = bytes.maketrans(_ADORNMENTS + _ACCENTED, b" " * len(_ADORNMENTS) + _PLAIN)

# What shows nothing inside of a word; any other tag parts words.
# Each alternative begins with its sign, so that the engine goes from sign to sign.
_INLINE = re.compile(
    rb"<(?:/?(?:a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup"
    rb"|tt|u|var|wbr)(?:[\s/][^<>]*)?>|!--[^<>]*-->)|\*(?<=\w\*)\**(?=\w)",
    re.IGNORECASE,
)
_TAG = re.compile(rb"</?[a-z][^<>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class Wording:
    """One reading of a text. `sources` are the texts that it was made of, the last first, with what was left out.

    Of each: the text, what was replaced in it, and by what.
    """

    data: bytes
    sources: Sequence[tuple[bytes, re.Pattern[bytes], bytes]] = ()

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Turn a non-empty span of `data` into one of the text."""
        for pieces in self._pieces:
            start, end = _locate(pieces, start), _locate(pieces, end - 1) + 1
        return start, end

    @cached_property
    def _pieces(self) -> list[_Pieces]:
        return [_measure_pieces(*source) for source in self.sources]


# From `[0][n]` on, the reading is the text from `[1][n]` on.
_Pieces = tuple[Sequence[int], Sequence[int]]


def _measure_pieces(data: bytes, pattern: re.Pattern[bytes], replacement: bytes) -> _Pieces:
    starts, origins, left_out = array("I", [0]), array("I", [0]), 0
    for match in pattern.finditer(data):
        start, end = match.span()
        # A blank in place of a tag stands for the tag's first character.
        left_out += end - start - len(replacement)
        starts.append(end - left_out)
        origins.append(end)
    return starts, origins


def _locate(pieces: _Pieces, index: int) -> int:
    piece = bisect_right(pieces[0], index) - 1
    return pieces[1][piece] + index - pieces[0][piece]


def read_wordings(data: bytes) -> Iterator[Wording]:
    """Yield the readings of a normalised text, in one to three passes over it.

    The first takes every mark for a blank, so that nothing written between angle brackets is lost. Where there are
    tags, or asterisks within words, the second leaves them out, so that they part no words.
    """
    yield Wording(data.translate(_READ_AS))
    if b"<" in data or b"*" in data:
        joined = _INLINE.sub(b"", data)
        parted = _TAG.sub(b" ", joined)
        if len(parted) < len(data):
            sources = ((joined, _TAG, b" "), (data, _INLINE, b""))
            yield Wording(parted.translate(_READ_AS), sources)


# An escape, a class with what repeats it, or a blank.
_TOKEN = re.compile(r"\\.|\[[^\]]*\][+*?]?| ")


def compile_phrase(expression: str) -> Pattern:
    """Compile a phrase in any case, to be looked for in a wording.

    A blank stands for any whitespace, or for a hyphen or dot that joins the words. A class with a blank in it
    stands for any row of what it lists, or a dot; with `?` or `*` for none, too.
    """
    return Pattern(_TOKEN.sub(_widen, expression), ignore_case=True)


def _widen(token: re.Match[str]) -> str:
    written = token.group()
    if written == " ":
        return r"(?:\s+|[.-])"
    if written[0] == "\\" or " " not in written:
        return written
    listed, _, repeated = written.rpartition("]")
    return rf"(?:{listed.replace(' ', chr(92) + 's')}]{'*' if repeated in ('?', '*') else '+'}|\.)"
