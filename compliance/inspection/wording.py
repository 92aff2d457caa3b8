"""The words of a text as its reader takes them in, whatever punctuation and markup stands between and around them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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

# Group 1 shows nothing inside of a word; any other tag parts words.
_MARKUP = Pattern(
    r"(</?(?:a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|u"
    r"|var|wbr)(?:[\s/][^<>]*)?>|<!--[^<>]*-->|\b\*+\b)|</?[a-z][^<>]*>",
    ignore_case=True,
)


@dataclass(frozen=True)
class Wording:
    """One reading of a text, piece by piece: from `starts[n]` on, `data` is the text from `origins[n]` on."""

    data: bytes
    starts: Sequence[int] = (0,)
    origins: Sequence[int] = (0,)

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Turn a non-empty span of `data` into one of the text."""
        return self._locate(start), self._locate(end - 1) + 1

    def _locate(self, index: int) -> int:
        piece = bisect_right(self.starts, index) - 1
        return self.origins[piece] + index - self.starts[piece]


def read_wordings(data: bytes) -> Iterator[Wording]:
    """Yield the readings of a normalised text, in one to two passes over it.

    The first takes every mark for a blank, so that nothing written between angle brackets is lost. Where there are
    tags, or asterisks within words, the second leaves them out, so that they part no words.
    """
    yield Wording(data.translate(_READ_AS))
    if b"<" in data or b"*" in data:
        stripped = _strip(data)
        if stripped is not None:
            yield stripped


def _strip(data: bytes) -> Wording | None:
    kept, starts, origins, position = bytearray(), [0], [0], 0
    for match in _MARKUP.find(data):
        start, end = match.span()
        kept += data[position:start]
        if match.span(1)[0] < 0:
            # A blank in place of the tag, and of its first character.
            kept += b" "
        position = end
        starts.append(len(kept))
        origins.append(end)
    if not position:
        return None
    kept += data[position:]
    return Wording(bytes(kept).translate(_READ_AS), starts, origins)


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
