"""`manage.py inspect`: an officer tries a policy on a document, without a database."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from compliance import policy_references
from compliance.policy import builtin_policies

HIPAA = next(policy for policy in builtin_policies() if policy.name == "hipaa")
TEXT = "Patient: Jane Miller, SSN 123-45-6789.\n"


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(reference: str) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(policy_references, "_find_stored", fail)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "document.txt"
    path.write_bytes(TEXT.encode())
    return path


def run(*arguments: str | Path) -> str:
    output = io.StringIO()
    call_command("inspect", *map(str, arguments), stdout=output)
    return output.getvalue()


def run_lines(monkeypatch: pytest.MonkeyPatch, content: bytes, output: io.StringIO | None = None) -> list[Any]:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    output = io.StringIO() if output is None else output
    call_command("inspect", "-", "--policy", "hipaa", "--jsonl", stdout=output)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_what_is_found_is_told_by_type_and_place_and_what_follows_and_never_by_value(document: Path) -> None:
    written = run(document, "--policy", "hipaa")
    result = json.loads(written)
    assert result["policy"] == {"name": "hipaa", "version": HIPAA.version, "digest": HIPAA.digest}
    assert result["ner"] in ("ran", "not_installed")
    assert result["characters"] == len(TEXT)
    number = next(finding for finding in result["findings"] if finding["type"] == "us_ssn")
    assert TEXT[number["start"] : number["end"]] == "123-45-6789"
    assert number["category"] == "pii"
    assert number["actions"] == ["redact", "block_release"]
    assert set(number) >= {"confidence", "detector"}
    assert len(number["value_hash"]) == 64
    assert "123-45" not in written
    assert "Jane" not in written


def test_the_default_policy_is_taken_where_none_is_named(document: Path) -> None:
    assert json.loads(run(document))["policy"]["name"] == "default"


def test_a_draft_is_tried_from_its_file(document: Path, tmp_path: Path) -> None:
    draft = HIPAA.model_dump(mode="json", exclude_unset=True)
    draft |= {
        "name": "draft",
        "patterns": [{"type": "colon", "category": "phi", "pattern": "Patient:"}],
        "content": [{"types": ["colon"], "action": "flag"}],
    }
    path = tmp_path / "draft.yaml"
    path.write_text(json.dumps(draft))
    result = json.loads(run(document, "--policy", path))
    assert [(found["type"], found["detector"], found["actions"]) for found in result["findings"]] == [
        ("colon", "pattern", ["flag"])
    ]


def test_lines_are_answered_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["no thing", "", "SSN 123-45-6789", "\ud800 漢字 SSN １２３-４５-６７８９", "x" * 70_000]
    content = "".join(json.dumps({"text": text, "id": 7}) + "\n" for text in texts).encode()
    results = run_lines(monkeypatch, content)
    assert [[found["type"] for found in result["findings"]] for result in results] == [
        [],
        [],
        ["us_ssn"],
        ["us_ssn"],
        [],
    ]
    assert all(set(result) == {"ner", "findings"} for result in results)
    (wide,) = results[3]["findings"]
    assert texts[3][wide["start"] : wide["end"]] == "１２３-４５-６７８９"
    assert wide["value_hash"] == results[2]["findings"][0]["value_hash"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"\n", "line 2 is not JSON"),
        (b"{\n", "line 2 is not JSON"),
        (b"[" * 100_000, "line 2 is not JSON"),
        (b"9" * 10_000, "line 2 is not JSON"),
        (b"[]\n", 'line 2 is no object with a "text"'),
        (b"{}\n", 'line 2 is no object with a "text"'),
        (b'{"text": 1}\n', 'line 2 is no object with a "text"'),
        (b'{"text": "\xff"}\n', r"line 2 is not UTF-8 \(byte 11 of it\)"),
    ],
)
def test_a_line_that_is_none_is_named_and_those_before_it_are_answered(
    monkeypatch: pytest.MonkeyPatch, line: bytes, message: str
) -> None:
    output = io.StringIO()
    with pytest.raises(CommandError, match=message):
        run_lines(monkeypatch, b'\xef\xbb\xbf{"text": "a"}\n' + line + b'{"text": "b"}\n', output)
    assert len(output.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "characters", "undecodable"),
    [
        (b"", 0, 0),
        (bytes(range(256)), 256, 128),
        ("漢 \ufffd".encode(), 3, 0),
        ("漢字".encode("utf-16"), 2, 0),
        (b"\x00\xff\xfe\x00 SSN 123-45-6789", 20, 2),
    ],
)
def test_any_file_is_inspected_as_the_text_it_decodes_to(
    tmp_path: Path, content: bytes, characters: int, undecodable: int
) -> None:
    path = tmp_path / "any"
    path.write_bytes(content)
    result = json.loads(run(path))
    assert (result["characters"], result["undecodable"]) == (characters, undecodable)
    assert [found["start"] for found in result["findings"]] == ([9] if b"SSN" in content else [])


def test_what_cannot_be_read_or_is_no_policy_is_said(document: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\nspeed: 1\n")
    for arguments, message in (
        ((tmp_path / "nowhere",), "nowhere cannot be read: No such file"),
        ((tmp_path,), "cannot be read: Is a directory"),
        ((document, "--policy", "nothing"), "no policy named nothing"),
        ((document, "--policy", tmp_path / "nowhere"), "cannot be read: No such file"),
        ((document, "--policy", broken), "line 2: speed: no such key"),
        (("-", "--policy", "-"), "both"),
    ):
        with pytest.raises(CommandError, match=message):
            run(*arguments)
