"""`POST /workflows`: what is taken, what is refused, and with which words."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from workflows.models import Stage, Workflow

URL = "/api/v1/workflows"
PROVIDER_KEY = "canary-provider-key-0001"


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "Notice", "stages": [stage()], **changes}


def stage(**changes: Any) -> dict[str, Any]:
    return {"name": "Draft", "task": "Rewrite it.", "provider": "embedded", **changes}


def review_and_release() -> list[dict[str, Any]]:
    return [
        stage(id="review", stage_role="reviewer", document="The cafeteria opens at eight."),
        stage(id="release", stage_role="release", upstream_stage_ids=["review"]),
    ]


def refused_at(client: APIClient, sent: Any, path: str, status: int = 400) -> str:
    """Post, expect the refusal to name `path`, and return its messages in one line."""
    response = client.post(URL, sent, format="json")
    assert response.status_code == status, response.content
    errors = response.json()["errors"]
    assert path in errors, errors
    assert not Workflow.objects.exists()
    return " ".join(errors[path])


def test_the_defaults_are_those_of_the_contract(alice_api: APIClient) -> None:
    response = alice_api.post(URL, body(), format="json")

    assert response.status_code == 201, response.content
    record = response.json()
    assert response["Location"] == f"{URL}/{record['id']}"
    assert (record["status"], record["mode"], record["description"]) == ("queued", "sequential", "")
    assert (record["stage_count"], record["completed_stage_count"], record["current_stage_index"]) == (1, 0, 0)
    assert (record["error"], record["reason"], record["verdict"], record["completed_at"]) == (None, None, None, None)
    (made,) = record["stages"]
    assert made["id"]
    assert (made["budget_cents"], made["stage_role"], made["compliance_policy"]) == (1500, "worker", "default")
    assert (made["permissions"], made["granted_permissions"], made["denied_permissions"]) == (None, ["*"], [])
    assert (made["status"], made["verdict"], made["output_summary"], made["cost_cents"]) == ("pending", None, None, 0)
    assert (made["document"], made["upstream_stage_ids"], made["model"]) == (None, [], None)
    assert made["execution_id"] is not None


def test_what_was_asked_for_comes_back_as_it_was_given(alice_api: APIClient) -> None:
    asked = stage(
        id=" intake 1 ",
        name="  Café ☕  ",
        task="Do this.\n\n<b>text</b>  ",
        document="\n A document. \t",
        compliance_policy="hipaa",
        budget_cents=100,
        stage_role="intake",
        model="any",
        permissions=["filesystem:read"],
    )
    record = alice_api.post(URL, body(name=" N ", description=" d ", stages=[asked]), format="json").json()

    assert (record["name"], record["description"]) == (" N ", " d ")
    assert {name: record["stages"][0][name] for name in asked} == asked
    assert alice_api.get(f"{URL}/{record['id']}").json() == record


def test_the_alias_of_a_policy_resolves_to_its_own_name(alice_api: APIClient) -> None:
    record = alice_api.post(URL, body(stages=[stage(compliance_policy="legal")]), format="json").json()
    assert record["stages"][0]["compliance_policy"] == "legal_privilege"


@pytest.mark.parametrize("name", ["id", "model", "document", "permissions", "api_key"])
def test_null_is_taken_as_absent(alice_api: APIClient, name: str) -> None:
    assert alice_api.post(URL, body(stages=[stage(**{name: None})]), format="json").status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", ""),
        ("name", " \t\n"),
        ("name", "x" * 161),
        ("name", 5),
        ("name", True),
        ("name", ["Notice"]),
        ("name", {"a": 1}),
        ("description", "x" * 401),
        ("description", 1),
        ("stages", None),
        ("stages", []),
        ("stages", {}),
        ("stages", "stages"),
        ("mode", "sideways"),
        ("mode", 1),
        ("mode", None),
        ("webhook_url", "https://example.test/hook"),
        ("webhook_url", ""),
        ("webhook_url", 1),
        ("owner", "bob"),
        ("status", "completed"),
        ("id", "5b0e1d7e-0000-0000-0000-000000000000"),
    ],
)
def test_a_bad_field_of_the_workflow_is_named(alice_api: APIClient, field: str, value: Any) -> None:
    refused_at(alice_api, body(**{field: value}), field)


@pytest.mark.parametrize("field", ["name", "stages"])
def test_a_missing_field_of_the_workflow_is_named(alice_api: APIClient, field: str) -> None:
    sent = body()
    del sent[field]
    refused_at(alice_api, sent, field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", " "),
        ("id", 1),
        ("id", "x" * 121),
        ("name", ""),
        ("name", "x" * 121),
        ("name", 3.5),
        ("task", ""),
        ("task", " \n "),
        ("task", None),
        ("task", ["a"]),
        ("task", "x" * 100_001),
        ("compliance_policy", "gdpr"),
        ("compliance_policy", ""),
        ("compliance_policy", None),
        ("compliance_policy", 1),
        ("budget_cents", "1500"),
        ("budget_cents", True),
        ("budget_cents", 1.5),
        ("budget_cents", 1500.0),
        ("budget_cents", 99),
        ("budget_cents", 1_000_001),
        ("budget_cents", -1),
        ("budget_cents", None),
        ("budget_cents", 10**400),
        ("stage_role", "single_agent"),
        ("stage_role", "Reviewer"),
        ("stage_role", None),
        ("stage_role", ["worker"]),
        ("provider", "azure"),
        ("provider", 1),
        ("model", 1),
        ("model", "x" * 121),
        ("api_key", "short"),
        ("api_key", "x" * 401),
        ("api_key", "with a space"),
        ("api_key", "line\nbreak-key"),
        ("api_key", 12345678),
        ("permissions", "filesystem:read"),
        ("permissions", {}),
        ("permissions", ["a:b"] * 101),
        ("upstream_stage_ids", None),
        ("upstream_stage_ids", "review"),
        ("upstream_stage_ids", ["nowhere"]),
        ("document", ""),
        ("document", 7),
        ("upstream_stage_id", "review"),
        ("uid", "1"),
        ("verdict", "compliant"),
    ],
)
def test_a_bad_field_of_a_stage_is_named_with_its_place(alice_api: APIClient, field: str, value: Any) -> None:
    stages = [stage(id="first"), stage(**{"id": "second", field: value})]
    refused_at(alice_api, body(stages=stages), f"stages.1.{field}")


@pytest.mark.parametrize("field", ["name", "task"])
def test_a_missing_field_of_a_stage_is_named(alice_api: APIClient, field: str) -> None:
    sent = stage()
    del sent[field]
    refused_at(alice_api, body(stages=[sent]), f"stages.0.{field}")


@pytest.mark.parametrize("value", [None, 1, "stage", ["stage"]])
def test_a_stage_that_is_no_object_is_named(alice_api: APIClient, value: Any) -> None:
    refused_at(alice_api, body(stages=[stage(), value]), "stages.1")


@pytest.mark.parametrize("entry", [1, None, "", "x" * 201, ["a:b"]])
def test_a_bad_permission_is_named_with_its_place(alice_api: APIClient, entry: Any) -> None:
    refused_at(alice_api, body(stages=[stage(permissions=["a:b", entry])]), "stages.0.permissions.1")


@pytest.mark.parametrize("text", ["nocolon", "a:b:c:d:e", "a::b", "*:read"])
def test_a_malformed_capability_is_refused(alice_api: APIClient, text: str) -> None:
    refused_at(alice_api, body(stages=[stage(permissions=[text])]), "stages.0.permissions")


def test_a_misspelt_field_is_refused_with_the_name_it_may_have_meant(alice_api: APIClient) -> None:
    stages = review_and_release()
    stages[1]["upstream_stage_id"] = "review"
    assert "`upstream_stage_ids`" in refused_at(alice_api, body(stages=stages), "stages.1.upstream_stage_id")


def test_thirteen_stages_are_too_many_and_twelve_are_not(alice_api: APIClient) -> None:
    refused_at(alice_api, body(stages=[stage()] * 13), "stages")
    assert alice_api.post(URL, body(stages=[stage()] * 12), format="json").status_code == 201


@pytest.mark.parametrize(
    ("upstream", "words"), [("later", "later stage"), ("middle", "itself"), ("nowhere", "No stage has")]
)
def test_an_upstream_that_cannot_be_is_refused_and_said_why(alice_api: APIClient, upstream: str, words: str) -> None:
    stages = [stage(id="first"), stage(id="middle", upstream_stage_ids=[upstream]), stage(id="later")]
    assert words in refused_at(alice_api, body(stages=stages), "stages.1.upstream_stage_ids")


def test_two_stages_with_one_id_are_refused(alice_api: APIClient) -> None:
    refused_at(alice_api, body(stages=[stage(id="a"), stage(id="a")]), "stages.1.id")


@pytest.mark.parametrize("upstream", [[], ["worker"]])
def test_a_release_that_names_no_reviewer_is_refused(alice_api: APIClient, upstream: list[str]) -> None:
    stages = [stage(id="worker"), stage(stage_role="release", upstream_stage_ids=upstream)]
    assert "reviewer" in refused_at(alice_api, body(stages=stages), "stages.1.upstream_stage_ids")


def test_a_release_takes_no_document_and_a_reviewer_with_upstreams_none_either(alice_api: APIClient) -> None:
    stages = review_and_release()
    stages[1]["document"] = "Another text."
    refused_at(alice_api, body(stages=stages), "stages.1.document")
    stages = [stage(id="w"), stage(stage_role="reviewer", upstream_stage_ids=["w"], document="Text.")]
    refused_at(alice_api, body(stages=stages), "stages.1.document")


def test_permissions_are_cut_down_to_the_ceiling(alice_api: APIClient) -> None:
    asked = ["filesystem:read", "network:smtp:send:external"]
    sent = body(stages=[stage(compliance_policy="hipaa", permissions=asked)])
    (made,) = alice_api.post(URL, sent, format="json").json()["stages"]
    assert (made["permissions"], made["granted_permissions"]) == (asked, ["filesystem:read"])
    assert [denial["permission"] for denial in made["denied_permissions"]] == ["network:smtp:send:external"]


def test_no_permissions_asked_for_is_a_stage_without_tools(alice_api: APIClient) -> None:
    (made,) = alice_api.post(URL, body(stages=[stage(permissions=[])]), format="json").json()["stages"]
    assert (made["permissions"], made["granted_permissions"]) == ([], [])


def test_a_stage_whose_permissions_all_fall_outside_is_refused_with_each_reason(alice_api: APIClient) -> None:
    asked = ["network:smtp:send:external", "database:write:patient_data"]
    response = alice_api.post(URL, body(stages=[stage(compliance_policy="hipaa", permissions=asked)]), format="json")

    assert response.status_code == 403
    refusal = response.json()["detail"]
    assert "stages.0" in refusal["message"]
    assert {denial["permission"] for denial in refusal["denied"]} == set(asked)
    assert all(denial["reason"] and denial["detail"] for denial in refusal["denied"])
    assert not Workflow.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "auditor", "approver", "policy_author"])
def test_those_who_may_not_create_are_told_so_whatever_they_send(api_as: Callable[[str], APIClient], role: str) -> None:
    for sent in (body(), {"nonsense": 1}):
        response = api_as(role).post(URL, sent, format="json")
        assert response.status_code == 403, response.content
        assert "operator" in response.json()["detail"]


def test_an_admin_creates_too(api_as: Callable[[str], APIClient]) -> None:
    assert api_as("admin").post(URL, body(), format="json").status_code == 201


def test_without_a_key_nothing_is_created(anonymous: APIClient, db: None) -> None:
    response = anonymous.post(URL, body(), format="json")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert not Workflow.objects.exists()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"null", 400),
        (b"5", 400),
        (b'{"name": "\xff\xfe", "stages": []}', 400),
        (json.dumps({"name": "a\0b", "stages": [stage()]}).encode(), 400),
        (b'{"name": "\\ud800", "stages": [{"name": "a", "task": "b"}]}', 400),
        (b'{"name": "a", "name": "b", "stages": [{"name": "a", "task": "b"}]}', 400),
        (b"[" * 50_000 + b"]" * 50_000, 400),
        (b'{"stages":' * 20_000 + b"1" + b"}" * 20_000, 400),
        (b'{"name": ' + b"9" * 5000 + b"}", 400),
        (b'{"name": NaN}', 400),
        (b'{"name": "' + b"x" * 1_000_001 + b'"}', 413),
    ],
    ids=str,
)
def test_a_body_that_is_no_workflow_is_refused_and_never_breaks_the_server(
    alice_api: APIClient, raw: bytes, status: int
) -> None:
    response = alice_api.post(URL, raw, content_type="application/json")
    assert response.status_code == status, response.content
    assert response.json()["detail"]


def test_a_body_that_is_not_json_by_its_type_is_refused(alice_api: APIClient) -> None:
    response = alice_api.post(URL, "name=Notice", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 415


def test_a_provider_key_is_kept_sealed_and_comes_back_nowhere(alice_api: APIClient) -> None:
    sent = body(stages=[stage(provider="anthropic", model="claude-sonnet-4-5", api_key=PROVIDER_KEY)])
    created = alice_api.post(URL, sent, format="json")
    assert created.status_code == 201, created.content
    record = created.json()
    made = record["stages"][0]

    addresses = [
        URL,
        f"{URL}/{record['id']}",
        "/api/v1/stages",
        f"/api/v1/stages/{made['uid']}",
        "/api/v1/executions",
        f"/api/v1/executions/{made['execution_id']}",
    ]
    answers = [created.content, *(alice_api.get(address).content for address in addresses)]
    assert all(PROVIDER_KEY.encode() not in answer and b"api_key" not in answer for answer in answers)
    sealed = bytes(Stage.objects.get().sealed_api_key or b"")
    assert sealed
    assert PROVIDER_KEY.encode() not in sealed


def test_a_refusal_does_not_repeat_a_provider_key(alice_api: APIClient) -> None:
    bad = PROVIDER_KEY + " with spaces"
    response = alice_api.post(URL, body(stages=[stage(api_key=bad)]), format="json")
    assert response.status_code == 400
    assert PROVIDER_KEY not in response.content.decode()


class TestIdempotencyKey:
    def test_the_same_key_and_body_give_the_same_workflow(self, alice_api: APIClient) -> None:
        first = alice_api.post(URL, body(), format="json", headers={"Idempotency-Key": "k1"})
        again = alice_api.post(URL, body(), format="json", headers={"Idempotency-Key": "k1"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert Workflow.objects.count() == 1

    def test_the_same_key_with_another_body_conflicts(self, alice_api: APIClient) -> None:
        alice_api.post(URL, body(), format="json", headers={"Idempotency-Key": "k1"})
        response = alice_api.post(URL, body(name="Other"), format="json", headers={"Idempotency-Key": "k1"})
        assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_reused")
        assert Workflow.objects.count() == 1

    def test_a_key_belongs_to_its_sender(self, alice_api: APIClient, charlie_api: APIClient) -> None:
        first = alice_api.post(URL, body(), format="json", headers={"Idempotency-Key": "k1"})
        other = charlie_api.post(URL, body(), format="json", headers={"Idempotency-Key": "k1"})
        assert other.status_code == 201
        assert first.json()["id"] != other.json()["id"]

    @pytest.mark.parametrize("key", ["", " ", "two words", "x" * 201, "caf\u00e9", "tab\tbed"])
    def test_a_key_that_is_not_visible_ascii_is_refused(self, alice_api: APIClient, key: str) -> None:
        response = alice_api.post(URL, body(), format="json", HTTP_IDEMPOTENCY_KEY=key)
        assert response.status_code == 400
        assert "Idempotency-Key" in response.json()["errors"]
        assert not Workflow.objects.exists()

    def test_a_key_of_two_hundred_characters_is_taken(self, alice_api: APIClient) -> None:
        headers = {"Idempotency-Key": "~" * 200}
        assert alice_api.post(URL, body(), format="json", headers=headers).status_code == 201
