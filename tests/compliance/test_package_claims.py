"""What a package claims, member by member: held against what its certificates state."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from compliance.package import VerificationReport, verify_package
from compliance.package.text_output import format_report
from tests.evidence_builder import EvidenceBuilder, digest_of
from tests.forged_evidence import read_statement, sign_again
from tests.journal_events import describe_event
from tests.package_builder import TEXT, build_package, build_reviewed_release
from tests.package_tampering import changed, iterate_paths, places

MASKED = "Patient [PERSON_NAME] was seen."
REDACTING = [{"types": ["phi"], "action": "redact"}]
CERTIFICATES = {
    "opening": 0,
    "admission": 1,
    "execution": 2,
    "sign_off": 5,
    "release_admission": 6,
    "release": 7,
    "closing": 8,
}

BUILDER, PACKAGE = build_reviewed_release()
KEY = BUILDER.public_key_pem
PATHS = iterate_paths(PACKAGE)


def verify(package: object, key: str | bytes = KEY) -> VerificationReport:
    return verify_package(package, key)


def test_the_kinds_of_certificates_are_where_these_tests_take_them_to_be() -> None:
    kinds = [read_statement(certificate)["predicateType"].split(":")[2] for certificate in PACKAGE["certificates"]]
    assert [kinds[index] for index in CERTIFICATES.values()] == [
        "opening",
        "admission",
        "execution",
        "sign-off",
        "admission",
        "execution",
        "closing",
    ]


# --- records


def test_renaming_a_stage_shows() -> None:
    assert "stages[1].stage.name" in places(verify(changed(PACKAGE, "stages", 1, "stage", "name", to="Another name")))


def test_leaving_a_stage_out_shows() -> None:
    assert "stages" in places(verify(changed(PACKAGE, "stages", to=lambda stages: [stages[0], stages[2]])))


def test_stages_in_another_order_show() -> None:
    assert "stages[0].stage.id" in places(verify(changed(PACKAGE, "stages", to=lambda stages: stages[::-1])))


def test_adding_a_stage_that_no_certificate_knows_shows() -> None:
    assert "stages" in places(verify(changed(PACKAGE, "stages", to=lambda stages: [*stages, deepcopy(stages[0])])))


# What nobody certifies: clocks, and what names the export itself.
UNCERTIFIED = {
    ("exported_at",),
    *((("workflow", name)) for name in ("created_at", "updated_at", "completed_at")),
    ("workflow", "current_stage_index"),
}
UNCERTIFIED_OF_STAGE = {"started_at", "completed_at"}
UNCERTIFIED_OF_EXECUTION = {"created_at", "started_at", "completed_at"}


def is_certified(path: tuple[str | int, ...]) -> bool:
    names = [step for step in path if isinstance(step, str)]
    if path in UNCERTIFIED or names[-1:] in (["package_id"], ["generated_at"]):
        return False
    if names[:2] == ["stages", "stage"] and names[2:3] and names[2] in UNCERTIFIED_OF_STAGE:
        return False
    if names[:2] == ["stages", "execution"] and names[2:3] and names[2] in UNCERTIFIED_OF_EXECUTION:
        return False
    # The id of a certificate is the database's; it must only be the same wherever it is given.
    return names[:2] != ["certificates", "id"]


def is_reordering(path: tuple[str | int, ...], current: Any, value: Any) -> bool:
    """Policies are found by their digests: their order says nothing."""
    return path == ("policies",) and bool(value == current[::-1])


def other_values(value: Any) -> list[Any]:
    """Values of the same type, so that only what is said differs."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, str):
        return [value + "x", "completed"]
    if isinstance(value, list):
        return [value[:-1], [*value, *value[-1:]], value[::-1]]
    return ["completed"] if value is None else [None]


@pytest.mark.parametrize("most", [1, pytest.param(None, marks=pytest.mark.slow)], ids=["one value", "all values"])
def test_no_claim_can_change_unnoticed(most: int | None) -> None:
    """Every member of the package, whatever it holds, either is listed as not certified or cannot change."""
    for path in filter(is_certified, PATHS):
        current: Any = PACKAGE
        for step in path:
            current = current[step]
        for value in other_values(current)[:most]:
            same = value == current and type(value) is type(current)
            if not same and not is_reordering(path, current, value):
                assert places(verify(changed(PACKAGE, *path, to=value))), path


def test_no_member_can_be_added_or_removed_unnoticed() -> None:
    for path in [(), *PATHS]:
        current: Any = PACKAGE
        for step in path:
            current = current[step]
        if not isinstance(current, dict):
            continue
        for name in current:
            without = {other: value for other, value in current.items() if other != name}
            assert places(verify(changed(PACKAGE, *path, to=without) if path else without))
        with_more = {**current, "approved_by": "everybody"}
        assert places(verify(changed(PACKAGE, *path, to=with_more) if path else with_more))


@pytest.mark.parametrize("document", ["Never read.", None])
def test_what_a_stage_that_never_ran_was_to_do_is_certified(document: str | None) -> None:
    """Of such a stage only the opening and the closing certificate speak."""
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    work = builder.add_stage("work", policy=policy)
    builder.add_stage("never", "release", policy=policy, document=document, upstreams=["work"])
    builder.run(work, status="failed", reason=("provider_error", "it broke"))
    builder.close()
    package = build_package(builder)
    assert verify(package, builder.public_key_pem).ok
    for path in iterate_paths(package["stages"][1]["stage"]):
        current: Any = package["stages"][1]["stage"]
        for step in path:
            current = current[step]
        if path[0] in UNCERTIFIED_OF_STAGE or path == ("reason", "detail"):
            continue
        for value in other_values(current):
            if value != current:
                report = verify(changed(package, "stages", 1, "stage", *path, to=value), builder.public_key_pem)
                assert places(report), path


# --- texts and journals


@pytest.mark.parametrize(
    "path",
    [
        ("stages", 0, "execution", "artifact"),
        ("stages", 2, "execution", "artifact"),
        ("stages", 0, "stage", "document"),
        ("stages", 0, "stage", "task"),
        ("stages", 0, "execution", "answer"),
        ("stages", 2, "compliance_package", "execution_summary", "approved_artifact"),
        ("stages", 2, "compliance_package", "execution_summary", "sign_offs", 0, "reason"),
    ],
)
def test_replacing_a_text_shows(path: tuple[str | int, ...]) -> None:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
    assert where in places(verify(changed(PACKAGE, *path, "text", to="Something else.")))
    with_digest = changed(PACKAGE, *path, to=lambda text: {**text, "text": "Other.", "sha256": digest_of("Other.")})
    assert not verify(with_digest).ok
    masked = changed(PACKAGE, *path, to=lambda text: {**text, "text": MASKED, "redacted": True})
    assert where in places(verify(masked)), "no policy redacts, but a text was passed off as redacted"


def test_a_redacted_text_is_stated_and_counted_as_not_proven() -> None:
    builder, package = build_reviewed_release(content=REDACTING)
    artifact = package["stages"][1]["execution"]["artifact"]
    artifact.update(text=MASKED, redacted=True)
    summary = package["stages"][1]["compliance_package"]["execution_summary"]
    summary.update(output_preview=MASKED)
    report = verify(package, builder.public_key_pem)
    assert report.ok, list(format_report(report))
    assert report.redacted == ("stages[1].execution.artifact",)
    assert any("1 are redacted or withheld" in check.detail for check in report.checks)


def test_a_text_that_was_erased_is_withheld_not_invented() -> None:
    package = changed(
        PACKAGE, "stages", 0, "stage", "document", to=lambda text: {**text, "text": None, "redacted": True}
    )
    report = verify(package)
    assert report.ok, list(format_report(report))
    assert report.redacted == ("stages[0].stage.document",)


@pytest.mark.parametrize("shown", [TEXT, "Nothing is masked in here."])
def test_a_text_is_not_redacted_because_it_says_so(shown: str) -> None:
    builder, package = build_reviewed_release(content=REDACTING)
    package["stages"][0]["stage"]["document"].update(text=shown, redacted=True)
    assert places(verify(package, builder.public_key_pem)) == {"stages[0].stage.document"}


def test_a_policy_cannot_be_slipped_in_to_allow_redaction() -> None:
    other = EvidenceBuilder()
    other.add_policy("redacting", content=REDACTING)
    (document,) = other.documents.values()
    package = changed(
        PACKAGE, "policies", to=lambda all_: [*all_, {"digest": digest_of(document), "document": document}]
    )
    package["stages"][0]["stage"]["document"].update(text=MASKED, redacted=True)
    assert "policies" in places(verify(package))


TRAIL = ("stages", 0, "compliance_package", "audit_trail")


def test_a_journal_event_cannot_be_dropped_reordered_or_reworded() -> None:
    where = "stages[0].compliance_package.audit_trail"
    for change in (lambda events: events[:1], lambda events: events[::-1], lambda events: [*events, events[0]]):
        assert where in places(verify(changed(PACKAGE, *TRAIL, to=change)))
    assert places(verify(changed(PACKAGE, *TRAIL, 1, "kind", to="tool_result"))) == {f"{where}[1]"}
    assert places(verify(changed(PACKAGE, *TRAIL, 1, "sequence", to=7))) == {f"{where}[1]"}
    assert places(verify(changed(PACKAGE, *TRAIL, 1, "payload", to="{}"))) == {f"{where}[1]"}


def withheld(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "payload": None, "redacted": True}


def reworded(event: dict[str, Any]) -> dict[str, Any]:
    """The event with another decision in its facts, and the digest that goes with it."""
    entry = json.loads(event["entry"])
    return describe_event({**entry, "facts": {**entry["facts"], "decision": "refuse"}}, event["payload"])


def test_a_journal_event_whose_payload_is_withheld_still_verifies() -> None:
    report = verify(changed(PACKAGE, *TRAIL, 1, to=withheld))
    assert report.ok, list(format_report(report))
    assert report.redacted == ("stages[0].compliance_package.audit_trail[1].payload",)


@pytest.mark.parametrize("show", [dict, withheld], ids=["whole", "withheld"])
def test_a_fact_cannot_change_whether_or_not_the_payload_is_there(show: Callable[[Any], dict[str, Any]]) -> None:
    where = "stages[0].compliance_package.audit_trail"
    kept = changed(
        PACKAGE, *TRAIL, 1, to=lambda event: show({**event, "entry": event["entry"].replace("allow", "refuse")})
    )
    assert places(verify(kept)) == {f"{where}[1]"}
    assert places(verify(changed(PACKAGE, *TRAIL, 1, to=lambda event: show(reworded(event))))) == {where}


def test_a_payload_that_goes_missing_is_not_taken_for_a_withheld_one() -> None:
    missing = changed(PACKAGE, *TRAIL, 1, "payload", to=None)
    assert places(verify(missing)) == {"stages[0].compliance_package.audit_trail[1]"}


def test_a_tool_call_beyond_the_grant_shows() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    call = {"tool": "document_write", "capability": "document:write:reports", "decision": "allow"}
    builder.record(stage, "tool_call", call, {})
    builder.run(stage, "Made.")
    builder.close()
    found = places(verify(build_package(builder), builder.public_key_pem))
    assert found == {"stages[0].compliance_package.audit_trail[0].entry"}


# --- what not even the holder of the key can certify


def listed(index: int, **changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda predicate: predicate["stages"][index].update(changes)


@pytest.mark.parametrize(
    ("certificate", "change", "check"),
    [
        ("closing", lambda p: p["stages"].pop(), "chain"),
        ("closing", lambda p: p["stages"].append(p["stages"][0]), "chain"),
        ("closing", lambda p: p["stages"].append({**p["stages"][0], "position": 3}), "chain"),
        ("closing", lambda p: p["stages"].reverse(), "chain"),
        ("closing", listed(0, name="Another"), "chain"),
        ("closing", listed(0, task_sha256="ab" * 32), "chain"),
        ("closing", listed(0, document_sha256=None), "chain"),
        ("closing", listed(2, upstream_stage_ids=[]), "chain"),
        ("closing", listed(2, position=3), "chain"),
        ("closing", lambda p: p["requester"].update(id="2"), "chain"),
        ("release_admission", lambda p: p["requester"].update(id="2"), "chain"),
        ("opening", listed(0, budget_cents=1), "stages"),
        ("opening", listed(0, permissions=["*"]), "stages"),
        ("opening", listed(0, provider="openai"), "stages"),
        ("opening", listed(0, model="another"), "stages"),
        ("opening", listed(0, name="Another"), "chain"),
        ("opening", lambda p: p.update(mode="parallel"), "chain"),
        ("execution", lambda p: p["agent"].update(provider="openai"), "records"),
        ("execution", lambda p: p["documents"]["read"].append({"name": "x", "sha256": "ab" * 32}), "journals"),
        ("execution", lambda p: p["documents"]["read"].clear(), "journals"),
        ("execution", lambda p: p["documents"]["written"].append({"name": "x", "sha256": "ab" * 32}), "journals"),
        ("closing", listed(0, status="cancelled"), "closing"),
        ("closing", listed(0, code="release_held"), "closing"),
        ("closing", listed(0, execution_id=None), "closing"),
        ("closing", lambda p: p.update(name="Another"), "chain"),
        ("closing", lambda p: p.update(description_sha256=None), "chain"),
        ("closing", lambda p: p.update(mode="parallel"), "chain"),
        ("closing", lambda p: p.update(verdict="non_compliant"), "closing"),
        ("closing", lambda p: p["outcome"].update(status="blocked"), "closing"),
        ("admission", lambda p: p["lineage"].update(policies=["00" * 32]), "policies"),
        ("admission", lambda p: p["policy"].update(version=7), "chain"),
        ("execution", lambda p: p.update(verdict="non_compliant"), "verdicts"),
        ("execution", lambda p: p["checks"].pop(), "verdicts"),
        ("execution", lambda p: p["agent"].update(decision="rejected"), "verdicts"),
        ("execution", lambda p: p["outcome"].update(status="failed"), "verdicts"),
        ("execution", lambda p: p.update(missing_proofs=["x"]), "verdicts"),
        ("execution", lambda p: p.update(reviewed_sha256="ab" * 32), "gate"),
        ("sign_off", lambda p: p.update(decision="reject"), "gate"),
        ("sign_off", lambda p: p["signer"].update(id="1"), "gate"),
        ("sign_off", lambda p: p["execution"].update(id="other"), "closing"),
        ("release", lambda p: p.update(sign_offs=[]), "gate"),
        ("release", lambda p: p["lineage"].update(upstreams=[]), "gate"),
        ("release", lambda p: p["journal"].update(size=3), "journals"),
        ("release", lambda p: p["journal"].update(root="ab" * 32), "journals"),
        ("release", lambda p: p.update(cost_cents=9), "records"),
    ],
)
def test_certificates_that_contradict_one_another_do_not_verify(
    certificate: str, change: Callable[[dict[str, Any]], object], check: str
) -> None:
    package = sign_again(PACKAGE, BUILDER.key, {CERTIFICATES[certificate]: change})
    report = verify(package)
    assert check in {failure.name for failure in report.failures}, list(format_report(report))


def test_a_refusal_turned_into_an_admission_does_not_verify() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    work = builder.add_stage("work", policy=policy)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["work"])
    builder.run(work, TEXT)
    builder.run(release)
    builder.close()
    admitted: dict[str, Any] = {"result": "allow", "code": "", "detail": ""}
    package = sign_again(build_package(builder), builder.key, {3: lambda p: p.update(decision=admitted)})
    report = verify(package, builder.public_key_pem)
    assert ("gate", "certificates[3]") in {(failure.name, failure.where) for failure in report.failures}


def test_a_release_that_was_not_inspected_under_its_whole_lineage_does_not_verify() -> None:
    for content in (None, {"policies": [], "blocking": []}):
        package = sign_again(PACKAGE, BUILDER.key, {6: lambda p, content=content: p.update(content=content)})
        report = verify(package)
        assert any("content_not_inspected" in failure.detail for failure in report.failures)
