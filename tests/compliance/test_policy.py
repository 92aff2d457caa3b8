"""Policy documents: the built-in ones, what is refused and where, and the digest."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from compliance.capabilities import resolve
from compliance.policy import (
    PROOFS,
    PolicyError,
    builtin_policies,
    parse_policy,
    parse_policy_bytes,
)
from compliance.strict_yaml import MAX_BYTES

BUILTIN = {policy.name: policy for policy in builtin_policies()}


def _document(name: str = "hipaa") -> dict[str, Any]:
    return copy.deepcopy(BUILTIN[name].model_dump(mode="json", exclude_unset=True))


def _changed(path: str, value: object) -> dict[str, Any]:
    document = _document()
    *parents, last = path.split(".")
    target: Any = document
    for part in parents:
        target = target[int(part)] if part.isdigit() else target[part]
    target[last] = value
    return document


def _paths(document: dict[str, Any]) -> list[str]:
    with pytest.raises(PolicyError) as refusal:
        parse_policy(document)
    return [problem.path for problem in refusal.value.problems]


class TestBuiltinPolicies:
    """The table "Built-in policies" of the API contract, line by line."""

    def test_there_are_four_and_legal_is_an_alias(self) -> None:
        assert list(BUILTIN) == ["default", "hipaa", "sox", "legal_privilege"]
        assert {name: policy.aliases for name, policy in BUILTIN.items() if policy.aliases} == {
            "legal_privilege": ("legal",)
        }

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("default", {"*"}),
            ("hipaa", {"database:read:patient_data", "document:write:reports", "filesystem:read"}),
            ("sox", {"database:read:financial_data", "document:write:reports"}),
            ("legal_privilege", {"document:read:legal_docs", "document:write:legal_docs"}),
        ],
    )
    def test_granted_when_none_asked(self, name: str, expected: set[str]) -> None:
        rules = BUILTIN[name].capabilities
        assert set(resolve(None, rules.ceiling, rules.forbidden, rules.default, "worker").effective) == expected

    @pytest.mark.parametrize(
        ("name", "beyond_the_default"),
        [
            ("default", set()),
            (
                "hipaa",
                {
                    "database:read:clinical_data",
                    "document:read:reports",
                    "filesystem:write:reports",
                    "compute:python:eval",
                },
            ),
            (
                "sox",
                {
                    "database:read:audit_logs",
                    "document:read:reports",
                    "document:read:financial_data",
                    "filesystem:read",
                    "compute:python:eval",
                },
            ),
            (
                "legal_privilege",
                {"document:read:case_files", "filesystem:read", "filesystem:write:legal_docs", "compute:python:eval"},
            ),
        ],
    )
    def test_ceiling(self, name: str, beyond_the_default: set[str]) -> None:
        rules = BUILTIN[name].capabilities
        assert set(rules.ceiling) == set(rules.default) | beyond_the_default

    @pytest.mark.parametrize(
        ("name", "forbidden", "sign_offs", "days"),
        [
            ("default", (), 0, 365),
            ("hipaa", ("network:smtp:send:external",), 0, 2190),
            ("sox", ("database:write:financial_data",), 1, 2555),
            ("legal_privilege", ("network:smtp:send:opposing_party",), 1, 3650),
        ],
    )
    def test_prohibitions_sign_offs_and_retention(
        self, name: str, forbidden: tuple[str, ...], sign_offs: int, days: int
    ) -> None:
        policy = BUILTIN[name]
        assert policy.capabilities.forbidden == forbidden
        assert (policy.sign_offs.required, policy.sign_offs.not_requester) == (sign_offs, True)
        assert policy.retention_days == days

    @pytest.mark.parametrize(
        ("name", "in_a_release", "in_any_stage", "redacted"),
        [
            ("default", {"secret"}, set(), {"secret"}),
            ("hipaa", {"phi", "pii", "secret"}, set(), {"phi", "pii", "secret"}),
            ("sox", {"mnpi", "secret"}, {"mnpi"}, {"secret"}),
            ("legal_privilege", {"privilege", "secret"}, set(), {"secret"}),
        ],
    )
    def test_content(self, name: str, in_a_release: set[str], in_any_stage: set[str], redacted: set[str]) -> None:
        policy = BUILTIN[name]
        assert policy.blocked_types("release") == in_a_release
        for role in ("intake", "reviewer", "worker", "single_agent"):
            assert policy.blocked_types(role) == in_any_stage
        assert policy.redacted_types == redacted

    def test_personal_data_is_flagged_by_default(self) -> None:
        assert [rule.types for rule in BUILTIN["default"].content if rule.action == "flag"] == [("pii",)]

    def test_each_explains_itself_and_asks_for_known_proofs(self) -> None:
        for policy in BUILTIN.values():
            assert len(policy.description) > 150
            assert "\n" not in policy.description
            assert set(policy.required_proofs) <= PROOFS
            assert ("sign_offs_complete" in policy.required_proofs) is (policy.sign_offs.required > 0)


class TestDigest:
    @pytest.mark.parametrize("name", list(BUILTIN))
    def test_survives_loading_from_the_canonical_bytes(self, name: str) -> None:
        policy = BUILTIN[name]
        again = parse_policy_bytes(policy.canonical_bytes())
        assert again == policy
        assert again.canonical_bytes() == policy.canonical_bytes()
        assert again.digest == policy.digest == hashlib.sha256(policy.canonical_bytes()).hexdigest()

    def test_does_not_depend_on_the_order_of_keys_or_on_spacing(self) -> None:
        reordered = dict(reversed(_document().items()))
        assert parse_policy(reordered).digest == BUILTIN["hipaa"].digest
        assert parse_policy_bytes(json.dumps(reordered, indent=4).encode()).digest == BUILTIN["hipaa"].digest

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("version", 3),
            ("retention_days", 2191),
            ("description", "Other."),
            ("sign_offs.not_requester", False),
            ("content.0.action", "block"),
            ("capabilities.forbidden", []),
        ],
    )
    def test_changes_with_any_change(self, path: str, value: object) -> None:
        assert parse_policy(_changed(path, value)).digest != BUILTIN["hipaa"].digest

    def test_holds_what_was_written_and_no_default(self) -> None:
        assert "aliases" not in json.loads(BUILTIN["hipaa"].canonical_bytes())
        assert json.loads(BUILTIN["legal_privilege"].canonical_bytes())["aliases"] == ["legal"]

    @given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=50), st.integers(1, 36500))
    def test_survives_any_text(self, title: str, days: int) -> None:
        policy = parse_policy({**_document(), "title": title, "retention_days": days})
        assert parse_policy_bytes(policy.canonical_bytes()).digest == policy.digest


class TestRefusals:
    @pytest.mark.parametrize("key", ["name", "version", "capabilities", "detectors", "sign_offs", "retention_days"])
    def test_a_missing_key_is_named(self, key: str) -> None:
        document = _document()
        del document[key]
        assert _paths(document) == [key]

    @pytest.mark.parametrize("path", ["extra", "capabilities.allow", "sign_offs.count", "content.0.when"])
    def test_an_unknown_key_is_named_where_it_stands(self, path: str) -> None:
        assert _paths(_changed(path, 1)) == [path]

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("name", "HIPAA"),
            ("name", "-"),
            ("version", 0),
            ("version", "1"),
            ("version", True),
            ("version", 1.0),
            ("title", ""),
            ("title", 7),
            ("description", ""),
            ("retention_days", 0),
            ("retention_days", 1_000_000),
            ("sign_offs.required", -1),
            ("sign_offs.not_requester", "yes"),
            ("content.1.action", "delete"),
            ("content.0.types", []),
            ("aliases", ["hipaa"]),
        ],
    )
    def test_a_value_out_of_range_is_named_where_it_stands(self, path: str, value: object) -> None:
        assert _paths(_changed(path, value)) == [path]

    @pytest.mark.parametrize(
        ("path", "value", "where"),
        [
            ("content.0.types", ["phi", "phonenumber"], "content.0.types.1"),
            ("detectors", ["compliance.inspection.detectors.contact.NoDetector"], "detectors.0"),
            ("detectors", ["os.system"], "detectors.0"),
            ("required_proofs", ["lineage_verified", "honest"], "required_proofs.1"),
            ("capabilities.ceiling", ["Database:Read"], "capabilities.ceiling.0"),
            ("capabilities.default", ["*:read"], "capabilities.default.0"),
            ("capabilities.forbidden", ["a"], "capabilities.forbidden.0"),
        ],
    )
    def test_an_unknown_name_is_named_where_it_stands(self, path: str, value: object, where: str) -> None:
        assert _paths(_changed(path, value)) == [where]

    def test_a_doubled_entry_is_refused(self) -> None:
        assert _paths(_changed("required_proofs", ["digest_bound", "digest_bound"])) == ["required_proofs"]

    @pytest.mark.parametrize(
        "entry", ["network:smtp:send:external", "network:smtp:send:*", "network:*", "network:smtp:*"]
    )
    def test_a_ceiling_that_grants_what_is_forbidden_is_refused(self, entry: str) -> None:
        document = _document()
        document["capabilities"]["ceiling"].append(entry)
        assert _paths(document) == ["capabilities.ceiling.7"]

    def test_a_default_that_grants_what_is_forbidden_is_refused(self) -> None:
        document = _document()
        document["capabilities"]["default"].append("network:smtp:send:external")
        assert _paths(document) == ["capabilities.default.3"]

    def test_a_bare_star_may_be_a_ceiling_beside_prohibitions(self) -> None:
        policy = parse_policy(_changed("capabilities.ceiling", ["*"]))
        assert policy.capabilities.forbidden == ("network:smtp:send:external",)

    def test_a_rule_that_no_detector_serves_is_refused(self) -> None:
        assert _paths(_changed("content.0.types", ["phi", "mnpi"])) == ["content.0.types.1"]

    @pytest.mark.parametrize(
        ("pattern", "where"),
        [
            ({"type": "badge", "category": "pii", "pattern": "(a+)+$"}, "patterns.0.pattern"),
            ({"type": "badge", "category": "staff", "pattern": "B[0-9]{4}"}, "patterns.0.category"),
            ({"type": "us_ssn", "category": "pii", "pattern": "B[0-9]{4}"}, "patterns.0.type"),
            ({"type": "Badge No", "category": "pii", "pattern": "B[0-9]{4}"}, "patterns.0.type"),
        ],
    )
    def test_an_unusable_pattern_is_named_where_it_stands(self, pattern: dict[str, str], where: str) -> None:
        assert _paths(_changed("patterns", [pattern])) == [where]

    def test_patterns_that_are_slow_together_are_refused(self) -> None:
        patterns = [
            {"type": f"code_{number}", "category": "pii", "pattern": f"A{number}[A-Z]{{120}}"} for number in range(6)
        ]
        assert _paths(_changed("patterns", patterns)) == ["patterns"]

    def test_a_type_of_its_own_may_have_rules(self) -> None:
        document = _changed("patterns", [{"type": "badge", "category": "mnpi", "pattern": "B[0-9]{4}"}])
        document["content"].append({"types": ["badge"], "action": "block_model_call"})
        assert parse_policy(document).content[-1].types == ("badge",)

    def test_all_problems_are_told_at_once(self) -> None:
        document = _changed("version", 0)
        document["surplus"] = 1
        del document["title"]
        assert sorted(_paths(document)) == ["surplus", "title", "version"]

    def test_the_message_says_where_and_what(self) -> None:
        with pytest.raises(
            PolicyError, match=r"^content\.0\.types\.0: 'phone' is no finding type or category; there are "
        ):
            parse_policy(_changed("content.0.types", ["phone"]))

    def test_a_value_is_not_echoed_at_length(self) -> None:
        with pytest.raises(PolicyError) as refusal:
            parse_policy(_changed("name", "x" * 10_000))
        assert len(str(refusal.value)) < 500

    @pytest.mark.parametrize("document", [[], "hipaa", 7, None])
    def test_what_is_no_mapping_is_refused(self, document: Any) -> None:
        with pytest.raises(PolicyError, match="mapping"):
            parse_policy(document)

    @pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x85"])
    @pytest.mark.parametrize("member", ["title", "description"])
    def test_a_control_character_is_refused(self, member: str, character: str) -> None:
        assert _paths(_changed(member, f"a{character}b")) == [member]

    def test_a_description_may_have_lines_and_a_title_may_not(self) -> None:
        assert parse_policy(_changed("description", "a\n\tb")).description == "a\n\tb"
        assert _paths(_changed("title", "a\nb")) == ["title"]

    def test_half_of_a_surrogate_pair_is_refused(self) -> None:
        with pytest.raises(PolicyError):
            parse_policy(_changed("title", "\ud800"))

    @pytest.mark.parametrize(
        "canonical",
        [b"", b"{", b"\xff", b"[" * 100_000, b'{"name": 1, "name": 2}', b" " * (MAX_BYTES + 1), b"NaN"],
    )
    def test_bytes_that_are_no_document_are_refused(self, canonical: bytes) -> None:
        with pytest.raises(PolicyError):
            parse_policy_bytes(canonical)

    def test_a_document_cannot_be_changed(self) -> None:
        policy: Any = BUILTIN["hipaa"]
        with pytest.raises(ValidationError):
            policy.version = 9
