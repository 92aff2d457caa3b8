"""Stages per second, and many stages that wait for a slow model at one time."""

import math
import statistics
from collections.abc import Mapping

from benchmarks.backlog import Drain, drain, hold
from benchmarks.figures import Floor, print_runs
from benchmarks.floors import BareLoops, count_commits, measure_statements, run_bare_loops
from benchmarks.installation import installation
from benchmarks.requests import PROVIDERS

SLOW_SECONDS = 2.0
_CONCURRENCY = 16
_NEVER_SECONDS = 3600.0
# One owner alone may not have all the slots of a process.
_OWNERS = 4
_MEGABYTE = 1_000_000


def measure_stages(server_url: str, processes: int, sizes: Mapping[str, int]) -> None:
    """Print stages per second with a model that answers at once, by provider, with what they cost."""
    print(f"Three-stage workflows, queued before {processes} worker processes start; web does not run")
    with installation(server_url, processes=processes) as place:
        commits, statements = count_commits(place, 5)
        floor = measure_statements(place)
        print(f"  a stage makes {commits:.1f} commits and sends {statements:.0f} statements")
        for provider in PROVIDERS:
            drains = [drain(place, sizes["workflows"], provider, 3) for _ in range(sizes["rounds"])]
            rates = [found.rate for found in drains]
            if provider == "embedded":
                print_runs(f"stages per second, {provider}", rates, "/s")
            else:
                url = place.stub.base_url(provider)
                bare = run_bare_loops(url, provider, processes, sizes["runs"], _CONCURRENCY)
                print_runs(f"stages per second, {provider}", rates, "/s", Floor(bare.rate, "bare loops at once"))
                _print_cost(provider, drains, bare)
            print_runs(
                f"  the same against its commits alone, {provider}",
                rates,
                "/s",
                Floor(floor.commit_rate / commits, f"{commits:.1f} commits a stage, plain driver"),
            )


def _print_cost(provider: str, drains: list[Drain], bare: BareLoops) -> None:
    """Print the CPU of a stage: of the workers, and with the database's processes."""
    worker = [found.cpu_per_stage("worker") for found in drains]
    together = [used + found.cpu_per_stage("database") for used, found in zip(worker, drains, strict=True)]
    floor = Floor(bare.cpu, "a bare run's CPU")
    print_runs(f"  CPU per stage, workers, {provider}", worker, "ms", floor)
    print_runs(f"  CPU per stage, workers and database, {provider}", together, "ms", floor)


def measure_waiting(server_url: str, processes: int, sizes: Mapping[str, int]) -> None:
    """Print wall time and memory of many two-stage workflows with a model that takes its time."""
    count, slots = sizes["waiting"], sizes["slots"]
    environment = {"SLOTS_PER_PROCESS": str(slots)}
    print(f"{count} two-stage workflows, the model takes {SLOW_SECONDS:.0f} s, {processes} processes of {slots} slots")
    with installation(server_url, processes=processes, delay=SLOW_SECONDS, environment=environment) as place:
        drains = [drain(place, count, "openai", 2, owners=_OWNERS, memory=True) for _ in range(sizes["rounds"])]
        bare = run_bare_loops(
            place.stub.base_url("openai"), "openai", processes, math.ceil(2 * count / processes), slots
        )
    _print_waiting(drains, bare, count, processes, slots)


def _print_waiting(drains: list[Drain], bare: BareLoops, count: int, processes: int, slots: int) -> None:
    seconds = [found.seconds for found in drains]
    ideal = 2 * SLOW_SECONDS * math.ceil(count / (processes * slots))
    used = statistics.median(found.cpu_per_stage("worker") + found.cpu_per_stage("database") for found in drains)
    print_runs("wall time, first start to last end", seconds, "s", Floor(ideal, "what the slots allow"))
    print_runs("  the same against bare loops", seconds, "s", Floor(2 * count / bare.rate, "the same model calls"))
    print_runs("  the same against its CPU", seconds, "s", Floor(2 * count * used / 1000 / processes, "CPU over cores"))
    print_runs("model calls open at one time, at most", [float(found.most_open) for found in drains], "")
    workers = [found.usage["worker"] for found in drains]
    print_runs("peak memory of all worker processes together (PSS)", [one.peak / _MEGABYTE for one in workers], "MB")
    each = [size / _MEGABYTE for one in workers for size in one.largest(processes)]
    print_runs("  of each process that runs stages", each, "MB")


def measure_holding(server_url: str, processes: int, sizes: Mapping[str, int]) -> None:
    """Print how many stages each process holds while their model does not answer, and the memory that takes."""
    slots, count = sizes["slots"], sizes["waiting"] * 5 // 4
    wanted = min(count, processes * slots)
    environment = {"SLOTS_PER_PROCESS": str(slots), "DRAIN_SECONDS": "1"}
    print(f"{count} workflows, the model does not answer, {processes} processes of {slots} slots")
    open_calls, held, memory, each = [], [], [], []
    for _ in range(sizes["rounds"]):
        with installation(server_url, processes=processes, delay=_NEVER_SECONDS, environment=environment) as place:
            found, leases = hold(place, count, _OWNERS)
            open_calls.append(float(place.stub.read_traffic().most_open))
            held += [float(count) for count in leases]
            memory.append(found.peak / _MEGABYTE)
            each += [size / _MEGABYTE for size in found.largest(processes)]
    print_runs("model calls open at one time, at most", open_calls, "", Floor(float(wanted), "slots or workflows"))
    print_runs("  stages that wait in each process", held, "")
    print_runs("  memory of all worker processes together (PSS)", memory, "MB")
    print_runs("  of each process that runs stages", each, "MB")
