"""Makers of names, addresses, phones and what else reaches a person or a machine. Nobody meant."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from benchmarks.inspection_quality.documents import Draw, Maker, Segment, Value

_GIVEN = (
    "Hope", "Will", "Mark", "Summer", "Ayodele", "Björn", "Siobhán", "Nguyet", "Pat", "Jo", "Kenji", "Babajide",
    "Ximena", "Tariq", "Joy", "Dawn", "Olga", "Zsófia", "Anh", "Deborah", "Kofi", "Marguerite", "Lucas", "Imani",
    "Maria", "James", "Aisha", "Wei", "Tomasz", "Priya", "Oluwaseun", "Hannah", "Diego", "Fatima", "Liam", "Yuki",
    "Chloe", "Mohammed", "Ingrid", "Samuel", "Leila", "Patrick", "Noor", "Elena", "Marcus", "Xiulan", "Dmitri",
    "Grace", "Rajesh", "Sofia", "Kwame", "Beatrice", "Omar", "Renata", "Gordon", "Thandiwe", "Miguel", "Astrid",
    "Terrence", "Lakshmi", "Brendan", "Zoë", "Mateo", "Harriet", "Ibrahim", "Colleen", "Ravi", "Simone", "Curtis",
    "Anneliese", "Jamal", "Rosa",
)  # fmt: skip
_FAMILY = (
    "Baker", "Greene", "Hill", "Price", "Young", "Bishop", "Rose", "Day", "Ochieng", "Yilmaz", "Sørensen", "Łukasik",
    "Ó Briain", "D'Angelo", "Nkemelu", "Takahashi", "Park", "Li", "Ng", "Ivanova", "Bell", "Wood", "Cross", "Stone",
    "Alvarez", "Thompson", "Okonkwo", "Nakamura", "Kowalski", "Sharma", "O'Brien", "Lindqvist", "Haddad",
    "Fitzgerald", "Nguyen", "Müller", "Castillo", "Whitaker", "Rahman", "Petrov", "Delacroix", "Abernathy",
    "Mensah", "Zhang", "Hoffmann", "McAllister", "Iyer", "Vasquez", "Bergström", "Osei", "Pruitt", "Tanaka",
    "Castellano", "Blackwood", "Farouk", "Svensson", "Quigley", "Moreau", "Adeyemi", "Halloran", "Papadakis",
    "Winthrop", "Salazar", "Chaudhry", "Vandenberg", "Ferreira", "Kaminski", "Ellsworth", "Novak", "Oyelaran",
    "Strand", "Delgado",
)  # fmt: skip
_DOUBLE = (
    "Okafor-Bright",
    "de Souza",
    "von Trotha",
    "Le Guin",
    "St. Clair",
    "ter Horst",
    "Garcia-Reyes",
    "Smith-Jones",
    "de la Cruz",
    "van den Berg",
    "Al-Sayed",
    "Lloyd-Hughes",
)


def _family(draw: Draw) -> str:
    return draw.wording(_DOUBLE) if draw.chance(0.08) else draw.wording(_FAMILY)


def _full_name(draw: Draw) -> str:
    given, family = draw.wording(_GIVEN), _family(draw)
    form = draw.wording(
        (
            "{given} {family}", "{given} {initial}. {family}", "{given} {family}", "{given} {middle} {family}",
            "{given} {family}", "{initial}. {family}", "{given} {family}", "{given} {family} Jr.",
        )
    )  # fmt: skip
    return form.format(given=given, family=family, initial=draw.one("ABCDEGHJKLMNPRSTW"), middle=draw.wording(_GIVEN))


def _make_labelled(draw: Draw) -> Value:
    """After `Patient:` and the like; there also the family name first."""
    name = f"{_family(draw)}, {draw.wording(_GIVEN)}" if draw.chance(0.15) else _full_name(draw)
    return Value(name, "person_name", "labelled")


def _make_titled(draw: Draw) -> tuple[Segment, ...]:
    title = draw.wording(
        (
            "Dr. ",
            "Mr. ",
            "Mrs. ",
            "Prof. ",
            "Ms. ",
            "Dr ",
            "Judge ",
            "Nurse ",
            "Mr ",
            "Ms ",
            "Miss ",
            "Sir ",
            "Professor ",
            "Rev. ",
            "Doctor ",
            "Justice ",
            "Mrs ",
            "Capt. ",
            "Mx. ",
            "Hon. ",
        )
    )
    name = _family(draw) if draw.chance(0.5) else f"{draw.wording(_GIVEN)} {_family(draw)}"
    return title, Value(name, "person_name", "titled")


_NAME_LABELS = (
    "Patient: ", "Pt: ", "Name: ", "Spouse: ", "Attending physician: ", "PCP: ", "Guardian: ", "Mother: ",
    "Patient Name: ", "Attn: ", "Next of kin: ", "Employee: ", "Full name: ", "Contact: ", "Surgeon: ", "Client: ",
    "Emergency contact: ", "Plaintiff: ", "Referred by: ", "Provider: ", "Defendant: ", "Insured: ", "Author: ",
    "Subscriber name: ", "Applicant: ", "Account holder: ", "Sender: ", "Tenant: ",
)  # fmt: skip


def _make_with_label(draw: Draw) -> tuple[Segment, ...]:
    """The label and the name; one in eight in capitals, as forms print them."""
    label, value = draw.wording(_NAME_LABELS), _make_labelled(draw)
    if draw.chance(0.12):
        return label.upper(), Value(value.text.upper(), value.type, value.subkind)
    return label, value


def _make_salutation(draw: Draw) -> tuple[Segment, ...]:
    """By given name; what greets whom is not always a name, so it is arguable."""
    return (
        draw.wording(("Dear ", "Hi ", "Hello ", "Hey ")),
        Value(draw.wording(_GIVEN), "person_name", "greeted", False),
        ",",
    )


def _make_plain(draw: Draw) -> Value:
    """A name in running prose, without a sign that it is one."""
    return Value(f"{draw.wording(_GIVEN)} {_family(draw)}", "person_name", "unlabelled", counted=False)


def _make_signature(draw: Draw) -> tuple[Segment, ...]:
    closing = draw.wording(
        ("Sincerely,\n", "Best regards,\n", "Kind regards,\n", "Regards,\n", "Yours faithfully,\n", "Respectfully,\n",
         "Signed: ", "Very truly yours,\n", "Electronically signed by ", "/s/ ", "Yours sincerely,\n\n", "Thanks,\n")
    )  # fmt: skip
    return closing, Value(_full_name(draw), "person_name", "signed")


def _make_credentials(draw: Draw) -> tuple[Segment, ...]:
    ending = draw.wording((", MD", ", RN", ", Esq.", ", PhD", ", M.D.", ", NP", ", DO", ", CPA"))
    return Value(_full_name(draw), "person_name", "titled"), ending


_CITIES = (
    ("Springfield", "IL", "627"), ("Austin", "TX", "787"), ("Portland", "OR", "972"), ("Albany", "NY", "122"),
    ("Dayton", "OH", "454"), ("Fresno", "CA", "937"), ("Boise", "ID", "837"), ("Mobile", "AL", "366"),
    ("Santa Fe", "NM", "875"), ("St. Paul", "MN", "551"), ("Tampa", "FL", "336"), ("Worcester", "MA", "016"),
)  # fmt: skip
_STATES = {
    "IL": "Illinois", "TX": "Texas", "OR": "Oregon", "NY": "New York", "OH": "Ohio", "CA": "California", "ID": "Idaho",
    "AL": "Alabama", "NM": "New Mexico", "MN": "Minnesota", "FL": "Florida", "MA": "Massachusetts",
}  # fmt: skip
_STREETS = (
    "Maple", "Oak Ridge", "Washington", "Elm", "Sycamore", "Lakeview", "Martin Luther King", "Franklin", "Birch",
    "Hillcrest", "2nd", "14th", "Old Mill", "St. James", "Jefferson", "Willow Creek",
)  # fmt: skip
_KINDS = (
    "Street", "Ave", "Drive", "Rd.", "Blvd", "Lane", "St", "Court", "Avenue", "Dr", "Place", "Way", "Road", "Pkwy",
    "Terrace", "Circle", "Trail", "Hwy", "Loop", "Square", "Cir.", "Parkway", "Ln", "Crescent",
)  # fmt: skip
_UNITS = (", Apt 4B", ", Suite 210", " #12", ", Unit 7", ", Apt. 3", " Ste 900", ", Floor 5", ", Room 16", ", #3C",
          " Apartment 9", ", 2nd Floor", ", Bldg. C")  # fmt: skip


def _zip(draw: Draw, prefix: str) -> str:
    return prefix + draw.digits(2) + (f"-{draw.digits(4)}" if draw.chance(0.2) else "")


def _street(draw: Draw) -> str:
    side = draw.one(("", "", "", "N. ", "SW ", "East "))
    unit = draw.wording(_UNITS) if draw.chance(0.35) else ""
    return f"{draw.number(1, 9899)} {side}{draw.wording(_STREETS)} {draw.wording(_KINDS)}{unit}"


def _make_address(draw: Draw) -> Value:
    """A US address from the number of the house to the ZIP code."""
    city, state, prefix = draw.wording(_CITIES)
    rural = f"RR {draw.number(1, 9)} Box {draw.number(10, 400)}"
    start = (
        rural
        if draw.chance(0.1)
        else f"{draw.wording(('P.O. Box', 'PO Box', 'P. O. Box', 'Post Office Box'))} {draw.number(10, 9999)}"
    )
    if draw.chance(0.85):
        start = _street(draw)
    middle = draw.wording((", ", "\n", ", ", ",\n"))
    end = f"{city}, {draw.wording((state, state, _STATES[state], state))} {_zip(draw, prefix)}"
    address = f"{start}{middle}{end}"
    return Value(address.upper() if draw.chance(0.07) else address, "street_address", "us")


def _make_street(draw: Draw) -> Value:
    """The street alone, as people say it."""
    return Value(_street(draw), "street_address", "street_only")


def _make_foreign_address(draw: Draw) -> Value:
    number = draw.number(1, 180)
    uk_code = f"{draw.one(('LS', 'M', 'BS', 'SW', 'EH', 'CF'))}{draw.number(1, 19)} {draw.number(1, 9)}"
    uk_code += draw.characters("ABDEFGHJLNPQRSTUWXYZ", 2)
    form = draw.wording(
        (
            f"{number} {draw.one(('Station', 'Church', 'Victoria', 'Mill'))} Road, Leeds {uk_code}",
            f"{draw.one(('Hauptstraße', 'Lindenallee', 'Goethestr.', 'Am Markt'))} {number}, "
            f"{draw.digits(5, '123456789')} {draw.one(('Berlin', 'Köln', 'Bremen'))}",
            f"{number} {draw.one(('rue de la République', 'avenue Victor Hugo', 'boulevard Voltaire'))}, "
            f"{draw.digits(5, '123456789')} {draw.one(('Lyon', 'Nantes', 'Dijon'))}",
            f"Flat {draw.number(1, 30)}, {number} {draw.one(('Baker', 'High', 'Queen', 'Albert'))} Street, "
            f"London {uk_code}",
            f"{draw.one(('Mozartstraße', 'Bahnhofstr.', 'Kirchweg'))} {number}{draw.one('abc')}, "
            f"{draw.digits(4, '123456789')} Wien",
            f"{draw.one(('Bergstraße', 'Schillerplatz', 'Rosenweg'))} {number}\nD-{draw.digits(5, '123456789')} Ulm",
            f"{number} bis, rue {draw.one(('Pasteur', 'de la Paix', 'du Moulin'))}\n{draw.digits(5, '13579')} Lille",
            f"Unit {draw.number(1, 20)}, {number} {draw.one(('Harbour', 'King', 'Mill'))} Lane\nBristol\n{uk_code}",
        )
    )
    return Value(form, "street_address", "foreign")


def _make_city_line(draw: Draw) -> tuple[Segment, ...]:
    """City, state and ZIP. Only the ZIP is counted: a city alone is not promised."""
    city, state, prefix = draw.wording(_CITIES)
    city_value = Value(f"{city}, {state}", "street_address", "city", counted=False)
    return city_value, " ", Value(_zip(draw, prefix), "zip_code", "after_state")


def _make_labelled_zip(draw: Draw) -> tuple[Segment, ...]:
    label = draw.wording(("ZIP: ", "ZIP code ", "Zip Code: ", "zip ", "Postal code: ", "ZIP "))
    return label, Value(_zip(draw, draw.wording(_CITIES)[2]), "zip_code", "labelled")


def _us_parts(draw: Draw) -> tuple[str, str, str]:
    area = draw.one(("212", "312", "415", "503", "617", "713", "206", "404", "602", "919", "305", "651"))
    return area, f"{draw.one('23456789')}{draw.one('023456789')}{draw.one('023456789')}", draw.digits(4)


_US_FORMS = (
    "({0}) {1}-{2}", "{0}-{1}-{2}", "{0}.{1}.{2}", "+1 {0} {1} {2}", "+1-{0}-{1}-{2}", "({0}){1}-{2}",
    "1-{0}-{1}-{2}", "{0} {1} {2}", "+1 ({0}) {1}-{2}", "({0}) {1}-{2} ext. 44", "{0}-{1}-{2} x101", "+1{0}{1}{2}",
    "1 ({0}) {1}-{2}", "({0}) {1} {2}", "{0}/{1}-{2}", "+1.{0}.{1}.{2}",
)  # fmt: skip


def _make_us_phone(draw: Draw) -> Value:
    return Value(draw.wording(_US_FORMS).format(*_us_parts(draw)), "phone_number", "us")


def _make_foreign_phone(draw: Draw) -> Value:
    form = draw.wording(
        (
            f"+44 20 7946 0{draw.digits(3)}", f"+49 30 {draw.digits(4, '2345')} {draw.digits(4)}",
            f"+44 (0)20 7946 0{draw.digits(3)}", f"+33 6 {draw.digits(2, '1234')} {draw.digits(2)} {draw.digits(2)} "
            f"{draw.digits(2)}", f"+44 7700 900{draw.digits(3)}", f"+49 171 {draw.digits(7, '23456789')}",
            f"+91 98{draw.digits(3)} {draw.digits(5)}", f"+44 161 496 0{draw.digits(3)}",
            f"+49-89-{draw.digits(6, '23456789')}", f"+61 4{draw.digits(2, '012')} {draw.digits(3)} {draw.digits(3)}",
            f"+34 6{draw.digits(2)} {draw.digits(2)} {draw.digits(2)} {draw.digits(2)}",
            f"0044 20 7946 0{draw.digits(3)}",
        )
    )  # fmt: skip
    return Value(form, "phone_number", "international")


def _make_labelled_phone(draw: Draw) -> tuple[Segment, ...]:
    """After a label even ten digits in a row are a phone number."""
    label = draw.wording(
        ("Tel: ", "Phone: ", "Cell ", "Fax: ", "Tel. ", "Mobile: ", "Ph: ", "Fax ", "Telephone: ", "T: ", "call ",
         "Home phone: ", "Contact number: ", "FAX (", "cell: ", "Phone # ")
    )  # fmt: skip
    if label == "FAX (":
        area, exchange, line = _us_parts(draw)
        return "FAX ", Value(f"({area}) {exchange}-{line}", "phone_number", "fax")
    number = draw.wording((*_US_FORMS, "{0}{1}{2}", "{1}-{2}", "{0} - {1} - {2}")).format(*_us_parts(draw))
    if draw.chance(0.15):
        number = draw.one(
            (f"020 7946 0{draw.digits(3)}", f"030 {draw.digits(7, '2345')}", f"07700 900{draw.digits(3)}")
        )
    return label, Value(number, "phone_number", "fax" if "ax" in label else "labelled")


_HOSTS = ("stmaryclinic.org", "northfield-health.com", "lawgroup.co.uk", "acme.io", "gmail.com", "web.de",
          "billing.vendor.net", "uni-hospital.edu")  # fmt: skip


def _plain(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(character for character in ascii_name.lower() if character.isalpha())


def _make_email(draw: Draw) -> Value:
    given, family = _plain(draw.wording(_GIVEN)), _plain(draw.wording(_FAMILY))
    form = draw.wording(
        ("{0}.{1}@{2}", "{0}{3}@{2}", "{1}_{0}@{2}", "{0}+news@{2}", "{0}-{1}@{2}", "{4}.{1}@{2}", "{4}{1}{3}@{2}",
         "{0}@{2}")
    )  # fmt: skip
    address = form.format(given, family, draw.wording(_HOSTS), draw.number(1, 99), given[0])
    return Value(address.upper() if draw.chance(0.05) else address, "email_address")


def _make_url(draw: Draw) -> Value:
    form = draw.wording(
        ("https://{0}/patients/{1}", "http://www.{0}/p?id={1}", "www.{0}/visit/{1}", "https://portal.{0}/r/{1}#notes",
         "https://{0}", "https://{0}:8443/chart/{1}/", "HTTPS://{0}/{1}", "ftp://files.{0}/{1}.pdf")
    )  # fmt: skip
    return Value(form.format(draw.wording(_HOSTS), draw.number(1000, 99999)), "url")


def _make_ip(draw: Draw) -> Value:
    """IPv4 of public and private ranges, IPv6 in full and short."""
    octets = f"{draw.number(1, 254)}.{draw.number(0, 255)}.{draw.number(1, 254)}"
    words = [f"{draw.number(4096, 65535):x}" for _ in range(8)]
    form = draw.wording(
        (f"{draw.one(('81', '203', '98', '176'))}.{octets}", f"10.{octets}", f"192.168.{draw.number(1, 254)}.17",
         f"2001:db8:{words[0]}::{words[1]}", ":".join(["2001", *words[1:]]), f"fe80::{words[0]}:{words[1]}:{words[2]}",
         f"2a02:{words[0]}:{words[1]}::1", f"172.16.{draw.number(1, 254)}.{draw.number(1, 254)}")
    )  # fmt: skip
    return Value(form, "ip_address", "v6" if ":" in form else "v4")


PEOPLE_MAKERS: Mapping[str, Maker] = {
    "name": _make_labelled,
    "titled_name": _make_titled,
    "plain_name": _make_plain,
    "labelled_name": _make_with_label,
    "last_name": lambda draw: Value(_family(draw), "person_name", "titled"),
    "salutation": _make_salutation,
    "signature": _make_signature,
    "credentialed_name": _make_credentials,
    "address": _make_address,
    "street": _make_street,
    "foreign_address": _make_foreign_address,
    "city_line": _make_city_line,
    "zip": _make_labelled_zip,
    "us_phone": _make_us_phone,
    "foreign_phone": _make_foreign_phone,
    "phone": _make_labelled_phone,
    "email": _make_email,
    "url": _make_url,
    "ip": _make_ip,
}
