"""National identity numbers, by the check digits that their countries give them.

The rules of each number are python-stdnum's. A form that nothing else has stands alone if its check digits hold; a
plain run of digits, which one in ten passes by chance, needs the word for it just before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from stdnum import luhn

from compliance.inspection.detectors.context import before, is_inside_number, is_reference, judge_matches
from compliance.inspection.detectors.numbers import BETWEEN
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Match, Pattern, any_of
from compliance.inspection.registry import Span

# Past this many distinct candidates a text is a list of them, and their form alone decides: checks are slow.
_MOST_CHECKED = 4096

_Check = Callable[[str], bool]


def _load_check(module: str) -> _Check:
    is_valid: _Check = import_module(f"stdnum.{module}").is_valid

    def check(number: str) -> bool:
        try:
            return is_valid(number) or is_valid("".join(filter(str.isalnum, number)))
        except (ValueError, LookupError):  # what some of them raise at a strange shape
            return False

    return check


def _is_australian_medicare_number(number: str) -> bool:
    """Check a number of the Australian Medicare card (Services Australia): eight digits, a check digit, the issue."""
    digits = _read_digits(number)
    weights = (1, 3, 7, 9, 1, 3, 7, 9)
    return (
        len(digits) in (10, 11)
        and 2 <= digits[0] <= 6
        and sum(digit * weight for digit, weight in zip(digits, weights, strict=False)) % 10 == digits[8]
    )


_INSURANCE_NUMBER = Pattern(r"^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?:[ -]?[0-9]{2}){3}[ -]?[A-D]$", ignore_case=True)


def _is_british_insurance_number(number: str) -> bool:
    """Check a National Insurance number (HMRC, NIM39110). It has no check digit; some prefixes are not given out."""
    return number[:2].upper() not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ") and _INSURANCE_NUMBER.is_in(
        number.encode()
    )


def _read_digits(number: str) -> list[int]:
    """Return the digits of a number without letters; none of one with letters."""
    if any(character.isalpha() for character in number):
        return []
    return [int(character) for character in number if character.isdigit()]


def _is_danish_number(number: str) -> bool:
    """Check a CPR number with its check digit: numbers without one, given out since 2007, need their label."""
    weights = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
    digits = _read_digits(number)
    checked = sum(digit * weight for digit, weight in zip(digits, weights, strict=False)) % 11 == 0
    return checked and _load_check("dk.cpr")(number)


def _is_canadian_number(number: str) -> bool:
    """Check a social insurance number by its Luhn digit; those that start with 0 are given out as examples only."""
    digits = _read_digits(number)
    return len(digits) == 9 and luhn.checksum("".join(map(str, digits))) == 0


def _is_one_digit(number: str) -> bool:
    return len({character for character in number if character.isdigit()}) < 2


# Forms that stand alone, each with its check.
_FORMS: tuple[tuple[str, _Check], ...] = (
    (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-D]",
     _is_british_insurance_number),
    (r"[0-9]{8}-?[A-HJ-NP-TV-Z]", _load_check("es.dni")),
    (r"[XYZ]-?[0-9]{7}-?[A-Z]", _load_check("es.nie")),
    (r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-EHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]",
     _load_check("it.codicefiscale")),
    (r"[A-Z]{3}[ ][A-Z]{3}[ ][0-9]{2}[A-EHLMPRST][0-9]{2}[ ][A-Z][0-9]{3}[A-Z]", _load_check("it.codicefiscale")),
    (r"[12][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9][0-9AB][ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]?[0-9]{2}",
     _load_check("fr.nir")),
    (r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", _load_check("se.personnummer")),
    (r"[0-9]{6}-[0-9]{4}", _is_danish_number),
    (r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", _load_check("fi.hetu")),
    (r"[0-9]{6}[ ][0-9]{5}", _load_check("no.fodselsnummer")),
    (r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", _load_check("be.nn")),
    (r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", _load_check("ch.ssn")),
    (r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _load_check("br.cpf")),
    (r"[0-9]{6}/[0-9]{4}", _load_check("cz.rc")),
    (r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", _load_check("cl.rut")),
    (r"[2-9][0-9]{3}[ -][0-9]{4}[ -][0-9]{4}", _load_check("in_.aadhaar")),
    (r"[1-9][0-9]{16}[0-9Xx]", _load_check("cn.ric")),
    (r"[0-9]{6}-[0-9]{7}", _load_check("kr.rrn")),
    (r"[0-9]{6}[ ]?[0-9]{4}[ ]?[012][89][0-9]", _load_check("za.idnr")),
    (r"[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[A-Z0-9][0-9]", _load_check("mx.curp")),
)  # fmt: skip

# What people call a number, and what it may then be. The words are matched whatever their case.
_LABELS: tuple[tuple[str, tuple[_Check, ...]], ...] = (
    (r"nhs", (_load_check("gb.nhs"),)),
    (r"chi", (_load_check("gb.nhs"),)),
    (r"ni|nino|national insurance", (_is_british_insurance_number,)),
    (r"utr", (_load_check("gb.utr"),)),
    (r"dni|d\.n\.i\.|nif|n\.i\.f\.", (_load_check("es.dni"), _load_check("es.nif"), _load_check("pt.nif"))),
    (r"nie|n\.i\.e\.", (_load_check("es.nie"),)),
    (r"codice fiscale|c\.f\.|cod\. ?fisc\.|cf", (_load_check("it.codicefiscale"),)),
    (r"nir|insee|num[eé]ro de s[eé]curit[eé] sociale|n(?:[°o]|um[eé]ro) (?:de )?s[eé]cu(?:rit[eé] sociale)?|"
     r"s[eé]curit[eé] sociale",
     (_load_check("fr.nir"),)),
    (r"steuer-?id(?:entifikationsnummer)?|steuer-?identifikationsnummer|steuerliche identifikationsnummer|"
     r"idnr\.?|steuer-?idnr\.?|"
     r"tax ?id(?:entification number)?", (_load_check("de.idnr"), _load_check("pt.nif"))),
    (r"bsn(?:-nummer)?|burger ?service ?nummer|sofi(?:-?nummer)?|citizen service", (_load_check("nl.bsn"),)),
    (r"pesel", (_load_check("pl.pesel"),)),
    (r"personnummer|personnr\.?|pnr|samordningsnummer", (_load_check("se.personnummer"),)),
    (r"cpr(?:-?(?:nummer|nr\.?))?|personnummer", (_load_check("dk.cpr"),)),
    (r"hetu|henkil[oö]tunnus|personal identity code", (_load_check("fi.hetu"),)),
    (r"f[oø]dselsnummer|f[oø]dselsnr\.?|fnr|personnummer|d-nummer", (_load_check("no.fodselsnummer"),)),
    (r"rijksregisternummer|num[eé]ro national|registre national|insz|niss|national register", (_load_check("be.nn"),)),
    (r"ahv(?:-?(?:nr\.?|nummer))?|avs|oasi|navs", (_load_check("ch.ssn"),)),
    (r"n[uú]mero de contribuinte|contribuinte", (_load_check("pt.nif"),)),
    (r"cart[aã]o de cidad[aã]o", (_load_check("pt.cc"),)),
    (r"cpf(?:/mf)?", (_load_check("br.cpf"),)),
    (r"sin|s\.i\.n\.|social insurance|nas", (_is_canadian_number,)),
    (r"(?:uidai/)?aadh?aar|uid(?:ai)?", (_load_check("in_.aadhaar"),)),
    (r"pan", (_load_check("in_.pan"),)),
    (r"tfn|tax file", (_load_check("au.tfn"),)),
    (r"(?:australian )?medicare(?: card)?(?: \(au\))?", (_is_australian_medicare_number,)),
    (r"ric|shenfenzheng|resident id(?:entity)?(?: card)?", (_load_check("cn.ric"),)),
    (r"rrn|resident registration|jumin", (_load_check("kr.rrn"),)),
    (r"my ?number|kojin bango", (_load_check("jp.in_"),)),
    (r"curp", (_load_check("mx.curp"),)),
    (r"rfc", (_load_check("mx.rfc"),)),
    (r"pps(?:n)?", (_load_check("ie.pps"),)),
    (r"oib", (_load_check("hr.oib"),)),
    (r"cnp", (_load_check("ro.cnp"),)),
    (r"egn", (_load_check("bg.egn"),)),
    (r"isikukood", (_load_check("ee.ik"),)),
    (r"asmens kodas", (_load_check("lt.asmens"),)),
    (r"amka", (_load_check("gr.amka"),)),
    (r"rodn[eé] c[ií]slo", (_load_check("cz.rc"),)),
    (r"t\.?c\.? kimlik|kimlik", (_load_check("tr.tckimlik"),)),
    (r"teudat zehut", (_load_check("il.idnr"),)),
    (r"cui[tl]|cuil", (_load_check("ar.cuit"),)),
    (r"rut|r\.u\.t\.", (_load_check("cl.rut"),)),
    (r"ahvnr|svnr|sozialversicherungsnummer", (_load_check("at.vnr"),)),
    (r"(?:south african |sa |rsa )(?:id(?:entity)?)", (_load_check("za.idnr"),)),
)  # fmt: skip
_ANY_COUNTRY = (
    r"national (?:id(?:entity|entification)?)(?: card)?|identity(?: card)?|id card|citizen(?:'s)? id|"
    r"personal id(?:entity|entification)?"
)
_NUMBER = r"(?:[ \t_.-]{0,2}(?:numbers?|num\.?|nummer|n[uú]mero|number of|no\.?|nr\.?|n[°º]\.?|#|id|code|card|in)){0,2}"


class NationalIdDetector:
    """Identity, insurance and tax numbers of persons, of some forty countries; not of the United States."""

    name = "national_id"
    types = frozenset({"national_id"})

    _form = Pattern(rf"\b{any_of([form for form, _ in _FORMS])}\b")
    # Words may follow the number; what of them is taken along is cut off again.
    _labelled = Pattern(
        rf"(?:\b|_)({any_of([label for label, _ in _LABELS])}|{_ANY_COUNTRY}){_NUMBER}[ \t]{{0,2}}{BETWEEN}"
        r"([A-Z]{0,6}[ -]?[0-9](?:[ ./-]?[0-9A-Z]){5,23})",
        ignore_case=True,
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the numbers, without their labels."""
        data = text.data
        checked = 0

        def judge_form(data: bytes, match: Match) -> tuple[Span, ...]:
            nonlocal checked
            checked += 1
            start, end = match.span()
            if checked <= _MOST_CHECKED and (
                not _has_a_check(data[start:end]) or _goes_on(data, start, end) or is_reference(before(data, start, 40))
            ):
                return ()
            return (Span("national_id", 0, end - start, 0.95),)

        def judge_labelled(data: bytes, match: Match) -> tuple[Span, ...]:
            nonlocal checked
            checked += 1
            (origin, _), (start, end) = match.span(), match.span(2)
            known = checked > _MOST_CHECKED
            length = end - start if known else _measure_number(match.group(1), data[start : end + 1], end - start)
            return (Span("national_id", start - origin, start - origin + length, 0.97),) if length else ()

        yield from judge_matches(self._form, data, judge_form, reach=40, ahead=3)
        yield from judge_matches(self._labelled, data, judge_labelled, reach=0, ahead=1)


_CHECKS_BY_FORM = tuple((Pattern(f"^(?:{form})$"), check) for form, check in _FORMS)
_CHECKS_BY_LABEL = tuple((Pattern(f"^(?:{label})$", ignore_case=True), checks) for label, checks in _LABELS)
_ALL_CHECKS = tuple(dict.fromkeys(check for _, checks in _LABELS for check in checks))
_GROUP_AFTER, _GROUP_BEFORE = Pattern(r"^[ -][0-9]"), Pattern(r"[0-9][ -]$")
_SEPARATORS = b" ./-"
_WORD = Pattern(r"^[0-9A-Za-z_]$")


def _goes_on(data: bytes, start: int, end: int) -> bool:
    """Whether the span is part of a longer run of digits or of groups of them."""
    if is_inside_number(data, start, end):
        return True
    in_groups = b" " in data[start:end]
    return in_groups and (_GROUP_AFTER.is_in(data[end : end + 3]) or _GROUP_BEFORE.is_in(before(data, start, 3)))


def _has_a_check(value: bytes) -> bool:
    text = value.decode("ascii")
    return not _is_one_digit(text) and any(check(text) for form, check in _CHECKS_BY_FORM if form.is_in(value))


def _measure_number(label: bytes, value: bytes, length: int) -> int:
    """Return how many bytes of the value pass a check of the label; 0 for none. `value` goes on one byte beyond."""
    named = [checks for pattern, checks in _CHECKS_BY_LABEL if pattern.is_in(label)]
    checks = tuple(check for some in named for check in some) or _ALL_CHECKS
    ends = [length] if not _WORD.is_in(value[length:]) else []
    ends += [index for index in range(length - 1, 6, -1) if value[index] in _SEPARATORS]
    for end in ends:
        text = value[:end].decode("ascii")
        if not _is_one_digit(text) and any(check(text) for check in checks):
            return end
    return 0
