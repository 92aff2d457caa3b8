"""A client of the REST API in the standard library alone, as the examples use it."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 30
ENDS = frozenset({"completed", "blocked", "failed", "cancelled"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Surprise(Exception):
    """The server did something else than expected; the message says what."""


@dataclass(frozen=True)
class Answer:
    """An answer of the API. `body` is the decoded JSON, `raw` its bytes."""

    status: int
    body: Any
    raw: bytes

    def expect(self, status: int) -> Any:
        """Return the body. Raises Surprise when the status is another one."""
        if self.status != status:
            raise Surprise(f"expected HTTP {status}, got {self.status}: {self.raw[:600].decode(errors='replace')}")
        return self.body


class Countersign:
    """One server, called with one API key. `url` is the server's, without `/api/v1`."""

    def __init__(self, url: str, api_key: str = "") -> None:
        self._base = f"{url.rstrip('/')}/api/v1"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        local = urllib.parse.urlsplit(url).hostname in _LOOPBACK
        # A proxy of the environment knows nothing of this machine's loopback.
        proxies = [urllib.request.ProxyHandler({})] if local else []
        self._opener = urllib.request.build_opener(*proxies)

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request. An error status is an answer like any other; a server that is away raises URLError."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", **self._headers, **(headers or {})}
        if data is not None:
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(self._base + path, data, sent, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                status, raw = response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, raw = error.code, error.read()
        return Answer(status, _decode(raw), raw)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: object) -> Answer:
        return self.call("POST", path, body)

    def wait_for_workflow(self, workflow_id: str, statuses: Collection[str] = ENDS, seconds: float = 60) -> Any:
        """Return the workflow once its status is one of `statuses`.

        Raises Surprise when it ends otherwise, and after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while True:
            workflow = self.get(f"/workflows/{workflow_id}").expect(200)
            if workflow["status"] in statuses:
                return workflow
            if workflow["status"] in ENDS:
                raise Surprise(f"the workflow ended {workflow['status']}: {workflow['reason']}")
            if time.monotonic() > deadline:
                raise Surprise(
                    f"the workflow is still {workflow['status']} after {seconds:.0f} s: is a worker running? "
                    "Start one with `manage.py worker`."
                )
            time.sleep(0.1)


def stages_by_id(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """The stages of a workflow record by their ids."""
    return {stage["id"]: stage for stage in workflow["stages"]}


def _decode(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
