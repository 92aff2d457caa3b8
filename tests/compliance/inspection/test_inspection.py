"""Offsets, overlaps, redaction, and what hides a value without changing it."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.inspection import BUILTIN_DETECTORS, CATEGORIES, CATEGORY_OF, Finding, inspect, matches, redact
from compliance.inspection.normalise import normalise
from compliance.inspection.registry import Detector, UnknownDetector, load_detector
from compliance.policy import PolicyDocument, builtin_policies, parse_policy

DEFAULT, HIPAA, SOX, LEGAL = builtin_policies()

# Values that are found on their own, in this filling, whatever stands around it.
VALUES = {
    "us_ssn": "123-45-6789",
    "email_address": "john.doe@example.org",
    "phone_number": "(555) 123-4567",
    "card_number": "4111 1111 1111 1111",
    "iban": "DE89370400440532013000",
    "date": "March 5, 2024",
    "url": "https://portal.example.com/p/1",
    "ip_address": "203.0.113.7",
    "api_key": "sk-ant-api03-abcdefghijklmnopqrstuv",
    "access_token": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "street_address": "123 Main Street, Springfield, IL 62704",
    "inside_information": "material non-public information",
    "attorney_client": "attorney-client privileged",
}
_all_unicode = st.text(st.characters(), max_size=200)
_filling = st.sampled_from(["so ", "then\n", "the end. ", "was here, ", "漢字 ", "é ", "\ud800 ", "\u200b ", "(a) "])


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, list[tuple[str, int, int]]]:
    """A text, and what it holds: type, start and end."""
    text, held = "", []
    for kind in draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=6)):
        text += "".join(draw(st.lists(_filling, max_size=3))) + "note "
        held.append((kind, len(text), len(text) + len(VALUES[kind])))
        text += VALUES[kind] + " | "
    return text + "".join(draw(st.lists(_filling, max_size=3))), held


class TestAnyText:
    @given(_all_unicode)
    def test_never_raises_and_offsets_are_valid(self, text: str) -> None:
        findings = inspect(text)
        for finding in findings:
            assert 0 <= finding.start < finding.end <= len(text)
            assert finding.category == CATEGORY_OF[finding.type]
            assert 0 < finding.confidence <= 1
        assert list(findings) == sorted(findings, key=lambda finding: finding.start)

    @given(st.binary(max_size=400))
    def test_binary_passes_through(self, data: bytes) -> None:
        for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape")):
            redact(text, inspect(text))

    @given(_all_unicode)
    def test_normalised_text_keeps_one_offset_a_byte(self, text: str) -> None:
        normalised = normalise(text)
        assert len(normalised.data) == len(normalised.starts) == len(normalised.ends)
        assert list(normalised.starts) == sorted(normalised.starts)
        assert all(0 <= start < end <= len(text) for start, end in zip(normalised.starts, normalised.ends, strict=True))

    @given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="&\\"), max_size=100))
    def test_plain_text_is_its_own_normal_form(self, text: str) -> None:
        assert normalise(text).data == text.encode()

    @pytest.mark.parametrize(
        ("text", "data", "starts"),
        [
            ("a&#98;c", b"abc", [0, 1, 6]),
            ("a&amp;lt;b", b"a&lt;b", [0, 1, 6, 7, 8, 9]),
            ("a&shy;b", b"ab", [0, 6]),
            ("a&#769;b", b"ab", [0, 7]),
            ("a &nowhere; b&c", b"a &nowhere; b&c", list(range(15))),
            ("&&#38;&", b"&&&", [0, 1, 6]),
        ],
    )
    def test_a_character_reference_is_the_character(self, text: str, data: bytes, starts: list[int]) -> None:
        normalised = normalise(text)
        assert (normalised.data, list(normalised.starts)) == (data, starts)

    @pytest.mark.parametrize(
        ("text", "data", "starts"),
        [
            (r"a\u0062c", b"abc", [0, 1, 7]),
            (r"a&#98;\u0063", b"abc", [0, 1, 6]),
            (r"a\u200bb", b"ab", [0, 7]),
            (r"a:\n1\tb", b"a: \n1 \nb", list(range(8))),
            (r"\d \n- \u12 C:\x", rb"\d \n- \u12 C:\x", list(range(16))),
        ],
    )
    def test_an_escape_is_what_it_stands_for(self, text: str, data: bytes, starts: list[int]) -> None:
        normalised = normalise(text)
        assert (normalised.data, list(normalised.starts)) == (data, starts)

    @pytest.mark.parametrize("before", ["SSN:\n", "SSN\t", "SSN: "])
    def test_a_value_in_a_json_text_is_found_behind_an_escape(self, before: str) -> None:
        text = json.dumps({"text": f"{before}{_full_width(VALUES['us_ssn'])}"})
        findings = inspect(text)
        assert [finding.type for finding in findings] == ["us_ssn"]
        assert json.loads(redact(text, findings)) == {"text": f"{before}[US_SSN]"}

    def test_a_letter_with_an_accent_beyond_latin_1_is_the_letter(self) -> None:
        assert normalise("Dvo\u0159\u00e1k \u0141\u00f3d\u017a").data == b"Dvor\xe1k L\xf3dz"

    def test_an_empty_text_holds_nothing(self) -> None:
        assert inspect("") == ()
        assert redact("", ()) == ""

    @pytest.mark.parametrize(
        "unit", ["a", "1", " ", "\u200b", "\ud800", "-1", "a@", "1/1/20 ", "Dr. A", "http://", "[" * 3]
    )
    def test_a_long_repetition_is_read_to_its_end(self, unit: str) -> None:
        text = unit * (300_000 // len(unit)) + " 123-45-6789"
        assert inspect(text)[-1].type == "us_ssn"


class TestFindings:
    @given(_documents())
    def test_what_a_text_holds_is_found_where_it_stands(self, document: tuple[str, list[tuple[str, int, int]]]) -> None:
        text, held = document
        assert [(finding.type, finding.start, finding.end) for finding in inspect(text)] == held

    def test_a_finding_carries_no_value(self) -> None:
        finding = inspect("SSN 123-45-6789")[0]
        assert {field.name for field in fields(Finding)} == {
            "type",
            "category",
            "start",
            "end",
            "confidence",
            "detector",
            "value_hash",
        }
        assert "123-45" not in repr(finding)

    def test_a_rule_may_name_type_or_category(self) -> None:
        finding = Finding("us_ssn", "pii", 0, 1, 0.9, "x")
        assert matches(finding, {"pii"})
        assert matches(finding, {"us_ssn", "mnpi"})
        assert not matches(finding, {"phi", "us_itin"})
        assert not matches(finding, frozenset())

    def test_every_category_has_types_and_a_detector(self) -> None:
        found = frozenset[str]().union(*(load_detector(path).types for path in BUILTIN_DETECTORS))
        assert found == CATEGORY_OF.keys()
        assert {CATEGORY_OF[kind] for kind in found} == CATEGORIES

    def test_the_longest_of_overlapping_findings_stays(self) -> None:
        text = "see https://example.com/a?to=joe@example.org&x=1 now"
        assert [(finding.type, finding.start, finding.end) for finding in inspect(text)] == [("url", 4, 48)]


class TestUnderAPolicy:
    text = "Admitted March 5, 2024, SSN 123-45-6789, password: hunter2; attorney-client privileged; MNPI: none"

    def _types(self, policy: PolicyDocument) -> list[str]:
        return [finding.type for finding in inspect(self.text, policy)]

    def test_only_what_a_rule_names_is_reported(self) -> None:
        assert self._types(DEFAULT) == ["us_ssn", "password"]
        assert self._types(HIPAA) == ["date", "us_ssn", "password"]
        assert self._types(LEGAL) == ["password", "attorney_client"]
        assert self._types(SOX) == ["password", "inside_information"]

    def test_personal_data_and_health_identifiers_block_a_release_under_hipaa_only(self) -> None:
        for policy, expected in ((DEFAULT, False), (HIPAA, True), (SOX, False), (LEGAL, False)):
            blocked = [
                finding
                for finding in inspect("SSN 123-45-6789", policy)
                if matches(finding, policy.blocked_types("release"))
            ]
            assert bool(blocked) is expected

    def test_what_blocks_is_not_lost_to_a_longer_finding_that_does_not(self) -> None:
        document = HIPAA.model_dump(mode="json")
        document["content"] = [
            {"types": ["url"], "action": "flag"},
            {"types": ["email_address"], "action": "block"},
        ]
        text = "see https://example.com/a?to=joe@example.org&x=1 now"
        found = inspect(text, parse_policy(document))
        assert [finding.type for finding in found] == ["url", "email_address"]
        assert redact(text, found) == "see [URL] now"
        assert (
            redact(text, found, frozenset({"email_address"})) == "see https://example.com/a?to=[EMAIL_ADDRESS]&x=1 now"
        )


class TestRedaction:
    @given(_documents())
    def test_redacting_all_leaves_no_value_and_keeps_the_rest(
        self, document: tuple[str, list[tuple[str, int, int]]]
    ) -> None:
        text, held = document
        redacted = redact(text, inspect(text))
        expected, position = "", 0
        for kind, start, end in held:
            expected += text[position:start] + f"[{kind.upper()}]"
            position = end
        assert redacted == expected + text[position:]
        assert not any(VALUES[kind] in redacted for kind, _, _ in held)

    @given(_documents())
    def test_a_redacted_text_holds_nothing_more(self, document: tuple[str, list[tuple[str, int, int]]]) -> None:
        text, _ = document
        assert inspect(redact(text, inspect(text))) == ()

    @given(_documents(), st.sets(st.sampled_from(sorted(CATEGORIES))))
    def test_only_the_named_types_are_replaced(
        self, document: tuple[str, list[tuple[str, int, int]]], categories: set[str]
    ) -> None:
        text, held = document
        redacted = redact(text, inspect(text), frozenset(categories))
        for kind, start, end in held:
            assert (text[start:end] in redacted) is (CATEGORY_OF[kind] not in categories)

    @given(
        st.text(st.sampled_from("abc\ud800é "), max_size=30),
        st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=8),
    )
    def test_overlapping_findings_are_replaced_together(self, text: str, spans: list[tuple[int, int]]) -> None:
        findings = [
            Finding("us_ssn", "pii", start, min(start + length, len(text)), 0.9, "x")
            for start, length in spans
            if start < len(text)
        ]
        covered = {index for finding in findings for index in range(finding.start, finding.end)}
        kept = "".join(character for index, character in enumerate(text) if index not in covered)
        assert redact(text, findings).replace("[US_SSN]", "") == kept

    def test_a_label_keeps_its_place(self) -> None:
        text = "Patient: José\u0301 Smith; DOB: 01/02/1960."
        assert redact(text, inspect(text)) == "Patient: [PERSON_NAME]; DOB: [DATE_OF_BIRTH]."


def _full_width(value: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in value)


def _arabic_digits(value: str) -> str:
    return value.translate({ord("0") + digit: 0x660 + digit for digit in range(10)})


class TestEvasion:
    @pytest.mark.parametrize("kind", sorted(set(VALUES) - {"street_address"}))
    @pytest.mark.parametrize(
        "hide",
        [
            lambda value: "\u200b".join(value),
            lambda value: "\u00ad".join(value),
            lambda value: "\u2060\ufe0f".join(value),
            lambda value: "\x00".join(value),
            lambda value: "\U000e0041".join(value),
            lambda value: "\u0301".join(value),
            _full_width,
            lambda value: value.replace("-", "\u2011").replace(" ", "\u00a0"),
            lambda value: value.replace("e", "\u0435").replace("a", "\u0430").replace("o", "\u03bf"),
            lambda value: value.replace("i", "\u03b9").replace("o", "\u0585").replace("n", "\u0578"),
            lambda value: "".join(f"&#{ord(character)};" for character in value),
            lambda value: "".join(f"\\u{ord(character):04x}" for character in value),
            lambda value: value.replace("e", "&#x65;").replace(" ", "&nbsp;").replace("-", "&hyphen;"),
            _arabic_digits,
        ],
        ids=[
            "zero-width",
            "soft-hyphen",
            "joiner",
            "nul",
            "tag",
            "accent",
            "full-width",
            "hyphen-and-space",
            "look-alike",
            "armenian-and-greek",
            "references",
            "escapes",
            "named-references",
            "arabic-digits",
        ],
    )
    def test_a_hidden_value_is_found_and_taken_out_whole(self, kind: str, hide) -> None:  # type: ignore[no-untyped-def]
        hidden = hide(VALUES[kind])
        text = f"the value {hidden} | end"
        findings = inspect(text)
        assert [finding.type for finding in findings] == [kind]
        assert redact(text, findings).replace("\u0301", "") == f"the value [{kind.upper()}] | end"

    @settings(max_examples=50)
    @given(st.lists(st.integers(0, 11), max_size=20))
    def test_zero_width_characters_anywhere_hide_no_number(self, places: list[int]) -> None:
        hidden = list(VALUES["us_ssn"])
        for place in places:
            hidden.insert(min(place, len(hidden)), "\u200d")
        found = inspect(f"({''.join(hidden)})")
        assert [finding.type for finding in found] == ["us_ssn"]


class TestDetectorsByPath:
    def test_each_builtin_detector_keeps_the_interface(self) -> None:
        names = set()
        for path in BUILTIN_DETECTORS:
            detector = load_detector(path)
            assert isinstance(detector, Detector)
            assert all(span.type in detector.types for span in detector.find(normalise("Dr. A. Smith 123-45-6789")))
            names.add(detector.name)
        assert len(names) == len(BUILTIN_DETECTORS)

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "os.system",
            "subprocess.Popen",
            "compliance.policy.PolicyDocument",
            "compliance.inspection.detectors.nowhere.Detector",
            "compliance.inspection.detectors.contact.Nothing",
            "compliance.inspection.detectors.contact.Pattern",
            "compliance.inspection.detectors.contact.phonenumbers",
            "compliance.inspection.detectors.dates._Lines",
            "compliance.inspection.detectors..contact.EmailDetector",
            f"compliance.inspection.detectors{'.a' * 1000}.Detector",
            "compliance.inspection.detectors.\0.Detector",
            "compliance.inspection.detectors.contact.EmailDetector\n",
        ],
    )
    def test_a_path_to_anything_else_is_refused_by_name(self, path: str) -> None:
        with pytest.raises(UnknownDetector, match="detector"):
            load_detector(path)
