"""Lists over few and over very many workflows, and the export of a long one."""

import json
import statistics
from collections.abc import Mapping

from benchmarks.figures import Floor, print_latency, time_calls
from benchmarks.floors import measure_statements
from benchmarks.installation import installation
from benchmarks.latency import API, EMAIL, Caller, count_statements, open_caller
from benchmarks.requests import ADMIN_LIST, twelve_stage_body

# Half of all seeded workflows are this account's; see benchmarks/seed.py.
OWNER = "owner0@countersign.example"

Runs = list[list[float]]


def measure_lists(server_url: str, processes: int, sizes: Mapping[str, int]) -> None:
    """Print the latency of the first pages over few and over many workflows, and the ratio of the two."""
    del processes
    few = _measure_lists(server_url, sizes["few"], sizes, {})
    _measure_lists(server_url, sizes["many"], sizes, few)


def _measure_lists(server_url: str, count: int, sizes: Mapping[str, int], few: Mapping[str, Floor]) -> dict[str, Floor]:
    """Print and return the medians over `count` workflows, held also against those of fewer, where given."""
    with installation(server_url, processes=1) as place:
        print(place.run("benchmarks.seed", str(count)).strip().splitlines()[-1])
        key = place.service.create_api_key(OWNER, "operator")
        cost, floor = count_statements(place, OWNER), measure_statements(place)
        place.service.start_web()
        place.service.wait_until_answering()
        api = open_caller(place, key)
        desk = Caller(place.service.url, {"Cookie": f"sessionid={cost['session']}"})
        calls = {
            "list": (f"GET /workflows, first page of {count:,}", lambda: api.call("GET", f"{API}/workflows")),
            "admin": (f"the admin's list, first page of {count:,}", lambda: desk.call("GET", ADMIN_LIST)),
        }
        medians = {}
        for kind, (name, call) in calls.items():
            time_calls(call, sizes["reads"] // 2 + 2)
            runs = [time_calls(call, sizes["reads"]) for _ in range(sizes["rounds"])]
            statements, commits = cost[kind]["statements"], cost[kind]["commits"]
            print_latency(f"{name}, {statements} statements", runs, floor.floor(commits, statements))
            if kind in few:
                print_latency(f"  {name}, against fewer", runs, few[kind])
            medians[kind] = Floor(statistics.median(statistics.median(run) for run in runs), f"of {count:,}")
    return medians


def measure_export(server_url: str, processes: int, sizes: Mapping[str, int]) -> None:
    """Print the latency of the export of a workflow of twelve stages."""
    with installation(server_url, processes=processes) as place:
        place.service.start_web()
        place.service.start_worker()
        place.service.wait_until_serving()
        key = place.service.create_api_key(EMAIL, "operator")
        api = open_caller(place, key)
        workflow_id = json.loads(api.call("POST", f"{API}/workflows", twelve_stage_body("openai")))["id"]
        place.wait_until_drained()
        path = f"{API}/workflows/{workflow_id}/export"
        size = len(api.call("GET", path))
        cost, floor = count_statements(place, EMAIL, workflow_id)["export"], measure_statements(place)
        runs: Runs = [time_calls(lambda: api.call("GET", path), sizes["reads"]) for _ in range(sizes["rounds"])]
        print_latency(f"export of 12 stages, {size // 1000} kB", runs, floor.floor(cost["commits"], cost["statements"]))
