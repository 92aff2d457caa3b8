"""Makers of numbers that identify a person, a payment, a record or a thing, with right check digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stdnum import iban, luhn, verhoeff
from stdnum.au import tfn
from stdnum.br import cpf
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel

from benchmarks.inspection_quality.documents import Draw, Maker, Segment, Value

_CAPITALS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def _group(digits: str, sizes: Sequence[int], separator: str) -> str:
    parts, position = [], 0
    for size in sizes:
        parts.append(digits[position : position + size])
        position += size
    return separator.join(parts)


def _complete(body: str, is_valid: Callable[[str], bool]) -> str | None:
    """Return the body with the one last digit that makes it valid; None where no digit does."""
    return next((body + digit for digit in "0123456789" if is_valid(body + digit)), None)


def _draw_valid(draw: Draw, length: int, is_valid: Callable[[str], bool], first: str = "123456789") -> str:
    while True:
        number = _complete(draw.digits(length - 1, first), is_valid)
        if number is not None:
            return number


def _ssn_parts(draw: Draw) -> tuple[str, str, str]:
    area = draw.one([number for number in range(1, 900) if number != 666])
    return f"{area:03}", f"{draw.number(1, 99):02}", f"{draw.number(1, 9999):04}"


def _make_ssn(draw: Draw) -> tuple[Segment, ...]:
    """A social security number; nine digits in a row only after a label."""
    area, group, serial = _ssn_parts(draw)
    label = draw.wording(
        ("SSN ", "SSN: ", "Social Security Number: ", "", "social security no. ", "Soc. Sec. #", "SS# ", "SSN#: ", "")
    )
    form = draw.wording(("{0}-{1}-{2}", "{0}-{1}-{2}", "{0} {1} {2}", "{0}{1}{2}"))
    if not label:
        form = "{0}-{1}-{2}"
    return label, Value(form.format(area, group, serial), "us_ssn", "labelled" if label else "bare")


def _make_bare_ssn(draw: Draw) -> Value:
    return Value("-".join(_ssn_parts(draw)), "us_ssn", "bare")


def _make_itin(draw: Draw) -> tuple[Segment, ...]:
    number = (f"9{draw.digits(2)}", draw.one(("70", "71", "82", "88", "91", "94", "99")), draw.digits(4))
    label = draw.wording(("ITIN: ", "ITIN ", "Taxpayer ID (ITIN) ", "individual taxpayer identification number "))
    return label, Value("-".join(number), "us_itin")


def _make_card(draw: Draw) -> Value:
    """A card number of one of five schemes, grouped as on the card or not."""
    prefix, length, groups = draw.one(
        (("4", 16, (4, 4, 4, 4)), ("51", 16, (4, 4, 4, 4)), ("2221", 16, (4, 4, 4, 4)), ("37", 15, (4, 6, 5)),
         ("6011", 16, (4, 4, 4, 4)), ("55", 16, (4, 4, 4, 4)))
    )  # fmt: skip
    body = prefix + draw.digits(length - len(prefix) - 1)
    number = body + luhn.calc_check_digit(body)
    separator = draw.wording((" ", "-", ""))
    return Value(_group(number, groups, separator), "card_number", "grouped" if separator else "plain")


def _make_iban(draw: Draw) -> Value:
    number = ""
    while not iban.is_valid(number):
        country, body = draw.one(
            (("DE", draw.digits(18)), ("FR", f"{draw.digits(10)}{draw.characters(_CAPITALS, 2)}{draw.digits(11)}"),
             ("GB", f"{draw.characters('BRLYMIDNWK', 4)}{draw.digits(14)}"), ("NL", f"ABNA{draw.digits(10)}"),
             ("CH", draw.digits(17)), ("AT", draw.digits(16)), ("BE", draw.digits(12)))
        )  # fmt: skip
        number = country + iban.calc_check_digits(f"{country}00{body}") + body
    grouped = draw.chance(0.5)
    text = " ".join(number[index : index + 4] for index in range(0, len(number), 4)) if grouped else number
    return Value(text, "iban", "grouped" if grouped else "plain")


def _uk(draw: Draw) -> tuple[str, str]:
    number = _draw_valid(draw, 10, nhs.is_valid)
    return draw.wording(("NHS number: ", "NHS No. ", "NHS no: ", "NHS Number ")), draw.one(
        (number, _group(number, (3, 3, 4), " "))
    )


def _uk_insurance(draw: Draw) -> tuple[str, str]:
    number = f"{draw.one(('AB', 'CE', 'JK', 'PX', 'SR', 'WL'))}{draw.digits(6)}{draw.one('ABCD')}"
    label = draw.wording(("NI number: ", "National Insurance number ", "NINO: ", "National Insurance no. "))
    return label, draw.one((number, _group(number, (2, 2, 2, 2, 1), " ")))


def _spain(draw: Draw) -> tuple[str, str]:
    if draw.chance(0.4):
        body = draw.one("XYZ") + draw.digits(7)
        return draw.wording(("NIE: ", "NIE ", "NIE no. ")), body + nie.calc_check_digit(body)
    body = draw.digits(8)
    return draw.wording(("DNI: ", "DNI ", "D.N.I. ", "DNI no. ")), body + draw.one(("", "-")) + dni.calc_check_digit(
        body
    )


def _italy(draw: Draw) -> tuple[str, str]:
    body = (
        f"{draw.characters('BCDFGLMNPRSTV', 6)}{draw.digits(2)}{draw.one('ABCDEHLMPRST')}{draw.number(1, 28):02}"
        f"{draw.one(('H501', 'F205', 'L219', 'D612'))}"
    )
    label = draw.wording(("Codice fiscale: ", "codice fiscale ", "C.F. ", ""))
    return label, body + codicefiscale.calc_check_digit(body)


def _france(draw: Draw) -> tuple[str, str]:
    body = f"{draw.one('12')}{draw.number(30, 99)}{draw.number(1, 12):02}{draw.one(('75', '69', '33', '13'))}"
    body += f"{draw.number(1, 400):03}{draw.number(1, 400):03}"
    number = body + nir.calc_check_digits(body)
    label = draw.wording(("NIR: ", "N° de sécurité sociale : ", "INSEE no. ", "NIR "))
    return label, draw.one((number, _group(number, (1, 2, 2, 2, 3, 3, 2), " ")))


def _germany(draw: Draw) -> tuple[str, str]:
    number = None
    while number is None:
        ten = draw.random.sample("123456789", 9)
        ten.insert(draw.number(4, 9), ten[0])
        number = _complete("".join(ten), idnr.is_valid)
    label = draw.wording(("Steuer-ID: ", "Steuer-ID ", "Steuerliche Identifikationsnummer: ", "IdNr. "))
    return label, draw.one((number, _group(number, (2, 3, 3, 3), " ")))


def _netherlands(draw: Draw) -> tuple[str, str]:
    return draw.wording(("BSN: ", "BSN ", "burgerservicenummer ", "BSN-nummer: ")), _draw_valid(draw, 9, bsn.is_valid)


def _poland(draw: Draw) -> tuple[str, str]:
    body = f"{draw.number(40, 99)}{draw.number(1, 12):02}{draw.number(1, 28):02}{draw.digits(4)}"
    return draw.wording(("PESEL: ", "PESEL ", "nr PESEL ", "PESEL no. ")), body + pesel.calc_check_digit(body)


def _sweden(draw: Draw) -> tuple[str, str]:
    body = f"{draw.number(40, 99)}{draw.number(1, 12):02}{draw.number(1, 28):02}{draw.digits(3)}"
    number = body + luhn.calc_check_digit(body)
    century = draw.one(("", "19"))
    return draw.wording(
        ("Personnummer: ", "personnummer ", "pnr ", "Personnr: ")
    ), f"{century}{number[:6]}-{number[6:]}"


def _brazil(draw: Draw) -> tuple[str, str]:
    number = None
    while number is None:
        body = draw.digits(9)
        number = next((f"{body}{check:02}" for check in range(100) if cpf.is_valid(f"{body}{check:02}")), None)
    formatted = f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"
    return draw.wording((("CPF: ", number), ("CPF ", formatted), ("CPF nº ", formatted), ("", formatted)))


def _canada(draw: Draw) -> tuple[str, str]:
    body = draw.digits(8, "1245679")
    number = body + luhn.calc_check_digit(body)
    label = draw.wording(("SIN: ", "SIN ", "Social Insurance Number: ", "social insurance no. "))
    return label, draw.one((number, _group(number, (3, 3, 3), " "), _group(number, (3, 3, 3), "-")))


def _india(draw: Draw) -> tuple[str, str]:
    while True:
        body = draw.digits(11, "23456789")
        number = body + verhoeff.calc_check_digit(body)
        if number != number[::-1]:
            break
    return draw.wording(("Aadhaar: ", "Aadhaar no. ", "Aadhaar number ", "UIDAI/Aadhaar ")), draw.one(
        (number, _group(number, (4, 4, 4), " "))
    )


def _australia(draw: Draw) -> tuple[str, str]:
    if draw.chance(0.5):
        number = _draw_valid(draw, 9, tfn.is_valid)
        return draw.wording(("TFN: ", "TFN ", "Tax File Number ", "tax file number: ")), draw.one(
            (number, _group(number, (3, 3, 3), " "))
        )
    body = draw.digits(8, "23456")
    check = sum(int(digit) * weight for digit, weight in zip(body, (1, 3, 7, 9, 1, 3, 7, 9), strict=True)) % 10
    number = f"{body}{check}{draw.one('1234')}"
    return draw.wording(("Medicare no. ", "Medicare number: ", "Medicare card ", "Medicare (AU): ")), draw.one(
        (number, _group(number, (4, 5, 1), " "))
    )


_COUNTRIES = (
    _uk, _uk_insurance, _spain, _italy, _france, _germany, _netherlands, _poland, _sweden, _brazil, _canada, _india,
    _australia,
)  # fmt: skip


def _make_national_id(draw: Draw) -> tuple[Segment, ...]:
    country = draw.one(_COUNTRIES)
    label, number = country(draw)
    return label, Value(number, "national_id", country.__name__.removeprefix("_"))


def _make_passport(draw: Draw) -> tuple[Segment, ...]:
    label = draw.wording(
        ("Passport No. ", "passport number ", "Passport: ", "Passport # ", "passport no: ", "US passport ", "Passport "
         "Number: ")
    )  # fmt: skip
    number = draw.one((draw.digits(9), f"{draw.one(_CAPITALS)}{draw.digits(8)}", f"C01X{draw.digits(5)}",
                       f"{draw.characters(_CAPITALS, 2)}{draw.digits(7)}"))  # fmt: skip
    return label, Value(number, "passport_number")


_LABELS: Mapping[str, tuple[str, ...]] = {
    "biometric_id": (
        "fingerprint ID ", "Fingerprint template: ", "voiceprint ID ", "iris scan ID ", "Biometric ID: ",
        "retina scan no. ", "palm print ref. ", "face template ID: ",
    ),
    "medical_record_number": (
        "MRN: ", "MRN ", "Medical Record Number: ", "MRN# ", "Med Rec No: ", "Chart # ", "medical record no. ",
        "Patient ID: ", "Hospital number: ", "MR#: ", "Record No. ", "Chart No: ", "Unit number: ", "Patient No. ",
        "mrn=", "Medical record # ",
    ),
    "health_plan_number": (
        "Member ID: ", "Policy number: ", "Health plan ID ", "Subscriber ID: ", "Insurance ID: ", "Member # ",
        "Beneficiary no. ", "Medicaid ID ", "Group/Member no: ", "Plan member number ", "Insurance policy no. ",
        "HICN: ",
    ),
    "account_number": (
        "Account number: ", "Acct # ", "Account No. ", "Acct. no. ", "account ", "A/C No: ", "Bank account ",
        "Acct: ", "Patient account # ", "Checking account no. ", "Account #: ", "billing account ",
    ),
    "licence_number": (
        "Driver's license ", "DL# ", "License No. ", "Driver License Number: ", "driving licence no. ",
        "Medical license # ", "DEA number: ", "State license no: ", "Lic. # ", "DEA # ", "Bar No. ", "RN license ",
        "Certificate No. ", "Certificate number: ", "certification no. ", "NPI: ",
    ),
    "device_id": (
        "Serial number: ", "S/N ", "Device ID: ", "serial no. ", "Pacemaker serial ", "Device serial # ",
        "Implant serial number ", "SN: ", "Pump S/N: ", "Lead serial no: ", "UDI ", "device serial number ",
    ),
}  # fmt: skip


def _draw_record_number(draw: Draw, kind: str) -> str:
    capitals = draw.characters(_CAPITALS, 2)
    forms: Mapping[str, tuple[str, ...]] = {
        "biometric_id": (
            f"FP-{draw.digits(6)}", f"{capitals}{draw.digits(8)}", draw.digits(9), f"{capitals}-{draw.digits(4)}-X",
        ),
        "medical_record_number": (
            draw.digits(7, "123456789"), draw.digits(8), f"{draw.digits(3)}-{draw.digits(2)}-{draw.digits(3)}",
            f"{capitals[0]}{draw.digits(7)}", draw.digits(6, "123456789"), f"{capitals}-{draw.digits(6)}",
        ),
        "health_plan_number": (
            f"{draw.characters(_CAPITALS, 3)}{draw.digits(9)}", draw.digits(10), f"{capitals}{draw.digits(8)}",
            f"W{draw.digits(4)} {draw.digits(5)}", f"{draw.digits(8)}-{draw.digits(2)}", f"1EG4-TE5-MK{draw.digits(2)}",
        ),
        "account_number": (
            draw.digits(10, "123456789"), draw.digits(8), f"{draw.digits(4)}-{draw.digits(6)}", draw.digits(12),
            f"{draw.digits(3)}-{draw.digits(5)}-{draw.digits(1)}", f"AC{draw.digits(8)}",
        ),
        "licence_number": (
            f"{capitals[0]}{draw.digits(7)}", f"{capitals}{draw.digits(7)}", draw.digits(8),
            f"{capitals[0]}{draw.digits(3)}-{draw.digits(4)}-{draw.digits(4)}", f"MD{draw.digits(6)}",
            f"{capitals}-{draw.digits(6)}",
        ),
        "device_id": (
            f"{draw.characters(_CAPITALS, 3)}{draw.digits(6)}{capitals[0]}", f"{capitals}{draw.digits(8)}",
            f"{draw.digits(4)}-{draw.digits(4)}-{capitals}", draw.digits(10), f"{capitals[0]}{draw.digits(2)}"
            f"{capitals}{draw.digits(5)}", f"{draw.characters(_CAPITALS, 3)}-{draw.digits(7)}",
        ),
    }  # fmt: skip
    return draw.wording(forms[kind])


# What may stand between a label and its number in a sentence, a table or a form.
_JOINTS = (": ", " is ", " - ", ":", " = ", "\t", ":  ", " of ", " (", ":\n", " | ", "......: ")


def _make_labelled_number(kind: str) -> Maker:
    """The label as it stands in the list, or with another joint in its place."""

    def make(draw: Draw) -> tuple[Segment, ...]:
        label, value = draw.wording(_LABELS[kind]), Value(_draw_record_number(draw, kind), kind)
        if not draw.chance(0.3):
            return label, value
        joint = draw.wording(_JOINTS)
        return label.rstrip(" :=") + joint, value, ")" if joint == " (" else ""

    return make


def _make_bare_number(kind: str) -> Maker:
    def make(draw: Draw) -> Value:
        return Value(_draw_record_number(draw, kind), kind, "label in template")

    return make


def _make_mac(draw: Draw) -> Value:
    pairs = [f"{draw.number(0, 255):02x}" for _ in range(6)]
    separator = draw.wording((":", "-", ":"))
    text = separator.join(pairs)
    return Value(text.upper() if draw.chance(0.4) else text, "device_id", "mac")


def _make_imei(draw: Draw) -> tuple[Segment, ...]:
    body = "35" + draw.digits(12)
    number = body + luhn.calc_check_digit(body)
    label = draw.wording(("IMEI ", "IMEI: ", "IMEI number ", "imei="))
    text = draw.one((number, f"{number[:2]}-{number[2:8]}-{number[8:14]}-{number[14]}"))
    return label, Value(text, "device_id", "imei")


_VIN_VALUES = dict(zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
                       (*range(10), 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
                       strict=True))  # fmt: skip
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def make_vin(draw: Draw) -> str:
    """A vehicle identification number with its check digit in place nine (49 CFR 565.15)."""
    prefix = draw.one(("1HG", "5YJ", "2T1", "3FA", "1FT"))
    drawn = f"{prefix}{draw.characters(_CAPITALS + '123456789', 5)}0{draw.one('HJKLMNPR')}"
    drawn += f"{draw.one(_CAPITALS)}{draw.digits(6)}"
    remainder = sum(_VIN_VALUES[character] * weight for character, weight in zip(drawn, _VIN_WEIGHTS, strict=True)) % 11
    return f"{drawn[:8]}{'X' if remainder == 10 else remainder}{drawn[9:]}"


def _make_vin(draw: Draw) -> tuple[Segment, ...]:
    label = draw.wording(("VIN ", "VIN: ", "vehicle identification number ", ""))
    return label, Value(make_vin(draw), "vehicle_id", "vin")


def _make_plate(draw: Draw) -> tuple[Segment, ...]:
    label = draw.wording(
        ("license plate ", "License plate: ", "plate number ", "licence plate no. ", "registration number ", "plate # ",
         "tag number ", "number plate ")
    )  # fmt: skip
    number = draw.one((f"{draw.digits(1)}{draw.characters(_CAPITALS, 3)}{draw.digits(3)}",
                       f"{draw.characters(_CAPITALS, 3)}-{draw.digits(4)}", f"{draw.characters(_CAPITALS, 3)} "
                       f"{draw.digits(4)}", f"B-{draw.characters(_CAPITALS, 2)} {draw.digits(4, '123456789')}",
                       f"{draw.characters(_CAPITALS, 2)}{draw.digits(2)} {draw.characters(_CAPITALS, 3)}"))  # fmt: skip
    return label, Value(number, "vehicle_id", "plate")


IDENTIFIER_MAKERS: Mapping[str, Maker] = {
    "ssn": _make_ssn,
    "bare_ssn": _make_bare_ssn,
    "itin": _make_itin,
    "card": _make_card,
    "iban": _make_iban,
    "national_id": _make_national_id,
    "passport": _make_passport,
    "mrn": _make_labelled_number("medical_record_number"),
    "mrn_value": _make_bare_number("medical_record_number"),
    "plan_number": _make_labelled_number("health_plan_number"),
    "account": _make_labelled_number("account_number"),
    "account_value": _make_bare_number("account_number"),
    "licence": _make_labelled_number("licence_number"),
    "biometric": _make_labelled_number("biometric_id"),
    "serial": _make_labelled_number("device_id"),
    "mac": _make_mac,
    "imei": _make_imei,
    "vin": _make_vin,
    "plate": _make_plate,
}
