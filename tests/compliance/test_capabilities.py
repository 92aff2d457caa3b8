"""The capability grammar and the grants that follow from it."""

from __future__ import annotations

import ast
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance import capabilities
from compliance.capabilities import (
    CapabilityError,
    Denial,
    covers,
    forbids,
    is_allowed,
    is_wildcard,
    overlaps,
    parse_capability,
    resolve,
)

# A small alphabet, so that generated lists do meet: equal, nested and disjoint capabilities all occur.
_segments = st.sampled_from(["database", "network", "read", "write", "a", "b"])


@st.composite
def _capability(draw: st.DrawFn, wildcards: bool = True) -> str:
    if wildcards and draw(st.integers(0, 9)) == 0:
        return "*"
    parts = draw(st.lists(_segments, min_size=1, max_size=3))
    last = draw(st.just("*") | _segments) if wildcards else draw(_segments)
    return ":".join([*parts, last])


_lists = st.lists(_capability(), max_size=6)
_roles = st.sampled_from(["intake", "worker", "reviewer", "release", "single_agent"])


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "segments"),
        [
            ("*", ("*",)),
            ("filesystem:read", ("filesystem", "read")),
            ("database:read:patient_data", ("database", "read", "patient_data")),
            ("network:smtp:send:external", ("network", "smtp", "send", "external")),
            ("document:*", ("document", "*")),
            ("document:read:v1.2-final:*", ("document", "read", "v1.2-final", "*")),
            ("a" * 64 + ":b", ("a" * 64, "b")),
        ],
    )
    def test_well_formed(self, text: str, segments: tuple[str, ...]) -> None:
        assert parse_capability(text) == segments

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "database",
            "a:b:c:d:e",
            "a:b:c:d:*",
            "Database:read",
            "database:",
            ":read",
            "database::read",
            "*:read",
            "database:*:patients",
            "database:re*",
            "**",
            "database:read ",
            "database:read\n",
            "database:lesen:grün",
            "database:\u0661",
            "a" * 65 + ":b",
        ],
    )
    def test_malformed_is_refused_by_name(self, text: str) -> None:
        with pytest.raises(CapabilityError) as refusal:
            parse_capability(text)
        assert repr(text)[:40] in str(refusal.value)

    def test_a_very_long_text_is_not_echoed_whole(self) -> None:
        with pytest.raises(CapabilityError) as refusal:
            parse_capability("x" * 100_000)
        assert len(str(refusal.value)) < 400

    @pytest.mark.parametrize("value", [None, 7, ["a:b"], b"a:b"])
    def test_what_is_no_text_is_refused(self, value: object) -> None:
        with pytest.raises(CapabilityError):
            parse_capability(value)  # type: ignore[arg-type]

    @pytest.mark.parametrize("broken", ["requested", "ceiling", "forbidden", "defaults"])
    def test_malformed_anywhere_in_a_resolution_is_refused(self, broken: str) -> None:
        lists: dict[str, list[str]] = {"requested": [], "ceiling": ["*"], "forbidden": [], "defaults": []}
        lists[broken] = ["Not A Capability"]
        requested = None if broken == "defaults" else lists["requested"]
        with pytest.raises(CapabilityError, match="Not A Capability"):
            resolve(requested, lists["ceiling"], lists["forbidden"], lists["defaults"], "worker")

    def test_one_string_is_not_taken_for_a_list(self) -> None:
        with pytest.raises(TypeError):
            resolve("*", ["*"], [], [], "worker")


class TestCovers:
    @pytest.mark.parametrize(
        ("grant", "capability", "expected"),
        [
            ("*", "database:read", True),
            ("*", "*", True),
            ("database:read", "database:read", True),
            ("database:read", "database:read:patients", False),
            ("database:read:*", "database:read:patients", True),
            ("database:read:*", "database:read:patients:names", True),
            ("database:read:*", "database:read:*", True),
            ("database:*", "database:read:*", True),
            ("database:read:*", "database:*", False),
            ("database:read:*", "database:read", False),
            ("database:read:*", "database:reader", False),
            ("database:read:a", "database:read:*", False),
            ("database:*", "*", False),
        ],
    )
    def test_a_final_star_covers_the_rest_and_nothing_else_does(
        self, grant: str, capability: str, expected: bool
    ) -> None:
        assert covers(grant, capability) is expected

    @pytest.mark.parametrize(
        ("prohibition", "capability", "expected"),
        [
            ("network:smtp", "network:smtp", True),
            ("network:smtp", "network:smtp:send:external", True),
            ("network:smtp", "network:smtp:*", True),
            ("network:smtp", "network:*", False),
            ("network:smtp", "network:smtpd", False),
            ("network:smtp:send", "network:smtp", False),
            ("network:*", "network:smtp", True),
            ("database:write:*", "database:write", True),
            ("*", "anything:at:all", True),
            ("*", "*", True),
            ("network:smtp", "*", False),
        ],
    )
    def test_a_prohibition_covers_everything_below_it(self, prohibition: str, capability: str, expected: bool) -> None:
        assert forbids(prohibition, capability) is expected


class TestResolve:
    ceiling = ("database:read:patient_data", "document:write:reports", "filesystem:read", "compute:*")
    forbidden = ("network:smtp:send:external", "compute:shell")
    defaults = ("database:read:patient_data", "document:write:reports")

    def _reason(self, permission: str, role: str = "worker", ceiling: tuple[str, ...] | None = None) -> str | None:
        grant = resolve([permission], ceiling or self.ceiling, self.forbidden, self.defaults, role)
        if grant.effective:
            assert grant == resolve(grant.effective, ceiling or self.ceiling, self.forbidden, (), role)
            return None
        return grant.denied[0].reason

    def test_none_asks_for_the_defaults(self) -> None:
        assert resolve(None, self.ceiling, self.forbidden, self.defaults, "worker").effective == self.defaults

    def test_an_empty_list_asks_for_nothing(self) -> None:
        grant = resolve([], ["*"], [], ["*"], "worker")
        assert (grant.effective, grant.denied) == ((), ())

    def test_defaults_pass_the_same_checks(self) -> None:
        grant = resolve(None, self.ceiling, self.forbidden, self.defaults, "reviewer")
        assert grant.effective == ("database:read:patient_data",)
        assert [(denial.permission, denial.reason) for denial in grant.denied] == [
            ("document:write:reports", "exceeds_role_allowance")
        ]

    @pytest.mark.parametrize(
        ("permission", "reason"),
        [
            ("filesystem:read", None),
            ("network:smtp:send:external", "forbidden_by_policy"),
            ("compute:shell:bash", "forbidden_by_policy"),
            ("compute:shell:*", "forbidden_by_policy"),
            ("network:smtp:*", "wildcard_denied"),
            ("compute:*", "wildcard_denied"),
            ("*", "wildcard_denied"),
            ("database:*", "exceeds_policy_ceiling"),
            ("database:read:*", "exceeds_policy_ceiling"),
            ("database:read", "exceeds_policy_ceiling"),
            ("network:http:get", "exceeds_policy_ceiling"),
            ("compute:python:*", None),
        ],
    )
    def test_each_denial_has_its_reason(self, permission: str, reason: str | None) -> None:
        assert self._reason(permission) == reason

    def test_a_bare_star_beyond_a_narrow_ceiling_exceeds_it(self) -> None:
        denied = resolve(["*"], ["database:read:a"], [], [], "worker").denied
        assert [denial.reason for denial in denied] == ["exceeds_policy_ceiling"]

    def test_a_bare_star_stays_granted_under_a_star_and_each_call_is_checked(self) -> None:
        grant = resolve(["*"], ["*"], self.forbidden, [], "worker")
        assert grant.effective == ("*",)
        assert is_allowed("database:write:anything", grant.effective, self.forbidden, "worker") is None
        refused = is_allowed("network:smtp:send:external", grant.effective, self.forbidden, "worker")
        assert refused is not None
        assert refused.reason == "forbidden_by_policy"

    def test_a_partial_wildcard_under_a_star_may_not_take_in_what_is_forbidden(self) -> None:
        assert self._reason("network:*", ceiling=("*",)) == "wildcard_denied"
        assert self._reason("database:*", ceiling=("*",)) is None

    @pytest.mark.parametrize(
        ("permission", "reason"),
        [
            ("database:read:x", None),
            ("database:read:*", None),
            ("database:*", "exceeds_role_allowance"),
            ("database:write:x", "exceeds_role_allowance"),
            ("database:reader", "exceeds_role_allowance"),
            ("document:write:read", "exceeds_role_allowance"),
            ("document:write:reports:read", "exceeds_role_allowance"),
            ("read:write:reports", "exceeds_role_allowance"),
            ("read:*", "exceeds_role_allowance"),
            ("*", None),
        ],
    )
    def test_a_reviewer_holds_only_what_reads(self, permission: str, reason: str | None) -> None:
        assert self._reason(permission, role="reviewer", ceiling=("*",)) == reason

    def test_a_reviewer_with_a_star_may_call_only_what_reads(self) -> None:
        assert is_allowed("document:read:reports", ["*"], [], "reviewer") is None
        refused = is_allowed("document:write:reports", ["*"], [], "reviewer")
        assert refused is not None
        assert refused.reason == "exceeds_role_allowance"

    @pytest.mark.parametrize("call", ["document:write:read", "read:write:x", "document:write:x:read"])
    def test_a_resource_that_is_called_read_makes_no_writing_reading(self, call: str) -> None:
        refused = is_allowed(call, ["*"], [], "reviewer")
        assert refused is not None
        assert refused.reason == "exceeds_role_allowance"

    def test_grant_and_denials_are_sorted_without_duplicates(self) -> None:
        asked = ["z:z", "filesystem:read", "a:a", "filesystem:read", "z:z", "document:write:reports"]
        grant = resolve(asked, self.ceiling, self.forbidden, [], "worker")
        assert grant.effective == ("document:write:reports", "filesystem:read")
        assert [denial.permission for denial in grant.denied] == ["a:a", "z:z"]


class TestIsAllowed:
    def test_a_call_outside_the_grant_is_not_granted(self) -> None:
        refused = is_allowed("database:read:b", ["database:read:a"], [], "worker")
        assert refused == Denial("database:read:b", "not_granted", "The grant of this execution does not cover it.")

    def test_nothing_is_allowed_under_an_empty_grant(self) -> None:
        assert is_allowed("database:read:b", [], [], "worker") is not None

    def test_a_call_for_a_wildcard_is_refused(self) -> None:
        refused = is_allowed("network:*", ["*"], [], "worker")
        assert refused is not None
        assert refused.reason == "wildcard_denied"

    def test_a_malformed_call_is_an_error_that_names_it(self) -> None:
        with pytest.raises(CapabilityError, match="DROP TABLE"):
            is_allowed("DROP TABLE", ["*"], [], "worker")


@given(_lists, _lists, _lists, _lists, _roles)
def test_the_grant_is_within_the_request_and_within_the_ceiling(
    requested: list[str], ceiling: list[str], forbidden: list[str], defaults: list[str], role: str
) -> None:
    grant = resolve(requested, ceiling, forbidden, defaults, role)
    assert set(grant.effective) <= set(requested)
    assert all(any(covers(entry, capability) for entry in ceiling) for capability in grant.effective)
    assert {denial.permission for denial in grant.denied} | set(grant.effective) == set(requested)
    assert not {denial.permission for denial in grant.denied} & set(grant.effective)


@given(st.none() | _lists, _lists, _lists, _lists, _roles, _capability(wildcards=False))
def test_what_is_forbidden_is_never_allowed_under_any_grant(
    requested: list[str] | None,
    ceiling: list[str],
    forbidden: list[str],
    defaults: list[str],
    role: str,
    call: str,
) -> None:
    grant = resolve(requested, ceiling, forbidden, defaults, role)
    barred = any(forbids(prohibition, call) for prohibition in forbidden)
    if barred:
        assert call not in grant.effective
        assert is_allowed(call, grant.effective, forbidden, role) is not None
        # Not even without the check at the call, unless what is held is the bare star.
        assert not any(covers(held, call) for held in grant.effective if held != "*")


@given(_lists, _lists, _lists, _capability(wildcards=False))
def test_a_reviewer_is_never_allowed_what_does_not_read(
    requested: list[str], ceiling: list[str], forbidden: list[str], call: str
) -> None:
    grant = resolve(requested, ceiling, forbidden, [], "reviewer")
    assert all(parse_capability(held)[1] == "read" for held in grant.effective if held != "*")
    if parse_capability(call)[1] != "read":
        assert is_allowed(call, grant.effective, forbidden, "reviewer") is not None


@given(_lists, _lists, _lists, _lists, _roles)
def test_adding_to_a_request_never_removes_from_the_grant(
    requested: list[str], added: list[str], ceiling: list[str], forbidden: list[str], role: str
) -> None:
    before = resolve(requested, ceiling, forbidden, [], role)
    after = resolve([*requested, *added], ceiling, forbidden, [], role)
    assert set(before.effective) <= set(after.effective)


@given(_lists, _lists, _lists, _roles)
def test_an_empty_request_gives_nothing(
    ceiling: list[str], forbidden: list[str], defaults: list[str], role: str
) -> None:
    assert resolve([], ceiling, forbidden, defaults, role).effective == ()


@given(_lists, _lists, _lists, _roles, st.randoms(use_true_random=False))
def test_order_does_not_matter(
    requested: list[str], ceiling: list[str], forbidden: list[str], role: str, shuffler: random.Random
) -> None:
    before = resolve(requested, ceiling, forbidden, [], role)
    for some in (requested, ceiling, forbidden):
        shuffler.shuffle(some)
    assert resolve(requested, ceiling, forbidden, [], role) == before


@given(_capability(), _capability(), _capability(wildcards=False))
def test_covering_and_forbidding_agree_with_what_they_stand_for(outer: str, inner: str, call: str) -> None:
    if covers(outer, inner) and covers(inner, call):
        assert covers(outer, call)
    if forbids(outer, inner) and covers(inner, call):
        assert forbids(outer, call)
    if covers(inner, call) and forbids(outer, call):
        assert overlaps(outer, inner)
    assert covers(inner, inner)
    assert forbids(inner, inner)


@given(st.text(max_size=300))
def test_parsing_is_total_and_undoes_nothing(text: str) -> None:
    try:
        segments = parse_capability(text)
    except CapabilityError:
        return
    assert ":".join(segments) == text
    assert is_wildcard(text) is (segments[-1] == "*")


def test_the_module_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(capabilities.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
