"""How long a caller waits, and how soon a stage starts when nothing else runs."""

import http.client
import json
import time
import urllib.parse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.figures import print_latency, time_calls
from benchmarks.floors import Statements, measure_statements
from benchmarks.installation import Installation, installation
from benchmarks.requests import one_stage_body, workflow_body

EMAIL = "bench@countersign.example"
API = "/api/v1"
_MANY = 8
_CLAIM_COMMITS = 1
_BEGIN_COMMITS = 2


class Caller:
    """One client on a connection that it keeps open."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._headers = {"Content-Type": "application/json", **headers}
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def call(self, method: str, path: str, body: object = None) -> bytes:
        """Return the answer's body. Raises SystemExit where it is an error."""
        sent = None if body is None else json.dumps(body).encode()
        try:
            self._connection.request(method, path, sent, self._headers)
            answer = self._connection.getresponse()
        except (http.client.HTTPException, ConnectionError):
            # The server may close a connection that was idle.
            self._connection.close()
            self._connection.request(method, path, sent, self._headers)
            answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path} was answered {answer.status}: {raw[:300]!r}")
        return raw


def open_caller(place: Installation, key: str) -> Caller:
    return Caller(place.service.url, {"Authorization": f"Bearer {key}"})


def count_statements(place: Installation, email: str, *workflow_ids: str) -> dict[str, Any]:
    """Return what `benchmarks.request_cost` counts."""
    found: dict[str, Any] = json.loads(place.run("benchmarks.request_cost", email, *workflow_ids))
    return found


def measure_latency(server_url: str, processes: int, sizes: Mapping[str, int]) -> None:
    """Print the latency of POST with one client and with several, without a worker; then of an idle start."""
    with installation(server_url, processes=processes) as place:
        place.service.start_web()
        place.service.wait_until_answering()
        key = place.service.create_api_key(EMAIL, "operator")
        floor = measure_statements(place)
        cost = count_statements(place, EMAIL)["POST"]
        _measure_posts(place, key, sizes, floor, cost)
    with installation(server_url, processes=processes) as place:
        place.service.start_web()
        place.service.start_worker()
        place.service.wait_until_serving()
        key = place.service.create_api_key(EMAIL, "operator")
        _measure_start(place, key, sizes, floor, cost)


def _measure_posts(
    place: Installation, key: str, sizes: Mapping[str, int], floor: Statements, cost: Mapping[str, int]
) -> None:
    print(f"Web; no worker runs. POST sends {cost['statements']} statements in {cost['commits']} commits")
    body = workflow_body("embedded")

    def post_many(count: int) -> list[float]:
        caller = open_caller(place, key)
        return time_calls(lambda: caller.call("POST", f"{API}/workflows", body), count)

    post_many(sizes["posts"] // 2 + 1)
    least = floor.floor(cost["commits"], cost["statements"])
    runs = [post_many(sizes["posts"]) for _ in range(sizes["rounds"])]
    print_latency("POST /workflows, 3 stages, 1 client", runs, least)
    runs = []
    for _ in range(sizes["rounds"]):
        with ThreadPoolExecutor(_MANY) as threads:
            each = threads.map(post_many, [max(2, sizes["posts"] // 2)] * _MANY)
            runs.append([duration for one in each for duration in one])
    print_latency(f"POST /workflows, 3 stages, {_MANY} clients", runs, least)


def _measure_start(
    place: Installation, key: str, sizes: Mapping[str, int], floor: Statements, cost: Mapping[str, int]
) -> None:
    """One workflow of one stage at a time: each starts when the one before has ended and all is idle."""
    print("Web and worker, idle; one workflow of one stage at a time, its model answers at once")
    caller, body = open_caller(place, key), one_stage_body("openai")
    caller.call("POST", f"{API}/workflows", body)
    place.wait_until_drained()
    runs: dict[str, list[list[float]]] = {"sent": [], "answered": [], "asked": []}
    for _ in range(sizes["rounds"]):
        for samples in runs.values():
            samples.append([])
        for _ in range(sizes["starts"]):
            sent = time.time()
            caller.call("POST", f"{API}/workflows", body)
            back = time.time()
            place.wait_until_drained()
            started = place.stage_times(0)[-1][0]
            asked = place.stub.read_traffic().arrivals[-1]
            for name, seconds in (("sent", started - sent), ("answered", started - back), ("asked", asked - sent)):
                runs[name][-1].append(seconds * 1000)
    print_latency("POST answered to the stage's start", runs["answered"], floor.floor(_CLAIM_COMMITS, 0))
    posted = cost["commits"]
    print_latency(
        "POST sent to the stage's start", runs["sent"], floor.floor(posted + _CLAIM_COMMITS, cost["statements"])
    )
    print_latency(
        "POST sent to the model's first request",
        runs["asked"],
        floor.floor(posted + _CLAIM_COMMITS + _BEGIN_COMMITS, cost["statements"]),
    )
