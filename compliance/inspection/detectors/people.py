"""Names of persons where a title, a label or a list of given names shows them, and ages over 89.

45 CFR 164.514(b)(2)(i)(A) and (C).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from compliance.inspection.detectors.candidates import Passages, compile_scout, find_passages
from compliance.inspection.detectors.context import is_inside_word
from compliance.inspection.detectors.name_cues import (
    ADDRESSED,
    AFTER_NAME,
    DEGREES,
    ELEMENTS,
    GIVEN,
    GREETINGS,
    INITIALS,
    LABELS,
    LETTER_WORDS,
    NAME,
    REVERSED,
    ROLES,
    SHAPES,
    SIGNED,
    SPEAKERS,
    TIMED_SPEAKERS,
    TITLE,
    TITLES,
    WEAK_LABELS,
)
from compliance.inspection.detectors.name_words import (
    DOUBTFUL_GIVEN_NAMES,
    EPONYMS,
    EVERYDAY_WORDS,
    GIVEN_NAMES,
    NO_NAME,
    NO_PERSON_AFTER,
    PARTICLES,
    SURNAMES,
)
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern, any_of
from compliance.inspection.registry import Span

_KNOWN_ALONE = (GIVEN_NAMES | SURNAMES) - EVERYDAY_WORDS - NO_NAME


class _Rule(NamedTuple):
    """How names are read where a pattern's group 1 begins."""

    pattern: Pattern
    # Parts that a name must have; one that is on the lists will do alone.
    fewest: int
    confidence: float
    # Whether the group is the whole name already, so that nothing of it may turn out to be none.
    whole: bool = False
    # Whether only names from the lists count, and no institutions that are named after someone.
    listed: bool = False
    reversible: bool = False


# Rules that one scout looks out for.
_GROUPS = (
    (
        _Rule(TITLES, 1, 0.9, reversible=True),
        _Rule(LABELS, 1, 0.9, reversible=True),
        _Rule(WEAK_LABELS, 2, 0.85, reversible=True),
        _Rule(ROLES, 2, 0.85, reversible=True),
        _Rule(LETTER_WORDS, 1, 0.9, reversible=True),
    ),
    (
        _Rule(ELEMENTS, 1, 0.9, whole=True),
        _Rule(DEGREES, 2, 0.9, whole=True),
        _Rule(AFTER_NAME, 2, 0.85, whole=True),
        _Rule(TIMED_SPEAKERS, 1, 0.85, whole=True),
        _Rule(SPEAKERS, 2, 0.8, whole=True, listed=True),
    ),
    (
        _Rule(GREETINGS, 1, 0.85, whole=True),
        _Rule(ADDRESSED, 1, 0.8, whole=True, listed=True),
        _Rule(SIGNED, 1, 0.8, whole=True, listed=True),
        _Rule(GIVEN, 2, 0.75, listed=True),
        _Rule(SHAPES, 2, 0.8, reversible=True),
        _Rule(INITIALS, 2, 0.7, listed=True),
    ),
)
_SCOUTED = tuple((compile_scout(*(rule.pattern for rule in rules)), rules) for rules in _GROUPS)
_HEAD = Pattern(rf"^{NAME}")
_REVERSED_HEAD = Pattern(rf"^{REVERSED}")
_NEXT = Pattern(rf"^(?:,? and|,? &|[,;/]|,? or)[ \t]{{1,2}}(?:{TITLE})?({NAME})")
_WORD = re.compile(rb"[^ \t]+")
# San Diego, Lake Charlotte: a place that has the name.
_PLACE = re.compile(rb"\b(?:San|Santa|Santo|Saint|Fort|Port|Lake|Mount|Los|Las|New|El|S[Tt]\.?|M[Tt]\.?|F[Tt]\.?) $")
_COMPANY = re.compile(
    rb",? (?:Inc|INC|LLC|L\.L\.C|Ltd|LTD|Limited|PLC|plc|Corp|GmbH|LLP|L\.P|LP)\b"
    rb"| (?:AG|Corporation|Company|Holdings|& Co|and Company|& Sons)\b"
)
_FOLLOWING = re.compile(rb"[ \t]([A-Za-z']+)")
# Letters of Latin-1 as the ones below their accents, as the lists have them.
_UNACCENTED = bytes.maketrans(
    "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöøùúûüýÿ".encode("latin-1"),
    b"AAAAAACEEEEIIIINOOOOOOUUUUYaaaaaaceeeeiiiinoooooouuuuyy",
)
# Endings and beginnings that surnames have and other words with a capital seldom do.
_SURNAME_SHAPE = re.compile(
    r"(?:mc|mac|o'|d'|fitz)[a-z]{3,}|[a-z]{2,}(?:ssons?|nsen|rsen|dez|rez|nez|mez|guez|quez|varez|strom|berg"
    r"|mann|ski|sky|ska"
    r"|wicz|enko|ovic|evic|ova|yan|oglu|escu|opoulos|akis|elli|etti|stein|feld|quist|qvist|lund|dottir|ishvili"
    r"|wala|moto|mura)"
)
_LONGEST = 96
_MOST_IN_A_ROW = 12


class NameDetector:
    """Names after a title, a label or a word for a person, before a degree, an age or an identity number's label.

    And those that begin with a frequent given name, and wherever a name found in any of these ways stands again,
    whole or in part.
    """

    name = "person_name"
    types = frozenset({"person_name"})

    _most_repeated = 64

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the names, without titles and labels."""
        found: dict[tuple[int, int], float] = {}
        names: dict[bytes, None] = {}
        for scout, rules in _SCOUTED:
            passages = find_passages(scout, text.data)
            for rule in rules:
                for start, end in _apply(rule, passages):
                    found.setdefault((start, end), rule.confidence)
                    if len(names) < self._most_repeated:
                        names[passages.data[start:end]] = None
        for (start, end), confidence in found.items():
            yield Span("person_name", start, end, confidence)
        yield from _find_again(text.data, names, found)


def _apply(rule: _Rule, passages: Passages) -> Iterator[tuple[int, int]]:
    """Yield the spans of the names that a rule finds. What stands in many places is read once."""
    data = passages.data
    known: dict[bytes, tuple[tuple[int, int], ...]] = {}
    for match in passages.find(rule.pattern):
        start, end = match.span(1)
        # What follows a name decides with it whether it is one.
        window = data[start:end] + b"\0" + data[end : end + 24] if rule.whole else data[start : start + _LONGEST]
        spans = known.get(window)
        if spans is None:
            spans = known[window] = tuple(_read_names(window, rule))
        if rule.listed and spans and _PLACE.search(data, max(0, start - 8), start):
            continue
        for first, last in spans:
            yield start + first, start + last


def _find_again(data: bytes, names: Iterable[bytes], found: Iterable[tuple[int, int]]) -> Iterator[Span]:
    """Yield where parts of the names stand alone, in the capitals of a sentence or of a heading."""
    parts = _distinctive_parts(names)
    if not parts:
        return
    covered = bytearray(len(data))
    for start, end in found:
        covered[start:end] = b"\1" * (end - start)
    pattern = Pattern(rf"\b{any_of([re.escape(part).decode('latin-1') for part in parts])}\b")
    for match in pattern.find(data):
        start, end = match.span()
        if covered[start] or is_inside_word(data, start, end):
            continue
        following = _FOLLOWING.match(data, end, end + 24)
        if following is None or _plain(following.group(1)) not in NO_PERSON_AFTER or following.group(1).islower():
            yield Span("person_name", start, end, 0.7)


def _read_names(window: bytes, rule: _Rule) -> Iterator[tuple[int, int]]:
    """Yield the spans of the name that the window begins with, and of those that follow it in a row."""
    if rule.whole:
        candidate, _, after = window.partition(b"\0")
        span = _read_name(candidate, after, rule)
        # Words that stand before the name may be none; a word after it shows that the whole is something else.
        if span is not None and span[1] >= len(candidate.rstrip(b".")):
            yield span
        return
    if rule.reversible and (reversed_end := _read_reversed(window, rule)):
        yield 0, reversed_end
        return
    match = next(iter(_HEAD.find(window)), None)
    if match is None:
        return
    end = match.span()[1]
    span = _read_name(window[:end], window[end:], rule)
    if span is None:
        return
    yield span
    position = span[1]
    for _ in range(_MOST_IN_A_ROW):
        match = next(iter(_NEXT.find(window[position:])), None)
        if match is None:
            return
        first, last = match.span(1)
        after = window[position + last :]
        # Semicolons part the names of a list of recipients, listed or not.
        recipients = window[position : position + 1] == b";" and after[:1] in (b";", b"\n", b"\r")
        span = _read_name(
            window[position + first : position + last], after, rule._replace(fewest=2, listed=not recipients)
        )
        if span is None:
            return
        yield position + first + span[0], position + first + span[1]
        position += first + span[1]


def _read_name(candidate: bytes, after: bytes, rule: _Rule) -> tuple[int, int] | None:
    """Cut a candidate to the name in it: from the first word on that may be one up to the next that is none."""
    words = [match.span() for match in _WORD.finditer(candidate)]
    if not rule.whole and len(words) > 1 and (_is_next_label(after, rule) or after[:1].isalnum()):
        # The next field's label.
        words.pop()
    while rule.whole and words and _plain(candidate[slice(*words[0])]) in NO_NAME:
        words.pop(0)
    kept: list[str] = []
    end = stopped = 0
    for first, last in words:
        word = _plain(candidate[first:last])
        if word in NO_NAME or (word == "a" and first == words[0][0] and candidate[first : first + 2] != b"A."):
            stopped = 1
            if rule.listed and word in NO_PERSON_AFTER:
                return None
            break
        if word and word not in PARTICLES:
            kept.append(word)
            end = last
    if not kept or _COMPANY.match(candidate[end:] + after):
        return None
    for tail in (b"'s", b"'S", b"'", b",", b"."):
        # The period of an initial or a degree is the sentence's as well as the name's.
        if candidate[:end].endswith(tail):
            end -= len(tail)
    if not stopped and rule.listed:
        following = _FOLLOWING.match(after)
        if following is not None and _plain(following.group(1)) in (
            EPONYMS if following.group(1).islower() else NO_PERSON_AFTER
        ):
            return None
    return (words[0][0], end) if _is_name(kept, rule) else None


def _is_next_label(after: bytes, rule: _Rule) -> bool:
    """Whether a colon makes the word before it the label of the next field on the line."""
    return rule.pattern in (LABELS, WEAK_LABELS) and after[:1] in (b":", b"=") and after[1:2] not in (b"", b"\n", b"\r")


def _is_name(words: list[str], rule: _Rule) -> bool:
    longer = [word for word in words if len(word) > 1]
    if not longer:
        return False
    # "May I", "Will I": no surname is one letter, and no initial stands last.
    if len(longer) == 1 < len(words) and words[-1] == "i":
        return False
    if rule.listed:
        if len(words) == 1:
            return (words[0] in _KNOWN_ALONE and rule.fewest == 1) or (rule.whole and words[0] in GIVEN_NAMES)
        if words[-1] in NO_PERSON_AFTER and words[-1] not in SURNAMES:
            return False
        # With an initial or in a row of names a frequent surname does as well.
        if words[0] in DOUBTFUL_GIVEN_NAMES or len(words[0].replace(".", "")) < 3 or rule.fewest == 1:
            return words[-1] in SURNAMES or _SURNAME_SHAPE.fullmatch(words[-1]) is not None
        return words[0] in GIVEN_NAMES
    return len(words) >= rule.fewest or words[0] in _KNOWN_ALONE


def _read_reversed(window: bytes, rule: _Rule) -> int:
    """Return the end of a name that is written surname first, 0 where none is."""
    match = next(iter(_REVERSED_HEAD.find(window)), None)
    if match is None:
        return 0
    end = match.span()[1]
    surname, _, given = window[:end].partition(b",")
    surnames = [_plain(word) for word in surname.split()]
    givens = [_plain(word) for word in given.split()]
    if any(word in NO_NAME for word in surnames) or givens[0] in NO_NAME:
        return 0
    if givens[-1] in NO_NAME or window[end : end + 1] in (b":", b"="):
        if len(givens) == 1:
            return 0
        end = window.rindex(b" ", 0, end)
    listed = givens[0] in GIVEN_NAMES or givens[0] in DOUBTFUL_GIVEN_NAMES
    if surnames[0] in GIVEN_NAMES and (len(surnames) > 1 or surnames[0] not in SURNAMES):
        # Two names in a row: Jane Doe, Peter.
        return 0
    if not listed and surnames[-1] not in SURNAMES and (rule.pattern is not LABELS or len(surnames) > 1):
        return 0
    return end - window[:end].endswith(b".")


def _plain(word: bytes) -> str:
    plain = word.translate(_UNACCENTED).strip(b".,'").lower().decode("latin-1")
    return plain.removesuffix("'s")


def _distinctive_parts(names: Iterable[bytes]) -> list[bytes]:
    """Return the words of the names that stand for their bearer when they stand alone, as written and in capitals."""
    parts: dict[bytes, None] = {}
    for name in names:
        for part in name.replace(b",", b" ").split():
            bare = part.strip(b".'")
            plain = _plain(bare)
            if len(bare) >= 3 and not (plain in EVERYDAY_WORDS or plain in NO_NAME or plain in PARTICLES):
                parts.update(dict.fromkeys((bare, bare.upper(), bare.capitalize())))
    return list(parts)[: 3 * 64]


class AgeDetector:
    """Ages over 89, which Safe Harbor counts as identifying; younger ages are not looked for."""

    name = "age"
    types = frozenset({"age_over_89"})

    _age = (
        r"(9[0-9]|1[0-2][0-9]|(?:ninety|one hundred)(?:[ -](?:and )?(?:one|two|three|four|five|six|seven|eight"
        r"|nine))?)"
    )
    _ages = Pattern(
        rf"\b{_age}\+?(?:[ -]?(?:years?|yrs?|y)\.?[ -]?(?:old|of age|o\b|/o\b)|[ -]?(?:y/?o|y\.o\.?|yo)(?:[^a-z]|$)"
        r"|[ -](?:year|yr)s?-? ?(?:male|female|man|woman|patient|gentleman|lady)\b"
        r"|(?:st|nd|rd|th) birthday)"
        rf"|\b(?:aged?|at the age of|age of|(?:turned|turning"
        rf"|turns))(?:[ \t]*\([a-z/ ]{{1,10}}\))?[\"']?[ \t]*[:=|-]?"
        rf"[ \t]*[\"']?(?:is[ \t]|was[ \t])?{_age}\b",
        ignore_case=True,
    )
    _sexes = Pattern(
        r"\b(9[0-9]|1[0-2][0-9])[ -]?(?:[FM]|[Ff]emale|[Mm]ale|[Ww]oman|[Mm]an|y[FM])(?:[^A-Za-z0-9.]|\.[^0-9]|$)"
    )

    _scout = compile_scout(_ages, _sexes)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the figures."""
        passages = find_passages(self._scout, text.data)
        for match in passages.find(self._ages):
            yield Span("age_over_89", *match.span(1 if match.span(1)[0] >= 0 else 2), 0.9)
        for match in passages.find(self._sexes):
            yield Span("age_over_89", *match.span(1), 0.85)
