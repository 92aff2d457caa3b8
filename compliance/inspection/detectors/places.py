"""Geographic subdivisions smaller than a state (45 CFR 164.514(b)(2)(i)(B)): addresses, and ZIP codes by label.

Of the United States, Canada, Britain and Australia, and by the words of their streets of German, French, Dutch,
Spanish and Italian speaking countries.
"""

from __future__ import annotations

from collections.abc import Iterator

from compliance.inspection.detectors.candidates import (
    compile_scout,
    find_passages,
    is_part_of_number,
    judge_candidates,
    last_line,
)
from compliance.inspection.normalise import NormalisedText
from compliance.inspection.patterns import Pattern
from compliance.inspection.registry import Span

_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|D\\.C|FL|FM|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MH|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND"
    "|OH|OK|OR|PA|PR|PW|RI|SC|SD|TN|TX|UT|VT|VA|VI|WA|WV|WI|WY|GU|AS|MP|AE|AP|AA|AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT|"
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|"
    "Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|"
    "Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|"
    "Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|"
    "West Virginia|Wisconsin|Wyoming|Ontario|Quebec|British Columbia|Alberta|NSW|VIC|QLD|TAS"
)
_STATE = rf"(?:{_STATES}|{_STATES.upper()})"
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?"
_BRITISH_CODE = r"[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}"
_CODE = rf"(?:{_ZIP}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]|[0-9]{{4}})"
_UPPER, _LETTER = "A-ZÀ-ÖØ-Þ", "A-Za-zÀ-ÖØ-öø-ÿ"
_WORD = rf"(?:[{_UPPER}](?:[{_LETTER}'-]{{0,24}})|(?:S[Tt]|M[Tt]|F[Tt]|J[Rr]|Dr|[A-Z])\.)"
_TOWN_NAME = rf"{_WORD}(?:[ -]{_WORD}){{0,3}}"
_SUFFIX = (
    r"(?:(?:Street|Avenue|Road|Boulevard|Lane|Drive|Court|Circle|Place|Way|Terrace|Parkway|Highway|Square|Trail"
    r"|Loop|Alley"
    r"|Crescent|Row|Close|Gardens|Grove|Mews|Turnpike|Pike|Path|Run|Point|Ridge|Crossing|Expressway|Plaza|Walk"
    r"|Bend|Cove"
    r"|Commons|Landing|Esplanade|Promenade|Quay|Parade|Wharf|STREET|AVENUE|ROAD|BOULEVARD|LANE|DRIVE|COURT"
    r"|CIRCLE|PLACE"
    r"|WAY|TERRACE|PARKWAY|HIGHWAY|SQUARE|TRAIL|LOOP)"
    r"|(?:St|Ave|Av|Rd|Blvd|Ln|Dr|Ct|Cir|Pl|Ter|Pkwy|Hwy|Sq|Trl|Tpke|Cres|ST|AVE|RD|BLVD|LN|DR|CT|CIR|PL|PKWY"
    r"|HWY)\b\.?)"
)
_DIRECTION = (
    r"(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West|Northeast|Northwest|Southeast|Southwest|NORTH|SOUTH|EAST|WEST)"
)
_UNIT = (
    r"(?:(?:,|,?[ ]|,?\n[ ]{0,8}|[ ]-[ ])(?i:apt|apartment|suite|ste|unit|floor|fl|room|rm|bldg|building|lot|flat|#)"
    r"\.? ?#?[A-Za-z0-9-]{1,8}\b|, [0-9]{1,3}(?i:st|nd|rd|th) (?i:floor|fl)\b)"
)
_GAP = r"(?:,? |,|,? ?(?:\r?\n|\\n)[ \t>|]{0,16})"
_TOWN = (
    rf"(?:{_GAP}(?:{_TOWN_NAME}{_GAP}){{1,3}}(?:{_STATE}\.?{_GAP})?(?:{_BRITISH_CODE}|{_STATE}[ ]{_CODE}|{_ZIP})\b"
    rf"|{_GAP}{_TOWN_NAME}{_GAP}{_STATE}\b(?:\.?,?[ ]{_CODE}\b)?)"
)
_COUNTRY = (
    r"(?:,? ?\n?[ ]?(?:USA|U\.S\.A\.|United States|UK|United Kingdom|Canada|Australia|Germany|Deutschland|France)\b)?"
)
_NUMBER = r"(?:[0-9]{1,6}(?:-[0-9]{1,5})?[A-Za-z]?(?: 1/2)?)"
_FOREIGN_TOWN = (
    rf"(?:{_GAP}(?:[A-Z]{{1,2}}[ -])?(?:[0-9]{{5}}|[0-9]{{4}}(?: ?[A-Z]{{2}})?)"
    rf" {_TOWN_NAME}(?: (?:am|an der|im|a\.) {_WORD})?)"
)
_SMALL_WORD = (
    r"(?:de la |de l'|de los |de las |des |del |della |delle |dei |du |de |d'|la |le |les |l'|di |dos |da |do )"
)


class AddressDetector:
    """Street addresses, post office boxes, town with state and ZIP code, and ZIP codes after their label."""

    name = "address"
    types = frozenset({"street_address", "zip_code"})

    _street = Pattern(
        rf"\b(?:(?i:flat|apartment|apt\.?|unit|suite"
        rf"|ste\.?) [0-9A-Za-z-]{{1,5}},? )?{_NUMBER},? (?:{_DIRECTION}\.? )?"
        rf"(?:(?:{_WORD}|[0-9]{{1,3}}(?:st|nd|rd|th|ST|ND|RD|TH)|of|the|de"
        rf"|del) ){{1,4}}{_SUFFIX}\b\.?(?: {_DIRECTION}\b\.?)?"
        rf"{_UNIT}{{0,2}}{_TOWN}?{_COUNTRY}"
        rf"|\b{_NUMBER} (?:{_DIRECTION}\.? )?(?:Avenue|Ave\.?|Avenida|Calle|Camino|Via) (?:of "
        rf"|del? )?(?:the )?{_WORD}"
        rf"(?: {_WORD})?{_UNIT}{{0,2}}{_TOWN}?{_COUNTRY}"
        rf"|\b{_NUMBER} (?:{_DIRECTION}\.? )?(?:Broadway|BROADWAY){_UNIT}{{0,2}}{_TOWN}?{_COUNTRY}"
        rf"|\b{_NUMBER} (?:{_DIRECTION}\.? )?(?i:(?:state |county |us |u\.s\. |old )?(?:highway|hwy\.?|route"
        rf"|rte\.?|road|rd\.?"
        rf"|interstate|farm road|fm)) [0-9]{{1,4}}[A-Z]?\b(?: {_DIRECTION}\b)?{_UNIT}{{0,2}}{_TOWN}?{_COUNTRY}"
        rf"|\b{_NUMBER} (?:The )?{_WORD}(?: {_WORD}){{0,2}}{_UNIT}{{0,2}}"
        rf"{_GAP}{_TOWN_NAME},? {_STATE},? {_ZIP}\b{_COUNTRY}"
        rf"|\b{_NUMBER},? (?:The )?{_WORD}(?: {_WORD}){{0,2}}{_GAP}"
        rf"(?:{_TOWN_NAME}{_GAP}){{1,3}}{_BRITISH_CODE}\b{_COUNTRY}"
    )
    _box = Pattern(
        r"\b(?:(?i:p\. ?o\.|po|post office) ?(?i:box|drawer)|(?:RR|R\.R\.|HC|Rural Route) ?#?[0-9]{1,3},? (?:Box|BOX)"
        r"|(?:PSC|CMR|UNIT|Unit) [0-9]{1,5},? (?:Box|BOX)|Postfach|Box) ?#?[0-9]{1,7}[A-Z]?\b"
        rf"(?:{_TOWN}|{_GAP}(?:APO|FPO|DPO),? (?:AE|AP|AA) {_ZIP}\b|{_FOREIGN_TOWN})?{_COUNTRY}"
    )
    _town = Pattern(
        rf"\b{_TOWN_NAME},? {_STATE}\.?,? {_ZIP}\b{_COUNTRY}|\b(?:APO|FPO|DPO),? (?:AE|AP|AA) {_ZIP}\b"
        rf"|\b{_TOWN_NAME},? (?:AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT),? [A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]\b"
        rf"|\b{_TOWN_NAME},? (?:NSW|VIC|QLD|TAS|ACT|WA|SA|NT),? [0-9]{{4}}\b"
    )
    _foreign = Pattern(
        # Musterstraße 12, 80331 München; Am Markt 5, 80331 München; Keizersgracht 123, 1015 CJ Amsterdam.
        rf"\b(?:{_WORD}[ -]){{0,3}}(?:[{_UPPER}][{_LETTER}-]*(?i:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring"
        rf"|ufer|damm|chaussee"
        r"|straat|gracht|laan|plein|kade)|Stra(?:ß|ss)e|Str\.|Platz|Allee|Weg|Ring)"
        rf" [0-9]{{1,4}}(?: ?[a-z]\b)?(?: ?[-/] ?[0-9]{{1,4}}[a-z]?)?\b{_FOREIGN_TOWN}?{_COUNTRY}"
        rf"|\b{_WORD}(?: (?:der|den|dem|{_WORD})){{0,3}} [0-9]{{1,4}}[a-z]?{_GAP}(?:[A-Z]{{1,2}}[ -])?[0-9]{{5}}"
        rf" {_TOWN_NAME}\b{_COUNTRY}"
        # 12 rue de la Paix, 75002 Paris.
        r"|\b[0-9]{1,4}(?: ?(?:bis|ter)| ?[A-D]\b)?,? (?i:rue|avenue|av\.|boulevard|bd|place|chemin|all[ée]e"
        r"|impasse|quai|cours|route"
        rf"|square|faubourg) {_SMALL_WORD}{{0,2}}{_WORD}(?:[ -](?:{_SMALL_WORD}{{0,2}}{_WORD}"
        rf"|{_SMALL_WORD})){{0,4}}{_FOREIGN_TOWN}?{_COUNTRY}"
        # Without a number only before its town: chemin de la Fontaine, 97248 Vence.
        r"|\b(?i:rue|avenue|boulevard|chemin|all[ée]e|impasse|quai|route|faubourg) "
        rf"{_SMALL_WORD}{{0,2}}{_WORD}(?:[ -](?:{_SMALL_WORD}{{0,2}}{_WORD})){{0,3}}{_FOREIGN_TOWN}{_COUNTRY}"
        # Calle Mayor 5, 28013 Madrid; Via Roma 12, 00184 Roma; Rua Augusta, 1500.
        r"|\b(?:Calle|C/|Avenida|Avda?\.|Paseo|Plaza|Via|Viale|Piazza|Corso|Largo|Rua|Travessa|Carrera)"
        rf" {_SMALL_WORD}{{0,2}}{_WORD}(?: {_SMALL_WORD}{{0,2}}{_WORD}){{0,3}},? "
        rf"(?:n[.º°]? ?)?[0-9]{{1,4}}\b{_FOREIGN_TOWN}?{_COUNTRY}"
    )
    # Of a flat no street number need follow; after a label no word for a street.
    _flat = rf"(?i:flat|studio|apartment|apt\.?) [0-9]{{1,4}}[A-Za-z]?, {_WORD}(?: {_WORD}){{1,3}}"
    _flats = Pattern(rf"\b{_flat}{_UNIT}{{0,2}}{_TOWN}?{_COUNTRY}")
    _labelled = Pattern(
        r"(?i:\b(?:street|address|addr|anschrift|adresse|residence|indirizzo|direcci[oó]n|domicilio)"
        r"(?:[ _-]?(?:line)?[ _-]?[12]?)?[\"']?[ \t]*[:=|][ \t]*[\"']?)"
        rf"((?:{_flat}|{_NUMBER},? (?:{_DIRECTION}\.? )?{_WORD}(?: {_WORD}){{1,4}}){_UNIT}{{0,2}}{_TOWN}?{_COUNTRY})"
    )
    _lower_case = Pattern(
        r"(?i:\b(?:lives?|living|reside[sd]?|stays?|staying|address(?: is)?|moved|home|house|deliver(?:ed|y)?"
        r"|ship(?:ped)?|mail)"
        r"(?: to| at| on| is|:){0,2} )(?:at |on |to )?"
        r"([0-9]{1,6} (?:[nsew]\.? )?(?:[a-z]{2,20} ){1,3}(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln"
        r"|drive|dr|court|ct"
        r"|way|place|terrace)\b(?:,? (?:apt|suite|unit|#) ?[a-z0-9]{1,5}\b)?)"
    )
    _residence = Pattern(
        r"\b(?:lives|living|resides|residing|resident of|residence|moved|hails|relocated|originally|native of|home)"
        rf"(?: in| at| to| from| near| outside)* ({_TOWN_NAME},? {_STATE})\b"
    )
    _after_label = Pattern(
        rf"\b(?:zip(?:[ _-]?code)?|postal[ _-]?code|post[ _-]?code|plz)[\"']?[ \t]*(?:is|[:=#])?[ \t]*[\"']?({_ZIP}|"
        r"[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9])\b",
        ignore_case=True,
    )
    # What stands between a number and a suffix without being a street: 2019 Superior Court, 45 Hard Drive.
    _no_street = Pattern(
        r"^[0-9]+ (?:[A-Z][a-z]+ )*(?:Supreme|District|Superior|Circuit|Appeals?|Federal|County|Municipal|Tax"
        r"|Bankruptcy|High"
        r"|Trial|Family|Probate|Juvenile|Hard|Disk|Flash|USB|Thumb|Tape|Test|Seen|Saw|Visit|With|By|Per"
        r"|Attending|Patients?"
        r"|Annual|Quarterly|Each|Every|New|One|Two|Data|Code|Critical|Golf|Food|Blood|Fund|Membership|Capital)"
        r" (?:Court|Drive|Dr|Circle|Way|Row|Loop|Path|Run|Point|Square|Place|Trail|Plaza|Close|Walk|Run)\b"
    )
    _calendar = Pattern(r"(?i:\b(?:in|since|of|from|until|by|during|fy|year)[ \t]|[0-9],[ \t])$")

    _scout = compile_scout(_street, _box, _town, _foreign, _flats, _labelled, _lower_case, _residence, _after_label)

    def find(self, text: NormalisedText) -> Iterator[Span]:
        """Yield the addresses; one written on several lines is one."""
        passages = find_passages(self._scout, text.data)
        if not passages.spans:
            return
        for pattern in (self._street, self._box, self._foreign, self._flats):
            yield from judge_candidates(pattern, text.data, self._judge, before=24, after=2, passages=passages)
        for match in passages.find(self._town):
            yield Span("street_address", *match.span(), 0.85)
        for match in passages.find(self._labelled):
            yield Span("street_address", *match.span(1), 0.85)
        for pattern in (self._lower_case, self._residence):
            for match in passages.find(pattern):
                yield Span("street_address", *match.span(1), 0.6)
        for match in passages.find(self._after_label):
            yield Span("zip_code", *match.span(1), 0.9)

    def _judge(self, before: bytes, value: bytes, after: bytes) -> Span | None:
        if is_part_of_number(before, b"", b"-.$#/:") or before[-1:] in (b"$", b"#"):
            return None
        # A year and what happened in it.
        year = value[:4].isdigit() and value[:2] in (b"19", b"20") and value[4:5] == b" " and b"," not in value
        if (year and self._calendar.is_in(last_line(before))) or self._no_street.is_in(value):
            return None
        # An abbreviation's period, or the sentence's: it identifies nobody.
        return Span("street_address", 0, len(value) - value.endswith(b"."), 0.9)
