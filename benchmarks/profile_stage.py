"""Where the time of one stage goes: `python -m benchmarks.profile_stage --provider openai --count 200`.

Drains a backlog through a worker, and prints what each stage costs each kind of process in CPU, and the database in
transactions. Then another one through one event loop in a process of its own: what the loop's thread uses, and each
function that the stages have the database's threads run. `--functions` adds the functions of the loop's thread or
of the database's, by cProfile, which slows them down.
"""

import argparse
import os
import sys

from benchmarks.backlog import drain
from benchmarks.installation import installation
from benchmarks.requests import PROVIDERS
from tests.find_postgresql import DEFAULT_URL


def main() -> int:
    parser = argparse.ArgumentParser(description="Where the time of one stage goes.")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--provider", choices=PROVIDERS, default="openai")
    parser.add_argument("--count", type=int, default=200, help="workflows of three stages")
    parser.add_argument("--processes", type=int, default=max(2, os.cpu_count() or 2))
    parser.add_argument("--functions", choices=("loop", "database"), help="which threads' functions cProfile sums")
    options = parser.parse_args()
    url = (os.environ.get("TEST_DATABASE_URL") or DEFAULT_URL) if options.database == "postgresql" else ""
    with installation(url, processes=options.processes) as place:
        found = drain(place, options.count, options.provider, 3, memory=True)
        print(f"{found.stages} stages, {options.provider}, {options.processes} worker processes: {found.rate:.1f} /s")
        print(f"  {'wall-clock, from start to end of a stage, median':<52}{found.median_duration:8.1f} ms")
        for group, usage in found.usage.items():
            print(f"  {f'CPU of {group}, per stage':<52}{found.cpu_per_stage(group):8.2f} ms")
            for pid, used in sorted(usage.cpu.items(), key=lambda item: -item[1]):
                if used / usage.cpu_total > 0.01:
                    print(f"    {f'process {pid}':<50}{used * 1000 / found.stages:8.2f} ms")
        if place.url:
            print(f"  {'transactions per stage':<52}{found.commits / found.stages:8.1f}")
            print(f"  {'write-ahead log per stage':<52}{found.wal_bytes / found.stages / 1000:8.1f} kB")
        place.fill(options.count, options.provider, 3)
        print(
            place.run("benchmarks.profile_loop", *(["--functions", options.functions] if options.functions else [])),
            end="",
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
