"""Names of persons in running prose, by a language model (45 CFR 164.514(b)(2)(i)(A)); needs the extra `ner`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from compliance.inspection.detectors.context import words
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.person_model import load_person_model
from compliance.inspection.registry import Span

# spaCy gives no confidence of its own; this is Presidio's for what its recogniser marks.
_CONFIDENCE = 0.85

# A name needs a word with a capital, of a length that people have.
_CANDIDATE = re.compile(r"(?<![\w])[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ'-]{1,30}(?![\w])")

# The model reads lines of a form or a chat best one by one, and sentences that go on over line ends whole.
_LINE = re.compile(r"[^\n]*\n?")
_LINE_START = re.compile(r"[\s*•>#\[\]0-9:./-]*")
_WRAPPED_AT = 50
_LONGEST_PIECE = 1000
_OVERLAP = 80
_PIECES_AT_ONCE = 64

# Where one name ends, whatever the model says: at a line's end, a tab, a gap, and at what no name holds.
_BREAK = re.compile(r"\s*[\r\n\t]\s*|[ ]{2,}|[^A-Za-zÀ-ÖØ-öø-ÿ .,'-]+")
_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'.-]*")
_CAPITALS_WITHIN = re.compile(r"^(?!(?:Mc|Mac|De|Di|Du|La|Le|Van|Fitz|O'|D')[A-Z])[A-Z]?[a-z]+[A-Z]")
# What is called after somebody, or only looks like a name, says so by its last word or by the next one.
_THINGS = (
    r"(?:disease|syndrome|sign|score|scale|criteria|classification|test|maneuver|phenomenon|palsy|lymphoma|sarcoma"
    r"|tumou?r|catheter|tube|drain|position|method|equation|procedure|stage|effect|law|act|street|avenue|ave|road|rd"
    r"|drive|lane|boulevard|blvd|terrace|court|parkway|pkwy|place|square|highway|hwy|box|hospital|clinic|university"
    r"|college|institute|foundation|center|centre|bank|labs?|laboratories|inc|corp|corporation|company|ltd|limited"
    r"|llc|llp|plc|gmbh|holdings|group|partners|capital|therapeutics|pharma|pharmaceuticals|technologies|systems"
    r"|solutions|services|industries|committee|board|department)"
)
_THING_AFTER = re.compile(rf"(?:'s|s')?[ -]{_THINGS}\b", re.IGNORECASE)
_THING = re.compile(rf".*\b{_THINGS}", re.IGNORECASE)
_THOROUGHFARE_BEFORE = re.compile(
    r"\b(?:rue|avenue|boulevard|via|calle|rua|plaza|place)(?: (?:de|du|des|da|do|di|del|della))?(?: la)? $",
    re.IGNORECASE,
)
_FIGURE_OR_STATE_AFTER = re.compile(r"[.:]?[ ]?(?:[#0-9]|No\b|[A-Z]{2}\b|ID\b)|, [A-Z]{2}\b|(?: [a-z]+){0,2} ?[:=]")

# A single word with a capital at the start of a line or a sentence is most often just its first word. It takes a
# name elsewhere that it is part of, or somebody who acts, to be one.
_STARTS_HERE = re.compile(r"(?:^|[\n.:>!?#*\]-])\s*$")
_LONGEST_ABBREVIATION = 4
_ACTS = re.compile(
    r"'s\b|,? (?:said|says|called|calls|reported|reports|denied|denies|told|tells|asked|asks|wrote|writes|agreed|agrees"
    r"|stated|states|noted|notes|complained|complains|replied|returned|came|went|lives|lived|works|worked|thinks|wants"
    r"|who|himself|herself)\b"
)

# A full name that is joined to one that the model marks is a name too.
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][A-Za-zß-öø-ÿ'-]+"
_FULL_NAME = rf"{_CAPITAL}(?: [A-Z]\.)?(?: (?:van|von|de|der|den|da|di|del|la|bin|al)){{0,2}} {_CAPITAL}"
_JOINED_AFTER = re.compile(rf",? (?:and|or|&) ({_FULL_NAME})(?!\w)")
_JOINED_BEFORE = re.compile(rf"(?<!\w)({_FULL_NAME}),? (?:and|or|&) $")

# Titles, roles, labels and degrees that the model takes for a part of the name beside them.
_NO_NAME = words(
    """
    a admission admitted agent allergies an and annex application approved assessment attending attn attorney author
    bates bcc begin beneficiary bid call caller cc ceo cfo chairman chief civ claimant clause client clinic code
    company contact contractor counsel cto dear defendant deputy diagnosis director discharge dob doctor dr dx
    electronically email employee end esq fax fixme for from guardian he her him his history hon hospital i id insured
    it itin judge llc llp lpn madam manager md member mister miss mom mother mr mrn mrs ms mx name nb no note np nurse
    of officer on or our partner patient pa-c pharmd phd phone physician plaintiff plan policyholder president prof
    professor provider proxy pt re record ref regards resident reviewed rn room seen senior she signed sir sincerely
    ssn staff subject surgeon taxpayer tel thanks the their they to todo tx vice we witness
    dos driver exhibit hello hi justice landlord lmp tenant
    feb mar apr jul aug sep sept oct nov dec mon tue wed thu fri sat sun
    """
)


class PersonModelDetector:
    """Names wherever the model sees one, without titles, labels and degrees. Nothing where it is not installed.

    The text is given to the model in pieces of at most 1,000 characters, so that memory stays bounded.
    """

    name = "person_model"
    types = frozenset({"person_name"})

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the names. About 0.06 MB/s on one core; a piece that was seen lately costs next to nothing."""
        model = load_person_model()
        if model is None:
            return
        written = text.data.decode("latin-1")
        marked: list[tuple[int, int]] = []
        for batch in _batches(span for span in split_into_pieces(written) if _CANDIDATE.search(written, *span)):
            found = model.find_persons([written[start:end] for start, end in batch])
            for (offset, _), places in zip(batch, found, strict=True):
                for start, end in places:
                    marked += trim_to_names(written, offset + start, offset + end)
        for start, end in choose_names(written, marked):
            yield Span("person_name", start, end, _CONFIDENCE)


def choose_names(text: str, marked: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the marked names, without single words that only begin a sentence, and with those joined to full names."""
    known = {part for start, end in marked for part in text[start:end].split() if " " in text[start:end]}
    for start, end in marked:
        if " " in text[start:end]:
            yield start, end
            yield from _find_joined(text, start, end)
        elif text[start:end] in known or _stands_alone(text, start, end):
            yield start, end


def _stands_alone(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 8) : start]
    if _FIGURE_OR_STATE_AFTER.match(text, end) or before.rstrip()[-1:].isdigit():
        return False
    if end - start <= _LONGEST_ABBREVIATION and text[end : end + 1] == ".":
        return False
    return _STARTS_HERE.search(before) is None or _ACTS.match(text, end) is not None


def _find_joined(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    after = _JOINED_AFTER.match(text, end)
    if after is not None:
        yield from trim_to_names(text, *after.span(1))
    reach = max(0, start - _OVERLAP)
    before = _JOINED_BEFORE.search(text[reach:start])
    if before is not None:
        yield from trim_to_names(text, reach + before.start(1), reach + before.end(1))


def _batches(pieces: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    remaining = iter(pieces)
    while batch := list(islice(remaining, _PIECES_AT_ONCE)):
        yield batch


def split_into_pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield spans of at most 1,000 characters that cover the text but for bullets, quote marks and line ends.

    A line is a piece, together with those that go on where it was wrapped. Pieces of a longer one overlap by more
    than a name is long.
    """
    start = end = 0
    for line in _LINE.finditer(text):
        if not _goes_on(text, start, end) or line.end() - start > _LONGEST_PIECE:
            yield from _cut(text, _LINE_START.match(text, start, end), end)
            start = line.start()
        end = line.end()
    yield from _cut(text, _LINE_START.match(text, start, end), end)


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether the last line before `end` looks wrapped: long, in the middle of a sentence, and a word follows."""
    last = max(start, text.rfind("\n", start, end - 1) + 1)
    if end - last < _WRAPPED_AT or not text[end : end + 1].isalpha():
        return False
    return text[last:end].rstrip()[-1:] not in (".", ":", ";", "!", "?")


def _cut(text: str, marks: re.Match[str] | None, end: int) -> Iterator[tuple[int, int]]:
    start = marks.end() if marks is not None else end
    while end - start > _LONGEST_PIECE:
        limit = start + _LONGEST_PIECE
        blank = text.rfind(" ", limit - _OVERLAP, limit)
        stop = limit if blank < 0 else blank
        yield start, stop
        overlap = text.find(" ", stop - _OVERLAP, stop)
        start = stop if overlap < 0 else overlap + 1
    if start < end:
        yield start, end


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
    """Whether it is part of an identifier, a path, a number or an address, or of what is called after people."""
    before, after = text[start - 1 : start], text[end : end + 2]
    if before and (before in "_@/\\.#$" or before.isalnum()):
        return True
    if (
        after[:1] in ("_", "@", "/", "\\", "(", "=")
        or after[:1].isalnum()
        or (after[:1] == "." and after[1:].isalnum())
    ):
        return True
    if _THOROUGHFARE_BEFORE.search(text[max(0, start - 24) : start]):
        return True
    return _THING_AFTER.match(text, end) is not None
