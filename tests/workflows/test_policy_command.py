"""`manage.py policy`: what it prints, what it refuses, and that it obeys the rules of the other two entrances."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError

from compliance.api_keys import issue_api_key
from compliance.policies_in_force import find_policy
from compliance.policy import builtin_policies
from compliance.policy_text import render_policy_yaml
from tests.people import make_person

HIPAA = next(policy for policy in builtin_policies() if policy.name == "hipaa")


def run(*arguments: object) -> str:
    output = io.StringIO()
    call_command("policy", *map(str, arguments), stdout=output)
    return output.getvalue()


@pytest.fixture
def house_rules(tmp_path: Path) -> Path:
    path = tmp_path / "house_rules.yaml"
    path.write_text(render_policy_yaml(HIPAA).replace("name: hipaa", "name: house_rules").replace(" 2190", " 2191"))
    return path


def act_as(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_API_KEY", issue_api_key(person, "test")[1])


def test_a_sound_document_is_valid(house_rules: Path) -> None:
    assert run("validate", house_rules).startswith("valid: house_rules v2 ")


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("sign_offs:", "surprise: 1\nsign_offs:", r"line \d+: surprise: no such key"),
        ("detectors.dates.DateDetector", "detectors.dates.Nothing", r"line \d+: detectors\.\d+: .*no class Nothing"),
        ("- compute:python:eval", "- network:smtp:*", r"line \d+: capabilities\.ceiling\.\d+: .* is forbidden"),
        ("version: 2", "version: &v 2", "line 2: anchors and aliases are not allowed"),
        (
            "detectors:",
            "patterns:\n- {type: badge, category: pii, pattern: '(a+)+$'}\ndetectors:",
            r"line \d+: patterns\.0\.pattern: a repeat inside a repeat",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(house_rules: Path, before: str, after: str, problem: str) -> None:
    text = house_rules.read_text()
    assert before in text
    house_rules.write_text(text.replace(before, after))
    with pytest.raises(CommandError, match=problem):
        run("validate", house_rules)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: &a [x, x]\n" + b"b: [*a, *a, *a, *a]\n" * 250_000, "line 1: anchors and aliases"),
        (b"# padding\n" * 500_000, "line 26215: the text is over 262144 bytes"),
        (b"\xff\xfe\x00", "line 1: the text is not UTF-8"),
        (b"name: x\ntitle: Caf\xe9\n", "line 2: the text is not UTF-8"),
        ("# é".encode() * 200_000, "line 1: the text is over 262144 bytes"),
        (b"", "the text is empty"),
    ],
    ids=["5 MB of aliases", "5 MB of comments", "binary", "Latin-1", "cut within a character", "empty"],
)
def test_a_hostile_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=problem):
        run("validate", path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing\.yaml: No such file"):
        run("validate", tmp_path / "missing.yaml")


@pytest.mark.parametrize("date", ["soon", "", "0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    with pytest.raises(CommandError, match="--since"):
        run("replay", "hipaa", "--since", date)


def test_a_database_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("workflows.management.commands.policy.list_policy_versions", fail)
    with pytest.raises(CommandError, match=r"the database does not serve this.*connection refused"):
        run("list")


@pytest.mark.django_db
def test_the_difference_is_printed_and_ends_with_status_1(
    house_rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        call_command("policy", "diff", "hipaa", str(house_rules))
    assert end.value.code == 1
    assert capsys.readouterr().out == "name: hipaa -> house_rules\nretention_days: 2190 -> 2191  (stricter)\n"
    assert run("diff", "hipaa", "hipaa@2") == ""


@pytest.mark.django_db
@pytest.mark.parametrize("reference", ["hipaa@99", "hipaa@x", "0123456789abcdef", "nonsense"])
def test_an_unknown_policy_is_named(reference: str) -> None:
    with pytest.raises(CommandError, match=reference[:5]):
        run("export", reference)


@pytest.mark.django_db
def test_a_replay_starts_at_an_hour_of_any_time_zone() -> None:
    assert "ended from 2026-11-24T22:30:00+00:00 on:" in run("replay", "hipaa", "--since", "2026-11-25T04:00+05:30")
    with pytest.raises(CommandError, match="is no date"):
        run("replay", "hipaa", "--since", "0001-01-01T00:00+14:00")


@pytest.mark.django_db
def test_an_exported_policy_reads_back_as_the_same(tmp_path: Path) -> None:
    path = tmp_path / "sox.yaml"
    run("export", "sox", "--output", path)
    assert run("validate", path).split()[-1] == find_policy("sox").digest
    canonical = run("export", "legal", "--format", "json")
    assert canonical.encode() == next(p for p in builtin_policies() if "legal" in p.aliases).canonical_bytes()


@pytest.mark.django_db
def test_two_persons_bring_a_policy_into_force(house_rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    author, approver = make_person("author", "policy_author", "approver"), make_person("approver", "approver")
    with pytest.raises(CommandError, match="draft it first"):
        run("publish", house_rules)
    act_as(author, monkeypatch)
    digest = run("draft", house_rules).split()[-1]
    with pytest.raises(CommandError, match="second person"):
        run("publish", digest)
    act_as(approver, monkeypatch)
    assert run("publish", house_rules) == f"published: house_rules v2 {digest}\n"
    assert find_policy("house_rules").digest == digest
    assert re.search(f"v2 +in force +{digest}", run("list"))
    assert run("retire", digest[:16], "--reason", "A trial").startswith("retired: house_rules v2")


@pytest.mark.django_db
@pytest.mark.parametrize(("key", "problem"), [(None, "is not set"), ("cs_made_up", "no key that serves")])
def test_nobody_acts_without_a_key(house_rules: Path, monkeypatch: pytest.MonkeyPatch, key: Any, problem: str) -> None:
    monkeypatch.delenv("COUNTERSIGN_API_KEY", raising=False)
    if key:
        monkeypatch.setenv("COUNTERSIGN_API_KEY", key)
    with pytest.raises(CommandError, match=problem):
        run("draft", house_rules)
