"""The audit package: what verifies, what does not, and that the report says where."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.package import VerificationReport, verify_package
from compliance.package.text_output import format_report
from tests.evidence_builder import EvidenceBuilder, digest_of, read_statement, sign_again
from tests.package_builder import build_package

Package = dict[str, Any]
TEXT = "The cafeteria opens at eight."
MASKED = "Patient [PERSON_NAME] was seen."
REDACTING = [{"types": ["phi"], "action": "redact"}]
CERTIFICATES = {"admission": 0, "execution": 1, "sign_off": 4, "release": 6, "closing": 7}


def build_reviewed_release(**policy: Any) -> tuple[EvidenceBuilder, Package]:
    """An intake, a review of what it made, a release that a person signed off, and a journal."""
    builder = EvidenceBuilder()
    strict = builder.add_policy("strict", sign_offs=1, **policy)
    lax = builder.add_policy("lax")
    review = builder.add_stage("review", "reviewer", policy=lax, document=TEXT)
    intake = builder.add_stage("intake", "intake", policy=strict, document="Notes.")
    release = builder.add_stage("release", "release", policy=strict, upstreams=["review", "intake"])
    builder.record(review, "model_request", {"attempt": 1}, {"messages": ["Please review."]})
    allowed = {"tool": "document_read", "capability": "document:read:reports", "decision": "allow", "code": None}
    builder.record(review, "tool_call", allowed, {"arguments": {"name": "reports"}})
    builder.run(review)
    builder.run(intake, "Notes, in order.")
    builder.sign_off(release, TEXT)
    builder.run(release)
    builder.close()
    return builder, build_package(builder)


BUILDER, PACKAGE = build_reviewed_release()
KEY = BUILDER.public_key_pem


def verify(package: object, key: str | bytes = KEY) -> VerificationReport:
    return verify_package(package, key)


def places(report: VerificationReport) -> set[str]:
    """Where the report says that something is wrong; it must say so at all."""
    assert not report.ok
    assert report.failures
    assert all(failure.where and failure.detail for failure in report.failures)
    return {failure.where for failure in report.failures}


def changed(*path: str | int, to: Any) -> Package:
    """The package with one member replaced; a function is applied to what is there."""
    package = deepcopy(PACKAGE)
    target: Any = package
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = to(target[path[-1]]) if callable(to) else to
    return package


def iterate_paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON value, the whole excepted."""
    if isinstance(value, dict):
        steps: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        steps = []
    return [each for step, member in steps for each in ((*path, step), *iterate_paths(member, (*path, step)))]


PATHS = iterate_paths(PACKAGE)


def test_an_honest_package_verifies_and_says_what_was_checked() -> None:
    report = verify(json.loads(json.dumps(PACKAGE)))
    assert report.ok, list(format_report(report))
    assert {check.name for check in report.checks} == {
        "layout",
        "signatures",
        "chain",
        "closing",
        "policies",
        "gate",
        "verdicts",
        "keys",
        "identifiers",
        "stages",
        "workflow",
        "records",
        "compliance packages",
        "lineage",
        "texts",
        "journals",
        "tool calls",
    }
    assert report.redacted == ()


def test_the_kinds_of_certificates_are_where_these_tests_take_them_to_be() -> None:
    kinds = [read_statement(certificate)["predicateType"].split(":")[2] for certificate in PACKAGE["certificates"]]
    assert [kinds[index] for index in CERTIFICATES.values()] == [
        "admission",
        "execution",
        "sign-off",
        "execution",
        "closing",
    ]


def test_a_package_of_refused_and_cancelled_stages_verifies() -> None:
    builder = EvidenceBuilder()
    policy = builder.add_policy()
    work = builder.add_stage("work", policy=policy)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["work"])
    builder.add_stage("never", policy=policy, document="Never read.")
    builder.run(work, TEXT)
    builder.run(release)
    builder.close()
    package = build_package(builder)
    report = verify(package, builder.public_key_pem)
    assert report.ok, list(format_report(report))
    assert [entry["stage"]["status"] for entry in package["stages"]] == ["completed", "blocked", "cancelled"]
    assert package["stages"][2]["execution"] is None


# --- signed statements


@given(st.sampled_from(range(len(PACKAGE["certificates"]))), st.data())
def test_no_byte_of_a_signed_statement_can_change(index: int, data: st.DataObject) -> None:
    payload = bytearray(base64.b64decode(PACKAGE["certificates"][index]["payload"]))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    encoded = base64.b64encode(bytes(payload)).decode()
    assert places(verify(changed("certificates", index, "payload", to=encoded))) == {f"certificates[{index}]"}


@given(st.permutations(range(len(PACKAGE["certificates"]))))
def test_certificates_cannot_be_swapped(order: list[int]) -> None:
    report = verify(changed("certificates", to=lambda certificates: [certificates[index] for index in order]))
    if order == sorted(order):
        assert report.ok
    else:
        first = next(index for index, position in enumerate(order) if index != position)
        assert places(report) == {f"certificates[{first}]"}


@pytest.mark.parametrize("index", range(len(PACKAGE["certificates"])))
def test_no_certificate_can_be_dropped(index: int) -> None:
    found = places(verify(changed("certificates", to=lambda all_: [*all_[:index], *all_[index + 1 :]])))
    last = len(PACKAGE["certificates"]) - 1
    assert ("certificates" if index == last else f"certificates[{index}]") in found


def test_a_chain_cut_off_after_any_certificate_is_no_ended_workflow() -> None:
    for length in range(len(PACKAGE["certificates"])):
        report = verify(changed("certificates", to=lambda certificates, length=length: certificates[:length]))
        assert any("had not ended" in failure.detail for failure in report.failures)


@pytest.mark.parametrize("index", range(len(PACKAGE["certificates"])))
def test_no_certificate_of_another_workflow_can_take_a_place(index: int) -> None:
    other = EvidenceBuilder(key=BUILDER.key)
    policy = other.add_policy()
    for number in range(index + 1):
        other.run(other.add_stage(f"s{number}", policy=policy), "Made.")
    moved = {"id": "moved", **build_envelope(other, index)}
    assert places(verify(changed("certificates", index, to=moved))) == {f"certificates[{index}]"}


def build_envelope(builder: EvidenceBuilder, index: int) -> dict[str, Any]:
    envelope = builder.envelopes[index]
    signature = envelope.signatures[0]
    return {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [{"keyid": signature.key_id, "sig": base64.b64encode(signature.value).decode()}],
    }


def test_a_package_does_not_verify_with_another_key() -> None:
    found = places(verify(PACKAGE, EvidenceBuilder().public_key_pem))
    assert found == {f"certificates[{index}]" for index in range(len(PACKAGE["certificates"]))}


def test_a_package_signed_anew_by_a_forger_does_not_verify_whatever_keys_it_lists() -> None:
    forger = EvidenceBuilder()
    forged = sign_again(PACKAGE, forger.key, {})
    forged["keys"] = [{"keyid": keyid, "public_key": forger.public_key_pem} for keyid in forger.keys]
    assert verify(forged, forger.public_key_pem).ok, "the forgery is as good as its key"
    assert not verify(forged).ok


@pytest.mark.parametrize("key", ["", "nonsense", b"\x00\xff", "\ud800"])
def test_a_key_that_is_none_is_a_failed_report(key: str | bytes) -> None:
    assert places(verify(PACKAGE, key)) == {"the key given"}


# --- records


def test_renaming_a_stage_shows() -> None:
    assert "stages[1].stage.name" in places(verify(changed("stages", 1, "stage", "name", to="Another name")))


def test_leaving_a_stage_out_shows() -> None:
    assert "stages" in places(verify(changed("stages", to=lambda stages: [stages[0], stages[2]])))


def test_stages_in_another_order_show() -> None:
    assert "stages[0].stage.id" in places(verify(changed("stages", to=lambda stages: stages[::-1])))


def test_adding_a_stage_that_no_certificate_knows_shows() -> None:
    assert "stages" in places(verify(changed("stages", to=lambda stages: [*stages, deepcopy(stages[0])])))


# What nobody certifies: a person's words about the workflow, budgets and clocks, and what names the export itself.
UNCERTIFIED = {
    ("exported_at",),
    *((("workflow", name)) for name in ("name", "description", "mode", "created_at", "updated_at", "completed_at")),
    ("workflow", "current_stage_index"),
}
UNCERTIFIED_OF_STAGE = {"budget_cents", "model", "permissions", "started_at", "completed_at"}
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


def test_no_claim_can_change_unnoticed() -> None:
    """Every member of the package, whatever it holds, either is listed as not certified or cannot change."""
    for path in filter(is_certified, PATHS):
        current: Any = PACKAGE
        for step in path:
            current = current[step]
        for value in other_values(current):
            same = value == current and type(value) is type(current)
            if not same and not is_reordering(path, current, value):
                assert places(verify(changed(*path, to=value))), path


def test_no_member_can_be_added_or_removed_unnoticed() -> None:
    for path in [(), *PATHS]:
        current: Any = PACKAGE
        for step in path:
            current = current[step]
        if not isinstance(current, dict) or "facts" in path:
            continue
        for name in current:
            without = {other: value for other, value in current.items() if other != name}
            assert places(verify(changed(*path, to=without) if path else without))
        with_more = {**current, "approved_by": "everybody"}
        assert places(verify(changed(*path, to=with_more) if path else with_more))


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
    assert where in places(verify(changed(*path, "text", to="Something else.")))
    with_digest = changed(*path, to=lambda text: {**text, "text": "Other.", "sha256": digest_of("Other.")})
    assert not verify(with_digest).ok
    masked = changed(*path, to=lambda text: {**text, "text": MASKED, "redacted": True})
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
    package = changed("stages", 0, "stage", "document", to=lambda text: {**text, "text": None, "redacted": True})
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
    package = changed("policies", to=lambda all_: [*all_, {"digest": digest_of(document), "document": document}])
    package["stages"][0]["stage"]["document"].update(text=MASKED, redacted=True)
    assert "policies" in places(verify(package))


TRAIL = ("stages", 0, "compliance_package", "audit_trail")


def test_a_journal_event_cannot_be_dropped_reordered_or_reworded() -> None:
    where = "stages[0].compliance_package.audit_trail"
    for change in (lambda events: events[:1], lambda events: events[::-1], lambda events: [*events, events[0]]):
        assert where in places(verify(changed(*TRAIL, to=change)))
    assert places(verify(changed(*TRAIL, 1, "facts", to={"decision": "refuse"}))) == {f"{where}[1]"}
    assert places(verify(changed(*TRAIL, 1, "kind", to="tool_result"))) == {f"{where}[1]"}
    assert f"{where}[1]" in places(verify(changed(*TRAIL, 1, "payload", to="{}")))


def test_a_withheld_journal_payload_still_counts_in_the_root() -> None:
    package = changed(*TRAIL, 1, to=lambda event: {**event, "payload": None, "redacted": True})
    report = verify(package)
    assert report.ok, list(format_report(report))
    assert report.redacted == ("stages[0].compliance_package.audit_trail[1]",)
    missing = changed(*TRAIL, 1, "payload", to=None)
    assert places(verify(missing)) == {"stages[0].compliance_package.audit_trail[1]"}


def test_a_tool_call_beyond_the_grant_shows() -> None:
    builder = EvidenceBuilder()
    stage = builder.add_stage("work", policy=builder.add_policy())
    call = {"tool": "document_write", "capability": "document:write:reports", "decision": "allow"}
    builder.record(stage, "tool_call", call, {})
    builder.run(stage, "Made.")
    builder.close()
    found = places(verify(build_package(builder), builder.public_key_pem))
    assert found == {"stages[0].compliance_package.audit_trail[0].facts.decision"}


# --- what not even the holder of the key can certify


def listed(index: int, **changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda predicate: predicate["stages"][index].update(changes)


@pytest.mark.parametrize(
    ("certificate", "change", "check"),
    [
        ("closing", lambda p: p["stages"].pop(), "closing"),
        ("closing", lambda p: p["stages"].append(p["stages"][0]), "closing"),
        ("closing", listed(0, name="Another"), "closing"),
        ("closing", listed(0, status="cancelled"), "closing"),
        ("closing", listed(0, execution_id=None), "closing"),
        ("closing", listed(0, position=1), "closing"),
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
    builder.run(builder.add_stage("work", policy=policy), TEXT)
    builder.run(builder.add_stage("release", "release", policy=policy, upstreams=["work"]))
    builder.close()
    admitted: dict[str, Any] = {"result": "allow", "code": "", "detail": ""}
    package = sign_again(build_package(builder), builder.key, {2: lambda p: p.update(decision=admitted)})
    report = verify(package, builder.public_key_pem)
    assert ("gate", "certificates[2]") in {(failure.name, failure.where) for failure in report.failures}


def test_a_release_that_was_not_inspected_under_its_whole_lineage_does_not_verify() -> None:
    for content in (None, {"policies": [], "blocking": []}):
        package = sign_again(PACKAGE, BUILDER.key, {5: lambda p, content=content: p.update(content=content)})
        report = verify(package)
        assert any("not inspected under every policy" in failure.detail for failure in report.failures)


# --- whatever it is given

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("\ud800"),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=6), children, max_size=3),
    max_leaves=6,
)


@given(json_values)
def test_whatever_is_no_package_is_a_failed_report(value: Any) -> None:
    assert places(verify(value))


@settings(max_examples=300)
@given(st.data())
def test_a_mutilated_package_is_a_report_and_never_an_error(data: st.DataObject) -> None:
    package = deepcopy(PACKAGE)
    for _ in range(data.draw(st.integers(1, 3))):
        target, path = package, data.draw(st.sampled_from(PATHS))
        for step in path[:-1]:
            if not isinstance(target, dict | list) or isinstance(target, dict) != isinstance(step, str):
                break
            if step not in (target if isinstance(target, dict) else range(len(target))):
                break
            target = target[step]  # type: ignore[index]
        else:
            step = path[-1]
            known = target if isinstance(target, dict) else range(len(target)) if isinstance(target, list) else ()
            if step in known and data.draw(st.booleans()):
                del target[step]  # type: ignore[arg-type]
            elif step in known:
                target[step] = data.draw(json_values)  # type: ignore[index]
    report = verify(package)
    assert report.ok or places(report)
    assert all(line.isprintable() for line in format_report(report))


# --- as a program

DROP_DJANGO = """
import sys, importlib.abc

class Bar(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"django", "rest_framework", "pydantic", "rfc8785", "structlog", "environ"}:
            raise ImportError(f"{name} is not to be had here")

sys.meta_path.insert(0, Bar())
from compliance.package.files import main
sys.exit(main(sys.argv[1:]))
"""


def run_verifier(package: Package, key: str, directory: Path) -> subprocess.CompletedProcess[str]:
    (directory / "package.json").write_text(json.dumps(package))
    (directory / "key.pem").write_text(key)
    command = [sys.executable, "-c", DROP_DJANGO, str(directory / "package.json"), "--key", str(directory / "key.pem")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_verifier_runs_where_only_cryptography_is_installed(tmp_path: Path) -> None:
    result = run_verifier(PACKAGE, KEY, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "VERIFIED: every check passed."


def test_the_verifier_says_where_and_fails(tmp_path: Path) -> None:
    result = run_verifier(changed("stages", 1, "stage", "name", to="Other\x1b[2J"), KEY, tmp_path)
    assert result.returncode == 1
    assert "FAIL  stages: stages[1].stage.name: it is not what the closing certificate states" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    from compliance.package.files import main

    (tmp_path / "key.pem").write_text(KEY)
    (tmp_path / "broken.json").write_text('{"a": 1, "a": 2}')
    for name in ("missing.json", "broken.json"):
        assert main([str(tmp_path / name), "--key", str(tmp_path / "key.pem")]) == 2
