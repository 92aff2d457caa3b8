"""docs/verify.md, run as it stands: every command in it, on a package of a workflow that ran."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

from compliance.package import verify_package
from compliance.signing import public_identity
from tests.evidence_builder import EvidenceBuilder
from tests.package_builder import build_reviewed_release
from tests.workflow_driver import request_review_and_release, run_to_rest, submit
from workflows.export import build_workflow_package, encode_package

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = REPOSITORY / "docs" / "verify.md"
CODE_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = CODE_BLOCK.findall(DOCUMENT.read_text())


def can_openssl_verify_ed25519() -> bool:
    openssl = shutil.which("openssl")
    if openssl is None:
        return False
    version = subprocess.run([openssl, "version"], capture_output=True, text=True, check=False).stdout
    return version.startswith("OpenSSL 3")


needs_openssl = pytest.mark.skipif(
    not can_openssl_verify_ed25519(),
    reason="NEEDS OPENSSL 3: docs/verify.md was not tried; install openssl and run this again",
)


@pytest.fixture
def workplace(tmp_path: Path, db: None) -> Path:
    """What an auditor with a checkout has before them, and the operator's key in its place."""
    workflow = run_to_rest(submit(request_review_and_release()))
    (tmp_path / "package.json").write_bytes(encode_package(build_workflow_package(workflow)))
    lay_out(tmp_path, Path(settings.SIGNING_KEY_PATH).read_bytes(), public_identity().public_key_pem)
    return tmp_path


def lay_out(directory: Path, private_key: bytes, public_key: str) -> None:
    keys = directory / "var" / "keys"
    keys.mkdir(parents=True)
    (keys / "signing.pem").write_bytes(private_key)
    (directory / "countersign.pub.pem").write_text(public_key)
    for name in ("manage.py", "compliance"):
        (directory / name).symlink_to(REPOSITORY / name)
    programs = directory / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "python3"):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / name).chmod(0o755)


def lay_out_for(builder: EvidenceBuilder, package: dict[str, Any], directory: Path) -> None:
    (directory / "package.json").write_text(json.dumps(package))
    private_key = builder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    lay_out(directory, private_key, builder.public_key_pem)


def run(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{directory}/.venv/bin:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-c", command], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


def find_command(*parts: str) -> str:
    """The one command of the document that holds all of these."""
    (command,) = [command for command in COMMANDS if all(part in command for part in parts)]
    return str(command)


@needs_openssl
def test_every_command_of_the_document_works_in_its_order(workplace: Path) -> None:
    assert len(COMMANDS) == 9
    for command in COMMANDS:
        result = run(command, workplace)
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"


@needs_openssl
def test_what_the_document_says_that_they_print_is_what_they_print(workplace: Path) -> None:
    package = json.loads((workplace / "package.json").read_text())
    keyid = package["keys"][0]["keyid"]
    assert run(find_command("-outform DER"), workplace).stdout.split()[0] == keyid
    assert run(find_command("manage.py"), workplace).stdout.endswith("VERIFIED: every check passed.\n")
    assert run(find_command("-m compliance.package"), workplace).stdout.endswith("VERIFIED: every check passed.\n")
    assert run(find_command("' 0"), workplace).returncode == 0
    (check_one,) = [command for command in COMMANDS if command.startswith("openssl pkeyutl")]
    assert run(check_one, workplace).stdout == "Signature Verified Successfully\n"
    assert run(find_command("set -e"), workplace).stdout.splitlines()[-1] == "6 certificates hold"


@needs_openssl
def test_openssl_refuses_a_package_in_which_one_letter_of_a_statement_changed(tmp_path: Path) -> None:
    builder, package = build_reviewed_release()
    payload = package["certificates"][3]["payload"]
    package["certificates"][3]["payload"] = payload[:400] + ("A" if payload[400] != "A" else "B") + payload[401:]
    lay_out_for(builder, package, tmp_path)
    result = run(find_command("set -e"), tmp_path)
    assert result.returncode != 0
    assert result.stdout.count("Signature Verified Successfully") == 3
    assert "certificates hold" not in result.stdout


@needs_openssl
def test_openssl_refuses_a_package_of_another_key(tmp_path: Path) -> None:
    _, package = build_reviewed_release()
    lay_out_for(EvidenceBuilder(), package, tmp_path)
    for command in (find_command("manage.py"), find_command("-m compliance.package"), find_command("set -e")):
        assert run(command, tmp_path).returncode == 1


@needs_openssl
def test_the_links_are_checked_without_our_code_too(tmp_path: Path) -> None:
    builder, package = build_reviewed_release()
    del package["certificates"][2]
    lay_out_for(builder, package, tmp_path)
    result = run(find_command("set -e"), tmp_path)
    assert result.returncode != 0
    assert result.stdout.count("Signature Verified Successfully") == 3


def test_every_check_is_explained() -> None:
    builder, package = build_reviewed_release()
    rows = re.findall(r"^\| ([a-z, ]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    named = {name.strip() for row in rows for name in row.split(",")}
    assert {check.name for check in verify_package(package, builder.public_key_pem).checks} == named - {"check"}
