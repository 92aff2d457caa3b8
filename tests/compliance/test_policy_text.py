"""Policies as people read them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.policy import PolicyDocument, builtin_policies, load_policy_yaml, parse_policy
from compliance.policy_text import compare_policies, render_policy_yaml

BUILTIN = {policy.name: policy for policy in builtin_policies()}


def change(policy: PolicyDocument, **changes: Any) -> PolicyDocument:
    return parse_policy({**policy.model_dump(mode="json", exclude_unset=True), **changes})


@pytest.mark.parametrize("name", BUILTIN)
def test_yaml_gives_the_same_digest_when_it_is_read_again(name: str) -> None:
    assert load_policy_yaml(render_policy_yaml(BUILTIN[name])).digest == BUILTIN[name].digest


_WRITABLE = st.characters(exclude_categories=["Cc", "Cs"])


@given(st.text(_WRITABLE, min_size=1, max_size=120), st.text(_WRITABLE | st.sampled_from("\n\t"), min_size=1))
def test_any_words_survive_yaml(title: str, description: str) -> None:
    policy = change(BUILTIN["default"], title=title, description=description)
    assert load_policy_yaml(render_policy_yaml(policy)) == policy


def test_a_policy_does_not_differ_from_itself() -> None:
    assert compare_policies(BUILTIN["sox"], BUILTIN["sox"]) == ()


def test_order_in_a_list_is_no_difference() -> None:
    sox = BUILTIN["sox"]
    assert compare_policies(sox, change(sox, required_proofs=list(reversed(sox.required_proofs)))) == ()


@pytest.mark.parametrize(
    ("changes", "path", "effect"),
    [
        ({"retention_days": 1}, "retention_days", "looser"),
        ({"sign_offs": {"required": 2, "not_requester": True}}, "sign_offs.required", "stricter"),
        ({"sign_offs": {"required": 1, "not_requester": False}}, "sign_offs.not_requester", "looser"),
        ({"required_proofs": ["digest_bound"]}, "required_proofs", "looser"),
        ({"title": "Other"}, "title", ""),
    ],
)
def test_a_change_says_which_way_it_goes(changes: dict[str, Any], path: str, effect: str) -> None:
    found = compare_policies(BUILTIN["sox"], change(BUILTIN["sox"], **changes))
    assert {(entry.path, entry.effect) for entry in found} == {(path, effect)}


def test_more_in_the_ceiling_is_looser_and_more_forbidden_is_stricter() -> None:
    rules = BUILTIN["sox"].capabilities.model_dump(mode="json")
    wider = change(BUILTIN["sox"], capabilities={**rules, "ceiling": [*rules["ceiling"], "network:http:get"]})
    [found] = compare_policies(BUILTIN["sox"], wider)
    assert str(found) == "capabilities.ceiling: + network:http:get  (looser)"
    [back] = compare_policies(wider, BUILTIN["sox"])
    assert str(back) == "capabilities.ceiling: - network:http:get  (stricter)"
