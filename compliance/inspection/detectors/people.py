"""Names of persons where a title or a label announces them, and ages over 89 (45 CFR 164.514(b)(2)(i)(A), (C))."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.context import is_inside_word, words
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

_UPPER = "A-ZÀ-ÖØ-Þ"
_LETTER = "A-Za-zÀ-ÖØ-öø-ÿ"
_TOKEN = rf"[{_UPPER}](?:[{_LETTER}]+(?:['-][{_LETTER}]+){{0,2}}|'[{_LETTER}]+(?:-[{_LETTER}]+)?)"
_PART = rf"(?:{_TOKEN}|[{_UPPER}]\.?|van|von|de|der|den|da|di|del|della|la|le|bin|al|ter|dos|du|y)"
_NAME = rf"(?:{_TOKEN}|[{_UPPER}]\.)(?:[ \t]{{1,2}}{_PART}){{0,4}}"
_REVERSED = rf"{_TOKEN}(?:[ \t]{_TOKEN})?,[ \t]?{_TOKEN}(?:[ \t][{_UPPER}]\b\.?)?"
_SEPARATOR = r"[\"']?[ \t]*[:=][ \t]*(?:\n[ \t]*)?[\"']?"

# Words with a capital that follow a title or a label without being a name, and end a name that ran on into them.
_NO_NAME = words(
    """
    a access account action address admission admitted adult advocate age aged alert all an and anonymous any
    appears assessment at available bill birth board by call care center chart chief child claims class clinic
    committee complains complaint consent contact current data date dds dear deceased declined denies department
    department's details diagnosis discharge discharged do dob doctor education email engagement esq excel
    experience false family fax female file financial flow follow for from group had has have he health her his
    history home hospital id identifier in information initials insurance intake is it its last line list lpn madam
    male management manager md medicaid medical medicare member mobile monitoring mr mrn ms name names new no none
    not note notes np null number of office on or order outcome outcomes patient patients pending pharmd phd phone
    physician plan policy portal practitioner presented presenting presents privacy profile program progress
    protection provider record records redacted referred registration relations report reported reports required
    review reviewed rights rn room safety satisfaction screening seen service services she signature sir ssn states
    station status string summary support survey system tbd team tel telephone test that the their they this to todo
    treatment true unavailable unit unknown visit was were which who with word worksheet
    """
)
# First names that are also everyday words at the start of a sentence: not looked for on their own.
_EVERYDAY_WORDS = words(
    """
    april art august bill chance chase dawn faith frank grace grant hope jack joy june lane law long mark may mercy
    miles miller page park rich rose sky summer will wood young price king case best day good green white black brown
    """
)
_PARTICLES = words("van von de der den da di del della la le bin al ter dos du y")


class NameDetector:
    """Names after a title, a label or a word for a person, before a degree, an age or an identity number's label.

    And wherever a name found in this way stands again, whole or in part.
    """

    name = "person_name"
    types = frozenset({"person_name"})

    # A pattern, and how many parts a name must have there.
    _rules = (
        (
            Pattern(
                r"\b(?:(?:[Dd]r|DR|[Mm]r|MR|[Mm]rs|MRS|[Mm]s|MS|Mx|[Pp]rof|PROF|Rev|Hon|Sgt|Capt)\.[ \t]{0,2}"
                r"|(?:Dr|Mr|Mrs|Ms|Mx|Prof)[ \t]{1,2}"
                rf"|(?:Doctor|Professor|Miss|Mister|Nurse|Judge|Attorney|NP|RN|LPN|PA-C)[ \t])({_NAME})"
            ),
            1,
        ),
        (
            Pattern(
                r"\b(?:(?i:patient(?:'s)?(?:[ _-]full)?[ _-]?name"
                r"|(?:full|first|last|middle|given|family|maiden)[ _-]?name|surname|next of kin"
                r"|emergency contact|guarantor|insured|subscriber(?: name)?|policy ?holder|spouse"
                r"|mother|father|guardian|attending(?: physician)?|(?:referring|treating|primary care)"
                r" (?:physician|provider)|surgeon|physician|pcp)|Name|NAME|Patient|PATIENT|Pt|PT|Client|Resident"
                rf"|Employee|Claimant|Re|RE){_SEPARATOR}({_REVERSED}|{_NAME})"
            ),
            1,
        ),
        (
            Pattern(
                r"\b(?:name|patient|client|employee|member|contact(?: person)?|provider|author|witness"
                r"|From|FROM|To|TO|Cc|CC|Attn|ATTN|Signed|Author|Contact|Provider|Member|Witness)"
                rf"{_SEPARATOR}({_REVERSED}|{_NAME})"
            ),
            2,
        ),
        (
            Pattern(
                r"(?i:\b(?:patient|pt\.?|client|resident|claimant|defendant|plaintiff|(?:signed|dictated|reviewed|prepared"
                r"|authored|witnessed|seen|examined|referred) by),?)"
                rf"(?:[ \t]named|[ \t]is)?[ \t]{{1,2}}({_NAME})"
            ),
            2,
        ),
        (
            Pattern(
                r"(?i:(?:\b(?:his|her|their|my|the)|'s) (?:wife|husband|spouse|partner|mother|father|son|daughter"
                r"|brother|sister|guardian)|\b(?:patient|his|her|my|whose)(?:'s)? name is|\bdear),?[ \t]{1,2}"
                rf"({_NAME})"
            ),
            1,
        ),
        (
            Pattern(
                r"(?i:\b(?:sincerely|(?:best|kind|warm) regards|regards|yours truly|respectfully)),?[ \t]*\n\s{0,4}"
                rf"({_NAME})"
            ),
            1,
        ),
        (
            Pattern(
                rf"\b({_NAME}),?[ \t](?:M\.?D\.?|D\.O\.|DO|R\.?N\.?|LPN|N\.?P\.?|PA-C|Ph\.?D\.?|Esq\.?|D\.?D\.?S\.?|"
                r"PharmD|CRNP|FNP)(?:[^A-Za-z]|$)"
            ),
            2,
        ),
        (
            Pattern(
                rf"\b({_NAME}),?[ \t]\(?(?:SSN|DOB|D\.O\.B\.|MRN|ssn|dob|mrn|born|date of birth|[Aa]ge[d:]?[ ][0-9]"
                r"|an? [0-9]{1,3}[- ](?:year|yr|y/o|yo|month))"
            ),
            2,
        ),
    )
    _most_repeated = 64

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the names, without titles and labels."""
        data = text.data
        covered = bytearray(len(data))
        names: dict[bytes, None] = {}
        for pattern, fewest in self._rules:
            for match in pattern.find(data):
                start, end = _trim(data, *match.span(1), fewest)
                if start < end:
                    covered[start:end] = b"\1" * (end - start)
                    if len(names) < self._most_repeated:
                        names[data[start:end]] = None
                    yield Span("person_name", start, end, 0.9)
        for word in _distinctive_parts(names):
            start = data.find(word)
            while start >= 0:
                end = start + len(word)
                if not covered[start] and not is_inside_word(data, start, end):
                    yield Span("person_name", start, end, 0.7)
                start = data.find(word, end)


def _trim(data: bytes, start: int, end: int, fewest: int) -> tuple[int, int]:
    """Cut a candidate at the first word that is no name. An empty span where too few parts are left."""
    position, last, parts = start, start, 0
    for word in data[start:end].replace(b"\t", b" ").split(b" "):
        bare = word.rstrip(b".,").lower().decode("latin-1")
        if bare in _NO_NAME or word.isdigit():
            break
        if bare and bare not in _PARTICLES:
            last = position + len(word)
            parts += 1
        position += len(word) + 1
    for tail in (b"'s", b"'S", b"'", b",", b"."):
        # The period of an initial or a degree is the sentence's as well as the name's.
        if data[start:last].endswith(tail):
            last -= len(tail)
    only_initials = not any(len(word.strip(b".,")) > 1 for word in data[start:last].split())
    if parts < fewest or only_initials:
        return start, start
    return start, last


def _distinctive_parts(names: dict[bytes, None]) -> list[bytes]:
    """Return the words of the names that stand for their bearer when they stand alone, as written and in capitals."""
    words: dict[bytes, None] = {}
    for name in names:
        for part in name.replace(b",", b" ").split():
            bare = part.strip(b".'")
            plain = bare.lower().decode("latin-1")
            if len(bare) >= 3 and plain not in _EVERYDAY_WORDS | _NO_NAME | _PARTICLES:
                words.update(dict.fromkeys((bare, bare.upper(), bare.capitalize())))
    return list(words)[: 3 * 64]


class AgeDetector:
    """Ages over 89, which Safe Harbor counts as identifying; younger ages are not looked for."""

    name = "age"
    types = frozenset({"age_over_89"})

    _age = r"(9[0-9]|1[0-3][0-9])"
    _patterns = (
        Pattern(rf"\b{_age}[ -]?(?:years?|yrs?|y)\.?[ -]?(?:old|of age|o\b|/o\b)", ignore_case=True),
        Pattern(rf"\b{_age}[ -]?(?:y/?o|y\.o\.)(?:[^a-z]|$)", ignore_case=True),
        Pattern(rf"\b(?:aged?|at the age of|age of)[ \t]*[:=]?[ \t]*{_age}\b", ignore_case=True),
        Pattern(rf"\b{_age}[ -]?(?:F|M|[Ff]emale|[Mm]ale|[Ww]oman|[Mm]an)\b"),
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the figures."""
        for pattern in self._patterns:
            for match in pattern.find(text.data):
                yield Span("age_over_89", *match.span(1), 0.9)
