"""What the documentation says is so: its commands run, its links lead somewhere, its tables leave nothing out."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.countersign_client import Countersign
from examples.local_service import REPOSITORY, LocalService
from workflows.models import ExecutionStatus, StageStatus, WorkflowStatus
from workflows.reasons import ReasonCode

DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
TUTORIAL = DOCS / "tutorial" / "first-reviewed-release.md"
PAGES = [README, REPOSITORY / "CHANGELOG.md", REPOSITORY / "examples" / "README.md", *sorted(DOCS.rglob("*.md"))]

OFFICER_PASSWORD = "a password of the officer's own"

_WALK = re.compile(r"<!-- walk -->\n```sh\n(.*?)```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.fixture
def workplace(live_service: LocalService, tmp_path: Path) -> Path:
    """A directory that looks like the repository to the commands, with the live service's `var`."""
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    (tmp_path / "manage.py").symlink_to(REPOSITORY / "manage.py")
    (tmp_path / "var").symlink_to(live_service.var_dir)
    return tmp_path


@pytest.fixture(scope="session")
def officer_key(live_service: LocalService) -> str:
    """An API key of an approver whose password is OFFICER_PASSWORD."""
    email = "officer@countersign.example"
    Countersign(live_service.url).post("/auth/register", {"email": email, "password": OFFICER_PASSWORD}).expect(201)
    return live_service.create_api_key(email, "approver")


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, TUTORIAL], ids=["readme", "tutorial"])
def test_the_commands_of_the_page_run_as_written(
    page: Path, workplace: Path, live_service: LocalService, operator_key: str, officer_key: str
) -> None:
    for program in ("curl", "openssl", "bash"):
        if shutil.which(program) is None:
            pytest.skip(f"NEEDS {program.upper()}: the page's commands were not run")
    steps = _WALK.findall(page.read_text())
    assert len(steps) >= 3
    script = "set -euo pipefail\n" + "\n".join(steps).replace("http://127.0.0.1:8000", live_service.url)
    keys = {"OPERATOR_KEY": operator_key, "OFFICER_KEY": officer_key, "OFFICER_PASSWORD": OFFICER_PASSWORD}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=workplace,
        env={**live_service.environment, **keys},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("VERIFIED"), done.stdout
    _assert_members_are_documented(json.loads((workplace / "package.json").read_bytes()))


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target, fragment in _LINK.findall(page.read_text()):
            if target.startswith(("http:", "https:")):
                continue
            goal = (page.parent / target).resolve() if target else page
            if not goal.exists() or (fragment and fragment[1:] not in _anchors(goal)):
                broken.append(f"{page.relative_to(REPOSITORY)}: {target}{fragment}")
    assert broken == []


def test_every_environment_variable_is_in_the_reference() -> None:
    reference = (DOCS / "reference" / "settings.md").read_text()
    sources = [REPOSITORY / "config" / name for name in ("settings.py", "gunicorn.py")]
    sources += (REPOSITORY / "workflows" / "agents" / "providers").glob("*.py")
    found = set()
    for source in sources:
        text = source.read_text()
        found.update(re.findall(r"\benv\.\w+\(\s*\"([A-Z_]+)\"", text))
        found.update(re.findall(r"\benviron(?:\.get\(|\[)\s*\"([A-Z_]+)\"", text))
        found.update(re.findall(r"_variable=\"([A-Z_]+)\"", text))
    assert {"DATABASE_URL", "BIND", "OPENAI_API_KEY"} <= found
    assert sorted(name for name in found if f"`{name}`" not in reference) == []


def test_every_status_and_reason_is_in_the_reference() -> None:
    reference = (DOCS / "reference" / "statuses-and-reasons.md").read_text()
    names = {*ReasonCode.values, *WorkflowStatus.values, *StageStatus.values, *ExecutionStatus.values}
    assert sorted(name for name in names if f"`{name}`" not in reference) == []


def _assert_members_are_documented(package: dict[str, Any]) -> None:
    reference = (DOCS / "reference" / "certificates.md").read_text()
    names: set[str] = set()
    for certificate in package["certificates"]:
        statement = json.loads(base64.b64decode(certificate["payload"]))
        assert f"`{statement['predicateType']}`" in reference
        names.update(_member_names(statement["predicate"]))
    assert sorted(name for name in names if f"`{name}`" not in reference) == []


def _member_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _member_names(member)
    elif isinstance(value, list):
        for entry in value:
            yield from _member_names(entry)


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_pictures_are_there() -> None:
    named = set(re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text()))
    assert named
    assert [name for name in named if os.path.getsize(README.parent / name) < 1000] == []
