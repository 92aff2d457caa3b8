"""The main job of the product, from nothing to evidence that verifies without the server. `make demo`

Starts an installation of its own in a temporary directory (SQLite; where DATABASE_URL names a PostgreSQL server, a
database of its own there), drives it over HTTP, stops it, and verifies what it left. Exit status 0 means that
everything went as it says.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from countersign_client import Answer, Countersign, Surprise, stages_by_id
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from local_service import REPOSITORY, LocalService, ServiceError, temporary_database

TEXTS = Path(__file__).resolve().parent / "texts"
OFFICER_PASSWORD = "a password of the officer's own"  # noqa: S105  (of an installation that lives for seconds)


class Demo:
    """Says what happens, counts what did not go as expected, and keeps the packages in `output`."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.failures = 0
        self.packages: dict[str, Path] = {}
        self.key_path = output / "signing_key.pub.pem"

    def expect(self, holds: bool, what: str) -> None:
        """Print one expectation and whether it held."""
        print(f"  {'ok  ' if holds else 'FAIL'}  {what}")
        self.failures += not holds

    def save_package(self, name: str, answer: Answer) -> Any:
        """Keep an exported package byte for byte, and return it as JSON."""
        package = answer.expect(200)
        path = self.output / f"{name}.json"
        path.write_bytes(answer.raw)
        self.packages[name] = path
        print(
            f"        package  {_shown(path)}  ({len(answer.raw):,} bytes, {len(package['certificates'])} certificates)"
        )
        return package


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "var" / "demo", help="where the packages go")
    output = parser.parse_args().output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _stop_cleanly)
    started = time.monotonic()
    demo = Demo(output)
    print("Countersign: a reviewed release, and evidence that checks out without the server")
    try:
        run(demo)
    except (Surprise, ServiceError) as error:
        demo.expect(False, str(error))
    print(f"\n{time.monotonic() - started:.0f} s.", end=" ")
    if demo.failures:
        print(f"{demo.failures} expectation(s) DID NOT HOLD.")
        return 1
    print("Everything went as expected.")
    print(f"The packages and the public key are in {_shown(output)}; verify one again by hand:")
    print(
        f"  {_shown(Path(sys.executable), resolve=False)} manage.py verify_package "
        f"{_shown(demo.packages['press_notice'])} --key {_shown(demo.key_path)}"
    )
    return 0


def run(demo: Demo) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="countersign-demo-") as directory,
        temporary_database(os.environ.get("DATABASE_URL", "")) as database_url,
    ):
        database = "PostgreSQL, a database of its own" if database_url else "SQLite"
        print(f"\nA fresh installation in a temporary directory: {database}; web and worker as processes of their own.")
        print("The stages run the EMBEDDED agent: rules over the content inspection. NO LANGUAGE MODEL takes part.")
        with LocalService(Path(directory), database_url, environment={"REGISTRATION_OPEN": "true"}) as service:
            operator = Countersign(service.url, service.create_api_key("operator@countersign.example", "operator"))
            print(f"  web and worker answer at {service.url}; an operator has an API key.")
            release_leaflet(demo, operator)
            release_notice_with_sign_off(demo, operator, make_officer(service))
            try_to_release_letter(demo, operator)
            change_policy(demo, service)
            hand_out_public_key(demo, service)
        print("The server is stopped; its database and its keys are gone.")
    verify_packages(demo)
    tamper(demo)


def make_officer(service: LocalService) -> Countersign:
    """An approver who chose a password of their own: signing asks for it again."""
    email = "officer@countersign.example"
    Countersign(service.url).post("/auth/register", {"email": email, "password": OFFICER_PASSWORD}).expect(201)
    return Countersign(service.url, service.create_api_key(email, "approver"))


def release_leaflet(demo: Demo, operator: Countersign) -> None:
    print("\n1. A patient leaflet under the policy hipaa: a reviewer approves it, and exactly it is released")
    text = _read_text("patient_leaflet")
    workflow = submit(operator, "Leaflet", "hipaa", text)
    workflow = operator.wait_for_workflow(workflow["id"])
    show_stages(workflow)
    package = demo.save_package("patient_leaflet", operator.get(f"/workflows/{workflow['id']}/export"))
    demo.expect(workflow["status"] == "completed", "the workflow is completed")
    demo.expect(workflow["verdict"] == "compliant", "its verdict is compliant")
    expect_release_of(demo, package, text)


def release_notice_with_sign_off(demo: Demo, operator: Countersign, officer: Countersign) -> None:
    print("\n2. A press notice under the policy sox: a person has to sign, and not the one who asked")
    text = _read_text("press_notice")
    workflow = submit(operator, "Press notice", "sox", text)
    workflow = operator.wait_for_workflow(workflow["id"], {"awaiting_sign_off"})
    show_stages(workflow)
    execution_id = stages_by_id(workflow)["release"]["execution_id"]
    execution = operator.get(f"/executions/{execution_id}").expect(200)
    demo.expect(execution["status"] == "waiting", "the release waits for a sign-off; a waiting one holds no worker")
    waiting = [
        entry
        for entry in officer.get("/releases/pending").expect(200)["results"]
        if entry["execution_id"] == execution_id
    ]
    demo.expect(len(waiting) == 1, "the officer finds it among the pending releases")
    read = officer.get(f"/workflows/{workflow['id']}").expect(200)
    digest = _digest(stages_by_id(read)["review"]["document"])
    signature = {
        "decision": "approve",
        "artifact_sha256": digest,
        "meaning": "Approval for release",
        "reason": "Read in full; it says nothing about results.",
        "password": OFFICER_PASSWORD,
    }
    address = f"/releases/{execution_id}/sign-off"
    demo.expect(operator.post(address, signature).status == 403, "the operator who asked for it may not sign (403)")
    stale = officer.post(address, {**signature, "artifact_sha256": _digest("some other text")})
    demo.expect(stale.status == 409, "a signature over another digest is refused (409)")
    signed = officer.post(address, signature).expect(201)
    print(f"        signed by {signed['signer']} over sha256 {digest[:12]}…")
    workflow = operator.wait_for_workflow(workflow["id"])
    show_stages(workflow)
    demo.expect(workflow["status"] == "completed", "with the signature the workflow is completed")
    package = demo.save_package("press_notice", operator.get(f"/workflows/{workflow['id']}/export"))
    expect_release_of(demo, package, text)


def try_to_release_letter(demo: Demo, operator: Countersign) -> None:
    print("\n3. A discharge letter that names a patient: the reviewer rejects it, and nothing goes out")
    text = _read_text("discharge_letter")
    workflow = submit(operator, "Discharge letter", "hipaa", text)
    workflow = operator.wait_for_workflow(workflow["id"], {"blocked"})
    show_stages(workflow)
    stages = stages_by_id(workflow)
    review, release = stages["review"], stages["release"]
    demo.expect(
        (review["status"], review["verdict"]) == ("completed", "non_compliant"),
        "the reviewer has done its job: completed, with the verdict non_compliant",
    )
    demo.expect(
        release["status"] == "blocked" and release["reason"]["code"] == "upstream_not_compliant",
        "the release is blocked: upstream_not_compliant",
    )
    answer = operator.get(f"/workflows/{workflow['id']}/export")
    package = demo.save_package("discharge_letter", answer)
    demo.expect(package["lineage"] == [], "nothing was released; the refusal is evidence too")
    demo.expect(
        b"Lindqvist" not in answer.raw and b"4471902" not in answer.raw, "the package masks name and record number"
    )


def change_policy(demo: Demo, service: LocalService) -> None:
    print("\n4. The policy hipaa is changed: drafted by one person, tried on what happened, published by another")
    author = Countersign(service.url, service.create_api_key("author@countersign.example", "policy_author"))
    approver = Countersign(service.url, service.create_api_key("chief@countersign.example", "approver"))
    (in_force,) = author.get("/compliance/policies?name=hipaa&status=published").expect(200)["results"]
    document = author.get(f"/compliance/policies/{in_force['digest']}").expect(200)["document"]
    document["version"] += 1
    document["patterns"] = [{"type": "dosage", "category": "phi", "pattern": r"\b[0-9]+ mg\b"}]
    document["content"].append({"types": ["dosage"], "action": "block_release"})
    draft = author.post("/compliance/policies", {"document": document}).expect(201)
    address = f"/compliance/policies/{draft['digest']}"
    differences = author.get(f"{address}/diff?against={in_force['digest']}").expect(200)["changes"]
    demo.expect({change["effect"] for change in differences} == {"", "stricter"}, "what it changes is all stricter")
    demo.expect(author.post(f"{address}/publish", {}).status == 403, "whoever drafted it may not publish it (403)")
    replay = service.manage("policy", "replay", draft["digest"], "--since", "2000-01-01")
    print("".join(f"        {line}\n" for line in replay.splitlines()), end="")
    demo.expect("dosage" in replay, "replayed, it would have kept the leaflet back, and says by which finding")
    approver.post(f"{address}/publish", {}).expect(200)
    presets = {preset["key"]: preset for preset in author.get("/compliance/presets").expect(200)}
    demo.expect(presets["hipaa"]["digest"] == draft["digest"], "published by another person, it is in force")


def hand_out_public_key(demo: Demo, service: LocalService) -> None:
    """Write out the public key on the machine that signs: a package that brings its own key proves nothing by it."""
    signing_key = load_pem_private_key((service.var_dir / "keys" / "signing.pem").read_bytes(), password=None)
    demo.key_path.write_bytes(signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    print(f"\nThe public key is handed out by the machine that signs, not by a package: {_shown(demo.key_path)}")


def submit(operator: Countersign, name: str, policy: str, text: str) -> Any:
    """Ask for a review of the text and its release."""
    shared = {"compliance_policy": policy, "provider": "embedded"}
    review = {"id": "review", "name": "Review", "stage_role": "reviewer", "document": text}
    release = {"id": "release", "name": "Release", "stage_role": "release", "upstream_stage_ids": ["review"]}
    body = {
        "name": name,
        "stages": [
            {**review, "task": "Approve it only if it may go out.", **shared},
            {**release, "task": "Release what the reviewer approved.", **shared},
        ],
    }
    workflow = operator.post("/workflows", body).expect(201)
    print(f"  POST /api/v1/workflows: 201, workflow {workflow['id']}")
    return workflow


def show_stages(workflow: Mapping[str, Any]) -> None:
    for stage in workflow["stages"]:
        reason = f"  ({stage['reason']['code']}: {stage['reason']['detail']})" if stage["reason"] else ""
        print(f"        {stage['id']:<8} {stage['status']:<17} {stage['verdict'] or '-'}{reason}")


def expect_release_of(demo: Demo, package: Mapping[str, Any], text: str) -> None:
    """Expect that the package's one release rests on the reviewer's certificate over exactly this text."""
    digest = _digest(text)
    (release,) = package["lineage"]
    (review,) = release["rests_on"]
    demo.expect(
        review["stage_id"] == "review" and review["artifact_sha256"] == digest,
        f"the release was admitted because of the review's certificate {review['certificate_sha256'][:12]}…",
    )
    released = package["stages"][1]["compliance_package"]["execution_summary"]["approved_artifact"]
    demo.expect(
        released["sha256"] == digest and released["text"] == text and released["approved_for_release"],
        f"what went out is the approved text, byte for byte: sha256 {digest[:12]}…, {len(text.encode())} bytes",
    )


def verify_packages(demo: Demo) -> None:
    print("\n5. An auditor verifies the packages with the public key alone: no server, no database, no secret")
    for name, path in demo.packages.items():
        done = verify(demo, path)
        said = (done.stdout + done.stderr).splitlines()
        # The whole report once; of the others its last line.
        shown = said if name == "patient_leaflet" or done.returncode else said[-1:]
        print("".join(f"        {line}\n" for line in shown), end="")
        demo.expect(done.returncode == 0, f"{path.name} verifies")


def tamper(demo: Demo) -> None:
    print("\n6. One byte of the released leaflet is changed: 10 mg becomes 90 mg")
    package = json.loads(demo.packages["patient_leaflet"].read_bytes())
    artifact = package["stages"][1]["execution"]["artifact"]
    artifact["text"] = artifact["text"].replace("10 mg", "90 mg", 1)
    path = demo.output / "patient_leaflet.tampered.json"
    path.write_text(json.dumps(package))
    done = verify(demo, path)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    print("".join(f"        {line}\n" for line in failed), end="")
    demo.expect(done.returncode == 1, "verification fails")
    demo.expect(any("stages[1].execution.artifact" in line for line in failed), "and says where")


def verify(demo: Demo, path: Path) -> subprocess.CompletedProcess[str]:
    """Run verify_package as somebody would who has the code, the package and the public key, and nothing else."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    # Below a regular file no directory can be made, whoever asks.
    environment["VAR_DIR"] = str(demo.key_path / "unreachable")
    command = [sys.executable, "manage.py", "verify_package", str(path), "--key", str(demo.key_path)]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


def _read_text(name: str) -> str:
    return (TEXTS / f"{name}.txt").read_bytes().decode()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _shown(path: Path, *, resolve: bool = True) -> str:
    """The path as one would type it in the repository."""
    path = path.resolve() if resolve else path
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


def _stop_cleanly(_number: int, _frame: object) -> NoReturn:
    """Let SIGTERM unwind the context managers, which stop the processes."""
    sys.exit(143)


if __name__ == "__main__":
    sys.exit(main())
