"""`/compliance/policies`: drafting, publishing, retiring and reading versions over the API."""

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from rest_framework.test import APIClient

from compliance.policies_in_force import find_policy
from compliance.policy import PolicyError, builtin_policies, parse_policy
from compliance.policy_text import render_policy_yaml

POLICIES = "/api/v1/compliance/policies"
ApiAs = Callable[[str], APIClient]


def make_document(**changes: Any) -> dict[str, Any]:
    sox = next(policy for policy in builtin_policies() if policy.name == "sox")
    return {**sox.model_dump(mode="json", exclude_unset=True), "name": "house_rules", "version": 1, **changes}


def draft(api: APIClient, **changes: Any) -> dict[str, Any]:
    response = api.post(POLICIES, {"document": make_document(**changes)})
    assert response.status_code == 201, response.json()
    assert response["Location"].endswith(response.json()["digest"])
    body: dict[str, Any] = response.json()
    return body


def test_a_policy_goes_from_draft_to_retirement(api_as: ApiAs) -> None:
    author, approver = api_as("policy_author"), api_as("approver")
    policy = draft(author)
    assert (policy["status"], policy["drafted_by"], policy["published_by"]) == ("draft", "the-policy_author", None)
    address = f"{POLICIES}/{policy['digest']}"

    published = approver.post(f"{address}/publish")
    assert (published.status_code, published.json()["status"]) == (200, "published")
    assert (policy["in_force"], published.json()["in_force"]) == (False, True)
    assert find_policy("house_rules").digest == policy["digest"]
    assert "house_rules" in [preset["key"] for preset in api_as("viewer").get("/api/v1/compliance/presets").json()]

    retired = approver.post(f"{address}/retire", {"reason": "Superseded"})
    assert (retired.status_code, retired.json()["status"]) == (200, "retired")
    assert retired.json()["retirement_reason"] == "Superseded"
    again = approver.post(f"{address}/retire", {"reason": "Superseded"})
    assert (again.status_code, again.json()["code"]) == (409, "policy_conflict")


def test_a_draft_may_be_written_in_yaml(api_as: ApiAs) -> None:
    text = render_policy_yaml(builtin_policies()[0]).replace("name: default", "name: mine")
    response = api_as("policy_author").post(POLICIES, {"yaml": text})
    assert response.status_code == 201
    assert response.json()["document"]["name"] == "mine"


def test_problems_are_named_with_path_and_line(api_as: ApiAs) -> None:
    author = api_as("policy_author")
    in_json = author.post(POLICIES, {"document": make_document(retention_days=0, surprise=1)})
    assert in_json.status_code == 400
    assert set(in_json.json()["errors"]) == {"document.retention_days", "document.surprise"}
    text = render_policy_yaml(builtin_policies()[0]).replace("retention_days: 365", "retention_days: soon")
    in_yaml = author.post(f"{POLICIES}/validate", {"yaml": text})
    assert in_yaml.status_code == 400
    [message] = in_yaml.json()["errors"]["yaml.retention_days"]
    assert message.startswith(f"Line {text.splitlines().index('retention_days: soon') + 1}: ")


@pytest.mark.parametrize("body", [{}, {"document": {}, "yaml": ""}, {"document": []}, {"yaml": 3}, {"policy": {}}])
def test_a_body_that_is_no_document_is_refused(api_as: ApiAs, body: dict[str, Any]) -> None:
    assert api_as("policy_author").post(POLICIES, body).status_code == 400


def test_whoever_may_not_is_told_so(api_as: ApiAs) -> None:
    author = api_as("policy_author")
    policy = draft(author)
    address = f"{POLICIES}/{policy['digest']}"
    assert api_as("approver").post(POLICIES, {"document": make_document(version=2)}).status_code == 403
    assert author.post(f"{address}/publish").status_code == 403
    assert api_as("admin").post(f"{address}/publish").status_code == 403
    assert api_as("admin").post(f"{address}/retire", {"reason": "No"}).status_code == 403


def test_a_draft_does_not_exist_for_those_who_do_not_work_on_policies(api_as: ApiAs) -> None:
    policy = draft(api_as("policy_author"))
    operator = api_as("operator")
    for method, path in (("get", ""), ("post", "/publish"), ("post", "/retire"), ("delete", "")):
        response = getattr(operator, method)(f"{POLICIES}/{policy['digest']}{path}")
        assert response.status_code == 404, (method, path)
    listed = operator.get(POLICIES, {"status": "draft"}).json()["results"]
    assert listed == []
    assert [row["digest"] for row in api_as("auditor").get(POLICIES, {"status": "draft"}).json()["results"]] == [
        policy["digest"]
    ]


def test_versions_are_found_by_name_alias_and_status(api_as: ApiAs) -> None:
    viewer = api_as("viewer")
    [found] = viewer.get(POLICIES, {"name": "legal"}).json()["results"]
    assert (found["name"], found["status"], found["published_by"]) == ("legal_privilege", "published", None)
    assert viewer.get(POLICIES, {"status": "nonsense"}).status_code == 400
    assert viewer.get(f"{POLICIES}/{'0' * 64}").status_code == 404


def test_the_difference_says_which_way_a_change_goes(api_as: ApiAs) -> None:
    author = api_as("policy_author")
    policy = draft(author, name="sox", version=9, retention_days=100)
    against = find_policy("sox").digest
    response = author.get(f"{POLICIES}/{policy['digest']}/diff", {"against": against})
    assert {"path": "retention_days", "before": 2555, "after": 100, "effect": "looser"} in response.json()["changes"]
    assert author.get(f"{POLICIES}/{policy['digest']}/diff", {"against": "\0"}).status_code == 400


def test_the_schema_describes_the_documents_to_anybody(anonymous: APIClient) -> None:
    schema = anonymous.get(f"{POLICIES}/schema").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    for policy in builtin_policies():
        jsonschema.validate(policy.model_dump(mode="json", exclude_unset=True), schema)
    pattern = {"type": "code", "category": "pii", "pattern": "TR-[0-9]{4}"}
    jsonschema.validate(make_document(patterns=[pattern]), schema)
    changes: list[dict[str, Any]] = [
        {"surprise": 1},
        {"aliases": ["house", "house"]},
        {"content": [{"types": ["phi", "phi"], "action": "block"}]},
        {"detectors": ["os.system"]},
        {"patterns": [{**pattern, "type": "us_ssn"}]},
        {"patterns": [{**pattern, "type": "phi"}]},
        {"patterns": [{**pattern, "pattern": ""}]},
    ]
    for change in changes:
        with pytest.raises(PolicyError):
            parse_policy(make_document(**change))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(make_document(**change), schema)


def test_a_list_takes_the_same_queries_however_long_it_is(
    api_as: ApiAs, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    author, auditor = api_as("policy_author"), api_as("auditor")
    for version in range(1, 6):
        draft(author, version=version)
    with django_assert_max_num_queries(6):
        assert len(auditor.get(POLICIES).json()["results"]) == 9
