"""A reviewer and a release against a running server: what is let through, and what is not.

    COUNTERSIGN_API_KEY=cs_... python examples/07_multi_agent_reviewed_release.py

Environment: COUNTERSIGN_API_KEY, a key of an operator; COUNTERSIGN_URL, default http://127.0.0.1:8000;
COUNTERSIGN_PROVIDER, default embedded, the rule-based agent without a language model; COUNTERSIGN_PUBLIC_KEY, a PEM
file with the installation's public key (without it the key is taken from the package itself, which shows that the
package is whole, and not whose it is). Ends with status 0 when everything went as expected, else with 1.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

from countersign_client import Countersign, Surprise, stages_by_id

REPOSITORY = Path(__file__).resolve().parent.parent
NOTICE = "The workshop opens its doors on the first Saturday of each month. Visitors are welcome.\n"
NOTICE_WITH_PATIENT = "Patient: Maria Lindqvist, MRN: 4471902, went home in good health.\n"
PROVIDER = os.environ.get("COUNTERSIGN_PROVIDER", "embedded")


def main() -> int:
    key = os.environ.get("COUNTERSIGN_API_KEY", "")
    if not key:
        print("COUNTERSIGN_API_KEY is not set: make one with `manage.py create_api_key --email YOU --role operator`.")
        return 1
    url = os.environ.get("COUNTERSIGN_URL", "http://127.0.0.1:8000")
    client = Countersign(url, key)
    try:
        workflow_id = review_then_release(client)
        refuse_release_without_reviewer(client)
        block_release_of_rejected_text(client)
        export_and_verify(client, workflow_id)
    except URLError as error:
        print(f"{url} does not answer ({error.reason}): start it with `make serve`, or set COUNTERSIGN_URL.")
        return 1
    except Surprise as surprise:
        print(f"SURPRISE: {surprise}")
        return 1
    print("Everything went as expected.")
    return 0


def review_then_release(client: Countersign) -> str:
    """The reviewer approves a text, and the release stage releases exactly that."""
    print("1. A reviewer, then a release")
    workflow = client.post("/workflows", {"name": "Notice", "stages": [review(NOTICE), release("review")]}).expect(201)
    workflow = client.wait_for_workflow(workflow["id"], {"completed"})
    show(workflow)
    execution = client.get(f"/executions/{stages_by_id(workflow)['release']['execution_id']}").expect(200)
    check(execution["artifact_sha256"] == digest(NOTICE), "the released artifact is the text that was reviewed")
    return str(workflow["id"])


def refuse_release_without_reviewer(client: Countersign) -> None:
    """A release that names no reviewer is refused at the request, before anything runs."""
    print("2. A release without a reviewer")
    worker = {"id": "write", "name": "Write", "task": "Write a notice.", "provider": PROVIDER}
    answer = client.post("/workflows", {"name": "No review", "stages": [worker, release("write")]})
    answer.expect(400)
    print(f"   400 {answer.body['detail']}")
    check("stages.1.upstream_stage_ids" in answer.body["errors"], "the answer names the field")


def block_release_of_rejected_text(client: Countersign) -> None:
    """A rejected text blocks its release. The reviewer's stage is completed: rejecting was its job."""
    print("3. A reviewer that rejects")
    body = {"name": "Letter", "stages": [review(NOTICE_WITH_PATIENT), release("review")]}
    workflow = client.post("/workflows", body).expect(201)
    workflow = client.wait_for_workflow(workflow["id"], {"blocked"})
    show(workflow)
    stages = stages_by_id(workflow)
    check(stages["review"]["status"] == "completed", "the review is completed")
    check(stages["review"]["verdict"] == "non_compliant", "its verdict is non_compliant")
    check(stages["release"]["reason"]["code"] == "upstream_not_compliant", "the release is blocked because of it")


def export_and_verify(client: Countersign, workflow_id: str) -> None:
    """The audit package, checked by a command that asks neither the server nor a database."""
    print("4. The audit package")
    answer = client.get(f"/workflows/{workflow_id}/export")
    package = answer.expect(200)
    with tempfile.TemporaryDirectory(prefix="countersign-example-") as directory:
        path, key_path = Path(directory, "package.json"), Path(directory, "key.pem")
        path.write_bytes(answer.raw)
        key_path.write_text(package["keys"][-1]["public_key"])
        trusted = os.environ.get("COUNTERSIGN_PUBLIC_KEY") or str(key_path)
        command = [sys.executable, "manage.py", "verify_package", str(path), "--key", trusted]
        done = subprocess.run(command, cwd=REPOSITORY, env={}, capture_output=True, text=True, check=False)  # noqa: S603
    print("\n".join(f"   {line}" for line in (done.stdout + done.stderr).splitlines()))
    check(done.returncode == 0, "the package verifies with the public key")


def review(text: str) -> dict[str, Any]:
    return {
        "id": "review",
        "name": "Review",
        "task": "Approve the text only if it may be published.",
        "stage_role": "reviewer",
        "compliance_policy": "hipaa",
        "provider": PROVIDER,
        "document": text,
    }


def release(upstream: str) -> dict[str, Any]:
    return {
        "id": "release",
        "name": "Release",
        "task": "Release what was approved.",
        "stage_role": "release",
        "compliance_policy": "hipaa",
        "provider": PROVIDER,
        "upstream_stage_ids": [upstream],
    }


def show(workflow: Mapping[str, Any]) -> None:
    print(f"   workflow {workflow['id']}: {workflow['status']}")
    for stage in workflow["stages"]:
        reason = f"  {stage['reason']['code']}" if stage["reason"] else ""
        print(f"   {stage['id']:<8} {stage['status']:<10} {stage['verdict'] or '-'}{reason}")


def check(holds: bool, expectation: str) -> None:
    """Raise Surprise when an expectation does not hold."""
    if not holds:
        raise Surprise(f"expected: {expectation}")
    print(f"   ok: {expectation}")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
