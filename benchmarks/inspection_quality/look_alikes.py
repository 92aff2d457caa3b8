"""Makers of what must not be found: it only looks like what identifies, or is harmless by its context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import ascii_letters, digits

from stdnum import iban, luhn

from benchmarks.inspection_quality.documents import Draw, Maker, Value

_HEX = "0123456789abcdef"


def _not_luhn(draw: Draw) -> str:
    """Sixteen digits as a card has them, with a check digit that is wrong."""
    number = "4" + draw.digits(15)
    while luhn.is_valid(number):
        number = "4" + draw.digits(15)
    if draw.chance(0.5):
        return number
    return " ".join(number[index : index + 4] for index in range(0, 16, 4))


def _not_iban(draw: Draw) -> str:
    """The shape of an IBAN with check digits that are wrong, as in a sample."""
    number = f"DE{draw.digits(20)}"
    while iban.is_valid(number):
        number = f"DE{draw.digits(20)}"
    return number


def _uuid(draw: Draw) -> str:
    return "-".join(draw.characters(_HEX, length) for length in (8, 4, 4, 4, 12))


def _version(draw: Draw) -> str:
    """A dotted version; of three parts, or of four with a number no address has."""
    major, minor, patch = draw.number(0, 25), draw.number(0, 40), draw.number(0, 99)
    return draw.wording(
        (
            f"v{major}.{minor}.{patch}",
            f"{major}.{minor}.{patch}",
            f"{major}.{minor}.{patch}-rc{draw.number(1, 4)}",
            f"v{major}.{minor}",
            f"{major}.{minor}.{draw.number(300, 9999)}.{patch}",
            f">={major}.{minor},<{major + 1}",
            f"{major}.{minor}.{patch}.post1",
            f"^{major}.{minor}.0",
        )
    )


def _order(draw: Draw) -> str:
    return draw.wording(
        (
            f"order #{draw.digits(8)}",
            f"PO-{draw.digits(6)}",
            f"order number {draw.digits(10)}",
            f"invoice INV-2024-{draw.digits(4)}",
            f"tracking 1Z{draw.characters('ABCDEFGH' + digits, 16)}",
            f"ticket #{draw.digits(6)}",
            f"purchase order {draw.digits(7)}",
            f"invoice no. {draw.digits(6)}",
            f"shipment {draw.digits(12)}",
            f"JIRA-{draw.digits(4)}",
            f"item {draw.digits(3)}-{draw.digits(5)}",
            f"case #{draw.digits(5)}",
        )
    )


def _icd(draw: Draw) -> str:
    return draw.wording(
        (
            f"{draw.one('EIJKMNSZ')}{draw.digits(2)}.{draw.digits(1)}",
            f"ICD-10 {draw.one('EIJK')}{draw.digits(2)}",
            f"{draw.one('SM')}{draw.digits(2)}.{draw.digits(3)}A",
            f"CPT {draw.digits(5, '79')}",
            f"CPT 992{draw.digits(2)}",
            f"{draw.digits(5, '13456789')}-{draw.digits(1)} (LOINC)",
            f"SNOMED {draw.digits(8, '1234')}",
            f"NDC {draw.digits(5)}-{draw.digits(4)}-{draw.digits(2)}",
        )
    )


def _lab(draw: Draw) -> str:
    return draw.wording(
        (
            f"HbA1c {draw.number(4, 13)}.{draw.number(0, 9)}%",
            f"Na {draw.number(130, 148)}, K 4.{draw.number(0, 9)}",
            f"WBC {draw.number(3, 20)}.{draw.number(0, 9)} x10^9/L",
            f"glucose {draw.number(70, 300)} mg/dL",
            f"creatinine 1.{draw.number(0, 9)} mg/dL",
            f"eGFR {draw.number(20, 110)} mL/min/1.73 m2",
            f"Hgb {draw.number(8, 16)}.{draw.number(0, 9)}, Plt {draw.number(100, 450)}",
            f"pH 7.{draw.number(20, 50)}, pCO2 {draw.number(30, 60)}",
            f"INR {draw.number(1, 4)}.{draw.number(0, 9)}",
            f"LDL {draw.number(60, 200)} / HDL {draw.number(30, 80)}",
            f"TSH {draw.number(1, 6)}.{draw.digits(2)} mIU/L",
            f"troponin <0.0{draw.number(1, 9)} ng/mL",
        )
    )


def _vitals(draw: Draw) -> str:
    return draw.wording(
        (
            f"BP {draw.number(95, 190)}/{draw.number(55, 110)}",
            f"HR {draw.number(50, 130)}, RR {draw.number(10, 26)}",
            f"SpO2 {draw.number(88, 100)}% on RA",
            f"T {draw.number(36, 39)}.{draw.number(0, 9)} C",
            f"weight {draw.number(45, 130)}.{draw.number(0, 9)} kg",
            f"pain {draw.number(0, 10)}/10",
            f"GCS 15, strength {draw.number(3, 5)}/5",
            f"pulse {draw.number(90, 110)}, BMI {draw.number(18, 40)}.2",
        )
    )


def _dose(draw: Draw) -> str:
    drug = draw.one(("metformin", "lisinopril", "atorvastatin", "apixaban", "sertraline", "furosemide"))
    return draw.wording(
        (
            f"{drug} {draw.number(5, 1000)} mg PO BID",
            f"{drug} {draw.number(5, 80)}mg daily",
            f"{drug} {draw.number(1, 9)}.5 mg q{draw.number(4, 12)}h prn",
            f"{drug} {draw.number(1, 2)}/2 tab at night",
            f"insulin glargine {draw.number(8, 60)} units qHS",
            f"{drug} 1-2 tabs x {draw.number(3, 14)} days",
        )
    )


def _money(draw: Draw) -> str:
    return draw.wording(
        (
            f"${draw.number(1, 999)},{draw.digits(3)}",
            f"${draw.number(1, 900)}.{draw.number(1, 9)} million",
            f"€{draw.number(1, 99)}.{draw.digits(3)},{draw.digits(2)}",
            f"{draw.number(1, 99)}.{draw.number(0, 9)}%",
            f"{draw.number(10, 900)} basis points",
            f"${draw.number(1, 9)}.{draw.digits(2)} per share",
            f"£{draw.number(1, 99)}m",
            f"USD {draw.digits(7, '123456789')}",
        )
    )


def _citation(draw: Draw) -> str:
    return draw.wording(
        (
            "42 U.S.C. § 1320d-6",
            f"{draw.number(100, 999)} F.3d {draw.number(100, 1400)}",
            "45 CFR 164.514(b)(2)",
            f"{draw.number(300, 580)} U.S. {draw.number(1, 900)}",
            f"Section {draw.number(1, 20)}.{draw.number(1, 9)}(a)",
            f"Fed. R. Civ. P. 26(b)({draw.number(1, 5)})",
            f"pp. {draw.number(10, 99)}-{draw.number(100, 180)}",
            f"Art. {draw.number(1, 99)}(2) GDPR",
            f"¶ {draw.number(1, 300)}",
            f"Cal. Civ. Code § {draw.number(1000, 3500)}",
            f"Docket No. 1:{draw.number(18, 25)}-cv-{draw.digits(5)}",
            f"Exhibit {draw.one('ABCDEF')}-{draw.number(1, 40)}",
            f"17 CFR 240.10b-{draw.number(1, 9)}",
            f"Bates ABC{draw.digits(7)}",
            f"Clause {draw.number(1, 30)}.{draw.number(1, 12)}",
        )
    )


def _timestamp(draw: Draw) -> str:
    """An instant as machines write it, in a log or as a constant."""
    day = f"202{draw.number(0, 6)}-{draw.number(1, 12):02}-{draw.number(1, 28):02}"
    clock = f"{draw.number(0, 23):02}:{draw.number(0, 59):02}:{draw.number(0, 59):02}"
    return draw.wording(
        (
            f"{day}T{clock}Z",
            f"{day} {clock},{draw.digits(3)}",
            f"{day}T{clock}.{draw.digits(6)}+00:00",
            f"{day}T{clock}+02:00",
            f"[{day} {clock}]",
            f"{day}T{clock}.{draw.digits(3)}Z",
        )
    )


def _iso_date(draw: Draw) -> str:
    return f"202{draw.number(0, 6)}-{draw.number(1, 12):02}-{draw.number(1, 28):02}"


def _part(draw: Draw) -> str:
    """The number of a part; it groups its digits somewhat as phone numbers do."""
    return draw.wording(
        (
            f"part no. {draw.digits(3)}-{draw.digits(4)}-{draw.digits(2)}A",
            f"SKU {draw.digits(4)}-{draw.digits(5)}",
            f"P/N {draw.digits(2)}-{draw.digits(6)}-{draw.digits(2)}",
            f"model {draw.digits(4)}.{draw.digits(2)}",
            f"catalog no. {draw.digits(5)}.{draw.digits(3)}",
            f"batch {draw.digits(8)}",
        )
    )


def _hash(draw: Draw) -> str:
    return draw.characters(_HEX, draw.one((7, 12, 40, 64)))


def _integrity(draw: Draw) -> str:
    """A checksum as a lock file has it: long, random-looking and public."""
    return draw.wording(
        (
            f"sha256:{draw.characters(_HEX, 64)}",
            f"sha512-{draw.characters(ascii_letters + digits, 86)}==",
            f"h1:{draw.characters(ascii_letters + digits, 43)}=",
            f"md5 {draw.characters(_HEX, 32)}",
        )
    )


_PLACEHOLDERS = (
    'password = os.environ["DB_PASSWORD"]',
    "password: ${DB_PASSWORD}",
    'api_key = "<your-api-key>"',
    "API_KEY=your-api-key-here",
    'password = "xxxxxxxx"',
    "token = get_token(request)",
    "password = None",
    'password: "{{ vault.db_password }}"',
    "secret_key = settings.SECRET_KEY",
    "PASSWORD=",
    "AWS_SECRET_ACCESS_KEY=********",
    'password = getpass.getpass("Password: ")',
    "api_key: YOUR_API_KEY",
    'if password == "":',
    "password: [REDACTED]",
    "Authorization: Bearer <token>",
    "password_hash = hash_password(password)",
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "const password = process.env.PASSWORD;",
    "password=changeme",
    "api_key = config.get('api_key')",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "DATABASE_URL=${DATABASE_URL}",
    "min_password_length = 12",
    "max_tokens = 4096",
    'token_type = "bearer"',
    "password_reset_timeout=3600",
)


# Capitals as names have them, and nobody's: eponyms, institutions, places, programmes, headings.
_NOBODY = (
    "Foley catheter", "Glasgow Coma Scale", "Jordan Valley Hospital", "Parkinson disease", "Rose Garden Terminal",
    "Charcot foot", "Martin County Clinic", "Hope Foundation", "Wells score", "Grant Application", "Down syndrome",
    "Harvey Lake Bank", "Carson City Branch", "Lewis lead", "Mark To Market", "Georgia State Fund", "Bell palsy",
    "Victoria Station", "Grace Period", "Babinski sign", "Chase Field Annex", "Will Call Desk", "Jackson Street Depot",
    "Crohn disease", "Morgan Valley LLP", "Summer School", "Marshall Plan", "Frank Discussion", "Madison Square",
    "Baker cyst", "Thanksgiving Day", "Young Adult Unit",
)  # fmt: skip


def _local_address(draw: Draw) -> str:
    """An address that names no machine in particular."""
    return draw.wording(("127.0.0.1", "0.0.0.0", "::1", "255.255.255.0", "localhost:8000", "127.0.0.1:5432"))  # noqa: S104


_FORMS: Mapping[str, Callable[[Draw], str]] = {
    "not_luhn": _not_luhn,
    "not_iban": _not_iban,
    "uuid": _uuid,
    "version": _version,
    "order": _order,
    "icd": _icd,
    "lab": _lab,
    "vitals": _vitals,
    "dose": _dose,
    "money": _money,
    "citation": _citation,
    "timestamp": _timestamp,
    "iso_date": _iso_date,
    "part": _part,
    "hash": _hash,
    "integrity": _integrity,
    "nobody": lambda draw: draw.wording(_NOBODY),
    "placeholder": lambda draw: draw.wording(_PLACEHOLDERS),
    "local_address": _local_address,
    "colour": lambda draw: f"#{draw.characters(_HEX, draw.one((3, 6)))}",
    "epoch": lambda draw: str(draw.number(1_500_000_000, 1_790_000_000) * draw.one((1, 1000))),
    "quarter": lambda draw: f"Q{draw.number(1, 4)} {draw.one(('', 'FY'))}{draw.number(2019, 2026)}",
    "year": lambda draw: str(draw.number(1950, 2026)),
    "clock": lambda draw: f"{draw.number(0, 23)}:{draw.number(0, 59):02}",
    "count": lambda draw: str(draw.number(2, 99999)),
}


def _make(kind: str, form: Callable[[Draw], str]) -> Maker:
    return lambda draw: Value(form(draw), "", kind)


LOOK_ALIKE_MAKERS: Mapping[str, Maker] = {kind: _make(kind, form) for kind, form in _FORMS.items()}
