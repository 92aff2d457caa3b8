"""The audit package: what verifies, what does not, and that the report says where."""

import base64
import json
import subprocess
import sys
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.package import VerificationReport, verify_package
from compliance.package.text_output import format_report
from tests.evidence_builder import EvidenceBuilder
from tests.forged_evidence import sign_again
from tests.package_builder import TEXT, build_package, build_reviewed_release, describe_envelope
from tests.package_tampering import changed, iterate_paths, places

Package = dict[str, Any]


ROOT = Path(__file__).resolve().parents[2]
BUILDER, PACKAGE = build_reviewed_release()
KEY = BUILDER.public_key_pem


def verify(package: object, key: str | bytes = KEY) -> VerificationReport:
    return verify_package(package, key)


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
    assert places(verify(changed(PACKAGE, "certificates", index, "payload", to=encoded))) == {f"certificates[{index}]"}


@given(st.permutations(range(len(PACKAGE["certificates"]))))
def test_certificates_cannot_be_swapped(order: list[int]) -> None:
    report = verify(changed(PACKAGE, "certificates", to=lambda certificates: [certificates[index] for index in order]))
    if order == sorted(order):
        assert report.ok
    else:
        first = next(index for index, position in enumerate(order) if index != position)
        assert places(report) == {f"certificates[{first}]"}


@pytest.mark.parametrize("index", range(len(PACKAGE["certificates"])))
def test_no_certificate_can_be_dropped(index: int) -> None:
    found = places(verify(changed(PACKAGE, "certificates", to=lambda all_: [*all_[:index], *all_[index + 1 :]])))
    last = len(PACKAGE["certificates"]) - 1
    assert ("certificates" if index == last else f"certificates[{index}]") in found


def test_a_chain_cut_off_after_any_certificate_is_no_ended_workflow() -> None:
    for length in range(len(PACKAGE["certificates"])):
        report = verify(changed(PACKAGE, "certificates", to=lambda certificates, length=length: certificates[:length]))
        assert any("had not ended" in failure.detail for failure in report.failures)


@pytest.mark.parametrize("index", range(len(PACKAGE["certificates"])))
def test_no_certificate_of_another_workflow_can_take_a_place(index: int) -> None:
    other = EvidenceBuilder(key=BUILDER.key)
    policy = other.add_policy()
    stages = [other.add_stage(f"s{number}", policy=policy) for number in range(index + 1)]
    for stage in stages:
        other.run(stage, "Made.")
    moved = {"id": "moved", **describe_envelope(other, index)}
    assert places(verify(changed(PACKAGE, "certificates", index, to=moved))) == {f"certificates[{index}]"}


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


# --- a key that was replaced while the workflow ran


def build_across_a_rotation() -> tuple[list[str], Package]:
    """The two keys, and a package whose review was signed with the first and whose release with the second."""
    builder = EvidenceBuilder()
    keys = [builder.public_key_pem]
    policy = builder.add_policy()
    review = builder.add_stage("review", "reviewer", policy=policy, document=TEXT)
    release = builder.add_stage("release", "release", policy=policy, upstreams=["review"])
    builder.run(review)
    builder.replace_key()
    keys.append(builder.public_key_pem)
    builder.run(release)
    builder.close()
    return keys, build_package(builder)


def test_a_workflow_signed_across_a_rotation_verifies_with_both_keys_and_with_neither_alone() -> None:
    (old, new), package = build_across_a_rotation()
    for both in ([old, new], [new, old], [old + new], [old, new, KEY]):
        report = verify_package(package, both)
        assert report.ok, list(format_report(report))
    assert places(verify_package(package, [old])) == {f"certificates[{index}]" for index in (3, 4, 5)}
    assert places(verify_package(package, new)) == {f"certificates[{index}]" for index in (0, 1, 2)}
    assert not verify_package(package, [KEY]).ok


def test_no_key_at_all_is_a_failed_report() -> None:
    assert places(verify_package(PACKAGE, [])) == {"the key given"}


def test_one_key_that_is_none_fails_the_verification_whatever_the_others_are() -> None:
    assert places(verify_package(PACKAGE, [KEY, "nonsense"])) == {"key 2 of the 2 given"}


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


def test_the_import_contract_names_every_module_that_the_verifier_is_made_of() -> None:
    code = (
        "import sys, compliance.package.files; print(*(name for name in sys.modules if name.startswith('compliance.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["name"] == "The verifier's parts need no Django"]
    packages = {name for name in loaded.stdout.split() if not name.startswith("compliance.package.")}
    assert packages == set(contract["source_modules"])


def test_the_verifier_runs_where_only_cryptography_is_installed(tmp_path: Path) -> None:
    result = run_verifier(PACKAGE, KEY, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "VERIFIED: every check passed."


def test_the_option_for_the_key_can_be_given_again(tmp_path: Path) -> None:
    from compliance.package.files import main

    keys, package = build_across_a_rotation()
    (tmp_path / "package.json").write_text(json.dumps(package))
    options = []
    for index, key in enumerate(keys):
        (tmp_path / f"key{index}.pem").write_text(key)
        options += ["--key", str(tmp_path / f"key{index}.pem")]
    path = str(tmp_path / "package.json")
    assert main([path, *options]) == 0
    assert main([path, *options[:2]]) == 1


def test_the_verifier_says_where_and_fails(tmp_path: Path) -> None:
    result = run_verifier(changed(PACKAGE, "stages", 1, "stage", "name", to="Other\x1b[2J"), KEY, tmp_path)
    assert result.returncode == 1
    assert "FAIL  stages: stages[1].stage.name: it is not what the opening certificate states" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    from compliance.package.files import main

    (tmp_path / "key.pem").write_text(KEY)
    (tmp_path / "broken.json").write_text('{"a": 1, "a": 2}')
    for name in ("missing.json", "broken.json"):
        assert main([str(tmp_path / name), "--key", str(tmp_path / "key.pem")]) == 2
