"""Identity numbers, cards and accounts: what a label, a form or a check digit gives away, and what only looks alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn

from compliance.inspection.detectors.national_ids import NationalIdDetector
from compliance.inspection.detectors.numbers import LabelledNumberDetector, TaxpayerNumberDetector
from compliance.inspection.detectors.payment import CardDetector, IbanDetector
from compliance.inspection.normalise import normalise
from compliance.inspection.registry import Detector

# The value to be found stands between the angle quotes; normalisation never sees them.
LABELLED = [
    ("medical_record_number", '"mrn": "«00123»"'),
    ("medical_record_number", "patient_mrn=«00123»"),
    ("medical_record_number", "<mrn>«00123»</mrn>"),
    ("medical_record_number", "**MRN:** «A-1234567»"),
    ("medical_record_number", "mrn's «953-47-302»"),
    ("medical_record_number", "Her medical record\n(«629004») was merged"),
    ("medical_record_number", "Medical Record Number (internal): «123-45-678»"),
    ("medical_record_number", "Med. Rec. #: «12-34-56»"),
    ("medical_record_number", "MRN«1234567» seen"),
    ("medical_record_number", "Specimen: «S24-12345»"),
    ("medical_record_number", "Encounter #«12345»"),
    ("health_plan_number", "Member ID (Aetna): «XEA 123456789»"),
    ("health_plan_number", "Member ID: «W1234 56789»"),
    ("health_plan_number", "Policy # «ABC-123-4567»"),
    ("health_plan_number", "covered under «1EG4-TE5-MK73» since May"),
    ("account_number", "Acct ending in «1234»"),
    ("account_number", "Account ****«1234» was charged"),
    ("account_number", "account number on file is «99887766»"),
    ("account_number", "Account\n#\t«67015211» holds"),
    ("account_number", "routing «021000021»"),
    ("licence_number", "DL# CA «D1234567»"),
    ("licence_number", "DEA: «BJ1234563»"),
    ("licence_number", "State Bar No. «123456»"),
    ("licence_number", "the driver's license number is «D123-4567-8901»"),
    ("passport_number", "A-Number: «A123456789»"),
    ("vehicle_id", "license plate «ABC 1234»"),
    ("vehicle_id", "licence plate «AB12 CDE» was seen"),
    ("vehicle_id", "Plate: «3ZZ O34»"),
    ("vehicle_id", "licence plate «468 8EH»."),
    ("vehicle_id", "VIN: «WVWZZZ1JZXW000001»"),
    ("device_id", "IMEI «35-123456-123456-7»"),
    ("device_id", "S/N «SN-883201»"),
    ("device_id", "scanned «(01)00844588003288(17)141120(10)7654321D» at"),
    ("licence_number", "State ID: «A1234567»"),
    ("licence_number", "SBN «284471»"),
    ("licence_number", "CPA license: «0084471»"),
    ("licence_number", "Notary commission no. «2281447»"),
    ("licence_number", "Licence: «D447190»"),
    ("health_plan_number", "Insured's ID «XJH882917364»"),
    ("health_plan_number", "Enrolment no. «88291736»"),
    ("health_plan_number", "OHIP «4471902213»"),
    ("biometric_id", "Voiceprint: «VP-88231-A»"),
    ("biometric_id", "palm print ref. «FP-88213»"),
    ("biometric_id", "Retina scan ID: «RS-99871»"),
    ("us_ssn", "SSN ending in «1234»"),
    ("us_ssn", "last four digits of her social security number are «6789»"),
    ("us_ssn", "Soc. Sec. #«219099999»"),
    ("us_itin", "tax id «912-70-1234»"),
]
NATIONAL = [
    "NHS No. «943 476 5919» on",
    "paid by «AB 12 34 56 C» in",
    "NI number: «JK056879C» of the director",
    "DNI «12345678Z»",
    "X «X1234567L» y",
    "«RSSMRA85T10A562S»",
    "né «1 85 05 78 006 084 91» à",
    "Steuer-ID: «86 095 742 719» is",
    "BSN: «111222333» and",
    "PESEL «44051401359»",
    "id «811218-9876».",
    "hetu «131052-308T»",
    "fødselsnummer «15108695088»",
    "«85.07.30-033.28»",
    "«756.9217.0769.85»",
    "«390.533.447-05»",
    "SIN: «046 454 286» of the director",
    "«2341 2341 2346»",
    "TFN «123 456 782»",
    "Medicare no. «2123 45670 1»",
    "«11010519491231002X»",
    "«BOXW310820HNERXN09»",
    "national id «111222333»",
]
PAYMENT = [
    ("card_number", "row 1234 «5555 5555 5555 4444» end"),
    ("card_number", "«3782 822463 10005»"),
    ("card_number", "«4111 1111\n1111 1111» on two lines"),
    ("card_number", "«4111.1111.1111.1111»"),
    ("iban", "pay «GB82 WEST 1234 5698 7654 32» paid that 1234"),
    ("iban", "from GB82 WEST 1234 5698 7654 31 to «DE89370400440532013000» today"),
    ("iban", "«de89370400440532013000»."),
    ("iban", "«DE89-3704-0044-0532-0130-00»."),
]
LOOK_ALIKES = [
    "account 4000 - Revenue, account balance 12,345.67, account 2024-03-05, account holder since 2010",
    "License 2.0, license: MIT, serial port 12345, group_id = 1000, customer #42, visit no. 3",
    "the policy is 12 months; policy 2024; plan 9; patient 12345; chart 1234 shows",
    "MRN: 00000000, company registration number 12345678",
    "account_id = 550e8400-e29b-41d4-a716-446655440000, dea2-b1c261fce951, +dlh4TgS5W3t4p1a/",
    "NDC 12345-6789-01, CPT: 99213, LOINC 12345-6, Lot no. A12345, CVE-2024-12345, EIN: 12-3456789",
    "Tracking number 1Z999AA10123456784, Order ID: 112-1234567-1234567, Part 123-45-6789, invoice 4111111111111111",
    "NHS: 943 476 5918 and DNI 12345678A fail their checks; 1234567890 and 12345678901 are nothing",
    'CARD = "4137 3355 2977 8312"  # fails the check, though its first three groups pass another',
    "4111\n1111\n1111\n1111\n",
    "550e8400-4111-1111-1111-111111111111",
]
DETECTORS: tuple[Detector, ...] = (
    TaxpayerNumberDetector(),
    LabelledNumberDetector(),
    NationalIdDetector(),
    CardDetector(),
    IbanDetector(),
)


def _find(text: str) -> set[tuple[str, str]]:
    normalised = normalise(text)
    return {(span.type, text[span.start : span.end]) for one in DETECTORS for span in one.find(normalised)}


def _value(marked: str) -> tuple[str, str]:
    return marked.replace("«", "").replace("»", ""), marked[marked.index("«") + 1 : marked.index("»")]


@pytest.mark.parametrize(("kind", "marked"), [*LABELLED, *PAYMENT, *(("national_id", marked) for marked in NATIONAL)])
def test_finds_the_number_and_no_more(kind: str, marked: str) -> None:
    text, value = _value(marked)
    found = {entry for entry in _find(text) if entry[0] == kind}
    assert found == {(kind, value)}


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_leaves_look_alikes_alone(text: str) -> None:
    assert _find(text) == set()


@given(st.from_regex(r"\A4[0-9]{14}\Z"))
def test_of_the_ten_last_digits_one_makes_a_card(body: str) -> None:
    found = [digit for digit in "0123456789" if ("card_number", body + digit) in _find(f"no {body}{digit} yet")]
    assert found == [luhn.calc_check_digit(body)]


@given(st.from_regex(r"\A[1-9][0-9]{17}\Z"), st.integers(2, 98))
def test_an_iban_is_found_exactly_where_its_check_digits_are_right(body: str, check: int) -> None:
    number = f"DE{check:02}{body}"
    assert (("iban", number) in _find(f"to {number} now")) == iban.is_valid(number, check_country=False)
