"""Take the documentation's picture anew, of a release that really waits for its sign-off. `make screenshots`

Needs Debian's `chromium`, or the browser that CHROMIUM names.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from examples.countersign_client import Countersign, Surprise, stages_by_id
from examples.local_service import REPOSITORY, LocalService

IMAGES = REPOSITORY / "docs" / "images"
TEXTS = REPOSITORY / "examples" / "texts"
OFFICER = "dana@countersign.example"
PASSWORD = "of an installation that lives for seconds"  # noqa: S105


def main() -> int:
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        print("Chromium is missing: apt-get install chromium, or name one in CHROMIUM.", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="countersign-screenshots-") as directory,
        LocalService(Path(directory), environment={"REGISTRATION_OPEN": "true"}) as service,
        sync_playwright() as playwright,
    ):
        waiting = seed(service)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1040, "height": 640})
        page.add_init_script("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
        sign_in(page, service.url)
        take(page, f"{service.url}/admin/workflows/execution/{waiting}/sign-off/", "sign_off.png")
        browser.close()
    return 0


def seed(service: LocalService) -> str:
    """Have a press notice reviewed under sox, and return the execution that waits for a sign-off."""
    operator = Countersign(service.url, service.create_api_key("lee@countersign.example", "operator"))
    Countersign(service.url).post("/auth/register", {"email": OFFICER, "password": PASSWORD}).expect(201)
    service.create_api_key(OFFICER, "approver")
    shared = {"compliance_policy": "sox", "provider": "embedded"}
    notice = (TEXTS / "press_notice.txt").read_text()
    review = {"id": "review", "name": "Review", "task": "Review.", "stage_role": "reviewer", "document": notice}
    release = {"id": "release", "name": "Release", "task": "Release.", "stage_role": "release"}
    stages = [{**review, **shared}, {**release, **shared, "upstream_stage_ids": ["review"]}]
    body = {"name": "Press notice, training workshop", "stages": stages}
    workflow = operator.post("/workflows", body).expect(201)
    waiting = operator.wait_for_workflow(workflow["id"], {"awaiting_sign_off"})
    return str(stages_by_id(waiting)["release"]["execution_id"])


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/")
    page.fill("#id_username", OFFICER)
    page.fill("#id_password", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_selector("#user-tools")


def take(page: Page, address: str, name: str) -> None:
    """Photograph a whole page. Raises Surprise when the server answers with an error."""
    response = page.goto(address)
    if response is None or not response.ok:
        raise Surprise(f"{address} answered {response and response.status}")
    IMAGES.mkdir(exist_ok=True)
    page.screenshot(path=IMAGES / name, full_page=True)
    print(f"docs/images/{name}")


if __name__ == "__main__":
    sys.exit(main())
