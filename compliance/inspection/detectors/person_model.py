"""Names of persons in running prose, by a language model (45 CFR 164.514(b)(2)(i)(A)); needs the extra `ner`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compliance.inspection.detectors.context import words
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.person_model import load_person_model
from compliance.inspection.registry import Span

# spaCy gives no confidence of its own; this is Presidio's for what its recogniser marks.
_CONFIDENCE = 0.85

# A name needs a word with a capital, of a length that people have.
_CANDIDATE = re.compile(r"(?<![\w])[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ'-]{1,30}(?![\w])")
_LONGEST_PIECE = 1000
_OVERLAP = 80

# Where one name ends, whatever the model says: at a line's end, a tab, a gap, and at what no name holds.
_BREAK = re.compile(r"\s*[\r\n\t]\s*|[ ]{2,}|[^A-Za-zÀ-ÖØ-öø-ÿ .,'-]+")
_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'.-]*")
_CAPITALS_WITHIN = re.compile(r"^(?!(?:Mc|Mac|De|Di|Du|La|Le|Van|Fitz|O'|D')[A-Z])[A-Z]?[a-z]+[A-Z]")
_THINGS = (
    r"(?:disease|syndrome|sign|score|scale|criteria|classification|test|maneuver|phenomenon|palsy|lymphoma|sarcoma"
    r"|tumou?r|catheter|tube|drain|position|method|equation|procedure|stage|effect|law)"
)
_THING_AFTER = re.compile(rf"(?:'s|s')?[ -]{_THINGS}\b", re.IGNORECASE)
_THING = re.compile(rf".*\b{_THINGS}", re.IGNORECASE)

# Titles, roles, labels and degrees that the model takes for a part of the name beside them.
_NO_NAME = words(
    """
    a admission admitted agent allergies an and application approved assessment attending attn attorney author bcc bid
    call cc ceo cfo chairman chief claimant client clinic company contact counsel cto dear defendant deputy diagnosis
    director discharge dob doctor dr email employee esq fax fixme for from guardian he her him his history hon hospital
    i id insured it judge llc llp lpn madam manager md member mister miss mom mother mr mrn mrs ms mx name nb note np
    nurse of officer on or our patient pa-c pharmd phd phone physician plaintiff plan policyholder president prof
    professor provider pt re ref regards resident reviewed rn room seen senior she signed sir sincerely ssn staff
    subject surgeon tel thanks the their they to todo tx vice we witness
    """
)


class PersonModelDetector:
    """Names wherever the model sees one, without titles, labels and degrees. Nothing where it is not installed.

    The text is given to the model in pieces of at most 1,000 characters, so that memory stays bounded; where no line
    ends in reach, pieces overlap by more than a name is long.
    """

    name = "person_model"
    types = frozenset({"person_name"})

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the names. About 0.06 MB/s on one core; a piece that was seen lately costs next to nothing."""
        model = load_person_model()
        if model is None:
            return
        written = text.data.decode("latin-1")
        for start, end in split_into_pieces(written):
            piece = written[start:end]
            if _CANDIDATE.search(piece) is None:
                continue
            for first, last in model.find_persons(piece):
                for name_start, name_end in trim_to_names(written, start + first, start + last):
                    yield Span("person_name", name_start, name_end, _CONFIDENCE)


def split_into_pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield spans that cover the text, each of at most 1,000 characters, cut between lines where lines allow it."""
    start = 0
    while len(text) - start > _LONGEST_PIECE:
        limit = start + _LONGEST_PIECE
        line_end = text.rfind("\n", start + _LONGEST_PIECE // 4, limit)
        if line_end >= 0:
            yield start, line_end + 1
            start = line_end + 1
            continue
        blank = text.rfind(" ", limit - _OVERLAP, limit)
        end = limit if blank < 0 else blank
        yield start, end
        overlap = text.find(" ", end - _OVERLAP, end)
        start = end if overlap < 0 else overlap + 1
    if start < len(text):
        yield start, len(text)


def trim_to_names(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what is a name of the span that the model marks: none, one, or one a line."""
    position = start
    for gap in _BREAK.finditer(text, start, end):
        yield from _trim_segment(text, position, gap.start())
        position = gap.end()
    yield from _trim_segment(text, position, end)


def _trim_segment(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    parts = [(match.start(), match.end()) for match in _WORD.finditer(text, start, end)]
    while parts and _is_no_part(text[slice(*parts[0])]):
        del parts[0]
    while parts and _is_no_part(text[slice(*parts[-1])]):
        del parts[-1]
    if not parts:
        return
    start, end = parts[0][0], parts[-1][1]
    name = text[start:end]
    for tail in ("'s", "'", ".", "-"):
        if name.endswith(tail) and not (tail == "." and name[-2:-1].isupper()):
            name = name.removesuffix(tail)
    if _is_name(name) and not _is_of_a_thing(text, start, start + len(name)):
        yield start, start + len(name)


def _is_no_part(word: str) -> bool:
    bare = word.rstrip(".'-").lower()
    return bare in _NO_NAME or word[:1].islower()


def _is_name(name: str) -> bool:
    parts = name.split()
    if _THING.fullmatch(name) or any(_CAPITALS_WITHIN.match(part) for part in parts):
        return False
    if len(parts) == 1:
        # An abbreviation, far more often than a name.
        return len(name) > 2 and not name.isupper()
    return any(len(part.strip(".,")) > 1 for part in parts)


def _is_of_a_thing(text: str, start: int, end: int) -> bool:
    """Whether it is part of an identifier in code, a path or an address, or names a disease or a score."""
    before, after = text[start - 1 : start], text[end : end + 2]
    if before and (before in "_@/\\.#$" or before.isalnum()):
        return True
    if after[:1] in ("_", "@", "/", "\\", "(", "=") or (after[:1] == "." and after[1:].isalnum()):
        return True
    return _THING_AFTER.match(text, end) is not None
