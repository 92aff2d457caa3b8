"""The admin's pages, walked as owner, officer and outsider."""

import html
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from compliance.models import ApiKey, AuditEvent, Certificate, Content, EvidenceChain, Policy, SigningKey
from releases.models import SignOff
from releases.services import sign_off
from tests.admin_people import (
    alice_desk,
    bob_desk,
    breaches_of_the_content_policy,
    charlie_desk,
    desk_as,
    list_address,
    page_address,
    registered_models,
    sign_in,
)
from tests.people import PASSWORD, make_alice, make_bob, make_person
from tests.workflow_driver import find_execution, find_stage, request_review_and_release, run_to_rest, submit
from workflows.models import Execution, ExecutionEvent, Stage, Workflow
from workflows.requests import StageRequest, WorkflowRequest

__all__ = ["alice_desk", "bob_desk", "charlie_desk", "desk_as"]

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}\u202e"
PROVIDER_KEY = "canary-provider-key-0002"
EVIDENCE = (Certificate, ExecutionEvent, Content, AuditEvent, Policy, SigningKey, EvidenceChain, SignOff)
OWNED = (Workflow, Stage, Execution, ExecutionEvent, Certificate, EvidenceChain, SignOff)


@pytest.fixture
def records(db: None) -> Workflow:
    """One workflow of Alice's with something of everything: hostile names, a journal, a sign-off."""
    review, release = (
        StageRequest(
            id=f"review{HOSTILE}",
            name=HOSTILE,
            task=f"Review it: {HOSTILE}",
            stage_role="reviewer",
            document=f"The cafeteria opens at eight. {HOSTILE}",
            compliance_policy="sox",
            provider="embedded",
        ),
        StageRequest(
            id="release",
            name=HOSTILE,
            task=HOSTILE,
            stage_role="release",
            upstream_stage_ids=(f"review{HOSTILE}",),
            compliance_policy="sox",
            provider="embedded",
        ),
    )
    request = WorkflowRequest(name=HOSTILE, description=HOSTILE, stages=(review, release))
    workflow = run_to_rest(submit(request, make_alice()))
    execution = find_execution(workflow, "release")
    sign_off(
        execution_id=execution.id,
        actor=make_bob(),
        decision="approve",
        artifact_sha256=execution.subject_digest,
        meaning="Approval for release",
        reason=HOSTILE,
        password=PASSWORD,
        address="127.0.0.1",
    )
    workflow = run_to_rest(workflow)
    assert workflow.status == "completed", workflow.reason_detail
    first = Execution.objects.filter(stage__workflow=workflow).earliest("created_at")
    ExecutionEvent.objects.get_or_create(
        execution=first,
        sequence=1000,
        defaults={
            "kind": "tool_call",
            "entry": json.dumps({"facts": {"tool": HOSTILE}}),
            "digest": "0" * 64,
            "payload_digest": "0" * 64,
            "created_at": first.created_at,
        },
    )
    return workflow


def ours() -> list[type[Model]]:
    return [model for app in ("compliance", "workflows", "releases") for model in apps.get_app_config(app).get_models()]


def first_of(model: type[Model]) -> Model | None:
    return model._default_manager.order_by("pk").first()


def test_every_model_of_ours_has_pages() -> None:
    assert set(ours()) <= set(admin.site._registry)


def test_the_queue_has_none() -> None:
    assert not set(apps.get_app_config("django_q").get_models()) & set(admin.site._registry)


def test_an_officer_walks_every_page_and_nothing_breaks_the_content_policy(records: Workflow) -> None:
    officer = make_person("root")
    officer.is_superuser = True
    officer.save()
    desk = sign_in(officer)
    pages = [reverse("admin:index")]
    for model in registered_models():
        pages.append(list_address(model))
        record = first_of(model)
        pages += [page_address(record)] if record is not None else []
    for page in pages:
        response = desk.get(page)
        assert response.status_code == 200, page
        assert b"<script>alert" not in response.content, page
        assert b"<img src=x" not in response.content, page
        assert "\u202e" not in response.text, page
        assert breaches_of_the_content_policy(response.content) == [], page
        assert "default-src 'self'" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    "role", ["approver", pytest.param("auditor", marks=pytest.mark.slow), pytest.param("admin", marks=pytest.mark.slow)]
)
def test_those_who_read_everything_see_every_record(
    desk_as: Callable[[str], Client], records: Workflow, role: str
) -> None:
    desk = desk_as(role)
    for model in ours():
        assert desk.get(list_address(model)).status_code == 200, model
        record = first_of(model)
        if record is not None and model is not ApiKey:
            assert desk.get(page_address(record)).status_code == 200, model


def test_an_owner_sees_what_is_of_their_workflows(alice_desk: Client, records: Workflow) -> None:
    for model in OWNED:
        record = first_of(model)
        assert record is not None, model
        assert alice_desk.get(list_address(model)).context["cl"].result_count >= 1, model
        assert alice_desk.get(page_address(record)).status_code == 200, model


@pytest.mark.parametrize("role", ["operator", "viewer", "policy_author"])
def test_an_outsider_sees_nothing_of_them(desk_as: Callable[[str], Client], records: Workflow, role: str) -> None:
    desk = desk_as(role)
    for model in OWNED:
        assert desk.get(list_address(model)).context["cl"].result_count == 0, model
        record = first_of(model)
        assert record is not None
        # Django answers an unknown record with a redirect to the index, and never with the record.
        assert desk.get(page_address(record)).status_code == 302, model
        history = page_address(record).replace("/change/", "/history/")
        assert desk.get(history).status_code in {302, 404}, model
    for page in ("export", "cancel"):
        for method in (desk.get, desk.post):
            assert method(reverse(f"admin:workflows_workflow_{page}", args=[records.id])).status_code in {404, 405}
    records.refresh_from_db()
    assert records.status == "completed"


@pytest.mark.parametrize("model", [Content, AuditEvent])
def test_what_is_nobodys_own_takes_a_role_that_reads_everything(
    alice_desk: Client, records: Workflow, model: type[Model]
) -> None:
    assert alice_desk.get(list_address(model)).status_code == 403


def test_who_may_not_sign_in_sees_nothing(records: Workflow) -> None:
    stranger = Client()
    member = Client()
    member.force_login(make_person("dora", "operator"))
    for client in (stranger, member):
        for model in registered_models():
            response = client.get(list_address(model))
            assert response.status_code == 302, model
            assert "/admin/login/" in response["Location"]


def test_nobody_adds_changes_or_deletes_a_record(records: Workflow) -> None:
    officer = make_person("root", "admin", "approver")
    officer.is_superuser = True
    officer.save()
    desk = sign_in(officer)
    for model in (*EVIDENCE, Workflow, Stage, Execution):
        record = first_of(model)
        assert record is not None, model
        before = list(model._default_manager.order_by("pk").values())
        page = page_address(record)
        assert desk.post(list_address(model) + "add/", {"name": "x"}).status_code == 403, model
        assert desk.post(page, {"name": "x", "status": "completed"}).status_code == 403, model
        assert desk.post(page.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403, model
        selected = {"action": "delete_selected", "_selected_action": [str(record.pk)], "post": "yes"}
        desk.post(list_address(model), selected)
        assert list(model._default_manager.order_by("pk").values()) == before, model


def test_neither_keys_nor_ciphertexts_are_shown(bob_desk: Client) -> None:
    stage = StageRequest(
        name="s", task="t", provider="anthropic", model="claude-sonnet-4-5", api_key=PROVIDER_KEY, document="A text."
    )
    workflow = submit(WorkflowRequest(name="w", stages=(stage,)), make_alice())
    sealed = bytes(Stage.objects.get().sealed_api_key or b"")
    content = Content.objects.first()
    assert sealed
    assert content is not None
    for record in (workflow, Stage.objects.get(), Execution.objects.get(), content):
        for page in (list_address(type(record)), page_address(record)):
            body = bob_desk.get(page).content
            for secret in (PROVIDER_KEY, "sealed", str(sealed), sealed.hex(), bytes(content.ciphertext).hex()):
                assert secret.encode() not in body, (page, secret[:20])


def test_the_embedded_agent_is_said_to_be_no_language_model(bob_desk: Client, records: Workflow) -> None:
    stage = find_stage(records, "release")
    for page in (page_address(records), page_address(stage), list_address(Stage), page_address(stage.executions.get())):
        assert b"no language model" in bob_desk.get(page).content, page


def test_invisible_characters_of_a_text_are_marked(bob_desk: Client, records: Workflow) -> None:
    body = bob_desk.get(page_address(find_stage(records, "release"))).content.decode()
    assert "<mark>U+202E</mark>" in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_a_name_that_reorders_its_line_is_marked_in_lists_titles_and_breadcrumbs(
    bob_desk: Client, records: Workflow
) -> None:
    stage, execution = find_stage(records, "release"), find_execution(records, "release")
    pages = [list_address(model) for model in (Workflow, Stage, Execution, Certificate)]
    pages += [page_address(record) for record in (records, stage, execution)]
    pages += [reverse("admin:workflows_workflow_history", args=[records.id])]
    for page in pages:
        text = bob_desk.get(page).text
        assert "[U+202E]" in text, page
        assert "\u202e" not in text, page
    page = bob_desk.get(page_address(records)).text
    for place in ("<title>", '<div class="breadcrumbs">'):
        assert "[U+202E]" in page[page.index(place) :].partition("</title>" if place == "<title>" else "</div>")[0]


def test_queries_of_a_list_do_not_grow_with_it(bob_desk: Client) -> None:
    models = (Workflow, Stage, Execution, ExecutionEvent, Certificate, EvidenceChain, AuditEvent)

    def count_queries() -> dict[str, int]:
        counts = {}
        for model in models:
            with CaptureQueriesContext(connection) as queries:
                assert bob_desk.get(list_address(model)).status_code == 200
            counts[model.__name__] = len(queries)
        return counts

    run_to_rest(submit(request_review_and_release(), make_alice()))
    bob_desk.get(list_address(Workflow))
    for_one = count_queries()
    for _ in range(5):
        run_to_rest(submit(request_review_and_release(), make_alice()))
    assert count_queries() == for_one


def test_a_workflows_page_and_list_show_its_mode_and_what_each_stage_comes_after(bob_desk: Client) -> None:
    stages = (StageRequest(id="first", name="F", task="T."), StageRequest(id="next", name="N", task="T."))
    named = replace(stages[1], upstream_stage_ids=("first",))
    workflow = submit(WorkflowRequest(name="Branches", mode="parallel", stages=(stages[0], named)))
    submit(WorkflowRequest(name="One by one", stages=stages))
    page = bob_desk.get(page_address(workflow)).content.decode()
    assert "Parallel" in page
    assert re.search(r'field-upstreams">\s*<p>first</p>', page)
    listed = bob_desk.get(list_address(Workflow), {"mode__exact": "parallel"}).content.decode()
    assert "Branches" in listed
    assert "One by one" not in listed


def test_queries_of_a_workflows_page_do_not_grow_with_its_stages(bob_desk: Client) -> None:
    counts = []
    for number in (1, 12):
        stages = tuple(StageRequest(name="s", task="t", provider="embedded") for _ in range(number))
        workflow = run_to_rest(submit(WorkflowRequest(name="w", stages=stages), make_alice()))
        bob_desk.get(page_address(workflow))
        with CaptureQueriesContext(connection) as queries:
            bob_desk.get(page_address(workflow))
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_no_query_breaks_a_list(bob_desk: Client, records: Workflow) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    for query in ("q=letter", "q=%25", "q='", f"q={unknown}", "o=99", "p=99", "status=no", "all="):
        for model in ours():
            response = bob_desk.get(f"{list_address(model)}?{query}")
            assert response.status_code in {200, 302}, (model, query, response.content[:300])


def test_a_record_is_found_by_the_id_of_its_workflow_or_execution(bob_desk: Client, records: Workflow) -> None:
    execution = find_execution(records, "release")
    first = Execution.objects.filter(stage__workflow=records).earliest("created_at")
    identifiers: dict[type[Model], list[Any]] = {
        Workflow: [records.id],
        Stage: [records.id, execution.stage_id],
        Execution: [records.id, execution.stage_id, execution.id],
        Certificate: [records.id, execution.id],
        ExecutionEvent: [first.id],
        SignOff: [execution.id],
        EvidenceChain: [records.id],
        Content: [records.id],
    }
    for model, known in identifiers.items():
        for identifier in known:
            assert bob_desk.get(list_address(model), {"q": str(identifier)}).context["cl"].result_count, model
        assert not bob_desk.get(list_address(model), {"q": str(uuid.uuid4())}).context["cl"].result_count, model


def test_links_of_a_page_lead_somewhere(bob_desk: Client, records: Workflow) -> None:
    pages = [page_address(record) for record in (records, find_stage(records, "release"), SignOff.objects.get())]
    pages.append(page_address(find_execution(records, "release")))
    for page in pages:
        body = bob_desk.get(page).content.decode()
        main = body[body.index('id="content"') : body.index('id="footer"')]
        for address in re.findall(r'href="(/[^"]*)"', main):
            assert bob_desk.get(html.unescape(address)).status_code == 200, (page, address)


def test_a_page_leads_to_its_certificates_and_journal(bob_desk: Client, records: Workflow) -> None:
    run_to_rest(submit(request_review_and_release(), make_alice()))
    execution = find_execution(records, "release")
    for page, count in ((records, Certificate.objects.filter(chain_id=records.id).count()), (execution, 3)):
        (address,) = re.findall(
            r'href="(/admin/compliance/certificate/\?[^"]*)"', bob_desk.get(page_address(page)).content.decode()
        )
        assert bob_desk.get(html.unescape(address)).context["cl"].result_count == count


class TestWorkflowPage:
    def test_the_owner_cancels_from_the_page_and_by_the_action(self, alice_desk: Client) -> None:
        for by_action in (False, True):
            workflow = submit(request_review_and_release(), make_alice())
            address = reverse("admin:workflows_workflow_cancel", args=[workflow.id])
            assert address.encode() in alice_desk.get(page_address(workflow)).content
            if by_action:
                selected = {"action": "cancel_selected", "_selected_action": [str(workflow.id)]}
                response = alice_desk.post(list_address(Workflow), selected, follow=True)
            else:
                response = alice_desk.post(address, follow=True)
            assert b"is cancelled" in response.content
            workflow.refresh_from_db()
            assert workflow.status == "cancelled"
            assert address.encode() not in alice_desk.get(page_address(workflow)).content

    def test_an_officer_who_may_not_cancel_is_told_so(self, bob_desk: Client) -> None:
        workflow = submit(request_review_and_release(), make_alice())
        address = reverse("admin:workflows_workflow_cancel", args=[workflow.id])
        assert address.encode() not in bob_desk.get(page_address(workflow)).content
        assert b"takes its owner" in bob_desk.post(address, follow=True).content
        selected = {"action": "cancel_selected", "_selected_action": [str(workflow.id)]}
        bob_desk.post(list_address(Workflow), selected)
        workflow.refresh_from_db()
        assert workflow.status == "queued"

    def test_nothing_is_cancelled_by_a_link_or_without_the_token(self, alice_desk: Client) -> None:
        workflow = submit(request_review_and_release(), make_alice())
        address = reverse("admin:workflows_workflow_cancel", args=[workflow.id])
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(make_alice())
        assert alice_desk.get(address).status_code == 405
        assert strict.post(address).status_code == 403
        workflow.refresh_from_db()
        assert workflow.status == "queued"

    def test_the_package_is_handed_out_as_a_file(self, bob_desk: Client, records: Workflow) -> None:
        response = bob_desk.get(reverse("admin:workflows_workflow_export", args=[records.id]))
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")
        assert response["Content-Disposition"] == f'attachment; filename="workflow-{records.id}.json"'
        package = response.json()
        assert package["workflow"]["id"] == str(records.id)
        assert len(package["certificates"]) == Certificate.objects.filter(chain_id=records.id).count()
