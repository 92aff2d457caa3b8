"""What is withheld from an export, wherever in a JSON text the policies would mask it."""

import json

import pytest

from tests.workflows.agents.fakes import make_policy
from workflows.redaction import TextExporter

NUMBER = "123-45-6789"
ESCAPED = "".join(f"\\u{ord(character):04x}" for character in NUMBER)
POLICY = make_policy(
    content=[{"types": ["us_ssn"], "action": "redact"}],
    detectors=["compliance.inspection.detectors.numbers.TaxpayerNumberDetector"],
)


def export(payload: object) -> str | None:
    exporter = TextExporter({"digest": json.dumps({"salt": "", "payload": payload})}, [POLICY])
    return exporter.export_payload("digest")


@pytest.mark.parametrize(
    "payload",
    [
        {"text": NUMBER},
        {NUMBER: None},
        {"number": 123456789, "text": [NUMBER]},
        {"arguments": json.dumps({"text": NUMBER})},
        {"arguments": f'{{"text": "{ESCAPED}", "text": "the second of that name"}}'},
        {"arguments": f'{{"text": "{ESCAPED}", "cut '},
    ],
    ids=["text", "name", "list", "JSON in JSON", "a member twice", "JSON that was cut off"],
)
def test_a_payload_that_holds_what_is_masked_is_withheld(payload: object) -> None:
    assert export(payload) is None


def test_a_payload_that_holds_nothing_of_it_is_exported_as_it_is() -> None:
    payload = {"arguments": json.dumps({"text": "The soup is ready."}), "count": 4711}
    assert json.loads(export(payload) or "")["payload"] == payload
