"""Geographic subdivisions smaller than a state, of the United States (45 CFR 164.514(b)(2)(i)(B))."""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.context import is_inside_number
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|"
    "OR|PA|PR|RI|SC|SD|TN|TX|UT|VT|VA|VI|WA|WV|WI|WY|"
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|"
    "Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|"
    "Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|"
    "Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|"
    "West Virginia|Wisconsin|Wyoming"
)
_STATE = rf"(?:{_STATES})"
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?"
_WORD = r"[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ'.-]{0,24}"
_CITY = rf"{_WORD}(?: {_WORD}){{0,2}}"
_SUFFIX = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl|Way|Terrace|Ter|"
    r"Parkway|Pkwy|Highway|Hwy|Square|Sq|Trail|Trl|Loop|Alley|Crescent|Row|Broadway|"
    r"STREET|ST|AVENUE|AVE|ROAD|RD|BOULEVARD|BLVD|LANE|LN|DRIVE|DR|COURT|CT|WAY|PLACE|PL)"
)
_UNIT = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|#)\.? ?#?[A-Za-z0-9-]{1,8})?"
_TOWN = rf"(?:(?:,|\n|,\n)? ?{_CITY},? {_STATE}\.?(?: {_ZIP})?)?"


class AddressDetector:
    """Street addresses, post office boxes, city with state and ZIP code, and ZIP codes after their label."""

    name = "address"
    types = frozenset({"street_address", "zip_code"})

    _street = Pattern(
        r"\b[0-9]{1,6}[A-Za-z]? (?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.? )?"
        rf"(?:(?:{_WORD}|[0-9]{{1,3}}(?:st|nd|rd|th)) ){{1,3}}{_SUFFIX}\b\.?{_UNIT}{_TOWN}"
    )
    _box = Pattern(rf"\b(?:P\.? ?O\.? ?Box|Post Office Box|PO BOX) #?[0-9]{{1,7}}\b{_TOWN}")
    _town = Pattern(rf"\b{_CITY},? {_STATE},? {_ZIP}\b")
    _zip_after_label = Pattern(
        rf"\b(?:zip(?:[ _-]?code)?|postal[ _-]?code|postcode)[\"']?[ \t]*(?:is|[:=#])?[ \t]*[\"']?({_ZIP})\b",
        ignore_case=True,
    )

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the addresses; one written on two lines is one."""
        data = text.data
        for pattern in (self._street, self._box):
            for match in pattern.find(data):
                start, end = match.span()
                if data[end - 1 : end] == b".":
                    # An abbreviation's period, or the sentence's: it identifies nobody.
                    end -= 1
                if not is_inside_number(data, start, end, b"-.$#"):
                    yield Span("street_address", start, end, 0.9)
        for match in self._town.find(data):
            yield Span("street_address", *match.span(), 0.85)
        for match in self._zip_after_label.find(data):
            yield Span("zip_code", *match.span(1), 0.9)
